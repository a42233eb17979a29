/**
 * One procedure of a protocol: how its payload and answers are read and written. Made from the values of `@effect/rpc`
 * that a user declares, without that package itself: only those who use it need to have it.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { hashText } from "../runtime/hash.js"
import { causeSchema } from "./causeForm.js"

/** Whether a call that may have been executed may be executed again. */
export class Idempotent extends Context.Reference<Idempotent>()("effect-pogo/Child/Idempotent", {
  defaultValue: (): boolean => false
}) {}

/** The payload with which a stream goes on after its last item. */
export type ResumeFrom = (payload: unknown, last: unknown) => unknown

/** How a stream of a child that moved is resumed. */
export class Resume extends Context.Reference<Resume>()("effect-pogo/Child/Resume", {
  defaultValue: (): ResumeFrom | undefined => undefined
}) {}

/** Encodes or decodes. Synchronous, as an `Either`, unless a schema of the user's is not. */
export type Code = (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>

/** @internal */
export interface Procedure {
  readonly tag: string
  readonly rpc: Rpc.AnyWithProps
  readonly isStream: boolean
  readonly idempotent: boolean
  readonly resume: ResumeFrom | undefined
  /** Fills in the constructor's defaults, and checks. */
  readonly construct: (payload: unknown) => unknown
  readonly encodePayload: Code
  readonly decodePayload: Code
  readonly encodeSuccess: Code
  readonly decodeSuccess: Code
  readonly encodeCause: Code
  readonly decodeCause: Code
  readonly encodeItems: Code
  readonly decodeItems: Code
}

/** @internal */
export interface Protocol {
  readonly procedures: ReadonlyMap<string, Procedure>
  /** Tells protocols apart. */
  readonly digest: string
}

/** The annotation under which `@effect/rpc` keeps the schemas of a stream. */
const streamSchemas = Symbol.for("@effect/rpc/RpcSchema/Stream")

interface Streamed {
  readonly success: Schema.Schema.Any
  readonly failure: Schema.Schema.All
}

type AnySchema = Schema.Schema<unknown, unknown>

const reader = (schema: unknown): Code => {
  let decode: Code | undefined
  return (value) => (decode ??= Schema.decodeUnknown(schema as AnySchema))(value)
}

const writer = (schema: unknown): Code => {
  let encode: Code | undefined
  return (value) => (encode ??= Schema.encodeUnknown(schema as AnySchema))(value)
}

const causeOf = (rpc: Rpc.AnyWithProps, streamed: Streamed | undefined): unknown => {
  const failures = new Set<Schema.Schema.All>([rpc.errorSchema])
  if (streamed !== undefined) failures.add(streamed.failure)
  for (const middleware of rpc.middlewares) failures.add(middleware.failure)
  return causeSchema(Schema.Union(...failures), rpc.defectSchema)
}

/** @internal */
export const makeProcedure = (declared: Rpc.Any): Procedure => {
  const rpc = declared as unknown as Rpc.AnyWithProps
  const streamed = rpc.successSchema.ast.annotations[streamSchemas] as Streamed | undefined
  const { payloadSchema } = rpc
  const items = Schema.Array((streamed?.success ?? Schema.Never) as AnySchema)
  const cause = causeOf(rpc, streamed)
  const success = streamed === undefined ? rpc.successSchema : Schema.Void
  return {
    tag: rpc._tag,
    rpc,
    isStream: streamed !== undefined,
    idempotent: Context.get(rpc.annotations, Idempotent),
    resume: Context.get(rpc.annotations, Resume),
    construct: (payload) => payloadSchema.make === undefined ? payload : payloadSchema.make(payload),
    encodePayload: writer(payloadSchema),
    decodePayload: reader(payloadSchema),
    encodeSuccess: writer(success),
    decodeSuccess: reader(success),
    encodeCause: writer(cause),
    decodeCause: reader(cause),
    encodeItems: writer(items),
    decodeItems: reader(items)
  }
}

/** What users may give as a protocol. */
export type ProtocolInput = ReadonlyArray<Rpc.Any> | RpcGroup.RpcGroup<Rpc.Any>

const rpcsOf = (input: ProtocolInput): Iterable<Rpc.Any> => "requests" in input ? input.requests.values() : input

/** @internal */
export const makeProtocol = (input: ProtocolInput): Protocol => {
  const procedures = new Map<string, Procedure>()
  for (const rpc of rpcsOf(input)) procedures.set(rpc._tag, makeProcedure(rpc))
  const shape = Array.from(
    procedures.values(),
    ({ rpc, tag }) =>
      `${tag}(${String(rpc.payloadSchema.ast)}):${String(rpc.successSchema.ast)}|${String(rpc.errorSchema.ast)}`
  )
  return { procedures, digest: hashText(shape.sort().join("\n")).toString(16).padStart(8, "0") }
}
