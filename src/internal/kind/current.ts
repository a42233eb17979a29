/**
 * Service that a running child finds in its context: itself, as its own code sees it.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ChildId } from "../../ChildSpec.js"
import type { ClaimLost, OutcomeUnknown, RegistryUnavailable } from "../../PogoError.js"

/**
 * A run of a child, as its own code sees it. Each run has one of its own, which is good until the run's end is decided:
 * the child is stopped or moved, the run ended or crashed, or the claim is lost. From that moment on `check` fails for
 * good, whoever still holds it: finalizers, promises, timers and daemon fibers that outlive the run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Current {
  /** Id of the child: `kind/key`. */
  readonly id: ChildId
  readonly kind: string
  readonly key: string
  /** Name of the node that it runs on. */
  readonly node: string
  /**
   * Fencing token of its claim. Every later owner has a higher one: a resource that refuses lower tokens than it has
   * seen is never written by two owners, whatever happens to clocks and networks. Runs of one claim share it: a resource
   * that must tell these apart too compares the pair of `token` and `attempt`.
   */
  readonly token: bigint
  /** Generation of its spec. */
  readonly generation: bigint
  /**
   * Number of the run under its claim: 1 for the first, 2 after one restart in place; 1 again under the next token. Later
   * runs of a child have a higher pair of (`token`, `attempt`).
   */
  readonly attempt: number
  /**
   * Check that this run may act, which at most one run of a child may at a time, on whatever node. Costs no call to the
   * registry; use it before every outside effect. In finalizers it fails: the end is decided when they run.
   */
  readonly check: Effect.Effect<void, ClaimLost>
  /**
   * Signal that this run may act no more, for good: its end is decided, or its claim is lost. The run is interrupted at
   * the same moment, if it has not ended. A lease that is only in doubt (`onRegistryLoss: "keep"`) does not complete it.
   */
  readonly lost: Effect.Effect<ClaimLost>
}

/**
 * Key of the function that ends a run as a failure. Registered, as all that copies of this package tell each other by:
 * a process may have loaded it twice.
 *
 * @internal
 */
export const Crash: unique symbol = Symbol.for("effect-pogo/Child/Crash")

/** The run behind a `Current`, as `Child.fork` uses it. One of a user's own making has none. */
export interface Crashable {
  readonly [Crash]?: (cause: Cause.Cause<unknown>) => void
}

/**
 * Key of a run's access to the state of its child; see `Crash`.
 *
 * @internal
 */
export const StateKey: unique symbol = Symbol.for("effect-pogo/Child/State")

/** A value of a child's state, as it is stored: JSON, and the version of the kind whose code wrote it. */
export interface StateText {
  readonly body: string
  readonly kindVersion: number
}

/** The state of a child, as its own code reaches it. */
export interface StateAccess {
  /** The newest value that was submitted under this claim, or came with it. */
  readonly newest: () => StateText | undefined
  /** Submits a value. The result waits until it, or a later one, is stored. */
  readonly submit: (
    text: StateText
  ) => Effect.Effect<Effect.Effect<void, ClaimLost | RegistryUnavailable | OutcomeUnknown>>
  /** Has one of the child's fibers at a time read and submit. */
  readonly lock: Effect.Semaphore
}

/** The run behind a `Current`, as a kind's `state` uses it. One of a user's own making has none. */
export interface WithState {
  readonly [StateKey]?: StateAccess | undefined
}

/** @internal */
export const Current: Context.Tag<Current, Current> = Context.GenericTag<Current>("effect-pogo/Child/Current")
