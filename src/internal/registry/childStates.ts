/**
 * The states of children: one value per child, stored by the holder of its claim. The comparison with the claim is made
 * where the registry is atomic, so that no copy which was replaced, and no late request, ever changes it.
 *
 * A record proves by its birth which life of the child it belongs to; within a life the higher (token, version) is the
 * later value. Nobody but the owner needs to know of it, so that it stands in no log, and in no row of `changes`. That a
 * life has a state stands in its spec (flag `s`), which survives a loss of the states alone: a value that is missing then
 * is told as lost, and a mark in its place (flag `l`) keeps one that is given back too late from returning.
 *
 * @internal
 */
import { bytesIn, counterOf, exactOf } from "./bounds.js"
import type { Args, SaveResult, StateSave, Value } from "./commands.js"
import { maxPageBytes } from "./commands.js"
import { append, claimOf, formatSpec, isLive, parseSpec, type SpecRecord, type Tx } from "./state.js"

/** State record: what a child stored last. */
export interface StateRecord {
  /** The life of the child that it belongs to. */
  readonly birth: number
  /** Token of the claim under which it was stored, and which of the values it was. */
  readonly token: number
  readonly version: number
  /** When it was stored, unix milliseconds of the server. */
  readonly at: number
  /** Version of the kind whose code wrote it. */
  readonly kindVersion: number
  /** Name of the node that stored it, percent-encoded. */
  readonly node: string
  /** Whether the value is lost: the record stands where it was. */
  readonly lost: boolean
  readonly body: string
}

const statePattern = /^(\d{1,16})\|(\d{1,16})\|(\d{1,16})\|(\d{1,16})\|(\d{1,16})\|([^|]*)\|([^|]*)\|([\s\S]*)$/

/** Parses a state; `undefined` for another form. */
export const parseState = (value: string): StateRecord | undefined => {
  const m = statePattern.exec(value)
  if (m === null) return undefined
  const [birth, token, version] = [counterOf(Number(m[1])), counterOf(Number(m[2])), counterOf(Number(m[3]))]
  const [at, kindVersion] = [exactOf(Number(m[4])), exactOf(Number(m[5]))]
  if (birth === undefined || token === undefined || version === undefined) return undefined
  if (at === undefined || kindVersion === undefined) return undefined
  return { birth, token, version, at, kindVersion, node: m[6]!, lost: m[7]!.includes("l"), body: m[8]! }
}

/** Formats a state. */
export const formatState = (record: StateRecord): string => {
  const { at, birth, body, kindVersion, lost, node, token, version } = record
  return `${birth}|${token}|${version}|${at}|${kindVersion}|${node}|${lost ? "l" : ""}|${body}`
}

/** The node that a session belongs to, in the form in which records name it. */
const nodeOf = (sid: string): string => sid.replace(/#[^#]*$/, "").replace(/%/g, "%25").replace(/\|/g, "%7C")

const setState = ({ meta, state }: Tx, id: string, value: string | undefined): void => {
  if (value === undefined) state.state.delete(id)
  else state.state.set(id, value)
  meta.states = state.state.size
}

/** Forgets the state of a child that has ended. */
export const dropState = (tx: Tx, id: string): void => setState(tx, id, undefined)

const specOf = ({ state }: Tx, id: string): SpecRecord | undefined => {
  const value = state.spec.get(id)
  return value === undefined ? undefined : parseSpec(value)
}

/** The state of one life of a child. A record of another life, or of another form, counts as none. */
const stateIn = ({ state }: Tx, id: string, birth: number): StateRecord | undefined => {
  const record = parseState(state.state.get(id) ?? "")
  return record?.birth === birth ? record : undefined
}

/** Notes in a child's spec that this life of it has a state: nothing restarts, and its stamp stays. */
const markStateful = (tx: Tx, id: string, spec: SpecRecord): void => {
  if (spec.stateful) return
  tx.state.spec.set(id, formatSpec({ ...spec, stateful: true }))
  append(tx, "s", id)
}

/**
 * The birth of a child whose spec may not have been given back yet: that which the holder of its claim names. Should another
 * life turn out to be the child's, the record counts as none.
 */
const awaitedBirth = ({ meta, state }: Tx, { birth, id }: StateSave): number | undefined =>
  meta.now < meta.quarantine && !state.spec.has(id) && !state.tomb.has(id) ? counterOf(birth) : undefined

const saveOne = (tx: Tx, sid: string, item: StateSave): SaveResult => {
  const { meta } = tx
  const { body, id, token } = item
  const claim = claimOf(tx, id)
  if (claim === undefined || claim.token !== token || claim.sid !== sid) return "LOST"
  const spec = specOf(tx, id)
  const birth = spec === undefined ? awaitedBirth(tx, item) : spec.birth
  const version = counterOf(item.version) ?? 0
  if (birth === undefined || birth !== item.birth || version === 0) return "LOST"
  const known = stateIn(tx, id, birth)
  if (known !== undefined && known.token > token) return "OVERTAKEN"
  if (known?.token === token && known.version >= version) return "OLDER"
  const kindVersion = exactOf(item.kindVersion) ?? 0
  setState(
    tx,
    id,
    formatState({ birth, token, version, at: meta.last, kindVersion, node: nodeOf(sid), lost: false, body })
  )
  if (spec !== undefined) markStateful(tx, id, spec)
  return "STORED"
}

/** Stores what another command brings along. */
export const saveAll = (tx: Tx, sid: string, saves: ReadonlyArray<StateSave> | undefined): void => {
  for (const item of saves ?? []) saveOne(tx, sid, item)
}

/** `save`: stores values of children whose claims the session holds. */
export const save = (tx: Tx, { items, sid }: Args<"save">): Value<"save"> => ({
  results: items.map((item) => saveOne(tx, sid, item))
})

/** How much a reply tells of states already, and whether one did not fit any more. */
export interface Telling {
  bytes: number
  full: boolean
}

const fits = (telling: Telling, value: string): boolean => {
  const size = bytesIn(value)
  telling.full = telling.bytes + size > maxPageBytes
  if (!telling.full) telling.bytes += size
  return !telling.full
}

/** What a new owner is told of the child's state. One of another life is removed, one that is missing told as lost. */
export const stateOnClaim = (
  tx: Tx,
  id: string,
  spec: SpecRecord,
  { sid, token }: { readonly sid: string; readonly token: number },
  telling: Telling
): string | null | undefined => {
  const { birth, stateful } = spec
  const stored = tx.state.state.get(id)
  if (stored !== undefined && telling.full) return undefined
  const known = stateIn(tx, id, birth)
  if (known !== undefined && !known.lost) {
    markStateful(tx, id, spec)
    return fits(telling, stored!) ? stored : undefined
  }
  if (known === undefined && !stateful) {
    if (stored !== undefined) setState(tx, id, undefined)
    return null
  }
  const at = tx.meta.last
  const mark = formatState({ birth, token, version: 0, at, kindVersion: 0, node: nodeOf(sid), lost: true, body: "" })
  setState(tx, id, mark)
  return mark
}

/** `peek`: reads states. */
export const peek = (tx: Tx, { ids }: Args<"peek">): Value<"peek"> => {
  const telling: Telling = { bytes: 0, full: false }
  const states = ids.map((id) => {
    const stored = tx.state.state.get(id)
    if (stored === undefined) return null
    if (telling.full) return undefined
    const spec = specOf(tx, id)
    if (spec === undefined || stateIn(tx, id, spec.birth) === undefined) return null
    return fits(telling, stored) ? stored : undefined
  })
  return { states, quarantine: Math.max(0, tx.meta.quarantine - tx.meta.now) }
}

/**
 * Takes a state that a node remembers; the higher (token, version) wins. After the quarantine a living owner may have read
 * what is stored, and nobody else changes it under him. Tells whether it was taken.
 */
export const mergeState = (tx: Tx, id: string, value: string, sid: string): boolean => {
  const { meta } = tx
  const record = parseState(value)
  const spec = specOf(tx, id)
  if (record === undefined || record.lost || record.birth !== spec?.birth) return false
  const known = stateIn(tx, id, record.birth)
  const isLater = known === undefined || record.token > known.token ||
    (record.token === known.token && record.version > known.version)
  if (!isLater) return false
  const claim = claimOf(tx, id)
  const isHeld = claim !== undefined && claim.sid !== sid && isLive(tx, claim.sid)
  if (isHeld && meta.now >= meta.quarantine) return false
  setState(tx, id, formatState(record))
  markStateful(tx, id, spec)
  return true
}
