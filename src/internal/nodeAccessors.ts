/**
 * Accessors of `Pogo` about nodes: which there are, and what they are told to do.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { DirectiveError, InvalidConfig } from "../PogoError.js"
import type { DirectiveOptions, DirectiveResult, PlacementPlan, PlanChange, PogoNode } from "../PogoNode.js"
import { Pogo } from "./supervisorTag.js"

/**
 * The live nodes of the scope, with their kinds, labels, and whether they are cordoned or draining. Costs no call to the
 * registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nodes: Effect.Effect<ReadonlyArray<PogoNode>, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.nodes)

/**
 * Hands all children of this node over to others, and takes no new ones. Succeeds when none is left, or after the
 * `drainTimeout`, with the number of those that are left. Undone by `uncordon`.
 *
 * Not for a child's own finalizer, nor its body: it would wait for itself, until `drainTimeout`. Fork it there.
 *
 * @since 0.1.0
 * @category accessors
 */
export const drain: Effect.Effect<number, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.drain)

/**
 * Closes this node to new children; those that run here stay. Undone by `uncordon`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const cordon: Effect.Effect<void, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.cordon)

/**
 * Opens this node to children again, after `cordon` or `drain`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const uncordon: Effect.Effect<void, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.uncordon)

/**
 * Tells the node of a name, from any node or client, to take no new children; it keeps those that run. The registry keeps
 * the directive under that name, until `uncordonNode`: a node that restarts under it starts cordoned.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const result = yield* Pogo.cordonNode("eu-3", { by: "alice", reason: "disk nearly full" })
 *   if (result._tag === "NoSuchNode") yield* Effect.logWarning("no node has that name; whoever takes it starts cordoned")
 *   for (const { cordoned, directive, name } of yield* Pogo.nodes) {
 *     yield* Effect.log(`${name}: ${cordoned ? `cordoned by ${directive?.by}: ${directive?.reason}` : "open"}`)
 *   }
 * })
 * program satisfies Effect.Effect<void, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const cordonNode = (
  name: string,
  options?: DirectiveOptions
): Effect.Effect<DirectiveResult, DirectiveError, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.cordonNode(name, options))

/**
 * Tells the node of a name, from any node or client, to give its children up in order and to take none. Answers when the
 * node has begun to. The node stays in the scope and takes nothing until `uncordonNode`, also after a restart under its
 * name.
 *
 * @example
 * ```ts
 * import { GroupRegistry, Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * // From a process of the operator's, which runs no children itself.
 * const empty = Effect.gen(function*() {
 *   const result = yield* Pogo.drainNode("eu-3", { by: "alice", reason: "kernel update" })
 *   yield* Effect.log(result._tag) // "Obeyed", "NoSuchNode", "NotUnderstood" or "Unanswered"
 *   const left = Effect.map(
 *     Pogo.nodes,
 *     (nodes) => nodes.filter(({ name }) => name === "eu-3").reduce((sum, { children }) => sum + children, 0)
 *   )
 *   yield* left.pipe(Effect.delay("1 second"), Effect.repeat({ until: (children) => children === 0 }))
 * })
 * empty.pipe(
 *   Effect.provide(Pogo.layerClient({ scope: "shop" })),
 *   Effect.provide(GroupRegistry.layerMemory)
 * ) satisfies Effect.Effect<void, unknown>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const drainNode = (
  name: string,
  options?: DirectiveOptions
): Effect.Effect<DirectiveResult, DirectiveError, Pogo> => Effect.flatMap(Pogo, (pogo) => pogo.drainNode(name, options))

/**
 * Lifts what `cordonNode` or `drainNode` told the node of a name. What that node did to itself, by `Pogo.cordon` or
 * `Pogo.drain`, stays until `Pogo.uncordon` there.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * const program = Pogo.uncordonNode("eu-3", { by: "alice", reason: "kernel updated" })
 * program satisfies Effect.Effect<unknown, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const uncordonNode = (
  name: string,
  options?: DirectiveOptions
): Effect.Effect<DirectiveResult, DirectiveError, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.uncordonNode(name, options))

/**
 * What would move if nodes were drained, gone, or new: which children would go where, which would run nowhere, and how
 * many each node would have. Changes nothing, and costs no call to the registry.
 *
 * By the rules of placement, on what this node knows of the scope, and with its own `placement`. Children that are about to
 * move anyway are among the moves. How many children a node takes (`maxChildren`) is known only of one that has no room:
 * whether the others have enough for all that would come cannot be told. With a node to add that has `rebalance: "onLoss"`
 * nothing moves to it; the plan is for one with `"always"`.
 *
 * Fails with `InvalidConfig` for a name that no live node has, or one to add that a live node has.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * // Replace a node: its children, and those that the new one takes from others.
 * const program = Effect.gen(function*() {
 *   const { moves, nodes, stops } = yield* Pogo.plan({ drain: "eu-3", add: { name: "eu-4", labels: { zone: "b" } } })
 *   yield* Effect.log(`${moves.length} children move, ${stops.length} have nowhere to go`)
 *   for (const { after, name, now } of nodes) yield* Effect.log(`${name}: ${now} -> ${after}`)
 * })
 * program satisfies Effect.Effect<void, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const plan = (change: PlanChange): Effect.Effect<PlacementPlan, InvalidConfig, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.plan(change))
