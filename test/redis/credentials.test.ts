/** Credentials that are asked for at every connection: rotated passwords, tokens that end, other users. */
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Either, Redacted } from "effect"
import type * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import type { RegistryUnavailable } from "../../src/PogoError.js"
import type { RedisServer } from "../support/redisServer.js"
import type { Caller } from "../support/registryCaller.js"
import { eventually, Lines, live, pause, server, startClusterNode } from "../support/registryLive.js"

const failure = <A>(result: Either.Either<A, RegistryUnavailable>): RegistryUnavailable | undefined =>
  Either.isLeft(result) ? result.left : undefined

const cli = (redis: RedisServer, ...args: Array<string>) => Effect.promise(() => redis.cli(...args))

/** Has the server want another password, and ends all connections. */
const rotate = (redis: RedisServer, old: string, password: string) =>
  Effect.gen(function*() {
    const auth = old === "" ? [] : ["--no-auth-warning", "-a", old]
    yield* cli(redis, ...auth, "CONFIG", "SET", "requirepass", password)
    for (const type of ["normal", "pubsub"]) {
      yield* cli(redis, "--no-auth-warning", "-a", password, "CLIENT", "KILL", "TYPE", type)
    }
  })

const works = (caller: Caller) =>
  Effect.all([
    eventually(caller.attempt("tick", { sid: "" }), Either.isRight),
    eventually(caller.attempt("nodes", {}), Either.isRight)
  ])

type Source = (current: () => string) => GroupRegistryRedis.SecretSource

const sources: ReadonlyArray<readonly [string, Source]> = [
  ["an Effect of a text", (current) => Effect.sync(current)],
  ["an Effect of a redacted text", (current) => Effect.sync(() => Redacted.make(current()))],
  ["an Effect that takes a moment", (current) => Effect.delay(Effect.sync(current), "20 millis")],
  ["a function", (current) => current],
  ["a function that gives a promise", (current) => async () => Redacted.make(current())],
  ["a function that gives an Effect", (current) => () => Effect.sync(current)]
]

describe("a password", () => {
  for (const [what, source] of sources) {
    it.scopedLive(`that is ${what} is asked for anew at every connection`, () =>
      Effect.gen(function*() {
        const redis = yield* server({ args: ["--requirepass", "f1rst"] })
        let current = "f1rst"
        let asked = 0
        const lines = new Lines()
        const caller = yield* live(redis, {
          password: source(() => {
            asked++
            return current
          })
        }, lines)
        const heard: Array<number | undefined> = []
        yield* caller.subject.registry.onWake(caller.subject.scope, (log) => heard.push(log))
        yield* works(caller)
        yield* eventually(Effect.sync(() => heard.length), (n) => n >= 1)
        const before = asked
        expect(before).toBeGreaterThan(0)
        current = "s3cond&word"
        yield* rotate(redis, "f1rst", current)
        yield* works(caller)
        expect(asked).toBeGreaterThan(before)
        yield* eventually(Effect.sync(() => heard.length), (n) => n >= 2)
        // Nothing shows the one or the other.
        expect(JSON.stringify(lines.all)).not.toMatch(/f1rst|s3cond/)
      }))
  }

  it.scopedLive("that becomes known only after the server has it is found in the end", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--requirepass", "f1rst"] })
      let current = "f1rst"
      const caller = yield* live(redis, { password: () => current })
      yield* works(caller)
      yield* rotate(redis, "f1rst", "s3cond")
      const refused = yield* eventually(
        caller.attempt("nodes", {}),
        (result) => /password/.test(failure(result)?.detail ?? "")
      )
      expect(failure(refused)).toMatchObject({ reason: "Disconnected", sent: false })
      current = "s3cond"
      yield* works(caller)
    }))

  it.scopedLive("may be a Config, read anew each time", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--requirepass", "f1rst"] })
      let current = "f1rst"
      const provider = { load: <A>() => Effect.succeed(Redacted.make(current) as A) }
      const caller = yield* live(redis, { password: Config.redacted("PASSWORD") }).pipe(
        Effect.withConfigProvider({ ...ConfigProvider.fromMap(new Map()), ...provider })
      )
      yield* works(caller)
      current = "s3cond"
      yield* rotate(redis, "f1rst", "s3cond")
      yield* works(caller)
    }))

  const troubles: ReadonlyArray<readonly [string, () => never | PromiseLike<string> | Effect.Effect<string, unknown>]> =
    [
      ["throws", () => {
        throw new Error("vault sealed")
      }],
      ["throws what cannot be shown", () => {
        throw {
          get message(): string {
            throw new Error("no")
          }
        }
      }],
      ["rejects", () => Promise.reject(new Error("vault sealed"))],
      ["fails", () => Effect.fail("vault sealed")],
      ["dies", () => Effect.die(new Error("vault sealed"))],
      ["never answers", () => Effect.never],
      ["gives no text", () => Effect.succeed(5 as unknown as string)]
    ]
  for (const [what, trouble] of troubles) {
    it.scopedLive(`whose source ${what} is told as the reason, and asked for again`, () =>
      Effect.gen(function*() {
        const redis = yield* server({ args: ["--requirepass", "f1rst"] })
        let isWell = false
        const password = () => isWell ? Effect.succeed("f1rst") : trouble() as Effect.Effect<string>
        const caller = yield* live(redis, { password, connectTimeout: 200 })
        const told = yield* eventually(
          caller.attempt("tick", { sid: "" }),
          (result) => /the option password gave/.test(failure(result)?.detail ?? "")
        )
        expect(failure(told)).toMatchObject({ reason: "Disconnected", sent: false })
        isWell = true
        yield* works(caller)
      }))
  }

  it.scopedLive("whose source does not answer does not keep the layer from closing", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--requirepass", "f1rst"] })
      yield* Effect.scoped(live(redis, { password: Effect.never, connectTimeout: 60_000 }))
      yield* pause(100)
      const list = yield* cli(redis, "--no-auth-warning", "-a", "f1rst", "CLIENT", "LIST")
      expect(list).not.toContain("effect-pogo")
    }))
})

describe("a user name", () => {
  it.scopedLive("is asked for as well", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const add = (name: string) => cli(redis, "ACL", "SETUSER", name, "on", `>${name}-pass`, "~*", "&*", "+@all")
      yield* add("blue")
      let name = "blue"
      const caller = yield* live(redis, {
        username: Effect.sync(() => name),
        password: () => Redacted.make(`${name}-pass`)
      })
      yield* works(caller)
      yield* add("green")
      name = "green"
      yield* cli(redis, "ACL", "DELUSER", "blue")
      yield* works(caller)
      const list = yield* cli(redis, "CLIENT", "LIST")
      expect(list).toMatch(/name=effect-pogo:work .*user=green/)
    }))
})

describe("a cluster", () => {
  it.scopedLive("is connected to again with the password of the moment", () =>
    Effect.gen(function*() {
      const redis = yield* Effect.acquireRelease(
        Effect.promise(() => startClusterNode()),
        (node) => Effect.promise(() => node.stop())
      )
      yield* cli(redis, "CONFIG", "SET", "cluster-announce-ip", "127.0.0.1")
      yield* cli(redis, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
      yield* eventually(cli(redis, "CLUSTER", "INFO"), (text) => text.includes("cluster_state:ok"))
      yield* cli(redis, "CONFIG", "SET", "requirepass", "f1rst")
      let current = "f1rst"
      const caller = yield* live(redis, {
        url: undefined,
        cluster: { nodes: [{ host: "127.0.0.1", port: redis.port }] },
        password: () => current
      })
      const heard: Array<number | undefined> = []
      yield* caller.subject.registry.onWake(caller.subject.scope, (log) => heard.push(log))
      yield* works(caller)
      yield* eventually(Effect.sync(() => heard.length), (n) => n >= 1)
      current = "s3cond"
      yield* rotate(redis, "f1rst", current)
      yield* works(caller)
      yield* eventually(Effect.sync(() => heard.length), (n) => n >= 2)
    }))
})
