/**
 * What a node can tell of a child: how it is doing, where, and why.
 *
 * @since 0.1.0
 */
import type { ChildType } from "./ChildSpec.js"

/**
 * How a child is doing. `Pending`: no node runs it, and why. `Overdue`: it was told to end, and takes longer than its
 * shutdown allows. `Failed`: its restart policy is spent, or no code can read its payload.
 *
 * @since 0.1.0
 * @category models
 */
export type ChildStatus =
  | { readonly _tag: "Pending"; readonly reason: string }
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Running" }
  | { readonly _tag: "Restarting"; readonly cause: string; readonly next: Date }
  | { readonly _tag: "Stopping" }
  | { readonly _tag: "Overdue" }
  | { readonly _tag: "Failed"; readonly cause: string }

/**
 * A child as this node knows it. What happens elsewhere is known here some milliseconds later. Rows are frozen and shared by
 * those who ask: leave their dates as they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChildRow {
  readonly id: string
  readonly kind: string
  readonly key: string
  readonly type: ChildType
  /** Name of the node that holds its claim. */
  readonly node: string | undefined
  readonly status: ChildStatus
  /** Fencing token of that claim. */
  readonly token: bigint | undefined
  /** Stamp of the spec; another one after `restartChild` and `replaceChild`. */
  readonly generation: bigint
  /** Restarts since it was last healthy, wherever they happened. */
  readonly restarts: number
  /** Since when it has its status. */
  readonly since: Date | undefined
}

/**
 * Children by status.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChildCounts {
  /** All that are registered, or still being stopped. */
  readonly specs: number
  readonly running: number
  readonly pending: number
  readonly failed: number
  /** Starting, restarting, stopping, overdue. */
  readonly other: number
  readonly workers: number
  readonly supervisors: number
}

/**
 * Everything that a node knows of a child's placement, and a text that tells it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly id: string
  /** Its row; none if it is not registered. */
  readonly row: ChildRow | undefined
  /** Name of the node where it belongs; none if no node can take it. */
  readonly belongs: string | undefined
  /** All live nodes, best first, and why those at the end cannot take it. */
  readonly nodes: ReadonlyArray<{
    readonly name: string
    readonly session: string
    readonly obstacle: string | undefined
  }>
  /** What it last died of. */
  readonly lastCause: string | undefined
  /** When it is tried next. */
  readonly next: Date | undefined
  /** When it was ended, if it was. */
  readonly ended: "terminated" | "ended" | undefined
  /** This node has no lease at the moment, or is shut down: the rest is what it last knew. */
  readonly stale: boolean
  /** All of this in words. */
  readonly text: string
}
