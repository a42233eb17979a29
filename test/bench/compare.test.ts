/** When two builds differ, and when it is only their runs that do. */
import { describe, expect, it } from "@effect/vitest"
import type { Row } from "../../bench/support/bench.js"
import { compare, comparisonLines } from "../../bench/support/compare.js"

const verdictOf = (before: ReadonlyArray<number>, after: ReadonlyArray<number>, better: "higher" | "lower" = "lower") =>
  compare(before.map((value) => [value]), after.map((value) => [value]), better).verdict

describe("two builds", () => {
  it("differ where they are farther apart than the runs of either", () => {
    expect(verdictOf([10, 11], [13, 12.5])).toBe("worse")
    expect(verdictOf([10, 11], [8, 8.5])).toBe("better")
    expect(verdictOf([10, 11], [8, 8.5], "higher")).toBe("worse")
    expect(verdictOf([10, 11], [13, 12.5], "higher")).toBe("better")
  })

  it("are the same where their runs overlap, or are as far from each other", () => {
    expect(verdictOf([10, 12], [11, 13])).toBe("same")
    expect(verdictOf([10, 12], [13, 20])).toBe("same")
    expect(verdictOf([10, 11], [11.5, 11.6])).toBe("same")
    expect(verdictOf([10, 10], [10, 10])).toBe("same")
    expect(verdictOf([0, 0], [1, 1])).toBe("worse")
  })

  it("are compared by the medians of their runs: a single slow round is none", () => {
    expect(compare([[1, 1, 9], [1, 1, 1]], [[1, 1, 1], [1, 8, 1]], "lower")).toMatchObject({
      verdict: "same",
      ratio: 1
    })
  })

  it("are told in a table, with what only one of them has", () => {
    const row = { name: "a call", unit: "ms", better: "lower" } as Row
    const lines = comparisonLines(
      [
        { row, before: [[1], [1.1]], after: [[2], [2.1]] },
        { row: { ...row, name: "a newer row" }, before: [], after: [[2], [2]] }
      ],
      "abc1234"
    )
    expect(lines[1]).toMatch(/^! +a call +1.05 +2.05 +ms +1.95 +1 .. 1.1 +2 .. 2.1$/)
    expect(lines[2]).toMatch(/^\? +a newer row +not measured/)
    expect(lines.at(-1)).toBe("1 worse (!), 0 better (+), 0 within their spread")
  })
})
