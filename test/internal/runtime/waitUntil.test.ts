import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { until } from "../../../src/internal/runtime/environment.js"

const scene = () => {
  const listeners = new Set<() => void>()
  const box: { value: number | undefined } = { value: undefined }
  const change = (value: number | undefined) => {
    box.value = value
    for (const listener of listeners) listener()
  }
  return { listeners, box, change, wait: until(listeners, () => box.value) }
}

describe("until", () => {
  it.effect("completes at once when the condition holds", () =>
    Effect.gen(function*() {
      const { box, listeners, wait } = scene()
      box.value = 1
      expect(yield* wait).toBe(1)
      expect(listeners.size).toBe(0)
    }))

  it.effect("completes with the first value that comes, and listens no longer", () =>
    Effect.gen(function*() {
      const { change, listeners, wait } = scene()
      const [a, b] = [yield* Effect.fork(wait), yield* Effect.fork(wait)]
      yield* Effect.yieldNow()
      change(undefined)
      yield* Effect.yieldNow()
      expect([a.unsafePoll(), b.unsafePoll()]).toEqual([null, null])
      change(2)
      change(3)
      expect([yield* Fiber.join(a), yield* Fiber.join(b)]).toEqual([2, 2])
      expect(listeners.size).toBe(0)
    }))

  it.effect("takes values that are false for values", () =>
    Effect.gen(function*() {
      const { change, wait } = scene()
      const fiber = yield* Effect.fork(wait)
      yield* Effect.yieldNow()
      change(0)
      expect(yield* Fiber.join(fiber)).toBe(0)
    }))

  it.effect("listens no longer when it is interrupted", () =>
    Effect.gen(function*() {
      const { listeners, wait } = scene()
      const fiber = yield* Effect.fork(wait)
      yield* Effect.yieldNow()
      expect(listeners.size).toBe(1)
      yield* Fiber.interrupt(fiber)
      expect(listeners.size).toBe(0)
    }))
})
