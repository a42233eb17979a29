/**
 * Sessions: opening, renewing, describing, closing.
 *
 * @internal
 */
import type { Args, ClaimAssertion, Refusal, Value } from "./commands.js"
import { formatNode, parseNode } from "./records.js"
import { append, claimOf, endSession, isLive, next, setClaim, type Tx } from "./state.js"

const noSession = ({ meta }: Tx): Refusal => ({ _tag: "NOSESSION", now: meta.now, high: meta.high })

const quarantineLeft = ({ meta }: Tx): number => Math.max(0, meta.quarantine - meta.now)

/** Renews a session, never one that is gone. */
export const tick = (tx: Tx, { sid }: Args<"tick">): Value<"tick"> | Refusal => {
  if (!isLive(tx, sid)) return noSession(tx)
  tx.state.sess.set(sid, tx.meta.now + tx.meta.ttl)
  return { claims: tx.meta.held.get(sid) ?? 0, quarantine: quarantineLeft(tx) }
}

/** Whether a claim that a node brings along may stand. */
const mayAssert = (tx: Tx, args: Args<"open">, { id, token }: ClaimAssertion): boolean => {
  const current = claimOf(tx, id)
  if (current === undefined) return args.mode === "reassert"
  if (current.sid === args.sid && current.token === token) return true
  if (args.mode === "carry") {
    return current.token === token && (current.sid === args.supersedes || !isLive(tx, current.sid))
  }
  if (!isLive(tx, current.sid)) return token >= current.token
  // After the quarantine no lease of before holds any more: who comes then takes nothing from the living.
  return token > current.token && tx.meta.now < tx.meta.quarantine
}

const assertClaims = (tx: Tx, args: Args<"open">): ReadonlyArray<string> => {
  const refused: Array<string> = []
  for (const claim of args.claims) {
    if (mayAssert(tx, args, claim)) {
      setClaim(tx, claim.id, { token: claim.token, generation: claim.generation, sid: args.sid })
    } else refused.push(claim.id)
  }
  return refused
}

const storeRecord = (tx: Tx, sid: string, version: number, json: string): void => {
  const stored = tx.state.node.get(sid)
  const header = stored === undefined ? undefined : parseNode(stored)
  if (header !== undefined && header.version > version) return
  const opened = header?.opened ?? next(tx)
  tx.state.node.set(sid, formatNode({ version, opened, json }))
  append(tx, "n", sid)
}

/** Two timings in one scope would make each other's leases unsound. */
const timingOf = ({ meta, state }: Tx, args: Args<"open">, ttl: number, maxStep: number): Refusal | undefined => {
  if (meta.ttl === ttl && meta.maxStep === maxStep) return undefined
  for (const sid of state.sess.keys()) {
    if (sid !== args.supersedes && sid !== args.sid) {
      return { _tag: "TIMING", ttl: meta.ttl, maxStep: meta.maxStep, now: meta.now, high: meta.high }
    }
  }
  meta.ttl = ttl
  meta.maxStep = maxStep
  return undefined
}

/** Asserts claims; with `last` the session becomes live, and replaces the one that it supersedes. */
export const open = (tx: Tx, args: Args<"open">, ttl: number, maxStep: number): Value<"open"> | Refusal => {
  const { meta, state } = tx
  if (state.dead.has(args.sid)) return { _tag: "DEAD", now: meta.now, high: meta.high }
  const mismatch = timingOf(tx, args, ttl, maxStep)
  if (mismatch !== undefined) return mismatch
  const refused = assertClaims(tx, args)
  if (args.last) {
    state.sess.set(args.sid, meta.now + meta.ttl)
    storeRecord(tx, args.sid, args.version, args.record)
    meta.sessions = state.sess.size
    if (args.supersedes !== "" && args.supersedes !== args.sid && isLive(tx, args.supersedes)) {
      endSession(tx, args.supersedes)
    }
  }
  return { refused, quarantine: quarantineLeft(tx), collected: meta.collected }
}

/** Replaces the record of a live session. */
export const update = (tx: Tx, { record, sid, version }: Args<"update">): Value<"update"> | Refusal => {
  if (!isLive(tx, sid)) return noSession(tx)
  storeRecord(tx, sid, version, record)
  return {}
}

/** Ends a session; one that is gone already is no error. */
export const close = (tx: Tx, { sid }: Args<"close">): Value<"close"> => {
  if (isLive(tx, sid)) endSession(tx, sid)
  return {}
}
