/**
 * Options that the environment may give, and code may override.
 *
 * @internal
 */
import * as Config from "effect/Config"

/** `undefined` where nothing is set. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.withDefault(config as Config.Config<A | undefined>, undefined)

/** A text; an empty one is none. */
export const optionalText = (name: string): Config.Config<string | undefined> =>
  optional(Config.map(Config.string(name), (text) => (text.trim() === "" ? undefined : text)))

/** What is given in code goes first, unless it is `undefined`. */
export const overridden = <A extends object>(options: A, overrides: Partial<A>): A => {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  return { ...options, ...given }
}
