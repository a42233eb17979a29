/**
 * How a node's loops try again what failed for the moment.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/**
 * The schedule of all retries: a try every quarter of a heartbeat, for as long as it takes. Often enough that a loop
 * misses no renewal's time, seldom enough to leave a registry that struggles alone. `heartbeat`: milliseconds.
 */
export const makeRetries = (heartbeat: number): Schedule.Schedule<number> => Schedule.spaced(heartbeat / 4)

/** Repeats an effect by a schedule that has no end, until it succeeds. */
export const untilSuccess = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<unknown, E>
): Effect.Effect<A, never, R> => Effect.orDie(Effect.retry(effect, schedule))
