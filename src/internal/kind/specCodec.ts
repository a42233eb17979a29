/**
 * Codec of specs: from a payload to the body that is stored, and from a stored body to the child's code.
 *
 * A body is canonical JSON, so that equal content is equal text. Everything that a spec may hold is checked before it is
 * written.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import {
  type ChildId,
  ChildSpec,
  type ChildType,
  type Draft,
  DraftTypeId,
  type Labels,
  type Options,
  type Shutdown
} from "../../ChildSpec.js"
import { InvalidChildSpec } from "../../PogoError.js"
import type { RestartType } from "../../Restart.js"
import { describe, maxIdBytes, type Objection, objectionToId, objectionToName } from "../runtime/userInput.js"

/** Limit of a body, bytes. */
export const maxSpecBytes = 64 * 1024

/** Limit of a payload's nesting, levels. */
export const maxDepth = 64

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
}

/** Field of a spec that is refused: its value, what is wrong with it, and a remedy. */
interface Fault {
  readonly field: string
  readonly value: string
  readonly problem: string
  readonly remedy: string
}

const fault = (field: string, value: unknown, problem: string, remedy: string): Fault => ({
  field,
  value: describe(value),
  problem,
  remedy
})

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Signal out of the writer's recursion. */
class Unfit extends Error {
  constructor(readonly fault: Fault) {
    super(fault.problem)
  }
}

const writeNumber = (value: number, path: string): string => {
  if (Number.isFinite(value)) return JSON.stringify(value)
  throw new Unfit(fault(path, value, "is not finite", "use a finite number"))
}

const writeString = (value: string, path: string): string => {
  if (value.isWellFormed()) return JSON.stringify(value)
  throw new Unfit(fault(path, value, "is not well-formed text (it has a lone surrogate)", "use valid Unicode"))
}

const tooLarge = (size: number): Fault =>
  fault(
    "payload",
    `${size} bytes`,
    `makes the spec larger than ${maxSpecBytes} bytes`,
    "keep large data elsewhere, and a reference to it here"
  )

const nameOf = (part: unknown): string => typeof part === "string" ? part : describe(part)

/**
 * Size check of each part as it is written: data that contains itself many times over would outgrow the memory before the
 * whole could be measured.
 */
const bounded = (text: string): string => {
  if (text.length > maxSpecBytes) throw new Unfit(tooLarge(text.length))
  return text
}

const writeObject = (value: object, path: string, depth: number): string => {
  if (depth > maxDepth) {
    throw new Unfit(fault(path, "...", `is nested deeper than ${maxDepth}`, "flatten it, or store it elsewhere"))
  }
  if (Array.isArray(value)) {
    return bounded(`[${Array.from(value, (v, i) => write(v, `${path}[${i}]`, depth + 1)).join(",")}]`)
  }
  if (!isPlain(value)) {
    throw new Unfit(fault(path, value, "is not plain JSON", "give the schema an encoded form that is JSON"))
  }
  const record = value as Record<string, unknown>
  const fields = Object.keys(record).filter((key) => record[key] !== undefined).sort()
  const parts = fields.map((key) => `${writeString(key, path)}:${write(record[key], `${path}.${key}`, depth + 1)}`)
  return bounded(`{${parts.join(",")}}`)
}

/** Writes canonical JSON: keys sorted, nothing dropped in silence. */
const write = (value: unknown, path: string, depth: number): string => {
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "number") return writeNumber(value, path)
  if (typeof value === "string") return writeString(value, path)
  if (typeof value === "object") return writeObject(value, path, depth)
  throw new Unfit(fault(path, value, `is a ${typeof value}, not JSON`, "give the schema an encoded form that is JSON"))
}

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

const writeBody = (spec: ChildSpec): string => {
  const { payload, prefers, requires, restart, shutdown, type } = spec
  return write(
    {
      kind: spec.kind,
      version: spec.version,
      payload,
      type: type === "worker" ? undefined : type,
      restart,
      shutdown,
      requires: Object.keys(requires).length === 0 ? undefined : requires,
      prefers: Object.keys(prefers).length === 0 ? undefined : prefers
    },
    "spec",
    0
  )
}

/** Writes the body of a spec; a `Left` says what is wrong with it. */
export const encodeBody = (spec: ChildSpec): Either.Either<string, InvalidChildSpec> => {
  const fail = (wrong: Fault) =>
    Either.left(
      new InvalidChildSpec({ id: `${nameOf(spec.kind)}/${nameOf(spec.key)}`.slice(0, maxIdBytes), ...wrong })
    )
  const wrong = checkFields(spec)
  if (wrong !== undefined) return fail(wrong)
  try {
    const body = writeBody(spec)
    const size = bytes(body)
    return size > maxSpecBytes ? fail(tooLarge(size)) : Either.right(body)
  } catch (error) {
    if (error instanceof Unfit) {
      return fail({ ...error.fault, field: error.fault.field.replace(/^spec\./, "") })
    }
    throw error
  }
}

/** Labels that a child prefers: those that cannot be read are left out, for they are wishes. */
const wishesOf = (value: unknown): Labels =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).filter((label) => label.every((text) => checkName("", text) === undefined))
    )
    : {}

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
    prefers: wishesOf(body["prefers"])
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
}

/** Reads a shutdown in any of its forms, durations in milliseconds. What is none is passed on, to be refused by its name. */
export const shutdownOf = (input: Options["shutdown"]): Shutdown | undefined => {
  if (input === undefined || input === "brutalKill" || input === "infinity" || typeof input === "number") return input
  const decoded = Duration.decodeUnknown(input)
  return decoded._tag === "Some" ? Duration.toMillis(decoded.value) : (input as unknown as Shutdown)
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

/** Fills in the constructor's defaults of a payload, and checks it. */
const construct = (schema: PayloadSchema, payload: unknown): Effect.Effect<unknown, ParseResult.ParseError> =>
  Effect.try({
    try: () => schema.make(payload as never),
    catch: (error): unknown => error
  }).pipe(Effect.catchAll((error) => ParseResult.isParseError(error) ? Effect.fail(error) : Effect.die(error)))

/** Makes the draft of a spec, whose payload is checked and encoded by the call that it is given to. */
export const makeDraft = (shape: KindShape, key: string, payload: unknown, options: Options): Draft => {
  const { kind, type, version } = shape
  const id: ChildId = `${kind}/${key}`
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

/**
 * Makes the reader of stored payloads, which gives each to the kind's code. A `Left` says why a payload cannot be read:
 * the schema's own code may throw, and other children are not to suffer from it.
 */
export const payloadReader = <A>(
  schema: PayloadSchema,
  build: (payload: never) => A
): (payload: unknown) => Either.Either<() => A, string> => {
  const decode = Schema.decodeUnknownEither(schema)
  return (payload) =>
    Either.try({ try: () => decode(payload), catch: (error) => `its schema threw: ${String(error)}` }).pipe(
      Either.flatMap(Either.mapBoth({
        onLeft: (error) => ParseResult.TreeFormatter.formatErrorSync(error),
        onRight: (decoded) => () => build(decoded as never)
      }))
    )
}
