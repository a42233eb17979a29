/**
 * A virtual world: its time, the processes that live in it, and the keeping out of real time.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as HashSet from "effect/HashSet"
import type * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type * as Scheduler from "effect/Scheduler"
import type { Dice } from "./dice.js"
import { type ProcessHost, rootFibers } from "./processHost.js"

/** A task of a moment to come. */
export interface WorldTimer {
  /** Virtual milliseconds since the world began. */
  readonly at: number
  /** Order of timers of one moment: the lower first. */
  readonly rank: number
  /** `undefined` once the timer is deleted. */
  run: (() => void) | undefined
}

const isBefore = (a: WorldTimer, b: WorldTimer): boolean => a.at < b.at || (a.at === b.at && a.rank < b.rank)

/** Timers in the order of their time: a binary heap. */
class TimerHeap {
  private readonly heap: Array<WorldTimer> = []

  /** Time of the first timer. */
  get next(): number {
    return this.heap[0]?.at ?? Infinity
  }

  add(timer: WorldTimer): void {
    const { heap } = this
    let i = heap.length
    heap.push(timer)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = timer
  }

  /** Removes the first timer. */
  take(): WorldTimer | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }

  clear(): void {
    this.heap.length = 0
  }
}

/** Disorder of a world. */
export interface Disorder {
  /** Number of the longest-waiting tasks of a process from which the next is chosen. */
  readonly window: number
  /** Probability that a fiber gets only a few operations before others have a turn. */
  readonly preempt: number
}

/**
 * A world with a time of its own. Everything in it runs synchronously on one thread; time passes only when nothing is
 * left to do at the moment; what is ready to run, runs in an order that the seed chooses.
 */
export class World {
  /** Virtual milliseconds since the world began. */
  now = 0
  /** Number of the tasks that have run, and of the moments whose timers have. */
  steps = 0
  /** Called after each step. */
  afterStep: (() => void) | undefined
  /** All processes that ever ran in the world. */
  readonly processes: Array<Process> = []
  private readonly timers = new TimerHeap()
  private readonly runnable: Array<Process> = []

  constructor(readonly dice: Dice, readonly disorder: Disorder) {}

  /** Runs a task after some virtual milliseconds. */
  after(millis: number, run: () => void): WorldTimer {
    const timer: WorldTimer = { at: this.now + Math.max(0, millis), rank: this.dice.next(), run }
    if (timer.at < Infinity) this.timers.add(timer)
    return timer
  }

  /** Adds a process to those that have something to do. */
  addRunnable(process: Process): void {
    if (process.slot >= 0) return
    process.slot = this.runnable.length
    this.runnable.push(process)
  }

  /** Removes a process that has nothing to do, or must not do it. */
  removeRunnable(process: Process): void {
    const { slot } = process
    if (slot < 0) return
    const last = this.runnable.pop()!
    if (last !== process) {
      this.runnable[slot] = last
      last.slot = slot
    }
    process.slot = -1
  }

  /** Runs one task, or lets time pass to the next timers; `false` when nothing is left to run. */
  step(): boolean {
    const { runnable } = this
    if (runnable.length > 0) runnable[runnable.length === 1 ? 0 : this.dice.below(runnable.length)]!.runOne()
    else if (!this.passTime()) return false
    this.steps++
    this.afterStep?.()
    return true
  }

  /** Lets time pass to the next timers, and runs all of that moment. */
  private passTime(): boolean {
    const at = this.timers.next
    if (at === Infinity) return false
    if (at > this.now) this.now = at
    while (this.timers.next <= this.now) this.timers.take()!.run?.()
    return true
  }

  /** Runs until the condition holds, the time is over, or nothing is left to run; whether the condition holds. */
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

  /** Kills all processes. */
  end(): void {
    for (const process of this.processes) process.kill()
    this.timers.clear()
  }
}

/** Time at which worlds begin. Unix milliseconds. */
export const epoch = Date.UTC(2026, 0, 1)

/** Options of a process. */
export interface ProcessOptions {
  /** Rate of the clocks; 1 is right. */
  readonly rate?: number
  /** Error of the wall clock. Milliseconds. */
  readonly wallError?: number
  readonly loggers?: HashSet.HashSet<Logger.Logger<unknown, unknown>> | undefined
  readonly logLevel?: LogLevel.LogLevel
}

/** Most operations of a fiber before others have a turn. */
const quantum = 2048

/** A process of a world: an event loop with clocks of its own, which can be frozen, slowed and killed. */
export class Process implements ProcessHost, Scheduler.Scheduler {
  /** Index among the runnable processes, kept by the world; -1 for none. */
  slot = -1
  readonly rate: number
  /** Error of the wall clock. Milliseconds. */
  wallError: number
  readonly clock: Clock.Clock
  readonly runtime: Runtime.Runtime<never>
  dead = false
  frozen = false
  /** Time that the next task takes. Virtual milliseconds. */
  cost: (() => number) | undefined
  private busy = false
  private queue: Array<() => void> = []
  private allowance = quantum
  private readonly dice: Dice

  constructor(readonly world: World, readonly name: string, options: ProcessOptions = {}) {
    this.rate = options.rate ?? 1
    this.wallError = options.wallError ?? 0
    this.dice = world.dice.stream(`process ${name}`)
    this.clock = makeClock(this)
    this.runtime = makeRuntime(this, options)
    world.processes.push(this)
  }

  /** Time since the world began, by the process's own clock. Milliseconds. */
  get elapsed(): number {
    return this.world.now * this.rate
  }

  /** The process's wall clock. Unix milliseconds. */
  get wall(): number {
    return epoch + this.wallError + this.elapsed
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    if (fiber.currentOpCount <= this.allowance) return false
    const { preempt } = this.world.disorder
    this.allowance = preempt > 0 && this.dice.chance(preempt) ? this.dice.between(1, 60) : quantum
    return fiber.getFiberRef(FiberRef.currentSchedulingPriority)
  }

  scheduleTask(task: () => void): void {
    if (this.dead) return
    this.queue.push(task)
    this.updateRunnable()
  }

  post(task: () => void): void {
    this.scheduleTask(task)
  }

  /** Counts as runnable if there is a task that may run. */
  private updateRunnable(): void {
    if (this.queue.length > 0 && !this.frozen && !this.busy && !this.dead) this.world.addRunnable(this)
    else this.world.removeRunnable(this)
  }

  /** Runs one of the tasks that have waited longest. */
  runOne(): void {
    const { queue } = this
    const choice = Math.min(this.world.disorder.window, queue.length)
    const index = choice <= 1 ? 0 : this.dice.below(choice)
    const task = queue[index]!
    if (index === 0) queue.shift()
    else queue.splice(index, 1)
    if (queue.length === 0) this.world.removeRunnable(this)
    task()
    if (this.cost !== undefined && !this.dead) this.beBusy(this.cost())
  }

  private beBusy(millis: number): void {
    if (millis <= 0) return
    this.busy = true
    this.updateRunnable()
    this.world.after(millis, () => {
      this.busy = false
      this.updateRunnable()
    })
  }

  /** Runs a task after a while by the own clock: as on a real event loop not at once, so that polling lets time pass. */
  after(millis: number, run: () => void): WorldTimer {
    return this.world.after(Math.max(1, millis) / this.rate, () => this.post(run))
  }

  freeze(): void {
    this.frozen = true
    this.updateRunnable()
  }

  thaw(): void {
    this.frozen = false
    this.updateRunnable()
  }

  kill(): void {
    this.dead = true
    this.queue = []
    this.updateRunnable()
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return Runtime.runFork(this.runtime)(effect, { immediate: false })
  }
}

const makeClock = (process: Process): Clock.Clock => {
  const nanos = () => BigInt(Math.round(process.elapsed * 1e6))
  const millis = () => Math.floor(process.wall)
  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.async((resume) => {
      const timer = process.after(Duration.toMillis(duration), () => resume(Effect.void))
      return Effect.sync(() => (timer.run = undefined))
    })
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep
  }
}

const makeRuntime = (process: Process, { loggers, logLevel }: ProcessOptions): Runtime.Runtime<never> => {
  const services = DefaultServices.liveServices.pipe(
    Context.add(Clock.Clock, process.clock),
    Context.add(Random.Random, Random.make(`${process.world.dice.seed} ${process.name}`))
  )
  const runtime = Runtime.defaultRuntime.pipe(
    Runtime.disableRuntimeFlag(RuntimeFlags.RuntimeMetrics),
    Runtime.setFiberRef(FiberRef.currentScheduler, process as Scheduler.Scheduler),
    Runtime.setFiberRef(DefaultServices.currentServices, services),
    Runtime.setFiberRef(FiberRef.currentMinimumLogLevel, logLevel ?? LogLevel.None)
  )
  return loggers === undefined ? runtime : Runtime.setFiberRef(runtime, FiberRef.currentLoggers, loggers)
}

/** Length of the timer by which Effect keeps a process with idle fibers alive. Milliseconds. */
const idle = 2 ** 31 - 1

type Globals = Pick<typeof globalThis, "setTimeout" | "setInterval" | "setImmediate">

/**
 * Runs something synchronous without real time. Timers of Effect's idle fibers are not made; every other use of a real
 * timer is reported to `real`, since what waits for one waits for ever. Fibers that are left over are let go.
 */
export const sandboxed = <A>(run: () => A, real: (what: keyof Globals) => void): A => {
  const { setImmediate, setInterval, setTimeout } = globalThis
  const before = new Set(rootFibers())
  const watched = <K extends keyof Globals>(name: K, original: Globals[K]): Globals[K] =>
    ((...args: ReadonlyArray<unknown>) => {
      if (name === "setInterval" && args[1] === idle) return undefined
      real(name)
      return (original as (...args: ReadonlyArray<unknown>) => unknown)(...args)
    }) as unknown as Globals[K]
  globalThis.setTimeout = watched("setTimeout", setTimeout)
  globalThis.setInterval = watched("setInterval", setInterval)
  globalThis.setImmediate = watched("setImmediate", setImmediate)
  try {
    return run()
  } finally {
    Object.assign(globalThis, { setImmediate, setInterval, setTimeout })
    for (const fiber of rootFibers()) if (!before.has(fiber)) rootFibers().delete(fiber)
  }
}
