/**
 * Values that users give: options from code and from the environment, names, and how errors show what is wrong.
 *
 * @internal
 */
import * as Config from "effect/Config"

/** A config that is `undefined` where nothing is set. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.withDefault(config as Config.Config<A | undefined>, undefined)

/** A text that is `undefined` where nothing, or only white space, is set. */
export const optionalText = (name: string): Config.Config<string | undefined> =>
  optional(Config.map(Config.string(name), (text) => (text.trim() === "" ? undefined : text)))

/** Options, with those of the overrides that are not `undefined` in their place. */
export const overridden = <A extends object>(options: A, overrides: Partial<A>): A => {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  return { ...options, ...given }
}

/** The rule of names of scopes and nodes, in words. */
export const nameRule = "1 to 128 bytes, without control characters and | # { }"

/** True if a value is a name: names are parts of keys and records, where some characters have a meaning. */
export const isName = (text: unknown): text is string =>
  typeof text === "string" && text !== "" && Buffer.byteLength(text) <= 128 && text.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u001f\u007f|#{}]/.test(text)

/** A rendering; `undefined` if it throws. */
const attempt = (render: () => string | undefined): string | undefined => {
  try {
    return render()
  } catch {
    return undefined
  }
}

/** A value as text of at most 123 characters. Never throws, though a value of somebody else's may when it is rendered. */
export const describe = (value: unknown): string => {
  const json = typeof value === "string" || typeof value === "object" ? attempt(() => JSON.stringify(value)) : undefined
  const text = json ?? attempt(() => String(value)) ?? typeof value
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}
