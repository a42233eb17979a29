/**
 * The service that users see, put together from a node's commands, queries and loops.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { ChildCounts, ChildRow, Explanation } from "../../ChildInfo.js"
import type { Any, ChildId, StoredSpec } from "../../ChildSpec.js"
import type {
  ChildNotFound,
  ChildSpecConflict,
  DirectiveError,
  InvalidChildId,
  InvalidChildSpec,
  InvalidConfig,
  OutcomeUnknown,
  RegistryUnavailable
} from "../../PogoError.js"
import type { PogoEvent } from "../../PogoEvent.js"
import type { HistoryEntry, HistoryOptions } from "../../PogoHistory.js"
import type {
  DirectiveOptions,
  DirectiveResult,
  ListState,
  PlacementPlan,
  PlanChange,
  PogoNode
} from "../../PogoNode.js"
import { drain, setCordon } from "../loops/shutdown.js"
import type { Node } from "../node/node.js"
import { shutDown } from "../node/registryRequest.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import type { ChildCommands, StartResult, TerminateResult, UpsertResult } from "./childCommands.js"
import type { ChildCommand, CommandOptions } from "./commandOptions.js"
import { followHistory, readHistory } from "./historyQueries.js"
import { listStates } from "./listKeeper.js"
import type { NodeCommands } from "./nodeCommands.js"
import { planPlacement } from "./placementPlans.js"
import {
  answer,
  awaitRunning,
  countChildren,
  explain,
  isReady,
  listNodes,
  rowById,
  rows,
  specById,
  watchRow
} from "./queries.js"
import type { ReconcileError, ReconcileOptions, SetCommands } from "./setCommands.js"

/**
 * What a supervisor offers: the methods of `Pogo.Service`.
 *
 * Questions about children and nodes cost a node no registry call. A client asks the registry first if it has not heard
 * of it for a heartbeat. Where the answer may no longer be true, it says so: `staleSince`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PogoMethods {
  /** The name and scope of this node. */
  readonly name: string
  readonly scope: string
  /**
   * Registers a child. When this succeeds the child is kept running, whatever happens to this process. Success does not
   * mean that it runs already: `awaitChild` waits for that. To repeat a call is safe.
   */
  readonly startChild: ChildCommand<
    Any,
    StartResult,
    InvalidChildSpec | ChildSpecConflict | RegistryUnavailable | OutcomeUnknown
  >
  /**
   * Registers many children, 100 at a time, in order. If one is invalid nothing is written; of those that conflict each
   * has its own result. When a later batch fails, the earlier ones stand (`OutcomeUnknown` tells how many): repeat the
   * call.
   */
  readonly startChildren: (
    specs: Iterable<Any>,
    options?: CommandOptions
  ) => Effect.Effect<
    ReadonlyArray<Either.Either<StartResult, ChildSpecConflict>>,
    InvalidChildSpec | RegistryUnavailable | OutcomeUnknown
  >
  /** Puts other content in the place of a child: it is stopped, then started anew where it belongs. */
  readonly replaceChild: ChildCommand<
    Any,
    { readonly _tag: "Replaced"; readonly id: ChildId; readonly generation: bigint },
    InvalidChildSpec | ChildNotFound | RegistryUnavailable | OutcomeUnknown
  >
  /**
   * Registers a child, or puts other content in its place if it is registered with other content; the same content is
   * left alone. A child stays in its set.
   */
  readonly upsertChild: ChildCommand<Any, UpsertResult, InvalidChildSpec | RegistryUnavailable | OutcomeUnknown>
  /**
   * Makes the children of a kind, or of a named set of it, those of a list: what is missing is started, what has other
   * content is replaced, what is not listed is terminated, and what is the same is left alone. See `Pogo.reconcile`.
   */
  readonly reconcile: (
    kind: { readonly kind: string },
    specs: Iterable<Any>,
    options?: ReconcileOptions
  ) => Effect.Effect<ReconcilePlan, ReconcileError>
  /**
   * Ends a child for good, from any node. When this succeeds no node starts it again; the one that runs it stops it at
   * once. An unknown id is no error. While the registry's data is new, for one `ttl` after a loss, one that it does not
   * know may yet be told by a node: the call waits.
   */
  readonly terminateChild: ChildCommand<ChildId, TerminateResult, InvalidChildId | RegistryUnavailable | OutcomeUnknown>
  /** Stops a child and starts it anew, with its restarts forgotten. Brings a failed child back. */
  readonly restartChild: ChildCommand<
    ChildId,
    { readonly _tag: "Restarted"; readonly id: ChildId; readonly generation: bigint },
    InvalidChildId | ChildNotFound | RegistryUnavailable | OutcomeUnknown
  >
  /**
   * Waits until a child runs, and tells where. For ever, if it never does: bound it with `Effect.timeout`. Fails when
   * this supervisor is shut down.
   */
  readonly awaitChild: (
    id: ChildId
  ) => Effect.Effect<ChildRow & { readonly node: string; readonly token: bigint }, InvalidChildId | RegistryUnavailable>
  /**
   * What becomes of a child: its row now and whenever it is another, `None` while it is not registered. A slow reader
   * misses what has passed, never the latest. Ends when this supervisor is shut down.
   */
  readonly watchChild: (id: ChildId) => Stream.Stream<Option.Option<ChildRow>>
  /** One child. No registry call. */
  readonly getChild: (id: ChildId) => Effect.Effect<Option.Option<ChildRow>>
  /** The spec of one child, and its set. No registry call. */
  readonly getSpec: (id: ChildId) => Effect.Effect<Option.Option<StoredSpec>>
  /** The children of this node, or of the scope. No registry call. */
  readonly whichChildren: (of: "local" | "global") => Effect.Effect<ReadonlyArray<ChildRow>>
  /** The children of the scope by status. No registry call. */
  readonly countChildren: Effect.Effect<ChildCounts>
  /** The live nodes of the scope. No registry call. */
  readonly nodes: Effect.Effect<ReadonlyArray<PogoNode>>
  /** The lists of code that are whole sets: which nodes have which, and what waits for whom. No registry call. */
  readonly lists: Effect.Effect<ReadonlyArray<ListState>>
  /** What happens from now on. A subscriber that is slow misses the oldest. */
  readonly events: Stream.Stream<PogoEvent>
  /**
   * What happens on all nodes from now on, as entries of the history, in order and a moment later than it happens. Each
   * listener reads the registry for himself when the scope has changed, ten times a second at most. Waits while the
   * registry cannot be reached, and ends when this supervisor is closed.
   */
  readonly scopeEvents: Stream.Stream<HistoryEntry>
  /** What happened, to one child or in the whole scope, the oldest entry first: see `Pogo.history`. */
  readonly history: (
    id?: string,
    options?: HistoryOptions
  ) => Effect.Effect<ReadonlyArray<HistoryEntry>, InvalidChildId | InvalidConfig | RegistryUnavailable>
  /**
   * Gives up all children of this node in order, and takes no new ones. Succeeds when none is left, or after the drain
   * timeout, with the number that are left. Undone by `uncordon`. A child's finalizer or body that runs it would wait for
   * itself: fork it there.
   */
  readonly drain: Effect.Effect<number>
  /** Takes no new children on this node; keeps those that run. */
  readonly cordon: Effect.Effect<void>
  /** Takes children on this node again, unless a directive (`cordonNode`, `drainNode`) stands for its name. */
  readonly uncordon: Effect.Effect<void>
  /**
   * Tells the node of a name, from any node or client, to take no new children; it keeps those that run. The registry
   * keeps the directive under that name: it holds for a node that restarts under it, which then is never open for a
   * moment, until `uncordonNode`. Waits until the node has published that it obeys, for some seconds at most; the
   * result says what became of it. The node's own `cordon` and `drain` are apart from it: either suffices.
   */
  readonly cordonNode: (
    name: string,
    options?: DirectiveOptions
  ) => Effect.Effect<DirectiveResult, DirectiveError>
  /**
   * As `cordonNode`, and the node gives all its children up in order. It answers when the node has begun to: `nodes`
   * counts the children that are left there. A node that has drained stays in the scope, ready and with its lease, and
   * takes nothing until `uncordonNode`, also after a restart under its name.
   */
  readonly drainNode: (
    name: string,
    options?: DirectiveOptions
  ) => Effect.Effect<DirectiveResult, DirectiveError>
  /**
   * Lifts what `cordonNode` or `drainNode` told the node of a name, never what that node did to itself (`uncordon`
   * lifts that, there).
   */
  readonly uncordonNode: (
    name: string,
    options?: DirectiveOptions
  ) => Effect.Effect<DirectiveResult, DirectiveError>
  /**
   * What would move if nodes were drained, gone, or new, by the placement of this node, and as it knows the scope. Changes
   * nothing. No registry call.
   */
  readonly plan: (change: PlanChange) => Effect.Effect<PlacementPlan, InvalidConfig>
  /** Where a child should run, who holds it, since when, and why it does not run if it does not. No registry call. */
  readonly explain: (id: ChildId) => Effect.Effect<Explanation>
  /**
   * Whether this node holds a lease and knows its scope: for readiness probes. Of a client: whether it reaches the
   * registry, and every node that is listed is known to live.
   */
  readonly ready: Effect.Effect<boolean>
  /** Waits until `ready`. */
  readonly awaitReady: Effect.Effect<void, RegistryUnavailable>
}

/** Makes the service, save for what only this package sees of it. */
export const makeService = (
  node: Node,
  commands: ChildCommands,
  directives: NodeCommands,
  sets: SetCommands
): PogoMethods => ({
  name: node.config.name,
  scope: node.config.scope,
  startChild: commands.start,
  startChildren: commands.startAll,
  replaceChild: commands.replace,
  upsertChild: commands.upsert,
  reconcile: (kind, specs, options) => sets.reconcile(kind, specs, options),
  terminateChild: commands.terminate,
  restartChild: commands.restart,
  awaitChild: (id: ChildId) => awaitRunning(node, id),
  watchChild: (id: ChildId) => watchRow(node, id),
  getChild: (id: ChildId) => answer(node, () => Option.fromNullable(rowById(node, id))),
  getSpec: (id: ChildId) => answer(node, () => Option.fromNullable(specById(node, id))),
  whichChildren: (of: "local" | "global") => rows(node, of),
  countChildren: countChildren(node),
  nodes: answer(node, () => listNodes(node)),
  lists: answer(node, () => listStates(node)),
  events: node.events,
  scopeEvents: followHistory(node),
  history: (id, options) => readHistory(node, id, options),
  drain: drain(node),
  cordon: setCordon(node, true),
  uncordon: setCordon(node, false),
  cordonNode: directives.cordon,
  drainNode: directives.drain,
  uncordonNode: directives.uncordon,
  plan: (change) => planPlacement(node, change),
  explain: (id: ChildId) => answer(node, () => explain(node, id)),
  ready: isReady(node),
  awaitReady: Effect.flatMap(
    node.awaitPhase((phase) => node.active || phase === "closed"),
    (phase) => (phase === "closed" ? Effect.fail(shutDown("awaitReady", false)) : Effect.void)
  )
})
