/**
 * The end of a demo: what was measured, and whether all went as promised.
 */
import type { Change, History } from "./History.js"
import { type Block, piece, type TextLine, wrap } from "./table.js"

/** `2.7 s`, or `2.7 to 2.9 s, median 2.8`. */
const spread = (changes: ReadonlyArray<Change>, format: (millis: number) => string): string => {
  const sorted = changes.map(({ millis }) => millis).sort((a, b) => a - b)
  const at = (share: number) => format(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  return at(0) === at(1) ? at(0) : `${at(0)} to ${at(1)}, median ${at(0.5)}`
}

export const inSeconds = (millis: number): string => `${(millis / 1_000).toFixed(2)} s`

export const inMillis = (millis: number): string => `${millis.toFixed(0)} ms`

/** What the demo did, for what the history is to be compared with. */
export interface Deeds {
  readonly services: ReadonlyArray<string>
  readonly nodes: number
  /** Orderly moves, by what they were made for. */
  readonly moves: ReadonlyArray<{ readonly name: string; readonly changes: ReadonlyArray<Change> }>
  /** The longest that a takeover may last, in milliseconds, and what it is made of. */
  readonly bound: { readonly millis: number; readonly text: string }
  /** What did not happen in time. */
  readonly missed: ReadonlyArray<string>
}

/** Everything that was not as it should be. */
const problemsOf = (history: History, deeds: Deeds): ReadonlyArray<string> => {
  const { orphaned, takeovers, violations } = history
  const late = takeovers.filter(({ millis }) => millis > deeds.bound.millis)
  const unchecked = deeds.services.filter((id) => !history.lastCheck.has(id))
  return [
    ...violations,
    ...deeds.missed.map((what) => `not in time: ${what}`),
    ...late.map(({ id, millis }) => `${id} was taken over after ${inSeconds(millis)} only`),
    ...orphaned.map((id) => `${id} was never taken over`),
    ...unchecked.map((id) => `${id} was never checked`)
  ]
}

const label = 16

/** A name, and what there is to say, under itself if it takes several lines. */
const fact = (name: string, text: string): Block => (width) =>
  wrap(text, Math.max(width - label, 16)).map((
    part,
    i
  ) => [piece((i === 0 ? name : "").padEnd(label), "bold"), piece(part)])

const verdict = (problems: ReadonlyArray<string>): ReadonlyArray<TextLine> => [
  [],
  ...problems.map((problem) => [piece(`WRONG  ${problem}`, "red")]),
  [problems.length === 0 ? piece("All as promised.", "green") : piece("Not as promised.", "red")]
]

/** The summary, and whether all went well. */
export const summarize = (history: History, deeds: Deeds): { readonly block: Block; readonly good: boolean } => {
  const problems = problemsOf(history, deeds)
  const { takeovers, violations } = history
  const facts = [
    fact("services", `${deeds.services.length}, each monitored by exactly one of ${deeds.nodes} nodes`),
    fact("checks", `${history.checks}, of which ${history.problems} found a service down`),
    fact("takeover", `${takeovers.length} services, ${spread(takeovers, inSeconds)} after the crash`),
    fact("", `bounded by ${deeds.bound.text}`),
    ...deeds.moves.map(({ changes, name }) =>
      fact(name, `${changes.length} services, with no copy running for ${spread(changes, inMillis)}`)
    ),
    fact("copies at once", `${violations.length} overlaps in ${history.runs} runs`)
  ]
  return {
    block: (width) => [...facts.flatMap((lines) => lines(width)), ...verdict(problems)],
    good: problems.length === 0
  }
}
