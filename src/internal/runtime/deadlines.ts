/**
 * Timers of calls and commands: one sleeping fiber for all, since a timer each would cost more than most calls.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** @internal */
export interface Timer {
  /** Elapsed milliseconds. */
  readonly at: number
  readonly run: () => void
}

/** @internal */
export class Timers {
  private readonly timers = new Set<Timer>()
  private sleeper: Fiber.RuntimeFiber<void> | undefined
  private wakeAt = Infinity

  constructor(
    private readonly now: () => number,
    private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  ) {}

  add(timer: Timer): void {
    this.timers.add(timer)
    if (timer.at < this.wakeAt) this.sleepUntil(timer.at)
  }

  delete(timer: Timer): void {
    this.timers.delete(timer)
  }

  private sleepUntil(at: number): void {
    this.sleeper?.unsafeInterruptAsFork(FiberId.none)
    this.wakeAt = at
    const millis = Math.max(0, Math.ceil(at - this.now()))
    this.sleeper = this.fork(Effect.zipRight(Effect.sleep(millis), Effect.sync(() => this.wake())))
  }

  private wake(): void {
    this.sleeper = undefined
    this.wakeAt = Infinity
    const now = this.now()
    const due: Array<Timer> = []
    let next = Infinity
    for (const timer of this.timers) {
      if (timer.at <= now) due.push(timer)
      else if (timer.at < next) next = timer.at
    }
    if (next < Infinity) this.sleepUntil(next)
    // One may take another back.
    for (const timer of due) if (this.timers.delete(timer)) timer.run()
  }
}
