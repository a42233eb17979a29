/**
 * The two rooms that a cluster of a test may be in: the test's own time, and a virtual world.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestClock from "effect/TestClock"
import type { Dice } from "./dice.js"
import type { Traffic } from "./line.js"
import type { Room } from "./members.js"
import { PlainHost } from "./plainHost.js"
import { epoch, type Process } from "./process.js"
import { RegistryServer } from "./server.js"
import type { World } from "./world.js"

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "adjust" in clock

/** Time is the test's: under `TestClock` it passes when the cluster waits. */
export const plainRoom: Effect.Effect<Room> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const runtime = yield* Effect.runtime()
  const now = () => clock.unsafeCurrentTimeMillis()
  return {
    now,
    host: () => new PlainHost(runtime),
    server: new RegistryServer({ time: now }),
    traffic: undefined,
    pass: (millis) => isTestClock(clock) ? clock.adjust(Duration.millis(millis)) : Effect.sleep(millis)
  }
})

/** Messages take a moment, now and then a long one. */
const traffic = (world: World, dice: Dice): Traffic => {
  const delay = () => (dice.chance(0.02) ? dice.between(20, 1_500) : 0.2 + 3 * dice.next())
  return {
    request: () => ({ arrives: delay(), answers: delay(), again: undefined, fails: undefined }),
    wake: () => (dice.chance(0.03) ? undefined : delay()),
    after: (millis, run) => void world.after(millis, run)
  }
}

/** Time is a world's, in which the whole test runs. */
export const virtualRoom = (world: World, dice: Dice, host: (name: string) => Process): Room => ({
  now: () => world.now,
  host,
  server: new RegistryServer({ time: () => epoch + world.now }),
  traffic: traffic(world, dice),
  pass: (millis) => Effect.sleep(millis)
})
