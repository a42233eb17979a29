/**
 * The guard that runs before each command: the logical clock, the loss of data, dead sessions, and commands that come
 * too late. Twin of `lua/shared/guard.lua`.
 *
 * @internal
 */
import { counterOf, exactOf, highOf, maxStepOf, notAfterOf, secondsOf, timeOf, ttlOf, usualTimings } from "./bounds.js"
import type { Envelope, Refusal } from "./commands.js"
import { directiveRetention, layoutVersion, tombstoneCount, tombstoneRetention, tombstoneTerm } from "./commands.js"
import { historyAge, historyCount, newestOf, tell } from "./historyRecords.js"
import {
  append,
  endSession,
  lastOf,
  type Meta,
  parseDirective,
  type RegistryState,
  type Server,
  type Sweep,
  type Tx
} from "./state.js"
import { addMark } from "./trialRecords.js"

/** Shift of the seconds that seed the counter: leaves a million numbers per second, and fits 2^53. */
export const seedShift = 2 ** 20

const freshMeta = (state: RegistryState, envelope: Envelope, server: Server): Meta => {
  // When `meta` alone is lost, times in other records come from the lost clock: the new one begins no earlier, so that
  // nothing is kept for longer than its retention.
  let begun = 0
  for (const at of state.tombx.values()) begun = Math.max(begun, at)
  begun = Math.max(0, (timeOf(begun) ?? 0) - tombstoneTerm)
  for (const value of state.direct.values()) {
    begun = Math.max(begun, (timeOf(parseDirective(value)?.until) ?? 0) - directiveRetention)
  }
  return {
    layout: ours,
    guarded: "1",
    era: "",
    run: server.run,
    high: 0,
    last: server.time,
    now: begun,
    quarantine: 0,
    ttl: ttlOf(envelope.ttl) ?? usualTimings.ttl,
    maxStep: maxStepOf(envelope.maxStep) ?? usualTimings.maxStep,
    log: 0,
    collected: 0,
    specs: 0,
    claims: 0,
    sessions: 0,
    tombs: 0,
    states: undefined,
    marks: "",
    hist: newestOf(state.hist).ms,
    held: new Map()
  }
}

/** Whether all numbers can be ours. Data with others counts as lost. */
const isSane = ({ collected, claims, high, last, log, maxStep, now, quarantine, sessions, specs, tombs, ttl }: Meta) =>
  [collected, claims, high, log, sessions, specs, tombs].every((n) => counterOf(n) !== undefined) &&
  timeOf(now) !== undefined && timeOf(quarantine) !== undefined && exactOf(last) !== undefined &&
  ttlOf(ttl) !== undefined && maxStepOf(maxStep) !== undefined

/** Advances the clock; returns the time since the command before, milliseconds. */
const advance = (meta: Meta, server: Server): number => {
  const idle = Math.max(server.time - meta.last, 0)
  meta.now += Math.min(idle, meta.maxStep)
  meta.last = server.time
  return idle
}

/** Position of the newest log entry that can be ours; 0 for none. */
const lastSane = (state: RegistryState): number => counterOf(lastOf(state)) ?? 0

/** Whether the data is not what the last command left: another server, a deleted key, a counter that went back. */
const isBroken = ({ meta, state }: Tx, high: number, server: Server): boolean =>
  meta.run !== server.run ||
  meta.specs !== state.spec.size ||
  meta.claims !== state.claim.size ||
  meta.sessions !== state.sess.size ||
  meta.sessions !== state.node.size ||
  meta.tombs !== state.tomb.size ||
  (meta.states ?? state.state.size) !== state.state.size ||
  meta.high < lastSane(state) ||
  // A caller knows a higher number: the data is an older copy, whatever era the caller comes from.
  high > meta.high

const isEmpty = (state: RegistryState): boolean =>
  state.spec.size === 0 && state.claim.size === 0 && state.sess.size === 0 && state.tomb.size === 0

const beginEra = (tx: Tx, envelope: Envelope, server: Server, trusted: boolean): void => {
  const { meta, state } = tx
  const seed = Math.max(secondsOf(server.time / 1000) ?? 0, secondsOf(envelope.seconds) ?? 0) * seedShift
  const told = newestOf(state.hist)
  // The history stays: what comes is to stand behind it.
  meta.high = Math.max(meta.high, lastSane(state), told.at, seed, highOf(envelope.high) ?? 0) + 1
  meta.hist = Math.max(meta.hist, told.ms)
  // A request that is executed twice must not name two data sets alike.
  meta.era = `${envelope.bits}.${meta.high}`
  meta.run = server.run
  meta.quarantine = trusted ? meta.now : meta.now + Math.max(meta.ttl, ttlOf(envelope.ttl) ?? 0)
  state.sess.clear()
  state.node.clear()
  meta.held.clear()
  state.sessx.clear()
  state.trial.clear()
  state.round.clear()
  meta.marks = ""
  meta.specs = state.spec.size
  meta.claims = state.claim.size
  meta.sessions = 0
  meta.tombs = state.tomb.size
  meta.states = undefined
  append(tx, "e", meta.era)
  tell(tx, "era", { note: meta.era })
}

/** Ends the sessions that are due, the longest overdue first. */
const reap = (tx: Tx): void => {
  const due: Array<[sid: string, expiry: number]> = []
  for (const entry of tx.state.sess) if (entry[1] <= tx.meta.now) due.push(entry)
  due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
  for (const [sid, expiry] of due) endSession(tx, sid, "reaped", Math.max(0, expiry - tx.meta.ttl))
}

const ours = String(layoutVersion)

/** Whether a scope belongs to an older layout: this one takes it over, where no session of that one is left. */
const isOlder = (layout: string | undefined): boolean =>
  layout !== undefined && /^\d{1,16}$/.test(layout) && Number(layout) < layoutVersion

const sweepOf = ({ tombx }: RegistryState, { now }: Meta, { keepEnded }: Envelope): Sweep => ({
  until: now + tombstoneTerm - (timeOf(keepEnded?.millis) ?? tombstoneRetention),
  tooMany: tombx.size - (counterOf(keepEnded?.count) ?? tombstoneCount),
  touched: new Set()
})

const historyOf = ({ by, keepHistory, reason }: Envelope): Tx["history"] => ({
  count: counterOf(keepHistory?.count) ?? historyCount,
  millis: timeOf(keepHistory?.millis) ?? historyAge,
  by: by ?? "",
  reason: reason ?? "",
  written: 0,
  lost: 0
})

/** Runs the guard. A refusal means that the command must have no effect. */
export const guard = (state: RegistryState, envelope: Envelope, server: Server): Tx | Refusal => {
  const known = state.layout.get("layout")
  for (const layout of [state.meta?.layout ?? ours, isOlder(known) ? ours : known ?? ours]) {
    if (layout !== ours) return { _tag: "VERSION", layout }
  }
  state.layout.set("layout", ours)
  const existing = state.meta !== undefined && isSane(state.meta) ? state.meta : undefined
  const meta = existing ?? freshMeta(state, envelope, server)
  state.meta = meta
  const idle = advance(meta, server)
  const tx: Tx = { state, meta, idle, sweep: sweepOf(state, meta, envelope), history: historyOf(envelope) }
  const high = highOf(envelope.high) ?? 0
  const broken = existing === undefined || known !== ours || isBroken(tx, high, server)
  if (broken) beginEra(tx, envelope, server, existing === undefined && server.trust && isEmpty(state))
  meta.states ??= state.state.size
  meta.high = Math.max(meta.high, high)
  meta.marks = addMark(meta.marks, meta.high, meta.now, meta.ttl)
  reap(tx)
  if (broken || envelope.era !== meta.era) {
    return { _tag: "ERA", era: meta.era, now: meta.now, high: meta.high, idle: tx.idle }
  }
  if (meta.now > (notAfterOf(envelope.notAfter) ?? Infinity)) return { _tag: "EXPIRED", now: meta.now, high: meta.high }
  return tx
}
