/** The doctor on real servers: troubles that are planted there, one after the other, and a healthy scope. */
import { describe, expect, it } from "@effect/vitest"
import { type Clock, Duration, Effect, Either, Layer, Logger, Schema } from "effect"
import { Redis } from "ioredis"
import { afterAll, beforeAll } from "vitest"
import * as Child from "../../src/Child.js"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import { judge } from "../../src/internal/cli/doctor.js"
import type { OwnSettings } from "../../src/internal/cli/doctorFacts.js"
import { gather, scopesOf } from "../../src/internal/cli/doctorGather.js"
import { openRaw } from "../../src/internal/cli/rawRedis.js"
import { type RedisOptions, resolve } from "../../src/internal/redis/redisOptions.js"
import * as Pogo from "../../src/Pogo.js"
import type * as PogoConfig from "../../src/PogoConfig.js"
import { makeProxy } from "../process/support/proxy.js"
import { type RedisServer, startRedis } from "../support/redisServer.js"

let redis: RedisServer
/** Who changes the server: connected before it takes no more connections. */
let admin: Redis
let scopes = 0
const scopeName = () => `doctor-${++scopes}`

beforeAll(async () => {
  redis = await startRedis({ args: ["--appendonly", "yes"] })
  admin = new Redis(redis.url)
})

afterAll(async () => {
  admin.disconnect()
  await redis.stop("SIGKILL")
})

const usual: OwnSettings = {
  ttl: undefined,
  maxStep: undefined,
  commandTimeout: 2_000,
  margin: 7_000,
  heartbeat: 2_000
}

const settingsOf = (options: RedisOptions) => Either.getOrThrow(resolve(options))

const examine = (scope: string, options: RedisOptions = { url: redis.url }, own: OwnSettings = usual) =>
  Effect.scoped(Effect.gen(function*() {
    const raw = yield* openRaw(settingsOf({ commandTimeout: "10 seconds", ...options }))
    return judge(yield* gather(raw, { prefix: options.keyPrefix ?? "", scope }, () => own))
  }))

const codes = (...args: Parameters<typeof examine>) =>
  Effect.map(examine(...args), ({ troubles }) => troubles.map(({ code }) => code))

const Poller = Child.make("Poller", { payload: { text: Schema.String } })
const Ghost = Child.make("Ghost", { payload: {} })

const quietly = Logger.remove(Logger.defaultLogger)

/** A node of a scope, which lives as long as the test's scope. */
const node = (scope: string, options: PogoConfig.Options = {}) =>
  Effect.map(
    Layer.build(
      Poller.toLayer(() => Effect.never).pipe(
        Layer.provideMerge(Pogo.layer({ scope, ttl: "3 seconds", watchProcesses: false, ...options })),
        Layer.provide(GroupRegistryRedis.layer({ url: redis.url, onEmpty: "trust" })),
        Layer.provide(quietly)
      )
    ),
    (context) => <A, E>(effect: Effect.Effect<A, E, Pogo.Pogo>) => Effect.provide(effect, context)
  )

const cli = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.map(Effect.promise(() => admin.call(command, ...args)), String)

/** Changes a setting of the server for as long as an effect takes. */
const configured = <A, E, R>(name: string, value: string, usual: string, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(cli("CONFIG", "SET", name, value), () => effect, () => cli("CONFIG", "SET", name, usual))

const key = (scope: string, part: string) => `pogo1:{${scope}}:${part}`

/** Looks until the doctor finds exactly this: nodes take a moment to tell of themselves. */
const until = <A, E, R>(look: Effect.Effect<A, E, R>, expected: A) =>
  Effect.gen(function*() {
    for (let i = 0; i < 400; i++) {
      if (JSON.stringify(yield* look) === JSON.stringify(expected)) return
      yield* Effect.sleep("50 millis")
    }
    expect(yield* look).toEqual(expected)
  })

describe("a healthy scope", () => {
  it.scopedLive("has no trouble, and is left as it is", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      const a = yield* node(scope, { name: "a" })
      yield* node(scope, { name: "b" })
      yield* a(Pogo.startChild(Poller.spec("x", { text: "x" })))
      yield* a(Pogo.awaitChild("Poller/x"))
      const report = yield* examine(scope)
      expect(report).toMatchObject({ troubles: [], unseen: [], facts: { nodes: 2, children: 1 } })
      expect(report.facts.memory["specs"]).toBeGreaterThan(0)
    }))

  it.scopedLive("that does not exist has none either, and none is made", () =>
    Effect.gen(function*() {
      const before = yield* cli("INFO", "persistence")
      const scope = scopeName()
      expect(yield* codes(scope)).toEqual([])
      expect(yield* cli("KEYS", `*${scope}*`)).not.toContain(scope)
      const changes = /rdb_changes_since_last_save:(\d+)/
      expect(changes.exec(yield* cli("INFO", "persistence"))?.[1]).toBe(changes.exec(before)?.[1])
    }))

  it.scopedLive("is found by its name", () =>
    Effect.gen(function*() {
      const scope = "odd%{name}"
      yield* cli("HSET", "app:pogo1:{odd%37%123name%125}:meta", "layout", "1")
      const raw = yield* openRaw(settingsOf({ url: redis.url }))
      expect(yield* scopesOf(raw, "app:")).toContain(scope)
      yield* cli("DEL", "app:pogo1:{odd%37%123name%125}:meta")
    }))
})

describe("settings of the server", () => {
  for (
    const [code, name, value, back] of [
      ["eviction", "maxmemory-policy", "allkeys-lru", "noeviction"],
      ["no-aof", "appendonly", "no", "yes"],
      ["no-fsync", "appendfsync", "no", "everysec"],
      ["timeout", "timeout", "7", "0"],
      ["clients", "maxclients", "3", "10000"]
    ] as const
  ) {
    it.scopedLive(`${name} ${value}`, () =>
      Effect.gen(function*() {
        const raw = yield* openRaw(settingsOf({ url: redis.url }))
        yield* Effect.all([1, 2].map(() => openRaw(settingsOf({ url: redis.url }))))
        const found = Effect.map(
          gather(raw, { prefix: "", scope: "x" }, () => usual),
          (facts) => judge(facts).troubles.map((trouble) => trouble.code)
        )
        expect(yield* configured(name, value, back, found)).toEqual([code])
        expect(yield* found).toEqual([])
      }))
  }

  it.scopedLive("memory that is nearly used up, and what takes it", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      const a = yield* node(scope, { name: "a" })
      const text = "x".repeat(60_000)
      yield* a(Pogo.startChildren(Array.from({ length: 60 }, (_, i) => Poller.spec(`${i}`, { text }))))
      let troubles: ReadonlyArray<{ readonly code: string; readonly what: string }> = []
      const look = Effect.gen(function*() {
        // Read anew: a server frees buffers of connections some time after they were needed.
        const used = Number(/^used_memory:(\d+)/m.exec(yield* cli("INFO", "memory"))?.[1])
        const limit = Math.ceil(used * 1.1)
        troubles = (yield* configured("maxmemory", String(limit), "0", examine(scope))).troubles
        return troubles.map(({ code }) => code).sort()
      })
      yield* until(look, ["memory", "memory-full"])
      expect(troubles.find(({ code }) => code === "memory")?.what).toMatch(/^The specs of the scope take/)
    }))

  it.scopedLive("a replica, and a primary that does not wait for it", () =>
    Effect.gen(function*() {
      const replica = yield* Effect.acquireRelease(
        Effect.promise(() => startRedis({ args: ["--appendonly", "yes"] })),
        (server) => Effect.promise(() => server.stop("SIGKILL"))
      )
      yield* Effect.promise(() => replica.cli("REPLICAOF", "127.0.0.1", String(redis.port)))
      yield* until(codes("x"), ["min-replicas"])
      yield* until(codes("x", { url: replica.url }), ["replica"])
      const guarded = configured("min-replicas-to-write", "1", "0", codes("x"))
      expect(yield* guarded).toEqual([])
      yield* configured(
        "min-replicas-to-write",
        "1",
        "0",
        configured(
          "min-replicas-max-lag",
          "60",
          "10",
          Effect.map(codes("x"), (found) => expect(found).toEqual(["replica-lag"]))
        )
      )
    }))

  it.scopedLive("a user with too few rights; what he may not ask is said", () =>
    Effect.gen(function*() {
      const most =
        "+auth +hello +ping +quit +select +info +client|setname +subscribe +unsubscribe +eval +evalsha +time " +
        "+del +hget +hset +hdel +hlen +hmget +hexists +hscan +xadd +xlen +xrange +xrevrange +zadd +zrem +zcard +zscore " +
        "+zrange +zrangebyscore +zrevrange +zremrangebyrank"
      const user = (rights: string) =>
        cli("ACL", "SETUSER", "doc", "on", ">pw", "resetkeys", "~pogo1:*", "&pogo1:*", "-@all", ...rights.split(" "))
      const options = { url: redis.url, username: "doc", password: "pw" }
      yield* user(`${most} +publish`)
      const least = yield* examine("x", options)
      expect(least.troubles).toEqual([])
      expect(least.unseen.map(({ what }) => what)).toContain("the server's settings")
      yield* user(most.replace("+hset ", ""))
      const report = yield* examine("x", options)
      expect(report.troubles).toMatchObject([{ code: "acl" }])
      expect(report.troubles[0]?.what).toBe("This user may not use HSET, PUBLISH on the scope's keys")
    }))

  it.scopedLive("a way that is slow, and clocks that differ", () =>
    Effect.gen(function*() {
      const proxy = yield* Effect.acquireRelease(
        Effect.promise(() => makeProxy(redis.port)),
        ({ close }) => Effect.promise(close)
      )
      proxy.flow("down", () => 60)
      expect(yield* codes("x", { url: proxy.url }, { ...usual, commandTimeout: 200 })).toEqual(["round-trip"])
      const clock = yield* Effect.clock
      const ahead: Clock.Clock = {
        ...clock,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + 9_000)
      }
      const shifted = yield* Effect.withClock(examine("x"), Object.assign(Object.create(clock), ahead))
      expect(shifted.troubles).toMatchObject([{
        code: "clock",
        what: "The server's clock is 9 s behind this machine's"
      }])
    }))
})

describe("a scope", () => {
  it.scopedLive("with keys that are not ours, or of another type", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      yield* cli("SET", key(scope, "junk"), "x")
      const junk = yield* examine(scope)
      expect(junk.troubles).toMatchObject([{ code: "foreign-keys", severity: "warning" }])
      yield* cli("SET", key(scope, "state"), "x")
      const wrong = yield* examine(scope)
      expect(wrong.troubles).toMatchObject([{ code: "foreign-keys", severity: "error" }])
    }))

  it.scopedLive("of another layout", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      yield* cli("HSET", key(scope, "layout"), "layout", "2")
      yield* cli("HSET", `pogo2:{${scope}}:spec`, "a/b", "x")
      expect(yield* codes(scope)).toEqual(["layout"])
    }))

  it.scopedLive("with a record that cannot be read, kinds that nobody has, and labels that nobody has", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      const a = yield* node(scope, { name: "a", labels: { zone: "a" } })
      yield* a(Pogo.startChildren([
        Ghost.spec("x", {}),
        Poller.spec("x", { text: "" }, { requires: { gpu: "a100" } }),
        Poller.spec("y", { text: "" })
      ]))
      yield* cli("HSET", key(scope, "spec"), "Poller/junk", "junk")
      const { troubles } = yield* examine(scope)
      expect(troubles).toMatchObject([
        { code: "unknown-kinds", what: "No live node has the kind Ghost of 1 child" },
        { code: "unplaced", what: "No node can take 1 child: no node has the labels gpu=a100" },
        { code: "unreadable", what: "Records cannot be read: Poller/junk" }
      ])
    }))

  it.scopedLive("whose nodes are closed, with a directive for nobody, and then without nodes", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      yield* Effect.scoped(Effect.gen(function*() {
        const a = yield* node(scope, { name: "a" })
        yield* a(Pogo.startChild(Poller.spec("x", { text: "" })))
        yield* a(Pogo.cordonNode("a"))
        yield* a(Pogo.drainNode("nobody"))
        expect(yield* codes(scope)).toEqual(["no-room", "stray-directives"])
      }))
      expect(yield* codes(scope)).toEqual(["no-nodes"])
    }))

  it.scopedLive("with two nodes of a name, lists that differ, and another ttl than here", () =>
    Effect.gen(function*() {
      const scope = scopeName()
      const listed = (key: string) => Pogo.exactly([Poller.spec(key, { text: "" })])
      yield* node(scope, { name: "twin", children: listed("x") })
      yield* node(scope, { name: "twin", children: listed("y") })
      const own = { ...usual, ttl: Duration.toMillis("15 seconds") }
      yield* until(codes(scope, undefined, own), ["ttl", "duplicate-names", "lists-differ"])
    }))
})
