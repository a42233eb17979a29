/**
 * One run of a child: the service `Child.Current` that its code sees, good for this run only.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Runtime from "effect/Runtime"
import type { ChildId } from "../../ChildSpec.js"
import { ClaimLost } from "../../PogoError.js"
import { Crash, type Current, type StateAccess, StateKey } from "../kind/current.js"
import type { Timer } from "../runtime/environment.js"
import { plainFields } from "../runtime/plainJson.js"
import { tagOf } from "../runtime/userCode.js"

/** A child, as a run of it needs it. */
export interface RunOwner {
  readonly id: ChildId
  readonly kind: string
  readonly key: string
  readonly node: string
  readonly token: bigint
  readonly generation: bigint
  /** Runs under the claim so far, this one included. */
  readonly attempt: number
  /** True while the claim is certain to be this copy's. */
  readonly holds: boolean
  /** Ends a run as a failure with this cause. */
  readonly crashRun: (run: ChildRun, cause: Cause.Cause<unknown>) => void
  /** The end of a run is decided. */
  readonly runEnded: (run: ChildRun) => void
  /** The child's state, as a run's code reaches it; none if its kind has none. */
  readonly stateOf: (run: ChildRun) => StateAccess | undefined
}

/**
 * A run. From when its end is decided it may act no more, whoever still holds it: fibers and promises that outlive a run
 * keep it, while the next run of the same claim has another.
 */
export class ChildRun implements Current {
  readonly attempt: number
  /** Begin of the run. Elapsed milliseconds. */
  startedAt = 0
  /** When it was up: at once for an effect, after the build of a layer or of handlers. Elapsed milliseconds. */
  upAt = Infinity
  /** Whether it had been up for long when its code ended. */
  settled = false
  /** Context, fiber refs and flags of the run. */
  runtime: Runtime.Runtime<never> | undefined
  /** The handlers of the run, while they are up. */
  handlers: unknown
  /** How the run's own code ended, while its finalizers have not. */
  exit: Exit.Exit<unknown, unknown> | undefined
  /** Cause of an end that is brought about from outside the run's own code. */
  crashCause: Cause.Cause<unknown> | undefined
  /** The end of the time in which the run has to be up. */
  startEnd: Timer | undefined
  /** Why the run may act no more; empty until its end is decided. */
  private over = ""
  private signal: Deferred.Deferred<ClaimLost> | undefined

  constructor(readonly child: RunOwner) {
    this.attempt = child.attempt
  }

  get id(): ChildId {
    return this.child.id
  }

  get kind(): string {
    return this.child.kind
  }

  get key(): string {
    return this.child.key
  }

  get node(): string {
    return this.child.node
  }

  get token(): bigint {
    return this.child.token
  }

  get generation(): bigint {
    return this.child.generation
  }

  /** True once the run's end is decided. */
  get isOver(): boolean {
    return this.over !== ""
  }

  /** True while the run may act. */
  get holds(): boolean {
    return this.over === "" && this.child.holds
  }

  /** Decides the end of the run, for good. `reason`, for its code: why it may act no more. The first one stands. */
  end(reason: string): void {
    if (this.isOver) return
    this.over = reason
    this.handlers = undefined
    if (this.signal !== undefined) Deferred.unsafeDone(this.signal, Exit.succeed(this.claimLost()))
    this.child.runEnded(this)
  }

  get check(): Effect.Effect<void, ClaimLost> {
    return Effect.suspend(() => (this.holds ? Effect.void : Effect.fail(this.claimLost())))
  }

  get lost(): Effect.Effect<ClaimLost> {
    return Effect.suspend(() => {
      if (this.isOver) return Effect.succeed(this.claimLost())
      return this.signal ??= Deferred.unsafeMake(FiberId.none)
    })
  }

  [Crash](cause: Cause.Cause<unknown>): void {
    this.child.crashRun(this, cause)
  }

  get [StateKey](): StateAccess | undefined {
    return this.child.stateOf(this)
  }

  /** The end of the run as the restart policy is to see it: the cause of a crash in place of its interruption. */
  outcome(exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> {
    return this.crashCause === undefined ? exit : Exit.failCause(this.crashCause)
  }

  /** Plain, for loggers. */
  toJSON(): object {
    const { attempt, generation, id, key, kind, node, token } = this
    return plainFields({ id, kind, key, node, token, generation, attempt })
  }

  /** The error of a run that may act no more. `reason`: why, where its end is not decided. */
  claimLost(reason = "the node's lease is over, or in doubt"): ClaimLost {
    const { id, node, token } = this.child
    return new ClaimLost({ id, node, token, reason: this.over || reason })
  }
}

/** True if something failed with the `ClaimLost` of a `check`, by whatever copy of this package that was made. */
export const failedByCheck = (cause: Cause.Cause<unknown>): boolean =>
  Chunk.some(
    Chunk.appendAll(Cause.failures(cause), Cause.defects(cause)),
    (error) => tagOf(error) === "ClaimLost"
  )
