/**
 * Checks of single settings: each says which one it is, what it was given, and what would do.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Labels } from "../ChildSpec.js"
import { InvalidConfig } from "../PogoError.js"
import { describe } from "./runtime/userInput.js"

/** The error of a setting. */
export const refuse = (
  setting: string,
  value: unknown,
  rule: string,
  remedy: string
): Either.Either<never, InvalidConfig> =>
  Either.left(new InvalidConfig({ setting, value: describe(value), rule, remedy }))

/** A duration in milliseconds, if one is given. */
export const millis = (
  setting: string,
  input: Duration.DurationInput | undefined
): Either.Either<number | undefined, InvalidConfig> => {
  if (input === undefined) return Either.right(undefined)
  if (typeof input === "number" && !(input >= 0)) {
    return refuse(setting, input, "a duration of at least 0", "give a positive number of milliseconds")
  }
  return Option.match(Duration.decodeUnknown(input), {
    onNone: () => refuse(setting, input, "a duration", "write it like \"5 seconds\""),
    onSome: (decoded) => Either.right(Duration.toMillis(decoded))
  })
}

/** A number above 0. */
export const positive = (setting: string, value: number, whole: boolean): Either.Either<number, InvalidConfig> =>
  Number.isFinite(value) && value > 0 && (!whole || Number.isInteger(value))
    ? Either.right(value)
    : refuse(setting, value, whole ? "a whole number of at least 1" : "finite and above 0", "use 1")

/** Labels of a node. */
export const checkLabels = (setting: string, labels: Labels): Either.Either<Labels, InvalidConfig> =>
  typeof labels === "object" && labels !== null && Object.values(labels).every((value) => typeof value === "string")
    ? Either.right(labels)
    : refuse(setting, labels, "a record of texts", "write it like { zone: \"a\" }")

/** A boolean. */
export const flag = (setting: string, value: unknown): Either.Either<boolean, InvalidConfig> =>
  typeof value === "boolean" ? Either.right(value) : refuse(setting, value, "true or false", "give a boolean")
