/**
 * The histories up to seed 2000, in a file of their own: two processes share the work.
 */
import { expect } from "vitest"
import { histories } from "./suite.js"

histories(1_201, 2_000, ({ stats }) => {
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
