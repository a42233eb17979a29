/** Servers that refuse: full memory, permissions, passwords; encryption; and what the layer advises. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import type { Args, CommandName } from "../../src/GroupRegistry.js"
import type { RegistryUnavailable } from "../../src/PogoError.js"
import { freePort } from "../support/redisServer.js"
import type { Caller } from "../support/registryCaller.js"
import { eventually, Lines, live, pause, server } from "../support/registryLive.js"
import { makeCertificates } from "../support/tls.js"

const failure = <A>(result: Either.Either<A, RegistryUnavailable>): RegistryUnavailable | undefined =>
  Either.isLeft(result) ? result.left : undefined

/** A child that runs on a#1, and the arguments of every command about it. */
const populate = (caller: Caller) =>
  Effect.gen(function*() {
    yield* caller.join("a#1")
    const ids = ["k/released", "k/ended", "k/reported", "k/deleted"]
    const stat = "1:running:0:1:0:"
    const children = yield* Effect.forEach(ids, (id) =>
      Effect.gen(function*() {
        const generation = yield* caller.create(id)
        return { id, generation, token: yield* caller.own("a#1", id, generation), stat, refused: "", op: "x" }
      }))
    const [released, ended, reported, deleted] = children.map((child) => [child])
    const more = { how: "ended" as const }
    const allowed = {
      tick: { sid: "a#1" },
      release: { sid: "a#1", items: released! },
      finish: { sid: "a#1", items: ended!.map((child) => ({ ...child, ...more })) },
      report: { sid: "a#1", items: reported! },
      del: { items: deleted! },
      update: { sid: "a#1", version: 9, record: "{}" },
      direct: { name: "a", what: "drain", op: "x", by: "b", reason: "", seen: 0 },
      changes: { cursor: caller.high - 1 },
      snap: { cursor: "" },
      nodes: {},
      close: { sid: "a#1" }
    } satisfies { readonly [K in CommandName]?: Args<K> }
    const refused = {
      open: { sid: "b#1", version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" },
      put: { mode: "ensure", items: [{ id: "k/new", op: "x", generation: 0, body: "{}" }] },
      merge: { facts: [{ id: "k/new", kind: "spec", value: "1|1|op|||{}" }] },
      claim: { sid: "a#1", items: released! }
    } satisfies { readonly [K in CommandName]?: Args<K> }
    return { allowed, refused }
  })

const attempts = (caller: Caller, commands: { readonly [K in CommandName]?: Args<K> }) =>
  Effect.forEach(
    Object.keys(commands) as ReadonlyArray<CommandName>,
    (name) => Effect.map(caller.attempt(name, commands[name] as never), (result) => [name, result] as const)
  )

describe("a server whose memory is full", () => {
  it.scopedLive("[F20] refuses what needs memory before anything was written, and runs the rest", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      const { allowed, refused } = yield* populate(caller)
      yield* Effect.promise(() => redis.cli("CONFIG", "SET", "maxmemory", "1"))
      const before = yield* caller.subject.hand.dump
      for (const [name, result] of yield* attempts(caller, refused)) {
        expect([name, failure(result)?.reason, failure(result)?.sent]).toEqual([name, "Refused", false])
        expect(failure(result)?.detail).toMatch(/OOM.*raise the limit/)
      }
      expect(yield* caller.subject.hand.dump).toEqual(before)
      for (const [name, result] of yield* attempts(caller, allowed)) {
        expect([name, Either.isRight(result) && result.right._tag]).toEqual([name, "OK"])
      }
      const { claim, tomb } = yield* caller.subject.hand.dump
      expect(claim).toHaveLength(2)
      expect(tomb).toHaveLength(2)
    }))
})

describe("a user", () => {
  const setUser = (redis: { readonly cli: (...args: Array<string>) => Promise<string> }, ...rules: Array<string>) =>
    Effect.promise(() => redis.cli("ACL", "SETUSER", "pogo", "reset", "on", ">s3cret&word", ...rules))

  const credentials = { username: "pogo", password: Redacted.make("s3cret&word") }

  const documented = [
    "~app:pogo1:*",
    "&app:pogo1:*",
    "+@connection",
    "+@hash",
    "+@sortedset",
    "+@stream",
    "+@scripting",
    "+del",
    "+publish",
    "+subscribe",
    "+unsubscribe",
    "+info",
    "+time"
  ]

  it.scopedLive("needs no more permissions than the error says", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented)
      const lines = new Lines()
      const caller = yield* live(redis, { ...credentials, keyPrefix: "app:" }, lines)
      const heard: Array<number | undefined> = []
      yield* caller.subject.registry.onWake(caller.subject.scope, (log) => heard.push(log))
      const { allowed, refused } = yield* populate(caller)
      for (const [name, result] of [...yield* attempts(caller, refused), ...yield* attempts(caller, allowed)]) {
        expect([name, Either.isRight(result) && result.right._tag]).toEqual([name, "OK"])
      }
      yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))
      expect(lines.matching(/WARN/)).toEqual([])
    }))

  it.scopedLive("[F55] who may not run scripts is told so", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented, "-@scripting")
      const caller = yield* live(redis, { ...credentials, keyPrefix: "app:" })
      const error = failure(yield* caller.attempt("tick", { sid: "" }))
      expect(error).toMatchObject({ reason: "Refused", sent: false })
      expect(error?.detail).toContain("NOPERM")
      for (const rule of documented.slice(2)) expect(error?.detail).toContain(rule)
    }))

  it.scopedLive("who may not use these keys is told so", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented)
      const caller = yield* live(redis, { ...credentials, keyPrefix: "other:" })
      expect(failure(yield* caller.attempt("tick", { sid: "" }))).toMatchObject({ reason: "Refused", sent: false })
    }))

  it.scopedLive("who lacks a permission in the middle of a script leaves no harm once it is given", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented)
      const caller = yield* live(redis, { ...credentials, keyPrefix: "app:" })
      yield* populate(caller)
      yield* setUser(redis, ...documented, "-hset")
      const put = { mode: "ensure", items: [{ id: "k/x", op: "x", generation: 0, body: "{}" }] } as const
      const error = failure(yield* caller.attempt("put", put))
      expect(error).toMatchObject({ reason: "Refused", sent: true })
      expect(error?.detail).toMatch(/PARTIAL/)
      yield* setUser(redis, ...documented)
      yield* caller.learn
      yield* caller.join("c#1")
      expect((yield* caller.ok("tick", { sid: "c#1" })).value.claims).toBe(0)
    }))

  it.scopedLive("who may not subscribe is told so, and everything else works", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented, "resetchannels")
      const lines = new Lines()
      const caller = yield* live(redis, { ...credentials, keyPrefix: "app:" }, lines)
      yield* caller.subject.registry.onWake(caller.subject.scope, () => {})
      yield* populate(caller)
      yield* eventually(Effect.sync(() => lines.matching(/WARN .*subscribe/).length), (n) => n === 1)
    }))

  it.scopedLive("who may not use the database is told so, and touches no other", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented, "-select")
      for (const options of [{ ...credentials, keyPrefix: "app:", db: 3 }, { keyPrefix: "app:", db: 99 }]) {
        const lines = new Lines()
        const caller = yield* live(redis, options, lines)
        const put = { mode: "ensure", items: [{ id: "k/x", op: "x", generation: 0, body: "{}" }] } as const
        for (let attempt = 0; attempt < 5; attempt++) {
          expect(failure(yield* caller.attempt("tick", { sid: "" }))).toMatchObject({ reason: "Disconnected" })
          const error = failure(yield* caller.attempt("put", put))
          expect(error).toMatchObject({ reason: "Disconnected", sent: false })
          expect(error?.detail).toMatch(/NOPERM|out of range/)
          yield* pause(100)
        }
        expect(lines.matching(/INFO .*connected/)).toEqual([])
        expect(lines.matching(/WARN/)).toHaveLength(1)
      }
      expect(yield* Effect.promise(() => redis.cli("DBSIZE"))).toContain("0")
    }))

  it.scopedLive("with a wrong password is told so, and no secret is", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented)
      const lines = new Lines()
      const caller = yield* live(redis, { username: "pogo", password: "wr0ng&word" }, lines)
      const error = failure(yield* caller.attempt("tick", { sid: "" }))
      expect(error).toMatchObject({ reason: "Disconnected", sent: false })
      expect(error?.detail).toContain("WRONGPASS")
      yield* pause(300)
      expect(lines.matching(/WRONGPASS/)).toHaveLength(1)
      expect(JSON.stringify([lines.all, error, String(error)])).not.toMatch(/wr0ng/)
    }))

  it.scopedLive("may be named in the url", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* setUser(redis, ...documented)
      const url = Redacted.make(`redis://pogo:${encodeURIComponent("s3cret&word")}@127.0.0.1:${redis.port}`)
      const caller = yield* live(redis, { url, keyPrefix: "app:" })
      yield* populate(caller)
      expect(caller.subject.registry.description).toBe(`redis://127.0.0.1:${redis.port}/0`)
    }))

  it.scopedLive("with a password only is the default user", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--requirepass", "s3cret"] })
      const caller = yield* live(redis)
      expect(failure(yield* caller.attempt("tick", { sid: "" }))?.detail).toContain("NOAUTH")
      const known = yield* live(redis, { password: "s3cret" })
      expect((yield* known.attempt("tick", { sid: "" }))._tag).toBe("Right")
    }))
})

describe("encryption", () => {
  it.scopedLive("works with an authority of one's own, and checks the certificate", () =>
    Effect.gen(function*() {
      const certificates = yield* Effect.acquireRelease(
        Effect.sync(() => makeCertificates()),
        ({ remove }) => Effect.sync(remove)
      )
      const port = yield* Effect.promise(freePort)
      const redis = yield* server({ args: certificates.args(port) })
      const url = `rediss://127.0.0.1:${port}`
      const caller = yield* live(redis, { url, tls: { ca: certificates.ca } })
      yield* caller.join("a#1")
      expect(caller.subject.registry.description).toBe(`rediss://127.0.0.1:${port}/0`)
      const distrusting = yield* live(redis, { url })
      expect(failure(yield* distrusting.attempt("tick", { sid: "" }))?.detail).toMatch(/certificate/)
    }))
})

describe("the layer's advice", () => {
  it.scopedLive("[F19] is not to evict", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"] })
      const lines = new Lines()
      yield* live(redis, {}, lines)
      yield* eventually(Effect.sync(() => lines.matching(/WARN .*allkeys-lru.*noeviction/).length), (n) => n === 1)
    }))

  it.scopedLive("is to write with a replica only, where there are replicas", () =>
    Effect.gen(function*() {
      const primary = yield* server()
      const replica = yield* server({ args: ["--replicaof", "127.0.0.1", String(primary.port)] })
      const info = Effect.promise(() => replica.cli("INFO", "replication"))
      yield* eventually(info, (text) => text.includes("master_link_status:up"))
      const lines = new Lines()
      yield* live(primary, {}, lines)
      yield* eventually(Effect.sync(() => lines.matching(/WARN .*min-replicas-to-write/).length), (n) => n === 1)
      yield* Effect.promise(() => primary.cli("CONFIG", "SET", "min-replicas-to-write", "1"))
      // A replica counts once the primary has heard from it, which may be a second after the link is up.
      const counted = Effect.promise(() => primary.cli("INFO", "replication"))
      yield* eventually(counted, (text) => text.includes("min_slaves_good_slaves:1"))
      const silent = new Lines()
      const caller = yield* live(primary, {}, silent)
      yield* caller.join("a#1")
      yield* pause(200)
      expect(silent.matching(/WARN/)).toEqual([])
    }))

  it.scopedLive("[F27] a replica refuses, and the primary is looked for again", () =>
    Effect.gen(function*() {
      const primary = yield* server()
      const caller = yield* live(primary)
      yield* caller.join("a#1")
      yield* Effect.promise(() => primary.cli("REPLICAOF", "127.0.0.1", "1"))
      const error = failure(yield* caller.attempt("tick", { sid: "a#1" }))
      expect(error).toMatchObject({ reason: "Refused", sent: false })
      expect(error?.detail).toContain("READONLY")
      yield* Effect.promise(() => primary.cli("REPLICAOF", "NO", "ONE"))
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
    }))
})
