/**
 * Child specs: data that says which child to run, and how. A spec is serializable, is the same on every node, and names
 * the code that runs it by its kind.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { attempt } from "./internal/runtime/userCode.js"
import { describe, objectionToId } from "./internal/runtime/userInput.js"
import { type ChildId, InvalidChildId, InvalidChildSpec } from "./PogoError.js"

export type {
  /**
   * Id of a child, `kind/key`: unique in its scope. The `id` of a kind makes one from a key, `parseId` from any text.
   *
   * @since 0.1.0
   * @category models
   */
  ChildId
}

/**
 * The id in a text of somebody else's: a database, a URL, a command line. Fails with `InvalidChildId` where the text is
 * no id. That there is such a child, or such a kind, is not asked.
 *
 * @example
 * ```ts
 * import { ChildSpec, Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * const terminate = (text: string) => Effect.flatMap(ChildSpec.parseId(text), Pogo.terminateChild)
 * terminate("Poller/device-7") satisfies Effect.Effect<unknown, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseId = (text: string): Either.Either<ChildId, InvalidChildId> => {
  const wrong = objectionToId(text)
  return wrong === undefined
    ? Either.right(text as ChildId)
    : Either.left(new InvalidChildId({ value: describe(text), ...wrong }))
}

/**
 * Shutdown of a child: the time that it has to end when it is stopped, in milliseconds, before it is reported as overdue.
 * `"infinity"` never reports it, `"brutalKill"` at once. Whatever the shutdown, a child keeps its claim until its fiber
 * has ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Shutdown = "brutalKill" | "infinity" | number

/**
 * Type of a child: a worker does work, a supervisor has children of its own. As in OTP they differ in their default
 * shutdown: 5 seconds for workers, infinity for supervisors.
 *
 * @since 0.1.0
 * @category models
 */
export type ChildType = "worker" | "supervisor"

/**
 * Labels by name: those that a node has, or that a child requires or prefers.
 *
 * @since 0.1.0
 * @category models
 */
export type Labels = { readonly [name: string]: string }

const LabelsSchema = Schema.Record({ key: Schema.String, value: Schema.String })

/**
 * A child spec, with its payload encoded. Two specs have the same content when all their fields are equal.
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
  /** Name of the kind. No `/`. */
  kind: Schema.String,
  /** Key of the child, unique within its kind. */
  key: Schema.String,
  /** Version of the kind's code that encoded the payload: only nodes of this version or a later one run the child. */
  version: Schema.optionalWith(Schema.Number, { default: () => 1 }),
  /** Payload as the kind's schema encodes it: plain JSON. */
  payload: Schema.Unknown,
  /** Default `"worker"`. */
  type: Schema.optionalWith(Schema.Literal("worker", "supervisor"), { default: () => "worker" as const }),
  /** Restart type, in place of the kind's. */
  restart: Schema.optional(Schema.Literal("permanent", "transient", "temporary")),
  /** Shutdown, in place of the kind's. A number is milliseconds. */
  shutdown: Schema.optional(Schema.Union(Schema.Literal("brutalKill", "infinity"), Schema.Number)),
  /** Labels that a node must have to run the child. */
  requires: Schema.optionalWith(LabelsSchema, { default: () => ({}) }),
  /** Labels that a node should have: the nodes with most of them come first. */
  prefers: Schema.optionalWith(LabelsSchema, { default: () => ({}) })
}) {
  /** Id of the child, unique in the scope: `kind/key`. */
  get id(): ChildId {
    return `${this.kind}/${this.key}`
  }
}

/**
 * The spec of a registered child, and what the scope keeps of it: from `Pogo.getSpec`. The `payloadOf` of its kind decodes
 * its payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredSpec {
  readonly spec: ChildSpec
  /** The set of its kind that it is a member of, by `Pogo.reconcile`; none for the unnamed one. No part of the content. */
  readonly set: string | undefined
  /** Digest of the content, 16 hexadecimal digits: as in the child's row. */
  readonly digest: string
  /** `restartChild` and `replaceChild` make a new one. */
  readonly generation: bigint
}

/**
 * Options of a single spec, in place of what its kind says.
 *
 * @since 0.1.0
 * @category models
 */
interface SpecOptions {
  /** Restart type, in place of the kind's. */
  readonly restart?: "permanent" | "transient" | "temporary" | undefined
  /** Shutdown, in place of the kind's. */
  readonly shutdown?: Duration.DurationInput | "brutalKill" | "infinity" | undefined
  /** Labels that a node must have to run the child. Default none. */
  readonly requires?: Labels | undefined
  /** Labels that a node should have: the nodes with most of them come first. Default none. */
  readonly prefers?: Labels | undefined
}

export type { SpecOptions as Options }

/**
 * Mark of drafts, which tells them from specs.
 *
 * @since 0.1.0
 * @category symbols
 */
export const DraftTypeId: unique symbol = Symbol.for("effect-pogo/ChildSpec/Draft")

/**
 * Draft of a spec, whose payload is not encoded yet: what the `spec` of a kind makes. A payload that does not fit its
 * schema fails the call that the draft is given to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Draft {
  readonly [DraftTypeId]: typeof DraftTypeId
  readonly kind: string
  readonly key: string
  /** Id of the child, unique in the scope: `kind/key`. */
  readonly id: ChildId
  /** Checks and encodes the payload. */
  readonly encode: Effect.Effect<ChildSpec, InvalidChildSpec>
}

/**
 * Input of `startChild`: a spec, or the draft of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Any = ChildSpec | Draft

/**
 * Encodes a draft; a spec is passed on as it is.
 *
 * @example
 * ```ts
 * import { Child, ChildSpec } from "effect-pogo"
 * import { Duration, Effect, Schema } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: { every: Schema.DurationFromMillis } })
 *
 * const spec = ChildSpec.encode(Poller.spec("home", { every: Duration.seconds(5) }))
 * spec satisfies Effect.Effect<ChildSpec.ChildSpec, unknown>
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const encode = (spec: Any): Effect.Effect<ChildSpec, InvalidChildSpec> =>
  Effect.suspend(() => {
    const refused = (problem: string) =>
      Effect.fail(
        new InvalidChildSpec({
          id: "",
          field: "spec",
          value: describe(spec),
          problem,
          remedy: "make one with the `spec` of a kind"
        })
      )
    const drafted = attempt(() => isDraft(spec) ? spec.encode : undefined)
    if (Either.isLeft(drafted)) return refused(`threw when it was read: ${drafted.left}`)
    if (drafted.right !== undefined) return drafted.right
    return typeof spec === "object" && spec !== null ? Effect.succeed(spec as ChildSpec) : refused("is no child spec")
  })

const isDraft = (spec: unknown): spec is Draft => typeof spec === "object" && spec !== null && DraftTypeId in spec
