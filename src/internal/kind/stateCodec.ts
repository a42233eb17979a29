/**
 * Codec of children's states: from a value to the text that is stored, and back. A schema's code, and `migrate`, are a
 * user's: what they throw, and how long they take, is the trouble of the one child that they are run for.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { InvalidState, StateTooLarge } from "../../PogoError.js"
import {
  attempt,
  effectBy,
  exitNow,
  isInstance,
  outgrows,
  printCause,
  printError,
  printParseError
} from "../runtime/userCode.js"
import { describe } from "../runtime/userInput.js"
import { Unfit, writeJson } from "./canonicalJson.js"
import type { StateText } from "./current.js"

/** The most bytes that a state may have, encoded, whatever its kind says. */
export const maxStateBytes = 64 * 1024

/** The most bytes of a state, encoded, unless its kind says otherwise. */
export const usualStateBytes = 16 * 1024

/** What a kind says of its children's states. */
export interface StateShape {
  readonly schema: Schema.Schema<unknown, unknown>
  /** Makes a value of one that another version of the kind has stored, or that the schema does not decode. */
  readonly migrate: ((stored: unknown, from: number) => unknown) | undefined
  /** Limit of a value, encoded, bytes. */
  readonly maxBytes: number
}

type Id = InvalidState["id"]

const invalid = (id: Id, field: string, value: string, problem: string, remedy: string): InvalidState =>
  new InvalidState({ id, field, value, problem, remedy })

const misfit = (id: Id, problem: string): InvalidState =>
  invalid(id, "state", "<value>", problem, "give a value that the kind's state schema describes")

const threw = (id: Id, trouble: string): InvalidState =>
  invalid(
    id,
    "state",
    "<unreadable>",
    `threw when it was read or encoded: ${trouble}`,
    "give plain data, and a schema that does not throw"
  )

/** Writes an encoded value; throws what a getter of it throws. */
const textOf = (id: Id, encoded: unknown, limit: number): Either.Either<string, InvalidState | StateTooLarge> => {
  try {
    const text = writeJson(encoded, "state", 0)
    const size = Buffer.byteLength(text)
    return size > limit ? Either.left(new StateTooLarge({ id, size, limit })) : Either.right(text)
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    if (error.size !== undefined) return Either.left(new StateTooLarge({ id, size: error.size, limit }))
    const { field, problem, remedy, value } = error.fault
    return Either.left(invalid(id, field, value, problem, remedy))
  }
}

const written = (id: Id, encoded: unknown, limit: number): Either.Either<string, InvalidState | StateTooLarge> =>
  Either.flatMap(
    Either.mapLeft(attempt(() => textOf(id, encoded, limit)), (trouble) => threw(id, trouble)),
    (text) => text
  )

/** Refuses a value that is far too large, before its schema goes through it. */
const measured = (id: Id, value: unknown, limit: number): Either.Either<void, InvalidState | StateTooLarge> =>
  Either.match(attempt(() => outgrows(value, { parts: 16 * limit, length: 16 * limit })), {
    onLeft: (trouble) => Either.left(threw(id, trouble)),
    onRight: (isTooLarge) => isTooLarge ? Either.left(new StateTooLarge({ id, size: limit, limit })) : Either.void
  })

/** Encodes a value. */
export const encodeState = (
  { maxBytes, schema }: StateShape,
  id: Id,
  value: unknown
): Effect.Effect<string, InvalidState | StateTooLarge> =>
  Effect.suspend(() => measured(id, value, maxBytes)).pipe(
    Effect.zipRight(
      Effect.mapError(
        effectBy(() => Schema.encodeUnknown(schema)(value)),
        (error) => misfit(id, printParseError(error))
      )
    ),
    Effect.flatMap((encoded) => written(id, encoded, maxBytes)),
    Effect.catchAllDefect((defect) => Effect.fail(threw(id, printError(defect))))
  )

const undecodable = (id: Id, { body, kindVersion }: StateText, problem: string): InvalidState =>
  invalid(
    id,
    "stored state",
    describe(body),
    `written by version ${kindVersion} of the kind: ${problem}`,
    "give the kind a schema that reads it, or a migrate"
  )

const problemOf = (cause: Cause.Cause<ParseResult.ParseError>): string =>
  Option.match(Cause.failureOption(cause), {
    onNone: () => `its schema threw: ${printCause(cause)}`,
    onSome: printParseError
  })

/** What `migrate` makes of a stored value. A promise is none: it could only be waited for by an effect. */
const migrated = (
  migrate: NonNullable<StateShape["migrate"]>,
  json: unknown,
  from: number
): Effect.Effect<unknown, string> =>
  Effect.suspend(() =>
    Either.match(attempt(() => migrate(json, from)), {
      onLeft: (trouble) => Effect.fail(`migrate threw: ${trouble}`),
      onRight: (value) => {
        if (isInstance(value, Promise)) {
          value.catch(() => {})
          return Effect.fail("migrate gave a promise: give an effect instead")
        }
        if (!Either.getOrElse(attempt(() => Effect.isEffect(value)), () => false)) return Effect.succeed(value)
        return Effect.catchAllCause(
          value as Effect.Effect<unknown, unknown>,
          (cause) => Effect.fail(`migrate failed: ${printCause(cause)}`)
        )
      }
    })
  )

/** Decodes what is stored. `version`: of the kind whose code reads it. */
export const decodeState = (
  { migrate, schema }: StateShape,
  version: number,
  id: Id,
  stored: StateText
): Effect.Effect<unknown, InvalidState> =>
  Effect.suspend(() => {
    const json = attempt((): unknown => JSON.parse(stored.body))
    if (Either.isLeft(json)) return Effect.fail(`it is no JSON: ${json.left}`)
    const move = () => migrated(migrate!, json.right, stored.kindVersion)
    if (migrate !== undefined && stored.kindVersion !== version) return move()
    return Effect.catchAllCause(
      effectBy(() => Schema.decodeUnknown(schema)(json.right)),
      (cause) => (migrate === undefined ? Effect.fail(problemOf(cause)) : move())
    )
  }).pipe(Effect.mapError((problem) => undecodable(id, stored, problem)))

/**
 * Why this code cannot read what is stored; `undefined` if it can. Of a schema, or a `migrate`, that waits for something
 * nothing is known: the child's run may wait for it, and nothing else does.
 */
export const problemWith = (
  shape: StateShape,
  version: number,
  id: Id,
  stored: StateText
): string | undefined =>
  Option.match(exitNow(() => decodeState(shape, version, id, stored)), {
    onNone: () => undefined,
    onSome: Exit.match({
      onFailure: (cause) =>
        Option.match(Cause.failureOption(cause), { onNone: () => printCause(cause), onSome: ({ message }) => message }),
      onSuccess: () => undefined
    })
  })
