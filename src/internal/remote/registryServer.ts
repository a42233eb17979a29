/**
 * A node's registry, for processes that have none. What they ask for is what they could ask a registry for themselves,
 * and less: it is sent with this node's own knowledge of the counter and its own timings, and never later than this node
 * would.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import { giveBackFirst } from "../loops/snapshot.js"
import type { Node } from "../node/node.js"
import { concerned } from "../node/recipients.js"
import { unavailable } from "../node/registryRequest.js"
import type { Args, Reply, Value } from "../registry/commands.js"
import { type Listeners, until } from "../runtime/waitUntil.js"
import type { NodeHandler } from "./nodeClient.js"
import { type RegistryCommand, registryCommands, wakeProcedure } from "./registryProcedures.js"

/** How many commands of others are under way at a time: this node's own must get through. */
const atOnce = 32

interface Command<K extends RegistryCommand> {
  readonly era: string
  readonly notAfter: number
  readonly args: Args<K>
}

interface Position {
  readonly era: string
  readonly log: number
}

/** A call is judged by what this node remembers, as its own would be. */
const remembering = (
  node: Node,
  name: RegistryCommand,
  era: string,
  args: unknown
): Effect.Effect<void, RegistryUnavailable> => {
  const { session } = node
  if ((name !== "put" && name !== "del") || session?.era !== era) return Effect.void
  const { items } = args as Args<"put" | "del">
  return Effect.mapError(
    giveBackFirst(node, session, items),
    ({ detail, reason }) => unavailable(name, reason, detail, false)
  )
}

const execute = <K extends RegistryCommand>(
  node: Node,
  name: K,
  { args, era, notAfter }: Command<K>
): Effect.Effect<Reply<Value<K>>, RegistryUnavailable> =>
  Effect.suspend(() => {
    // This node itself reads of it at once: its client waits for news.
    const own = node.horizon.envelope(era, node.ambient.now(), concerned(node, name, args))
    // Of an era that this node does not know it cannot say how late it is.
    const bound = own.notAfter === 0 ? notAfter : Math.min(notAfter, own.notAfter)
    return Effect.zipRight(
      remembering(node, name, era, args),
      Effect.interruptible(node.registry.execute(name, { ...own, notAfter: bound }, args))
    )
  })

/** News are those that this node has read itself; while it has no lease it may be cut off, and has none to tell. */
const wake = (node: Node, { era, log }: Position): Effect.Effect<Position, RegistryUnavailable> => {
  const listeners: Listeners = {
    add: (listener) => {
      node.onLooked.add(listener)
      node.onPhase.add(listener)
    },
    delete: (listener) => {
      node.onLooked.delete(listener)
      node.onPhase.delete(listener)
    }
  }
  const look = (): Effect.Effect<Position, RegistryUnavailable> | undefined => {
    const { active, session } = node
    if (!active || session === undefined) {
      return Effect.fail(unavailable("wake", "Joining", "this node follows no registry at the moment", false))
    }
    return session.era === era && session.cursor === log
      ? undefined
      : Effect.succeed({ era: session.era, log: session.cursor })
  }
  return Effect.flatten(until(listeners, look))
}

/** @internal */
export const makeRegistryServer = (node: Node): ReadonlyMap<string, NodeHandler> => {
  const gate = Effect.unsafeMakeSemaphore(atOnce)
  const handlers = new Map<string, NodeHandler>()
  for (const name of Object.keys(registryCommands) as ReadonlyArray<RegistryCommand>) {
    const late = () => unavailable(name, "Timeout", "the node's registry did not answer in time", true)
    handlers.set(`registry.${name}`, {
      procedure: registryCommands[name],
      handle: (payload) =>
        gate.withPermits(1)(execute(node, name, payload as Command<RegistryCommand>)).pipe(
          Effect.timeoutFail({ duration: node.timing.commandTimeout, onTimeout: late })
        )
    })
  }
  handlers.set("registry.wake", { procedure: wakeProcedure, handle: (payload) => wake(node, payload as Position) })
  return handlers
}
