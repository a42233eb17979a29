/**
 * The data set of one scope, as the pure machine keeps it. It mirrors the keys of the Redis layout, record for record,
 * so that the two can be compared.
 *
 * @internal
 */
import { maxDead, minLog } from "./commands.js"
import { type ClaimRecord, formatClaim, parseClaim } from "./records.js"

/** Bookkeeping of a data set. Times are logical milliseconds, save `last`. */
export interface Meta {
  layout: string
  era: string
  /** Identity of the server process that served the last command. */
  run: string
  /** The one counter: generations, stamps, tokens and log positions are all drawn from it. */
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
  /** Integrity counts: a key that was deleted or evicted no longer fits them. */
  specs: number
  claims: number
  sessions: number
  tombs: number
  /** Claims held by each live session. */
  held: Map<string, number>
}

/** What a log entry is about: a spec or tombstone, a claim or status, the membership, an era. */
export type LogKind = "s" | "c" | "n" | "e"

/** @internal */
export interface LogEntry {
  readonly at: number
  readonly kind: LogKind
  readonly id: string
}

/** @internal */
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
  log: Array<LogEntry>
  /** Open iterators of `snap`; not data. */
  readonly scans: Map<string, Iterator<[string, string]>>
}

/** The server that a machine runs on. */
export interface Server {
  /** Unix milliseconds. */
  readonly time: number
  readonly run: string
  /** Skip the quarantine of a data set that is wholly empty: for tests and demos, never for production. */
  readonly trust: boolean
}

/** @internal */
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
  log: [],
  scans: new Map()
})

/** An independent copy: what a backup, or a replica that stopped following, holds. */
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
  log: state.log.slice(),
  scans: new Map()
})

/** A command's view of the state, after the guard let it pass. */
export interface Tx {
  readonly state: RegistryState
  readonly meta: Meta
}

/** Draws the next value of the counter. */
export const next = (tx: Tx): number => ++tx.meta.high

/** Appends to the change log, and trims it to about four entries per spec. */
export const append = ({ meta, state }: Tx, kind: LogKind, id: string): void => {
  meta.high++
  meta.log = meta.high
  state.log.push({ at: meta.high, kind, id })
  const keep = Math.max(minLog, 4 * state.spec.size)
  if (state.log.length > keep + minLog / 2) state.log = state.log.slice(-keep)
}

/** @internal */
export const isLive = (tx: Tx, sid: string): boolean => tx.state.sess.has(sid)

/** @internal */
export const claimOf = (tx: Tx, id: string): ClaimRecord | undefined => {
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
    // What the last owner of an ended child said while it stopped would stay for ever.
    if (!tx.state.spec.has(id)) tx.state.stat.delete(id)
  } else {
    tx.state.claim.set(id, formatClaim(claim))
    if (!tx.meta.held.has(claim.sid)) tx.meta.held.set(claim.sid, 0)
    count(tx, claim.sid, 1)
  }
  tx.meta.claims = tx.state.claim.size
  append(tx, "c", id)
}

/** Removes a session for good and remembers that it is dead. */
export const endSession = (tx: Tx, sid: string): void => {
  const { meta, state } = tx
  state.sess.delete(sid)
  state.node.delete(sid)
  meta.held.delete(sid)
  meta.sessions = state.sess.size
  append(tx, "n", sid)
  state.dead.set(sid, meta.high)
  for (const old of state.dead.keys()) {
    if (state.dead.size <= maxDead) break
    state.dead.delete(old)
  }
}
