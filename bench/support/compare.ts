/**
 * Two builds side by side: whether a row differs by more than it differs from one run to the next.
 */
import { type Row, short } from "./bench.js"
import { median, spreadOf } from "./numbers.js"

/** Rounds of a row, in each run of a build. */
export type Runs = ReadonlyArray<ReadonlyArray<number>>

/** How a row of one build is, beside the other. */
export interface Comparison {
  readonly before: number
  readonly after: number
  /** `after` over `before`. */
  readonly ratio: number
  /** `same`: the builds do not differ by more than their own runs do. */
  readonly verdict: "better" | "worse" | "same"
}

/**
 * Compares the medians of runs. Two builds differ where all runs of one lie on one side of all runs of the other, and are
 * farther from them than any two runs of one build are from each other: with two runs each, taken in turns, that happens by
 * chance in one row of about ten, so a row that matters is worth more runs.
 */
export const compare = (before: Runs, after: Runs, better: "higher" | "lower"): Comparison => {
  const [old, young] = [spreadOf(before.map(median)), spreadOf(after.map(median))]
  const gap = Math.max(young.min - old.max, old.min - young.max)
  const noise = Math.max(young.max - young.min, old.max - old.min)
  const rose = young.median > old.median
  return {
    before: old.median,
    after: young.median,
    ratio: young.median / old.median,
    verdict: gap <= noise ? "same" : rose === (better === "higher") ? "better" : "worse"
  }
}

/** A row of both builds; one side is empty where it could not be measured there. */
export interface Pair {
  readonly row: Row
  readonly before: Runs
  readonly after: Runs
}

const signs = { better: "+", worse: "!", same: " " } as const

const spanOf = (runs: Runs): string => {
  const { max, min } = spreadOf(runs.map(median))
  return runs.length > 1 ? `${short(min)} .. ${short(max)}` : ""
}

/** The lines for people: one for each row, and a last one that sums up. */
export const comparisonLines = (pairs: ReadonlyArray<Pair>, commit: string): ReadonlyArray<string> => {
  const head = ["", "row", commit, "now", "unit", `now / ${commit}`, `runs of ${commit}`, "runs of now"]
  const compared = pairs.map((pair) =>
    pair.before.length === 0 || pair.after.length === 0
      ? undefined
      : compare(pair.before, pair.after, pair.row.better)
  )
  const cells = pairs.map(({ after, before, row }, i) => {
    const found = compared[i]
    return found === undefined
      ? [
        "?",
        row.name,
        before.length === 0 ? "not measured" : "",
        after.length === 0 ? "not measured" : "",
        "",
        "",
        "",
        ""
      ]
      : [
        signs[found.verdict],
        row.name,
        short(found.before),
        short(found.after),
        row.unit,
        Number.isFinite(found.ratio) ? found.ratio.toFixed(2) : "",
        spanOf(before),
        spanOf(after)
      ]
  })
  const widths = head.map((_, i) => Math.max(...[head, ...cells].map((line) => line[i]!.length)))
  const print = (line: ReadonlyArray<string>) => line.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd()
  const count = (verdict: Comparison["verdict"]) => compared.filter((found) => found?.verdict === verdict).length
  const sum = `${count("worse")} worse (!), ${count("better")} better (+), ${count("same")} within their spread`
  return [...[head, ...cells].map(print), "", sum]
}
