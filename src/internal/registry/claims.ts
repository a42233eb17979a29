/**
 * `claim`: the exclusive right to run children, and the trials of those whose owners died soon after they had claimed
 * them.
 *
 * @internal
 */
import { stateOnClaim, type Telling } from "./childStates.js"
import type { Args, ClaimResult, Refusal, Value } from "./commands.js"
import { claimOf, formatStat, isLive, next, parseSpec, setClaim, type SpecRecord, storeSpec, type Tx } from "./state.js"
import { beginTrial, judge, noteRound, type Round } from "./suspects.js"
import { deathCause, fatalDeaths, formatTrial, type TrialRecord } from "./trialRecords.js"

/** Parks a child whose owners died too often, as failed. */
const park = (tx: Tx, id: string, spec: SpecRecord, token: number, { deaths }: TrialRecord): ClaimResult => {
  const { meta, state } = tx
  const cause = deathCause(deaths)
  const stat = formatStat({ token, state: "failed", restarts: deaths, since: meta.last, next: 0, cause })
  state.trial.delete(id)
  state.stat.set(id, stat)
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
    if (current !== undefined && !held) setClaim(tx, id, undefined)
    return { _tag: "GONE" }
  }
  if (spec.generation !== generation) return { _tag: "STALE", spec: stored! }
  if (held) return { _tag: "HELD", claim: tx.state.claim.get(id)! }
  const { accused, record } = judge(tx, id, generation, current)
  if (record !== undefined && (accused || round === undefined)) {
    if (current !== undefined) setClaim(tx, id, undefined)
    const { certain, deaths } = record
    if (accused && deaths >= fatalDeaths.all && certain >= fatalDeaths.certain) {
      return park(tx, id, spec, current!.token, record)
    }
    return { _tag: "TRIAL", trial: formatTrial(record) }
  }
  const token = next(tx)
  setClaim(tx, id, { token, generation, sid })
  if (record !== undefined) beginTrial(tx, id, record, token, round!)
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
