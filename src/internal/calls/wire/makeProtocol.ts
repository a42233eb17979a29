/**
 * Codecs of a protocol, by the schemas that `@effect/rpc` has for its Rpcs.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { causeSchema } from "../../kind/causeForm.js"
import {
  type Code,
  Idempotent,
  type Procedure,
  type Protocol,
  type ProtocolInput,
  Resume
} from "../../kind/protocol.js"
import { effectBy } from "../../runtime/userCode.js"

type AnySchema = Schema.Schema<unknown, unknown>

const decoder = (schema: AnySchema): Code => {
  let decode: Code | undefined
  return (value) => effectBy(() => (decode ??= Schema.decodeUnknown(schema))(value))
}

const encoder = (schema: AnySchema): Code => {
  let encode: Code | undefined
  return (value) => effectBy(() => (encode ??= Schema.encodeUnknown(schema))(value))
}

/** Failures of a handler, of its stream and of its middleware. */
const causeOf = (rpc: Rpc.AnyWithProps, streamFailure: Schema.Schema.All | undefined): AnySchema => {
  const failures = new Set<Schema.Schema.All>([rpc.errorSchema])
  if (streamFailure !== undefined) failures.add(streamFailure)
  for (const middleware of rpc.middlewares) failures.add(middleware.failure)
  return causeSchema(Schema.Union(...failures), rpc.defectSchema) as unknown as AnySchema
}

const makeProcedure = (rpc: Rpc.AnyWithProps): Procedure => {
  const { payloadSchema, successSchema } = rpc
  const payload = payloadSchema as unknown as AnySchema
  const stream = Option.getOrUndefined(RpcSchema.getStreamSchemas(successSchema.ast))
  const success = (stream === undefined ? successSchema : Schema.Void) as AnySchema
  const cause = causeOf(rpc, stream?.failure)
  const items = Schema.Array((stream?.success ?? Schema.Never) as AnySchema) as unknown as AnySchema
  return {
    tag: rpc._tag,
    isStream: stream !== undefined,
    idempotent: Context.get(rpc.annotations, Idempotent),
    resume: Context.get(rpc.annotations, Resume),
    construct: (value) => (payloadSchema.make === undefined ? value : payloadSchema.make(value)),
    encodePayload: encoder(payload),
    decodePayload: decoder(payload),
    encodeSuccess: encoder(success),
    decodeSuccess: decoder(success),
    encodeCause: encoder(cause),
    decodeCause: decoder(cause),
    encodeItems: encoder(items),
    decodeItems: decoder(items)
  }
}

const groupOf = (input: ProtocolInput): RpcGroup.RpcGroup<Rpc.Any> =>
  "requests" in input ? input : RpcGroup.make(...input)

/** @internal */
export const makeProtocol = (kind: string, input: ProtocolInput): Protocol => {
  const group = groupOf(input)
  const procedures = new Map<string, Procedure>()
  for (const [tag, rpc] of group.requests) procedures.set(tag, makeProcedure(rpc as unknown as Rpc.AnyWithProps))
  return { kind, group, procedures }
}
