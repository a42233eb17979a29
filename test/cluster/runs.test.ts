/**
 * Each run of a child has a `Child.Current` of its own, which is good until the end of the run is decided.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Schedule, Schema, TestClock } from "effect"
import { Child, GroupRegistry, type Pogo, type PogoError, Restart } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import type { Current } from "../../src/internal/kind/current.js"
import { type Cluster, makeCluster, type TestNode } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"

/** What the leftovers of runs hold, and what their finalizers saw. */
class Leftovers {
  readonly runs: Array<Current> = []
  readonly finalizers: Array<string> = []
  readonly lost: Array<PogoError.ClaimLost> = []
  /** Ends the run: from inside, and by a fork beside it. */
  readonly end = Effect.runSync(Deferred.make<void, string>())
  readonly forkEnd = Effect.runSync(Deferred.make<void, string>())

  readonly run = Effect.gen(this, function*() {
    const self = yield* Child.Current
    this.runs.push(self)
    yield* Effect.addFinalizer(() => Effect.sync(() => this.finalizers.push(may(self))))
    yield* Effect.forkDaemon(Effect.tap(self.lost, (lost) => Effect.sync(() => this.lost.push(lost))))
    if (self.attempt > 1 || this.runs.length > 1) return yield* Effect.never
    yield* Child.fork(Deferred.await(this.forkEnd))
    return yield* Deferred.await(this.end)
  })
}

/** Whether its `check` succeeds at this moment, and why it does not. */
const may = (self: Current): string => {
  const exit = Effect.runSyncExit(Effect.flip(self.check))
  return Exit.isSuccess(exit) ? exit.value.reason : "may act"
}

const Worker = Child.make("Worker", { payload: { version: Schema.Number } })
const spec = (version: number) => Worker.spec("x", { version })

interface Scene {
  readonly cluster: Cluster
  readonly a: TestNode
  readonly left: Leftovers
}

const nodeOf = (pogo: Pogo.Service) => pogo[Internals].node

/** Ways in which the end of a run is decided; whether another follows at once, and what `check` says of the first. */
const ends: ReadonlyArray<{
  readonly name: string
  readonly end: (scene: Scene) => Effect.Effect<unknown, unknown>
  readonly again: boolean
  readonly why: RegExp
}> = [
  { name: "terminated", end: ({ a }) => a.pogo.terminateChild("Worker/x"), again: false, why: /terminated/ },
  { name: "replaced", end: ({ a }) => a.pogo.replaceChild(spec(2)), again: true, why: /replaced/ },
  { name: "restarted by a call", end: ({ a }) => a.pogo.restartChild("Worker/x"), again: true, why: /replaced/ },
  {
    name: "moved",
    end: ({ a, cluster }) => Effect.zipRight(cluster.add("b"), a.pogo.drain),
    again: true,
    why: /drained/
  },
  { name: "failed", end: ({ left }) => Deferred.fail(left.end, "failed"), again: true, why: /has ended/ },
  { name: "ended well", end: ({ left }) => Deferred.succeed(left.end, undefined), again: true, why: /has ended/ },
  { name: "crashed by a fork", end: ({ left }) => Deferred.fail(left.forkEnd, "failed"), again: true, why: /crashed/ },
  {
    name: "without a claim",
    end: ({ a }) => Effect.sync(() => nodeOf(a.pogo).fence("test")),
    again: true,
    why: /another's/
  },
  { name: "left behind by a node that crashed", end: ({ a }) => a.crash, again: false, why: /shutdown|drained/ }
]

describe("a run's Current", () => {
  for (const { again, end, name, why } of ends) {
    it.scoped(`of a child that was ${name} is over in finalizers and for leftovers, whatever runs beside them`, () =>
      Effect.gen(function*() {
        const left = new Leftovers()
        const live = Worker.toLayer(() => left.run, { restart: Restart.permanent(Schedule.spaced("100 millis")) })
        const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
        const a = yield* cluster.add("a")
        yield* a.pogo.startChild(spec(1))
        yield* TestClock.adjust("1 seconds")
        const [first] = left.runs
        expect(may(first!)).toBe("may act")
        expect(left.lost).toEqual([])
        yield* end({ a, cluster, left })
        yield* TestClock.adjust("3 seconds")
        expect(may(first!)).toMatch(why)
        expect(left.finalizers).toEqual([may(first!)])
        expect(left.lost.map(({ reason }) => reason)).toEqual([may(first!)])
        expect((yield* first!.lost).reason).toBe(may(first!))
        const later = left.runs.slice(1)
        expect(later.map(may)).toEqual(again ? ["may act"] : [])
        for (const { attempt, token } of later) {
          expect(token > first!.token || (token === first!.token && attempt > first!.attempt)).toBe(true)
        }
      }))
  }

  it.scoped("is over in the very moment in which its child is stopped, or crashes", () =>
    Effect.gen(function*() {
      const left = new Leftovers()
      const live = Worker.toLayer(() => left.run, { restart: Restart.permanent(Schedule.spaced("100 millis")) })
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChild(spec(1))
      yield* TestClock.adjust("1 seconds")
      const { supervisor } = nodeOf(pogo)
      const child = supervisor.children.get("Worker/x")!
      child.crash(Cause.fail("crash"))
      expect(may(left.runs[0]!)).toBe("its run has crashed")
      yield* TestClock.adjust("1 seconds")
      expect(may(left.runs[1]!)).toBe("may act")
      supervisor.stop(child, "moved")
      expect(may(left.runs[1]!)).toBe("it is being stopped (moved)")
      expect(may(left.runs[0]!)).toBe("its run has crashed")
    }))

  it.scoped("is over while an uninterruptible region goes on after a stop", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const live = Worker.toLayer(() =>
        Effect.flatMap(Child.Current, (self) =>
          Effect.sleep("1 seconds").pipe(
            Effect.zipRight(Effect.sync(() => seen.push(may(self)))),
            Effect.repeatN(5),
            Effect.uninterruptible
          ))
      )
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChild(spec(1))
      yield* TestClock.adjust("2500 millis")
      yield* pogo.terminateChild("Worker/x")
      yield* TestClock.adjust("10 seconds")
      const stopped = "it is being stopped (terminated)"
      expect(seen).toEqual(["may act", "may act", stopped, stopped, stopped, stopped])
    }))

  it.scoped("is not over while the lease of a child that is kept is only in doubt", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const left = new Leftovers()
      const live = Worker.toLayer(() => left.run, { onRegistryLoss: "keep" })
      const cluster = yield* makeCluster(line.registry, live)
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChild(spec(1))
      yield* TestClock.adjust("1 seconds")
      line.dropReplies = true
      yield* TestClock.adjust("30 seconds")
      expect(may(left.runs[0]!)).toMatch(/lease/)
      expect(left.lost).toEqual([])
      line.dropReplies = false
      yield* TestClock.adjust("60 seconds")
      expect(left.runs.map(may)).toEqual(["may act"])
    }))

  it.scoped("cannot crash a later run", () =>
    Effect.gen(function*() {
      const left = new Leftovers()
      const live = Worker.toLayer(() => left.run, { restart: Restart.permanent(Schedule.spaced("100 millis")) })
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChild(spec(1))
      yield* TestClock.adjust("1 seconds")
      // A fork whose fiber outlives its run: its scope is not the run's.
      const late = yield* Deferred.make<never, string>()
      const fork = Effect.scoped(Effect.zipRight(Child.fork(Deferred.await(late)), Effect.never)).pipe(
        Effect.provideService(Child.Current, left.runs[0]!)
      )
      const fiber = yield* Effect.fork(fork)
      yield* Deferred.fail(left.end, "failed")
      yield* TestClock.adjust("1 seconds")
      yield* Deferred.fail(late, "late")
      yield* TestClock.adjust("1 seconds")
      expect(left.runs.length).toBe(2)
      expect(may(left.runs[1]!)).toBe("may act")
      yield* Fiber.interrupt(fiber)
    }))
})

describe("a grant that comes after its child was terminated", () => {
  /** Node `a` has asked for the claim, which is granted; its answer is still on the way. */
  const granted = Effect.gen(function*() {
    const faulty = yield* makeFaulty()
    const [line, other] = [faulty.line(), faulty.line()]
    const left = new Leftovers()
    const live = Worker.toLayer(() => left.run)
    const cluster = yield* makeCluster(line.registry, live)
    const a = yield* cluster.add("a")
    const b = yield* cluster.add("b", { registry: other.registry }, Layer.empty)
    yield* TestClock.adjust("1 seconds")
    const claim = yield* line.hold("claim")
    yield* a.pogo.startChild(spec(1))
    yield* claim.arrived
    yield* claim.execute
    return { a: a.pogo, b: b.pogo, claim, left, line, claims: () => faulty.state().claim.size }
  })

  it.scoped("is not used where the termination is known: by the node's own call, or by the log", () =>
    Effect.gen(function*() {
      for (const by of ["a", "b"] as const) {
        const scene = yield* granted
        yield* scene[by].terminateChild("Worker/x")
        yield* TestClock.adjust("500 millis")
        yield* scene.claim.reply
        yield* TestClock.adjust("1 seconds")
        expect(scene.left.runs).toEqual([])
        expect(scene.claims()).toBe(0)
      }
    }))

  it.scoped("begins a run where it is not, which may act until the log is read, and ends then", () =>
    Effect.gen(function*() {
      const { b, claim, claims, left, line } = yield* granted
      line.deaf = true
      yield* b.terminateChild("Worker/x")
      // The answer tells that there is news: it is read at once, and the answer of that is late.
      const read = yield* line.hold("changes")
      yield* claim.reply
      yield* TestClock.adjust("1 seconds")
      expect(left.runs.map(may)).toEqual(["may act"])
      yield* read.execute
      yield* read.reply
      yield* TestClock.adjust("100 millis")
      expect(left.runs.map(may)).toEqual([expect.stringMatching(/terminated/)])
      expect(left.finalizers.length).toBe(1)
      expect(claims()).toBe(0)
    }))
})
