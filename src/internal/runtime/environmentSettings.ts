/**
 * Settings as they stand in an environment: durations as text, and names that are no settings.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { describe, optional } from "./userInput.js"

/** Units of the short form, as Effect calls them. */
const shortUnits: { readonly [unit: string]: string } = {
  ms: "millis",
  s: "seconds",
  sec: "seconds",
  m: "minutes",
  min: "minutes",
  h: "hours",
  d: "days"
}

/** The forms of a duration in words. */
export const durationForms = "a duration of at least 0, such as 500ms, 5s, 1m, 2h, \"15 seconds\" or 0"

/** A duration from a text: a number and a unit, or 0. A number without a unit could mean seconds or milliseconds. */
export const readDuration = (text: string): Either.Either<Duration.Duration, string> => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim().toLowerCase()) ?? []
  if (amount !== "" && Number(amount) === 0 && unit === "") return Either.right(Duration.zero)
  return Either.fromOption(
    amount === "" ? Option.none() : Duration.decodeUnknown(`${amount} ${shortUnits[unit] ?? unit}`),
    () => `${describe(text)} is not ${durationForms}`
  )
}

/** A config of a duration, `undefined` where nothing is set. */
export const durationSetting = (name: string): Config.Config<Duration.Duration | undefined> =>
  optional(
    Config.mapOrFail(
      Config.string(name),
      (text) => Either.mapLeft(readDuration(text), (problem) => ConfigError.InvalidData([], problem))
    )
  )

/** Labels from a text: `name=value`, separated by commas. */
export const readLabels = (text: string): Either.Either<{ readonly [name: string]: string }, string> => {
  const labels: Record<string, string> = Object.create(null)
  for (const pair of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const at = pair.indexOf("=")
    if (at < 1) return Either.left(`"${pair}" is not of the form name=value`)
    const name = pair.slice(0, at)
    if (Object.hasOwn(labels, name)) return Either.left(`"${name}" is there twice`)
    labels[name] = pair.slice(at + 1)
  }
  return Either.right(labels)
}

/** The number of letters to add, drop or change that make one word of the other (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

/** The known name that is nearest to another one; `undefined` where none is like it. */
export const nearest = (name: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const one of known) {
    const far = distance(name, one)
    if (far < least) [best, least] = [one, far]
  }
  return best
}

/** Names longer than this many parts are not looked at: those of a provider that has always one more. */
const mostParts = 8

/** The names that begin with `first`, of which some may be only the beginning of others. */
const namesBelow = (
  flat: ConfigProvider.ConfigProvider.Flat,
  path: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, ConfigError.ConfigError> =>
  Effect.gen(function*() {
    const names = [path.join("_")]
    if (path.length > mostParts) return names
    for (const part of yield* flat.enumerateChildren(path)) names.push(...(yield* namesBelow(flat, [...path, part])))
    return names
  })

/**
 * The names that are set in the present `ConfigProvider` and begin with a prefix. A provider that cannot list its names
 * has none.
 *
 * @param prefix letters, then `_`
 */
export const namesSet = (prefix: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.configProviderWith((provider) =>
    Effect.gen(function*() {
      const { flattened } = provider
      const tops = Array.from(yield* flattened.enumerateChildren([]))
      // A provider that splits names at "_", as that of the environment does, lists the prefix alone.
      const candidates = yield* Effect.forEach(
        tops.filter((top) => `${top}_` === prefix || top.startsWith(prefix)),
        (top) => namesBelow(flattened, [top])
      )
      return yield* Effect.filter(
        candidates.flat().filter((name) => name.startsWith(prefix)),
        (name) => Effect.isSuccess(provider.load(Config.string(name)))
      )
    })
  ).pipe(Effect.catchAllCause(() => Effect.succeed([])))
