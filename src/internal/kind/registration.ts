/**
 * Registration of a kind on a node: how to read a child's payload, how to run it, and by which policies.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import type * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { ChildId, ChildType, Shutdown } from "../../ChildSpec.js"
import type { InvalidConfig } from "../../PogoError.js"
import type { KindVersion } from "../../PogoNode.js"
import * as Restart from "../../Restart.js"
import type { StateText } from "./current.js"
import type { Protocol } from "./protocol.js"
import { checkRunOptions, type ServeOptions } from "./runOptions.js"
import { digestOf } from "./schemaDigest.js"
import { type KindShape, type Made, payloadReader, shutdownOf } from "./specCodec.js"
import { problemWith } from "./stateCodec.js"

/** A child's code: an effect that runs until the child ends, or a layer that stands until the child is stopped. */
export type Body = Effect.Effect<unknown, unknown, unknown> | Layer.Layer<never, unknown, unknown>

/** How the calls to the children of a kind are served. */
export interface Serving {
  /** Handlers of one child that run at a time. */
  readonly concurrency: number
  /** Calls to one child that may wait for their turn. */
  readonly mailbox: number
  /** What a defect in a handler ends: the call alone, or the child's whole run. */
  readonly onDefect: "call" | "child"
}

/** What answers the calls to the children of a kind. The room `calls` makes it, and knows more of it. */
export interface CallServer {
  readonly protocol: Protocol
  readonly serving: Serving
}

/** How the states of a kind's children are read. */
export interface StateReader {
  /** Why this code cannot read a child's stored state; `undefined` if it can. */
  readonly problemWith: (id: ChildId, stored: StateText) => string | undefined
}

/** @internal */
export interface Registration {
  readonly kind: string
  /** Names the layer value that registers the kind: two registrations of one are the same. */
  readonly layer: object
  /** The version and schema digest that the node publishes for the kind. */
  readonly code: KindVersion
  /** Decodes a stored payload and makes the child's code; a `Left` says why the payload cannot be read. */
  readonly prepare: (payload: unknown) => Either.Either<Made<Body>, string>
  /** Context, fiber refs and runtime flags that every run of the kind starts with. */
  readonly runtime: Runtime.Runtime<never>
  readonly restart: Restart.Restart
  readonly shutdown: Shutdown | undefined
  readonly intensity: Restart.Intensity | undefined
  /** Longest build of a layer, or of handlers. Milliseconds. */
  readonly startTimeout: number
  /** Whether children stop when the node's lease ends, or go on with an unconfirmed claim. */
  readonly onRegistryLoss: "stop" | "keep"
  /** Whether a child that outstays its grace is only reported, or ends the process. */
  readonly onOverdue: "report" | "exit"
  /** How long a child stays that has come here, unless the node gives it up. Milliseconds. */
  readonly minimumStay: number
  /** How the states of the children are read; `undefined` for a kind without. */
  readonly state: StateReader | undefined
  /** What answers the calls to the children; `undefined` for a kind without a protocol. */
  readonly server: CallServer | undefined
}

/** OTP's default shutdowns: 5 seconds for a worker, no bound for a supervisor. Milliseconds. */
export const defaultShutdown = (type: ChildType): Shutdown => (type === "supervisor" ? "infinity" : 5_000)

/** The grace of a shutdown: how long a child may take to end before it is overdue. Milliseconds. */
export const graceOf = (shutdown: Shutdown): number =>
  shutdown === "infinity" ? Infinity : shutdown === "brutalKill" ? 0 : shutdown

/** Code of a kind, whose types were checked where it was given. */
type Build = (payload: never) => unknown

/** Lets handlers be given as they are, or as an effect that makes them. */
const asEffect = (build: Build): Build => (payload) => {
  const built = build(payload)
  return Effect.isEffect(built) ? built : Effect.succeed(built)
}

/** Bounds on calls, with their defaults. */
export const servingOf = ({ concurrency, mailbox, onDefect }: ServeOptions): Serving => ({
  concurrency: concurrency === "unbounded" ? Infinity : (concurrency ?? 1),
  mailbox: mailbox ?? 1_000,
  onDefect: onDefect ?? "call"
})

/** The digest of what this code reads: another one is asked again about a child that this one could not read. */
const digestOfKind = ({ payload, state }: KindShape): string => {
  if (state === undefined) return digestOf(payload)
  const { migrate, schema } = state
  return digestOf(Schema.Tuple(payload, schema, Schema.Literal(migrate !== undefined)))
}

/** Makes the registration of a kind, with the context of the layer that implements it. */
export const makeRegistration = (
  shape: KindShape,
  build: Build,
  options: ServeOptions,
  annotations: { readonly scope: string; readonly node: string },
  server?: CallServer,
  layer: object = {}
): Effect.Effect<Registration, InvalidConfig> =>
  Effect.gen(function*() {
    const { kind, payload, state, version } = shape
    yield* checkRunOptions(shape, build, options)
    const built: Runtime.Runtime<never> = yield* Effect.annotateLogs(Effect.runtime(), annotations)
    const runtime = Runtime.make({
      context: built.context,
      // The layer's context is dropped here: every run sets its own, and this one would only be kept in memory.
      fiberRefs: FiberRefs.delete(built.fiberRefs, FiberRef.currentContext),
      runtimeFlags: built.runtimeFlags
    })
    return {
      kind,
      layer,
      code: { version, digest: digestOfKind(shape) },
      prepare: payloadReader(payload, (server === undefined ? build : asEffect(build)) as (payload: never) => Body),
      runtime,
      restart: options.restart ?? Restart.permanent(),
      shutdown: shutdownOf(options.shutdown),
      intensity: options.intensity,
      startTimeout: Duration.toMillis(options.startTimeout ?? "1 minute"),
      onRegistryLoss: options.onRegistryLoss ?? "stop",
      onOverdue: options.onOverdue ?? "report",
      minimumStay: Duration.toMillis(options.minimumStay ?? 0),
      state: state && { problemWith: (id, stored) => problemWith(state, version, id, stored) },
      server
    }
  })
