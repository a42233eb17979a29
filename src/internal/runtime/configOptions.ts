/**
 * Options that come from the environment, and that code may override.
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
