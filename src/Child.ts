/**
 * Kinds of children: declared once, shared by the code that runs them and the code that starts them.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as ChildSpec from "./ChildSpec.js"
import type { Current } from "./internal/current.js"
import { type KindShape, makeDraft } from "./internal/draft.js"
import { Internals } from "./internal/internals.js"
import { makeRegistration } from "./internal/kind.js"
import * as Pogo from "./Pogo.js"
import type { InvalidConfig, KindConflict } from "./PogoError.js"
import type { Intensity, Restart } from "./Restart.js"

export {
  /**
   * What a running child knows of itself, as a service in its context.
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
} from "./internal/current.js"

/**
 * The fields of a payload. Their schemas may not need services: a payload is decoded on another node.
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
 * A payload as code sees it.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload<Fields extends PayloadFields> = Schema.Struct.Type<Fields>

/**
 * How a node runs the children of a kind.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** Default `Restart.permanent()`. */
  readonly restart?: Restart | undefined
  /**
   * How long a child may take to end before it is reported as overdue. Default 5 seconds for workers, `"infinity"` for
   * supervisors.
   */
  readonly shutdown?: Duration.DurationInput | "brutalKill" | "infinity" | undefined
  /** Default: that of the supervisor, which has none unless it is set. */
  readonly intensity?: Intensity | undefined
  /** How long a child that is a layer may take to build. Default 1 minute. */
  readonly startTimeout?: Duration.DurationInput | undefined
  /**
   * What happens when the node cannot renew its lease. `"stop"` (default): the child is stopped before it may be started
   * elsewhere, so that no two copies run. `"keep"`: it goes on, its `check` fails, and if only this node was cut off a
   * second copy is started elsewhere.
   */
  readonly onRegistryLoss?: "stop" | "keep" | undefined
  /** What happens when a child does not end in time. `"exit"` ends the process: nothing else ends a stuck fiber. */
  readonly onOverdue?: "report" | "exit" | undefined
}

/**
 * A kind of children.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kind<in out Fields extends PayloadFields> {
  readonly kind: string
  readonly version: number
  readonly payload: Schema.Struct<Fields>
  /**
   * A spec of this kind, to be given to `Pogo.startChild`. Pure: a payload that does not fit fails that call. The key is
   * unique within the kind.
   */
  readonly spec: (
    key: string,
    payload: Schema.Struct.Constructor<Fields>,
    options?: ChildSpec.Options
  ) => ChildSpec.Draft
  /** The id of the child with this key: `kind/key`. */
  readonly id: (key: string) => string
  /**
   * The implementation: a layer that lets this node run children of the kind, for as long as it lives.
   *
   * `build` returns the child's code. If it is an effect, the child runs until the effect ends. If it is a layer, the
   * child runs from when the layer is built until it is stopped. Each run has a `Scope` and `Child.Current`; whatever
   * else the code needs comes from where the layer is provided. When the layer closes, its children are handed over
   * first, while those services still live.
   */
  readonly toLayer: {
    <A, E, R, I = Pogo.Pogo>(
      build: (payload: Payload<Fields>) => Effect.Effect<A, E, R> | Layer.Layer<never, E, R>,
      options?: RunOptions & { readonly supervisor?: Pogo.AnyTag<I> | undefined }
    ): Layer.Layer<never, KindConflict | InvalidConfig, I | Exclude<R, Scope.Scope | Current>>
  }
}

/**
 * Options of a kind.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Fields extends PayloadFields> {
  /** The fields of the payload; `{}` for none. They are encoded where a child is started, and decoded where it runs. */
  readonly payload: Fields
  /**
   * Raise it when payloads of the new code cannot be read by the old: they are then placed on nodes of the new code only.
   * Default 1.
   */
  readonly version?: number | undefined
  /** Default `"worker"`. A supervisor has children of its own, and is waited for without bound when it is stopped. */
  readonly type?: ChildSpec.ChildType | undefined
}

/**
 * Declares a kind. Its name is part of the ids of its children; no `/`.
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
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Fields extends PayloadFields>(
  kind: string,
  options: Options<Fields>
): Kind<Fields> => {
  const payload = Schema.Struct(options.payload)
  const version = options.version ?? 1
  const shape: KindShape = {
    kind,
    version,
    type: options.type ?? "worker",
    payload: payload as unknown as KindShape["payload"]
  }
  return {
    kind,
    version,
    payload,
    spec: (key, value, spec = {}) => makeDraft(shape, key, value, spec),
    id: (key) => `${kind}/${key}`,
    toLayer: ((build: (payload: never) => unknown, run: AnyRunOptions = {}) => kindLayer(shape, build, run)) as Kind<
      Fields
    >["toLayer"]
  }
}

type AnyRunOptions = RunOptions & { readonly supervisor?: Pogo.AnyTag<Pogo.Pogo> | undefined }

/** Fresh, so that one value may be provided to several supervisors. */
const kindLayer = (shape: KindShape, build: (payload: never) => unknown, options: AnyRunOptions) =>
  Layer.fresh(Layer.scopedDiscard(Effect.gen(function*() {
    const pogo = yield* options.supervisor ?? Pogo.Pogo
    const registration = yield* makeRegistration(shape, build, options, { scope: pogo.scope, node: pogo.name })
    yield* pogo[Internals].register(registration)
  })))
