/**
 * What reconciling a set tells: its plan, and the errors that hold one.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { textOf } from "./runtime/jsonSchema.js"

/**
 * A child in a plan, and why it is there.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedChild {
  /** Id of the child: `kind/key`. */
  readonly id: `${string}/${string}`
  readonly why: string
}

/**
 * What a reconcile does, or would do, to each child. Of one that was carried out it says what became of each.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReconcilePlan {
  /** Listed and not registered. */
  readonly create: ReadonlyArray<PlannedChild>
  /** Listed and registered with other content. */
  readonly replace: ReadonlyArray<PlannedChild>
  /** Untouched: their runs go on. Those that were taken over from the unnamed set are among them. */
  readonly keep: ReadonlyArray<PlannedChild>
  /** Members of the set that are not listed. */
  readonly terminate: ReadonlyArray<PlannedChild>
  /** Listed, and members of another named set: not touched. */
  readonly foreign: ReadonlyArray<PlannedChild>
  /** Given up: other calls changed them each time, or their record cannot be read. The next reconcile tries again. */
  readonly contended: ReadonlyArray<PlannedChild>
  /** Of a dry run: why the reconcile itself would be refused (`ReconcileRefused`). Else missing. */
  readonly refused?: "EmptyList" | "TooManyEnds"
}

const Children = Schema.Array(Schema.Struct({ id: textOf<PlannedChild["id"]>(), why: Schema.String }))

const Plan = Schema.Struct({
  create: Children,
  replace: Children,
  keep: Children,
  terminate: Children,
  foreign: Children,
  contended: Children
})

const nameOf = ({ kind, set }: { readonly kind: string; readonly set: string | undefined }): string =>
  set === undefined ? `reconcile of ${kind}` : `reconcile of ${kind}, set "${set}"`

/**
 * A reconcile would end more children than it may: the list may be incomplete. Nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReconcileRefused extends Schema.TaggedError<ReconcileRefused>("effect-pogo/ReconcileRefused")(
  "ReconcileRefused",
  {
    kind: Schema.String,
    set: Schema.UndefinedOr(Schema.String),
    reason: Schema.Literal("EmptyList", "TooManyEnds"),
    /** How many children it may end: `maxTerminate`. */
    limit: Schema.Number,
    /** How many the set has. */
    members: Schema.Number,
    plan: Plan
  }
) {
  override get message(): string {
    const ends = this.plan.terminate.length
    return this.reason === "EmptyList"
      ? `${
        nameOf(this)
      }: the list is empty, and would end all ${ends} children; nothing was changed: give allowEmpty ` +
        `if that is meant`
      : `${
        nameOf(this)
      }: would end ${ends} of ${this.members} children, above the limit of ${this.limit}; nothing was ` +
        `changed: look at the list, or give a higher maxTerminate`
  }
}

/**
 * Another reconcile of the same set began after this one, and goes before it. What this one had changed by then stands;
 * the other, or the next, makes the set whole.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReconcileSuperseded extends Schema.TaggedError<ReconcileSuperseded>("effect-pogo/ReconcileSuperseded")(
  "ReconcileSuperseded",
  {
    kind: Schema.String,
    set: Schema.UndefinedOr(Schema.String),
    /** What was seen. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `${nameOf(this)}: superseded: ${this.detail}; read the list anew before the next one`
  }
}
