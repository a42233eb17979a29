/**
 * Claims: the exclusive right to run children, the trials of those whose owners died soon after they had claimed them, and
 * what an owner reports and gives back.
 *
 * @internal
 */
import { saveAll, stateOnClaim, type Telling } from "./childStates.js"
import type { Args, ClaimResult, Refusal, Value } from "./commands.js"
import { tell, tellNotes } from "./historyRecords.js"
import { nameOf } from "./sessionNames.js"
import {
  append,
  claimOf,
  type ClaimRecord,
  formatSpec,
  formatStat,
  isLive,
  maxRefused,
  next,
  parseSpec,
  setClaim,
  type SpecRecord,
  storeSpec,
  type Tx
} from "./state.js"
import { beginTrial, judge, noteRound, proveTrial, type Round } from "./suspects.js"
import { deathCause, fatalDeaths, formatTrial } from "./trialRecords.js"

/** Drops the claim of a dead holder. */
const dropLost = (tx: Tx, id: string, { sid, token }: ClaimRecord, note: string): void => {
  setClaim(tx, id, undefined)
  tell(tx, "lost", { id, token, node: sid, note })
}

/** Parks a child whose owners died too often, as failed. */
const park = (tx: Tx, id: string, spec: SpecRecord, { sid, token }: ClaimRecord, deaths: number): ClaimResult => {
  const { meta, state } = tx
  const cause = deathCause(deaths)
  const lastNode = nameOf(sid)
  const stat = formatStat({ token, state: "failed", restarts: deaths, since: meta.last, next: 0, cause, lastNode })
  state.trial.delete(id)
  state.stat.set(id, stat)
  tell(tx, "failed", { id, token, node: sid, note: cause })
  return { _tag: "PARKED", spec: storeSpec(tx, id, { ...spec, failed: true, stamp: next(tx) }), stat }
}

/** A `claim` on its way. `round`: of trials, if children may be granted to be tried. */
interface ClaimAsked {
  readonly sid: string
  readonly round: Round | undefined
  readonly telling: Telling
}

const claimOne = (tx: Tx, { round, sid, telling }: ClaimAsked, id: string, generation: number): ClaimResult => {
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  if (stored !== undefined && spec === undefined) return { _tag: "MALFORMED" }
  const current = claimOf(tx, id)
  const held = current !== undefined && isLive(tx, current.sid)
  if (spec === undefined || spec.failed) {
    // Nobody may run the child: the claim of a dead holder would stay for ever.
    if (current !== undefined && !held) dropLost(tx, id, current, "")
    return { _tag: "GONE" }
  }
  if (spec.generation !== generation) return { _tag: "STALE", spec: stored! }
  if (held) return { _tag: "HELD", claim: tx.state.claim.get(id)! }
  const { accused, record } = judge(tx, id, generation, current)
  if (record !== undefined && (accused || round === undefined)) {
    if (current !== undefined) dropLost(tx, id, current, accused ? deathCause(record.deaths) : "")
    const { certain, deaths } = record
    if (accused && deaths >= fatalDeaths.all && certain >= fatalDeaths.certain) {
      return park(tx, id, spec, current!, deaths)
    }
    return { _tag: "TRIAL", trial: formatTrial(record) }
  }
  const token = next(tx)
  setClaim(tx, id, { token, generation, sid })
  if (record !== undefined) beginTrial(tx, id, record, token, round!)
  const note = current === undefined ? "" : `${current.token}:${current.sid}`
  tell(tx, "claimed", { id, token, node: sid, note })
  return {
    _tag: "GRANTED",
    token,
    stat: tx.state.stat.get(id) ?? null,
    trial: tx.state.trial.get(id) ?? null,
    birth: spec.birth,
    state: stateOnClaim(tx, id, spec, { token, sid }, telling)
  }
}

/** `claim`: grants claims that are vacant, or whose holder is not live. */
export const claim = (tx: Tx, { goesOn, items, sid, trial }: Args<"claim">): Value<"claim"> | Refusal => {
  const { meta } = tx
  if (!isLive(tx, sid)) return { _tag: "NOSESSION", now: meta.now, high: meta.high }
  if (meta.now < meta.quarantine) {
    return { _tag: "QUARANTINE", left: meta.quarantine - meta.now, now: meta.now, high: meta.high }
  }
  const round: Round | undefined = trial === true ? { first: 0, size: 0, deaths: 0 } : undefined
  const asking: ClaimAsked = { sid, round, telling: { bytes: 0, full: false } }
  const results = items.map(({ generation, id }) => claimOne(tx, asking, id, generation))
  if (round !== undefined) noteRound(tx, sid, round, goesOn === true)
  return { results }
}

/** How a refusal begins that is of a revision, and not of a code: others are to run the child as long as there are any. */
export const revisionSign = "@"

const refuse = (tx: Tx, id: string, generation: number, code: string): void => {
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  if (spec === undefined || spec.generation !== generation || spec.refused.includes(code)) return
  const refused = [...spec.refused, code].slice(-maxRefused)
  tx.state.spec.set(id, formatSpec({ ...spec, refused }))
  append(tx, "s", id)
}

/** What became of a child whose claim is given back: one that a revision could not run was stopped, as by a move. */
const howReleased = (refused: string): "stopped" | "refused" =>
  refused === "" || refused.startsWith(revisionSign) ? "stopped" : "refused"

/** `release`: gives claims back; exact matches only. */
export const release = (tx: Tx, { items, saves, sid }: Args<"release">): Value<"release"> => {
  let released = 0
  saveAll(tx, sid, saves)
  for (const { id, notes, refused, stat = "", token, why } of items) {
    const current = claimOf(tx, id)
    if (current === undefined || current.token !== token || current.sid !== sid) continue
    tellNotes(tx, { id, token, node: sid }, notes)
    if (refused !== "") refuse(tx, id, current.generation, refused)
    proveTrial(tx, id, current, true)
    if (stat !== "") tx.state.stat.set(id, stat)
    setClaim(tx, id, undefined)
    tell(tx, howReleased(refused), { id, token, node: sid, note: why ?? "" })
    released++
  }
  return { released }
}

/** `report`: stores the status of children that the session still owns. */
export const report = (tx: Tx, { items, sid }: Args<"report">): Value<"report"> => {
  let stored = 0
  for (const { id, notes, stat, token } of items) {
    const current = claimOf(tx, id)
    if (current === undefined || current.token !== token || current.sid !== sid) continue
    proveTrial(tx, id, current, false)
    tx.state.stat.set(id, stat)
    append(tx, "c", id)
    tellNotes(tx, { id, token, node: sid }, notes)
    stored++
  }
  return { stored }
}
