/**
 * The body of a stored spec: canonical JSON, so that same content is the same text; and the check of everything that a
 * spec may hold.
 *
 * @internal
 */
import * as Either from "effect/Either"
import { ChildSpec, type ChildType, type Labels, type Shutdown } from "../../ChildSpec.js"
import { InvalidChildSpec } from "../../PogoError.js"
import type { RestartType } from "../../Restart.js"
import { describe } from "../runtime/describe.js"

/** The most bytes of an id. */
export const maxIdBytes = 512

/** The most bytes of an encoded spec. */
export const maxSpecBytes = 64 * 1024

/** The deepest nesting of a payload. */
export const maxDepth = 64

/** What a stored body says. Unknown fields of a newer version are kept in the text, and ignored. */
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

/** Data that contains itself many times over would grow beyond all bounds before it could be measured. */
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

/** Canonical JSON: keys sorted, nothing dropped in silence. */
const write = (value: unknown, path: string, depth: number): string => {
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "number") return writeNumber(value, path)
  if (typeof value === "string") return writeString(value, path)
  if (typeof value === "object") return writeObject(value, path, depth)
  throw new Unfit(fault(path, value, `is a ${typeof value}, not JSON`, "give the schema an encoded form that is JSON"))
}

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f]/

const bytes = (text: string): number => Buffer.byteLength(text)

const checkName = (field: string, value: unknown): Fault | undefined => {
  if (typeof value !== "string") return fault(field, value, "is not a string", "use a string")
  if (value === "") return fault(field, value, "is empty", "give it at least one character")
  if (control.test(value)) return fault(field, value, "has a control character", "use printable characters")
  if (!value.isWellFormed()) return fault(field, value, "is not well-formed text", "use valid Unicode")
  return undefined
}

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
export const checkId = (id: unknown): Fault | undefined => {
  const wrong = checkName("id", id)
  if (wrong !== undefined) return wrong
  const text = id as string
  if (bytes(text) > maxIdBytes) return fault("id", id, `is over ${maxIdBytes} bytes`, "use a shorter key")
  const slash = text.indexOf("/")
  if (slash > 0 && slash < text.length - 1) return undefined
  return fault("id", id, "is not of the form kind/key", "make it with Child.id(key)")
}

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

/** The canonical text of a spec, or what is wrong with it. */
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

/** The spec that a stored record describes. */
export const toChildSpec = (id: string, body: SpecBody): ChildSpec =>
  new ChildSpec({ ...body, key: id.slice(body.kind.length + 1) }, { disableValidation: true })
