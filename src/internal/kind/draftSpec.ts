/**
 * Specs whose payload is still to be encoded.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { ChildSpec, type ChildType, type Draft, DraftTypeId, type Options, type Shutdown } from "../../ChildSpec.js"
import { InvalidChildSpec } from "../../PogoError.js"
import { describe } from "../runtime/describe.js"

/** What a kind says of its specs. */
export interface KindShape {
  readonly kind: string
  readonly version: number
  readonly type: ChildType
  readonly payload: PayloadSchema
}

/** A payload's schema, of which the types are known where the kind is declared. */
export interface PayloadSchema extends Schema.Schema<unknown, unknown> {
  readonly make: (value: never) => unknown
}

/** Milliseconds, or what else a shutdown may be; anything else is passed on, to be refused by name. */
export const shutdownOf = (input: Options["shutdown"]): Shutdown | undefined => {
  if (input === undefined || input === "brutalKill" || input === "infinity") return input
  if (typeof input === "number") return input
  return Duration.decodeUnknown(input).pipe((decoded) =>
    decoded._tag === "Some" ? Duration.toMillis(decoded.value) : (input as unknown as Shutdown)
  )
}

const misfit = (id: string, error: ParseResult.ParseError): InvalidChildSpec => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const path = issue === undefined || issue.path.length === 0 ? "payload" : `payload.${issue.path.join(".")}`
  const at = issue?.path.reduce<unknown>(
    (value, name) => (value as { readonly [name: PropertyKey]: unknown } | null | undefined)?.[name],
    error.issue.actual
  )
  return new InvalidChildSpec({
    id,
    field: path,
    value: describe(at),
    problem: issue?.message ?? error.message,
    remedy: "give the kind's payload the form that its schema describes"
  })
}

/** Fills in the constructor's defaults, and checks. */
const construct = (schema: PayloadSchema, payload: unknown): Effect.Effect<unknown, ParseResult.ParseError> =>
  Effect.try({
    try: () => schema.make(payload as never),
    catch: (error): unknown => error
  }).pipe(Effect.catchAll((error) => ParseResult.isParseError(error) ? Effect.fail(error) : Effect.die(error)))

/** @internal */
export const makeDraft = (shape: KindShape, key: string, payload: unknown, options: Options): Draft => {
  const { kind, type, version } = shape
  const id = `${kind}/${key}`
  return {
    [DraftTypeId]: DraftTypeId,
    kind,
    key,
    id,
    encode: construct(shape.payload, payload).pipe(
      Effect.flatMap(Schema.encodeUnknown(shape.payload)),
      Effect.mapBoth({
        onFailure: (error) => misfit(id, error),
        onSuccess: (encoded) =>
          new ChildSpec({
            kind,
            key,
            version,
            type,
            payload: encoded,
            restart: options.restart,
            shutdown: shutdownOf(options.shutdown),
            requires: options.requires ?? {},
            prefers: options.prefers ?? {}
          }, { disableValidation: true })
      })
    )
  }
}
