/**
 * A child that asks `check`, as it should, fails as soon as its node's lease is in doubt. That is no fault of its own: its
 * policy does not hear of it, and it goes on as soon as a node may run it.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Schedule, Schema, TestClock } from "effect"
import { Child, GroupRegistry, Pogo, Restart } from "effect-pogo"
import { Observer } from "../../src/internal/supervisor/owner.js"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"

const policies = [
  ["permanent, without restarts", Restart.permanent(Schedule.recurs(0))],
  ["transient, without restarts", Restart.transient(Schedule.recurs(0))],
  ["temporary", Restart.temporary]
] as const

const Checker = Child.make("Checker", { payload: {} })

/** Asks before each deed, often; and counts its runs and deeds. */
const makeChecker = (restart: Restart.Restart, onRegistryLoss: "stop" | "keep", wrap = false) => {
  const seen = { runs: 0, running: 0, deeds: 0 }
  const work = Effect.gen(function*() {
    const self = yield* Child.Current
    seen.runs++
    seen.running++
    yield* Effect.addFinalizer(() => Effect.sync(() => seen.running--))
    const deed = Effect.zipRight(self.check, Effect.sync(() => seen.deeds++))
    const careful = Effect.mapError(deed, (lost) => (wrap ? new Cause.UnknownException("my own error") : lost))
    return yield* Effect.schedule(careful, Schedule.spaced("50 millis"))
  })
  return { seen, live: Checker.toLayer(() => work, { restart, onRegistryLoss }) }
}

for (const [name, restart] of policies) {
  for (const onRegistryLoss of ["stop", "keep"] as const) {
    describe(`${name}, ${onRegistryLoss}`, () => {
      it.scoped("an outage that outlasts the lease neither ends nor parks a child that checks", () =>
        Effect.gen(function*() {
          const line = (yield* makeFaulty()).line()
          const { live, seen } = makeChecker(restart, onRegistryLoss)
          const { pogo } = yield* (yield* makeCluster(line.registry, live, { ttl: "3 seconds" })).add("a")
          yield* pogo.startChild(Checker.spec("x", {}))
          yield* TestClock.adjust("1 second")
          for (let outage = 0; outage < 2; outage++) {
            line.dropRequests = true
            yield* TestClock.adjust("8 seconds")
            const deeds = seen.deeds
            yield* TestClock.adjust("1 second")
            expect(seen.deeds).toBe(deeds)
            line.dropRequests = false
            yield* TestClock.adjust("8 seconds")
            expect(seen.deeds).toBeGreaterThan(deeds)
            expect(seen.running).toBe(1)
          }
          const [row] = yield* pogo.whichChildren("global")
          expect(row).toMatchObject({ status: { _tag: "Running" }, restarts: 0 })
          expect(seen.runs).toBe(3)
        }))

      it.scoped("is ended by a call while it waits for its lease", () =>
        Effect.gen(function*() {
          const line = (yield* makeFaulty()).line()
          const { live, seen } = makeChecker(restart, onRegistryLoss)
          const cluster = yield* makeCluster(line.registry, live, { ttl: "3 seconds" })
          const { pogo } = yield* cluster.add("a")
          yield* pogo.startChild(Checker.spec("x", {}))
          yield* TestClock.adjust("1 second")
          line.dropRequests = true
          yield* TestClock.adjust("8 seconds")
          line.dropRequests = false
          yield* TestClock.adjust("1 second")
          yield* Effect.zipRight(pogo.terminateChild("Checker/x"), TestClock.adjust("8 seconds")).pipe(Effect.exit)
          expect(seen.running).toBe(0)
          expect(yield* pogo.whichChildren("global")).toEqual([])
        }))
    })
  }
}

describe("a child that is kept, through a lapse, into a new data set", () => {
  const Kept = Child.make("Kept", { payload: {}, protocol: [Rpc.make("may", { success: Schema.Boolean })] })

  it.scoped("is in doubt until the quarantine is over; a call that waits on its own node is answered then", () => {
    const seen = { runs: 0, may: true }
    const live = Kept.toLayer(() =>
      Effect.gen(function*() {
        seen.runs++
        const self = yield* Child.Current
        const look = Effect.map(Effect.isSuccess(self.check), (may) => (seen.may = may))
        yield* Child.fork(Effect.schedule(look, Schedule.spaced("50 millis")))
        return { may: () => look }
      }), { onRegistryLoss: "keep" })
    return Effect.gen(function*() {
      const faulty = yield* makeFaulty("settle")
      const line = faulty.line()
      const { pogo } = yield* (yield* makeCluster(line.registry, live, { ttl: "3 seconds" })).add("a")
      const kept = yield* Effect.provideService(Kept.client, Pogo.Pogo, pogo)
      yield* TestClock.adjust("5 seconds")
      yield* pogo.startChild(Kept.spec("x", {}))
      yield* TestClock.adjust("1 second")
      expect(seen.may).toBe(true)
      line.dropRequests = true
      yield* TestClock.adjust("8 seconds")
      faulty.lose()
      line.dropRequests = false
      yield* TestClock.adjust("1500 millis")
      // It has joined, and its claim stands there; others might still have a lease.
      expect(yield* pogo.ready).toBe(true)
      expect(faulty.state().claim.size).toBe(1)
      expect(seen.may).toBe(false)
      const call = yield* Effect.fork(kept("x").may())
      yield* TestClock.adjust("3500 millis")
      expect(yield* Fiber.poll(call)).toMatchObject({ _tag: "Some", value: { _tag: "Success", value: true } })
      expect(seen).toEqual({ runs: 1, may: true })
    })
  })
})

describe("a child that tells the loss in its own words", () => {
  it.scoped("is not held to account for it", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const { live, seen } = makeChecker(Restart.temporary, "stop", true)
      const { pogo } = yield* (yield* makeCluster(line.registry, live, { ttl: "3 seconds" })).add("a")
      yield* pogo.startChild(Checker.spec("x", {}))
      yield* TestClock.adjust("1 second")
      line.dropRequests = true
      yield* TestClock.adjust("8 seconds")
      line.dropRequests = false
      yield* TestClock.adjust("8 seconds")
      expect(seen).toMatchObject({ runs: 2, running: 1 })
    }))
})

describe("a policy whose own code throws", () => {
  it.scoped("makes the child failed, and harms nobody", () =>
    Effect.gen(function*() {
      const Thrower = Child.make("Thrower", { payload: {} })
      const schedule = Schedule.recurWhile((exit: Exit.Exit<unknown, unknown>): boolean => {
        throw new Error(`a policy that throws at ${exit._tag}`)
      })
      const live = Thrower.toLayer(() => Effect.fail("no"), { restart: Restart.permanent(schedule) })
      const { pogo } = yield* (yield* makeCluster((yield* makeFaulty()).line().registry, live)).add("a")
      yield* pogo.startChild(Thrower.spec("x", {}))
      yield* TestClock.adjust("1 second")
      const [row] = yield* pogo.whichChildren("global")
      expect(row?.status).toMatchObject({ _tag: "Failed" })
      expect(Exit.isSuccess(yield* Effect.exit(pogo.restartChild("Thrower/x")))).toBe(true)
    }))
})

describe("a lease that is over between the grant of a claim and the first step of its child's code", () => {
  it.scoped("keeps that code from running; it runs under the next claim", () =>
    Effect.gen(function*() {
      let ran = 0
      let forked = 0
      const live = Checker.toLayer(() => Effect.zipRight(Effect.sync(() => ran++), Effect.never))
      // As if the process had been frozen there: a run is forked, and its fiber has yet to begin.
      const freezing = Layer.succeed(Observer, {
        began: (child) => {
          forked++
          if (forked === 1) child.unconfirmed = true
        },
        ended: () => {}
      })
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const node = yield* Effect.provide(cluster.add("a"), freezing)
      yield* node.pogo.startChild(Checker.spec("x", {}))
      yield* TestClock.adjust("10 seconds")
      expect([forked, ran]).toEqual([2, 1])
      expect(Option.getOrThrow(yield* node.pogo.getChild("Checker/x")).status._tag).toBe("Running")
    }))
})
