/**
 * The child that most tests use: it writes to a journal and waits, or does what its payload says.
 */
import { Effect, Schedule, Schema } from "effect"
import { Child, Restart } from "effect-pogo"
import type { Journal } from "./journal.js"

export const Worker = Child.make("Worker", {
  payload: {
    /** Milliseconds until it fails; 0 never. */
    failAfter: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    /** Milliseconds until it ends well; 0 never. */
    endAfter: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    /** Milliseconds that its finalizer takes. */
    stopTakes: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    /** Fails on its first attempts. */
    failFirst: Schema.optionalWith(Schema.Number, { default: () => 0 })
  }
})

/** Its layer; every run is written to the journal. */
export const workerLive = (
  journal: Journal,
  options: Child.RunOptions = { restart: Restart.permanent(Schedule.spaced("100 millis")) }
) =>
  Worker.toLayer(({ endAfter, failAfter, failFirst, stopTakes }) =>
    Effect.gen(function*() {
      yield* journal.record
      if (stopTakes > 0) yield* Effect.addFinalizer(() => Effect.sleep(stopTakes))
      const { attempt } = yield* Child.Current
      if (attempt <= failFirst) return yield* Effect.fail(new Error(`attempt ${attempt} fails`))
      if (failAfter > 0) {
        yield* Effect.sleep(failAfter)
        return yield* Effect.fail(new Error(`failed after ${failAfter} ms`))
      }
      if (endAfter > 0) return yield* Effect.sleep(endAfter)
      return yield* Effect.never
    }), options)
