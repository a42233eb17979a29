import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { Lease } from "../../../src/internal/node/session.js"
import { resolve } from "../../../src/internal/registry/timing.js"
import { handClock, holds } from "../../support/arbitrary.js"

const timing = Either.getOrThrow(resolve({}))

/** How long a renewal lasts, from its sending. */
const lasts = timing.ttl - timing.margin

describe("Lease", () => {
  it("holds until ttl - margin after the sending of the renewal, however late its answer", () => {
    const clock = handClock()
    const lease = new Lease(timing, clock)
    expect([lease.holds(), lease.given]).toEqual([false, false])
    clock.time = 1_900
    expect(lease.renew(0)).toBe(true)
    expect([lease.holds(), lease.given, lease.remaining]).toEqual([true, true, lasts - 1_900])
    clock.time = lasts - 1
    expect(lease.holds()).toBe(true)
    clock.time = lasts
    expect([lease.holds(), lease.given, lease.remaining]).toEqual([false, true, 0])
  })

  it("does not count an answer that comes when its renewal has run out", () => {
    const clock = handClock()
    const lease = new Lease(timing, clock)
    clock.time = lasts
    expect(lease.renew(0)).toBe(false)
    expect(lease.given).toBe(false)
  })

  it("is not shortened by an older renewal whose answer comes later", () => {
    const clock = handClock()
    const lease = new Lease(timing, clock)
    clock.time = 3_000
    expect(lease.renew(2_000)).toBe(true)
    expect(lease.renew(1_000)).toBe(true)
    expect(lease.remaining).toBe(2_000 + lasts - 3_000)
  })

  it("is gone when it is revoked, until it is given anew", () => {
    const clock = handClock()
    const lease = new Lease(timing, clock)
    lease.renew(0)
    lease.revoke()
    expect([lease.holds(), lease.given]).toEqual([false, false])
    clock.time = 10
    lease.renew(10)
    expect(lease.holds()).toBe(true)
  })

  const renewal = FastCheck.record({ sent: FastCheck.nat(40_000), takes: FastCheck.nat(10_000) })

  holds(
    "holds exactly while some answered renewal was sent less than ttl - margin ago",
    [FastCheck.array(renewal), FastCheck.array(FastCheck.nat(60_000))],
    (renewals, looks) => {
      const clock = handClock()
      const lease = new Lease(timing, clock)
      const answered: Array<number> = []
      const acts = [
        ...renewals.map(({ sent, takes }) => ({
          at: sent + takes,
          run: () => void (lease.renew(sent), answered.push(sent))
        })),
        ...looks.map((at) => ({
          at,
          run: () => expect(lease.holds()).toBe(answered.some((sent) => at < sent + lasts))
        }))
      ].sort((a, b) => a.at - b.at)
      for (const { at, run } of acts) {
        clock.time = at
        run()
      }
    },
    500
  )
})

describe("the work connection, as a lease judges it", () => {
  const failing = () => {
    const clock = handClock()
    const lease = new Lease(timing, clock)
    lease.renew(0)
    lease.workFailed()
    return { clock, lease }
  }

  it("is not given up for its age: three probes must have failed in a row", () => {
    const { clock, lease } = failing()
    clock.time = 10 * timing.ttl
    expect(lease.isUseless).toBe(false)
    lease.probeFailed()
    lease.probeFailed()
    lease.workSucceeded()
    lease.workFailed()
    lease.probeFailed()
    clock.time = 20 * timing.ttl
    expect(lease.isUseless).toBe(false)
    lease.probeFailed()
    lease.probeFailed()
    expect(lease.isUseless).toBe(true)
  })

  it("is not given up for its probes: they must have failed for as long as a lease lasts", () => {
    const { clock, lease } = failing()
    for (let i = 0; i < 20; i++) lease.probeFailed()
    clock.time = lasts
    expect(lease.isUseless).toBe(false)
    clock.time = lasts + 1
    expect(lease.isUseless).toBe(true)
  })
})
