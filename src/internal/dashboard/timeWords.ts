/** Times, lengths and numbers as an operator reads them. */

const second = 1_000

/** Milliseconds of a minute. */
export const minute = 60 * second

/** Milliseconds of an hour. */
export const hour = 60 * minute

/** Milliseconds of a day. */
export const day = 24 * hour

/**
 * Milliseconds since 1970 of an ISO 8601 time.
 *
 * @param text the time
 */
export const ms: (text: string) => number = Date.parse

/**
 * A number with commas between thousands.
 *
 * @param value any number; it is rounded
 */
export const grouped = (value: number): string => Math.round(value).toLocaleString("en")

/**
 * A number and the thing that it counts: "1 node", "2,000 children".
 *
 * @param count how many
 * @param one the thing's name
 * @param more its name in the plural; `one` with an "s" unless given
 */
export const counted = (count: number, one: string, more = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : more}`

/**
 * The time of day in the local zone, by 24 hours: "14:04:45".
 *
 * @param at milliseconds since 1970
 * @param digits 5 for hours and minutes, 8 for seconds too (default), 12 for milliseconds too
 */
export const clockOf = (at: number, digits: 5 | 8 | 12 = 8): string => {
  const date = new Date(at)
  return new Date(at - date.getTimezoneOffset() * minute).toISOString().slice(11, 11 + digits)
}

/**
 * The day of the month in the local zone: "30 Nov".
 *
 * @param at milliseconds since 1970
 */
export const dayOf = (at: number): string =>
  new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" })

/**
 * The time of day, and the day before it unless that is today.
 *
 * @param at milliseconds since 1970
 * @param now the present, in milliseconds since 1970
 * @param digits how exact the time of today is, as in `clockOf`
 */
export const momentOf = (at: number, now: number, digits: 8 | 12 = 8): string =>
  new Date(at).toDateString() === new Date(now).toDateString() ? clockOf(at, digits) : `${dayOf(at)} ${clockOf(at)}`

const steps = [second, 5 * second, 15 * second, minute, 3 * minute, 10 * minute, 20 * minute, hour, 4 * hour, day]

/**
 * Times to mark on an axis: round ones in the local zone, as many as have room.
 *
 * @param from where the axis begins, in milliseconds since 1970
 * @param to where it ends
 * @param room how many marks have room; 3 at least
 */
export const ticksOf = (
  from: number,
  to: number,
  room: number
): ReadonlyArray<{ readonly at: number; readonly text: string }> => {
  const length = to - from
  const step = steps.find((each) => length / each <= Math.max(3, room)) ??
    Math.max(1, Math.ceil(length / day / Math.max(3, room))) * day
  // Of an hour or more they are round in the local zone, whose days begin elsewhere.
  const zone = step >= hour ? new Date(to).getTimezoneOffset() * minute : 0
  const ticks = []
  for (let at = Math.ceil((from - zone) / step) * step + zone; at < to; at += step) {
    ticks.push({ at, text: step >= day ? dayOf(at) : clockOf(at, step < minute ? 8 : 5) })
  }
  return ticks
}
