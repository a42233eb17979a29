/**
 * The protocol of a kind, as both ends of a call use it: types, and the annotations of an Rpc that are this package's
 * own. No value of `@effect/rpc` is imported here, so that declaring a kind loads nothing.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"

/** Annotation: a call that may have been executed may be executed again. */
export class Idempotent extends Context.Reference<Idempotent>()("effect-pogo/Child/Idempotent", {
  defaultValue: (): boolean => false
}) {}

/** The payload with which a stream goes on after its last item. */
export type ResumeFrom = (payload: unknown, last: unknown) => unknown

/** Annotation: how a stream goes on when its child has moved. */
export class Resume extends Context.Reference<Resume>()("effect-pogo/Child/Resume", {
  defaultValue: (): ResumeFrom | undefined => undefined
}) {}

/** Encodes or decodes. The result is an `Either` unless a schema of the user's works asynchronously. */
export type Code = (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>

/** One Rpc of a protocol, with its codecs. */
export interface Procedure {
  readonly tag: string
  readonly isStream: boolean
  readonly idempotent: boolean
  readonly resume: ResumeFrom | undefined
  /** Fills in the payload's defaults, and checks it. */
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

/** What a kind's children can be asked. */
export interface Protocol {
  readonly kind: string
  readonly group: RpcGroup.RpcGroup<Rpc.Any>
  readonly procedures: ReadonlyMap<string, Procedure>
}

/** A protocol as users declare it. */
export type ProtocolInput = ReadonlyArray<Rpc.Any> | RpcGroup.RpcGroup<Rpc.Any>
