/** A primary that is found through Sentinels, and its loss. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { afterAll, beforeAll } from "vitest"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import { type RedisServer, startRedis } from "../support/redisServer.js"
import { callerOf, eventually, Lines } from "../support/registryLive.js"

const password = "s3cret"

let primary: RedisServer
let replica: RedisServer
let sentinels: ReadonlyArray<RedisServer> = []

const startSentinel = (): Promise<RedisServer> =>
  startRedis({
    sentinel: true,
    config: [
      `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
      `sentinel auth-pass main ${password}`,
      "sentinel down-after-milliseconds main 1000",
      "sentinel failover-timeout main 5000",
      ""
    ].join("\n")
  })

beforeAll(async () => {
  const auth = ["--requirepass", password, "--masterauth", password]
  primary = await startRedis({ args: auth })
  replica = await startRedis({ args: [...auth, "--replicaof", "127.0.0.1", String(primary.port)] })
  sentinels = await Promise.all(Array.from({ length: 3 }, startSentinel))
  for (const sentinel of sentinels) {
    for (let i = 0; i < 6_000; i++) {
      const known = await sentinel.cli("SENTINEL", "MASTER", "main")
      if (/num-slaves\n1\n[\s\S]*num-other-sentinels\n2\n/.test(known)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
})

afterAll(() => Promise.all([primary, replica, ...sentinels].map((server) => server.stop())))

describe("behind Sentinel", () => {
  it.scopedLive("[F29] a lost primary is replaced: a new era, with news and work as before", () =>
    Effect.gen(function*() {
      const lines = new Lines()
      const hosts = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }))
      const registry = yield* lines.capture(
        GroupRegistryRedis.make({
          sentinels: { name: "main", hosts },
          password: Effect.sync(() => password),
          onEmpty: "trust",
          commandTimeout: 500
        })
      )
      const caller = yield* callerOf(registry, sentinels[0]!)
      const heard: Array<number | undefined> = []
      yield* registry.onWake(caller.subject.scope, (log) => heard.push(log))
      yield* eventually(Effect.sync(() => heard.length), (length) => length === 1)
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))

      yield* Effect.promise(() => primary.stop("SIGKILL"))
      const reply = yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      expect(Either.getOrThrow(reply)._tag).toBe("ERA")
      yield* caller.learn
      yield* eventually(caller.attempt("nodes", {}), Either.isRight)

      const claims = [{ id: "k/1", token, generation }]
      expect(yield* caller.open("a#2", { mode: "reassert", claims })).toMatchObject({
        _tag: "OK",
        value: { refused: [] }
      })
      const from = caller.high
      yield* eventually(
        Effect.zipRight(caller.ok("update", { sid: "a#2", version: 9, record: "{}" }), Effect.succeed(heard)),
        (all) => all.some((log) => log !== undefined && log > from)
      )
      expect(lines.matching(/min-replicas-to-write/)).toHaveLength(1)
      expect(lines.matching(/no connection/).length).toBeGreaterThan(0)
      expect(lines.all.join("\n")).not.toContain(password)
    }))
})
