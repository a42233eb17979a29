import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber, FiberSet, type Scope, TestClock } from "effect"
import { longSleep, makeAmbient, type Timer, Timers } from "../../../src/internal/runtime/environment.js"
import { holdsEffect } from "../../support/arbitrary.js"

interface Scene {
  /** Adds a timer that goes off at a moment. */
  readonly add: (id: string, at: number) => Timer
  readonly timers: Timers
  /** Which timers went off, and when. */
  readonly fired: Array<readonly [id: string, at: number]>
  readonly forks: () => number
}

const scene: Effect.Effect<Scene, never, Scope.Scope> = Effect.gen(function*() {
  const ambient = yield* makeAmbient
  const runFork = yield* FiberSet.makeRuntime()
  const fired: Array<readonly [string, number]> = []
  let forks = 0
  const timers = new Timers(ambient.now, (effect): Fiber.RuntimeFiber<void> => {
    forks++
    return runFork(effect)
  })
  return {
    add: (id, at) => {
      const timer = { at, run: () => void fired.push([id, ambient.now()]) }
      timers.add(timer)
      return timer
    },
    timers,
    fired,
    forks: () => forks
  }
})

describe("Timers", () => {
  it.scoped("run each timer when its time has come, and once only", () =>
    Effect.gen(function*() {
      const { add, fired } = yield* scene
      add("late", 5_000)
      add("soon", 1_000)
      add("soon too", 1_000)
      yield* TestClock.adjust(999)
      expect(fired).toEqual([])
      yield* TestClock.adjust(1)
      expect(fired.map(([id]) => id).sort()).toEqual(["soon", "soon too"])
      yield* TestClock.adjust(60_000)
      expect(fired.at(-1)).toEqual(["late", 5_000])
      expect(fired.length).toBe(3)
    }))

  it.scoped("do not run a timer that was deleted in time", () =>
    Effect.gen(function*() {
      const { add, fired, timers } = yield* scene
      const a = add("a", 1_000)
      add("b", 1_000)
      yield* TestClock.adjust(500)
      timers.delete(a)
      yield* TestClock.adjust(5_000)
      expect(fired).toEqual([["b", 1_000]])
    }))

  it.scoped("do not run a timer that another of the same moment has deleted", () =>
    Effect.gen(function*() {
      const { add, fired, timers } = yield* scene
      timers.add({ at: 1_000, run: () => timers.delete(second) })
      const second = add("second", 1_000)
      yield* TestClock.adjust(5_000)
      expect(fired).toEqual([])
    }))

  it.scoped("wake sooner for a timer that is sooner than the others", () =>
    Effect.gen(function*() {
      const { add, fired } = yield* scene
      add("patient", 10_000)
      yield* TestClock.adjust(500)
      add("hasty", 700)
      yield* TestClock.adjust(20_000)
      expect(fired).toEqual([["hasty", 700], ["patient", 10_000]])
    }))

  it.scoped("run a timer of the past at once, and one that never comes never", () =>
    Effect.gen(function*() {
      const { add, fired, forks } = yield* scene
      add("never", Infinity)
      expect(forks()).toBe(0)
      add("past", 0)
      yield* TestClock.adjust(0)
      expect(fired).toEqual([["past", 0]])
    }))

  it.scoped("sleep in one fiber, however many they are", () =>
    Effect.gen(function*() {
      const { add, fired, forks } = yield* scene
      for (let i = 0; i < 1_000; i++) add(`t${i}`, 5_000 + i % 3)
      expect(forks()).toBe(1)
      yield* TestClock.adjust(10_000)
      expect([fired.length, forks()]).toEqual([1_000, 3])
    }))

  holdsEffect(
    "run exactly those that are not deleted until their time, at that time",
    [
      FastCheck.array(
        FastCheck.record({
          wait: FastCheck.nat(400),
          after: FastCheck.nat(1_000),
          deleted: FastCheck.option(FastCheck.nat(1_500))
        }),
        { maxLength: 15 }
      )
    ],
    (steps) =>
      Effect.gen(function*() {
        const { add, fired, timers } = yield* scene
        const expected: Array<readonly [string, number]> = []
        let now = 0
        for (const [i, { after, deleted, wait }] of steps.entries()) {
          yield* TestClock.adjust(wait)
          now += wait
          const id = `t${i}`
          const timer = add(id, now + after)
          // A timer without any delay goes off at once.
          if (deleted === null || deleted > after || after === 0) expected.push([id, now + after])
          else if (deleted === 0) timers.delete(timer)
          else {
            yield* Effect.forkScoped(
              Effect.zipRight(Effect.sleep(deleted - 1), Effect.sync(() => timers.delete(timer)))
            )
          }
        }
        yield* TestClock.adjust(5_000)
        const order = (a: readonly [string, number], b: readonly [string, number]) =>
          a[1] - b[1] || (a[0] < b[0] ? -1 : 1)
        expect(fired.sort(order)).toEqual(expected.sort(order))
      }),
    40
  )
})

describe("longSleep", () => {
  it.effect("waits for months by timers that the machine has", () =>
    Effect.gen(function*() {
      const longest = 2 ** 31 - 1
      const fiber = yield* Effect.fork(longSleep(longest + 1_000))
      yield* Effect.yieldNow()
      expect(Array.from(yield* TestClock.sleeps())).toEqual([longest])
      yield* TestClock.adjust(longest)
      expect((yield* Fiber.poll(fiber))._tag).toBe("None")
      yield* TestClock.adjust(1_000)
      expect((yield* Fiber.poll(fiber))._tag).toBe("Some")
    }))
})
