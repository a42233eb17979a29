/**
 * A world with a time of its own. Everything in it runs synchronously on one thread; time passes only when nothing is
 * left to do at the moment; what is ready to run, runs in an order that the seed chooses.
 *
 * @internal
 */
import type { Dice } from "./dice.js"
import type { Process } from "./process.js"
import { type Timer, Timers } from "./timers.js"

/** How disorderly the world is. */
export interface Disorder {
  /** From how many of the tasks that have waited longest the next is chosen. */
  readonly window: number
  /** Probability that a fiber is given only a few operations before others have a turn. */
  readonly preempt: number
}

/** @internal */
export class World {
  /** Milliseconds since its beginning. */
  now = 0
  /** Tasks and timers that have run. */
  steps = 0
  /** Called after each step. */
  afterStep: (() => void) | undefined
  /** All processes that were started here. */
  readonly processes: Array<Process> = []
  private readonly timers = new Timers()
  private readonly runnable: Array<Process> = []

  constructor(readonly dice: Dice, readonly disorder: Disorder) {}

  /** Has something happen after a while. */
  after(millis: number, run: () => void): Timer {
    const timer: Timer = { at: this.now + Math.max(0, millis), rank: this.dice.next(), run }
    if (timer.at < Infinity) this.timers.add(timer)
    return timer
  }

  /** A process has something to do. */
  wake(process: Process): void {
    if (process.slot >= 0) return
    process.slot = this.runnable.length
    this.runnable.push(process)
  }

  /** A process has nothing to do, or must not do it. */
  rest(process: Process): void {
    const { slot } = process
    if (slot < 0) return
    const last = this.runnable.pop()!
    if (last !== process) {
      this.runnable[slot] = last
      last.slot = slot
    }
    process.slot = -1
  }

  /** Runs one task, or lets time pass to the next timers; `false` when nothing is left to happen. */
  step(): boolean {
    const { runnable } = this
    if (runnable.length > 0) runnable[runnable.length === 1 ? 0 : this.dice.below(runnable.length)]!.runOne()
    else if (!this.pass()) return false
    this.steps++
    this.afterStep?.()
    return true
  }

  /** All timers of the next moment go off. */
  private pass(): boolean {
    const at = this.timers.next
    if (at === Infinity) return false
    if (at > this.now) this.now = at
    while (this.timers.next <= this.now) this.timers.take()!.run?.()
    return true
  }

  /** Runs until the condition holds, the time is over, or nothing is left to happen; tells whether it holds. */
  runUntil(condition: () => boolean, limit = Infinity): boolean {
    while (!condition()) {
      if (this.runnable.length === 0 && this.timers.next > limit) {
        if (limit < Infinity) this.now = Math.max(this.now, limit)
        return false
      }
      if (!this.step()) return false
    }
    return true
  }

  /** Ends everything in it. */
  end(): void {
    for (const process of this.processes) process.kill()
    this.timers.clear()
  }
}
