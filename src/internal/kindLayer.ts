/**
 * What a kind is made of besides its declaration: its layer, and the client of its children.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Pogo from "../Pogo.js"
import { effectRpc } from "./calls/loadEffectRpc.js"
import { Internals } from "./internals.js"
import type { Protocol, ProtocolInput } from "./kind/protocol.js"
import { makeRegistration } from "./kind/registration.js"
import type { ServeOptions } from "./kind/runOptions.js"
import type { KindShape } from "./kind/specCodec.js"

/** The protocol of a kind, with its codecs, made when it is first used. */
export const protocolOf = (kind: string, input: ProtocolInput): Effect.Effect<Protocol> => {
  let protocol: Protocol | undefined
  return Effect.map(effectRpc, ({ makeProtocol }) => (protocol ??= makeProtocol(kind, input)))
}

/** The functions of a kind's children, of one supervisor. */
export const clientOf = (protocol: Effect.Effect<Protocol>, supervisor: Pogo.AnyTag<Pogo.Pogo>) =>
  Effect.gen(function*() {
    const pogo = yield* supervisor
    const { makeClient } = yield* effectRpc
    return yield* makeClient(pogo[Internals].router, yield* protocol)
  })

const serverOf = (protocol: Effect.Effect<Protocol>, options: ServeOptions) =>
  Effect.gen(function*() {
    const { makeKindServer } = yield* effectRpc
    return yield* makeKindServer(yield* protocol, options)
  })

/** Options of a kind's layer, of any kind. */
export type AnyRunOptions = ServeOptions & { readonly supervisor?: Pogo.AnyTag<Pogo.Pogo> | undefined }

/**
 * The layer of a kind. Fresh, so that one value may be provided to several supervisors. So it may be built twice for one of them, too: by
 * `Layer.provideMerge`, which has what it merges in two places. The second time it is known by `layer`.
 */
export const kindLayer = (
  shape: KindShape,
  build: (payload: never) => unknown,
  options: AnyRunOptions,
  protocol: Effect.Effect<Protocol> | undefined,
  layer: object = {}
) =>
  Layer.fresh(Layer.scopedDiscard(Effect.gen(function*() {
    const pogo = yield* options.supervisor ?? Pogo.Pogo
    const names = { scope: pogo.scope, node: pogo.name }
    // Made before the kind is registered, and so closed after its children have ended.
    const server = protocol === undefined ? undefined : yield* serverOf(protocol, options)
    const registration = yield* makeRegistration(shape, build, options, names, server, layer)
    yield* pogo[Internals].register(registration)
  })))
