/**
 * The check of a restart intensity, wherever it is set.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { InvalidConfig } from "../../PogoError.js"
import type { Intensity } from "../../Restart.js"
import { describe } from "../runtime/describe.js"

const refuse = (setting: string, value: unknown, rule: string, remedy: string) =>
  Either.left(new InvalidConfig({ setting: `intensity.${setting}`, value: describe(value), rule, remedy }))

/** @internal */
export const checkIntensity = (
  intensity: Intensity | undefined
): Either.Either<Intensity | undefined, InvalidConfig> => {
  if (intensity === undefined) return Either.right(intensity)
  const { maxRestarts, within } = intensity
  if (!(Number.isInteger(maxRestarts) && maxRestarts >= 0)) {
    return refuse("maxRestarts", maxRestarts, "a whole number of at least 0", "use 0, 1, 2, ...")
  }
  return Option.exists(Duration.decodeUnknown(within), Duration.greaterThan(Duration.zero))
    ? Either.right(intensity)
    : refuse("within", within, "a duration above 0", "write it like \"5 seconds\"")
}
