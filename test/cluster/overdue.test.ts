/**
 * Children that do not come to their end: after a stop, after their run has ended or crashed, and while they start.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Schedule, type Scope, Stream, TestClock } from "effect"
import { Child, type ChildInfo, GroupRegistry, type Pogo, type PogoEvent, Restart } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import type { Current } from "../../src/internal/kind/current.js"
import { makeCluster } from "../support/cluster.js"

const Stuck = Child.make("Stuck", { payload: {} })

type Body = Effect.Effect<unknown, unknown, Current | Scope.Scope> | Layer.Layer<never, unknown, Current>

/** Two nodes, of which only the first has the kind; what the first logs, and tells of a child that is overdue. */
const scene = (
  body: (release: Deferred.Deferred<void>, runs: number) => Body,
  options: Child.RunOptions = {}
) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const exits: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const release = yield* Deferred.make<void>()
    const runs = { count: 0 }
    const live = Stuck.toLayer(() => body(release, ++runs.count) as Effect.Effect<never>, {
      restart: Restart.permanent(Schedule.spaced("100 millis")),
      shutdown: "3 seconds",
      ...options
    })
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), Layer.empty)
    const { pogo } = yield* Effect.provide(cluster.add("a", {}, live), Logger.replace(Logger.defaultLogger, logger))
    const other = yield* cluster.add("b")
    const events: Array<PogoEvent.PogoEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(pogo.events, (event) => Effect.sync(() => events.push(event))))
    const owner = pogo[Internals].node.supervisor["owner"]
    Object.assign(owner, { exitProcess: ({ id }: { readonly id: string }) => void exits.push(id) })
    yield* pogo.startChild(Stuck.spec("x", {}))
    yield* TestClock.adjust("1 seconds")
    const status = (of: Pogo.Service) =>
      Effect.map(of.whichChildren("global"), ([row]): ChildInfo.ChildStatus | undefined => row?.status)
    return {
      pogo,
      other: other.pogo,
      release: Deferred.succeed(release, undefined),
      runs,
      lines: () => lines.filter((line) => line.startsWith("child is overdue")),
      events: () => events.filter(({ _tag }) => _tag === "ChildOverdue"),
      exits,
      status
    }
  })

const forEver = (release: Deferred.Deferred<void>) => Effect.uninterruptible(Deferred.await(release))

/** What does not end, how that comes about, and what is said of it. `reason`: of the event. */
const cases: ReadonlyArray<{
  readonly name: string
  readonly body: Parameters<typeof scene>[0]
  readonly end?: (pogo: Pogo.Service) => Effect.Effect<unknown, unknown>
  /** When it is overdue. Seconds after it began, or was told to end. */
  readonly after: number
  readonly before: ChildInfo.ChildStatus["_tag"]
  readonly reason: string
  readonly says: RegExp
}> = [
  {
    name: "an acquisition that hangs in a layer, past startTimeout",
    body: (release) => Layer.scopedDiscard(Effect.acquireRelease(forEver(release), () => Effect.void)),
    after: 13,
    before: "Starting",
    reason: "ended",
    says: /interrupted, and has not ended within 3000 ms \(shutdown\).*start took longer than 10000 ms/s
  },
  {
    name: "a finalizer that hangs after the run has failed",
    body: (release) => Effect.zipRight(Effect.addFinalizer(() => forEver(release)), Effect.fail("no disk")),
    after: 3,
    before: "Running",
    reason: "ended",
    says: /its run has ended, and its finalizers have not within 3000 ms.*no disk/s
  },
  {
    name: "a finalizer that hangs after the run has ended well",
    body: (release) => Effect.addFinalizer(() => forEver(release)),
    after: 3,
    before: "Running",
    reason: "ended",
    says: /its run has ended, and its finalizers have not/
  },
  {
    name: "an uninterruptible run that a fork beside it crashes",
    body: (release) => Effect.zipRight(Child.fork(Effect.fail("fork failed")), forEver(release)),
    after: 3,
    before: "Running",
    reason: "ended",
    says: /interrupted, and has not ended.*fork failed/s
  },
  {
    name: "an uninterruptible run that is terminated",
    body: forEver,
    end: (pogo) => pogo.terminateChild("Stuck/x"),
    after: 3,
    before: "Stopping",
    reason: "terminated",
    says: /told to end \(terminated\), and not ended within 3000 ms/
  },
  {
    name: "a finalizer that hangs when its child is replaced",
    body: (release) => Effect.zipRight(Effect.addFinalizer(() => forEver(release)), Effect.never),
    end: (pogo) => pogo.restartChild("Stuck/x"),
    after: 3,
    before: "Stopping",
    reason: "replaced",
    says: /told to end \(replaced\)/
  }
]

describe("overdue", () => {
  for (const { after, before, body, end, name, reason, says } of cases) {
    it.scoped(`${name}: everybody sees it, with the reason; told once; and it goes on when it has ended`, () =>
      Effect.gen(function*() {
        const stuck: typeof body = (release, runs) => runs === 1 ? body(release, runs) : Effect.never
        const { events, exits, lines, other, pogo, release, runs, status } = yield* scene(stuck, {
          startTimeout: "10 seconds"
        })
        if (end !== undefined) yield* end(pogo)
        yield* TestClock.adjust(after * 1_000 - (end === undefined ? 1_000 : 0) - 100)
        expect((yield* status(pogo))?._tag).toBe(before)
        expect([...events(), ...lines()]).toEqual([])
        yield* TestClock.adjust("3 seconds")
        for (const who of [pogo, other]) {
          expect(yield* status(who)).toMatchObject({ _tag: "Overdue", reason: expect.stringMatching(says) })
          expect((yield* who.explain("Stuck/x")).text).toMatch(/overdue since .*: /)
        }
        expect(events()).toMatchObject([{ reason, cause: expect.stringMatching(says) }])
        expect(lines()).toEqual([expect.stringMatching(says)])
        yield* TestClock.adjust("1 minutes")
        expect([events().length, lines().length, runs.count, exits.length]).toEqual([1, 1, 1, 0])
        yield* release
        yield* TestClock.adjust("2 seconds")
        expect((yield* status(other))?._tag).toBe(reason === "terminated" ? undefined : "Running")
        expect(runs.count).toBe(reason === "terminated" ? 1 : 2)
      }))

    it.scoped(`${name}: the process ends where its kind asks for that`, () =>
      Effect.gen(function*() {
        const { exits, pogo } = yield* scene(body, { startTimeout: "10 seconds", onOverdue: "exit" })
        if (end !== undefined) yield* end(pogo)
        yield* TestClock.adjust("20 seconds")
        expect(exits).toEqual(["Stuck/x"])
      }))
  }

  it.scoped("of a run that ended, and is then terminated, is told once, and the child is gone when it has ended", () =>
    Effect.gen(function*() {
      const { events, lines, other, pogo, release, runs, status } = yield* scene(
        (release) => Effect.zipRight(Effect.addFinalizer(() => forEver(release)), Effect.fail("no disk"))
      )
      yield* TestClock.adjust("5 seconds")
      yield* pogo.terminateChild("Stuck/x")
      yield* TestClock.adjust("10 seconds")
      expect(yield* status(other)).toMatchObject({ _tag: "Overdue", reason: expect.stringMatching(/no disk/) })
      expect([events().length, lines().length]).toEqual([1, 1])
      yield* release
      yield* TestClock.adjust("2 seconds")
      expect(yield* pogo.whichChildren("global")).toEqual([])
      expect(runs.count).toBe(1)
    }))

  it.scoped("is no run that ends in its time, nor a start that heeds its timeout; these are restarted as ever", () =>
    Effect.gen(function*() {
      const { events, lines, pogo, runs, status } = yield* scene(
        (_, count) =>
          count % 2 === 0
            ? Effect.zipRight(Effect.addFinalizer(() => Effect.sleep("2900 millis")), Effect.fail("no disk"))
            : Layer.effectDiscard(Effect.never),
        { startTimeout: "2 seconds" }
      )
      yield* TestClock.adjust("30 seconds")
      expect(runs.count).toBeGreaterThan(10)
      expect([...events(), ...lines()]).toEqual([])
      yield* TestClock.adjust("1 seconds")
      const [row] = yield* pogo.whichChildren("global")
      expect(row!.restarts).toBe(runs.count - 1)
      expect(yield* status(pogo)).toBeDefined()
    }))

  it.scoped("brutalKill is for stops: what crashes may clean up for the default time", () =>
    Effect.gen(function*() {
      const { events, runs } = yield* scene(
        () => Effect.zipRight(Effect.addFinalizer(() => Effect.sleep("1 seconds")), Effect.fail("no disk")),
        { shutdown: "brutalKill", onOverdue: "exit" }
      )
      yield* TestClock.adjust("10 seconds")
      expect(runs.count).toBeGreaterThan(5)
      expect(events()).toEqual([])
    }))
})
