/**
 * Placement: which node should run a child.
 *
 * A placement is one pure function, the score of a child on a node. A child belongs to the eligible node on which it
 * scores highest. Since a score depends on that one pair only, movement is minimal whatever the function: when a node
 * joins, a child moves only if it scores higher there; when a node leaves, only its own children move.
 *
 * What a score cannot change: a child runs only on nodes that have its kind in its version or a later one, have the
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
 * What is known of a child when it is placed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Child {
  readonly id: string
  readonly kind: string
  /** A well-mixed hash of the id. 32 bits. */
  readonly hash: number
}

/**
 * What is known of a node when a child is placed on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Node {
  readonly name: string
  readonly weight: number
  readonly labels: Labels
  /** A well-mixed hash of its name. 32 bits. */
  readonly hash: number
}

/**
 * The score function. It must be pure, and the same on every node of the scope.
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
    /** The higher, the rather the child runs there. Never `NaN`; a tie goes to the lower session name. */
    readonly score: (child: Child, node: Node) => number
  } => ({ score: rendezvous })
}) {}

/**
 * Consistent hashing by highest random weight, with weights: `-weight / ln(u)`, where `u` is the pair's hash in (0, 1).
 *
 * Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); the weights as in Schindelhauer and
 * Schomaker, "Weighted distributed hash tables" (2005).
 *
 * @since 0.1.0
 * @category constructors
 */
export const rendezvous = (child: Child, node: Node): number =>
  -node.weight / Math.log((mix(child.hash ^ node.hash) + 0.5) / 2 ** 32)

/**
 * A placement by a score function of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (score: (child: Child, node: Node) => number): Layer.Layer<never> =>
  Layer.succeed(Placement, { score })
