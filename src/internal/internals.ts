/**
 * The part of a supervisor's service that only this package uses.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Any } from "../ChildSpec.js"
import type { InvalidChildSpec, KindConflict, RegistryUnavailable } from "../PogoError.js"
import type { Router } from "./calls/client/router.js"
import type { SetCommands } from "./commands/setCommands.js"
import type { Registration } from "./kind/registration.js"
import type { Node } from "./node/node.js"
import type { StateRecord } from "./registry/childStates.js"

/** The key under which a supervisor's service keeps its internals. */
export const Internals: unique symbol = Symbol.for("effect-pogo/Pogo/Internals")

/** The internals of a supervisor. */
export interface Internals {
  /**
   * Registers a kind for as long as the scope lives. When it closes, the kind's children here are stopped and handed
   * over before anything that was acquired earlier is released.
   */
  readonly register: (registration: Registration) => Effect.Effect<void, KindConflict, Scope.Scope>
  /** Ends the supervisor as if its process had died: nothing is handed over, nobody is told. */
  readonly crash: Effect.Effect<void>
  /** Calls to children. */
  readonly router: Router
  /** Registers a child as a list of initial children does: one that was terminated stays so. Waits for the registry. */
  readonly keepListed: (spec: Any) => Effect.Effect<void, InvalidChildSpec>
  /** Reconciling, with the fence of the child that does it. */
  readonly sets: SetCommands
  /** Reads the stored state of a child; `undefined` for none. */
  readonly readState: (id: string) => Effect.Effect<StateRecord | undefined, RegistryUnavailable>
  /** The supervisor's node, for tests that look at its state. */
  readonly node: Node
}
