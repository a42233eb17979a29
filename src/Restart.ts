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
 * The rule by which a child is restarted: always, when it failed, or never.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 *
 * const typeOf = (once: boolean): Restart.RestartType => once ? "temporary" : "permanent"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type RestartType = "permanent" | "transient" | "temporary"

/**
 * The schedule of a policy: the delay before each restart, and when to give up. Its input is the `Exit` of the run that
 * ended. It has no services of its own; its clock and random numbers are those of the child's kind.
 *
 * The time that it sees begins with the wall clock, and passes as the machine's monotonic clock does: a wall clock that is
 * set changes nothing about `Schedule.upTo`, `elapsed` or `resetAfter`. `Schedule.cron` goes by the wall clock of the
 * child's first restart, and after a step of it comes back to the right time over waits of ten minutes and more, by 2 % of
 * each; at once after a healthy run (`resetAfter` of the policy), or on another node.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 * import { Exit, Schedule } from "effect"
 *
 * // every second, as long as runs fail
 * const whileFailing: Restart.RestartSchedule = Schedule.spaced("1 second").pipe(
 *   Schedule.whileInput((exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit))
 * )
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type RestartSchedule = Schedule.Schedule<unknown, Exit.Exit<unknown, unknown>>

/**
 * A restart policy. Made by `permanent`, `transient` or `temporary`, given to a kind in `toLayer`.
 *
 * @example
 * ```ts
 * import { Child, Restart } from "effect-pogo"
 * import { Effect, Schedule } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: {} })
 * const policy: Restart.Restart = Restart.transient(Schedule.spaced("5 seconds"))
 * const PollerLive = Poller.toLayer(() => Effect.never, { restart: policy })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Restart {
  /** Which ends of a run are followed by a restart. */
  readonly type: RestartType
  /** The delays, and when to give up. */
  readonly schedule: RestartSchedule
  /** Length of a healthy run: after one, the schedule and the count of restarts begin afresh. */
  readonly resetAfter: Duration.Duration
}

/**
 * A limit of restarts in a span of time, as OTP's `max_restarts` within `max_seconds`: a child that needs more is
 * `failed`. It holds beside the schedule. Each node counts for itself: a child that moves begins afresh.
 *
 * @example
 * ```ts
 * import { Child, Restart } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: {} })
 * const intensity: Restart.Intensity = { maxRestarts: 3, within: "5 seconds" }
 * const PollerLive = Poller.toLayer(() => Effect.never, { intensity })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Intensity {
  /** Most restarts in the span. A whole number of at least 0. */
  readonly maxRestarts: number
  /** The span in which they are counted. */
  readonly within: Duration.DurationInput
}

/**
 * Options of a policy.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 *
 * const options: Restart.Options = { resetAfter: "10 minutes" }
 * Restart.permanent(undefined, options)
 * ```
 *
 * @since 0.1.0
 * @category models
 */
interface RestartOptions {
  /**
   * Length of a healthy run. Default 1 minute; with `"infinity"` no run is long enough, and restarts are never forgotten.
   */
  readonly resetAfter?: Duration.DurationInput | "infinity" | undefined
}

export type { RestartOptions as Options }

/**
 * The default delays: from 100 milliseconds, doubling up to 30 seconds, each varied by a fifth, without end.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 * import { Schedule } from "effect"
 *
 * // the default delays, and failed after ten
 * Restart.permanent(Restart.defaultSchedule.pipe(Schedule.intersect(Schedule.recurs(10))))
 * ```
 *
 * @since 0.1.0
 * @category schedules
 */
export const defaultSchedule: RestartSchedule = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jittered
)

const make = (type: RestartType, schedule: RestartSchedule, options: RestartOptions = {}): Restart => ({
  type,
  schedule,
  resetAfter: options.resetAfter === "infinity"
    ? Duration.infinity
    : Duration.decode(options.resetAfter ?? "1 minute")
})

/**
 * The policy of a child that is always restarted, also after a run that ended well.
 *
 * @example
 * ```ts
 * import { Restart } from "effect-pogo"
 * import { Schedule } from "effect"
 *
 * // at once, and failed at the sixth crash without a healthy minute between
 * Restart.permanent(Schedule.recurs(5))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const permanent = (schedule: RestartSchedule = defaultSchedule, options?: RestartOptions): Restart =>
  make("permanent", schedule, options)

/**
 * The policy of a child that is restarted when its run failed, died or was interrupted, and gone when it ended well.
 *
 * @example
 * ```ts
 * import { Child, Restart } from "effect-pogo"
 * import { Effect, Schedule, Schema } from "effect"
 *
 * // an import that ends when it is done, and is tried again after a minute when it fails
 * const Import = Child.make("Import", { payload: { file: Schema.String } })
 * const ImportLive = Import.toLayer(({ file }) => Effect.log(`importing ${file}`), {
 *   restart: Restart.transient(Schedule.spaced("1 minute"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const transient = (schedule: RestartSchedule = defaultSchedule, options?: RestartOptions): Restart =>
  make("transient", schedule, options)

/**
 * The policy of a child that is never restarted: gone, however its run ended. It still moves when its node goes.
 *
 * @example
 * ```ts
 * import { Child, Restart } from "effect-pogo"
 * import { Effect, Schema } from "effect"
 *
 * const Greeting = Child.make("Greeting", { payload: { to: Schema.String } })
 * const GreetingLive = Greeting.toLayer(({ to }) => Effect.log(`hello, ${to}`), { restart: Restart.temporary })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const temporary: Restart = make("temporary", Schedule.stop)
