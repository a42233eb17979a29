/**
 * Calls to children of the caller's own node.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, Pogo, Restart } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { clientOf, Counter, counterLive, Notes } from "./support.js"

const alone = (notes: Notes, options?: Child.ServeOptions) =>
  counterLive(notes, options).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" })))

const start = (key: string) => Pogo.startChild(Counter.spec(key, {}))

describe("a call to a child of this node", () => {
  it.scoped("right after startChild is answered, with the child's own state", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      expect(yield* counters("a").add({ by: 2 })).toBe(2)
      expect(yield* counters("a").add({ by: 3 })).toBe(5)
      expect(yield* counters("a").get()).toBe(5)
      expect((yield* counters("a").where()).node).toBe("one")
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("fails with the protocol's own error, and dies of a defect; neither harms the child", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").add({ by: 1 })
      const error = yield* Effect.flip(counters("a").refuse({ why: "no" }))
      expect(error).toMatchObject({ _tag: "Refused", why: "no" })
      const exit = yield* Effect.exit(counters("a").die("ouch"))
      expect(Exit.isFailure(exit) && Chunk.toReadonlyArray(Cause.defects(exit.cause)).map(String)).toEqual([
        "Error: ouch"
      ])
      expect(yield* counters("a").get()).toBe(1)
    }).pipe(Effect.provide(alone(new Notes()))))

  it.scoped("by choice a handler that dies takes its child with it, which is restarted", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").add({ by: 1 })
      expect(Exit.isFailure(yield* Effect.exit(counters("a").die("ouch")))).toBe(true)
      const fiber = yield* Effect.fork(counters("a").get())
      yield* TestClock.adjust("2 seconds")
      expect(yield* fiber).toBe(0)
      expect(Option.getOrThrow(yield* Pogo.getChild("Counter/a")).restarts).toBe(1)
    }).pipe(Effect.provide(alone(new Notes(), { onDefect: "child" }))))

  it.scoped("to an unknown child fails with ChildNotFound, to a failed one with ChildUnavailable and its cause", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      expect(yield* Effect.flip(counters("none").get())).toMatchObject({ _tag: "ChildNotFound", id: "Counter/none" })
      yield* start("a")
      yield* counters("a").get()
      yield* Effect.exit(counters("a").die("ouch"))
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(counters("a").get())
      expect(error).toMatchObject({ _tag: "ChildUnavailable", status: "Failed", mayHaveRun: false })
      expect(error.message).toContain("ouch")
    }).pipe(Effect.provide(alone(new Notes(), { onDefect: "child", restart: Restart.permanent(Schedule.stop) }))))

  it.scoped("handlers run one at a time, in the order of the calls", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      const fibers = yield* Effect.forEach([100, 50, 10], (millis) => Effect.fork(counters("a").wait({ millis })))
      yield* TestClock.adjust("1 second")
      const ends = (yield* Fiber.join(Fiber.all(fibers))).map((date) => date.getTime())
      expect(ends).toEqual([...ends].sort((a, b) => a - b))
      expect(ends[2]! - ends[0]!).toBe(60)
      expect(notes.lines).toEqual(["wait 100", "wait 50", "wait 10"])
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("or so many at a time as its kind says", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      const fibers = yield* Effect.forEach([100, 50, 10], (millis) => Effect.fork(counters("a").wait({ millis })))
      yield* TestClock.adjust("1 second")
      const ends = (yield* Fiber.join(Fiber.all(fibers))).map((date) => date.getTime())
      expect(ends[2]! - ends[1]!).toBe(10)
      expect(ends[0]! - ends[1]!).toBe(50)
    }).pipe(Effect.provide(alone(new Notes(), { concurrency: 2 }))))

  it.scoped("a full mailbox refuses at once, and what waits is still answered", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const busy = yield* Effect.fork(counters("a").wait({ millis: 100 }))
      yield* TestClock.adjust("1 millis")
      const waiting = yield* Effect.fork(Effect.all([counters("a").get(), counters("a").get()], { concurrency: 2 }))
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(counters("a").get())).toMatchObject({ _tag: "MailboxFull", capacity: 2 })
      yield* TestClock.adjust("1 second")
      yield* busy
      expect(yield* waiting).toEqual([0, 0])
    }).pipe(Effect.provide(alone(new Notes(), { mailbox: 2 }))))

  it.scoped("a call that is not answered in time fails with CallTimeout and its handler is interrupted", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const fiber = yield* Effect.fork(Effect.flip(counters("a", { timeout: "2 seconds" }).wait({ millis: 10_000 })))
      yield* TestClock.adjust("1999 millis")
      expect(notes.interrupted).toBe(0)
      yield* TestClock.adjust("2 millis")
      expect(yield* fiber).toMatchObject({ _tag: "CallTimeout", timeout: 2_000, mayHaveRun: true, rpc: "wait" })
      expect(notes.interrupted).toBe(1)
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("a client's timeout is above 0 and finite: else no call is made", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      for (const timeout of [0, -1, Number.NaN, Infinity, "soon" as never]) {
        expect(() => counters("a", { timeout })).toThrow(/the timeout of a client is .*: give a duration above 0/)
      }
    }).pipe(Effect.provide(alone(new Notes()))))

  it.scoped("a call that waits for others until its time is over says that it was not executed", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const busy = yield* Effect.fork(counters("a").wait({ millis: 4_000 }))
      yield* TestClock.adjust("10 millis")
      const later = yield* Effect.fork(counters("a").add({ by: 1 }))
      const sooner = yield* Effect.fork(Effect.flip(counters("a", { timeout: "1 second" }).add({ by: 10 })))
      yield* TestClock.adjust("1 second")
      expect(yield* sooner).toMatchObject({ _tag: "CallTimeout", timeout: 1_000, mayHaveRun: false })
      yield* TestClock.adjust("4 seconds")
      yield* busy
      expect(yield* later).toBe(1)
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("interrupting the caller interrupts the handler, or withdraws the call", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const running = yield* Effect.fork(counters("a").wait({ millis: 1_000 }))
      const waiting = yield* Effect.fork(counters("a").wait({ millis: 2_000 }))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(running)
      yield* TestClock.adjust("10 millis")
      expect(notes.interrupted).toBe(1)
      expect(notes.lines).toEqual(["wait 1000"])
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("a stopped child lets the handler that runs come to its end; what waits is not executed", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const running = yield* Effect.fork(counters("a").wait({ millis: 1_000 }))
      const waiting = yield* Effect.fork(Effect.flip(counters("a").add({ by: 1 })))
      yield* TestClock.adjust("10 millis")
      yield* Pogo.terminateChild("Counter/a")
      yield* TestClock.adjust("2 seconds")
      expect(yield* running).toBeInstanceOf(Date)
      expect(yield* waiting).toMatchObject({ _tag: "ChildNotFound" })
      expect(notes.lines).toEqual(["wait 1000", "stop a"])
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("a handler that takes too long to end is interrupted within the child's shutdown", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").get()
      const running = yield* Effect.fork(Effect.flip(counters("a").wait({ millis: 4_500 })))
      yield* TestClock.adjust("10 millis")
      yield* Pogo.terminateChild("Counter/a")
      yield* TestClock.adjust("3 seconds")
      expect(yield* running).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: true })
      expect(notes.lines).toEqual(["wait 4500", "stop a"])
    }).pipe(Effect.provide(alone(notes)))
  })
})

describe("a handler that checks before each step, when its child is stopped", () => {
  const steps = { payload: Schema.Number, success: Schema.Number }
  const Writer = Child.make("Writer", {
    payload: {},
    protocol: [Rpc.make("write", steps), Child.idempotent(Rpc.make("put", steps))]
  })
  const live = Writer.toLayer(() =>
    Effect.map(Child.Current, (self) => {
      const step = self.check.pipe(Effect.orDie, Effect.zipRight(Effect.sleep("1 seconds")))
      const write = (count: number) => Effect.as(Effect.repeatN(step, count - 1), self.attempt + Number(self.token))
      return { write, put: write }
    })
  ).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" })))

  it.scoped("is answered if it needs no more; else it breaks off, and its call may have run, or is repeated", () =>
    Effect.gen(function*() {
      const writers = yield* Writer.client
      yield* Pogo.startChild(Writer.spec("x", {}))
      const first = (yield* Pogo.awaitChild("Writer/x")).token
      const calls = [writers("x").write(1), writers("x").write(3), writers("x").put(3)]
      const fibers = []
      for (const call of calls) {
        fibers.push(yield* Effect.fork(Effect.either(call)))
        yield* TestClock.adjust("500 millis")
        yield* Pogo.restartChild("Writer/x")
        yield* TestClock.adjust("4 seconds")
      }
      const [ended, broken, repeated] = yield* Effect.forEach(fibers, Fiber.join)
      expect(ended).toMatchObject({ _tag: "Right", right: 1 + Number(first) })
      expect(broken).toMatchObject({ _tag: "Left", left: { _tag: "ChildUnavailable", mayHaveRun: true } })
      expect(repeated).toMatchObject({ _tag: "Right" })
      expect(repeated!._tag === "Right" && repeated!.right > 1 + Number(first)).toBe(true)
    }).pipe(Effect.provide(live)))
})

describe("a child that is up only later", () => {
  const Slow = Child.make("Slow", {
    payload: {},
    protocol: [Rpc.make("hi", { payload: Schema.Number, success: Schema.Number })]
  })

  it.scoped("is waited for, in order; for as long as the call may take", () => {
    const order: Array<number> = []
    const live = Slow.toLayer(() =>
      Effect.delay(
        Effect.succeed({ hi: (n: number) => Effect.sync(() => (order.push(n), n)) }),
        "3 seconds"
      ), {})
    return Effect.gen(function*() {
      const slow = yield* Slow.client
      yield* Pogo.startChild(Slow.spec("a", {}))
      const early = yield* Effect.fork(Effect.flip(slow("a", { timeout: "1 second" }).hi(0)))
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => Effect.fork(slow("a").hi(n)))
      yield* TestClock.adjust("1 second")
      const error = yield* early
      expect(error).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(error.message).toContain("it is starting on")
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(Fiber.all(fibers))).toEqual([1, 2, 3])
      expect(order).toEqual([1, 2, 3])
    }).pipe(Effect.provide(live.pipe(Layer.provideMerge(Pogo.layerMemory()))))
  })

  it.scoped("nobody runs its kind: ChildUnavailable says so when the time is over", () =>
    Effect.gen(function*() {
      const slow = yield* Slow.client
      yield* Pogo.startChild(Slow.spec("a", {}))
      const fiber = yield* Effect.fork(Effect.flip(slow("a").hi(1)))
      yield* TestClock.adjust("5 seconds")
      const error = yield* fiber
      expect(error).toMatchObject({ _tag: "ChildUnavailable", status: "Pending", mayHaveRun: false })
      expect(error.message).toContain("no node has kind Slow")
    }).pipe(Effect.provide(Pogo.layerMemory())))
})

describe("a node that has lost its lease", () => {
  it.scoped("keeps its calls until it runs its children again", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const cluster = yield* makeCluster(line.registry, counterLive(new Notes()))
      const node = yield* cluster.add("one")
      const counters = yield* clientOf(node)
      yield* node.pogo.startChild(Counter.spec("a", {}))
      expect(yield* counters("a").add({ by: 1 })).toBe(1)
      line.dropRequests = true
      yield* TestClock.adjust("8500 millis")
      expect(yield* node.pogo.ready).toBe(false)
      const fiber = yield* Effect.fork(counters("a", { timeout: "1 minute" }).get())
      yield* TestClock.adjust("1 second")
      line.dropRequests = false
      yield* TestClock.adjust("30 seconds")
      expect(yield* fiber).toBe(0)
    }))
})

describe("Child.fork", () => {
  it.scoped("background work that fails crashes the child; a stop ends it quietly", () => {
    let ended = 0
    const Worker = Child.make("Worker", { payload: {}, protocol: [Rpc.make("break"), Rpc.make("hi")] })
    const live = Worker.toLayer(() =>
      Effect.gen(function*() {
        const broken = yield* Deferred.make<void, string>()
        yield* Child.fork(Effect.ensuring(Deferred.await(broken), Effect.sync(() => ended++)))
        return { break: () => Deferred.fail(broken, "it broke"), hi: () => Effect.void }
      }), {})
    return Effect.gen(function*() {
      const workers = yield* Worker.client
      yield* Pogo.startChild(Worker.spec("a", {}))
      yield* workers("a").break()
      yield* TestClock.adjust("1 second")
      expect(Option.getOrThrow(yield* Pogo.getChild("Worker/a"))).toMatchObject({
        restarts: 1,
        status: { _tag: "Running" }
      })
      expect((yield* Pogo.explain("Worker/a")).lastCause).toContain("it broke")
      expect(ended).toBe(1)
      yield* Pogo.terminateChild("Worker/a")
      yield* TestClock.adjust("1 second")
      expect(ended).toBe(2)
    }).pipe(Effect.provide(live.pipe(Layer.provideMerge(Pogo.layerMemory()))))
  })
})

describe("a stream of a child of this node", () => {
  it.scoped("gives what the handler gives, and its error", () =>
    Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      const all = yield* Stream.runCollect(counters("a").range({ to: 1_000 }))
      expect(Chunk.toReadonlyArray(all)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
    }).pipe(Effect.provide(alone(new Notes()))))

  it.scoped("the source waits for its reader", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      yield* counters("a").range({ to: 10_000 }).pipe(
        Stream.take(1),
        Stream.mapEffect(() => Effect.sleep("1 second")),
        Stream.runDrain,
        Effect.fork
      )
      yield* TestClock.adjust("500 millis")
      expect(notes.streams).toBeGreaterThan(1)
      expect(notes.streams).toBeLessThan(10)
    }).pipe(Effect.provide(alone(notes)))
  })

  it.scoped("runs beside calls, and ends with its reader", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const counters = yield* Counter.client
      yield* start("a")
      const reading = yield* counters("a").ticks({ every: 100 }).pipe(Stream.take(3), Stream.runCollect, Effect.fork)
      yield* TestClock.adjust("50 millis")
      expect(yield* counters("a").add({ by: 10 })).toBe(11)
      yield* TestClock.adjust("1 second")
      expect(Chunk.toReadonlyArray(yield* reading)).toEqual([1, 12, 13])
      expect(notes.interrupted).toBe(1)
    }).pipe(Effect.provide(alone(notes)))
  })
})
