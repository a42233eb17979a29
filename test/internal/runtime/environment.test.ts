import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, TestClock } from "effect"
import { makeAmbient, suspendAware } from "../../../src/internal/runtime/environment.js"
import { holds } from "../../support/arbitrary.js"

/** Two clocks of a machine: one that stands still while it is suspended, one that goes on, and is read coarsely. */
const machine = (coarseness = 1) => {
  const state = { steady: 0, up: 12_345 }
  return {
    state,
    run: (millis: number) => {
      state.steady += millis
      state.up += millis
    },
    suspend: (millis: number) => {
      state.up += millis
    },
    now: suspendAware(() => state.steady, () => Math.floor(state.up / coarseness) * coarseness)
  }
}

describe("suspendAware", () => {
  it("counts the time that a machine was suspended", () => {
    const { now, run, suspend } = machine()
    run(1_000)
    expect(now()).toBe(1_000)
    suspend(60_000)
    run(50)
    expect(now()).toBe(61_050)
    run(10)
    expect(now()).toBe(61_060)
  })

  it("does not take the coarseness of the other clock for a suspension", () => {
    const { now, run } = machine(1_000)
    for (let i = 1; i <= 500; i++) {
      run(77)
      expect(now()).toBe(77 * i)
    }
  })

  it("adds short suspensions up", () => {
    const { now, run, suspend } = machine()
    for (let i = 0; i < 4; i++) {
      suspend(1_500)
      run(100)
    }
    expect(now()).toBeGreaterThanOrEqual(400 + 6_000 - 2_000)
    expect(now()).toBeLessThanOrEqual(400 + 6_000)
  })

  it("looks for suspensions no more often than every 50 milliseconds", () => {
    let looks = 0
    let steady = 0
    const now = suspendAware(() => steady, () => {
      looks++
      return steady
    })
    looks = 0
    for (let i = 0; i < 1_000; i++) {
      steady += 0.5
      now()
    }
    expect(looks).toBe(10)
  })

  const step = FastCheck.oneof(
    FastCheck.record({ run: FastCheck.nat(500) }),
    FastCheck.record({ suspend: FastCheck.nat(20_000) })
  )

  holds(
    "never goes back, and is behind the truth by two or three seconds at most, and ahead by one",
    [FastCheck.array(step), FastCheck.constantFrom(1, 1_000)],
    (steps, coarseness) => {
      const { now, run, state, suspend } = machine(coarseness)
      const begin = state.up
      let last = 0
      for (const one of steps) {
        if ("run" in one) run(one.run)
        else suspend(one.suspend)
        const read = now()
        expect(read).toBeGreaterThanOrEqual(last)
        expect(read).toBeLessThanOrEqual(state.up - begin + coarseness)
        last = read
        run(50)
        expect(now()).toBeGreaterThanOrEqual(state.up - begin - 2_000 - coarseness)
        last = now()
      }
    },
    500
  )
})

describe("makeAmbient", () => {
  it.effect("takes time and randomness from a test, where there is one", () =>
    Effect.gen(function*() {
      const ambient = yield* makeAmbient
      expect(ambient.now()).toBe(0)
      yield* TestClock.adjust("3 seconds")
      expect(ambient.now()).toBe(3_000)
      expect(ambient.wall()).toBe(3_000)
      yield* ambient.yieldTurn
      expect(yield* ambient.randomId).toMatch(/^[0-9a-f]{32}$/)
    }))

  it.live("never repeats a name", () =>
    Effect.gen(function*() {
      const ambient = yield* makeAmbient
      const ids = yield* Effect.replicateEffect(ambient.randomId, 1_000)
      expect(new Set(ids).size).toBe(1_000)
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
    }))

  it.live("lets timers have their turn", () =>
    Effect.gen(function*() {
      const { yieldTurn } = yield* makeAmbient
      const rang: Array<boolean> = []
      setTimeout(() => rang.push(true), 0)
      const begin = Date.now()
      while (rang.length === 0 && Date.now() - begin < 5_000) yield* yieldTurn
      expect(rang).toEqual([true])
    }))
})
