/**
 * Restart policies, as a user would test them: the supervisor is a layer, time is virtual.
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Chunk,
  Clock,
  Deferred,
  Duration,
  Effect,
  Exit,
  Layer,
  Logger,
  Option,
  Schedule,
  Schema,
  Stream,
  TestClock
} from "effect"
import { Child, type ChildSpec, GroupRegistry, Pogo, PogoEvent, Restart } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { unprintable } from "../support/unprintable.js"
import { Worker, workerLive } from "../support/worker.js"

const withWorkers = (journal: Journal, options?: Child.RunOptions) =>
  workerLive(journal, options).pipe(
    Layer.provideMerge(Pogo.layer({ name: "one" })),
    Layer.provide(GroupRegistry.layerMemory)
  )

const statusOf = (id: ChildSpec.ChildId) => Effect.map(Pogo.getChild(id), Option.map(({ status }) => status))

describe("restart policies", () => {
  it.scoped("a permanent child is restarted after a failure and after a good end", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("fails", { failAfter: 1_000 }))
      yield* Pogo.startChild(Worker.spec("ends", { endAfter: 1_000 }))
      yield* TestClock.adjust("10 seconds")
      expect(journal.starts("Worker/fails").length).toBe(10)
      expect(journal.starts("Worker/ends").length).toBe(10)
      expect(journal.violations()).toEqual([])
    }).pipe(Effect.provide(withWorkers(journal)))
  })

  it.scoped("a transient child is restarted after a failure, and gone after a good end", () => {
    const journal = new Journal()
    const restart = Restart.transient(Schedule.spaced("100 millis"))
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("x", { failFirst: 2, endAfter: 1_000 }))
      yield* TestClock.adjust("5 seconds")
      expect(journal.starts("Worker/x").length).toBe(3)
      expect(yield* statusOf("Worker/x")).toEqual(Option.none())
      yield* TestClock.adjust("2 minutes")
      expect(journal.starts("Worker/x").length).toBe(3)
    }).pipe(Effect.provide(withWorkers(journal, { restart })))
  })

  it.scoped("a temporary child is gone however it ended, and a new start runs it anew", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("fails", { failAfter: 1_000 }))
      yield* Pogo.startChild(Worker.spec("ends", { endAfter: 1_000 }))
      yield* TestClock.adjust("2 minutes")
      expect(journal.lines.filter(({ what }) => what === "start").length).toBe(2)
      expect(yield* Pogo.whichChildren("global")).toEqual([])
      const again = yield* Pogo.startChild(Worker.spec("ends", { endAfter: 1_000 }))
      expect(again._tag).toBe("Created")
      yield* TestClock.adjust("500 millis")
      expect(journal.running("Worker/ends").length).toBe(1)
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.temporary })))
  })

  it.scoped("a single spec overrides the restart type of its kind", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("x", { endAfter: 1_000 }, { restart: "temporary" }))
      yield* TestClock.adjust("1 minutes")
      expect(journal.starts("Worker/x").length).toBe(1)
      expect(yield* Pogo.whichChildren("global")).toEqual([])
    }).pipe(Effect.provide(withWorkers(journal)))
  })

  it.scoped("a spent policy parks the child with its cause on every node; restartChild brings it back", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(
        yield* GroupRegistry.makeMemory(),
        workerLive(journal, { restart: Restart.permanent(Schedule.recurs(2)) })
      )
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b")
      yield* a.pogo.startChild(Worker.spec("x", { failAfter: 100 }))
      yield* TestClock.adjust("2 minutes")
      expect(journal.starts("Worker/x").length).toBe(3)
      for (const { pogo } of [a, b]) {
        const [row] = yield* pogo.whichChildren("global")
        expect(row).toMatchObject({ status: { _tag: "Failed" }, node: undefined, token: undefined, restarts: 2 })
        expect(row?.status._tag === "Failed" && row.status.cause).toContain("failed after 100 ms")
        expect((yield* pogo.explain("Worker/x")).text).toContain("failed after 100 ms")
      }
      const again = yield* b.pogo.startChild(Worker.spec("x", { failAfter: 100 }))
      expect(again).toMatchObject({ _tag: "AlreadyStarted", status: { _tag: "Failed" } })
      expect((yield* b.pogo.restartChild("Worker/x"))._tag).toBe("Restarted")
      yield* TestClock.adjust("50 millis")
      expect(journal.running("Worker/x").length).toBe(1)
      expect((yield* a.pogo.whichChildren("global"))[0]).toMatchObject({ restarts: 0, status: { _tag: "Running" } })
    }))

  it.scoped("delays double from 100 ms by default, and begin anew after a minute of health", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("sick", { failAfter: 1 }))
      yield* Pogo.startChild(Worker.spec("well", { failAfter: 61_000 }))
      yield* TestClock.adjust("10 minutes")
      const gaps = journal.starts("Worker/sick").map(({ at }, i, all) => at - (all[i - 1]?.at ?? at)).slice(1)
      const expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]
      expected.forEach((delay, i) => {
        expect(gaps[i]).toBeGreaterThanOrEqual(delay * 0.8)
        expect(gaps[i]).toBeLessThanOrEqual(delay * 1.2 + 2)
      })
      const healthy = journal.starts("Worker/well").map(({ at }, i, all) => at - (all[i - 1]?.at ?? at)).slice(1)
      expect(healthy.length).toBeGreaterThan(5)
      for (const gap of healthy) expect(gap).toBeLessThan(61_000 + 125)
    }).pipe(Effect.provide(withWorkers(journal, {})))
  })

  it.scoped("intensity: one restart too many within the time, and the child is failed", () => {
    const journal = new Journal()
    const options = {
      restart: Restart.permanent(Schedule.spaced("100 millis")),
      intensity: { maxRestarts: 3, within: "5 seconds" }
    } as const
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("fast", { failAfter: 100 }))
      yield* Pogo.startChild(Worker.spec("slow", { failAfter: 2_000 }))
      yield* TestClock.adjust("1 minutes")
      expect(journal.starts("Worker/fast").length).toBe(4)
      expect(Option.getOrThrow(yield* statusOf("Worker/fast"))._tag).toBe("Failed")
      expect(journal.starts("Worker/slow").length).toBeGreaterThan(20)
    }).pipe(Effect.provide(withWorkers(journal, options)))
  })

  it.scoped("the count of restarts travels with the child when it moves, so that a policy is spent only once", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(
        yield* GroupRegistry.makeMemory(),
        workerLive(journal, {
          restart: Restart.permanent(Schedule.intersect(Schedule.recurs(6), Schedule.spaced("2 seconds")))
        })
      )
      yield* cluster.add("a")
      yield* cluster.add("b")
      const first = cluster.nodes.get("a")!
      yield* first.pogo.startChild(Worker.spec("x", { failAfter: 500 }))
      yield* TestClock.adjust("8 seconds")
      const before = journal.starts("Worker/x").length
      const { node } = yield* first.pogo.awaitChild("Worker/x")
      yield* cluster.nodes.get(node)!.stop
      yield* TestClock.adjust("2 minutes")
      // One extra run: the one that the move interrupted.
      expect(before).toBeGreaterThanOrEqual(3)
      expect(journal.starts("Worker/x").length).toBeGreaterThanOrEqual(7)
      expect(journal.starts("Worker/x").length).toBeLessThanOrEqual(8)
      const [row] = yield* Array.from(cluster.nodes.values())[0]!.pogo.whichChildren("global")
      expect(row).toMatchObject({ status: { _tag: "Failed" }, restarts: 6 })
    }))

  it.scoped("a schedule sees how the run ended", () => {
    const journal = new Journal()
    const untilSuccess = Schedule.spaced("100 millis").pipe(
      Schedule.whileInput((exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit))
    )
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("x", { failFirst: 3, endAfter: 100 }))
      yield* TestClock.adjust("1 minutes")
      expect(journal.starts("Worker/x").length).toBe(4)
      expect(Option.getOrThrow(yield* statusOf("Worker/x"))._tag).toBe("Failed")
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.permanent(untilSuccess) })))
  })

  it.scoped("a schedule that dies parks its child and harms no other", () => {
    const journal = new Journal()
    const broken = Schedule.mapEffect(Schedule.forever, () => Effect.die("the schedule is broken"))
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("bad", { failAfter: 100 }))
      yield* Pogo.startChild(Worker.spec("good", {}))
      yield* TestClock.adjust("10 seconds")
      const status = Option.getOrThrow(yield* statusOf("Worker/bad"))
      expect(status).toMatchObject({ _tag: "Failed" })
      expect(status._tag === "Failed" && status.cause).toContain("schedule")
      expect(journal.running("Worker/good").length).toBe(1)
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.permanent(broken) })))
  })

  it.scoped.each<readonly [string, Restart.RestartSchedule]>([
    ["at once", Schedule.spaced("100 millis")],
    ["after 20 ms", Schedule.tapInput(Schedule.spaced("100 millis"), () => Effect.sleep("20 millis"))]
  ])("whatever a run fails with, its child is restarted by a schedule that answers %s", ([, schedule]) => {
    const names = Object.keys(unprintable)
    const starts = new Map<string, number>()
    const Failing = Child.make("Failing", { payload: { name: Schema.String, dies: Schema.Boolean } })
    const live = Failing.toLayer(({ dies, name }) => {
      starts.set(`${name} ${dies}`, (starts.get(`${name} ${dies}`) ?? 0) + 1)
      const error = unprintable[name]!()
      return dies ? Effect.die(error) : Effect.fail(error)
    }, { restart: Restart.permanent(schedule) })
    return Effect.gen(function*() {
      for (const dies of [true, false]) {
        for (const name of names) yield* Pogo.startChild(Failing.spec(`${name} ${dies}`, { name, dies }))
      }
      yield* TestClock.adjust("1 seconds")
      for (const row of yield* Pogo.whichChildren("global")) {
        expect(starts.get(row.key), row.key).toBeGreaterThan(5)
        expect(row.status, row.key).toMatchObject({ _tag: "Restarting" })
        expect((yield* Pogo.explain(row.id)).lastCause, row.key).not.toBe(undefined)
      }
      expect(starts.size).toBe(2 * names.length)
    }).pipe(
      Effect.provide(
        live.pipe(Layer.provideMerge(Pogo.layer({ name: "one" })), Layer.provide(GroupRegistry.layerMemory))
      )
    )
  })

  it.scoped.each<readonly [string, Restart.RestartSchedule]>([
    ["for ever", Schedule.spaced(Duration.infinity)],
    ["longer than dates go", Schedule.spaced(1e17)],
    ["longer than whole numbers go", Schedule.addDelay(Schedule.forever, () => Number.MAX_VALUE)]
  ])("a schedule that waits %s is shown as such, here and elsewhere", ([, schedule]) =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(
        yield* GroupRegistry.makeMemory(),
        workerLive(journal, { restart: Restart.permanent(schedule) })
      )
      const a = yield* cluster.add("a", { labels: { a: "yes" } })
      const b = yield* cluster.add("b")
      const requires = { requires: { a: "yes" } }
      yield* a.pogo.startChild(Worker.spec("x", { failAfter: 100 }, requires))
      yield* TestClock.adjust("2 minutes")
      for (const { pogo } of [a, b]) {
        const [row] = yield* pogo.whichChildren("global")
        expect(row?.status).toMatchObject({ _tag: "Restarting", next: new Date(8.64e15) })
        const { text } = yield* pogo.explain("Worker/x")
        expect(text).toContain("It is not tried again by itself, for its restart schedule waits for ever")
        expect(text).toContain("failed after 100 ms")
      }
      expect(journal.starts("Worker/x").length).toBe(1)
      yield* b.pogo.restartChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      expect(journal.starts("Worker/x").length).toBe(2)
    }))

  it.scoped("a schedule that does not answer is waited for, told of, and ended with its child", () => {
    const journal = new Journal()
    const lines: Array<string> = []
    const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void lines.push(String(message))))
    const hangs = Schedule.tapInput(Schedule.forever, () => Effect.never)
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("bad", { failAfter: 100 }))
      yield* Pogo.startChild(Worker.spec("good", {}))
      yield* TestClock.adjust("1 minutes")
      expect(Option.getOrThrow(yield* statusOf("Worker/bad"))._tag).toBe("Restarting")
      const { lastCause, text } = yield* Pogo.explain("Worker/bad")
      expect(text).toContain("It waits for its restart schedule")
      expect(lastCause).toContain("failed after 100 ms")
      expect(lines.filter((line) => line.includes("its restart schedule has not answered")).length).toBe(1)
      expect(journal.running("Worker/good").length).toBe(1)
      yield* Pogo.terminateChild("Worker/bad")
      yield* TestClock.adjust("1 seconds")
      expect(yield* statusOf("Worker/bad")).toEqual(Option.none())
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.permanent(hangs) })), Effect.provide(logger))
  })

  it.scoped("code that throws when it is built is restarted like any other failure", () => {
    const Thrower = Child.make("Thrower", { payload: {} })
    let builds = 0
    const live = Thrower.toLayer((): Effect.Effect<never> => {
      builds++
      throw new Error("no build")
    }, { restart: Restart.permanent(Schedule.spaced("1 seconds")) }).pipe(
      Layer.provideMerge(Pogo.layerMemory({ name: "one" }))
    )
    return Effect.gen(function*() {
      yield* Pogo.startChild(Thrower.spec("x", {}))
      yield* TestClock.adjust("5500 millis")
      expect(builds).toBe(6)
      expect((yield* Pogo.explain("Thrower/x")).lastCause).toContain("no build")
    }).pipe(Effect.provide(live))
  })

  it.scoped("a child that interrupts itself is restarted", () => {
    const Quitter = Child.make("Quitter", { payload: {} })
    let runs = 0
    const live = Quitter.toLayer(() =>
      Effect.suspend(() => {
        runs++
        return Effect.interrupt
      }), { restart: Restart.transient(Schedule.spaced("1 seconds")) }).pipe(
        Layer.provideMerge(Pogo.layerMemory({ name: "one" }))
      )
    return Effect.gen(function*() {
      yield* Pogo.startChild(Quitter.spec("x", {}))
      yield* TestClock.adjust("3500 millis")
      expect(runs).toBe(4)
    }).pipe(Effect.provide(live))
  })

  it.scoped("[F41] a child that crashes at once and for ever leaves its siblings their time", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("bad", { failFirst: 2_000 }))
      yield* Pogo.startChild(Worker.spec("good", {}))
      const { status } = yield* Pogo.awaitChild("Worker/good")
      expect(status._tag).toBe("Running")
      yield* TestClock.adjust("1 seconds")
      yield* Pogo.awaitChild("Worker/bad")
      expect(journal.running("Worker/bad")[0]?.attempt).toBe(2_001)
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.permanent(Schedule.forever) })))
  })

  it.scoped("events tell starts, exits and failures", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      const events = yield* Effect.fork(Stream.runCollect(Stream.take(Pogo.events, 5)))
      yield* Effect.yieldNow()
      yield* Pogo.startChild(Worker.spec("x", { failAfter: 100 }))
      yield* TestClock.adjust("10 seconds")
      const seen = Chunk.toReadonlyArray(yield* events)
      expect(seen.map(({ _tag }) => _tag)).toEqual([
        "ChildStarted",
        "ChildExited",
        "ChildStarted",
        "ChildExited",
        "ChildFailed"
      ])
      expect(seen[1]).toMatchObject({ restartIn: 0 })
      expect(seen.filter(PogoEvent.$is("ChildFailed"))[0]?.cause).toContain("failed after 100 ms")
    }).pipe(Effect.provide(withWorkers(journal, { restart: Restart.permanent(Schedule.recurs(1)) })))
  })
})

describe("a child that is a layer", () => {
  const Service = Child.make("Service", { payload: { startTakes: Schema.Number } })

  it.scoped("is starting until it is built, then runs until it is stopped, and releases what it acquired", () =>
    Effect.gen(function*() {
      const released = yield* Deferred.make<void>()
      const live = Service.toLayer(({ startTakes }) =>
        Layer.scopedDiscard(
          Effect.zipRight(
            Effect.sleep(startTakes),
            Effect.addFinalizer(() => Deferred.succeed(released, undefined))
          )
        )
      ).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" })))
      yield* Effect.gen(function*() {
        yield* Pogo.startChild(Service.spec("x", { startTakes: 5_000 }))
        yield* TestClock.adjust("1 seconds")
        expect(Option.getOrThrow(yield* statusOf("Service/x"))._tag).toBe("Starting")
        yield* TestClock.adjust("5 seconds")
        expect(Option.getOrThrow(yield* statusOf("Service/x"))._tag).toBe("Running")
        yield* Pogo.terminateChild("Service/x")
        yield* Deferred.await(released)
      }).pipe(Effect.provide(live))
    }))

  it.scoped("[F42] that takes longer than its startTimeout is restarted by its policy", () => {
    const live = Service.toLayer(({ startTakes }) => Layer.effectDiscard(Effect.sleep(startTakes)), {
      startTimeout: "2 seconds",
      restart: Restart.permanent(Schedule.recurs(1))
    }).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" })))
    return Effect.gen(function*() {
      yield* Pogo.startChild(Service.spec("x", { startTakes: 5_000 }))
      yield* TestClock.adjust("10 seconds")
      const status = Option.getOrThrow(yield* statusOf("Service/x"))
      expect(status._tag === "Failed" && status.cause).toContain("startTimeout")
    }).pipe(Effect.provide(live))
  })
})

describe("a step of the wall clock", () => {
  /** The test's clock, whose wall time can be set. */
  const settable = (clock: Clock.Clock) => {
    const set = { by: 0 }
    const millis = () => clock.unsafeCurrentTimeMillis() + set.by
    const wall: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: millis,
      currentTimeMillis: Effect.sync(millis),
      unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
      currentTimeNanos: clock.currentTimeNanos,
      sleep: (duration) => clock.sleep(duration)
    }
    return { wall, set }
  }

  /** A minute, in two words. */
  const ten = Schedule.spaced("10 seconds")
  const schedules: ReadonlyArray<readonly [name: string, schedule: Restart.RestartSchedule, end: string]> = [
    ["upTo", Schedule.upTo(ten, "1 minute"), "Failed"],
    [
      "elapsed",
      Schedule.intersect(ten, Schedule.elapsed.pipe(Schedule.whileOutput(Duration.lessThan("1 minute")))),
      "Failed"
    ]
  ]

  /** Runs take 5 seconds, and waits 10, or 5. What became of the child 100 seconds after the step. */
  const after = (schedule: Restart.RestartSchedule, at: number, step: number) =>
    Effect.gen(function*() {
      const journal = new Journal()
      const clock = yield* Effect.clock
      const { set, wall } = settable(clock)
      const memory = yield* GroupRegistry.makeMemory()
      // The registry's machine is another one.
      const registry = {
        ...memory,
        execute: ((...args) => Effect.withClock(memory.execute(...args), clock)) as typeof memory.execute
      }
      const cluster = yield* makeCluster(
        registry,
        workerLive(journal, { restart: Restart.permanent(schedule, { resetAfter: "infinity" }) })
      )
      const { pogo } = yield* Effect.withClock(cluster.add("a"), wall)
      yield* pogo.startChild(Worker.spec("x", { failAfter: 5_000 }))
      yield* TestClock.adjust(at)
      set.by = step
      yield* TestClock.adjust("100 seconds")
      const [row] = yield* pogo.whichChildren("global")
      return { starts: journal.starts("Worker/x").length, status: row!.status._tag }
    })

  for (const [name, schedule, end] of schedules) {
    for (const [when, at] of [["waits", 22_000], ["runs", 17_000]] as const) {
      it.scoped(`while a child ${when} does not change what a restart schedule with ${name} does`, () =>
        Effect.gen(function*() {
          const undisturbed = yield* after(schedule, at, 0)
          expect(undisturbed.status).toBe(end)
          expect(yield* after(schedule, at, 3_600_000)).toEqual(undisturbed)
          expect(yield* after(schedule, at, -3_600_000)).toEqual(undisturbed)
        }))
    }
  }
})
