/**
 * Kinds of children. A kind is declared once, and shared by the code that starts its children and the code that runs them.
 *
 * @since 0.1.0
 */
import type * as Rpc from "@effect/rpc/Rpc"
import type * as RpcClient from "@effect/rpc/RpcClient"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import type * as RpcSchema from "@effect/rpc/RpcSchema"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as ChildSpec from "./ChildSpec.js"
import { Crash, type Crashable, Current } from "./internal/kind/current.js"
import { Idempotent, type ProtocolInput, Resume, type ResumeFrom } from "./internal/kind/protocol.js"
import type { RunOptions, ServeOptions } from "./internal/kind/runOptions.js"
import { type KindShape, makeDraft } from "./internal/kind/specCodec.js"
import { usualStateBytes } from "./internal/kind/stateCodec.js"
import { payloadOf } from "./internal/kind/storedPayload.js"
import { type AnyRunOptions, clientOf, kindLayer, protocolOf } from "./internal/kindLayer.js"
import { readStateOf, type StateOf, stateOf } from "./internal/stateAccessors.js"
import * as Pogo from "./Pogo.js"
import type { CallError, ChildMoved, InvalidChildSpec, InvalidConfig, KindConflict } from "./PogoError.js"

export {
  /**
   * The running child itself, as a service in its context: its id, its node, the token of its claim, and whether it may
   * act.
   *
   * @example
   * ```ts
   * import { Child } from "effect-pogo"
   * import { Effect } from "effect"
   *
   * const beat = Effect.gen(function*() {
   *   const self = yield* Child.Current
   *   yield* self.check
   *   yield* Effect.log(`${self.id} writes with token ${self.token}`)
   * })
   * beat satisfies Effect.Effect<void, unknown, Child.Current>
   * ```
   *
   * @since 0.1.0
   * @category tags
   */
  Current
} from "./internal/kind/current.js"
import { endingQuietly, observe, soundCause } from "./internal/runtime/userCode.js"

/**
 * Fields of a payload. Their schemas may not need services: a payload is decoded on another node.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadFields = {
  readonly [name: PropertyKey]:
    // oxlint-disable-next-line no-explicit-any
    | Schema.Schema<any, any>
    // oxlint-disable-next-line no-explicit-any
    | Schema.PropertySignature<PropertyToken, any, PropertyKey, PropertyToken, any, boolean>
}

type PropertyToken = Schema.PropertySignature.Token

/**
 * Type of a payload, as the child's code sees it.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload<Fields extends PayloadFields> = Schema.Struct.Type<Fields>

export type { RunOptions, ServeOptions }
export type { State, Stateful, StoredState } from "./internal/stateAccessors.js"

/**
 * A kind of children: the declaration that the code that starts them shares with the code that runs them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kind<in out Fields extends PayloadFields, out Name extends string = string> {
  /** Name of the kind, the first part of its children's ids. */
  readonly kind: Name
  /** Version of the code: its children run on nodes with this version or a later one. */
  readonly version: number
  /** Schema of the payload. */
  readonly payload: Schema.Struct<Fields>
  /**
   * Makes a spec of this kind, to be given to `Pogo.startChild`. Pure: a payload that does not fit its schema fails that
   * call. The key is unique within the kind.
   *
   * @example
   * ```ts
   * import { Child, Pogo } from "effect-pogo"
   * import { Schema } from "effect"
   *
   * const Poller = Child.make("Poller", { payload: { url: Schema.String } })
   *
   * Pogo.startChild(Poller.spec("home", { url: "https://example.com" }, { requires: { zone: "a" } }))
   * ```
   */
  readonly spec: (
    key: string,
    payload: Schema.Struct.Constructor<Fields>,
    options?: ChildSpec.Options
  ) => ChildSpec.Draft
  /** Id of the child with a key: `kind/key`. */
  readonly id: (key: string) => `${Name}/${string}`
  /**
   * Decodes the payload of a registered child, as `Pogo.getSpec` tells it. Fails where the spec is another kind's, or its
   * payload does not fit this version's schema.
   *
   * @example
   * ```ts
   * import { Child, Pogo } from "effect-pogo"
   * import { Effect, Schema } from "effect"
   *
   * const Poller = Child.make("Poller", { payload: { url: Schema.String } })
   *
   * const url = Pogo.getSpec(Poller.id("home")).pipe(
   *   Effect.flatten,
   *   Effect.flatMap(Poller.payloadOf),
   *   Effect.map(({ url }) => url)
   * )
   * url satisfies Effect.Effect<string, unknown, Pogo.Pogo>
   * ```
   */
  readonly payloadOf: (
    spec: ChildSpec.StoredSpec | ChildSpec.ChildSpec
  ) => Effect.Effect<Payload<Fields>, InvalidChildSpec>
  /**
   * Implements the kind: a layer that lets this node run its children, for as long as the layer lives.
   *
   * `build` returns the child's code. If it is an effect, the child runs until the effect ends. If it is a layer, the
   * child runs from when the layer is built until it is stopped. Each run has a `Scope` and `Child.Current`; whatever
   * else the code needs comes from where the layer is provided. When the layer closes, its children are handed over
   * first, while those services still live.
   *
   * @example
   * ```ts
   * import { Child } from "effect-pogo"
   * import { Effect, Schema } from "effect"
   *
   * const Poller = Child.make("Poller", { payload: { url: Schema.String } })
   *
   * const PollerLive = Poller.toLayer(({ url }) => Effect.log(`polls ${url}`).pipe(Effect.zipRight(Effect.never)))
   * ```
   */
  readonly toLayer: <A, E, R, I = Pogo.Pogo>(
    build: (payload: Payload<Fields>) => Effect.Effect<A, E, R> | Layer.Layer<never, E, R>,
    options?: RunOptions & { readonly supervisor?: Pogo.AnyTag<I> | undefined }
  ) => Layer.Layer<never, KindConflict | InvalidConfig, NoInfer<I> | Exclude<R, Scope.Scope | Current>>
}

/**
 * Options of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /** How long a call may take. Default: the supervisor's `callTimeout`, which is 5 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * The protocol's functions of one child. Besides its own errors a call fails with a `PogoError.CallError`; a stream also
 * with `PogoError.ChildMoved`.
 *
 * @since 0.1.0
 * @category models
 */
export type Client<Rpcs extends Rpc.Any> =
  & RpcClient.RpcClient<Exclude<Rpcs, Streaming<Rpcs>>, CallError>
  & RpcClient.RpcClient<Streaming<Rpcs>, CallError | ChildMoved>

type Streaming<Rpcs extends Rpc.Any> = Rpcs extends Rpc.Any
  ? [Rpc.SuccessSchema<Rpcs>] extends [RpcSchema.Stream<infer _A, infer _E>] ? Rpcs : never
  : never

/**
 * A kind of children that can be called.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallableKind<
  in out Fields extends PayloadFields,
  in out Rpcs extends Rpc.Any,
  out Name extends string = string
> extends Omit<Kind<Fields, Name>, "toLayer"> {
  /**
   * The implementation: a layer that lets this node run children of the kind, for as long as it lives.
   *
   * `build` returns the child's handlers, one for each Rpc, or an effect that makes them. The child runs from then until
   * it is stopped; background work belongs into `Child.fork`. Handlers run one at a time unless `concurrency` says
   * otherwise. Build and handlers have the run's `Scope` and `Child.Current`; whatever else they need comes from where
   * the layer is provided.
   */
  readonly toLayer: {
    <Handlers extends RpcGroup.HandlersFrom<Rpcs>, E = never, R = never, I = Pogo.Pogo>(
      build: (payload: Payload<Fields>) => Handlers | Effect.Effect<Handlers, E, R>,
      options?: ServeOptions & { readonly supervisor?: Pogo.AnyTag<I> | undefined }
    ): Layer.Layer<
      never,
      KindConflict | InvalidConfig,
      | NoInfer<I>
      | Exclude<
        R | RpcGroup.HandlersContext<Rpcs, Handlers> | Rpc.Middleware<Rpcs> | Rpc.Context<Rpcs>,
        Scope.Scope | Current
      >
    >
  }
  /** The functions of the child with a key, wherever it runs: `const f = yield* kind.client; yield* f("key").rpc()`. */
  readonly client: Effect.Effect<
    (key: string, options?: ClientOptions) => Client<Rpcs>,
    never,
    Pogo.Pogo | Rpc.MiddlewareClient<Rpcs>
  >
  /** The same, of another supervisor. */
  readonly clientOf: <I>(
    supervisor: Pogo.AnyTag<I>
  ) => Effect.Effect<
    (key: string, options?: ClientOptions) => Client<Rpcs>,
    never,
    I | Rpc.MiddlewareClient<Rpcs>
  >
}

/**
 * Options of a kind.
 *
 * @since 0.1.0
 * @category models
 */
interface KindOptions<Fields extends PayloadFields, S = never> {
  /** The fields of the payload; `{}` for none. They are encoded where a child is started, and decoded where it runs. */
  readonly payload: Fields
  /**
   * Raise it when payloads of the new code cannot be read by the old: they are then placed on nodes of the new code only.
   * Default 1.
   */
  readonly version?: number | undefined
  /**
   * Schema of the children's state: one value per child, which it stores, and which follows it through restarts, moves and
   * replacements until it is terminated (`docs/state.md`). Its schemas may not need services. Not for secrets. A release
   * that stores a new form must keep it readable to the one before, should its children be held back.
   */
  // oxlint-disable-next-line no-explicit-any
  readonly state?: Schema.Schema<S, any> | undefined
  /**
   * Makes a state of one that another version of the kind has stored (`from`), or that the schema does not decode: of its
   * stored form. May give an effect; a promise is refused. Default: none, and a state that cannot be decoded is left to
   * other nodes, as such a payload is; the child fails if no node can.
   */
  readonly migrate?: ((stored: unknown, from: number) => S | Effect.Effect<S, unknown>) | undefined
  /** The most bytes of a state, encoded. Default 16 kB (16,384), at most 64 kB (65,536). */
  readonly maxStateBytes?: number | undefined
  /** Default `"worker"`. A supervisor has children of its own, and is waited for without bound when it is stopped. */
  readonly type?: ChildSpec.ChildType | undefined
}

export type { KindOptions as Options }

/**
 * Declares a kind of children. Its name is part of their ids; no `/`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  /**
   * Declares a kind of children that can be called, by a list of Rpcs.
   *
   * @example
   * ```ts
   * import { Rpc } from "@effect/rpc"
   * import { Child, Pogo } from "effect-pogo"
   * import { Effect, Schema } from "effect"
   *
   * const Counter = Child.make("Counter", {
   *   payload: { from: Schema.Number },
   *   protocol: [Rpc.make("add", { payload: { by: Schema.Number }, success: Schema.Number })]
   * })
   *
   * const CounterLive = Counter.toLayer(({ from }) => {
   *   let count = from
   *   return { add: ({ by }) => Effect.sync(() => (count += by)) }
   * })
   *
   * const program = Effect.gen(function*() {
   *   yield* Pogo.startChild(Counter.spec("visits", { from: 0 }))
   *   const counters = yield* Counter.client
   *   return yield* counters("visits").add({ by: 1 })
   * })
   * program.pipe(Effect.provide(CounterLive))
   * ```
   */
  <Fields extends PayloadFields, const Rpcs extends ReadonlyArray<Rpc.Any>, const Name extends string, S = never>(
    kind: Name,
    options: KindOptions<Fields, S> & {
      /** What its children can be asked: Rpcs, or a group of them. */
      readonly protocol: Rpcs
    }
  ): CallableKind<Fields, Rpcs[number], Name> & StateOf<S>
  /** Declares a kind of children that can be called, by an `RpcGroup`: with its middleware and annotations. */
  <Fields extends PayloadFields, Rpcs extends Rpc.Any, const Name extends string, S = never>(
    kind: Name,
    options: KindOptions<Fields, S> & { readonly protocol: RpcGroup.RpcGroup<Rpcs> }
  ): CallableKind<Fields, Rpcs, Name> & StateOf<S>
  /**
   * Declares a kind of children: their name, and the fields of their payload.
   *
   * @example
   * ```ts
   * import { Child, Pogo, Restart } from "effect-pogo"
   * import { Console, Duration, Effect, Schedule, Schema } from "effect"
   *
   * const Heartbeat = Child.make("Heartbeat", {
   *   payload: { text: Schema.String, every: Schema.DurationFromMillis }
   * })
   *
   * const HeartbeatLive = Heartbeat.toLayer(
   *   ({ every, text }) => Effect.schedule(Console.log(text), Schedule.spaced(every)),
   *   { restart: Restart.permanent(Schedule.exponential("100 millis")), shutdown: "2 seconds" }
   * )
   *
   * const program = Pogo.startChild(Heartbeat.spec("hello", { text: "hello", every: Duration.seconds(1) })).pipe(
   *   Effect.provide(HeartbeatLive),
   *   Effect.provide(Pogo.layerMemory())
   * )
   * program satisfies Effect.Effect<unknown, unknown>
   * ```
   */
  <Fields extends PayloadFields, const Name extends string, S = never>(
    kind: Name,
    options: KindOptions<Fields, S>
  ): Kind<Fields, Name> & StateOf<S>
} = (<Fields extends PayloadFields>(
  kind: string,
  options: KindOptions<Fields, unknown> & { readonly protocol?: ProtocolInput }
): unknown => {
  const payload = Schema.Struct(options.payload)
  const version = options.version ?? 1
  const shape: KindShape = {
    kind,
    version,
    type: options.type ?? "worker",
    payload: payload as unknown as KindShape["payload"],
    state: options.state && {
      schema: options.state,
      migrate: options.migrate,
      maxBytes: options.maxStateBytes ?? usualStateBytes
    }
  }
  const protocol = options.protocol === undefined ? undefined : protocolOf(kind, options.protocol)
  const common = {
    kind,
    version,
    payload,
    spec: (key: string, value: unknown, spec: ChildSpec.Options = {}) => makeDraft(shape, key, value, spec),
    id: (key: string) => `${kind}/${key}`,
    payloadOf: (spec: ChildSpec.StoredSpec | ChildSpec.ChildSpec) => payloadOf(shape, spec),
    toLayer: (build: (payload: never) => unknown, run: AnyRunOptions = {}) => kindLayer(shape, build, run, protocol),
    ...(shape.state === undefined ? {} : { state: stateOf(shape), readState: readStateOf(shape) })
  }
  return protocol === undefined ? common : {
    ...common,
    client: clientOf(protocol, Pogo.Pogo),
    clientOf: (supervisor: Pogo.AnyTag<Pogo.Pogo>) => clientOf(protocol, supervisor)
  }
}) as never

/**
 * Runs an effect beside the child's own code, until the child's run ends. If it fails, the child crashes, and is
 * restarted by its policy; a plain `Effect.forkScoped` would fail unseen.
 *
 * @example
 * ```ts
 * import { Child } from "effect-pogo"
 * import { Effect, Ref, Schedule, type Scope } from "effect"
 *
 * const counting = Effect.gen(function*() {
 *   const count = yield* Ref.make(0)
 *   yield* Child.fork(Effect.repeat(Ref.update(count, (n) => n + 1), Schedule.spaced("1 second")))
 *   return count
 * })
 * counting satisfies Effect.Effect<Ref.Ref<number>, never, Child.Current | Scope.Scope>
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const fork = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R | Current | Scope.Scope> =>
  Effect.flatMap(Current, (self) =>
    Effect.map(Effect.forkScoped(soundly(effect)), (fiber) => {
      observe(fiber, "the end of a fiber beside a child's code", (exit) => {
        if (exit._tag === "Failure" && !Cause.isInterruptedOnly(exit.cause)) crash(self, exit.cause)
      })
      return fiber
    }))

/** A fiber that neither logs its failure, which is its child's, nor fails with what is no cause. */
const soundly = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  endingQuietly(Effect.catchAllCause(effect, (cause) => Effect.failCause(soundCause(cause))))

const crash = (self: Current & Crashable, cause: Cause.Cause<unknown>): void => self[Crash]?.(cause)

/**
 * Marks an Rpc that may be executed more than once with the effect of once: a call whose answer was lost is repeated.
 *
 * @example
 * ```ts
 * import { Rpc } from "@effect/rpc"
 * import { Child } from "effect-pogo"
 * import { Schema } from "effect"
 *
 * const Monitor = Child.make("Monitor", {
 *   payload: {},
 *   protocol: [Child.idempotent(Rpc.make("status", { success: Schema.String }))]
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const idempotent = <R extends Rpc.Any>(rpc: R): R => annotate(rpc, Idempotent, true)

/**
 * Makes the stream of an Rpc resumable, by the payload with which it goes on after its last item.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resumable: {
  /** Makes the stream of an Rpc resumable: as in `Rpc.make(...).pipe(Child.resumable(resume))`. */
  <R extends Rpc.Any>(
    resume: (payload: Rpc.Payload<R>, last: Rpc.SuccessChunk<R>) => Rpc.PayloadConstructor<R>
  ): (rpc: R) => R
  /**
   * Makes the stream of an Rpc resumable. When its child has moved or was restarted, the Rpc is called again with the
   * payload that `resume` makes of the first payload and the last item, and the reader sees one stream. Each item comes at
   * least once if that payload names the place exactly.
   *
   * @example
   * ```ts
   * import { Rpc } from "@effect/rpc"
   * import { Child } from "effect-pogo"
   * import { Schema } from "effect"
   *
   * const lines = Child.resumable(
   *   Rpc.make("lines", { payload: { after: Schema.Number }, success: Schema.Number, stream: true }),
   *   (_, last) => ({ after: last })
   * )
   * ```
   */
  <R extends Rpc.Any>(
    rpc: R,
    resume: (payload: Rpc.Payload<R>, last: Rpc.SuccessChunk<R>) => Rpc.PayloadConstructor<R>
  ): R
} = dual(2, (rpc: Rpc.Any, resume: ResumeFrom) => annotate(rpc, Resume, resume))

const annotate = <R extends Rpc.Any, I, S>(rpc: R, tag: Context.Tag<I, S>, value: S): R =>
  (rpc as unknown as { readonly annotate: (tag: Context.Tag<I, S>, value: S) => R }).annotate(tag, value)
