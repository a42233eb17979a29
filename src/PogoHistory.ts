/**
 * History: what happened to children and nodes of a scope, as the registry keeps it for some days: `Pogo.history`, and
 * `Pogo.scopeEvents` as it happens.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { ChildId } from "./ChildSpec.js"
import { type Json, lazily, orUndefined, textOf } from "./internal/runtime/jsonSchema.js"

/**
 * What happened. To a child:
 *
 * - `claimed`: a node has the exclusive right to run it, under a new token.
 * - `running`: its run is up. `exited`: a run ended by itself, and `note` says how; another one follows.
 * - `overdue`: it takes longer to end than its shutdown allows.
 * - `stopped`: its node stopped it and gave the claim back. `note` is the reason, and `to` where it belongs from then on.
 *   `held back from v2: ..`: the revision of that node could not run it, and nodes of another one do.
 * - `refused`: the node's code cannot read its payload.
 * - `ended`: it ended for good, by itself. `failed`: it is parked until `restartChild`.
 * - `lost`: the session that held it had ended, and another one took it over, or is about to.
 * - `terminated`, `replaced`, `restarted`: somebody asked for that, through the node or client `by`. `registered`: the
 *   same, where the call said who asked, or why; others leave no such entry.
 *
 * To a node: `joined`; `left` in order, or replaced by a younger session of its own; `leaseLost`, since it did not renew;
 * `gone`, its process has ended, as a neighbour on the machine found; `cordoned`, `drained`, `uncordoned` by somebody.
 *
 * To the data: `era`, another data set than before.
 *
 * @since 0.2.0
 * @category models
 */
export type HistoryWhat = typeof whats[number]

const whats = [
  "claimed",
  "running",
  "exited",
  "overdue",
  "stopped",
  "refused",
  "ended",
  "failed",
  "lost",
  "registered",
  "terminated",
  "replaced",
  "restarted",
  "joined",
  "left",
  "leaseLost",
  "gone",
  "cordoned",
  "drained",
  "uncordoned",
  "era"
] as const

/**
 * One entry of the history.
 *
 * @since 0.2.0
 * @category models
 */
export interface HistoryEntry {
  /** By the registry's clock; of two entries the later one has no earlier time. */
  readonly at: Date
  /** Place among all entries, also over a loss of data: a number that only grows. */
  readonly position: bigint
  readonly what: HistoryWhat
  /** The child; none for what happened to a node. */
  readonly id: ChildId | undefined
  /** Name of the node that it happened on, or to. */
  readonly node: string | undefined
  /** The session of that node: another one after each start and each lost lease. */
  readonly session: string | undefined
  /** Fencing token of the claim. */
  readonly token: bigint | undefined
  /** Number of the run, from 1 under each claim; of several the last. */
  readonly attempt: number | undefined
  /** How many such events the entry stands for: a child that crashes all the time has few entries. */
  readonly count: number
  /** Cause, reason, or the session that was replaced; 200 bytes at most. */
  readonly note: string | undefined
  /** Who asked for it. */
  readonly by: string | undefined
  /** Name of the node where a child that was moved belongs. */
  readonly to: string | undefined
}

/**
 * What `Pogo.history` tells.
 *
 * @since 0.2.0
 * @category models
 */
export interface HistoryOptions {
  /** Entries from that time on, or of so long ago; all by default. */
  readonly since?: Date | Duration.DurationInput | undefined
  /** At most so many entries, the newest. Default 1,000. */
  readonly limit?: number | undefined
}

/** Whether this version knows what an entry tells. */
const known: ReadonlySet<string> = new Set(whats)

/**
 * Whether a word says what happened, for this version.
 *
 * @since 0.2.0
 * @category guards
 */
export const isHistoryWhat = (word: string): word is HistoryWhat => known.has(word)

/**
 * Schema of an entry, to and from JSON: token and position are text there, and times ISO 8601.
 *
 * @since 0.2.0
 * @category schemas
 */
export const HistoryEntry: Schema.Schema<HistoryEntry, Json<HistoryEntry>> = lazily(() =>
  Schema.Struct({
    at: Schema.Date,
    position: Schema.BigInt,
    what: Schema.Literal(...whats),
    id: orUndefined(textOf<ChildId>()),
    node: orUndefined(Schema.String),
    session: orUndefined(Schema.String),
    token: orUndefined(Schema.BigInt),
    attempt: orUndefined(Schema.Number),
    count: Schema.Number,
    note: orUndefined(Schema.String),
    by: orUndefined(Schema.String),
    to: orUndefined(Schema.String)
  })
)
