/**
 * Reading the history, backwards from its end, or on from a place. A command looks at a bounded number of entries.
 *
 * @internal
 */
import { bytesIn, exactOf } from "./bounds.js"
import type { Args, Value } from "./commands.js"
import { maxPageBytes } from "./commands.js"
import {
  canBeOurs,
  historyKey,
  historyPage,
  type HistoryRecord,
  isBehind,
  isOurTime,
  parseHistoryKey
} from "./historyRecords.js"
import type { Tx } from "./state.js"

const sizeOf = ({ id, node, note, what }: HistoryRecord): number =>
  bytesIn(id) + bytesIn(node) + bytesIn(what) + bytesIn(note) + 64

/** A bounded walk over entries. `next`: the entry to look at, if there is another one. */
const walk = (
  next: () => HistoryRecord | undefined,
  { id, limit }: Args<"history">,
  cursor: string
): Value<"history"> => {
  const entries: Array<HistoryRecord> = []
  const most = exactOf(limit) ?? 0
  let at = cursor
  let bytes = 0
  for (let seen = 0;; seen++) {
    const entry = next()
    if (entry === undefined) return { entries, cursor: at, more: false }
    const isWanted = canBeOurs(entry) && (id === "" || entry.id === id)
    bytes += isWanted ? sizeOf(entry) : 0
    if (seen >= historyPage || entries.length >= most || (bytes > maxPageBytes && entries.length > 0)) {
      return { entries, cursor: at, more: at !== cursor }
    }
    // Another one is no place to go on from.
    if (canBeOurs(entry)) at = historyKey(entry)
    if (isWanted) entries.push(entry)
  }
}

/** `history`: one page. What the guard has told within this command is read by the next one. */
export const history = ({ history: { written }, state }: Tx, args: Args<"history">): Value<"history"> => {
  let size = Math.max(0, state.hist.length - written)
  while (size > 0 && !isOurTime(state.hist[size - 1]!.ms)) size--
  const hist = size === state.hist.length ? state.hist : state.hist.slice(0, size)
  const cursor = parseHistoryKey(args.cursor)
  const place = cursor !== undefined && canBeOurs(cursor) ? cursor : undefined
  if (args.back) {
    const since = exactOf(args.since) ?? 0
    let i = hist.length - 1
    if (place !== undefined) { while (i >= 0 && !isBehind(place, hist[i]!)) i-- }
    return walk(() => (i >= 0 && hist[i]!.ms >= since ? hist[i--] : undefined), args, args.cursor)
  }
  const newest = hist.findLast(canBeOurs) ?? { ms: 0, at: 0 }
  if (place === undefined) return { entries: [], cursor: historyKey(newest), more: false }
  let i = 0
  // Behind the newest there is nothing to go on from: the stream was begun anew since.
  if (isBehind(place, newest)) return walk(() => hist[i++], args, "0-0")
  i = hist.length
  while (i > 0 && isBehind(hist[i - 1]!, place)) i--
  return walk(() => hist[i++], args, args.cursor)
}
