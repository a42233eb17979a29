/**
 * How the layer of a kind makes the kind known to a supervisor, and takes it away again.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { KindConflict } from "../PogoError.js"
import type { Registration } from "./supervisor/registration.js"

/** @internal */
export interface Registrar {
  /**
   * Registers a kind for as long as the scope lives. When it closes, the kind's children here are stopped and handed
   * over before anything that was acquired earlier is released.
   */
  readonly register: (registration: Registration) => Effect.Effect<void, KindConflict, Scope.Scope>
}
