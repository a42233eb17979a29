/**
 * All that a node needs to call, and to be called.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { NodeTransport } from "../../NodeTransport.js"
import type { InvalidConfig } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { CallMetrics } from "./callMetrics.js"
import { Peers } from "./client/peerConnection.js"
import { Router } from "./client/router.js"
import { mailboxes } from "./server/mailbox.js"
import { serve } from "./server/server.js"

/** Opens this node's port, if it has a transport, and unless it only calls. */
export const makeRouter = (node: Node): Effect.Effect<Router, InvalidConfig, Scope.Scope> =>
  Effect.gen(function*() {
    const transport = Option.getOrUndefined(yield* Effect.serviceOption(NodeTransport))
    const metrics = new CallMetrics(node)
    const { timers } = node
    const mailboxOf = mailboxes(node.ambient.now, metrics, timers)
    const peers = transport === undefined ? undefined : new Peers(node, transport, metrics)
    if (transport !== undefined && !node.client) {
      node.own.listensAt(yield* transport.listen(peers!.self, serve(node, mailboxOf)))
    }
    return new Router(node, peers, metrics, timers, mailboxOf)
  })
