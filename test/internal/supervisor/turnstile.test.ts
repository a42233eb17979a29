import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Turnstile } from "../../../src/internal/supervisor/turnstile.js"

/** A turnstile whose turns of the event loop are made by hand. */
const scene = () => {
  let next: Array<() => void> = []
  const breathe = Effect.async<void>((resume) => {
    next.push(() => resume(Effect.void))
  })
  let forks = 0
  const turnstile = new Turnstile(breathe, (effect) => {
    forks++
    Effect.runFork(effect)
  })
  const passed: Array<number> = []
  return {
    turnstile,
    passed,
    forks: () => forks,
    /** Children that come to it; each notes when it is through. */
    come: (count: number, from = 0) =>
      Array.from(
        { length: count },
        (_, i) => Effect.runFork(Effect.map(turnstile.pass, () => void passed.push(from + i)))
      ),
    turn: Effect.gen(function*() {
      const due = next
      next = []
      for (const resume of due) resume()
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
    })
  }
}

describe("Turnstile", () => {
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

  it.effect("forgets who no longer wants to pass", () =>
    Effect.gen(function*() {
      const { come, passed, turn } = scene()
      const fibers = come(33)
      yield* Fiber.interrupt(fibers[0]!)
      yield* turn
      expect(passed).toEqual(Array.from({ length: 32 }, (_, i) => i + 1))
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
