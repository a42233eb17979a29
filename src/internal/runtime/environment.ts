/**
 * What a node takes from its surroundings: time, randomness, and a turn of the event loop. With Effect's own clock and
 * random generator these are the machine's; under a test's they are the test's.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { randomBytes } from "node:crypto"
import * as os from "node:os"

/** Read synchronously, since a lease must be judged at the moment of use. */
export interface Ambient {
  /** Elapsed milliseconds since an arbitrary moment. They never go back, and count the machine's suspension. */
  readonly now: () => number
  /** Unix milliseconds, for people and for seeds only. */
  readonly wall: () => number
  /** Lets timers and sockets have their turn. */
  readonly yieldTurn: Effect.Effect<void>
  /** Random text of 128 bits. */
  readonly randomId: Effect.Effect<string>
}

/** `os.uptime` is coarse: only a larger gap than this counts as suspension. Milliseconds. */
const coarse = 2_000

/** How often suspension is looked for: the look costs some microseconds. Milliseconds. */
const lookEvery = 50

const monotonic = (clock: Clock.Clock): () => number => {
  const origin = clock.unsafeCurrentTimeNanos()
  return () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1e6
}

/**
 * The monotonic clock of Linux stands still while a machine is suspended, and its uptime does not: what the second
 * gains on the first is time that passed unseen. Both in milliseconds.
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
      if (ahead - unseen > coarse) unseen = ahead
    }
    return now + unseen
  }
}

const macrotask: Effect.Effect<void> = Effect.async((resume) => {
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
    // The same clock as Effect's own, which reads it as a big integer: this is asked several times per command and run.
    now: liveClock ? suspendAware(() => performance.now(), () => os.uptime() * 1000) : steady,
    wall: () => clock.unsafeCurrentTimeMillis(),
    yieldTurn: liveClock ? macrotask : Effect.yieldNow(),
    // The default generator is seeded with 32 bits only: too few for names that must never repeat.
    randomId: Context.get(live, Random.Random) === random
      ? Effect.sync(() => randomBytes(16).toString("hex"))
      : fromRandom(random)
  }
})
