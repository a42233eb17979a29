/**
 * A node's process within a test's own: its fibers run on the usual scheduler, and stop when it is frozen or killed.
 *
 * @internal
 */
import * as FiberRef from "effect/FiberRef"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import type { Host } from "./host.js"

/** @internal */
export class PlainHost implements Host, Scheduler.Scheduler {
  readonly runtime: Runtime.Runtime<never>
  readonly shouldYield: Scheduler.Scheduler["shouldYield"] = (fiber) => Scheduler.defaultScheduler.shouldYield(fiber)
  dead = false
  frozen = false
  private waiting: Array<() => void> = []

  constructor(base: Runtime.Runtime<never>) {
    this.runtime = Runtime.setFiberRef(base, FiberRef.currentScheduler, this as Scheduler.Scheduler)
  }

  private readonly run = (task: () => void): void => {
    if (this.dead) return
    if (this.frozen) this.waiting.push(task)
    else task()
  }

  scheduleTask(task: () => void, priority: number): void {
    Scheduler.defaultScheduler.scheduleTask(() => this.run(task), priority)
  }

  post(task: () => void): void {
    this.scheduleTask(task, 0)
  }

  freeze(): void {
    this.frozen = true
  }

  thaw(): void {
    this.frozen = false
    const { waiting } = this
    this.waiting = []
    for (const task of waiting) this.post(task)
  }

  kill(): void {
    this.dead = true
    this.waiting = []
  }
}
