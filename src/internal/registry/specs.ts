/**
 * Specs and their tombstones: one last-writer-wins register per id, stamped by the counter.
 *
 * @internal
 */
import type { Args, DelResult, FinishResult, PutResult, Value } from "./commands.js"
import { tombstoneRetention, tombstoneSweep } from "./commands.js"
import {
  formatSpec,
  formatTomb,
  parseSpec,
  parseTomb,
  rankOf,
  rankOfStored,
  type SpecRecord,
  type TombRecord
} from "./records.js"
import { append, claimOf, isLive, next, setClaim, type Tx } from "./state.js"

/** Stamp of every initial spec: any call's verdict is newer. */
const initialStamp = 1

const dropTomb = ({ meta, state }: Tx, id: string): void => {
  state.tomb.delete(id)
  state.tombx.delete(id)
  meta.tombs = state.tomb.size
}

const storeSpec = (tx: Tx, id: string, spec: SpecRecord): string => {
  const value = formatSpec(spec)
  tx.state.spec.set(id, value)
  tx.meta.specs = tx.state.spec.size
  dropTomb(tx, id)
  append(tx, "s", id)
  return value
}

/** The tombstones that are due first. The map is in order of time, since a tombstone is always set anew at its end. */
const due = ({ meta, state }: Tx): ReadonlyArray<string> => {
  const expired: Array<[id: string, at: number]> = []
  for (const [id, at] of state.tombx) {
    if (at > meta.now || (expired.length >= tombstoneSweep && at > expired.at(-1)![1])) break
    expired.push([id, at])
  }
  expired.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
  return expired.slice(0, tombstoneSweep).map(([id]) => id)
}

const sweep = (tx: Tx): void => {
  const { meta, state } = tx
  for (const id of due(tx)) {
    const tomb = parseTomb(state.tomb.get(id) ?? "")
    if (tomb !== undefined) meta.collected = Math.max(meta.collected, tomb.stamp)
    state.tomb.delete(id)
    state.tombx.delete(id)
  }
  meta.tombs = state.tomb.size
}

const storeTomb = (tx: Tx, id: string, tomb: TombRecord): string => {
  const { meta, state } = tx
  const value = formatTomb(tomb)
  state.spec.delete(id)
  meta.specs = state.spec.size
  state.stat.delete(id)
  state.tomb.set(id, value)
  state.tombx.delete(id)
  if (!tomb.initial) state.tombx.set(id, meta.now + tombstoneRetention)
  meta.tombs = state.tomb.size
  append(tx, "s", id)
  sweep(tx)
  return value
}

const dropDeadClaim = (tx: Tx, id: string): void => {
  const claim = claimOf(tx, id)
  if (claim !== undefined && !isLive(tx, claim.sid)) setClaim(tx, id, undefined)
}

type PutItem = Args<"put">["items"][number]

/** `initial`: a list of initial children names it. `byList`: it is such a list that starts it. */
const create = (tx: Tx, { body, id, op }: PutItem, initial: boolean, byList: boolean): PutResult => {
  const generation = next(tx)
  tx.state.stat.delete(id)
  const stamp = byList ? initialStamp : generation
  const spec: SpecRecord = { generation, stamp, op, initial, failed: false, refused: [], body }
  return { _tag: "CREATED", spec: storeSpec(tx, id, spec) }
}

/** A list names what a call started: from now on its tombstone is kept, or the list would bring it back one day. */
const markSpec = (tx: Tx, id: string, stored: string, spec: SpecRecord): string =>
  spec.initial ? stored : storeSpec(tx, id, { ...spec, initial: true })

const markTomb = (tx: Tx, id: string, stored: string, tomb: TombRecord): string => {
  if (tomb.initial) return stored
  const value = formatTomb({ ...tomb, initial: true })
  tx.state.tomb.set(id, value)
  tx.state.tombx.delete(id)
  append(tx, "s", id)
  return value
}

const ensurePresent = (tx: Tx, item: PutItem, stored: string, byList: boolean): PutResult => {
  const spec = parseSpec(stored)
  if (spec === undefined) return { _tag: "MALFORMED" }
  if (spec.op === item.op) return { _tag: "CREATED", spec: stored }
  const kept = byList ? markSpec(tx, item.id, stored, spec) : stored
  return { _tag: spec.body === item.body ? "SAME" : "CONFLICT", spec: kept }
}

/** Nothing is stored: what there was may not have been merged into this era yet. */
const absent = ({ meta }: Tx) => ({ _tag: meta.now < meta.quarantine ? "QUARANTINE" as const : "ABSENT" as const })

/** `ensure` and `ensureInitial`: register the spec, unless the id is taken. */
const ensure = (tx: Tx, item: PutItem, byList: boolean): PutResult => {
  const { meta, state } = tx
  const stored = state.spec.get(item.id)
  if (stored !== undefined) return ensurePresent(tx, item, stored, byList)
  const tomb = state.tomb.get(item.id)
  const ended = tomb === undefined ? undefined : parseTomb(tomb)
  if (tomb !== undefined && ended === undefined) return { _tag: "MALFORMED" }
  if (tomb !== undefined && (byList || ended!.op === item.op)) {
    const kept = byList ? markTomb(tx, item.id, tomb, ended!) : tomb
    return { _tag: ended!.how === "ended" ? "DONE" : "TERMINATED", tomb: kept }
  }
  // The tombstone, or other content, may not have been merged into this era yet.
  if (tomb === undefined && meta.now < meta.quarantine) return { _tag: "QUARANTINE" }
  return create(tx, item, byList || ended?.initial === true, byList)
}

/** `replace` and `bump`: a new generation in the place of the one that the caller saw. */
const supersede = (tx: Tx, item: PutItem, bump: boolean): PutResult => {
  const stored = tx.state.spec.get(item.id)
  if (stored === undefined) return absent(tx)
  const spec = parseSpec(stored)
  if (spec === undefined) return { _tag: "MALFORMED" }
  if (spec.op === item.op) return { _tag: "CREATED", spec: stored }
  if (spec.generation !== item.generation) return { _tag: "CONFLICT", spec: stored }
  return create(tx, bump ? { ...item, body: spec.body } : item, spec.initial, false)
}

/** Registers specs. A call that was applied already answers as it did. */
export const put = (tx: Tx, { items, mode }: Args<"put">): Value<"put"> => ({
  results: items.map((item) => {
    switch (mode) {
      case "ensure":
        return ensure(tx, item, false)
      case "ensureInitial":
        return ensure(tx, item, true)
      case "replace":
        return supersede(tx, item, false)
      case "bump":
        return supersede(tx, item, true)
    }
  })
})

const end = (tx: Tx, id: string, spec: SpecRecord, by: string, how: TombRecord["how"]): string =>
  storeTomb(tx, id, {
    stamp: next(tx),
    generation: spec.generation,
    op: spec.op,
    by,
    how,
    initial: spec.initial
  })

/** Ends specs. A live holder's claim stays: only its owner may give it up. */
export const del = (tx: Tx, { items }: Args<"del">): Value<"del"> => ({
  results: items.map(({ generation, id, op }): DelResult => {
    const stored = tx.state.spec.get(id)
    if (stored === undefined) {
      const tomb = tx.state.tomb.get(id)
      return tomb !== undefined && parseTomb(tomb)?.by === op ? { _tag: "GONE", tomb } : absent(tx)
    }
    const spec = parseSpec(stored)
    if (spec === undefined) return { _tag: "MALFORMED" }
    if (spec.generation > generation) return { _tag: "NEWER", spec: stored }
    const tomb = end(tx, id, spec, op, "terminated")
    dropDeadClaim(tx, id)
    return { _tag: "GONE", tomb }
  })
})

const finishOne = (tx: Tx, sid: string, item: Args<"finish">["items"][number]): FinishResult => {
  const { id } = item
  const claim = claimOf(tx, id)
  if (claim === undefined || claim.token !== item.token || claim.sid !== sid) return { _tag: "FENCED" }
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  setClaim(tx, id, undefined)
  // A generation that replaced this one meanwhile is not touched.
  if (spec === undefined || spec.generation !== item.generation) return { _tag: "RELEASED" }
  if (item.how === "ended") return { _tag: "ENDED", tomb: end(tx, id, spec, "", "ended") }
  tx.state.stat.set(id, item.stat)
  return { _tag: "FAILED", spec: storeSpec(tx, id, { ...spec, failed: true, stamp: next(tx) }) }
}

/** Ends or parks children whose fibers have ended, and gives their claims back. */
export const finish = (tx: Tx, { items, sid }: Args<"finish">): Value<"finish"> => ({
  results: items.map((item) => finishOne(tx, sid, item))
})

const rankIn = ({ state }: Tx, id: string): number => {
  const spec = state.spec.get(id)
  const tomb = state.tomb.get(id)
  return Math.max(
    spec === undefined ? 0 : rankOfStored(parseSpec(spec)),
    tomb === undefined ? 0 : rankOfStored(parseTomb(tomb))
  )
}

/** Merges what a node remembers into a new era; the highest rank wins. */
export const merge = (tx: Tx, { facts }: Args<"merge">): Value<"merge"> => {
  let merged = 0
  for (const { id, kind, value } of facts) {
    const spec = kind === "spec" ? parseSpec(value) : undefined
    const tomb = kind === "tomb" ? parseTomb(value) : undefined
    const record = spec ?? tomb
    if (record === undefined || rankOf(record) <= rankIn(tx, id)) continue
    if (spec !== undefined) storeSpec(tx, id, spec)
    if (tomb !== undefined) storeTomb(tx, id, tomb)
    merged++
  }
  return { merged }
}
