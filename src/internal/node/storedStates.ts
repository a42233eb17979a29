/**
 * States of children as the registry has them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import { parseState, type StateRecord } from "../registry/childStates.js"
import { accepted, type Requester } from "./registryRequest.js"
import type { Session } from "./session.js"

/** Parses what a grant, or a peek, told; `undefined` for none. */
export const readState = (state: string | null | undefined): StateRecord | undefined =>
  typeof state === "string" ? parseState(state) : undefined

/** Reads what is stored for some children, `null` for none: as many of them at a time as fit into an answer. */
export const peekStates = (
  node: Requester,
  session: Session,
  asked: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, string | null>, RegistryUnavailable> =>
  Effect.gen(function*() {
    const found = new Map<string, string | null>()
    let ids = asked
    while (ids.length > 0) {
      const reply = yield* accepted(node, session, "peek", { ids })
      reply.value.states.forEach((state, i) => {
        // The first one always fits.
        if (state !== undefined || i === 0) found.set(ids[i]!, state ?? null)
      })
      ids = ids.filter((id) => !found.has(id))
    }
    return found
  })
