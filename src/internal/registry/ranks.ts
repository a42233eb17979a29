/**
 * Ranks of records, by which two memories of one id are merged: the higher one wins. They are compared field by field,
 * since a sum would lose digits where the counter is high.
 *
 * @internal
 */
import type { SpecRecord, TombRecord } from "./state.js"

/** What the rank of a record in a merge is told by. */
export interface RecordRank {
  readonly stamp: number
  readonly initial: boolean
  readonly stateful?: boolean
}

/** Compares ranks: the higher one wins. Of two with one stamp, the one that a list names, or that has a state, knows more. */
export const compareRanks = (a: RecordRank, b: RecordRank): number =>
  a.stamp === b.stamp
    ? Number(a.initial) - Number(b.initial) || Number(a.stateful ?? false) - Number(b.stateful ?? false)
    : a.stamp - b.stamp

/** The higher one of two ranks. */
export const maxRank = (a: RecordRank, b: RecordRank): RecordRank => (compareRanks(a, b) < 0 ? b : a)

/** RecordRank of what is not there. */
export const noRank: RecordRank = { stamp: 0, initial: false }

/** RecordRank of a stored record. One that cannot be parsed outranks everything, so that it is never overwritten. */
export const rankOfStored = (record: SpecRecord | TombRecord | undefined): RecordRank =>
  record ?? { stamp: Infinity, initial: false }
