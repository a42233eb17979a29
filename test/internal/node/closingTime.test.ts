import { describe, expect, it } from "@effect/vitest"
import { ClosingTime } from "../../../src/internal/node/closingTime.js"
import { handClock } from "../../support/arbitrary.js"

const scene = () => {
  const clock = handClock()
  return { clock, time: new ClosingTime(20_000, clock.now) }
}

describe("ClosingTime", () => {
  it("layers that close one after the other share one deadline, and leave time to those behind", () => {
    const { clock, time } = scene()
    expect(time.begin(true)).toBe(15_000)
    clock.time = 15_000
    time.end()
    expect(time.begin(true)).toBe(3_750)
    clock.time = 18_750
    time.end()
    expect(time.begin(false)).toBe(1_250)
  })

  it("whoever comes when it is over has a little, for children that end at once", () => {
    const { clock, time } = scene()
    time.begin(false)
    clock.time = 20_000
    time.end()
    clock.time = 26_000
    expect(time.begin(false)).toBe(1_000)
  })

  it("a closing that comes long after another, or after something opened, has the whole time", () => {
    const { clock, time } = scene()
    time.begin(false)
    clock.time = 100
    time.end()
    clock.time = 25_000
    expect(time.begin(false)).toBe(20_000)
    time.end()
    clock.time = 26_000
    time.reset()
    expect(time.begin(false)).toBe(20_000)
  })

  it("may be without end, or nothing", () => {
    expect(new ClosingTime(Infinity, handClock().now).begin(true)).toBe(Infinity)
    expect(new ClosingTime(0, handClock().now).begin(false)).toBe(0)
  })
})
