/**
 * Obeying directives: acting on those that were read, renewing this node's own, and giving back, in a new data set,
 * what the registry has lost of them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { type DirectiveItem, directiveRetention, maxBatch } from "../registry/commands.js"
import { decodeText, type KnownDirective } from "../replica/knownDirectives.js"
import { logDebug, logInfo, printError } from "../runtime/userCode.js"

const describe = ({ config }: Node, { by, reason, what }: KnownDirective): string => {
  const name = JSON.stringify(config.name)
  const whose = `a directive of ${decodeText(by)}${reason === "" ? "" : ` (${reason})`}`
  const passing = config.namedByPid ? "; the name holds the process id, so the directive ends with this process" : ""
  switch (what) {
    case "cordon":
      return `${whose} cordons ${name}: it takes no new children until uncordonNode(${name})${passing}`
    case "drain":
      return `${whose} drains ${name}: it gives its children up, and takes none until uncordonNode(${name})${passing}`
    case "undo":
      return `${whose} lifts what ${name} was told before`
  }
}

/** Takes over all directives as the registry tells them, and acts on the one for this node. */
export const applyDirectives = (
  node: Node,
  session: Session,
  items: ReadonlyArray<DirectiveItem>,
  at: number
): void => {
  const before = node.own.directive
  node.view.directives.update(items, at, session.merge !== undefined)
  const { directive } = node.own
  if (node.client || directive?.stamp === before?.stamp) return
  node.own.takesAgain()
  node.workQueue.sweep()
  if (directive !== undefined) node.fork(logInfo(describe(node, directive)))
}

/** Whether this session is the youngest of its name. */
const isYoungest = ({ config, view }: Node, { sid }: Session): boolean => {
  const { list, members } = view.membership
  const opened = members.get(sid)?.opened ?? -1
  return list.every((member) => member.name !== config.name || member.opened <= opened)
}

/**
 * Renews the directive for this node's name when less than half of its retention is left, so that it lasts for as long
 * as a node of the name lives. The command is the one that gave it, which the registry recognises.
 */
export const renewDirective = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { name } = node.config
    const { directive } = node.own
    if (directive === undefined || session.over || !node.active || !isYoungest(node, session)) return Effect.void
    if (directive.until - node.clock.now >= directiveRetention / 2) return Effect.void
    const { by, op, reason, stamp, what } = directive
    return Effect.flatMap(
      request(node, session, "direct", { name, what, op, by, reason, seen: stamp }),
      (reply) =>
        Effect.sync(() => {
          if (reply._tag !== "OK" || reply.value.result._tag !== "STORED") return
          node.view.directives.learn(name, reply.value.result.record, reply.high)
        })
    )
  }).pipe(Effect.catchAll((error) => logDebug(`renewal of a directive: ${printError(error)}`)))

/** Gives back the directives that the registry has lost. They are few, so that every node does so at once. */
export const giveBackDirectives = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const { directives } = node.view
    for (let facts = directives.pending; facts.length > 0 && !session.over; facts = directives.pending) {
      const batch = facts.slice(0, maxBatch)
      const reply = yield* request(node, session, "merge", { facts: batch })
      directives.settle(batch, reply.high)
      yield* node.ambient.yieldTurn
    }
  })
