import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, type Fiber, FiberSet, type Scope, TestClock } from "effect"
import { makeAmbient } from "../../../src/internal/runtime/environment.js"
import type { LocalChild } from "../../../src/internal/supervisor/child.js"
import { OverdueWatch } from "../../../src/internal/supervisor/overdue.js"
import { holdsEffect } from "../../support/arbitrary.js"

interface Scene {
  readonly watch: OverdueWatch
  /** Who was told of, and when. */
  readonly told: Array<readonly [id: string, at: number]>
  readonly forks: () => number
}

const scene: Effect.Effect<Scene, never, Scope.Scope> = Effect.gen(function*() {
  const ambient = yield* makeAmbient
  const runFork = yield* FiberSet.makeRuntime()
  const told: Array<readonly [string, number]> = []
  let forks = 0
  const fork = (effect: Effect.Effect<void>): Fiber.RuntimeFiber<void> => {
    forks++
    return runFork(effect)
  }
  return {
    watch: new OverdueWatch(ambient, fork, (child) => told.push([child.id, ambient.now()])),
    told,
    forks: () => forks
  }
})

const child = (id: string, overdueAt: number): LocalChild => ({ id, overdueAt }) as LocalChild

describe("OverdueWatch", () => {
  it.scoped("tells of each child when its time is over, and once only", () =>
    Effect.gen(function*() {
      const { told, watch } = yield* scene
      watch.watch(child("late", 5_000))
      watch.watch(child("soon", 1_000))
      watch.watch(child("soon too", 1_000))
      yield* TestClock.adjust(999)
      expect(told).toEqual([])
      yield* TestClock.adjust(1)
      expect(told.map(([id]) => id).sort()).toEqual(["soon", "soon too"])
      yield* TestClock.adjust(60_000)
      expect(told.at(-1)).toEqual(["late", 5_000])
      expect(told.length).toBe(3)
    }))

  it.scoped("does not tell of a child that ended in time", () =>
    Effect.gen(function*() {
      const { told, watch } = yield* scene
      const [a, b] = [child("a", 1_000), child("b", 1_000)]
      watch.watch(a)
      watch.watch(b)
      yield* TestClock.adjust(500)
      watch.forget(a)
      yield* TestClock.adjust(5_000)
      expect(told).toEqual([["b", 1_000]])
    }))

  it.scoped("tells sooner of a child whose time was shortened", () =>
    Effect.gen(function*() {
      const { told, watch } = yield* scene
      const hasty = child("hasty", 10_000)
      watch.watch(hasty)
      yield* TestClock.adjust(500)
      hasty.overdueAt = 700
      watch.watch(hasty)
      yield* TestClock.adjust(20_000)
      expect(told).toEqual([["hasty", 700]])
    }))

  it.scoped("tells at once of a child that has no time at all, and never of one that has all", () =>
    Effect.gen(function*() {
      const { forks, told, watch } = yield* scene
      watch.watch(child("patient", Infinity))
      expect(forks()).toBe(0)
      watch.watch(child("brutal", 0))
      yield* TestClock.adjust(0)
      expect(told).toEqual([["brutal", 0]])
    }))

  it.scoped("sleeps in one fiber, however many children it watches", () =>
    Effect.gen(function*() {
      const { forks, told, watch } = yield* scene
      for (let i = 0; i < 1_000; i++) watch.watch(child(`c${i}`, 5_000 + i % 3))
      expect(forks()).toBe(1)
      yield* TestClock.adjust(10_000)
      expect([told.length, forks()]).toEqual([1_000, 3])
    }))

  holdsEffect(
    "tells of exactly those that are watched until their time, at that time",
    [
      FastCheck.array(
        FastCheck.record({
          wait: FastCheck.nat(400),
          grace: FastCheck.nat(1_000),
          ends: FastCheck.option(FastCheck.nat(1_500))
        }),
        { maxLength: 15 }
      )
    ],
    (stops) =>
      Effect.gen(function*() {
        const { told, watch } = yield* scene
        const expected: Array<readonly [string, number]> = []
        let now = 0
        for (const [i, { ends, grace, wait }] of stops.entries()) {
          yield* TestClock.adjust(wait)
          now += wait
          const stopped = child(`c${i}`, now + grace)
          watch.watch(stopped)
          // Who has no time at all is told of at once.
          if (ends === null || ends > grace || grace === 0) expected.push([stopped.id, now + grace])
          else if (ends === 0) watch.forget(stopped)
          else {
            yield* Effect.forkScoped(
              Effect.zipRight(Effect.sleep(ends - 1), Effect.sync(() => watch.forget(stopped)))
            )
          }
        }
        yield* TestClock.adjust(5_000)
        const order = (a: readonly [string, number], b: readonly [string, number]) =>
          a[1] - b[1] || (a[0] < b[0] ? -1 : 1)
        expect(told.sort(order)).toEqual(expected.sort(order))
      }),
    40
  )
})
