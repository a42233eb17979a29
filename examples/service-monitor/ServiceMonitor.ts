/**
 * The kind `ServiceMonitor`: each of its children watches one service, from exactly one node of the cluster.
 *
 * This is the part that an application writes. The rest of this folder shows it at work: `demo.ts` in one process, and
 * `node.ts` and `demo-redis.ts` with real processes and Redis.
 */
import { Effect, Schedule, Schema } from "effect"
import { Child, type PogoError, Restart } from "effect-pogo"
import * as Journal from "./Journal.js"
import { type Down, probe } from "./probe.js"

/** What is told to each child. It is data: it is stored in the registry, and read by the node that runs the child. */
export const ServiceMonitor = Child.make("ServiceMonitor", {
  payload: { url: Schema.String, every: Schema.DurationFromMillis }
})

/** One check, and its report. Fails when the service is down. */
const checkOnce = (url: string): Effect.Effect<void, Down | PogoError.ClaimLost, Child.Current | Journal.Journal> =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const result = yield* Effect.either(probe(url))
    // The report is seen outside: only the copy that holds the claim may make it.
    yield* self.check
    yield* Journal.report(result)
    yield* result
  })

/**
 * The code of the kind, as a layer: a node that builds it can run monitors. Two failures in a row are tried again at the
 * usual pace. The third ends the run, and from there on the restart policy decides how often a dead service is asked.
 */
export const ServiceMonitorLive = ServiceMonitor.toLayer(
  ({ every, url }) =>
    Effect.gen(function*() {
      yield* Journal.recordRun
      yield* checkOnce(url).pipe(
        Effect.retry({ times: 2, schedule: Schedule.spaced(every), while: (error) => error._tag === "Down" }),
        Effect.repeat(Schedule.spaced(every))
      )
    }),
  {
    restart: Restart.permanent(Schedule.exponential("250 millis").pipe(Schedule.union(Schedule.spaced("2 seconds")))),
    shutdown: "2 seconds"
  }
)
