import { describe, expect, it } from "@effect/vitest"
import { Freshness } from "../../../src/internal/node/freshness.js"
import type { Reply } from "../../../src/internal/registry/commands.js"

const timing = { heartbeat: 2_000, commandTimeout: 2_000, ttl: 15_000 }

const ok = (now: number, idle: number | undefined, high = 100): Reply<unknown> => ({
  _tag: "OK",
  now,
  high,
  log: 0,
  idle,
  value: {}
})

const older = { opened: 100 }
const younger = { opened: 101 }

describe("the age of a node's news", () => {
  it("is counted from the sending of the youngest request that was answered", () => {
    const freshness = new Freshness(timing, 500)
    expect(freshness.heardAt).toBe(500)
    freshness.observe(ok(0, 0), 3_000)
    freshness.observe(ok(0, 0), 2_000)
    expect(freshness.heardAt).toBe(3_000)
    freshness.observe({ _tag: "VERSION", layout: "2" }, 9_000)
    expect(freshness.heardAt).toBe(3_000)
  })

  it("puts no session in doubt while renewals come as they do at worst, or where the registry does not tell", () => {
    const freshness = new Freshness(timing, 0)
    freshness.observe(ok(1_000, 4_000), 1_000)
    freshness.observe(ok(2_000, undefined), 2_000)
    expect(freshness.doubtfulSince(older)).toBeUndefined()
  })

  it("puts the sessions of a scope without commands in doubt, since the last, until a lease has passed there", () => {
    const freshness = new Freshness(timing, 0)
    freshness.observe({ _tag: "ERA", era: "e", now: 10_000, high: 100, idle: 30_000 }, 50_000)
    expect(freshness.doubtfulSince(older)).toBe(20_000)
    expect(freshness.doubtfulSince(younger)).toBeUndefined()
    freshness.observe(ok(24_999, 0), 60_000)
    expect(freshness.doubtfulSince(older)).toBe(20_000)
    freshness.observe(ok(25_000, 0), 61_000)
    expect(freshness.doubtfulSince(older)).toBeUndefined()
  })
})
