/**
 * A node's surroundings: clocks, random ids and turns of the event loop; and what waits in them: timers, a throttle,
 * retries, and listeners to a condition. With Effect's own clock and random generator time and chance are the machine's, with a test's
 * they are the test's.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { randomBytes } from "node:crypto"
import * as os from "node:os"
import { contain } from "./userCode.js"

/** Clocks and chance. Clocks are read synchronously, since a lease must be judged at the moment of use. */
export interface Ambient {
  /** Elapsed milliseconds since an arbitrary moment. Never goes back; counts the machine's suspension. */
  readonly now: () => number
  /** Unix milliseconds, for people and for random seeds only. */
  readonly wall: () => number
  /** Gives timers and sockets their turn of the event loop. */
  readonly yieldTurn: Effect.Effect<void>
  /** Random text of 128 bits. */
  readonly randomId: Effect.Effect<string>
}

/** Smallest gap between uptime and clock that counts as suspension, since `os.uptime` is coarse. Milliseconds. */
const uptimeGrain = 2_000

/** Least time between two looks for suspension, which cost some microseconds each. Milliseconds. */
const lookEvery = 50

const monotonic = (clock: Clock.Clock): () => number => {
  const origin = clock.unsafeCurrentTimeNanos()
  return () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1e6
}

/**
 * A monotonic clock that counts suspension. That of Linux stands still while the machine is suspended, and its uptime
 * does not: what the second gains on the first is time that passed unseen. Milliseconds.
 */
export const suspendAware = (steady: () => number, uptime: () => number): () => number => {
  const origin = uptime() - steady()
  let unseen = 0
  let looked = steady()
  return () => {
    const now = steady()
    if (now - looked >= lookEvery) {
      looked = now
      const ahead = uptime() - origin - now
      if (ahead - unseen > uptimeGrain) unseen = ahead
    }
    return now + unseen
  }
}

/** Gives timers and sockets their turn, in real time. */
export const macrotask: Effect.Effect<void> = Effect.async((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

const hexadecimal = (n: number): string => n.toString(16).padStart(8, "0")

const fromRandom = (random: Random.Random): Effect.Effect<string> =>
  Effect.map(
    Effect.replicateEffect(random.nextRange(0, 2 ** 32), 4),
    (parts) => parts.map((part) => hexadecimal(Math.floor(part))).join("")
  )

/** @internal */
export const makeAmbient: Effect.Effect<Ambient> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const random = yield* Effect.random
  const live = DefaultServices.liveServices
  const liveClock = Context.get(live, Clock.Clock) === clock
  const steady = monotonic(clock)
  return {
    // The clock that Effect's own reads as a big integer; here it is read several times per command and run.
    now: liveClock ? suspendAware(() => performance.now(), () => os.uptime() * 1000) : steady,
    wall: () => clock.unsafeCurrentTimeMillis(),
    yieldTurn: liveClock ? macrotask : Effect.yieldNow(),
    // Effect's default generator is seeded with 32 bits only: too few for ids that must never repeat.
    randomId: Context.get(live, Random.Random) === random
      ? Effect.sync(() => randomBytes(16).toString("hex"))
      : fromRandom(random)
  }
})

/** The last moment that a date can be. Unix milliseconds. */
export const lastMoment = 8.64e15

/** Longest time that a timer of the machine can wait for. One that is to wait longer never rings. Milliseconds. */
const longestTimer = 2 ** 31 - 1

/** Sleeps however long: for weeks, or for ever. Milliseconds. */
export const longSleep = (millis: number): Effect.Effect<void> =>
  millis <= longestTimer
    ? Effect.sleep(millis)
    : Effect.zipRight(Effect.sleep(longestTimer), Effect.suspend(() => longSleep(millis - longestTimer)))

/** An alarm. */
export interface Timer {
  /** Elapsed milliseconds. */
  readonly at: number
  readonly run: () => void
}

/** Timers of calls, commands and stops: one sleeping fiber for all, since a timer each would cost more than most calls. */
export class Timers {
  private readonly timers = new Set<Timer>()
  private sleeper: Fiber.RuntimeFiber<void> | undefined
  private wakeAt = Infinity

  constructor(
    private readonly now: () => number,
    private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>,
    /** Told by how many milliseconds the timers fire late. */
    private readonly late: (millis: number) => void = () => {}
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
    const millis = Math.min(longestTimer, Math.max(0, Math.ceil(at - this.now())))
    this.sleeper = this.fork(Effect.zipRight(Effect.sleep(millis), Effect.sync(() => this.wake())))
  }

  private wake(): void {
    const now = this.now()
    this.late(now - this.wakeAt)
    this.sleeper = undefined
    this.wakeAt = Infinity
    const due: Array<Timer> = []
    let next = Infinity
    for (const timer of this.timers) {
      if (timer.at <= now) due.push(timer)
      else if (timer.at < next) next = timer.at
    }
    if (next < Infinity) this.sleepUntil(next)
    // A timer may delete another of the same moment.
    for (const timer of due) if (this.timers.delete(timer)) contain("a timer", () => timer.run())
  }
}

/** Longest work of a loop, with code of users in it, before other fibers have a turn. Milliseconds. */
export const longestTurn = 10

/** Tasks that a throttle runs in one turn of the event loop: about 2 ms of starts or interruptions. */
const perTurn = 32

/**
 * A throttle: runs a bounded number of tasks in each turn of the event loop, so that whatever happens to very many
 * children at once leaves time for timers, sockets and their siblings.
 */
export class Throttle {
  private waiting: Array<() => void> = []
  private turning = false
  /** Tasks that ran without waiting since the last turn. */
  private passed = 0

  /** `burst`: tasks that run at once, in each turn, unless others wait before them. */
  constructor(
    private readonly yieldTurn: Effect.Effect<void>,
    private readonly fork: (effect: Effect.Effect<void>) => void,
    private readonly burst: number = 0
  ) {}

  /** Runs a task: at once, or when its turn has come. */
  run(task: () => void): void {
    if (this.passed < this.burst && this.waiting.length === 0) {
      this.passed++
      contain("a throttled task", task)
    } else this.waiting.push(task)
    if (this.turning) return
    this.turning = true
    this.fork(Effect.onInterrupt(this.turns, () => Effect.sync(() => this.runAll())))
  }

  private readonly turns: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.yieldTurn, () => {
      this.passed = 0
      for (const task of this.waiting.splice(0, perTurn)) contain("a throttled task", task)
      if (this.waiting.length > 0) return this.turns
      this.turning = false
      return Effect.void
    })
  )

  /** Runs all that waits: there will be no more turns. */
  private runAll(): void {
    const left = this.waiting
    this.waiting = []
    this.turning = false
    for (const task of left) contain("a throttled task", task)
  }
}

/** A set of listeners. A `Set` is one. */
export interface Listeners {
  readonly add: (listener: () => void) => unknown
  readonly delete: (listener: () => void) => unknown
}

/**
 * Waits for a condition on mutable state: completes with the first value that `get` gives, now or when a listener is
 * called. Interruptible even in a finalizer, where a bound on it would otherwise be none.
 */
export const until = <A>(listeners: Listeners, get: () => A | undefined): Effect.Effect<A> =>
  Effect.interruptible(Effect.async((resume) => {
    const look = () => {
      const value = get()
      if (value === undefined) return
      listeners.delete(look)
      resume(Effect.succeed(value))
    }
    listeners.add(look)
    look()
    return Effect.sync(() => listeners.delete(look))
  }))

/**
 * A condition for `until` that holds once no item is left. It looks at each item until that is not left, and never again,
 * so that asking after each of very many ends costs no more than the ends themselves.
 */
export const noneLeft = <A>(items: ReadonlyArray<A>, isLeft: (item: A) => boolean): () => true | undefined => {
  let done = 0
  return () => {
    while (done < items.length && !isLeft(items[done]!)) done++
    return done === items.length ? true : undefined
  }
}

/**
 * The schedule of all retries: a try every quarter of a heartbeat, for as long as it takes. Often enough that a loop
 * misses no renewal's time, seldom enough to leave a registry that struggles alone. `heartbeat`: milliseconds.
 */
export const makeRetries = (heartbeat: number): Schedule.Schedule<number> => Schedule.spaced(heartbeat / 4)

/** Repeats an effect by a schedule that has no end, until it succeeds. */
export const untilSuccess = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<unknown, E>
): Effect.Effect<A, never, R> => Effect.orDie(Effect.retry(effect, schedule))

/** Listeners to single children, and to all. */
export class Watchers {
  private readonly byId = new Map<string, Set<() => void>>()
  /** Listeners that are told of which child there is news, and nothing where it may be any. */
  readonly all = new Set<(id: string | undefined) => void>()

  /** `began`: called when a listener is added. */
  constructor(private readonly began: () => void) {}

  /** The listeners to one child. `add` and `delete` are one step each: nothing can come between. */
  of(id: string): Listeners {
    return {
      add: (listener) => {
        const listeners = this.byId.get(id)
        if (listeners === undefined) this.byId.set(id, new Set([listener]))
        else listeners.add(listener)
        this.began()
      },
      delete: (listener) => {
        const listeners = this.byId.get(id)
        listeners?.delete(listener)
        if (listeners?.size === 0) this.byId.delete(id)
      }
    }
  }

  private tellAll(id: string | undefined): void {
    for (const listener of this.all) contain("a listener to all children", () => listener(id))
  }

  /** Calls the listeners to a child. */
  notify(id: string): void {
    this.tellAll(id)
    for (const listener of this.byId.get(id) ?? []) contain("a listener to a child", listener)
  }

  /** Calls all listeners. */
  notifyAll(): void {
    this.tellAll(undefined)
    for (const listeners of Array.from(this.byId.values())) {
      for (const listener of listeners) contain("a listener to a child", listener)
    }
  }

  /** Number of children that have listeners. */
  get size(): number {
    return this.byId.size
  }
}
