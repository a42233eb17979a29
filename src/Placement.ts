/**
 * Placement: which node should run a child.
 *
 * A placement is one pure function, the score of a child on a node. A child belongs to the eligible node on which it
 * scores highest. Since a score depends on that one pair only, movement is minimal whatever the function: when a node
 * joins, a child moves only if it scores higher there; when a node leaves, only its own children move.
 *
 * A score cannot change this: a child runs only on nodes that have its kind in its version or a later one, have the
 * labels that it requires, have not refused it, and are neither cordoned nor draining. Of those, the ones with most of
 * the labels that it prefers are compared first.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { Labels } from "./ChildSpec.js"
import { mix } from "./internal/runtime/hash.js"

/**
 * A child, as a score function sees it.
 *
 * @example
 * ```ts
 * import { Placement } from "effect-pogo"
 *
 * const isLeader = (child: Placement.Child): boolean => child.kind === "Leader"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Child {
  /** The id: `kind/key`. */
  readonly id: string
  readonly kind: string
  /** A well-mixed hash of the id. 32 bits. */
  readonly hash: number
}

/**
 * A node, as a score function sees it.
 *
 * @example
 * ```ts
 * import { Placement } from "effect-pogo"
 *
 * const isLarge = (node: Placement.Node): boolean => node.labels["size"] === "large"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
interface PlacementNode {
  readonly name: string
  /** The node's share of the children, relative to the others'. */
  readonly weight: number
  readonly labels: Labels
  /** A well-mixed hash of the name. 32 bits. */
  readonly hash: number
}

export type { PlacementNode as Node }

/**
 * The placement of a scope: its score function, which must be pure, and the same on every node. By default
 * {@link rendezvous}.
 *
 * @example
 * ```ts
 * import { Placement } from "effect-pogo"
 * import { Layer } from "effect"
 *
 * // all children of the kind "Leader" on the node whose name is first in the alphabet; the others as usual
 * const LeadersFirst = Layer.succeed(Placement.Placement, {
 *   score: (child, node) =>
 *     child.kind === "Leader" ? -node.name.charCodeAt(0) : Placement.rendezvous(child, node)
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Placement extends Context.Reference<Placement>()("effect-pogo/Placement", {
  defaultValue: (): {
    /**
     * The score of a child on a node; the highest wins, and a tie goes to the lower session name. Where it throws, or is
     * `NaN`, the child is not for that node: one that has no node left is `Pending` with that reason.
     */
    readonly score: (child: Child, node: PlacementNode) => number
  } => ({ score: rendezvous })
}) {}

/**
 * The default score: consistent hashing by highest random weight, with weights. `-weight / ln(u)`, where `u` is the
 * pair's hash in (0, 1).
 *
 * @example
 * ```ts
 * import { Placement } from "effect-pogo"
 *
 * // as by default, but children of the kind "Batch" keep off small nodes while there are others
 * const KeepOff = Placement.layer((child, node) =>
 *   child.kind === "Batch" && node.labels["size"] === "small" ? -1 : Placement.rendezvous(child, node)
 * )
 * ```
 *
 * Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); the weights as in Schindelhauer and
 * Schomaker, "Weighted distributed hash tables" (2005).
 *
 * @since 0.1.0
 * @category constructors
 */
export const rendezvous = (child: Child, node: PlacementNode): number =>
  -node.weight / Math.log((mix(child.hash ^ node.hash) + 0.5) / 2 ** 32)

/**
 * The layer of a placement by a score function of one's own. Provide the same one to every node of the scope.
 *
 * @example
 * ```ts
 * import { Placement, Pogo } from "effect-pogo"
 * import { Layer } from "effect"
 *
 * // each child on the node whose name is first in the alphabet
 * const First = Placement.layer((_child, node) => -node.name.charCodeAt(0))
 * const NodeLive = Pogo.layerMemory().pipe(Layer.provide(First))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (score: (child: Child, node: PlacementNode) => number): Layer.Layer<never> =>
  Layer.succeed(Placement, { score })
