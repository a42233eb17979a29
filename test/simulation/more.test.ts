/**
 * The second half of the histories, in a file of its own: two processes share the work.
 */
import { expect } from "vitest"
import { histories } from "./suite.js"

histories(1_001, 1_000, ({ stats }) => {
  const counts = Object.keys(stats.toJSON())
  for (const what of ["healthy", "dead", "frozen", "cut"]) expect(counts).toContain(`end: a node is ${what}`)
  expect(counts).toEqual(expect.arrayContaining([
    "history: two versions of code at once",
    "history: a clock beyond the assumption",
    "history: stops beyond the budget",
    "history: order of tasks shuffled",
    "history: more children than one batch"
  ]))
})
