/**
 * The processes that the nodes of a test run in.
 *
 * @internal
 */
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as GlobalValue from "effect/GlobalValue"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import { createHook } from "node:async_hooks"
import { clearImmediate, clearTimeout } from "node:timers"

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

/** The fibers without a parent, as Effect keeps them; those of a killed process would stay there for ever. */
export const rootFibers = (): Set<Fiber.RuntimeFiber<unknown, unknown>> => {
  type Roots = Set<Fiber.RuntimeFiber<unknown, unknown>>
  const scope = GlobalValue.globalValue(
    Symbol.for("effect/FiberScope/Global"),
    (): { readonly roots?: Roots } => ({})
  )
  return scope.roots ?? new Set()
}

/** A timer, a socket, a worker: what keeps the event loop from coming to its end. */
interface Resource {
  readonly type: string
  readonly object: WeakRef<object>
}

const release = (type: string, object: object): void => {
  if (type === "Timeout") clearTimeout(object as NodeJS.Timeout)
  else if (type === "Immediate") clearImmediate(object as NodeJS.Immediate)
  else (object as { readonly unref?: () => void }).unref?.()
}

/** Types of what the event loop does not wait for, and of which there is very much. */
const fleeting = new Set(["PROMISE", "Microtask", "TickObject"])

/** Fewest resources of a process among which is looked for those that are gone. */
const fewResources = 256

/** What the fibers of one process have the event loop wait for. */
class Resources {
  private held: Array<Resource> = []
  private swept = fewResources
  private released = false

  add(type: string, object: object): void {
    // It is being made just now, and can be released when that is done.
    if (this.released) return queueMicrotask(() => release(type, object))
    if (this.held.length >= this.swept) {
      this.held = this.held.filter((resource) => resource.object.deref() !== undefined)
      this.swept = Math.max(fewResources, 2 * this.held.length)
    }
    this.held.push({ type, object: new WeakRef(object) })
  }

  /** Stops the timers. Sockets and the like stay open, and are not waited for any more. */
  release(): void {
    this.released = true
    for (const { object, type } of this.held) {
      const left = object.deref()
      if (left !== undefined) release(type, left)
    }
    this.held = []
  }
}

/** The processes that are not dead. */
const living = new Set<PlainHost>()

/** Tells a process what its fibers make: no fiber of it will take that back when it is killed. */
const hook = createHook({
  init: (_, type, _trigger, object) => {
    if (fleeting.has(type)) return
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    const scheduler = fiber?.getFiberRef(FiberRef.currentScheduler)
    if (scheduler instanceof PlainHost) scheduler.resources.add(type, object)
  }
})

/**
 * A process within the test's own: its fibers run on the usual scheduler, and stop when it is frozen or killed. Code that
 * runs in no fiber of it, such as the later steps of a promise, cannot be stopped.
 */
export class PlainHost implements ProcessHost, Scheduler.Scheduler {
  readonly runtime: Runtime.Runtime<never>
  readonly resources = new Resources()
  dead = false
  frozen = false
  private waiting: Array<() => void> = []

  constructor(base: Runtime.Runtime<never>) {
    this.runtime = Runtime.setFiberRef(base, FiberRef.currentScheduler, this as Scheduler.Scheduler)
    if (living.size === 0) hook.enable()
    living.add(this)
  }

  /** A fiber that is started by one of another process, or has just ended its own, has to wait at once, too. */
  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return this.dead || this.frozen ? 0 : Scheduler.defaultScheduler.shouldYield(fiber)
  }

  private readonly run = (task: () => void): void => {
    if (this.dead) return
    if (this.frozen) this.waiting.push(task)
    else task()
  }

  scheduleTask(task: () => void, priority: number): void {
    if (!this.dead) Scheduler.defaultScheduler.scheduleTask(() => this.run(task), priority)
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
    if (this.dead) return
    this.dead = true
    this.waiting = []
    this.resources.release()
    for (const fiber of rootFibers()) {
      if (fiber.getFiberRef(FiberRef.currentScheduler) === this) rootFibers().delete(fiber)
    }
    living.delete(this)
    if (living.size === 0) hook.disable()
  }
}
