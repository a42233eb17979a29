/**
 * Restart policies: when a child whose run has ended is started again, and after which delay.
 *
 * The terms are OTP's. A *permanent* child is always restarted, a *transient* one when it failed, a *temporary* one
 * never. The delay, and when to give up, are a `Schedule`, whose input is the `Exit` of the run. When the schedule is
 * done, the child is `failed`: it stays visible with its cause, does not wander round the cluster, and comes back by
 * `Pogo.restartChild`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"

/**
 * When a child is restarted.
 *
 * @since 0.1.0
 * @category models
 */
export type RestartType = "permanent" | "transient" | "temporary"

/**
 * The schedule of a policy. It may depend on how the run ended; it may not need services.
 *
 * @since 0.1.0
 * @category models
 */
export type RestartSchedule = Schedule.Schedule<unknown, Exit.Exit<unknown, unknown>>

/**
 * A restart policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Restart {
  readonly type: RestartType
  readonly schedule: RestartSchedule
  /** A run of at least this long starts the schedule, and the count of restarts, afresh. */
  readonly resetAfter: Duration.Duration
}

/**
 * OTP's `max_restarts` within `max_seconds`: more restarts than this and the child is `failed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intensity {
  /** At least 0. */
  readonly maxRestarts: number
  readonly within: Duration.DurationInput
}

/**
 * Options of a policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long a run must last to count as healthy. Default 1 minute; `"infinity"` never forgets a restart. */
  readonly resetAfter?: Duration.DurationInput | "infinity" | undefined
}

/**
 * The default delays: from 100 milliseconds, doubling up to 30 seconds, each varied by a fifth, without end.
 *
 * @since 0.1.0
 * @category schedules
 */
export const defaultSchedule: RestartSchedule = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jittered
)

const make = (type: RestartType, schedule: RestartSchedule, options: Options = {}): Restart => ({
  type,
  schedule,
  resetAfter: options.resetAfter === "infinity"
    ? Duration.infinity
    : Duration.decode(options.resetAfter ?? "1 minute")
})

/**
 * Always restarted, also after a run that ended well.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 * import { Schedule } from "effect"
 *
 * // at once, five times at most within a minute of health, then failed
 * Restart.permanent(Schedule.recurs(5))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const permanent = (schedule: RestartSchedule = defaultSchedule, options?: Options): Restart =>
  make("permanent", schedule, options)

/**
 * Restarted when it failed, died or was interrupted; gone when it ended well.
 *
 * @since 0.1.0
 * @category constructors
 */
export const transient = (schedule: RestartSchedule = defaultSchedule, options?: Options): Restart =>
  make("transient", schedule, options)

/**
 * Never restarted: gone, however it ended. It still moves when its node goes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const temporary: Restart = make("temporary", Schedule.stop)
