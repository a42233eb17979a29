/**
 * Child specs: data that says which child to run, and how. A spec is serializable, is the same on every node, and names
 * the code that runs it by its kind.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe } from "./internal/runtime/describe.js"
import { InvalidChildSpec } from "./PogoError.js"

/**
 * How a child's end is awaited. A duration is how long it may take before it is reported as *overdue*; `"infinity"`
 * never reports it, `"brutalKill"` at once. Whatever the mode, a child keeps its claim until its fiber has ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Shutdown = "brutalKill" | "infinity" | number

/**
 * A worker does work; a supervisor has children of its own. As in OTP they differ in their default shutdown: 5 seconds,
 * and infinity.
 *
 * @since 0.1.0
 * @category models
 */
export type ChildType = "worker" | "supervisor"

/**
 * Labels of a node that a child needs, or would rather have.
 *
 * @since 0.1.0
 * @category models
 */
export type Labels = { readonly [name: string]: string }

const LabelsSchema = Schema.Record({ key: Schema.String, value: Schema.String })

/**
 * A child spec. Two specs have the same content when all their fields are equal.
 *
 * Specs of a kind that is declared in code come from `Child.spec`; construct this class for specs that come as data.
 *
 * @example
 * ```ts
 * import { ChildSpec } from "effect-pogo"
 *
 * const spec = new ChildSpec.ChildSpec({ kind: "Poller", key: "device-7", payload: { host: "10.0.0.7" } })
 * spec.id // "Poller/device-7"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export class ChildSpec extends Schema.Class<ChildSpec>("effect-pogo/ChildSpec")({
  /** The kind's name. No `/`. */
  kind: Schema.String,
  /** Unique among the children of its kind. */
  key: Schema.String,
  /** Version of the kind's code that encoded the payload: only nodes of this version or a later one run the child. */
  version: Schema.optionalWith(Schema.Number, { default: () => 1 }),
  /** Encoded: plain JSON. */
  payload: Schema.Unknown,
  type: Schema.optionalWith(Schema.Literal("worker", "supervisor"), { default: () => "worker" as const }),
  /** Overrides the restart type of the kind. */
  restart: Schema.optional(Schema.Literal("permanent", "transient", "temporary")),
  /** Overrides the shutdown of the kind. A number is milliseconds. */
  shutdown: Schema.optional(Schema.Union(Schema.Literal("brutalKill", "infinity"), Schema.Number)),
  /** Labels that a node must have. */
  requires: Schema.optionalWith(LabelsSchema, { default: () => ({}) }),
  /** Labels that a node should have: one that has more of them is chosen first. */
  prefers: Schema.optionalWith(LabelsSchema, { default: () => ({}) })
}) {
  /** `kind/key`: unique in the scope. */
  get id(): string {
    return `${this.kind}/${this.key}`
  }
}

/**
 * What a single spec may say besides its payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Overrides the restart type of the kind. */
  readonly restart?: "permanent" | "transient" | "temporary" | undefined
  /** Overrides the shutdown of the kind. */
  readonly shutdown?: Duration.DurationInput | "brutalKill" | "infinity" | undefined
  /** Labels that a node must have to run this child. */
  readonly requires?: Labels | undefined
  /** Labels that a node should have. */
  readonly prefers?: Labels | undefined
}

/**
 * @since 0.1.0
 * @category symbols
 */
export const DraftTypeId: unique symbol = Symbol.for("effect-pogo/ChildSpec/Draft")

/**
 * A spec whose payload is not encoded yet: what `Child.spec` makes. A payload that does not fit its schema fails the
 * call that the draft is given to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Draft {
  readonly [DraftTypeId]: typeof DraftTypeId
  readonly kind: string
  readonly key: string
  readonly id: string
  readonly encode: Effect.Effect<ChildSpec, InvalidChildSpec>
}

/**
 * What `startChild` takes.
 *
 * @since 0.1.0
 * @category models
 */
export type Any = ChildSpec | Draft

/**
 * The spec itself, encoded if it was a draft.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encode = (spec: Any): Effect.Effect<ChildSpec, InvalidChildSpec> =>
  Effect.suspend(() => {
    if (isDraft(spec)) return spec.encode
    return typeof spec === "object" && spec !== null ? Effect.succeed(spec) : Effect.fail(
      new InvalidChildSpec({
        id: "",
        field: "spec",
        value: describe(spec),
        problem: "is no child spec",
        remedy: "make one with the `spec` of a kind"
      })
    )
  })

const isDraft = (spec: unknown): spec is Draft => typeof spec === "object" && spec !== null && DraftTypeId in spec
