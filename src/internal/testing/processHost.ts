/**
 * The processes that the nodes of a test run in.
 *
 * @internal
 */
import * as FiberRef from "effect/FiberRef"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"

/** The process of a node in a test: a scheduler of its own, so that it can be frozen, and can die without a word. */
export interface ProcessHost {
  /** The runtime of the process: its fibers, and those forked from them, run on the process's scheduler. */
  readonly runtime: Runtime.Runtime<never>
  readonly dead: boolean
  readonly frozen: boolean
  /** Runs a task that comes from outside. */
  readonly post: (task: () => void) => void
  /** Stops everything until `thaw`; clocks go on. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Stops everything for good; no finalizer runs. */
  readonly kill: () => void
}

/** A process within the test's own: its fibers run on the usual scheduler, and stop when it is frozen or killed. */
export class PlainHost implements ProcessHost, Scheduler.Scheduler {
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
