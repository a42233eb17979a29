/**
 * What the local supervisor needs of its node, and what it tells it.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as PogoEvent from "../../PogoEvent.js"
import type { StateAccess } from "../kind/current.js"
import type { Ambient, Timers } from "../runtime/environment.js"
import type { ChildRun } from "./childRun.js"
import type { LocalChild } from "./localChild.js"

/**
 * What follows a run that ended by itself: milliseconds until the next one, or why there is none here. `heldBack`: this
 * release cannot run the child, and nodes of another one do.
 */
export type AfterRun = number | "ended" | "failed" | "heldBack"

/** Callbacks about the runs of children, for tests that compare them with what the supervisor believes. */
export interface RunObserver {
  /** A run is forked. */
  readonly began: (child: LocalChild) => void
  /** A run has ended, its finalizers included. */
  readonly ended: (child: LocalChild) => void
}

/** The observer of a node's runs; by default nobody. */
export class Observer extends Context.Reference<Observer>()("effect-pogo/internal/Observer", {
  defaultValue: (): RunObserver => ({ began: () => {}, ended: () => {} })
}) {}

/** The node, as the supervisor needs it. Callbacks are synchronous, and must not throw. */
export interface Owner {
  readonly nodeName: string
  readonly ambient: Ambient
  readonly timers: Timers
  readonly leaseHolds: () => boolean
  /** Forks into the node's own scope. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  readonly observer: RunObserver
  /** A child is in another stage. */
  readonly changed: (child: LocalChild) => void
  /** A child that was stopped has ended, and is no longer here. */
  readonly stopped: (child: LocalChild) => void
  /** A child has ended for good, or has failed: the registry is to know. The child stays here until `forget`. */
  readonly finished: (child: LocalChild, how: "ended" | "failed") => void
  /** Publishes an event, which is made only if somebody listens. */
  readonly emit: (event: () => PogoEvent.PogoEvent) => void
  /** Whether nodes of another release are to run a child that this node, of the newest one, cannot. */
  readonly mayReturn: (child: LocalChild) => boolean
  /** A child is given back for that; it is no longer here. Told before `stopped`. */
  readonly heldBack: (child: LocalChild) => void
  /** A run ended by itself; for the log. */
  readonly exited: (child: LocalChild, next: AfterRun) => void
  /** A child, or a run, takes longer to end than it may; for the log. */
  readonly overdue: (child: LocalChild) => void
  /** A child waits for its own code for long; for the log. */
  readonly slow: (child: LocalChild, what: string) => void
  /** The end of a run is decided, of a child with a state; its claim is lost for good; and how its code reaches it. */
  readonly states: {
    readonly runEnded: (run: ChildRun, child: LocalChild) => void
    readonly mute: (id: string, token: number) => void
    readonly accessOf: (run: ChildRun, child: LocalChild) => StateAccess | undefined
  }
  /** Ends the process, since a child is overdue and its kind asks for that. */
  readonly exitProcess: (child: LocalChild) => void
}
