/**
 * A restart schedule, stepped by hand: the supervisor wants to know the delay, not to sleep it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { RestartSchedule } from "../../Restart.js"

/** Beyond this many steps a schedule that came with a child from another node is not replayed. */
const maxReplay = 1_000

/** The state of one child's schedule. */
export class Backoff {
  private state: unknown

  constructor(private readonly schedule: RestartSchedule) {
    this.state = schedule.initial
  }

  /** The delay before the next run in milliseconds, or `undefined` when the schedule is done. `now` is unix time. */
  step(now: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<number | undefined> {
    return Effect.map(
      Effect.suspend(() => this.schedule.step(now, exit, this.state)),
      ([state, , decision]) => {
        this.state = state
        return ScheduleDecision.isDone(decision)
          ? undefined
          : Math.max(0, ScheduleIntervals.start(decision.intervals) - now)
      }
    )
  }

  /** Makes the steps that a child made elsewhere, without sleeping. */
  replay(times: number, now: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      let at = now
      for (let i = 0; i < Math.min(times, maxReplay); i++) {
        const delay = yield* this.step(at, exit)
        if (delay === undefined) return
        at += delay
      }
    })
  }
}
