/**
 * Numbers as an operator reads them.
 *
 * @internal
 */

/** Thousands with commas. */
export const countText = (value: number): string => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",")

const units = ["B", "kB", "MB", "GB", "TB"] as const

/** Bytes in the unit that leaves the fewest digits. */
export const bytesText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]!}`
}

/** Milliseconds, as seconds from one second on. */
export const millisText = (millis: number): string =>
  millis < 10 ? `${millis.toFixed(1)} ms` : millis < 1_000 ? `${Math.round(millis)} ms` : secondsText(millis / 1_000)

const secondsText = (seconds: number): string =>
  seconds < 120
    ? `${Number(seconds.toFixed(1))} s`
    : seconds < 7_200
    ? `${Math.round(seconds / 60)} min`
    : seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`

/** A number with its noun: "1 child", "2,000 children". */
export const many = (count: number, one: string, more = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : more}`

/** The first few names, and how many more there are. */
export const some = (names: ReadonlyArray<string>, most = 3): string =>
  names.length <= most + 1
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${countText(names.length - most)} more`
