/**
 * Service that a running child finds in its context: itself, as its own code sees it.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ClaimLost } from "../../PogoError.js"

/**
 * A running child, as its own code sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Current {
  /** Id of the child: `kind/key`. */
  readonly id: string
  readonly kind: string
  readonly key: string
  /** Name of the node that it runs on. */
  readonly node: string
  /**
   * Fencing token of its claim. Every later owner has a higher one: a resource that refuses lower tokens than it has
   * seen is never written by two copies, whatever happens to clocks and networks.
   */
  readonly token: bigint
  /** Generation of its spec. */
  readonly generation: bigint
  /** Number of the run on this node: 1 for the first, 2 after one restart. */
  readonly attempt: number
  /**
   * Check of the claim: succeeds while this copy may act, which at most one copy may at a time. Costs no call to the
   * registry; use it before every outside effect.
   */
  readonly check: Effect.Effect<void, ClaimLost>
  /** Signal that the claim is lost for good. The child is interrupted at the same moment. */
  readonly lost: Effect.Effect<ClaimLost>
}

/** @internal */
export const Current: Context.Tag<Current, Current> = Context.GenericTag<Current>("effect-pogo/Child/Current")
