/**
 * What a node can be asked by others: its own view of the scope, and to give its children up.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ChildRow, Explanation } from "./ChildInfo.js"
import type { CallTimeout, NodeUnreachable } from "./PogoError.js"

/**
 * A node of the scope, wherever it is: see `Pogo.node`. Each call is answered by that node itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteNode {
  readonly name: string
  /** The children that it runs, or all of the scope, as it knows them. */
  readonly whichChildren: (
    of: "local" | "global"
  ) => Effect.Effect<ReadonlyArray<ChildRow>, NodeUnreachable | CallTimeout>
  /** What it knows of a child. */
  readonly explain: (id: string) => Effect.Effect<Explanation, NodeUnreachable | CallTimeout>
  /** Has it give up all of its children and take no new ones; tells how many are left. Undone by `uncordon`. */
  readonly drain: Effect.Effect<number, NodeUnreachable | CallTimeout>
  /** Has it take no new children, and keep those that run. */
  readonly cordon: Effect.Effect<void, NodeUnreachable | CallTimeout>
  /** Has it take children again. */
  readonly uncordon: Effect.Effect<void, NodeUnreachable | CallTimeout>
  /** Whether it holds a lease and knows its scope. */
  readonly ready: Effect.Effect<boolean, NodeUnreachable | CallTimeout>
}
