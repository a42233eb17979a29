/**
 * History: what happened to children and to nodes, as a capped stream beside the data. An entry is written by the
 * command that has the effect, so that one which was refused, or is repeated, leaves none. It may be lost: nothing but a
 * reader looks at it.
 *
 * Twin of `lua/shared/history.lua`.
 *
 * @internal
 */
import { bytesIn, counterOf, exactOf, maxHigh, maxSeconds } from "./bounds.js"

/**
 * One entry. `ms`: unix milliseconds of the server, never lower than before, for people to read. `at`: the scope's
 * counter, by which entries are ordered, across eras too.
 */
export interface HistoryRecord {
  readonly ms: number
  readonly at: number
  /** The child; empty for what happened to a node, or to the data. */
  readonly id: string
  /** Of the claim; 0 for none. */
  readonly token: number
  /** The session that the entry is about; a directive's is a node name. */
  readonly node: string
  /** The run, counted from 1 under each claim; 0 for none. Of several the last. */
  readonly attempt: number
  readonly what: string
  /**
   * Why, in at most `maxNote` bytes. A takeover's is `token:session` of the claim whose holder had ended. Of what
   * somebody asked for: who, percent-encoded in at most `maxBy` bytes, and behind a blank why, if that is told.
   */
  readonly note: string
  /** How many such events the entry stands for. */
  readonly n: number
}

/** What an owner tells of its child's runs; it travels with the child's next report, release or end. */
export interface HistoryNote {
  readonly what: "running" | "exited" | "overdue"
  readonly attempt: number
  readonly n: number
  readonly text: string
}

/** What an owner tells the history with a command about its child. */
export interface OwnerNotes {
  /** Why the child was stopped, or ended. */
  readonly why?: string | undefined
  readonly notes?: ReadonlyArray<HistoryNote> | undefined
}

/** Which entries a caller's commands leave: at least the last `count`, of the last `millis`. With 0 they leave none. */
export interface KeepHistory {
  readonly count: number
  readonly millis: number
}

/** What the history calls the end of a session: on purpose, with its process, or with its lease. */
export const sessionEnds = { orderly: "left", gone: "gone", reaped: "leaseLost" } as const

/** How many entries are kept unless a caller says otherwise, or four per spec if that is more. */
export const historyCount = 20_000

/** For how long entries are kept unless a caller says otherwise, milliseconds. */
export const historyAge = 7 * 24 * 3600 * 1000

/** Limit of a note, bytes. */
export const maxNote = 200

/** Limit of a percent-encoded name in front of a note, bytes: that of a node is whole. */
export const maxBy = 600

/** How many entries one command looks at. */
export const historyPage = 1_000

/** Separates the notes of one child in a command's arguments. */
export const noteSeparator = "\u001e"

/** Separates a parked child's cause and the name of its last node. */
export const lastNodeSeparator = "\u001f"

/** An entry at a later time is none of ours. */
const latest = maxSeconds * 1000 + 999

/** The first bytes of a text, as many as a note may have, and no character in part. */
export const cutNote = (text: string): string => {
  if (text.length * 3 <= maxNote || bytesIn(text) <= maxNote) return text
  let size = 0
  let cut = ""
  for (const char of text) {
    size += bytesIn(char)
    if (size > maxNote) break
    cut += char
  }
  return cut
}

/** The first bytes of a percent-encoded name, as many as are kept of one, and no character in part. */
const cutName = (name: string): string => {
  let last = Math.min(name.length, maxBy)
  const isInside = () =>
    /^%[89AB][\dA-F]/i.test(name.slice(last, last + 3)) || name.slice(Math.max(0, last - 2), last).includes("%")
  while (last > 0 && last < name.length && isInside()) last--
  return name.slice(0, last)
}

/** A note's text as it is stored. */
export const noteText = (text: string): string => cutNote(text.replaceAll(noteSeparator, " "))

/** The stream's name of an entry. */
export const historyKey = ({ at, ms }: Pick<HistoryRecord, "at" | "ms">): string => `${ms}-${at}`

/** Reads the stream's name of an entry; `undefined` for another form. */
export const parseHistoryKey = (key: string): Pick<HistoryRecord, "at" | "ms"> | undefined => {
  const [, ms, at] = /^(\d{1,16})-(\d{1,16})$/.exec(key) ?? []
  const found = { ms: exactOf(Number(ms)), at: counterOf(Number(at)) }
  return found.ms === undefined || found.at === undefined ? undefined : { ms: found.ms, at: found.at }
}

/** Whether an entry stands behind a place of the stream. */
export const isBehind = (a: Pick<HistoryRecord, "at" | "ms">, b: Pick<HistoryRecord, "at" | "ms">): boolean =>
  a.ms > b.ms || (a.ms === b.ms && a.at > b.at)

/** What is needed to write entries: a part of a transaction. */
export interface Historian {
  readonly meta: { hist: number; high: number; readonly last: number }
  readonly state: { hist: Array<HistoryRecord>; readonly spec: { readonly size: number } }
  /**
   * `by`: who sends the command, percent-encoded; `reason`: why. `written`: entries that were written. `lost`: those that could not be,
   * which is for Redis only.
   */
  readonly history: KeepHistory & {
    readonly by: string
    readonly reason: string
    readonly lost: number
    written: number
  }
}

/** Whether a time is one that an entry of ours can have. */
export const isOurTime = (ms: number): boolean => ms <= latest

/**
 * Whether an entry has a time and a counter that an entry of ours can have. A new era counts on behind it: there must be
 * room for that.
 */
export const canBeOurs = ({ at, ms }: Pick<HistoryRecord, "at" | "ms">): boolean =>
  isOurTime(ms) && at <= maxHigh && counterOf(at) !== undefined

/** Time and counter of the newest entry that can be ours; 0 for none. */
export const newestOf = (hist: ReadonlyArray<HistoryRecord>): Pick<HistoryRecord, "at" | "ms"> => {
  const newest = hist.at(-1)
  return newest === undefined || !canBeOurs(newest) ? { ms: 0, at: 0 } : newest
}

/** By how many entries the trimming is late, as a stream's is, which removes them by the block. */
const slack = 100

/** Removes what is too old or too much. */
const trim = ({ history, meta, state }: Historian): void => {
  const keep = Math.max(history.count, 4 * state.spec.size)
  const oldest = meta.hist - history.millis
  if (state.hist.length > keep + Math.max(slack, keep / 4)) state.hist = state.hist.slice(-keep)
  if (state.hist[Math.min(slack, state.hist.length - 1)]!.ms < oldest) {
    state.hist = state.hist.filter(({ ms }) => ms >= oldest)
  }
}

/** What an entry says; what is left out is none. */
type Told = Partial<Pick<HistoryRecord, "id" | "token" | "node" | "attempt" | "note" | "n">>

const tellWhole = (tx: Historian, what: string, told: Told): void => {
  const { history, meta, state } = tx
  if (history.count === 0) return
  meta.hist = Math.max(meta.hist, meta.last)
  meta.high++
  const entry = { id: "", token: 0, node: "", attempt: 0, note: "", n: 1, ...told, ms: meta.hist, at: meta.high, what }
  const newest = state.hist.at(-1)
  // An entry that stands behind ours is none of ours. A stream takes no other, and is begun anew.
  if (newest !== undefined && !isBehind(entry, newest)) state.hist = []
  state.hist.push(entry)
  history.written++
  trim(tx)
}

/** Writes an entry. */
export const tell = (tx: Historian, what: string, told: Told): void =>
  tellWhole(tx, what, { ...told, note: cutNote(told.note ?? "") })

/** Writes an entry of what somebody asked for. `by`: who, percent-encoded, so that a blank ends it. */
export const tellBy = (tx: Historian, what: string, by: string, told: Told): void => {
  const { note = "" } = told
  tellWhole(tx, what, { ...told, note: `${cutName(by)}${note === "" ? "" : ` ${cutNote(note)}`}` })
}

/** Writes what an owner tells of its child. */
export const tellNotes = (
  tx: Historian,
  about: { readonly id: string; readonly token: number; readonly node: string },
  notes: ReadonlyArray<HistoryNote> | undefined
): void => {
  for (const { attempt, n, text, what } of notes ?? []) tell(tx, what, { ...about, attempt, n, note: noteText(text) })
}
