/**
 * The distributed supervisor. A child that is started on any node of a scope runs on exactly one node of it, through
 * crashes, deploys, joins and leaves; every node can tell where.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ChildCounts, ChildRow, Explanation } from "./ChildInfo.js"
import type { Any, ChildId, StoredSpec } from "./ChildSpec.js"
import * as GroupRegistry from "./GroupRegistry.js"
import type { StartResult, TerminateResult, UpsertResult } from "./internal/commands/childCommands.js"
import type { ChildCommand, CommandOptions } from "./internal/commands/commandOptions.js"
import type { PogoMethods } from "./internal/commands/service.js"
import type { ReconcileError, ReconcileOptions } from "./internal/commands/setCommands.js"
import type { Exactly, ExactlyOptions } from "./internal/kind/exactList.js"
import { makePogo } from "./internal/make.js"
import type { PlannedChild, ReconcilePlan } from "./internal/reconcileErrors.js"
import type { ReconcileEveryOptions } from "./internal/setAccessors.js"
import { type AnyTag, Pogo, type Service } from "./internal/supervisorTag.js"
import * as PogoConfig from "./PogoConfig.js"
import type {
  ChildNotFound,
  ChildSpecConflict,
  InvalidChildId,
  InvalidChildSpec,
  OutcomeUnknown,
  PogoError,
  RegistryUnavailable
} from "./PogoError.js"
import type { PogoEvent } from "./PogoEvent.js"

export type {
  ChildCommand,
  CommandOptions,
  Exactly,
  ExactlyOptions,
  PlannedChild,
  PogoMethods,
  ReconcileError,
  ReconcileEveryOptions,
  ReconcileOptions,
  ReconcilePlan,
  StartResult,
  TerminateResult,
  UpsertResult
}

export { cordon, cordonNode, drain, drainNode, nodes, plan, uncordon, uncordonNode } from "./internal/nodeAccessors.js"

export { history, scopeEvents } from "./internal/historyAccessors.js"

export { exactly } from "./internal/kind/exactList.js"

export { lists, reconcile, reconcileEvery, reconcilerId, upsertChild } from "./internal/setAccessors.js"

export { type AnyTag, Pogo, type Service, Tag } from "./internal/supervisorTag.js"

/**
 * Makes a supervisor. It lives as long as its scope, and hands its children over when that is closed. Most programs take
 * `layer` or `PogoLive`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: PogoConfig.Options = {}
): Effect.Effect<Service, PogoError, GroupRegistry.GroupRegistry | Scope.Scope> =>
  Effect.flatMap(PogoConfig.resolve(options), makePogo)

/**
 * A supervisor as a layer, with its settings in code. Reads no `POGO_*` variables: `layerConfig` does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: {
  /**
   * A supervisor as a layer, with its settings in code: one node of a scope. Reads no `POGO_*` variables; `layerConfig`
   * takes both. It joins while the layer is built, and fails where it may not; when the layer closes, its children are
   * handed over to the other nodes.
   *
   * @example
   * ```ts
   * import { Child, GroupRegistry, Pogo } from "effect-pogo"
   * import { Effect, Layer } from "effect"
   *
   * const Ticker = Child.make("Ticker", { payload: {} })
   * const TickerLive = Ticker.toLayer(() => Effect.never)
   *
   * const MainLive = TickerLive.pipe(
   *   Layer.provideMerge(Pogo.layer({ scope: "shop", labels: { zone: "a" } })),
   *   Layer.provide(GroupRegistry.layerMemory)
   * )
   * Layer.launch(MainLive)
   * ```
   */
  (options?: PogoConfig.Options): Layer.Layer<Pogo, PogoError, GroupRegistry.GroupRegistry>
  /** A further supervisor of the same process, under a tag of its own: see `Tag`. */
  <I>(
    options: PogoConfig.Options & { readonly supervisor: AnyTag<I> }
  ): Layer.Layer<I, PogoError, GroupRegistry.GroupRegistry>
} = (options: PogoConfig.Options & { readonly supervisor?: AnyTag<Pogo> } = {}) =>
  Layer.scoped(options.supervisor ?? Pogo, make(options))

/**
 * A supervisor as a layer, with settings from the environment and from code. Where both name one, the code's stands.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: {
  /**
   * A supervisor as a layer, with its settings from `POGO_*` and from here. Where both name one, this one stands. With
   * nothing given it is `PogoLive`; `layer` reads no variables at all.
   *
   * @example
   * ```ts
   * import { Child, GroupRegistry, Pogo } from "effect-pogo"
   * import { Layer } from "effect"
   *
   * const Ticker = Child.make("Ticker", { payload: {} })
   *
   * // POGO_TTL, POGO_NODE_NAME and the others are read; POGO_SCOPE is not.
   * const ScopeLive = Pogo.layerConfig({ scope: "shop", children: [Ticker.spec("one", {})] })
   * Layer.launch(Layer.provide(ScopeLive, GroupRegistry.layerMemory))
   * ```
   */
  (
    options?: PogoConfig.Options
  ): Layer.Layer<Pogo, ConfigError.ConfigError | PogoError, GroupRegistry.GroupRegistry>
  /** A further supervisor of the same process, under a tag of its own: see `Tag`. */
  <I>(
    options: PogoConfig.Options & { readonly supervisor: AnyTag<I> }
  ): Layer.Layer<I, ConfigError.ConfigError | PogoError, GroupRegistry.GroupRegistry>
  /**
   * A supervisor as a layer, with its settings from a `Config` of your own, and what is given here. Where both name one,
   * this one stands. To let the environment override defaults of yours, put them into the source:
   * `Config.map(PogoConfig.config, (env) => ({ ...env, ttl: env.ttl ?? "30 seconds" }))`.
   */
  (
    source: Config.Config<PogoConfig.Options>,
    overrides?: PogoConfig.Options
  ): Layer.Layer<Pogo, ConfigError.ConfigError | PogoError, GroupRegistry.GroupRegistry>
} = (
  first: Config.Config<PogoConfig.Options> | PogoConfig.Options & { readonly supervisor?: AnyTag<Pogo> } = {},
  overrides: PogoConfig.Options = {}
) =>
  Config.isConfig(first)
    ? Layer.scoped(Pogo, fromEnvironment(first, overrides))
    : Layer.scoped(first.supervisor ?? Pogo, fromEnvironment(PogoConfig.config, first))

const fromEnvironment = (source: Config.Config<PogoConfig.Options>, overrides: PogoConfig.Options) =>
  Effect.flatMap(PogoConfig.fromConfig(source, overrides), makePogo)

/**
 * A process that runs no children: it starts, ends, lists, watches and calls them. It is none of the scope's nodes, sends
 * nothing while it is idle, and keeps nothing that the registry would lose. Settings from `POGO_*`, and what is given
 * here. To call children it needs a `NodeTransport`, whose port it does not open.
 *
 * @example
 * ```ts
 * import { GroupRegistry, Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * const list = Pogo.whichChildren("global").pipe(
 *   Effect.provide(Pogo.layerClient({ scope: "shop" })),
 *   Effect.provide(GroupRegistry.layerMemory)
 * )
 * list satisfies Effect.Effect<unknown, unknown>
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClient = (
  options: PogoConfig.Options = {}
): Layer.Layer<Pogo, ConfigError.ConfigError | PogoError, GroupRegistry.GroupRegistry> =>
  Layer.scoped(
    Pogo,
    Effect.flatMap(PogoConfig.fromConfig(PogoConfig.config, options), (config) => makePogo(config, true))
  )

/**
 * A supervisor with a registry of its own in memory: a scope of one node, for tests and small programs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: PogoConfig.Options = {}): Layer.Layer<Pogo, PogoError> =>
  Layer.provide(layer(options), Layer.fresh(GroupRegistry.layerMemory))

/**
 * The supervisor as a layer, with its settings from the environment: `POGO_SCOPE`, `POGO_TTL`, and the rest that `PogoConfig`
 * lists.
 *
 * @example
 * ```ts
 * import { GroupRegistry, Pogo } from "effect-pogo"
 * import { Layer } from "effect"
 *
 * Layer.launch(Layer.provide(Pogo.PogoLive, GroupRegistry.layerMemory))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const PogoLive: Layer.Layer<Pogo, ConfigError.ConfigError | PogoError, GroupRegistry.GroupRegistry> =
  layerConfig()

/**
 * Registers a child, from any node or client. When this succeeds the child is kept running, whatever happens to this
 * process. Success does not mean that it runs already: `awaitChild` waits for that. The same spec again is `AlreadyStarted`,
 * so that a call may be repeated; other content under the same id fails with `ChildSpecConflict`. `options` say who asks
 * for it, and why: the history tells it of what is registered, and nothing where nobody is named.
 *
 * @example
 * ```ts
 * import { Child, Pogo } from "effect-pogo"
 * import { Effect, Schema } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: { url: Schema.String } })
 *
 * const program = Effect.gen(function*() {
 *   const started = yield* Pogo.startChild(Poller.spec("home", { url: "https://example.com" }))
 *   yield* Effect.log(started._tag) // "Created", or "AlreadyStarted"
 * })
 * program satisfies Effect.Effect<void, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const startChild: ChildCommand<
  Any,
  StartResult,
  InvalidChildSpec | ChildSpecConflict | RegistryUnavailable | OutcomeUnknown,
  Pogo
> = (spec: Any, options?: CommandOptions) => Effect.flatMap(Pogo, (pogo) => pogo.startChild(spec, options))

/**
 * Registers many children, 100 at a time, in order. If one spec is invalid nothing is written; of those that conflict each
 * has its own result. When a later batch fails the earlier ones stand, and `OutcomeUnknown` tells how many: repeat the
 * call.
 *
 * @since 0.1.0
 * @category accessors
 */
export const startChildren = (
  specs: Iterable<Any>,
  options?: CommandOptions
): Effect.Effect<
  ReadonlyArray<Either.Either<StartResult, ChildSpecConflict>>,
  InvalidChildSpec | RegistryUnavailable | OutcomeUnknown,
  Pogo
> => Effect.flatMap(Pogo, (pogo) => pogo.startChildren(specs, options))

/**
 * Puts other content in the place of a registered child: the old one is stopped, and the new one started where it
 * belongs. Fails with `ChildNotFound` where there is none to replace.
 *
 * @since 0.1.0
 * @category accessors
 */
export const replaceChild: ChildCommand<
  Any,
  { readonly _tag: "Replaced"; readonly id: ChildId; readonly generation: bigint },
  InvalidChildSpec | ChildNotFound | RegistryUnavailable | OutcomeUnknown,
  Pogo
> = (spec: Any, options?: CommandOptions) => Effect.flatMap(Pogo, (pogo) => pogo.replaceChild(spec, options))

/**
 * Ends a child for good, from any node or client. When this succeeds no node starts it again, and the one that runs it
 * stops it at once. An unknown id is no error: the result is `Absent`. `options` say who asks for it, and why: the history
 * tells it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const terminateChild: ChildCommand<
  ChildId,
  TerminateResult,
  InvalidChildId | RegistryUnavailable | OutcomeUnknown,
  Pogo
> = (id: ChildId, options?: CommandOptions) => Effect.flatMap(Pogo, (pogo) => pogo.terminateChild(id, options))

/**
 * Stops a child and starts it anew where it belongs, with its count of restarts at zero. Brings a failed child back.
 *
 * @since 0.1.0
 * @category accessors
 */
export const restartChild: ChildCommand<
  ChildId,
  { readonly _tag: "Restarted"; readonly id: ChildId; readonly generation: bigint },
  InvalidChildId | ChildNotFound | RegistryUnavailable | OutcomeUnknown,
  Pogo
> = (id: ChildId, options?: CommandOptions) => Effect.flatMap(Pogo, (pogo) => pogo.restartChild(id, options))

/**
 * Waits until a child runs, and succeeds with its row: the node, and the fencing token of its claim. Waits for ever where
 * it never does: bound it with `Effect.timeout`. Fails when this supervisor is shut down, and at once for a text that is no
 * id.
 *
 * @since 0.1.0
 * @category accessors
 */
export const awaitChild = (
  id: ChildId
): Effect.Effect<
  ChildRow & { readonly node: string; readonly token: bigint },
  InvalidChildId | RegistryUnavailable,
  Pogo
> => Effect.flatMap(Pogo, (pogo) => pogo.awaitChild(id))

/**
 * The row of a child, now and whenever it changes; `None` while the child is not registered. A slow reader misses
 * changes that were overtaken, never the latest. Ends when this supervisor is shut down.
 *
 * @since 0.1.0
 * @category accessors
 */
export const watchChild = (id: ChildId): Stream.Stream<Option.Option<ChildRow>, never, Pogo> =>
  Stream.unwrap(Effect.map(Pogo, (pogo) => pogo.watchChild(id)))

/**
 * The row of one child, as this node knows it; `None` where it is not registered. Costs no call to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const getChild = (id: ChildId): Effect.Effect<Option.Option<ChildRow>, never, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.getChild(id))

/**
 * The spec of one child as it is registered, and the set that it is a member of; `None` where it is not registered. The
 * `payloadOf` of its kind decodes the payload. Costs no call to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const getSpec = (id: ChildId): Effect.Effect<Option.Option<StoredSpec>, never, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.getSpec(id))

/**
 * The rows of all children of this node (`"local"`) or of the scope (`"global"`), as this node knows them. Costs no call
 * to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const whichChildren = (of: "local" | "global"): Effect.Effect<ReadonlyArray<ChildRow>, never, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.whichChildren(of))

/**
 * The number of children in the scope, by status and by type, as this node knows them. Costs no call to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const countChildren: Effect.Effect<ChildCounts, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.countChildren)

/**
 * Events of this node from now on: children that start, crash, move and end; nodes that come and go; the state of its
 * lease. A subscriber that falls behind misses the oldest. `scopeEvents` tells what happens on all nodes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<PogoEvent, never, Pogo> = Stream.unwrap(Effect.map(Pogo, (pogo) => pogo.events))

/**
 * Where a child should run, which node holds its claim and since when, and why it does not run where it does not: as data
 * and as a text. Costs no call to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const explain = (id: ChildId): Effect.Effect<Explanation, never, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.explain(id))

/**
 * Whether this node holds a lease and knows its scope: for readiness probes. Of a client: whether it reaches the registry,
 * and every node that is listed is known to live.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ready: Effect.Effect<boolean, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.ready)

/**
 * Waits until this node holds a lease and knows its scope. Fails when this supervisor is shut down.
 *
 * @since 0.1.0
 * @category accessors
 */
export const awaitReady: Effect.Effect<void, RegistryUnavailable, Pogo> = Effect.flatMap(
  Pogo,
  (pogo) => pogo.awaitReady
)
