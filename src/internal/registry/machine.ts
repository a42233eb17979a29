/**
 * The registry's rules, written once: a deterministic machine from (state, server, envelope, command) to a reply and
 * the next state. The in-memory registry is this machine; the Lua scripts are its twin, compared reply by reply.
 *
 * The state is changed in place, since a scope may hold a hundred thousand children; nothing else is touched or read.
 *
 * @internal
 */
import { withAsked } from "./asked.js"
import { counterOf, exactOf, maxStepOf, ttlOf } from "./bounds.js"
import { dropState, mergeState, peek, save, saveAll } from "./childStates.js"
import { claim, release, report } from "./claims.js"
import type {
  Args,
  ClaimAssertion,
  CommandName,
  DelResult,
  Envelope,
  FinishResult,
  PutItem,
  PutResult,
  Refusal,
  Reply,
  Value
} from "./commands.js"
import { tombstoneSweep, tombstoneSweepAtRest, tombstoneTerm } from "./commands.js"
import { direct, mergeDirective } from "./directives.js"
import { guard } from "./guard.js"
import { history } from "./history.js"
import { tell, tellBy, tellNotes } from "./historyRecords.js"
import { compareRanks, maxRank, noRank, rankOfStored, type RecordRank } from "./ranks.js"
import { changes, nodes, snap } from "./reads.js"
import { noteRevision } from "./revisions.js"
import { begin, endRound, supersededBy } from "./setRounds.js"
import {
  append,
  claimOf,
  type ClaimRecord,
  endSession,
  formatNode,
  formatTomb,
  isLive,
  next,
  parseNode,
  parseSpec,
  parseTomb,
  type RegistryState,
  type Server,
  setClaim,
  type SpecRecord,
  storeSpec,
  type TombRecord,
  type Tx
} from "./state.js"
import { dropTrial, inheritRound, noteLeaving, proveTrial } from "./suspects.js"

// Sessions: opening, renewing, describing, closing.

const noSession = ({ meta }: Tx): Refusal => ({ _tag: "NOSESSION", now: meta.now, high: meta.high })

const quarantineLeft = ({ meta }: Tx): number => Math.max(0, meta.quarantine - meta.now)

/** `tick`: renews a session, never one that is gone. */
export const tick = (tx: Tx, { sid }: Args<"tick">): Value<"tick"> | Refusal => {
  if (!isLive(tx, sid)) return noSession(tx)
  tx.state.sess.set(sid, tx.meta.now + tx.meta.ttl)
  sweepTombs(tx, tombstoneSweepAtRest)
  return { claims: tx.meta.held.get(sid) ?? 0, quarantine: quarantineLeft(tx) }
}

/** Whether a claim that an opening session asserts may stand. */
const mayAssert = (tx: Tx, args: Args<"open">, { id, token }: ClaimAssertion): boolean => {
  const current = claimOf(tx, id)
  if (current === undefined) return args.mode === "reassert"
  if (current.sid === args.sid && current.token === token) return true
  if (args.mode === "carry") {
    return current.token === token && (current.sid === args.supersedes || !isLive(tx, current.sid))
  }
  if (!isLive(tx, current.sid)) return token >= current.token
  // After the quarantine no lease of the old era holds any more: a latecomer takes nothing from a live session.
  return token > current.token && tx.meta.now < tx.meta.quarantine
}

const assertClaims = (tx: Tx, args: Args<"open">): ReadonlyArray<string> => {
  const refused: Array<string> = []
  for (const claim of args.claims) {
    const isSent = counterOf(claim.token) !== undefined && counterOf(claim.generation) !== undefined
    if (isSent && mayAssert(tx, args, claim)) {
      setClaim(tx, claim.id, { token: claim.token, generation: claim.generation, sid: args.sid })
    } else refused.push(claim.id)
  }
  return refused
}

const storeRecord = (tx: Tx, sid: string, sentVersion: number, json: string): void => {
  const version = counterOf(sentVersion) ?? 0
  const stored = tx.state.node.get(sid)
  const header = stored === undefined ? undefined : parseNode(stored)
  if (header !== undefined && header.version > version) return
  const opened = header?.opened ?? next(tx)
  tx.state.node.set(sid, formatNode({ version, opened, json }))
  append(tx, "n", sid)
}

/** Timing check: two timings in one scope would make each other's leases unsound. */
const timingOf = ({ meta, state }: Tx, args: Args<"open">, envelope: Envelope): Refusal | undefined => {
  const ttl = ttlOf(envelope.ttl)
  const maxStep = maxStepOf(envelope.maxStep)
  const refusal = { _tag: "TIMING", ttl: meta.ttl, maxStep: meta.maxStep, now: meta.now, high: meta.high } as const
  if (ttl === undefined || maxStep === undefined) return refusal
  if (meta.ttl === ttl && meta.maxStep === maxStep) return undefined
  for (const sid of state.sess.keys()) {
    if (sid !== args.supersedes && sid !== args.sid) return refusal
  }
  meta.ttl = ttl
  meta.maxStep = maxStep
  return undefined
}

/** `open`: asserts claims; with `last` the session becomes live, and replaces the one that it supersedes. */
export const open = (tx: Tx, args: Args<"open">, envelope: Envelope): Value<"open"> | Refusal => {
  const { meta, state } = tx
  if (state.dead.has(args.sid)) return { _tag: "DEAD", now: meta.now, high: meta.high }
  const mismatch = timingOf(tx, args, envelope)
  if (mismatch !== undefined) return mismatch
  const refused = assertClaims(tx, args)
  let fresh = 0
  if (args.last) {
    const isNew = !isLive(tx, args.sid)
    fresh = noteRevision(tx, args.sid, args.revision ?? "", counterOf(args.fresh ?? 0) ?? 0)
    state.sess.set(args.sid, meta.now + meta.ttl)
    storeRecord(tx, args.sid, args.version, args.record)
    endRound(tx, args.list)
    meta.sessions = state.sess.size
    if (isNew) tell(tx, "joined", { node: args.sid, note: args.supersedes })
    if (args.supersedes !== "" && args.supersedes !== args.sid) {
      inheritRound(tx, args.supersedes, args.sid)
      if (isLive(tx, args.supersedes)) endSession(tx, args.supersedes, "orderly")
    }
  }
  return { refused, quarantine: quarantineLeft(tx), collected: meta.collected, fresh }
}

/** `update`: replaces the record of a live session. */
export const update = (tx: Tx, { leaving, record, sid, version }: Args<"update">): Value<"update"> | Refusal => {
  if (!isLive(tx, sid)) return noSession(tx)
  if (leaving === true) noteLeaving(tx, sid)
  storeRecord(tx, sid, version, record)
  return {}
}

/** `close`: ends a session; one that is gone already is no error. */
export const close = (tx: Tx, { gone, sid }: Args<"close">): Value<"close"> => {
  if (isLive(tx, sid)) endSession(tx, sid, gone === true ? "gone" : "orderly")
  return {}
}

// Specs and tombstones: one last-writer-wins register per id, stamped by the counter.

/** Stamp of every initial spec: the stamp of any call is higher. */
const initialStamp = 1

/** The oldest tombstones. The map is in order of time: a tombstone is always inserted anew at its end. */
const oldest = ({ state, sweep }: Tx, most: number): ReadonlyArray<readonly [id: string, at: number]> => {
  const found: Array<[id: string, at: number]> = []
  for (const [id, at] of state.tombx) {
    if (found.length >= most && at > found.at(-1)![1]) break
    if (!sweep.touched.has(id)) found.push([id, at])
  }
  return found.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).slice(0, most)
}

/** Sweeps away the tombstones whose time is over, and the oldest of those that are too many: some of them at a time. */
const sweepTombs = (tx: Tx, most: number): void => {
  const { meta, state, sweep } = tx
  for (const [id, at] of oldest(tx, most)) {
    if (at > sweep.until && sweep.tooMany <= 0) break
    sweep.tooMany--
    sweep.touched.add(id)
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
  dropTrial(tx, id)
  dropState(tx, id)
  state.spec.delete(id)
  meta.specs = state.spec.size
  state.stat.delete(id)
  state.tomb.set(id, value)
  state.tombx.delete(id)
  if (!tomb.initial) state.tombx.set(id, meta.now + tombstoneTerm)
  meta.tombs = state.tomb.size
  tx.sweep.touched.add(id)
  append(tx, "s", id)
  sweepTombs(tx, tombstoneSweep)
  return value
}

const dropDeadClaim = (tx: Tx, id: string): void => {
  const claim = claimOf(tx, id)
  if (claim !== undefined && !isLive(tx, claim.sid)) setClaim(tx, id, undefined)
}

/**
 * Creates a spec. `initial`: a list of initial children names it. `isFirst`: such a list starts it for the first
 * time. `former`: the spec whose life it goes on with.
 */
const create = (
  tx: Tx,
  { body, id, op }: PutItem,
  initial: boolean,
  isFirst: boolean,
  former?: SpecRecord
): PutResult => {
  const generation = next(tx)
  tx.state.stat.delete(id)
  dropTrial(tx, id)
  const stamp = isFirst ? initialStamp : generation
  const { birth, stateful } = former ?? { birth: generation, stateful: false }
  const spec: SpecRecord = { generation, stamp, op, initial, failed: false, birth, stateful, refused: [], body }
  return { _tag: "CREATED", spec: storeSpec(tx, id, spec) }
}

/** Marks a spec that a list names: its tombstone will be kept for good, or the list would bring the child back one day. */
const markSpec = (tx: Tx, id: string, stored: string, spec: SpecRecord): string =>
  spec.initial ? stored : storeSpec(tx, id, { ...spec, initial: true })

const markTomb = (tx: Tx, id: string, stored: string, tomb: TombRecord): string => {
  if (tomb.initial) return stored
  const value = formatTomb({ ...tomb, initial: true })
  tx.state.tomb.set(id, value)
  tx.state.tombx.delete(id)
  tx.sweep.touched.add(id)
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

/** Answer for an id without a record: in a quarantine the record may not have been merged yet. */
const absent = ({ meta }: Tx) => ({ _tag: meta.now < meta.quarantine ? "QUARANTINE" as const : "ABSENT" as const })

/** `ensure`, `start` and `ensureInitial`: register the spec, unless the id is taken. */
const ensure = (tx: Tx, item: PutItem, mode: "ensure" | "start" | "ensureInitial"): PutResult => {
  const { meta, state } = tx
  const byList = mode === "ensureInitial"
  const stored = state.spec.get(item.id)
  if (stored !== undefined) return ensurePresent(tx, item, stored, byList)
  const tomb = state.tomb.get(item.id)
  const ended = tomb === undefined ? undefined : parseTomb(tomb)
  if (tomb !== undefined && ended === undefined) return { _tag: "MALFORMED" }
  // What a list ended, and no list needs to be kept from, a list brings back.
  const stays = byList && ended?.pruned === false
  if (tomb !== undefined && (stays || ended!.op === item.op)) {
    const kept = stays ? markTomb(tx, item.id, tomb, ended) : tomb
    return { _tag: ended!.how === "ended" ? "DONE" : "TERMINATED", tomb: kept }
  }
  // A tombstone, a newer one, or other content, may not have been merged into this era yet.
  if ((tomb === undefined || byList) && meta.now < meta.quarantine) return { _tag: "QUARANTINE" }
  if (mode === "start") tellBy(tx, "registered", tx.history.by, { id: item.id, note: tx.history.reason })
  // In the place of a tombstone it has a stamp of its own: the initial one would lose a merge to the tombstone.
  return create(tx, item, byList || ended?.initial === true, byList && tomb === undefined)
}

/** Whether a record is the one that a caller saw. One who names no stamp has the generation alone compared. */
const isAsSeen = ({ stamp }: SpecRecord, seen: { readonly stamp?: number | undefined }): boolean =>
  (seen.stamp ?? 0) === 0 || stamp === seen.stamp

/** `replace` and `bump`: put a new generation in the place of the one that the caller saw. */
const supersede = (tx: Tx, item: PutItem, bump: boolean): PutResult => {
  const stored = tx.state.spec.get(item.id)
  if (stored === undefined) return absent(tx)
  const spec = parseSpec(stored)
  if (spec === undefined) return { _tag: "MALFORMED" }
  if (spec.op === item.op) return { _tag: "CREATED", spec: stored }
  if (spec.generation !== item.generation || !isAsSeen(spec, item)) return { _tag: "CONFLICT", spec: stored }
  tellBy(tx, bump ? "restarted" : "replaced", tx.history.by, { id: item.id, note: tx.history.reason })
  return create(tx, bump ? { ...item, body: spec.body } : item, spec.initial, false, spec)
}

/**
 * `retag`: stores a body that differs in the set only. The id of the call that created the spec stays, by which a late
 * repetition of that call is known.
 */
const retag = (tx: Tx, item: PutItem): PutResult => {
  const stored = tx.state.spec.get(item.id)
  if (stored === undefined) return absent(tx)
  const spec = parseSpec(stored)
  if (spec === undefined) return { _tag: "MALFORMED" }
  if (spec.generation !== item.generation) return { _tag: "CONFLICT", spec: stored }
  if (spec.body === item.body) return { _tag: "SAME", spec: stored }
  if (!isAsSeen(spec, item)) return { _tag: "CONFLICT", spec: stored }
  return { _tag: "CREATED", spec: storeSpec(tx, item.id, { ...spec, stamp: next(tx), body: item.body }) }
}

const putOne = (tx: Tx, item: PutItem, mode: Args<"put">["mode"]): PutResult => {
  switch (mode) {
    case "ensure":
    case "start":
    case "ensureInitial":
      return ensure(tx, item, mode)
    case "replace":
      return supersede(tx, item, false)
    case "bump":
      return supersede(tx, item, true)
    case "retag":
      return retag(tx, item)
  }
}

/** `put`: registers specs. A call that was applied already answers as it did. */
export const put = (tx: Tx, { items, mode, round }: Args<"put">): Value<"put"> | Refusal =>
  supersededBy(tx, round) ?? { results: items.map((item) => putOne(tx, item, mode)) }

/** Ends a spec. `pruned`: a list does. Its tombstone need not be kept for good, since no list has to respect it. */
const end = (tx: Tx, id: string, spec: SpecRecord, endOp: string, how: TombRecord["how"], pruned = false): string =>
  storeTomb(tx, id, {
    stamp: next(tx),
    generation: spec.generation,
    op: spec.op,
    endOp,
    how,
    initial: spec.initial && !pruned,
    pruned
  })

const delOne = (tx: Tx, item: Args<"del">["items"][number], pruned: boolean): DelResult => {
  const { generation, id, op } = item
  const stored = tx.state.spec.get(id)
  if (stored === undefined) {
    const tomb = tx.state.tomb.get(id)
    return tomb !== undefined && parseTomb(tomb)?.endOp === op ? { _tag: "GONE", tomb } : absent(tx)
  }
  const spec = parseSpec(stored)
  if (spec === undefined) return { _tag: "MALFORMED" }
  const seen = exactOf(generation)
  if (seen === undefined || spec.generation > seen || !isAsSeen(spec, item)) return { _tag: "NEWER", spec: stored }
  const tomb = end(tx, id, spec, op, "terminated", pruned)
  const { sid: node = "", token = 0 }: Partial<ClaimRecord> = claimOf(tx, id) ?? {}
  tellBy(tx, "terminated", tx.history.by, { id, token, node, note: tx.history.reason })
  dropDeadClaim(tx, id)
  return { _tag: "GONE", tomb }
}

/** `del`: ends specs. A live holder's claim stays: only its owner may give it up. */
export const del = (tx: Tx, { items, prune, round }: Args<"del">): Value<"del"> | Refusal =>
  supersededBy(tx, round) ?? { results: items.map((item) => delOne(tx, item, prune === true)) }

const finishOne = (tx: Tx, sid: string, item: Args<"finish">["items"][number]): FinishResult => {
  const { id } = item
  const claim = claimOf(tx, id)
  if (claim === undefined || claim.token !== item.token || claim.sid !== sid) return { _tag: "FENCED" }
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  const about = { id, token: claim.token, node: sid }
  tellNotes(tx, about, item.notes)
  proveTrial(tx, id, claim, true)
  setClaim(tx, id, undefined)
  const isOfThis = spec !== undefined && spec.generation === item.generation
  // A generation that has replaced this one is not touched. The cause is that of an end: this run gives way instead.
  if (!isOfThis) {
    tell(tx, "stopped", { ...about, note: spec === undefined ? "terminated" : "replaced" })
    return { _tag: "RELEASED" }
  }
  tell(tx, item.how, { ...about, note: item.why ?? "" })
  if (item.how === "ended") return { _tag: "ENDED", tomb: end(tx, id, spec, "", "ended") }
  tx.state.trial.delete(id)
  tx.state.stat.set(id, item.stat)
  return { _tag: "FAILED", spec: storeSpec(tx, id, { ...spec, failed: true, stamp: next(tx) }) }
}

/** `finish`: ends or parks children whose fibers have ended, and gives their claims back. */
export const finish = (tx: Tx, { items, saves, sid }: Args<"finish">): Value<"finish"> => {
  saveAll(tx, sid, saves)
  return { results: items.map((item) => finishOne(tx, sid, item)) }
}

const rankIn = ({ state }: Tx, id: string): RecordRank => {
  const spec = state.spec.get(id)
  const tomb = state.tomb.get(id)
  return maxRank(
    spec === undefined ? noRank : rankOfStored(parseSpec(spec)),
    tomb === undefined ? noRank : rankOfStored(parseTomb(tomb))
  )
}

/** Two memories of one record: each may have missed a mark that the other knows. */
const joined = (fact: SpecRecord, stored: SpecRecord | undefined): SpecRecord =>
  stored?.stamp !== fact.stamp || stored.generation !== fact.generation ? fact : {
    ...fact,
    initial: fact.initial || stored.initial,
    stateful: fact.stateful || stored.stateful
  }

/** `merge`: takes what a node remembers into a new era; the highest rank wins. */
export const merge = (tx: Tx, { facts, sid }: Args<"merge">): Value<"merge"> => {
  let merged = 0
  for (const { id, kind, value } of facts) {
    if (kind === "direct") {
      if (mergeDirective(tx, id, value)) merged++
      continue
    }
    if (kind === "state") {
      if (mergeState(tx, id, value, sid ?? "")) merged++
      continue
    }
    const fact = kind === "spec" ? parseSpec(value) : undefined
    const spec = fact === undefined ? undefined : joined(fact, parseSpec(tx.state.spec.get(id) ?? ""))
    const tomb = kind === "tomb" ? parseTomb(value) : undefined
    const record = spec ?? tomb
    if (record === undefined || compareRanks(record, rankIn(tx, id)) <= 0) continue
    if (spec !== undefined) storeSpec(tx, id, spec)
    if (tomb !== undefined) storeTomb(tx, id, tomb)
    merged++
  }
  return { merged }
}

// Commands.

type CommandTable = {
  readonly [K in CommandName]: (tx: Tx, args: Args<K>, envelope: Envelope) => Value<K> | Refusal
}

const handlers: CommandTable = {
  tick,
  open,
  update,
  close,
  put,
  del,
  merge,
  claim,
  release,
  report,
  finish,
  save,
  peek,
  changes,
  snap,
  nodes,
  direct,
  begin,
  history
}

/** Executes one command. */
export const execute = <K extends CommandName>(
  state: RegistryState,
  server: Server,
  envelope: Envelope,
  name: K,
  args: Args<K>
): Reply<Value<K>> => {
  const guarded = guard(state, withAsked(envelope, args), server)
  if ("_tag" in guarded) return guarded
  const outcome = handlers[name](guarded, args, envelope)
  if ("_tag" in outcome) return outcome as Refusal
  const { history: { lost }, idle, meta } = guarded
  return { _tag: "OK", now: meta.now, high: meta.high, log: meta.log, idle, lost, value: outcome }
}
