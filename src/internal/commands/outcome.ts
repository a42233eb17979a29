/**
 * The outcome of a command that changes something.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { OutcomeUnknown, type RegistryUnavailable } from "../../PogoError.js"
import { unavailable } from "../node/registryRequest.js"

/** Fails with `OutcomeUnknown` where a command was sent and not answered: its change may have been made. */
export const outcome = <A>(
  operation: string,
  { id, op }: { readonly id: string; readonly op: string },
  effect: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable | OutcomeUnknown> =>
  Effect.mapError(effect, (error) =>
    error.sent
      ? new OutcomeUnknown({ operation, id, op, detail: error.detail })
      : unavailable(operation, error.reason, error.detail, false))
