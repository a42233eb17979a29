/**
 * What happens in a supervisor, as seen from one node: `Pogo.events`. Events about runs of children come from the node
 * that runs them; `ChildMoved` and events about nodes come from every node.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ChildId } from "./ChildSpec.js"

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
  /** This node's code cannot decode the child's payload; it is left to others. */
  ChildRefused: { readonly id: ChildId; readonly node: string; readonly reason: string }
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
  /** One of this node's own loops died, and was started again. Its children were not touched. */
  LoopRestarted: { readonly node: string; readonly loop: string; readonly cause: string }
}>

/**
 * Constructors and matchers of the events.
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
export const {
  $is,
  $match,
  ChildExited,
  ChildFailed,
  ChildMoved,
  ChildOverdue,
  ChildRefused,
  ChildStarted,
  ChildStopped,
  DuplicateNode,
  EraChanged,
  ForeignData,
  LeaseAcquired,
  LeaseLost,
  LoopRestarted,
  NodeJoined,
  NodeLeft,
  SpecConflict
} = Data.taggedEnum<PogoEvent>()
