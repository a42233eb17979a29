/** Layers and their options. */
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Either, Layer, Redacted } from "effect"
import { Cluster, Redis } from "ioredis"
import { inject } from "vitest"
import { GroupRegistry } from "../../src/GroupRegistry.js"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import { describe as describePlace, resolve, secretsOf } from "../../src/internal/redis/redisOptions.js"
import { callerOf, eventually, Lines } from "../support/registryLive.js"
import { connect } from "../support/registryScripted.js"

const url = inject("redisUrl")

const settingOf = (options: GroupRegistryRedis.Options): string | undefined =>
  Either.match(resolve(options), { onLeft: (error) => error.setting, onRight: () => undefined })

const described = (options: GroupRegistryRedis.Options): string =>
  Either.match(resolve(options), { onLeft: (error) => error.message, onRight: describePlace })

const make = (options: GroupRegistryRedis.Options) =>
  new Lines().capture(GroupRegistryRedis.make({ url, onEmpty: "trust", ...options }))

describe("options", () => {
  it("name the server in one of several ways", () => {
    expect(described({})).toBe("redis://127.0.0.1:6379/0")
    expect(described({ host: "h", port: 7, db: 3 })).toBe("redis://h:7/3")
    expect(described({ host: "::1", tls: true })).toBe("rediss://[::1]:6379/0")
    expect(described({ path: "/tmp/redis.sock" })).toBe("unix:///tmp/redis.sock?db=0")
    expect(described({ url: "redis://u:p@h:7/3" })).toBe("redis://h:7/3")
    expect(described({ url: "redis://u:p@h:7/3", db: 4 })).toBe("redis://h:7/4")
    expect(described({ url: Redacted.make("rediss://[::1]") })).toBe("rediss://[::1]:6379/0")
    expect(described({ url: "unix:///tmp/redis.sock?db=2" })).toBe("unix:///tmp/redis.sock?db=2")
    expect(described({ url: "/tmp/redis.sock" })).toBe("unix:///tmp/redis.sock?db=0")
    expect(described({ sentinels: { name: "main", hosts: [{ host: "a" }, { host: "b", port: 1 }], password: "p" } }))
      .toBe("redis+sentinel://a:26379,b:1/main/0")
    expect(described({ cluster: { nodes: [{ host: "a" }, { host: "b", port: 1 }] } }))
      .toBe("redis+cluster://a:6379,b:1")
  })

  it("take credentials from the url, unless given on their own", () => {
    const credentials = (options: GroupRegistryRedis.Options) => {
      const { password, username } = Either.getOrThrow(resolve(options))
      return [username, password]
    }
    expect(credentials({ url: "redis://us%40er:p%2Fw@h" })).toEqual(["us@er", "p/w"])
    expect(credentials({ url: "redis://:pw@h", username: "me" })).toEqual(["me", "pw"])
    expect(credentials({ url: "redis://u:pw@h", password: Redacted.make("other") })).toEqual(["u", "other"])
    expect(credentials({ host: "h", password: "" })).toEqual([undefined, undefined])
  })

  it("that break a rule are refused by name", () => {
    const broken: ReadonlyArray<readonly [string, GroupRegistryRedis.Options]> = [
      ["url", { url: "" }],
      ["url", { url: "http://h" }],
      ["url", { url: "not a url" }],
      ["url", { url: "redis://h/name" }],
      ["url", { url: "redis://h?family=6" }],
      ["host", { host: "" }],
      ["host", { host: "a b" }],
      ["port", { port: 0 }],
      ["port", { host: "h", port: 65_536 }],
      ["path", { path: "" }],
      ["url, host", { url: "redis://h", host: "i" }],
      ["sentinels, cluster", { sentinels: { name: "n", hosts: [] }, cluster: { nodes: [] } }],
      ["sentinels.hosts", { sentinels: { name: "n", hosts: [] } }],
      ["sentinels.name", { sentinels: { name: "", hosts: [{ host: "h" }] } }],
      ["sentinels.hosts.host", { sentinels: { name: "n", hosts: [{ host: "" }] } }],
      ["cluster.nodes", { cluster: { nodes: [] } }],
      ["db", { db: -1 }],
      ["db", { db: 1, cluster: { nodes: [{ host: "h" }] } }],
      ["keyPrefix", { keyPrefix: "{x}" }],
      ["commandTimeout", { commandTimeout: 0 }],
      ["commandTimeout", { commandTimeout: Infinity }],
      ["connectTimeout", { connectTimeout: "nonsense" as never }],
      ["connectionName", { connectionName: "two words" }],
      ["onEmpty", { onEmpty: "hope" as never }]
    ]
    for (const [setting, options] of broken) {
      expect([settingOf(options), JSON.stringify(options)]).toEqual([setting, JSON.stringify(options)])
    }
  })

  it("that are no url say what is wrong with it", () => {
    const remedy = (url: string) =>
      Either.match(resolve({ url }), { onLeft: ({ remedy }) => remedy, onRight: () => "none" })
    expect(remedy("127.0.0.1:6379")).toContain("begin it with redis://")
    expect(remedy("redis://h:63790/0")).toBe("none")
    expect(remedy("redis://h:637900")).toContain("its port is above 65535")
    expect(remedy("redis://u:637900@h:637900/3")).toContain("its port is above 65535")
    expect(remedy("redis://u:p%@h:port")).not.toContain("above")
  })

  it("never show a secret", () => {
    for (const bad of ["redis://u:s3cret@h:port/0", "s3cret", "redis://u:s3cret@h/x", "redis://:s3cret@h?a=1"]) {
      expect(described({ url: bad })).not.toContain("s3cret")
    }
    expect(secretsOf(Either.getOrThrow(resolve({ url: "redis://:s%40cret@h" })))).toEqual(["s@cret", "s%40cret"])
  })

  it.effect("that break a rule fail the layer", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(GroupRegistryRedis.layer({ host: "" })).pipe(Effect.scoped))
      expect(error).toMatchObject({ _tag: "InvalidConfig", setting: "host" })
      const other = yield* Effect.flip(GroupRegistryRedis.makeClient({} as never).pipe(Effect.scoped))
      expect(other).toMatchObject({ _tag: "InvalidConfig", setting: "redis" })
    }))
})

describe("layerConfig", () => {
  const provider = (entries: Record<string, string>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))

  it.scopedLive("reads each option through Config", () =>
    Effect.gen(function*() {
      const layer = GroupRegistryRedis.layerConfig({
        url: Config.redacted("URL"),
        keyPrefix: Config.string("PREFIX"),
        commandTimeout: Config.duration("TIMEOUT"),
        onEmpty: Config.literal("settle", "trust")("EMPTY")
      })
      const registry = yield* Effect.map(Layer.build(layer), (context) => context.unsafeMap.get(GroupRegistry.key))
        .pipe(
          provider({ URL: url, PREFIX: "config:", TIMEOUT: "3 seconds", EMPTY: "trust" })
        ) as Effect.Effect<GroupRegistry["Type"]>
      const caller = yield* callerOf(registry, url, "config:")
      yield* caller.join("a#1")
      expect((yield* caller.subject.hand.dump).sess).toHaveLength(1)
    }))

  it.effect("tells what is missing", () =>
    Effect.gen(function*() {
      const layer = GroupRegistryRedis.layerConfig({ url: Config.redacted("URL") })
      const error = yield* Effect.flip(Layer.build(layer).pipe(Effect.scoped, provider({})))
      expect(JSON.stringify(error)).toContain("URL")
    }))

  it("takes nested options", () => {
    const layer: Layer.Layer<GroupRegistry, unknown> = GroupRegistryRedis.layerConfig({
      sentinels: {
        name: Config.succeed("main"),
        hosts: Config.succeed([{ host: "a" }]),
        password: Config.redacted("SENTINEL_PASSWORD")
      },
      password: Config.redacted("PASSWORD"),
      tls: Config.boolean("TLS")
    })
    expect(Layer.isLayer(layer)).toBe(true)
  })
})

describe("registries", () => {
  it.scopedLive("of other prefixes, scopes or databases share nothing", () =>
    Effect.gen(function*() {
      const registries = yield* Effect.all([
        make({}),
        make({ keyPrefix: "other:" }),
        make({ db: 1 })
      ])
      const first = yield* callerOf(registries[0], url)
      const { scope } = first.subject
      const heard: Array<readonly [number, number | undefined]> = []
      for (const [i, registry] of registries.entries()) {
        yield* registry.onWake(scope, (log) => heard.push([i, log]))
      }
      // A listener is called once when it is subscribed.
      yield* eventually(Effect.sync(() => heard.length), (length) => length === registries.length)
      heard.length = 0
      yield* first.join("a#1")
      yield* first.create("k/1")
      yield* eventually(Effect.succeed(heard), (all) => all.some(([, log]) => log === first.high))
      expect(new Set(heard.map(([i]) => i))).toEqual(new Set([0]))
      for (const registry of registries.slice(1)) {
        const members = yield* registry.members(scope, "nodes")
        expect(members).toEqual([])
      }
      const second = yield* callerOf(registries[0], url)
      yield* second.join("b#1")
      expect((yield* second.ok("nodes", {})).value.nodes.map(({ sid }) => sid)).toEqual(["b#1"])
      expect((yield* first.ok("nodes", {})).value.nodes.map(({ sid }) => sid)).toEqual(["a#1"])
    }))

  it.scopedLive("with two scopes listen to both on one connection", () =>
    Effect.gen(function*() {
      const registry = yield* make({ connectionName: "two-scopes" })
      const one = yield* callerOf(registry, url)
      const two = yield* callerOf(registry, url)
      const heard = new Map<string, number>()
      for (const { subject } of [one, two]) {
        yield* registry.onWake(subject.scope, (log) => void heard.set(subject.scope, log ?? 0))
      }
      yield* eventually(Effect.sync(() => heard.size), (size) => size === 2)
      for (const caller of [one, two]) {
        yield* caller.join("a#1")
        yield* eventually(Effect.sync(() => heard.get(caller.subject.scope)), (log) => log === caller.log)
      }
    }))
})

describe("layerClient", () => {
  const given = (redis: Redis | Cluster) =>
    Effect.acquireRelease(Effect.sync(() => redis), (redis) => Effect.sync(() => redis.disconnect()))

  it.scopedLive("reaches Redis as the client does, and leaves the client alone", () =>
    Effect.gen(function*() {
      const redis = yield* given(connect(url).duplicate({ keyPrefix: "mine:", db: 1, lazyConnect: true }))
      const scoped = yield* Effect.scoped(Effect.gen(function*() {
        const registry = yield* GroupRegistryRedis.makeClient(redis, { onEmpty: "trust", keyPrefix: "app:" })
        const caller = yield* callerOf(registry, url)
        const heard: Array<number | undefined> = []
        yield* registry.onWake(caller.subject.scope, (log) => heard.push(log))
        yield* eventually(Effect.sync(() => heard.length), (length) => length === 1)
        yield* caller.join("a#1")
        yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))
        expect(registry.description).toMatch(/\/1$|db=1$/)
        return caller.subject.scope
      }))
      expect(redis.status).toBe("wait")
      const keys = yield* Effect.promise(() => redis.keys(`*{${scoped}}*`))
      expect(keys.length).toBeGreaterThan(0)
      expect(keys.every((key) => key.startsWith("mine:app:pogo1:"))).toBe(true)
      expect(yield* Effect.promise(() => redis.ping())).toBe("PONG")
    }))

  it.scopedLive("takes over address and credentials of every kind of client", () =>
    Effect.gen(function*() {
      const sentinel = yield* given(
        new Redis({ sentinels: [{ host: "a", port: 1 }], name: "main", password: "s3cret", lazyConnect: true })
      )
      const cluster = yield* given(
        new Cluster([{ host: "a", port: 1 }], { redisOptions: { password: "s3cret", tls: {} }, lazyConnect: true })
      )
      const lines = new Lines()
      const descriptions = yield* Effect.forEach(
        [sentinel, cluster],
        (redis) => Effect.scoped(Effect.map(lines.capture(GroupRegistryRedis.makeClient(redis)), (r) => r.description)),
        { concurrency: 2 }
      )
      expect(descriptions).toEqual(["redis+sentinel://a:1/main/0", "rediss+cluster://a:1"])
      expect(lines.all.join("\n")).not.toContain("s3cret")
    }))
})
