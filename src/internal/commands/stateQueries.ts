/**
 * Reading the stored states of children.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { answeredWhenActive, unavailable } from "../node/registryRequest.js"
import { parseState, type StateRecord } from "../registry/childStates.js"

/**
 * The stored state of a child; `undefined` for none, or one that is lost. In a quarantine a node may yet give it back: that
 * is waited for.
 */
export const readStoredState = (
  node: Node,
  id: string
): Effect.Effect<StateRecord | undefined, RegistryUnavailable> =>
  Effect.flatMap(answeredWhenActive(node, "peek", { ids: [id] }), (reply) => {
    if (reply._tag !== "OK") return Effect.fail(unavailable("readState", "Refused", `answered ${reply._tag}`, false))
    const { quarantine, states: [state] } = reply.value
    const record = typeof state === "string" ? parseState(state) : undefined
    if (record !== undefined && !record.lost) return Effect.succeed(record)
    return quarantine === 0
      ? Effect.succeed(undefined)
      : Effect.zipRight(Effect.sleep(quarantine + 1), readStoredState(node, id))
  })
