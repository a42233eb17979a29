/**
 * Whole histories of several nodes on one registry, with faults, in virtual time: the first 40, and those that once
 * showed a mistake.
 */
import { expect, it } from "vitest"
import { draw } from "./draw.js"
import type { Plan } from "./plan.js"
import regressions from "./regressions.json" with { type: "json" }
import { faults } from "./report.js"
import { play } from "./simulation.js"
import { histories } from "./suite.js"

histories(1, 40, ({ stats }) => {
  for (const fault of faults) expect(stats.counts.get(fault), fault).toBeGreaterThan(0)
  for (const what of ["request lost", "reply lost", "request doubled", "request late", "connection reset"]) {
    expect(stats.counts.get(what), what).toBeGreaterThan(5)
  }
  for (const what of ["start", "terminate", "replace", "restart", "fenced"]) {
    expect(stats.counts.get(what), what).toBeGreaterThan(5)
  }
  expect(stats.counts.get("history: children are called")).toBeGreaterThan(0)
})

it("a history is the same whenever it is played", () => {
  const [first, second] = [1, 2].map(() => play(draw(7), { trace: true }))
  expect(first!.lines.length).toBeGreaterThan(50)
  expect(second!.lines).toEqual(first!.lines)
})

for (const { found, plan } of regressions) {
  it(`once found: ${found}`, () => {
    expect(play(plan as unknown as Plan).failure).toBeUndefined()
  })
}
