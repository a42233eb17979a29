import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Throttle } from "../../../src/internal/runtime/environment.js"

/** A turnstile whose turns of the event loop are made by hand. */
const scene = (burst = 0) => {
  let next: Array<() => void> = []
  const yieldTurn = Effect.async<void>((resume) => {
    next.push(() => resume(Effect.void))
  })
  const forks: Array<Fiber.RuntimeFiber<void>> = []
  const turnstile = new Throttle(yieldTurn, (effect) => forks.push(Effect.runFork(effect)), burst)
  const passed: Array<number> = []
  return {
    passed,
    forks: () => forks.length,
    /** Ends the turns. */
    close: Effect.suspend(() => Fiber.interruptAll(forks)),
    /** Children that come to it; each notes when it is through. */
    come: (count: number, from = 0) => {
      for (let i = from; i < from + count; i++) turnstile.run(() => passed.push(i))
    },
    turn: Effect.gen(function*() {
      const due = next
      next = []
      for (const resume of due) resume()
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
    })
  }
}

describe("Throttle", () => {
  it.effect("lets 32 through in each turn, in order, and nobody before the first", () =>
    Effect.gen(function*() {
      const { come, passed, turn } = scene()
      come(70)
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
      expect(passed.length).toBe(0)
      yield* turn
      expect(passed.length).toBe(32)
      yield* turn
      expect(passed.length).toBe(64)
      yield* turn
      expect(passed).toEqual(Array.from({ length: 70 }, (_, i) => i))
    }))

  it.effect("rests when nobody waits, and opens again for the next", () =>
    Effect.gen(function*() {
      const { come, forks, passed, turn } = scene()
      come(3)
      yield* turn
      yield* turn
      expect([passed.length, forks()]).toEqual([3, 1])
      come(1, 3)
      expect(forks()).toBe(2)
      yield* turn
      expect(passed).toEqual([0, 1, 2, 3])
    }))

  it.effect("lets a burst through at once, once per turn, and nobody past those who wait", () =>
    Effect.gen(function*() {
      const { come, passed, turn } = scene(2)
      come(3)
      expect(passed).toEqual([0, 1])
      come(1, 3)
      expect(passed).toEqual([0, 1])
      yield* turn
      expect(passed).toEqual([0, 1, 2, 3])
      come(3, 4)
      expect(passed).toEqual([0, 1, 2, 3, 4, 5])
    }))

  it.effect("lets all through who wait when there will be no more turns", () =>
    Effect.gen(function*() {
      const { close, come, passed } = scene()
      come(100)
      yield* close
      expect(passed.length).toBe(100)
    }))

  it.effect("lets those wait their turn who come when it is open", () =>
    Effect.gen(function*() {
      const { come, passed, turn } = scene()
      come(32)
      yield* turn
      come(40, 100)
      yield* turn
      yield* turn
      expect(passed.length).toBe(72)
    }))
})
