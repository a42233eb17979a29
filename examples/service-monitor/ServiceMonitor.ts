/**
 * The kind `ServiceMonitor`: each of its children watches one service, from exactly one node of the cluster.
 *
 * This is the part that an application writes. The rest of this folder shows it at work: `demo.ts` in one process, and
 * `node.ts` and `demo-redis.ts` with real processes and Redis.
 */
import { Rpc } from "@effect/rpc"
import { Effect, Ref, Schedule, Schema } from "effect"
import { Child, type PogoError, Restart } from "effect-pogo"
import * as Journal from "./Journal.js"
import { type Down, probe } from "./probe.js"

/** What a monitor answers to whoever asks, from wherever in the cluster. */
export class Status extends Schema.Class<Status>("Status")({
  node: Schema.String,
  up: Schema.Boolean,
  checks: Schema.Number
}) {}

/** What is told to each child. It is data: it is stored in the registry, and read by the node that runs the child. */
export const ServiceMonitor = Child.make("ServiceMonitor", {
  payload: { url: Schema.String, every: Schema.DurationFromMillis },
  protocol: [Child.idempotent(Rpc.make("status", { success: Status }))]
})

/** One check, and its report. Fails when the service is down. */
const checkOnce = (
  url: string,
  status: Ref.Ref<Status>
): Effect.Effect<void, Down | PogoError.ClaimLost, Child.Current | Journal.Journal> =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const result = yield* Effect.either(probe(url))
    // The report is seen outside: only the copy that holds the claim may make it.
    yield* self.check
    yield* Journal.report(result)
    const up = result._tag === "Right"
    yield* Ref.update(status, ({ checks, node }) => new Status({ node, up, checks: checks + 1 }))
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
      const { node } = yield* Child.Current
      const status = yield* Ref.make(new Status({ node, up: false, checks: 0 }))
      const checking = checkOnce(url, status).pipe(
        Effect.retry({ times: 2, schedule: Schedule.spaced(every), while: (error) => error._tag === "Down" }),
        Effect.repeat(Schedule.spaced(every))
      )
      yield* Child.fork(checking)
      return { status: () => Ref.get(status) }
    }),
  {
    restart: Restart.permanent(Schedule.exponential("250 millis").pipe(Schedule.union(Schedule.spaced("2 seconds")))),
    shutdown: "2 seconds"
  }
)
