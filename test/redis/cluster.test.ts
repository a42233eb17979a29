/** A Redis Cluster of six nodes, and the loss of one of them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { Cluster } from "ioredis"
import { afterAll, beforeAll } from "vitest"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import type { RedisServer } from "../support/redisServer.js"
import { conformance } from "../support/registryConformance.js"
import { callerOf, eventually, Lines, startClusterNode } from "../support/registryLive.js"
import { redisSubject } from "../support/registrySubject.js"

let servers: ReadonlyArray<RedisServer> = []

const nodes = () => servers.map(({ port }) => ({ host: "127.0.0.1", port }))

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 6_000; i++) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error("the cluster did not come about")
}

/** Every slot is served, and every replica follows. */
const healthy = async (): Promise<void> => {
  for (const server of servers) {
    await until(async () => {
      const info = await server.cli("CLUSTER", "INFO")
      const replication = await server.cli("INFO", "replication")
      return info.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384") &&
        (/connected_slaves:1\b/.test(replication) || replication.includes("master_link_status:up"))
    })
  }
}

beforeAll(async () => {
  servers = await Promise.all(Array.from({ length: 6 }, startClusterNode))
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  await servers[0]!.cli("--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes")
  await healthy()
})

afterAll(() => Promise.all(servers.map((server) => server.stop())))

/** The node that serves a scope. */
const ownerOf = async (key: string): Promise<RedisServer> => {
  const asked = servers.find(({ running }) => running)!
  const slot = Number(await asked.cli("CLUSTER", "KEYSLOT", key))
  const lines = (await asked.cli("CLUSTER", "NODES")).split("\n").filter((line) => /master(?!,fail)/.test(line))
  const line = lines.find((line) =>
    line.split(" ").slice(8).some((range) => {
      const [from, to = from] = range.split("-").map(Number)
      return slot >= from! && slot <= to!
    })
  )
  return servers.find(({ port }) => line?.includes(`:${port}@`) === true)!
}

describe("on a cluster", () => {
  let redis: Cluster
  beforeAll(() => {
    redis = new Cluster(nodes())
  })
  afterAll(() => redis.quit())

  conformance((onEmpty) =>
    redisSubject(redis, { _tag: "Cluster", nodes: nodes().slice(0, 2), natMap: undefined })(onEmpty)
  )

  it.scopedLive("a client of one's own may be given", () =>
    Effect.gen(function*() {
      const registry = yield* new Lines().capture(GroupRegistryRedis.makeClient(redis, { onEmpty: "trust" }))
      const caller = yield* callerOf(registry, servers[0]!)
      yield* caller.join("a#1")
      yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
    }))
})

describe("a node that dies", () => {
  it.scopedLive("[F32] is replaced: a new era, with news and work as before", () =>
    Effect.gen(function*() {
      const lines = new Lines()
      const registry = yield* lines.capture(
        GroupRegistryRedis.make({ cluster: { nodes: nodes() }, onEmpty: "trust", commandTimeout: 500 })
      )
      const caller = yield* callerOf(registry, servers[0]!)
      const heard: Array<number | undefined> = []
      yield* registry.onWake(caller.subject.scope, (log) => heard.push(log))
      yield* eventually(Effect.sync(() => heard.length), (length) => length === 1)
      yield* caller.join("a#1")
      yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
      yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))
      const owner = yield* Effect.promise(() => ownerOf(`{${caller.subject.scope}}`))
      const { era } = caller
      // Whatever comes of this test: the next one needs the whole cluster.
      yield* Effect.addFinalizer(() => Effect.promise(() => owner.restart()))
      yield* Effect.promise(() => owner.stop("SIGKILL"))
      const reply = yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      expect(Either.getOrThrow(reply)._tag).toBe("ERA")
      yield* caller.learn
      expect(caller.era).not.toBe(era)
      yield* eventually(caller.attempt("nodes", {}), Either.isRight)
      yield* caller.open("a#2")
      const from = caller.high
      yield* eventually(
        Effect.zipRight(caller.ok("update", { sid: "a#2", version: 9, record: "{}" }), Effect.succeed(heard)),
        (all) => all.some((log) => log !== undefined && log > from)
      )
      expect(lines.matching(/min-replicas/)).toHaveLength(1)
    }))

  it.scopedLive("that freezes is replaced, too", () =>
    Effect.gen(function*() {
      yield* Effect.promise(healthy)
      const timeouts = { commandTimeout: 500, connectTimeout: 500 }
      const registry = yield* new Lines().capture(
        GroupRegistryRedis.make({ cluster: { nodes: nodes() }, onEmpty: "trust", ...timeouts })
      )
      const caller = yield* callerOf(registry, servers[0]!)
      yield* caller.join("a#1")
      const owner = yield* Effect.promise(() => ownerOf(`{${caller.subject.scope}}`))
      yield* Effect.addFinalizer(() => Effect.sync(() => owner.kill("SIGCONT")))
      owner.kill("SIGSTOP")
      const reply = yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      expect(Either.getOrThrow(reply)._tag).toBe("ERA")
    }))
})
