/**
 * The histories that follow those of `histories.test.ts`, up to seed 1200.
 */
import { expect } from "vitest"
import { faults } from "./report.js"
import { histories } from "./suite.js"

histories(41, 1_200, ({ stats }) => {
  for (const fault of faults) expect(stats.counts.get(fault), fault).toBeGreaterThan(20)
  for (const how of ["answered", "Declined", "died", "CallTimeout", "ChildUnavailable", "NodeUnreachable", "left"]) {
    expect(stats.counts.get(`calls: ended: ${how}`), how).toBeGreaterThan(2)
  }
})
