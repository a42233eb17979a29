/** A whole life in memory: start, run, crash and come back, list, end. Printed: `ok`. The process ends by itself. */
import { Effect, Layer, Logger, LogLevel, Schedule, Schema } from "effect"
import { Child, GroupRegistry, Pogo, Restart } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"

let runs = 0
const Worker = Child.make("Worker", { payload: { fails: Schema.Number } })
const WorkerLive = Worker.toLayer(
  ({ fails }) => Effect.suspend(() => runs++ < fails ? Effect.fail("not yet") : Effect.never),
  { restart: Restart.permanent(Schedule.spaced("10 millis")) }
)
const AppLive = WorkerLive.pipe(
  Layer.provideMerge(Pogo.layer({ name: "smoke" })),
  Layer.provide(GroupRegistry.layerMemory)
)

const alone = Effect.gen(function*() {
  yield* Pogo.startChild(Worker.spec("one", { fails: 2 }))
  yield* Pogo.awaitChild(Worker.id("one"))
  yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => runs >= 3 })
  const rows = yield* Pogo.whichChildren("global")
  if (rows.length !== 1) throw new Error("no row")
  yield* Pogo.terminateChild(Worker.id("one"))
}).pipe(Effect.provide(AppLive))

const cluster = Effect.gen(function*() {
  const three = yield* PogoTest.cluster(3, WorkerLive, { ttl: "2 seconds" })
  yield* three.node("n1").startChild(Worker.spec("two", { fails: 0 }))
  const first = yield* three.eventuallyOne(Worker.id("two"))
  yield* three.crash(first)
  yield* three.eventuallyOne(Worker.id("two"))
  yield* three.atMostOne
}).pipe(Effect.scoped)

Effect.runPromise(Effect.zipRight(alone, cluster).pipe(Logger.withMinimumLogLevel(LogLevel.Error))).then(
  () => {
    console.log("ok")
    // Bun tells nobody which timers a fiber has set: there those of a crashed node stay.
    if (process.versions.bun !== undefined) process.exit(0)
  },
  (error) => {
    console.error(error)
    process.exitCode = 1
  }
)
