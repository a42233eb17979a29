/**
 * The time that a restart schedule is shown.
 *
 * @internal
 */
import type { Ambient } from "../runtime/environment.js"

/** Differences from the wall clock that are its rate, not a step of it. Milliseconds. */
const rateError = 1_000

/** Over waits of at least this length a step of the wall clock is made up for, by so much of the wait. Milliseconds. */
const makingUp = { wait: 600_000, share: 0.02 }

/**
 * A child's restart schedule may look at the time in two ways: how much has passed (`Schedule.upTo`, `elapsed`,
 * `resetAfter`), and what time it is (`Schedule.cron`). This clock begins with the wall clock and then passes with the
 * monotonic one, so that a step of the wall clock is not taken for time that has passed. It stays with a wall clock that
 * runs a little faster or slower. After a step it comes back to it over long waits, by 2 % of each: a cron schedule finds
 * its time of day again, however long it goes on.
 */
export class RestartClock {
  /** Unix milliseconds, and the elapsed milliseconds as of which they are right. */
  private shown: number
  private at: number

  constructor(private readonly ambient: Pick<Ambient, "now" | "wall">) {
    this.shown = ambient.wall()
    this.at = ambient.now()
  }

  /** Unix milliseconds, as the schedule is to see them. Never goes back. */
  now(): number {
    const at = this.ambient.now()
    const passed = at - this.at
    this.at = at
    this.shown += passed
    const off = this.ambient.wall() - this.shown
    const step = passed < makingUp.wait ? 0 : passed * makingUp.share
    if (Math.abs(off) <= rateError) this.shown = Math.max(this.shown - passed, this.shown + off)
    else this.shown += Math.max(-step, Math.min(step, off))
    return Math.round(this.shown)
  }
}
