/**
 * What happens before every command: the logical clock advances, lost data is noticed, dead sessions are reaped, and
 * commands from another era, or too late, are refused.
 *
 * @internal
 */
import type { Envelope, Refusal } from "./commands.js"
import { layoutVersion, tombstoneRetention } from "./commands.js"
import { append, endSession, type Meta, type RegistryState, type Server, type Tx } from "./state.js"

/** Seconds are shifted by this when they seed the counter: leaves a million numbers a second, and fits 2^53. */
export const seedShift = 2 ** 20

const freshMeta = (state: RegistryState, envelope: Envelope, server: Server): Meta => {
  // Sweep times outlive the clock that they were set by: never start below them.
  let latest = 0
  for (const at of state.tombx.values()) if (at > latest) latest = at
  return {
    layout: String(layoutVersion),
    era: "",
    run: server.run,
    high: 0,
    last: server.time,
    now: Math.max(0, latest - tombstoneRetention),
    quarantine: 0,
    ttl: envelope.ttl,
    maxStep: envelope.maxStep,
    log: 0,
    collected: 0,
    specs: 0,
    claims: 0,
    sessions: 0,
    tombs: 0,
    held: new Map()
  }
}

const advance = (meta: Meta, server: Server): void => {
  const elapsed = server.time - meta.last
  meta.now += Math.min(Math.max(elapsed, 0), meta.maxStep)
  meta.last = server.time
}

/** Position of the newest entry that the log holds. */
const lastOf = ({ log }: RegistryState): number => (log.length > 0 ? log[log.length - 1]!.at : 0)

/** Data is not what the last command left: another server, a deleted key, or a counter that went back. */
const isBroken = ({ meta, state }: Tx, envelope: Envelope, server: Server): boolean =>
  meta.run !== server.run ||
  meta.specs !== state.spec.size ||
  meta.claims !== state.claim.size ||
  meta.sessions !== state.sess.size ||
  meta.sessions !== state.node.size ||
  meta.tombs !== state.tomb.size ||
  meta.high < lastOf(state) ||
  // Somebody knows more: the data is an older copy, whatever era he has come from.
  envelope.high > meta.high

const isEmpty = (state: RegistryState): boolean =>
  state.spec.size === 0 && state.claim.size === 0 && state.sess.size === 0 && state.tomb.size === 0

const beginEra = (tx: Tx, envelope: Envelope, server: Server, trusted: boolean): void => {
  const { meta, state } = tx
  const seed = Math.max(Math.floor(server.time / 1000), envelope.seconds) * seedShift
  meta.high = Math.max(meta.high, lastOf(state), seed, envelope.high) + 1
  // A request that is executed twice must not name two data sets alike.
  meta.era = `${envelope.bits}.${meta.high}`
  meta.run = server.run
  meta.quarantine = trusted ? meta.now : meta.now + Math.max(meta.ttl, envelope.ttl)
  state.sess.clear()
  state.node.clear()
  meta.held.clear()
  meta.specs = state.spec.size
  meta.claims = state.claim.size
  meta.sessions = 0
  meta.tombs = state.tomb.size
  append(tx, "e", meta.era)
}

/** Ends the sessions that are due, the longest overdue first. */
const reap = (tx: Tx): void => {
  const due: Array<[sid: string, expiry: number]> = []
  for (const entry of tx.state.sess) if (entry[1] <= tx.meta.now) due.push(entry)
  due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
  for (const [sid] of due) endSession(tx, sid)
}

/** Runs the guard; a refusal means that the command must have no effect. */
export const guard = (state: RegistryState, envelope: Envelope, server: Server): Tx | Refusal => {
  const existing = state.meta
  if (existing !== undefined && existing.layout !== String(layoutVersion)) {
    return { _tag: "VERSION", layout: existing.layout }
  }
  const meta = existing ?? freshMeta(state, envelope, server)
  state.meta = meta
  const tx: Tx = { state, meta }
  advance(meta, server)
  const broken = existing === undefined || isBroken(tx, envelope, server)
  if (broken) beginEra(tx, envelope, server, existing === undefined && server.trust && isEmpty(state))
  meta.high = Math.max(meta.high, envelope.high)
  reap(tx)
  if (broken || envelope.era !== meta.era) return { _tag: "ERA", era: meta.era, now: meta.now, high: meta.high }
  if (meta.now > envelope.notAfter) return { _tag: "EXPIRED", now: meta.now, high: meta.high }
  return tx
}
