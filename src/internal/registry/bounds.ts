/**
 * Bounds of the numbers that reach a registry. A number beyond them counts as not sent, and as not stored: a single
 * node whose clock is centuries ahead, or a damaged record, would otherwise raise the scope's counter for good to where
 * its digits no longer fit. No bound comes from the server's own clock: one that was set back would refuse everybody.
 *
 * Twin of `lua/shared/numbers.lua`.
 *
 * @internal
 */

/** The latest unix time in seconds that is believed: early in 2106. It seeds the counter of a new era. */
export const maxSeconds = 2 ** 32 - 1

/** The highest counter value: that of the latest believed second, and room for 2^50 more. */
export const maxCounter = 2 ** 52 + 2 ** 50

/**
 * To where a caller's `high` raises the counter, at most. The rest is room to count on: a caller that names the highest
 * value of all must not leave a scope without a next one.
 */
export const maxHigh = maxCounter - 2 ** 48

/** The latest time of the registry's clock, logical milliseconds: it counts from 0, and gets there in 35,000 years. */
export const maxTime = 2 ** 50

/** The longest `ttl` and `maxStep`, milliseconds: 34 years. A node's own rules are stricter. */
export const maxDuration = 2 ** 40

/** What is taken for the timings of a caller that sent none, where a scope has none either. Milliseconds. */
export const usualTimings = { ttl: 15_000, maxStep: 2_500 } as const

/** A whole number from 0 on that keeps all its digits; `undefined` for anything else. Enough for what is only compared. */
export const exactOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

const within = (value: unknown, most: number): number | undefined => {
  const exact = exactOf(value)
  return exact === undefined || exact > most ? undefined : exact
}

/** A counter value that may be stored: a token, generation, stamp, version or log position. */
export const counterOf = (value: unknown): number | undefined => within(value, maxCounter)

/** A time of the registry's clock. */
export const timeOf = (value: unknown): number | undefined => within(value, maxTime)

const rounded = (value: unknown, round: (value: number) => number): unknown =>
  typeof value === "number" ? round(value) : value

/** A caller's or a server's unix time in seconds. */
export const secondsOf = (value: unknown): number | undefined => within(rounded(value, Math.floor), maxSeconds)

/** The highest counter value that a caller has seen. */
export const highOf = (value: unknown): number | undefined => {
  const counter = counterOf(value)
  return counter === undefined ? undefined : Math.min(counter, maxHigh)
}

const durationOf = (value: unknown, round: (value: number) => number): number | undefined =>
  within(rounded(value, round), maxDuration) || undefined

/** A `ttl`: leases are rounded up. */
export const ttlOf = (value: unknown): number | undefined => durationOf(value, Math.ceil)

/** A `maxStep`: the clock's steps are rounded down. */
export const maxStepOf = (value: unknown): number | undefined => durationOf(value, Math.floor)

/** The time after which a command must have no effect, rounded down; `undefined` for never. */
export const notAfterOf = (value: unknown): number | undefined =>
  typeof value !== "number" || !(value <= maxTime) ? undefined : Math.max(-1, Math.floor(value))

const encoder = new TextEncoder()

/** How many bytes a text has: pages, notes and batches are bounded by that. */
export const bytesIn = (text: string): number => encoder.encode(text).length
