/** Connections that come and go. Every test has a server of its own, and real time. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Exit, Scope } from "effect"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import { maxBatch } from "../../src/internal/registry/commands.js"
import type { RegistryUnavailable } from "../../src/PogoError.js"
import { callerOf, elapsed, eventually, Lines, live, pause, promptly, server } from "../support/registryLive.js"

const failure = <A>(result: Either.Either<A, RegistryUnavailable>): RegistryUnavailable | undefined =>
  Either.isLeft(result) ? result.left : undefined

describe("calls", () => {
  it.scopedLive("[F26] do not fail while the server's scripts are flushed again and again", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      yield* caller.join("a#1")
      const flushing = yield* Effect.fork(Effect.forever(Effect.promise(() => redis.cli("SCRIPT", "FLUSH"))))
      for (let i = 0; i < 300; i++) {
        yield* caller.ok("tick", { sid: "a#1" })
        yield* caller.own("a#1", `k/${i}`, yield* caller.create(`k/${i}`))
      }
      expect(flushing.unsafePoll()).toBeNull()
    }))

  it.scopedLive("[F23] work again soon after their connections were killed", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      yield* caller.join("a#1")
      const heard: Array<number | undefined> = []
      yield* caller.subject.registry.onWake(caller.subject.scope, (log) => heard.push(log))
      yield* eventually(Effect.sync(() => heard.length), (n) => n === 1)
      const bound = yield* promptly(2_000, Effect.scoped(Effect.flatMap(live(redis), (other) => other.join("b#1"))))
      for (const type of ["normal", "pubsub"]) yield* Effect.promise(() => redis.cli("CLIENT", "KILL", "TYPE", type))
      const again = yield* elapsed(eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight))
      expect(again.millis).toBeLessThan(bound)
      yield* eventually(Effect.succeed(heard), (all) => all.length >= 2)
      expect(heard.at(-1)).toBeUndefined()
      yield* eventually(caller.attempt("nodes", {}), Either.isRight)
      yield* caller.create("k/1")
      yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))
    }))

  it.scopedLive("fail at once without a connection, and say what to do", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      const bound = yield* promptly(250, caller.join("a#1"))
      yield* Effect.promise(() => redis.stop())
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isLeft)
      const { millis, value } = yield* elapsed(caller.attempt("put", { mode: "ensure", items: [] }))
      expect(millis).toBeLessThan(bound)
      expect(failure(value)).toMatchObject({ _tag: "RegistryUnavailable", reason: "Disconnected", sent: false })
      expect(failure(value)?.detail).toContain(`127.0.0.1:${redis.port}`)
      expect(failure(value)?.detail).toContain("is it running")
    }))

  it.scopedLive("that were under way when the server died may have had an effect", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      yield* caller.join("a#1")
      redis.kill("SIGSTOP")
      const calls = yield* Effect.fork(Effect.all([
        caller.attempt("tick", { sid: "a#1" }),
        caller.attempt("put", { mode: "ensure", items: [{ id: "k/1", op: "1", generation: 0, body: "{}" }] })
      ], { concurrency: "unbounded" }))
      yield* pause(100)
      redis.kill("SIGKILL")
      const [tick, put] = yield* calls
      expect(failure(tick)).toMatchObject({ reason: "Disconnected", sent: true })
      expect(failure(put)).toMatchObject({ reason: "Disconnected", sent: true })
    }))

  it.scopedLive("that are not answered in time may have had an effect", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      // How long it takes to connect, to be served, and to come to an end.
      const bound = yield* promptly(1_500, Effect.scoped(Effect.flatMap(live(redis), (other) => other.join("b#1"))))
      const caller = yield* live(redis, { commandTimeout: 300 })
      yield* eventually(caller.attempt("tick", { sid: "" }), Either.isRight)
      redis.kill("SIGSTOP")
      const { millis, value } = yield* elapsed(caller.attempt("tick", { sid: "a#1" }))
      expect(failure(value)).toMatchObject({ reason: "Timeout", sent: true })
      expect(millis).toBeGreaterThan(250)
      expect(millis).toBeLessThan(bound)
      redis.kill("SIGCONT")
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
    }))

  it.scopedLive("[F35] leave a connection on which nothing comes back any more", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const lines = new Lines()
      const caller = yield* live(redis, { commandTimeout: 200, connectTimeout: 200 }, lines)
      yield* eventually(caller.attempt("tick", { sid: "" }), Either.isRight)
      redis.kill("SIGSTOP")
      yield* caller.attempt("tick", { sid: "a#1" })
      const calls = eventually(caller.attempt("tick", { sid: "a#1" }), (r) => failure(r)?.reason === "Disconnected")
      yield* calls
      redis.kill("SIGCONT")
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      expect(lines.matching(/Socket timeout/).length).toBeLessThanOrEqual(1)
    }))

  it.scopedLive("of a server that is only starting to be reachable succeed as soon as it is", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const bound = yield* promptly(2_500, Effect.scoped(live(redis)))
      yield* Effect.promise(() => redis.stop())
      const lines = new Lines()
      const { millis, value: caller } = yield* elapsed(live(redis, {}, lines))
      expect(millis).toBeLessThan(bound)
      const result = yield* caller.attempt("tick", { sid: "" })
      expect(failure(result)).toMatchObject({ reason: "Disconnected", sent: false })
      expect(failure(result)?.detail).toContain("ECONNREFUSED")
      yield* eventually(Effect.sync(() => lines.matching(/^WARN no connection/).length), (n) => n > 0)
      // Some more attempts.
      yield* pause(1_500)
      expect(lines.matching(/^WARN no connection/).length).toBe(1)
      yield* Effect.promise(() => redis.restart())
      yield* eventually(caller.attempt("tick", { sid: "" }), Either.isRight)
      yield* eventually(Effect.sync(() => lines.matching(/^INFO connected .* again/).length), (n) => n === 1)
    }))
})

describe("an outage", () => {
  it.scopedLive("is told once, and so is its end", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const lines = new Lines()
      const caller = yield* live(redis, {}, lines)
      yield* caller.join("a#1")
      yield* Effect.promise(() => redis.stop())
      yield* eventually(Effect.sync(() => lines.matching(/^WARN/).length), (n) => n > 0)
      // Some more attempts.
      yield* pause(1_500)
      expect(lines.matching(/^WARN/)).toHaveLength(1)
      yield* Effect.promise(() => redis.restart())
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      yield* eventually(Effect.sync(() => lines.matching(/^INFO/).length), (n) => n === 1)
    }))

  it.scopedLive("of a server that lost its data is a new era", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const caller = yield* live(redis)
      yield* caller.join("a#1")
      yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
      yield* Effect.promise(() => redis.restart())
      yield* eventually(caller.attempt("tick", { sid: "a#1" }), Either.isRight)
      expect(yield* caller.tag("tick", { sid: "a#1" })).toBe("ERA")
    }))
})

describe("closing a layer", () => {
  const connections = (text: string) => text.split("\n").filter((line) => line.includes("name=closing")).length

  it.scopedLive("ends its connections, after what is under way", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const list = Effect.promise(() => redis.cli("CLIENT", "LIST"))
      const scope = yield* Scope.make()
      const bound = yield* promptly(1_000, Scope.extend(live(redis, { connectionName: "closing" }), scope))
      yield* eventually(list, (text) => connections(text) === 3)
      const { millis } = yield* elapsed(Scope.close(scope, Exit.void))
      expect(millis).toBeLessThan(bound)
      yield* eventually(list, (text) => connections(text) === 0)
    }))

  it.scopedLive("does not wait for a server that does not answer", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const lines = new Lines()
      const scope = yield* Scope.make()
      const bound = yield* promptly(2_000, Scope.extend(live(redis, {}, lines), scope))
      redis.kill("SIGSTOP")
      const { millis } = yield* elapsed(Scope.close(scope, Exit.void))
      expect(millis).toBeLessThan(bound)
      redis.kill("SIGCONT")
      yield* pause(200)
      expect(lines.matching(/^WARN/)).toEqual([])
    }))

  it.scopedLive("without a connection is immediate", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const bound = yield* promptly(500, Effect.scoped(live(redis)))
      const scope = yield* Scope.make()
      yield* Scope.extend(new Lines().capture(GroupRegistryRedis.make({ host: "127.0.0.1", port: 1 })), scope)
      const { millis } = yield* elapsed(Scope.close(scope, Exit.void))
      expect(millis).toBeLessThan(bound)
    }))
})

describe("renewals", () => {
  it.scopedLive("are not delayed by bulk work of the same layer", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      // On a busy machine the whole of it takes longer than a command may by default.
      const registry = yield* GroupRegistryRedis.make({
        url: redis.url,
        onEmpty: "trust",
        commandTimeout: "20 seconds"
      })
      const caller = yield* callerOf(registry, redis)
      yield* caller.join("a#1")
      const body = "x".repeat(20_000)
      let answered = 0
      const bulk = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        (n) =>
          Effect.suspend(() => {
            const items = Array.from(
              { length: maxBatch },
              (_, i) => ({ id: `k/${n}.${i}`, op: "1", generation: 0, body })
            )
            return Effect.tap(caller.ok("put", { mode: "ensure", items }), () => answered++)
          }),
        { concurrency: "unbounded" }
      ))
      // From the first answer on all the others are on their way.
      yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => answered > 0 })
      yield* caller.ok("tick", { sid: "a#1" })
      // Behind the bulk, on one connection, it would come after all twenty.
      expect(answered).toBeLessThan(10)
      yield* bulk
      expect(answered).toBe(20)
    }))
})
