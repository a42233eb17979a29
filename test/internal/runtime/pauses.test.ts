import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { makeAmbient } from "../../../src/internal/runtime/environment.js"
import { Pauses, Sparing } from "../../../src/internal/runtime/pauses.js"
import { handClock } from "../../support/arbitrary.js"

const scene = () => {
  const clock = handClock()
  const noticed: Array<number> = []
  return { clock, noticed, pauses: new Pauses(clock.now, 1_000, (length) => void noticed.push(length)) }
}

describe("Pauses", () => {
  it("timers that are late for one pause tell of it once, by the one that knows most", () => {
    const { clock, noticed, pauses } = scene()
    clock.time = 20_000
    pauses.late(999)
    expect([pauses.within(60_000), noticed]).toEqual([undefined, []])
    pauses.late(9_000)
    pauses.late(4_000)
    expect([pauses.within(60_000), noticed]).toEqual(["this process did not run for 9.0 s", [9_000]])
  })

  it("another pause is another, and an old one is no reason any more", () => {
    const { clock, noticed, pauses } = scene()
    clock.time = 20_000
    pauses.late(9_000)
    clock.time = 24_000
    pauses.late(2_000)
    expect([pauses.within(1_000), noticed]).toEqual(["this process did not run for 2.0 s", [9_000, 2_000]])
    clock.time = 30_000
    expect(pauses.within(5_000)).toBeUndefined()
  })

  it.effect("a sleep that ends in time tells of nothing", () =>
    Effect.gen(function*() {
      const noticed: Array<number> = []
      const pauses = new Pauses((yield* makeAmbient).now, 1_000, (length) => void noticed.push(length))
      const sleeping = yield* Effect.fork(pauses.sleep(5_000))
      yield* TestClock.adjust(60_000)
      yield* Fiber.join(sleeping)
      expect(noticed).toEqual([])
    }))
})

describe("Sparing", () => {
  it("lets one line through, and counts the others of its time", () => {
    const clock = handClock()
    const lines = new Sparing(clock.now, 10_000)
    expect(lines.line("a")).toBe("a")
    for (let i = 0; i < 5; i++) expect(lines.line("b")).toBeUndefined()
    clock.time = 10_000
    expect(lines.line("c")).toBe("c (and 5 more since the last such line)")
    clock.time = 20_000
    expect(lines.line("d")).toBe("d")
  })
})
