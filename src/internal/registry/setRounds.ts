/**
 * Rounds of reconciling: of several callers that make the same set equal to their lists, the one that began last wins
 * whole. A change that another round asks for is refused with its whole command, also in mid-work.
 *
 * A record may vanish at any time without harm: no round is then the youngest one, and its caller begins again.
 *
 * @internal
 */
import { counterOf, exactOf } from "./bounds.js"
import type { Args, Refusal, SetRound, Value } from "./commands.js"
import { maxSetRounds } from "./commands.js"
import { isLive, next, type Tx } from "./state.js"

/** The youngest round of a set. */
export interface SetRoundRecord {
  readonly round: number
  /** The highest token of a child that began one; 0 if none did. */
  readonly fence: number
  /** Id of the call that began it. */
  readonly op: string
}

const roundPattern = /^(\d{1,16})\|(\d{1,16})\|([^|]*)$/

/** Parses a round of a set; `undefined` for another form. */
export const parseSetRound = (value: string): SetRoundRecord | undefined => {
  const m = roundPattern.exec(value)
  if (m === null) return undefined
  const [round, fence] = [Number(m[1]), Number(m[2])]
  if (counterOf(round) === undefined || counterOf(fence) === undefined) return undefined
  return { round, fence, op: m[3]! }
}

/** Formats a round of a set. */
export const formatSetRound = ({ fence, op, round }: SetRoundRecord): string => `${round}|${fence}|${op}`

const read = ({ state }: Tx, key: string): SetRoundRecord | undefined => {
  const value = state.round.get(key)
  return value === undefined ? undefined : parseSetRound(value)
}

/** Makes room for another set: records of another form go, or else the oldest. */
const makeRoom = ({ state }: Tx): void => {
  if (state.round.size < maxSetRounds) return
  let oldest: readonly [key: string, round: number] | undefined
  for (const [key, value] of state.round) {
    const round = parseSetRound(value)?.round
    if (round === undefined) state.round.delete(key)
    else if (oldest === undefined || round < oldest[1]) oldest = [key, round]
  }
  if (oldest !== undefined && state.round.size >= maxSetRounds) state.round.delete(oldest[0])
}

/** `begin`: draws a round. The same call answers as it did. */
export const begin = (tx: Tx, args: Args<"begin">): Value<"begin"> => {
  const { key, op, seen } = args
  const quarantine = Math.max(0, tx.meta.quarantine - tx.meta.now)
  const known = read(tx, key)
  if (known?.op === op) return { result: { _tag: "BEGUN", round: known.round }, quarantine }
  if (seen !== undefined && (!isLive(tx, seen.sid) || exactOf(seen.round) !== (known?.round ?? 0))) {
    return { result: { _tag: "UNSEEN", round: known?.round ?? 0 }, quarantine }
  }
  const fence = counterOf(args.fence) ?? 0
  const highest = known?.fence ?? 0
  // One without a fence is a caller's own: whoever gives it answers for its age.
  if (fence > 0 && fence < highest) return { result: { _tag: "FENCED", fence: highest }, quarantine }
  if (!tx.state.round.has(key)) makeRoom(tx)
  const round = next(tx)
  tx.state.round.set(key, formatSetRound({ round, fence: Math.max(fence, highest), op }))
  return { result: { _tag: "BEGUN", round }, quarantine }
}

/**
 * A session begins to live that keeps a list: the round of its set is over. A round of such a set ends and replaces what
 * the lists of all live nodes agree upon, and this one may not.
 */
export const endRound = ({ state }: Tx, key: string | undefined): void => {
  if (key !== undefined) state.round.delete(key)
}

/** Why a command of a round may have no effect; `undefined` if it may. */
export const supersededBy = (tx: Tx, asked: SetRound | undefined): Refusal | undefined => {
  if (asked === undefined) return undefined
  const known = read(tx, asked.key)
  if (known !== undefined && known.round === asked.round) return undefined
  return { _tag: "SUPERSEDED", now: tx.meta.now, high: tx.meta.high }
}
