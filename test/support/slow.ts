/**
 * Slow registries, and how long things take, in virtual time.
 */
import { Clock, Effect, Fiber, Option, TestClock } from "effect"
import type { Registry } from "./cluster.js"

/** How slow a registry is. */
export interface Way {
  /** From a request to its answer, half of it on the way there. Milliseconds. */
  roundTrip: number
}

/** A registry whose answers take their time. */
export const slowly = (registry: Registry, way: Way): Registry => ({
  ...registry,
  execute: (name, envelope, args) =>
    Effect.suspend(() => {
      const half = way.roundTrip / 2
      return half === 0
        ? registry.execute(name, envelope, args)
        : Effect.zipLeft(Effect.delay(registry.execute(name, envelope, args), half), Effect.sleep(half))
    })
})

/** Milliseconds of virtual time until an effect has ended, as far as they are told apart by `step`. */
export const takes = (effect: Effect.Effect<void>, step = 200): Effect.Effect<number> =>
  Effect.gen(function*() {
    const begin = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) yield* TestClock.adjust(step)
    return (yield* Clock.currentTimeMillis) - begin
  })
