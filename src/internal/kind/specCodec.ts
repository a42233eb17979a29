/**
 * Codec of specs: from a payload to the body that is stored, and from a stored body to the child's code.
 *
 * A body is canonical JSON, so that equal content is equal text. Everything that a spec may hold is checked before it is
 * written.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import {
  type Any,
  type ChildId,
  ChildSpec,
  type ChildType,
  type Draft,
  DraftTypeId,
  encode as encodeDraft,
  type Labels,
  type Options,
  type Shutdown
} from "../../ChildSpec.js"
import { InvalidChildSpec } from "../../PogoError.js"
import type { RestartType } from "../../Restart.js"
import {
  attempt,
  dies,
  exitNow,
  isInstance,
  outgrows,
  printCause,
  printError,
  printParseError
} from "../runtime/userCode.js"
import { describe, isName, maxIdBytes, type Objection, objectionToId, objectionToName } from "../runtime/userInput.js"
import { type Fault, fault, isPlain, maxJsonLength, Unfit, writeJson } from "./canonicalJson.js"
import type { StateShape } from "./stateCodec.js"

/** Limit of a body, bytes. */
export const maxSpecBytes = maxJsonLength

/**
 * Bounds of a payload before it is encoded: more of it than could ever fit is refused before a schema goes through it,
 * which may take seconds. No two values are written in less than three bytes; the rest is for what an encoding saves.
 */
const payloadBounds = { parts: maxSpecBytes, length: 16 * maxSpecBytes }

/** Content of a stored body. Fields that a newer version added stay in the text, and are ignored. */
export interface SpecBody {
  readonly kind: string
  readonly version: number
  readonly payload: unknown
  readonly type: ChildType
  readonly restart: RestartType | undefined
  readonly shutdown: Shutdown | undefined
  readonly requires: Labels
  readonly prefers: Labels
  /** The set that the child is a member of; none for its kind's unnamed one. Not content: see `specSets.ts`. */
  readonly set: string | undefined
}

const nameOf = (part: unknown): string => typeof part === "string" ? part : describe(part)

const tooLarge = (size: number): Fault =>
  fault(
    "payload",
    `${size} bytes or more`,
    `makes the spec larger than ${maxSpecBytes} bytes`,
    "keep large data elsewhere, and a reference to it here"
  )

const bytes = (text: string): number => Buffer.byteLength(text)

const objection = (field: string, value: unknown, found: Objection | undefined): Fault | undefined =>
  found === undefined ? undefined : fault(field, value, found.problem, found.remedy)

const checkName = (field: string, value: unknown): Fault | undefined => objection(field, value, objectionToName(value))

/** Checks a kind's name. */
export const checkKind = (kind: unknown): Fault | undefined => {
  const wrong = checkName("kind", kind)
  if (wrong !== undefined) return wrong
  if ((kind as string).includes("/")) {
    return fault("kind", kind, "has a \"/\"", "ids are kind/key: use another separator in the kind")
  }
  return bytes(kind as string) > 128 ? fault("kind", kind, "is over 128 bytes", "use a shorter name") : undefined
}

/** Checks an id, given as `kind/key`. */
export const checkId = (id: unknown): Fault | undefined => objection("id", id, objectionToId(id))

const checkLabels = (field: string, labels: unknown): Fault | undefined => {
  if (typeof labels !== "object" || labels === null || !isPlain(labels)) {
    return fault(field, labels, "is not a record", "use { name: value }")
  }
  for (const [name, value] of Object.entries(labels)) {
    const wrong = checkName(`${field}.${name}`, value) ?? checkName(`${field} name`, name)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const isVersion = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const restarts: ReadonlySet<unknown> = new Set(["permanent", "transient", "temporary", undefined])

/** Checks a shutdown. */
export const checkShutdown = (value: unknown): Fault | undefined => {
  if (value === undefined || value === "brutalKill" || value === "infinity") return undefined
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return undefined
  return fault(
    "shutdown",
    value,
    "is no shutdown",
    "use \"brutalKill\", \"infinity\", or a duration of at least 0 that is finite"
  )
}

const checkFields = (spec: ChildSpec): Fault | undefined =>
  checkKind(spec.kind) ??
    checkName("key", spec.key) ??
    checkId(spec.id) ??
    (isVersion(spec.version)
      ? undefined
      : fault("version", spec.version, "is not a whole number of at least 0", "use 1, 2, 3, ...")) ??
    (restarts.has(spec.restart)
      ? undefined
      : fault("restart", spec.restart, "is unknown", "use \"permanent\", \"transient\" or \"temporary\"")) ??
    (spec.type === "worker" || spec.type === "supervisor"
      ? undefined
      : fault("type", spec.type, "is unknown", "use \"worker\" or \"supervisor\"")) ??
    checkShutdown(spec.shutdown) ??
    checkLabels("requires", spec.requires) ??
    checkLabels("prefers", spec.prefers)

const writeBody = (spec: ChildSpec, set: string | undefined): string => {
  const { payload, prefers, requires, restart, shutdown, type } = spec
  return writeJson(
    {
      kind: spec.kind,
      version: spec.version,
      payload,
      type: type === "worker" ? undefined : type,
      restart,
      set,
      shutdown,
      requires: Object.keys(requires).length === 0 ? undefined : requires,
      prefers: Object.keys(prefers).length === 0 ? undefined : prefers
    },
    "spec",
    0
  )
}

/** A field, or all of a payload, whose own code throws when it is read. */
const threw = (field: string, trouble: string): Fault => ({
  field,
  value: "<unreadable>",
  problem: `threw when it was read or encoded: ${trouble}`,
  remedy: "give plain data, and a schema that does not throw"
})

/** The error of a spec with a fault. */
export const invalid = (id: string, wrong: Fault): InvalidChildSpec =>
  new InvalidChildSpec({ id: id.slice(0, maxIdBytes), ...wrong })

/** What is wrong with a spec, or its body. Throws what a getter of it throws. */
const bodyOrFault = (spec: ChildSpec, set: string | undefined): string | Fault => {
  const wrong = checkFields(spec)
  if (wrong !== undefined) return wrong
  try {
    const body = writeBody(spec, set)
    const size = bytes(body)
    return size > maxSpecBytes ? tooLarge(size) : body
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    if (error.size !== undefined) return tooLarge(error.size)
    return { ...error.fault, field: error.fault.field.replace(/^spec\./, "") }
  }
}

/** Writes a stored body anew, canonically; `undefined` for what cannot be stored. */
export const writeStored = (body: object): string | undefined => {
  try {
    return writeJson(body, "spec", 0)
  } catch {
    return undefined
  }
}

/** Writes the body of a spec, as a member of a set; a `Left` says what is wrong with it. */
export const encodeBody = (spec: ChildSpec, set?: string): Either.Either<string, InvalidChildSpec> => {
  const name = () => Either.getOrElse(attempt(() => `${nameOf(spec.kind)}/${nameOf(spec.key)}`), () => "")
  const result = Either.merge(
    Either.mapLeft(attempt(() => bodyOrFault(spec, set)), (trouble) => threw("payload", trouble))
  )
  return typeof result === "string" ? Either.right(result) : Either.left(invalid(name(), result))
}

/** The fields of a spec, each read once: a getter may give another value, or throw, the next time. */
const snapshot = (spec: ChildSpec): ChildSpec => {
  const { id, key, kind, payload, prefers, requires, restart, shutdown, type, version } = spec
  return { id, key, kind, payload, prefers, requires, restart, shutdown, type, version }
}

/** The id and the body of a spec, or of the draft of one, as a member of a set. */
export const encodeSpec = (
  spec: Any,
  set?: string
): Effect.Effect<{ readonly id: ChildId; readonly body: string }, InvalidChildSpec> =>
  Effect.flatMap(encodeDraft(spec), (encoded) =>
    Either.flatMap(
      Either.mapLeft(attempt(() => snapshot(encoded)), (trouble) => invalid("", threw("spec", trouble))),
      (fields) => Either.map(encodeBody(fields, set), (body) => ({ id: fields.id, body }))
    ))

/** Labels that a child prefers: those that cannot be read are left out, for they are wishes. */
const wishesOf = (value: unknown): Labels =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).filter((label) => label.every((text) => checkName("", text) === undefined))
    )
    : {}

/** The set that a stored body names. */
const setOf = (value: unknown): string | undefined => (isName(value) ? value : undefined)

/** Reads a stored body; `undefined` when it is not one of ours. */
export const decodeBody = (text: string): SpecBody | undefined => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== "object" || json === null) return undefined
  const body = json as Record<string, unknown>
  if (checkKind(body["kind"]) !== undefined || !isVersion(body["version"])) return undefined
  if (!restarts.has(body["restart"]) || checkShutdown(body["shutdown"]) !== undefined) return undefined
  const { requires = {} } = body
  // A requirement that is not understood must not be dropped, as a wish may be: the child would run where it may not.
  if (checkLabels("requires", requires) !== undefined) return undefined
  return {
    kind: body["kind"] as string,
    version: body["version"],
    payload: body["payload"],
    type: body["type"] === "supervisor" ? "supervisor" : "worker",
    restart: body["restart"] as RestartType | undefined,
    shutdown: body["shutdown"] as Shutdown | undefined,
    requires: requires as Labels,
    prefers: wishesOf(body["prefers"]),
    set: setOf(body["set"])
  }
}

// Payloads.

/** Schema of a payload. Its types are known where the kind is declared. */
export interface PayloadSchema extends Schema.Schema<unknown, unknown> {
  readonly make: (value: never) => unknown
}

/** Declaration of a kind, as its specs need it. */
export interface KindShape {
  readonly kind: string
  readonly version: number
  readonly type: ChildType
  readonly payload: PayloadSchema
  /** The state of its children; none for a kind without. */
  readonly state?: StateShape | undefined
}

/** Reads a shutdown in any of its forms, durations in milliseconds. What is none is passed on, to be refused by its name. */
export const shutdownOf = (input: Options["shutdown"]): Shutdown | undefined => {
  if (input === undefined || input === "brutalKill" || input === "infinity" || typeof input === "number") return input
  const decoded = Duration.decodeUnknown(input)
  return decoded._tag === "Some" ? Duration.toMillis(decoded.value) : (input as unknown as Shutdown)
}

/** What does not fit a schema. Its texts, and what they are about, are a user's code. */
const misfitOf = (error: ParseResult.ParseError): Fault => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const path = issue === undefined || issue.path.length === 0 ? "payload" : `payload.${issue.path.join(".")}`
  const at = issue?.path.reduce<unknown>(
    (value, name) => (value as { readonly [name: PropertyKey]: unknown } | null | undefined)?.[name],
    error.issue.actual
  )
  return {
    field: path,
    value: describe(at),
    problem: printError(issue?.message ?? error),
    remedy: "give the kind's payload the form that its schema describes"
  }
}

/** The error of a spec whose payload does not fit its schema. */
export const misfit = (id: string, error: ParseResult.ParseError): InvalidChildSpec =>
  invalid(id, Either.getOrElse(attempt(() => misfitOf(error)), (trouble) => threw("payload", trouble)))

/** Refuses a payload that is far too large, before its schema goes through it. */
const measured = (payload: unknown): Effect.Effect<void, Fault> =>
  Either.match(attempt(() => outgrows(payload, payloadBounds)), {
    onLeft: (trouble) => Effect.fail(threw("payload", trouble)),
    onRight: (isTooLarge) => (isTooLarge ? Effect.fail(tooLarge(maxSpecBytes)) : Effect.void)
  })

/** Fills in the constructor's defaults of a payload, checks it and encodes it. */
const encodePayload = (schema: PayloadSchema, payload: unknown): Effect.Effect<unknown, ParseResult.ParseError> =>
  Effect.suspend(() => {
    try {
      return Schema.encodeUnknown(schema)(schema.make(payload as never))
    } catch (error) {
      // What else is thrown is the defect of the effect.
      return isInstance(error, ParseResult.ParseError) ? Effect.fail(error) : dies(error)
    }
  })

/** Makes the draft of a spec, whose payload is checked and encoded by the call that it is given to. */
export const makeDraft = (shape: KindShape, key: string, payload: unknown, options: Options): Draft => {
  const { kind, type, version } = shape
  const id: ChildId = `${kind}/${key}`
  return {
    [DraftTypeId]: DraftTypeId,
    kind,
    key,
    id,
    encode: Effect.suspend(() => Effect.mapError(measured(payload), (wrong) => invalid(id, wrong))).pipe(
      Effect.zipRight(Effect.mapError(encodePayload(shape.payload, payload), (error) => misfit(id, error))),
      Effect.map((encoded) =>
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
      ),
      Effect.catchAllDefect((defect) => Effect.fail(invalid(id, threw("payload", printError(defect)))))
    )
  }
}

/** A child's code, made by a kind's: at once, or after a payload is decoded by a schema that takes its time. */
export type Made<A> =
  | { readonly _tag: "Now"; readonly make: () => A }
  | { readonly _tag: "Later"; readonly make: Effect.Effect<A, unknown> }

/**
 * Makes the reader of stored payloads, which gives each to the kind's code. A `Left` says why a payload cannot be read:
 * the schema's own code may throw, and other children are not to suffer from it. A schema that waits for something is
 * left to the child's run, which may wait: nothing else does.
 */
export const payloadReader = <A>(
  schema: PayloadSchema,
  build: (payload: never) => A
): (payload: unknown) => Either.Either<Made<A>, string> => {
  const decode = Schema.decodeUnknown(schema)
  return (payload) =>
    Option.match(exitNow(() => decode(payload)), {
      onNone: () =>
        Either.right({ _tag: "Later", make: Effect.map(decode(payload), (decoded) => build(decoded as never)) }),
      onSome: Exit.match({
        onFailure: (cause) =>
          Either.left(
            Option.match(Cause.failureOption(cause), {
              onNone: () => `its schema threw: ${printCause(cause)}`,
              onSome: (error) => printParseError(error)
            })
          ),
        onSuccess: (decoded) => Either.right({ _tag: "Now", make: () => build(decoded as never) })
      })
    })
}
