/**
 * What a call needs first: the session of a node that is active.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import { until } from "../runtime/waitUntil.js"
import type { Node } from "./node.js"
import { shutDown, unavailable } from "./registryRequest.js"
import type { Session } from "./session.js"

/** The session, as soon as this node is active. */
export const activeSession = (
  node: Node,
  operation: string,
  before: number
): Effect.Effect<Session, RegistryUnavailable> =>
  Effect.suspend(() => {
    if (node.phase === "closed") {
      return Effect.fail(shutDown(operation, false))
    }
    if (node.active && node.session !== undefined) return Effect.succeed(node.session)
    const left = Math.max(0, before - node.ambient.now())
    return until(node.onPhase, () => (node.active || node.phase === "closed" ? node.session : undefined)).pipe(
      Effect.timeoutFail({
        duration: left,
        onTimeout: () =>
          unavailable(
            operation,
            "Joining",
            `this node has no session on ${node.registry.description} (${node.phase}); is the registry reachable?`,
            false
          )
      })
    )
  })
