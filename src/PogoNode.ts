/**
 * Nodes: the members of a scope, as `Pogo.nodes` tells them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ChildId, Labels } from "./ChildSpec.js"
import type { ReconcilePlan } from "./internal/reconcileErrors.js"
import { type Json, lazily, orUndefined } from "./internal/runtime/jsonSchema.js"

/**
 * The code of a kind that a node has.
 *
 * @since 0.1.0
 * @category models
 */
export interface KindVersion {
  /** Children of this version, and of earlier ones, may run here. */
  readonly version: number
  /** Digest of the payload's schema: tells two codes of the same version apart. */
  readonly digest: string
}

/**
 * A directive that stands: what a node was told to do by `cordonNode` or `drainNode`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Directive {
  readonly what: "cordon" | "drain"
  /** Who gave it. */
  readonly by: string
  /** Why; empty if that was not told. */
  readonly reason: string
  /** When it was given, by the registry's clock. */
  readonly at: Date
  /** Whether the node acts on it: it has read it, and its version knows directives. */
  readonly obeyed: boolean
}

/**
 * Options of `cordonNode`, `drainNode` and `uncordonNode`.
 *
 * @since 0.1.0
 * @category models
 */
export interface DirectiveOptions {
  /** Who gives the directive: 1 to 200 characters. Default: the name of the node or client that gives it. */
  readonly by?: string | undefined
  /** Why, for whoever looks at `Pogo.nodes`: at most 200 characters. */
  readonly reason?: string | undefined
}

/**
 * What became of a directive. In every case it is kept under the node's name.
 *
 * - `Obeyed`: all live sessions of the name have published that they act on it. `survivesRestart` is false when a name
 *   holds the id of its process: the next process has another name, and is not meant.
 * - `NoSuchNode`: no live node has the name. One that joins under it within a day obeys from its first moment.
 * - `NotUnderstood`: so many live sessions of the name run a version that does not know directives, and ignore it.
 * - `Unanswered`: only so many `of` its live sessions had published that they act on it when the wait was over. The others
 *   are frozen, or cut off from the registry: they obey as soon as they read it.
 *
 * @since 0.1.0
 * @category models
 */
export type DirectiveResult =
  | {
    readonly _tag: "Obeyed"
    readonly node: string
    readonly sessions: number
    readonly survivesRestart: boolean
  }
  | { readonly _tag: "NoSuchNode"; readonly node: string }
  | { readonly _tag: "NotUnderstood"; readonly node: string; readonly sessions: number }
  | { readonly _tag: "Unanswered"; readonly node: string; readonly sessions: number; readonly of: number }

/**
 * A live node.
 *
 * @since 0.1.0
 * @category models
 */
export interface PogoNode {
  /** Stable over restarts. */
  readonly name: string
  /** Unique to this start of the node, or lapse of its lease: `name#random`. */
  readonly session: string
  /** Whether it is this node. */
  readonly self: boolean
  /** How many children it gets, relative to the others. */
  readonly weight: number
  readonly labels: Labels
  /** The revision of its release; empty if it has none. */
  readonly revision: string
  /** The kinds that it can run. */
  readonly kinds: { readonly [kind: string]: KindVersion }
  /** It keeps what it has, and takes no new children: by its own word, or by a directive. */
  readonly cordoned: boolean
  /** It gives its children up, and takes none: by its own word, or by a directive. */
  readonly draining: boolean
  /** The directive that stands for its name, if there is one. */
  readonly directive: Directive | undefined
  /** The digests of its lists that are whole sets (`Pogo.exactly`), by their names; equal for equal lists. */
  readonly lists: { readonly [name: string]: string }
  /** Another live node has the same name. */
  readonly duplicate: boolean
  /** Children that it holds a claim on, as far as this node knows. */
  readonly children: number
  /** Since when it may be gone, or otherwise, if that may be so: see `ChildInfo.ChildRow`. */
  readonly staleSince: Date | undefined
}

/**
 * A list of code that is a whole set (`Pogo.exactly`): which nodes have it, and what still waits.
 *
 * @since 0.1.0
 * @category models
 */
export interface ListState {
  /** The name of the list. */
  readonly name: string
  /** The live nodes that have a list of this name, in the order of their sessions. Equal digests are equal lists. */
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly session: string; readonly digest: string }>
  /** Whether all of them have the same one. Nothing is ended or replaced while they do not. */
  readonly agreed: boolean
  /** Of this node's own list; `undefined` where it has none of this name. */
  readonly own: OwnListState | undefined
}

/**
 * What a node's own list still changes, and for whom that waits.
 *
 * @since 0.1.0
 * @category models
 */
export interface OwnListState {
  readonly digest: string
  /** What is to be replaced and ended, and what stays as it is; children that are missing are not in it. */
  readonly plan: ReconcilePlan
  /** Names of the live nodes whose lists differ: as long as there are any, `replace` and `terminate` wait. */
  readonly waitsFor: ReadonlyArray<string>
}

/**
 * A node that is to join, in `Pogo.plan`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedNode {
  /** A name that no live node has. */
  readonly name: string
  /** As the option `weight` of a node. Default 1. */
  readonly weight?: number | undefined
  /** As the option `labels` of a node. Default: none, so that children which require one do not go there. */
  readonly labels?: Labels | undefined
  /** Kinds that it would have, of those that live nodes have, in their newest code. Default: all of them. */
  readonly kinds?: ReadonlyArray<string> | undefined
}

/**
 * A change of the nodes, all of it at once, in `Pogo.plan`. A name stands for all sessions that have it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlanChange {
  /** Names of live nodes that would give up their children, as `Pogo.drainNode` has them do. */
  readonly drain?: string | ReadonlyArray<string> | undefined
  /** Names of live nodes that would be gone. */
  readonly remove?: string | ReadonlyArray<string> | undefined
  /** Nodes that would join. */
  readonly add?: PlannedNode | ReadonlyArray<PlannedNode> | undefined
}

/**
 * What a change of the nodes would do to the children.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlacementPlan {
  /** Children that would run on another node than now. `from` is `undefined` for one that does not run now. */
  readonly moves: ReadonlyArray<{ readonly id: ChildId; readonly from: string | undefined; readonly to: string }>
  /** Children that run now, and would run nowhere. */
  readonly stops: ReadonlyArray<{ readonly id: ChildId; readonly from: string }>
  /** All nodes, of now and of then, in the order of their names: how many children each has now, and would have. */
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly now: number; readonly after: number }>
}

const Text = Schema.String

/**
 * Schema of a node's row, to and from JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PogoNode: Schema.Schema<PogoNode, Json<PogoNode>> = lazily(() =>
  Schema.Struct({
    name: Text,
    session: Text,
    self: Schema.Boolean,
    weight: Schema.Number,
    labels: Schema.Record({ key: Text, value: Text }),
    revision: Text,
    kinds: Schema.Record({ key: Text, value: Schema.Struct({ version: Schema.Number, digest: Text }) }),
    cordoned: Schema.Boolean,
    draining: Schema.Boolean,
    directive: orUndefined(Schema.Struct({
      what: Schema.Literal("cordon", "drain"),
      by: Text,
      reason: Text,
      at: Schema.Date,
      obeyed: Schema.Boolean
    })),
    lists: Schema.Record({ key: Text, value: Text }),
    duplicate: Schema.Boolean,
    children: Schema.Number,
    staleSince: orUndefined(Schema.Date)
  })
)
