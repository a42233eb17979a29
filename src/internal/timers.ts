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
    for (const timer of Array.from(this.timers)) {
      if (timer.at > now || !this.timers.delete(timer)) continue
      timer.run()
    }
    let next = Infinity
    for (const { at } of this.timers) if (at < next) next = at
    if (next < this.wakeAt) this.sleepUntil(next)
  }
}
