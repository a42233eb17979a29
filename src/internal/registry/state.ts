/**
 * What every command of the registry stands on: the records' codecs, and the data set of a scope with its primitives.
 *
 * The data set mirrors the keys of the Redis layout, record for record, so that the two can be compared. A registry
 * reads only the short header of a record; the JSON behind it belongs to the nodes. Numbers are plain decimal integers
 * below 2^53.
 *
 * | record | form |
 * |---|---|
 * | spec | `generation\|stamp\|op\|flags\|refused\|body` |
 * | tombstone | `stamp\|generation\|op\|end op\|how\|flags` |
 * | claim | `token:generation:sid` |
 * | status | `token:state:restarts:since:next:cause` |
 * | node | `version\|opened\|json` |
 * | directive | `stamp\|what\|until\|op\|at\|by\|reason` |
 * | round of a set | `round\|fence\|op` |
 * | state of a child | `birth\|token\|version\|at\|kindVersion\|node\|flag\|body` |
 *
 * Others are in `trialRecords.ts`, `childStates.ts` and `historyRecords.ts`. The flags of a spec are letters, and behind
 * them its birth in digits where that is not the generation itself.
 *
 * @internal
 */
import { counterOf } from "./bounds.js"
import type { DirectiveWhat } from "./commands.js"
import { maxDead, minLog } from "./commands.js"
import { type Historian, type HistoryRecord, lastNodeSeparator, sessionEnds, tell } from "./historyRecords.js"
import { floorAt, formatTrace, noTrace, parseTrace } from "./trialRecords.js"

// Records.

/** Spec record: a header that the registry reads, and a body that is opaque to it. */
export interface SpecRecord {
  readonly generation: number
  readonly stamp: number
  /** Id of the call that wrote the spec. */
  readonly op: string
  /** Set when a list of initial children names the spec. */
  readonly initial: boolean
  /** Set when the restart policy is spent: nobody runs the child until a call restarts it. */
  readonly failed: boolean
  /** The generation that began the child's life: a replacement or a restart goes on with it. */
  readonly birth: number
  /** Set once a state was stored in this life. */
  readonly stateful: boolean
  /** Code versions that cannot run this generation; at most `maxRefused`. */
  readonly refused: ReadonlyArray<string>
  readonly body: string
}

/** Tombstone: what remains of a spec that ended. */
export interface TombRecord {
  readonly stamp: number
  readonly generation: number
  /** Id of the call that had written the spec. */
  readonly op: string
  /** Id of the call that ended the spec; empty when the child ended by itself. */
  readonly endOp: string
  readonly how: "terminated" | "ended"
  readonly initial: boolean
  /** Set when a list that did not name the child ended it: a list that names it creates it anew. */
  readonly pruned: boolean
}

/** Claim record: fencing token, generation of the spec, and the session that holds it. */
export interface ClaimRecord {
  readonly token: number
  readonly generation: number
  readonly sid: string
}

/** Child states that an owner reports. */
export type StatState = "starting" | "running" | "restarting" | "stopping" | "overdue" | "failed" | "refused"

/** Status record: the owner's last report of a child. Times are unix milliseconds; `next` is 0 when nothing is due. */
export interface StatRecord {
  readonly token: number
  readonly state: StatState
  readonly restarts: number
  readonly since: number
  readonly next: number
  readonly cause: string
  /** Name of the node that a parked child ran on last. */
  readonly lastNode?: string | undefined
}

/** Node record: a header that the registry reads, and JSON that is opaque to it. */
export interface NodeHeader {
  readonly version: number
  /** Counter value at which the session opened: orders sessions by age. */
  readonly opened: number
  readonly json: string
}

/** Directive record: the newest word to the nodes of one name. */
export interface DirectiveRecord {
  readonly stamp: number
  readonly what: DirectiveWhat
  /** End of its retention, logical milliseconds. */
  readonly until: number
  /** Id of the call that gave it, percent-encoded. */
  readonly op: string
  /** When it was given, unix milliseconds of the server. */
  readonly at: number
  /** Who gave it, percent-encoded. */
  readonly by: string
  readonly reason: string
}

const specPattern = /^(\d{1,16})\|(\d{1,16})\|([^|]*)\|([^|]*)\|([^|]*)\|([\s\S]*)$/
const tombPattern = /^(\d{1,16})\|(\d{1,16})\|([^|]*)\|([^|]*)\|([de])\|([^|]*)$/
const claimPattern = /^(\d{1,16}):(\d{1,16}):([\s\S]+)$/
const statPattern = /^(\d{1,16}):([a-z]+):(\d{1,16}):(\d{1,16}):(\d{1,16}):([\s\S]*)$/
const directivePattern = /^(\d{1,16})\|([cdu])\|(\d{1,16})\|([^|]*)\|(\d{1,16})\|([^|]*)\|([\s\S]*)$/
const nodePattern = /^(\d{1,16})\|(\d{1,16})\|([\s\S]*)$/

const states: ReadonlySet<string> = new Set<StatState>([
  "starting",
  "running",
  "restarting",
  "stopping",
  "overdue",
  "failed",
  "refused"
])

/** Limit of the code versions that a spec remembers as refusing it. */
export const maxRefused = 16

/** Limit of a stored cause, characters. */
export const maxCause = 1000

/** Larger numbers match the patterns too. */
const areCounters = (...numbers: ReadonlyArray<number>): boolean => numbers.every((n) => counterOf(n) !== undefined)

/** Parses a spec's birth, behind the letters of its flags. An older node drops it when it rewrites the header. */
const birthOf = (flags: string, generation: number): number => {
  const digits = /\d+$/.exec(flags)?.[0] ?? ""
  return (digits.length > 0 && digits.length <= 16 ? counterOf(Number(digits)) : undefined) ?? generation
}

/** Parses a spec; `undefined` for another form. */
export const parseSpec = (value: string): SpecRecord | undefined => {
  const m = specPattern.exec(value)
  if (m === null) return undefined
  const [generation, stamp] = [Number(m[1]), Number(m[2])]
  if (!areCounters(generation, stamp)) return undefined
  return {
    generation,
    stamp,
    op: m[3]!,
    initial: m[4]!.includes("i"),
    failed: m[4]!.includes("f"),
    birth: birthOf(m[4]!, generation),
    stateful: m[4]!.includes("s"),
    refused: m[5] === "" ? [] : m[5]!.split(","),
    body: m[6]!
  }
}

const flagsOf = ({ birth, failed, generation, initial, stateful }: SpecRecord): string =>
  `${initial ? "i" : ""}${failed ? "f" : ""}${stateful ? "s" : ""}${birth === generation ? "" : birth}`

/** Formats a spec. */
export const formatSpec = (spec: SpecRecord): string =>
  `${spec.generation}|${spec.stamp}|${spec.op}|${flagsOf(spec)}|${spec.refused.join(",")}|${spec.body}`

/** Parses a tombstone; `undefined` for another form. */
export const parseTomb = (value: string): TombRecord | undefined => {
  const m = tombPattern.exec(value)
  if (m === null) return undefined
  const [stamp, generation] = [Number(m[1]), Number(m[2])]
  if (!areCounters(stamp, generation)) return undefined
  return {
    stamp,
    generation,
    op: m[3]!,
    endOp: m[4]!,
    how: m[5] === "d" ? "terminated" : "ended",
    initial: m[6]!.includes("i"),
    pruned: m[6]!.includes("p")
  }
}

/** Formats a tombstone. */
export const formatTomb = (tomb: TombRecord): string =>
  `${tomb.stamp}|${tomb.generation}|${tomb.op}|${tomb.endOp}|${tomb.how === "terminated" ? "d" : "e"}|${
    tomb.initial ? "i" : ""
  }${tomb.pruned ? "p" : ""}`

/** Parses a claim; `undefined` for another form. */
export const parseClaim = (value: string): ClaimRecord | undefined => {
  const m = claimPattern.exec(value)
  if (m === null) return undefined
  const [token, generation] = [Number(m[1]), Number(m[2])]
  return areCounters(token, generation) ? { token, generation, sid: m[3]! } : undefined
}

/** Formats a claim. */
export const formatClaim = (claim: ClaimRecord): string => `${claim.token}:${claim.generation}:${claim.sid}`

/** Parses a status; `undefined` for another form. */
export const parseStat = (value: string): StatRecord | undefined => {
  const m = statPattern.exec(value)
  if (m === null || !states.has(m[2]!)) return undefined
  const [token, restarts, since, next] = [Number(m[1]), Number(m[3]), Number(m[4]), Number(m[5])]
  if (!areCounters(token) || ![restarts, since, next].every(Number.isSafeInteger)) return undefined
  const state = m[2] as StatState
  const split = state === "failed" ? m[6]!.lastIndexOf(lastNodeSeparator) : -1
  const [cause, lastNode] = split < 0 ? [m[6]!, undefined] : [m[6]!.slice(0, split), m[6]!.slice(split + 1)]
  return { token, state, restarts, since, next, cause, lastNode }
}

/** Formats a status; cuts the cause at `maxCause`. The name of the last node stands behind it, which older nodes show. */
export const formatStat = (stat: StatRecord): string =>
  `${stat.token}:${stat.state}:${stat.restarts}:${Math.floor(stat.since)}:${Math.floor(stat.next)}:${
    stat.cause.slice(0, maxCause)
  }${stat.lastNode === undefined ? "" : `${lastNodeSeparator}${stat.lastNode}`}`

/** Parses a node record; `undefined` for another form. */
export const parseNode = (value: string): NodeHeader | undefined => {
  const m = nodePattern.exec(value)
  if (m === null) return undefined
  const [version, opened] = [Number(m[1]), Number(m[2])]
  return areCounters(version, opened) ? { version, opened, json: m[3]! } : undefined
}

/** Formats a node record. */
export const formatNode = (node: NodeHeader): string => `${node.version}|${node.opened}|${node.json}`

/** Letters of a directive's `what`. */
export const directiveLetters: { readonly [W in DirectiveWhat]: string } = { cordon: "c", drain: "d", undo: "u" }

const whatOf = (letter: string): DirectiveWhat => letter === "c" ? "cordon" : letter === "d" ? "drain" : "undo"

/** Parses a directive; `undefined` for another form. */
export const parseDirective = (value: string): DirectiveRecord | undefined => {
  const m = directivePattern.exec(value)
  if (m === null) return undefined
  const [stamp, until, at] = [Number(m[1]), Number(m[3]), Number(m[5])]
  if (!areCounters(stamp, until, at)) return undefined
  return { stamp, what: whatOf(m[2]!), until, op: m[4]!, at, by: m[6]!, reason: m[7]! }
}

/** Formats a directive. */
export const formatDirective = ({ at, by, op, reason, stamp, until, what }: DirectiveRecord): string =>
  `${stamp}|${directiveLetters[what]}|${until}|${op}|${at}|${by}|${reason}`

// Data set.

/** Bookkeeping of a data set. Times are milliseconds of the logical clock, save `last`. */
export interface Meta {
  layout: string
  /** "1" once the scope's layout was written down: should that be missing then, data was lost. */
  guarded: string
  era: string
  /** Identity of the server process that served the last command. */
  run: string
  /** Counter of the scope: generations, stamps, tokens and log positions are all drawn from it. */
  high: number
  /** Server time (unix ms) of the last command. */
  last: number
  now: number
  /** End of the quarantine. */
  quarantine: number
  ttl: number
  maxStep: number
  /** Newest log entry. */
  log: number
  /** Highest stamp among the tombstones that were swept away. */
  collected: number
  /** Integrity counts: records per key. A key that was deleted or evicted no longer fits its count. */
  specs: number
  claims: number
  sessions: number
  tombs: number
  /** The same of children's states. Missing where an older script began the era: then it is taken as it is. */
  states: number | undefined
  /** How high the counter stood, now and then (`trialRecords.ts`): tells how old a token is. */
  marks: string
  /** Time of the newest entry of the history, unix milliseconds: it never falls. */
  hist: number
  /** Claims held by each live session. */
  held: Map<string, number>
}

/** Kinds of log entry: `s` spec or tombstone, `c` claim or status, `n` membership, `d` directive, `e` era. */
export type LogKind = "s" | "c" | "n" | "d" | "e"

/** Entry of the change log: which record changed, and the counter value of the change. */
export interface LogEntry {
  readonly at: number
  readonly kind: LogKind
  readonly id: string
}

/** Data set of one scope. */
export interface RegistryState {
  meta: Meta | undefined
  /** Session -> expiry. */
  readonly sess: Map<string, number>
  readonly node: Map<string, string>
  readonly spec: Map<string, string>
  readonly tomb: Map<string, string>
  /** Tombstones that may be swept away -> earliest time. */
  readonly tombx: Map<string, number>
  readonly claim: Map<string, string>
  readonly stat: Map<string, string>
  readonly dead: Map<string, number>
  /** Node name -> directive. */
  readonly direct: Map<string, string>
  /** The layout that the scope belongs to, under "layout". */
  readonly layout: Map<string, string>
  /** Session -> its last round of trials, and how it ended. */
  readonly sessx: Map<string, string>
  /** Child -> its trial. */
  readonly trial: Map<string, string>
  /** Set, `kind/set` -> its youngest round of reconciling. */
  readonly round: Map<string, string>
  /** Child -> the state that it stored last. */
  readonly state: Map<string, string>
  log: Array<LogEntry>
  /** What happened; the oldest first. */
  hist: Array<HistoryRecord>
  /** Open iterators of `snap`, by cursor; not data. */
  readonly scans: Map<string, Iterator<[string, string]>>
}

/** Server that a machine runs on. */
export interface Server {
  /** Unix milliseconds. */
  readonly time: number
  readonly run: string
  /** Whether to skip the quarantine of a data set that is wholly empty: for tests and demos, never in production. */
  readonly trust: boolean
}

/** Makes the data set of a new scope. */
export const emptyState = (): RegistryState => ({
  meta: undefined,
  sess: new Map(),
  node: new Map(),
  spec: new Map(),
  tomb: new Map(),
  tombx: new Map(),
  claim: new Map(),
  stat: new Map(),
  dead: new Map(),
  direct: new Map(),
  layout: new Map(),
  sessx: new Map(),
  trial: new Map(),
  round: new Map(),
  state: new Map(),
  log: [],
  hist: [],
  scans: new Map()
})

/** Copies a data set: what a backup, or a replica that stopped following, holds. */
export const cloneState = (state: RegistryState): RegistryState => ({
  meta: state.meta === undefined ? undefined : { ...state.meta, held: new Map(state.meta.held) },
  sess: new Map(state.sess),
  node: new Map(state.node),
  spec: new Map(state.spec),
  tomb: new Map(state.tomb),
  tombx: new Map(state.tombx),
  claim: new Map(state.claim),
  stat: new Map(state.stat),
  dead: new Map(state.dead),
  direct: new Map(state.direct),
  layout: new Map(state.layout),
  sessx: new Map(state.sessx),
  trial: new Map(state.trial),
  round: new Map(state.round),
  state: new Map(state.state),
  log: state.log.slice(),
  hist: state.hist.slice(),
  scans: new Map()
})

/** Transaction: a command's view of the data set, once the guard has let it pass. */
export interface Tx {
  readonly state: RegistryState
  readonly meta: Meta
  /** Milliseconds since the command before, by the server's clock. */
  readonly idle: number
  readonly sweep: Sweep
  readonly history: Historian["history"]
}

/** What a command may sweep away of the tombstones. */
export interface Sweep {
  /** Sweep times up to this one are due. */
  readonly until: number
  /** How many there are too many, less those that the command has swept away. */
  tooMany: number
  /** Tombstones that the command has touched: none of them is swept away by it. */
  readonly touched: Set<string>
}

/** Draws the next value of the counter. */
export const next = (tx: Tx): number => ++tx.meta.high

/** Position of the newest log entry; 0 for an empty log. */
export const lastOf = ({ log }: RegistryState): number => (log.length > 0 ? log[log.length - 1]!.at : 0)

/** Appends to the change log, and trims it to about four entries per spec. */
export const append = ({ meta, state }: Tx, kind: LogKind, id: string): void => {
  meta.high++
  meta.log = meta.high
  // As a stream does: what is behind an entry at an absurd position begins it anew.
  if (lastOf(state) >= meta.high) state.log = []
  state.log.push({ at: meta.high, kind, id })
  const keep = Math.max(minLog, 4 * state.spec.size)
  if (state.log.length > keep + minLog / 2) state.log = state.log.slice(-keep)
}

/** Whether a session is live. */
export const isLive = (tx: Tx, sid: string): boolean => tx.state.sess.has(sid)

/** Reads the claim of a child; `undefined` if there is none that can be parsed. */
export const claimOf = (tx: Pick<Tx, "state">, id: string): ClaimRecord | undefined => {
  const value = tx.state.claim.get(id)
  return value === undefined ? undefined : parseClaim(value)
}

const count = ({ meta, state }: Tx, sid: string, by: number): void => {
  if (!state.sess.has(sid) && !meta.held.has(sid)) return
  const held = (meta.held.get(sid) ?? 0) + by
  if (held <= 0) meta.held.delete(sid)
  else meta.held.set(sid, held)
}

/** Stores, replaces or (with `undefined`) drops a claim, keeping the counts. */
export const setClaim = (tx: Tx, id: string, claim: ClaimRecord | undefined): void => {
  const previous = claimOf(tx, id)
  if (previous !== undefined) count(tx, previous.sid, -1)
  if (claim === undefined) {
    tx.state.claim.delete(id)
    // The status that the last owner of an ended child reported while it stopped would stay for ever.
    if (!tx.state.spec.has(id)) tx.state.stat.delete(id)
  } else {
    tx.state.claim.set(id, formatClaim(claim))
    if (!tx.meta.held.has(claim.sid)) tx.meta.held.set(claim.sid, 0)
    count(tx, claim.sid, 1)
  }
  tx.meta.claims = tx.state.claim.size
  append(tx, "c", id)
}

/** Drops a tombstone. */
export const dropTomb = ({ meta, state, sweep }: Tx, id: string): void => {
  sweep.touched.add(id)
  state.tomb.delete(id)
  state.tombx.delete(id)
  meta.tombs = state.tomb.size
}

/** Stores a spec, in the place of a tombstone too; returns the record. */
export const storeSpec = (tx: Tx, id: string, spec: SpecRecord): string => {
  const value = formatSpec(spec)
  tx.state.spec.set(id, value)
  tx.meta.specs = tx.state.spec.size
  dropTomb(tx, id)
  append(tx, "s", id)
  return value
}

/** How a session ended: on purpose, with its process, or with its lease. */
export type HowEnded = keyof typeof sessionEnds

/** Remembers what a later claim needs to judge the end of a session. `at`: the last proof that it lived. */
const traceEnd = ({ meta, state }: Tx, sid: string, how: HowEnded, at: number): void => {
  const trace = parseTrace(state.sessx.get(sid) ?? "")
  if (how === "orderly" || trace?.how === "leaving" || !meta.held.has(sid)) {
    state.sessx.delete(sid)
    return
  }
  const floor = floorAt(meta.marks, at, meta.ttl)
  state.sessx.set(sid, formatTrace({ ...trace ?? noTrace, how, at, floor }))
}

/** Removes a session for good, and remembers that it is dead. */
export const endSession = (tx: Tx, sid: string, how: HowEnded, at = tx.meta.now): void => {
  const { meta, state } = tx
  traceEnd(tx, sid, how, at)
  state.sess.delete(sid)
  state.node.delete(sid)
  meta.held.delete(sid)
  meta.sessions = state.sess.size
  append(tx, "n", sid)
  state.dead.set(sid, meta.high)
  tell(tx, sessionEnds[how], { node: sid })
  for (const old of state.dead.keys()) {
    if (state.dead.size <= maxDead) break
    state.dead.delete(old)
    state.sessx.delete(old)
  }
}
