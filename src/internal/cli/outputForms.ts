/**
 * What options may be: forms of output, and what is waited for.
 *
 * @internal
 */

/** The forms, the usual one first. */
export const outputs = ["table", "json", "jsonl"] as const

export type Output = (typeof outputs)[number]

/** What is waited for. */
export const goals = ["running", "failed", "gone"] as const

export type Goal = (typeof goals)[number]
