/**
 * Trials: what a registry does about a child whose owner died soon after it had claimed it. The accusation is made where
 * the claim of a dead session is met, and consumes that claim, so that a repeated command counts nothing twice.
 *
 * Twin of `lua/shared/trials.lua`.
 *
 * @internal
 */
import { claimOf, type ClaimRecord, type RegistryState, type Tx } from "./state.js"
import {
  accuse,
  formatTrace,
  formatTrial,
  holdOf,
  isAccused,
  noTrace,
  parseTrace,
  parseTrial,
  proofTime,
  type SessionTrace,
  type TrialRecord
} from "./trialRecords.js"

const traceOf = ({ sessx }: RegistryState, sid: string): SessionTrace | undefined => {
  const value = sessx.get(sid)
  return value === undefined ? undefined : parseTrace(value)
}

const storeTrace = ({ sessx }: RegistryState, sid: string, trace: SessionTrace): void => {
  sessx.set(sid, formatTrace(trace))
}

const trialOf = ({ trial }: RegistryState, id: string): TrialRecord | undefined => {
  const value = trial.get(id)
  return value === undefined ? undefined : parseTrial(value)
}

/** One member of a session's round is no longer on trial. */
const leaveRound = ({ state }: Tx, { sid, token }: ClaimRecord): void => {
  const trace = traceOf(state, sid)
  if (trace === undefined || trace.left === 0 || token < trace.round) return
  storeTrace(state, sid, { ...trace, left: trace.left - 1 })
}

/** Forgets a child's trial: it has ended, or there is another generation of it. */
export const dropTrial = (tx: Tx, id: string): void => {
  if (!tx.state.trial.has(id)) return
  const claim = claimOf(tx, id)
  if (claim !== undefined && claim.token === trialOf(tx.state, id)?.token) leaveRound(tx, claim)
  tx.state.trial.delete(id)
}

/** A claim's owner reports, or gives the claim back (`ends`): a trial that lived the proof time is over. */
export const proveTrial = (tx: Tx, id: string, claim: ClaimRecord, ends: boolean): void => {
  const record = trialOf(tx.state, id)
  if (record === undefined || record.token !== claim.token) return
  const isOver = tx.meta.now - record.at >= proofTime(tx.meta.ttl)
  if (isOver) tx.state.trial.delete(id)
  if (isOver || ends) leaveRound(tx, claim)
}

/** A session says that its process is about to end on purpose. */
export const noteLeaving = ({ state }: Tx, sid: string): void =>
  storeTrace(state, sid, { ...traceOf(state, sid) ?? noTrace, how: "leaving" })

/** A session replaces another one of its process: the last round is the process'. */
export const inheritRound = ({ state }: Tx, from: string, to: string): void => {
  const trace = traceOf(state, from)
  if (trace !== undefined && trace.left > 0) storeTrace(state, to, { ...trace, how: "live", at: 0, floor: 0 })
}

/** Trials that one command grants. */
export interface Round {
  first: number
  size: number
  deaths: number
}

/** Remembers a session's round, or that more belong to the one before, as long as that is held. */
export const noteRound = ({ meta, state }: Tx, sid: string, { deaths, first, size }: Round, goesOn: boolean): void => {
  if (size === 0) return
  const trace = traceOf(state, sid) ?? noTrace
  const until = meta.now + holdOf(deaths, meta.ttl)
  if (goesOn && trace.round > 0 && meta.now < trace.until) {
    storeTrace(state, sid, { ...trace, until, left: trace.left + size, alone: false })
    return
  }
  const isFirst = trace.round === 0 || meta.now - trace.since >= proofTime(meta.ttl)
  storeTrace(state, sid, {
    ...trace,
    round: first,
    since: meta.now,
    until,
    left: size,
    alone: size === 1 && isFirst
  })
}

/** Puts a claim just granted on trial. */
export const beginTrial = ({ meta, state }: Tx, id: string, record: TrialRecord, token: number, round: Round): void => {
  state.trial.set(id, formatTrial({ ...record, token, at: meta.now }))
  if (round.size === 0) round.first = token
  round.size++
  round.deaths = Math.max(round.deaths, record.deaths)
}

/** What is to be done about a child that is asked for, and whose claim, if it has one, is a dead session's. */
export interface Verdict {
  /** The child's trial, if it is a suspect. */
  readonly record: TrialRecord | undefined
  /** Whether the dead holder was counted against it just now. */
  readonly accused: boolean
}

/** A record that does not fit what is stored besides counts as none. */
const fitting = ({ meta, state }: Tx, id: string, generation: number): TrialRecord | undefined => {
  const record = trialOf(state, id)
  return record !== undefined && record.generation === generation && record.at <= meta.now ? record : undefined
}

/** Judges a child of which the claim's holder, if there is one, does not live. */
export const judge = (tx: Tx, id: string, generation: number, holder: ClaimRecord | undefined): Verdict => {
  const { meta, state } = tx
  const trace = holder === undefined ? undefined : traceOf(state, holder.sid)
  let record = fitting(tx, id, generation)
  const hadLived = record !== undefined && holder?.token === record.token && trace !== undefined &&
    trace.at - record.at > proofTime(meta.ttl)
  if (hadLived) record = undefined
  if (record === undefined) state.trial.delete(id)
  const isOfThis = holder !== undefined && holder.generation === generation
  if (!isOfThis || !isAccused(trace, holder.token, record, meta.ttl)) return { record, accused: false }
  const accused = accuse(trace!, holder, record, meta.now, meta.ttl)
  state.trial.set(id, formatTrial(accused))
  return { record: accused, accused: true }
}
