import { Cron, Effect, Exit, Schedule } from "effect"
import { describe, expect, it } from "vitest"
import { Backoff } from "../../../src/internal/supervisor/localChild.js"
import { RestartClock } from "../../../src/internal/supervisor/restartClock.js"

const begin = Date.UTC(2026, 0, 1)
const hour = 3_600_000

/** A machine: elapsed and wall time, which is set by hand. */
const machine = () => {
  const time = { elapsed: 5_000, wall: begin }
  return {
    ambient: { now: () => time.elapsed, wall: () => time.wall },
    pass: (millis: number) => {
      time.elapsed += millis
      time.wall += millis
    },
    set: (by: number) => void (time.wall += by)
  }
}

describe("RestartClock", () => {
  it("begins with the wall clock, and goes on with the monotonic one when that is set", () => {
    const { ambient, pass, set } = machine()
    const clock = new RestartClock(ambient)
    pass(1_000)
    expect(clock.now()).toBe(begin + 1_000)
    set(hour)
    expect(clock.now()).toBe(begin + 1_000)
    pass(10_000)
    expect(clock.now()).toBe(begin + 11_000)
    set(-3 * hour)
    pass(10_000)
    expect(clock.now()).toBe(begin + 21_000)
  })

  it("never goes back", () => {
    const { ambient, pass, set } = machine()
    const clock = new RestartClock(ambient)
    let last = clock.now()
    for (let i = 0; i < 1_000; i++) {
      set(((i * 7_919) % 11) * 600_000 - 3_000_000)
      pass((i * 31) % 500)
      const now = clock.now()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
  })

  it("is with the wall clock again some days after a step, and stays with one that is slewed", () => {
    const { ambient, pass, set } = machine()
    const clock = new RestartClock(ambient)
    set(hour)
    for (let day = 0; day < 3; day++) {
      pass(24 * hour)
      clock.now()
    }
    expect(clock.now()).toBe(ambient.wall())
    for (let step = 0; step < 1_000; step++) {
      pass(100_000)
      set(50)
      expect(clock.now()).toBe(ambient.wall())
    }
  })

  it("keeps a cron schedule at its time of day over months of runs", () => {
    const { ambient, pass, set } = machine()
    const clock = new RestartClock(ambient)
    const backoff = new Backoff(Schedule.cron(Cron.unsafeParse("30 3 * * *", "UTC")))
    for (let day = 0; day < 100; day++) {
      const delay = Effect.runSync(backoff.step(clock.now(), Exit.void))!
      // The wall clock runs 100 ppm faster than the monotonic one.
      pass(delay)
      set(delay / 10_000)
      const at = new Date(ambient.wall()).toISOString().slice(11, 16)
      expect(at).toBe("03:30")
      pass(20_000)
    }
  })
})
