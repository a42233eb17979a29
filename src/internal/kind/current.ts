/**
 * The service that every child finds in its context.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ClaimLost } from "../../PogoError.js"

/**
 * What a running child knows of itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Current {
  readonly id: string
  readonly kind: string
  readonly key: string
  /** Name of the node that it runs on. */
  readonly node: string
  /**
   * The fencing token of its claim. Every later owner has a higher one: a resource that refuses lower tokens than it has
   * seen is never written by two copies, whatever happens to clocks and networks.
   */
  readonly token: bigint
  /** Stamp of its spec. */
  readonly generation: bigint
  /** 1 for its first run on this node, 2 after one restart, ... */
  readonly attempt: number
  /**
   * Succeeds while this copy may act: in at most one copy at a time. Costs no call; use it before every outside effect.
   */
  readonly check: Effect.Effect<void, ClaimLost>
  /** Completes when the claim is lost for good. The child is interrupted at the same moment. */
  readonly lost: Effect.Effect<ClaimLost>
}

/** @internal */
export const Current: Context.Tag<Current, Current> = Context.GenericTag<Current>("effect-pogo/Child/Current")
