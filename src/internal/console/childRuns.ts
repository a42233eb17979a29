/**
 * What the history of one child shows: its runs, and that it was never two nodes' at once.
 *
 * @internal
 */
import type { HistoryEntry } from "../../PogoHistory.js"
import { HistoryReading } from "../historyCheck.js"
import type { Run } from "./answers.js"
import { many } from "./childLines.js"
import { plain } from "./marks.js"

/** One run. */
type OneRun = typeof Run.Type
type OpenRun = { -readonly [K in keyof OneRun]: OneRun[K] }

const closes: ReadonlySet<string> = new Set(["stopped", "refused", "ended", "failed", "lost"])

/** The runs that a child's history tells of, the oldest first. `entries`: of that child, the oldest first. */
export const runsOf = (entries: ReadonlyArray<HistoryEntry>): ReadonlyArray<OneRun> => {
  const runs: Array<OneRun> = []
  let open: OpenRun | undefined
  const begin = ({ at, attempt = 0, count, node = "", token = 0n }: HistoryEntry, from = at): OpenRun => {
    const run: OpenRun = { node, token, attempt, from, count }
    runs.push(run)
    return run
  }
  const end = ({ at, token }: HistoryEntry, how: string) => {
    if (open !== undefined && (token === undefined || open.token === token)) {
      Object.assign(open, { to: at, end: how })
      open = undefined
    }
  }
  for (const entry of entries) {
    const { note, what } = entry
    if (what === "claimed") {
      // Its end is not told.
      if (open !== undefined) Object.assign(open, { to: entry.at })
      open = undefined
    } else if (what === "running") {
      if (open !== undefined) Object.assign(open, { to: entry.at })
      open = begin(entry)
    } else if (what === "exited") {
      // Of many runs there are few entries: that they were is told by their end alone, and the first began when the
      // last one that is told had ended.
      const last = runs.at(-1)
      open ??= begin(entry, last?.token === entry.token ? last?.to : undefined)
      open.attempt = entry.attempt ?? open.attempt
      open.count = Math.max(open.count, entry.count)
      end(entry, "exited")
    } else if (what === "overdue") { if (open !== undefined) open.late = entry.at }
    else if (closes.has(what)) end(entry, what === "stopped" ? note ?? what : what)
  }
  return runs
}

/** What the history shows of the rule, in words. */
export interface Proof {
  readonly ok: boolean
  readonly text: string
}

/** In order: of the two entries of a takeover, the loss comes first. */
const inOrder = (a: HistoryEntry, b: HistoryEntry): number =>
  a.position === b.position ? (a.what === "lost" ? -1 : 1) : a.position < b.position ? -1 : 1

/**
 * Whether a child was ever two nodes' at once. `entries`: of that child, or of others and of nodes, too. Without those of
 * nodes a claim that was asserted after a loss of data looks like one that goes on beside its successor.
 */
export const proofOf = (id: string, entries: ReadonlyArray<HistoryEntry>): Proof => {
  const reading = new HistoryReading()
  let claims = 0
  for (const entry of entries.toSorted(inOrder)) {
    if (entry.id !== undefined && entry.id !== id) continue
    if (entry.what === "claimed") claims++
    reading.read(entry)
  }
  const { gaps, overlaps } = reading
  if (overlaps.length > 0) return { ok: false, text: `Two at once: ${overlaps.map(plain).join("; ")}.` }
  if (claims === 0) return { ok: true, text: "The history tells of no claim." }
  const each = claims === 1
    ? "one claim, and no other beside it"
    : `${many(claims, "claim")}, each with a higher token than the one before, and none granted before that had ended`
  const unknown = gaps.length === 0 ? "" : ` Of ${many(gaps.length, "claim")} the history does not tell the end.`
  return { ok: true, text: `Never two at once: ${each}.${unknown}` }
}
