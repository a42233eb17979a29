/**
 * Entries of the history, as users see them.
 *
 * @internal
 */
import type { ChildId } from "../../ChildSpec.js"
import { type HistoryEntry, type HistoryWhat, isHistoryWhat } from "../../PogoHistory.js"
import type { HistoryRecord } from "../registry/historyRecords.js"
import { nameOf } from "../registry/sessionNames.js"
import { writableAsJson } from "../runtime/plainJson.js"
import { decodeText } from "./knownDirectives.js"

const textOrNone = (text: string): string | undefined => (text === "" ? undefined : text)

/** Stands before the name of the node where a child belongs that was stopped because of that. */
const moved = "moved "

type Said = Pick<HistoryEntry, "note" | "by" | "to">

/** What an entry's note says, by what happened. */
const saidBy = (what: HistoryWhat, note: string): Said => {
  const none = { note: undefined, by: undefined, to: undefined }
  switch (what) {
    case "claimed":
      return none
    case "stopped":
      return note.startsWith(moved)
        ? { ...none, note: "moved", to: textOrNone(note.slice(moved.length)) }
        : { ...none, note: textOrNone(note) }
    case "registered":
    case "terminated":
    case "replaced":
    case "restarted":
    case "cordoned":
    case "drained":
    case "uncordoned": {
      const blank = note.indexOf(" ")
      return blank < 0
        ? { ...none, by: textOrNone(decodeText(note)) }
        : { ...none, by: textOrNone(decodeText(note.slice(0, blank))), note: textOrNone(note.slice(blank + 1)) }
    }
    default:
      return { ...none, note: textOrNone(note) }
  }
}

const entryOf = (record: HistoryRecord, what: HistoryWhat): HistoryEntry => {
  const { at, attempt, id, ms, n, node, note, token } = record
  const isSession = node.includes("#")
  return writableAsJson({
    at: new Date(ms),
    position: BigInt(at),
    what,
    id: id === "" ? undefined : id as ChildId,
    node: textOrNone(isSession ? nameOf(node) : node),
    session: isSession ? node : undefined,
    token: token === 0 ? undefined : BigInt(token),
    attempt: attempt === 0 ? undefined : attempt,
    count: n,
    ...saidBy(what, note)
  })
}

/** The entries of a record: that of a takeover tells of its former holder, too. None of what a newer version tells. */
export const entriesOf = (record: HistoryRecord): ReadonlyArray<HistoryEntry> => {
  const { note, what } = record
  if (!isHistoryWhat(what)) return []
  const entry = entryOf(record, what)
  const [, token, node] = (what === "claimed" && /^(\d{1,16}):([^]+)$/.exec(note)) || []
  if (token === undefined || node === undefined) return [entry]
  return [entryOf({ ...record, node, token: Number(token), note: "its holder had ended" }, "lost"), entry]
}
