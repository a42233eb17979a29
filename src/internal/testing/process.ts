/**
 * A process of a virtual world: an event loop with a clock of its own, which can be frozen, slowed and killed.
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
import type { Host } from "./host.js"
import type { Timer } from "./timers.js"
import type { World } from "./world.js"

/** Unix milliseconds at which a world begins. */
export const epoch = Date.UTC(2026, 0, 1)

/** @internal */
export interface ProcessOptions {
  /** How fast its clocks run; 1 is right. */
  readonly rate?: number
  /** By how much its wall clock is wrong. Milliseconds. */
  readonly wallError?: number
  readonly loggers?: HashSet.HashSet<Logger.Logger<unknown, unknown>> | undefined
  readonly logLevel?: LogLevel.LogLevel
}

/** The most operations of a fiber before others have a turn. */
const quantum = 2048

/** @internal */
export class Process implements Host, Scheduler.Scheduler {
  /** Its place among those that have something to do; kept by the world. */
  slot = -1
  readonly rate: number
  /** By how much its wall clock is wrong. Milliseconds. */
  wallError: number
  readonly clock: Clock.Clock
  readonly runtime: Runtime.Runtime<never>
  dead = false
  frozen = false
  /** Virtual milliseconds that its next task takes. */
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

  /** Milliseconds by its own clock. */
  get elapsed(): number {
    return this.world.now * this.rate
  }

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
    this.look()
  }

  post(task: () => void): void {
    this.scheduleTask(task)
  }

  /** Takes part in the world's choice if there is anything that it may do. */
  private look(): void {
    if (this.queue.length > 0 && !this.frozen && !this.busy && !this.dead) this.world.wake(this)
    else this.world.rest(this)
  }

  /** Runs one of the tasks that have waited longest. */
  runOne(): void {
    const { queue } = this
    const choice = Math.min(this.world.disorder.window, queue.length)
    const index = choice <= 1 ? 0 : this.dice.below(choice)
    const task = queue[index]!
    if (index === 0) queue.shift()
    else queue.splice(index, 1)
    if (queue.length === 0) this.world.rest(this)
    task()
    if (this.cost !== undefined && !this.dead) this.beBusy(this.cost())
  }

  private beBusy(millis: number): void {
    if (millis <= 0) return
    this.busy = true
    this.look()
    this.world.after(millis, () => {
      this.busy = false
      this.look()
    })
  }

  /** Calls back after a while by its own clock; as on a real event loop not at once, so that who polls lets time pass. */
  after(millis: number, run: () => void): Timer {
    return this.world.after(Math.max(1, millis) / this.rate, () => this.post(run))
  }

  freeze(): void {
    this.frozen = true
    this.look()
  }

  thaw(): void {
    this.frozen = false
    this.look()
  }

  kill(): void {
    this.dead = true
    this.queue = []
    this.look()
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
