/**
 * The end of a demo: what was measured, and whether all went as promised.
 */
import type { Change, History } from "./History.js"
import { type Block, piece, type TextLine, wrap } from "./table.js"

const inSeconds = (millis: number): string => `${(millis / 1_000).toFixed(2)} s`

const inMillis = (millis: number): string => `${millis.toFixed(0)} ms`

/** `2.70 s`, or `2.70 s to 2.90 s, median 2.80 s`. */
const spread = (changes: ReadonlyArray<Change>, format: (millis: number) => string): string => {
  const sorted = changes.map(({ millis }) => millis).sort((a, b) => a - b)
  const at = (share: number) => format(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  return at(0) === at(1) ? at(0) : `${at(0)} to ${at(1)}, median ${at(0.5)}`
}

const services = ({ length }: ReadonlyArray<Change>): string => length === 1 ? "1 service" : `${length} services`

const takeoversIn = ({ takeovers }: History): string =>
  takeovers.length === 0 ? "none" : `${services(takeovers)}, ${spread(takeovers, inSeconds)} after the crash`

const movesIn = (moves: ReadonlyArray<Change>): string =>
  moves.length === 0 ? "none" : `${services(moves)}, with no copy running for ${spread(moves, inMillis)}`

const copiesIn = ({ overlaps, runs }: History): string =>
  overlaps.length === 0 ? `never more than 1 of a service: 0 overlaps in ${runs} runs` : `${overlaps.length} overlaps!`

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
  const { orphaned, overlaps, setbacks, takeovers } = history
  const late = takeovers.filter(({ millis }) => millis > deeds.bound.millis)
  const unchecked = deeds.services.filter((id) => !history.lastCheck.has(id))
  return [
    ...overlaps,
    ...setbacks,
    ...deeds.missed.map((what) => `not in time: ${what}`),
    ...late.map(({ id, millis }) => `${id} was taken over after ${inSeconds(millis)} only`),
    ...orphaned.map((id) => `${id} was never taken over`),
    ...unchecked.map((id) => `${id} was never checked`)
  ]
}

const label = 16

/** A name, and what there is to say, under itself if it takes several lines. */
const fact = (name: string, text: string): Block => (width) => {
  const [first = "", ...rest] = wrap(text, Math.max(width - label, 16))
  const line = (left: string, right: string): TextLine => [piece(left.padEnd(label), "bold"), piece(right)]
  return [line(name, first), ...rest.map((part) => line("", part))]
}

const verdict = (problems: ReadonlyArray<string>): ReadonlyArray<TextLine> => [
  [],
  ...problems.map((problem) => [piece(`WRONG  ${problem}`, "red")]),
  [problems.length === 0 ? piece("All as promised.", "green") : piece("Not as promised.", "red")]
]

/** The summary, and whether all went well. */
export const summarize = (history: History, deeds: Deeds): { readonly block: Block; readonly good: boolean } => {
  const problems = problemsOf(history, deeds)
  const facts = [
    fact("services", `${deeds.services.length}, each monitored by exactly one of ${deeds.nodes} nodes`),
    fact("checks", `${history.checks}, of which ${history.problems} found a service down`),
    fact("takeover", takeoversIn(history)),
    fact("", deeds.bound.text),
    ...deeds.moves.map(({ changes, name }) => fact(name, movesIn(changes))),
    fact("copies at once", copiesIn(history))
  ]
  return {
    block: (width) => [...facts.flatMap((lines) => lines(width)), ...verdict(problems)],
    good: problems.length === 0
  }
}
