/**
 * What a test of a fault saw, told on the console and kept for the table in `docs/faults.md`: `npm run faults:table` sets
 * the file's name.
 */
import { appendFileSync } from "node:fs"

/** `row` is the one that the test's own name tells, without its brackets. */
export const measured = (row: string, text: string): void => {
  process.stdout.write(`    [${row}] ${text}\n`)
  const file = process.env["POGO_MEASURED"]
  if (file !== undefined && file !== "") appendFileSync(file, JSON.stringify({ row, text }) + "\n")
}

/** The middle and the worst of some times. */
export const spread = (millis: ReadonlyArray<number>): string => {
  if (millis.length === 0) return "none"
  const sorted = [...millis].sort((a, b) => a - b)
  return `p50 ${sorted[Math.floor(sorted.length / 2)]!.toFixed(0)} ms, worst ${
    sorted.at(-1)!.toFixed(0)
  } ms (${sorted.length})`
}
