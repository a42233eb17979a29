/**
 * What happens in a supervisor, as seen from one node: `Pogo.events`. Events about runs of children come from the node
 * that runs them; `ChildMoved` and events about nodes come from every node.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import type { ChildId } from "./ChildSpec.js"
import { type Json, lazily, orUndefined, textOf } from "./internal/runtime/jsonSchema.js"
import { plainFields } from "./internal/runtime/plainJson.js"

/**
 * Why a child was stopped.
 *
 * @since 0.1.0
 * @category models
 */
export type StopReason =
  | "terminated"
  | "replaced"
  | "moved"
  | "drained"
  | "kindClosed"
  | "claimLost"
  | "fenced"
  | "shutdown"

/**
 * An event. `node` is the name of the node that it happened on.
 *
 * @since 0.1.0
 * @category models
 */
export type PogoEvent = Data.TaggedEnum<{
  /** A run of a child began. */
  ChildStarted: {
    readonly id: ChildId
    readonly node: string
    readonly token: bigint
    /** 1 for the first run on this node. */
    readonly attempt: number
  }
  /** A run ended by itself. `restartIn` is the delay in milliseconds, `undefined` when it is not restarted. */
  ChildExited: {
    readonly id: ChildId
    readonly node: string
    readonly token: bigint
    readonly cause: string
    readonly restartIn: number | undefined
  }
  /** A child was stopped, its finalizers ran, and this node no longer runs it. */
  ChildStopped: {
    readonly id: ChildId
    readonly node: string
    readonly token: bigint
    readonly reason: StopReason
  }
  /** A child has another owner than before; seen by every node. */
  ChildMoved: {
    readonly id: ChildId
    /** Names of the nodes. */
    readonly from: string
    readonly to: string
    readonly token: bigint
  }
  /** A restart policy is spent: the child is parked until `restartChild`. */
  ChildFailed: { readonly id: ChildId; readonly node: string; readonly token: bigint; readonly cause: string }
  /**
   * A child that was stopped takes longer to end than its shutdown allows; or, with the reason `"ended"`, one whose run
   * ended, crashed or did not start in time: its finalizers, or an uninterruptible region, go on. It keeps its claim until
   * it has ended. `cause` says it in words.
   */
  ChildOverdue: {
    readonly id: ChildId
    readonly node: string
    readonly token: bigint
    readonly reason: StopReason | "ended"
    readonly cause: string
  }
  /**
   * The revision of this node's release, the newest one, cannot run the child, and nodes of another revision run it as long
   * as there are any: its last starts here failed, three in a row, or as many as its restart policy allows.
   */
  ChildHeldBack: {
    readonly id: ChildId
    readonly node: string
    readonly token: bigint
    readonly revision: string
    readonly cause: string
  }
  /** This node's code cannot decode the child's payload; it is left to others. */
  ChildRefused: { readonly id: ChildId; readonly node: string; readonly reason: string }
  /** The state that the child had stored was lost with the registry's data, and no node gave it back: it has none. */
  StateLost: { readonly id: ChildId; readonly node: string; readonly token: bigint }
  /** The placement's score for the child on the node `on` threw, or is no number: the child is not for that node. */
  ChildUnplaced: { readonly id: ChildId; readonly node: string; readonly on: string; readonly reason: string }
  /** An initial child of this node's list exists with other content; the old one stays. */
  SpecConflict: { readonly id: ChildId; readonly node: string }
  /** This node may run children from now on. */
  LeaseAcquired: { readonly node: string; readonly session: string }
  /** This node could not renew its lease, and stopped its children. */
  LeaseLost: { readonly node: string; readonly session: string; readonly reason: string }
  /** The registry's data is another set than before: lost, restored, or served by another server. */
  EraChanged: { readonly node: string; readonly session: string }
  NodeJoined: { readonly node: string; readonly session: string }
  NodeLeft: { readonly node: string; readonly session: string }
  /** Two live nodes have one name. */
  DuplicateNode: { readonly node: string; readonly sessions: ReadonlyArray<string> }
  /** A record in the registry is not ours, or is damaged. It is left alone. */
  ForeignData: { readonly id: string; readonly part: string }
  /**
   * A reconcile that this node was asked for, or one of its list of code, has made a set equal to its list. The numbers
   * are those of its plan.
   */
  Reconciled: {
    /** `*` for a list of code (`Pogo.exactly`), whose set is over all kinds. */
    readonly kind: string
    /** `undefined` for the kind's unnamed set; `=name` for a list of code. */
    readonly set: string | undefined
    readonly node: string
    readonly created: number
    readonly replaced: number
    readonly terminated: number
    readonly kept: number
    readonly foreign: number
    readonly contended: number
  }
  /**
   * The lists of this name (`Pogo.exactly`) of this node and of `others`, by their names, have differed for 20 `ttl`: nothing
   * is ended or replaced meanwhile.
   */
  ListsDiffer: { readonly name: string; readonly node: string; readonly others: ReadonlyArray<string> }
  /** One of this node's own loops died, and was started again. Its children were not touched. */
  LoopRestarted: { readonly node: string; readonly loop: string; readonly cause: string }
}>

/**
 * Matchers of the events.
 *
 * @example
 * ```ts
 * import { Pogo, PogoEvent } from "effect-pogo"
 * import { Effect, Stream } from "effect"
 *
 * const failures = Pogo.events.pipe(
 *   Stream.filter(PogoEvent.$is("ChildFailed")),
 *   Stream.runForEach(({ cause, id }) => Effect.logError(`${id} gave up: ${cause}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const { $is, $match } = Data.taggedEnum<PogoEvent>()

/** Equal by value, as all data of Effect, and writable by `JSON.stringify`. */
const prototype: object = Object.assign(Object.create(Object.getPrototypeOf(Data.struct({})) as object) as object, {
  toJSON(this: object): object {
    return plainFields(this)
  }
})

type Make<Tag extends PogoEvent["_tag"]> = Data.Case.Constructor<Extract<PogoEvent, { readonly _tag: Tag }>, "_tag">

const make = <Tag extends PogoEvent["_tag"]>(_tag: Tag): Make<Tag> => (fields) =>
  Object.assign(Object.create(prototype) as object, fields, { _tag }) as never

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildExited = make("ChildExited")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildFailed = make("ChildFailed")

/**
 * Makes the event.
 *
 * @since 0.2.0
 * @category constructors
 */
export const ChildHeldBack = make("ChildHeldBack")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildMoved = make("ChildMoved")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildOverdue = make("ChildOverdue")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildRefused = make("ChildRefused")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildStarted = make("ChildStarted")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildStopped = make("ChildStopped")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const StateLost = make("StateLost")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ChildUnplaced = make("ChildUnplaced")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const DuplicateNode = make("DuplicateNode")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const EraChanged = make("EraChanged")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ForeignData = make("ForeignData")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const LeaseAcquired = make("LeaseAcquired")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const LeaseLost = make("LeaseLost")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ListsDiffer = make("ListsDiffer")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const LoopRestarted = make("LoopRestarted")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const NodeJoined = make("NodeJoined")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const NodeLeft = make("NodeLeft")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SpecConflict = make("SpecConflict")

/**
 * Makes the event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Reconciled = make("Reconciled")

const Id = textOf<ChildId>()
const Text = Schema.String
const reasons = [
  "terminated",
  "replaced",
  "moved",
  "drained",
  "kindClosed",
  "claimLost",
  "fenced",
  "shutdown"
] as const satisfies ReadonlyArray<StopReason>

const of = <Tag extends string, Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.Struct({ _tag: Schema.Literal(tag), ...fields })

/** Fields that say which copy of a child an event is about. */
const copy = { id: Id, node: Text, token: Schema.BigInt }

/**
 * Schema of an event, to and from JSON: tokens are text there, since JSON has no bigints. `JSON.stringify` writes the
 * same of an event that comes from `Pogo.events`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PogoEvent: Schema.Schema<PogoEvent, Json<PogoEvent>> = lazily(() => {
  const session = { node: Text, session: Text }
  const Reason = Schema.Literal(...reasons)
  return Schema.Union(
    of("ChildStarted", { ...copy, attempt: Schema.NonNegativeInt }),
    of("ChildExited", { ...copy, cause: Text, restartIn: orUndefined(Schema.Number) }),
    of("ChildStopped", { ...copy, reason: Reason }),
    of("ChildMoved", { id: Id, from: Text, to: Text, token: Schema.BigInt }),
    of("ChildFailed", { ...copy, cause: Text }),
    of("ChildOverdue", { ...copy, reason: Schema.Literal("ended", ...reasons), cause: Text }),
    of("ChildHeldBack", { ...copy, revision: Text, cause: Text }),
    of("ChildRefused", { id: Id, node: Text, reason: Text }),
    of("StateLost", copy),
    of("ChildUnplaced", { id: Id, node: Text, on: Text, reason: Text }),
    of("SpecConflict", { id: Id, node: Text }),
    of("LeaseAcquired", session),
    of("LeaseLost", { ...session, reason: Text }),
    of("EraChanged", session),
    of("NodeJoined", session),
    of("NodeLeft", session),
    of("DuplicateNode", { node: Text, sessions: Schema.Array(Text) }),
    of("ForeignData", { id: Text, part: Text }),
    of("Reconciled", {
      kind: Text,
      set: orUndefined(Text),
      node: Text,
      created: Schema.NonNegativeInt,
      replaced: Schema.NonNegativeInt,
      terminated: Schema.NonNegativeInt,
      kept: Schema.NonNegativeInt,
      foreign: Schema.NonNegativeInt,
      contended: Schema.NonNegativeInt
    }),
    of("ListsDiffer", { name: Text, node: Text, others: Schema.Array(Text) }),
    of("LoopRestarted", { node: Text, loop: Text, cause: Text })
  )
})
