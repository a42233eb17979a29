/**
 * Status of children: how a child is doing, on which node, and why.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ChildId, ChildType } from "./ChildSpec.js"
import { type Json, lazily, orUndefined, textOf } from "./internal/runtime/jsonSchema.js"

/**
 * Status of a child.
 *
 * - `Pending`: no node runs it; `reason` says why.
 * - `Starting`: it is being built: a layer, or the handlers of a kind with a protocol.
 * - `Running`
 * - `Restarting`: its last run ended with `cause`; the next begins at `next`.
 * - `Stopping`: it was told to end.
 * - `Overdue`: it was told to end, or its run has ended, crashed or not started in time, and it takes longer to come to
 *   its end than its shutdown allows; `reason` says which.
 * - `Failed`: its restart policy is spent, or no node's code can read its payload. `Pogo.restartChild` brings it back.
 *
 * @example
 * ```ts
 * import type { ChildInfo } from "effect-pogo"
 *
 * const describe = (status: ChildInfo.ChildStatus): string =>
 *   status._tag === "Restarting" ? `next try at ${status.next.toISOString()}` : status._tag
 * ```
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
  | { readonly _tag: "Overdue"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly cause: string }

/**
 * Row of a child: what this node knows of it. Changes on other nodes are known here some milliseconds later. Rows are
 * frozen, and shared by those who ask: leave their dates as they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChildRow {
  readonly id: ChildId
  readonly kind: string
  readonly key: string
  readonly type: ChildType
  /** Name of the node that holds its claim, if one does. */
  readonly node: string | undefined
  readonly status: ChildStatus
  /** Fencing token of that claim. */
  readonly token: bigint | undefined
  /** Generation of the spec: `restartChild` and `replaceChild` make a new one. */
  readonly generation: bigint
  /** Restarts since it was last healthy, on whatever nodes. */
  readonly restarts: number
  /** Time since which it has its status. */
  readonly since: Date | undefined
  /** The set of its kind that it is a member of, by `Pogo.reconcile`; none for the unnamed one. */
  readonly set: string | undefined
  /**
   * Digest of its spec's content, 16 hexadecimal digits: specs with the same content have the same, whatever their set.
   * None for a child that has ended and is still being stopped.
   */
  readonly digest: string | undefined
  /** The `revision` of the node that has it, where that node has one. */
  readonly revision?: string | undefined
  /** Of a child that does not run: name of the node that ran it last, as far as that is known. */
  readonly lastNode?: string | undefined
  /** Of a child that does not run: fencing token under which it ran last. */
  readonly lastToken?: bigint | undefined
  /** Of a child that does not run: how its last run ended. */
  readonly lastExit?: string | undefined
  /** Of a failed child: when it failed. */
  readonly failedAt?: Date | undefined
  /**
   * Present while nodes of a newer revision are there that could not run it: nodes of another one do. `restartChild` and
   * `replaceChild` have that revision try it again; another revision tries it by itself.
   */
  readonly heldBack?: { readonly revision: string; readonly since: Date; readonly cause: string } | undefined
  /**
   * Present if this may no longer be true, with the time since when: the node that tells it has no lease, or is closed; a
   * client does not reach the registry, or found nobody alive who would have renewed a lease.
   */
  readonly staleSince?: Date | undefined
}

const Id = textOf<ChildId>()

/**
 * Schema of a status, to and from JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChildStatus: Schema.Schema<ChildStatus, Json<ChildStatus>> = lazily(() =>
  Schema.Union(
    Schema.Struct({ _tag: Schema.Literal("Pending"), reason: Schema.String }),
    Schema.Struct({ _tag: Schema.Literal("Starting") }),
    Schema.Struct({ _tag: Schema.Literal("Running") }),
    Schema.Struct({ _tag: Schema.Literal("Restarting"), cause: Schema.String, next: Schema.Date }),
    Schema.Struct({ _tag: Schema.Literal("Stopping") }),
    Schema.Struct({ _tag: Schema.Literal("Overdue"), reason: Schema.String }),
    Schema.Struct({ _tag: Schema.Literal("Failed"), cause: Schema.String })
  )
)

/**
 * Schema of a row, to and from JSON: token and generation are text there, since JSON has no bigints, and times ISO 8601.
 * `JSON.stringify` writes the same of a row that comes from `Pogo`.
 *
 * @example
 * ```ts
 * import { ChildInfo, Pogo } from "effect-pogo"
 * import { Effect, Schema } from "effect"
 *
 * const rows = Schema.encode(Schema.Array(ChildInfo.ChildRow))
 * const body = Effect.flatMap(Pogo.whichChildren("global"), rows)
 * body satisfies Effect.Effect<unknown, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChildRow: Schema.Schema<ChildRow, Json<ChildRow>> = lazily(() =>
  Schema.Struct({
    id: Id,
    kind: Schema.String,
    key: Schema.String,
    type: Schema.Literal("worker", "supervisor"),
    node: orUndefined(Schema.String),
    status: ChildStatus,
    token: orUndefined(Schema.BigInt),
    generation: Schema.BigInt,
    restarts: Schema.Number,
    since: orUndefined(Schema.Date),
    set: orUndefined(Schema.String),
    digest: orUndefined(Schema.String),
    revision: Schema.optionalWith(Schema.String, { exact: true }),
    lastNode: Schema.optionalWith(Schema.String, { exact: true }),
    lastToken: Schema.optionalWith(Schema.BigInt, { exact: true }),
    lastExit: Schema.optionalWith(Schema.String, { exact: true }),
    failedAt: Schema.optionalWith(Schema.Date, { exact: true }),
    heldBack: Schema.optionalWith(
      Schema.Struct({ revision: Schema.String, since: Schema.Date, cause: Schema.String }),
      { exact: true }
    ),
    staleSince: Schema.optionalWith(Schema.Date, { exact: true })
  }) as unknown as Schema.Schema<ChildRow, Json<ChildRow>>
)

/**
 * Numbers of children, by status and by type.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChildCounts {
  /** All children that are registered, or still being stopped. */
  readonly specs: number
  readonly running: number
  readonly pending: number
  readonly failed: number
  /** Children that are starting, restarting, stopping or overdue. */
  readonly other: number
  readonly workers: number
  readonly supervisors: number
  /** Present if the numbers may no longer be true: see `ChildRow`. */
  readonly staleSince?: Date | undefined
}

/**
 * Explanation of a child's placement: everything that this node knows of it, and a text that tells it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly id: ChildId
  /** Row of the child; none if it is not registered. */
  readonly row: ChildRow | undefined
  /** Name of the node where it belongs; none if no node can take it. */
  readonly belongs: string | undefined
  /** All live nodes, best first; those at the end cannot take it, and `obstacle` says why. */
  readonly nodes: ReadonlyArray<{
    readonly name: string
    readonly session: string
    readonly obstacle: string | undefined
  }>
  /** Cause of its last crash. */
  readonly lastCause: string | undefined
  /** Time of its next start. */
  readonly next: Date | undefined
  /** How it ended for good: by `terminateChild`, or by itself. */
  readonly ended: "terminated" | "ended" | undefined
  /** Whether this is old: the node has no lease at the moment, or is shut down, and tells what it last knew. */
  readonly stale: boolean
  /** Since when it is old. */
  readonly staleSince: Date | undefined
  /** The explanation in words, for operators. */
  readonly text: string
}

/**
 * Schema of an explanation, to and from JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Explanation: Schema.Schema<Explanation, Json<Explanation>> = lazily(() =>
  Schema.Struct({
    id: Id,
    row: orUndefined(ChildRow),
    belongs: orUndefined(Schema.String),
    nodes: Schema.Array(
      Schema.Struct({ name: Schema.String, session: Schema.String, obstacle: orUndefined(Schema.String) })
    ),
    lastCause: orUndefined(Schema.String),
    next: orUndefined(Schema.Date),
    ended: orUndefined(Schema.Literal("terminated", "ended")),
    stale: Schema.Boolean,
    staleSince: orUndefined(Schema.Date),
    text: Schema.String
  })
)
