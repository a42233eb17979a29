/**
 * Nodes: the members of a scope, as `Pogo.nodes` tells them.
 *
 * @since 0.1.0
 */
import type { Labels } from "./ChildSpec.js"

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
  /** The kinds that it can run. */
  readonly kinds: { readonly [kind: string]: KindVersion }
  /** It keeps what it has, and takes no new children. */
  readonly cordoned: boolean
  /** It gives its children up. */
  readonly draining: boolean
  /** Another live node has the same name. */
  readonly duplicate: boolean
  /** Children that it holds a claim on, as far as this node knows. */
  readonly children: number
}
