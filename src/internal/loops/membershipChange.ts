/**
 * What a change of the membership means to this node.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as PogoEvent from "../../PogoEvent.js"
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import type { NodeItem } from "../registry/commands.js"
import type { Member } from "../replica/member.js"
import type { MembershipChange } from "../replica/membership.js"

const tell = (node: Node, { joined, left }: MembershipChange): void => {
  for (const { name, sid } of joined) node.emit(() => PogoEvent.NodeJoined({ node: name, session: sid }))
  for (const { name, sid } of left) node.emit(() => PogoEvent.NodeLeft({ node: name, session: sid }))
}

/** Live sessions of this node's own name, apart from its own. */
export const namesakes = (node: Node, session: Session): ReadonlyArray<Member> =>
  node.view.membership.list.filter(({ name, sid }) => name === node.config.name && sid !== session.sid)

/** Warns that two live nodes share a name. */
export const warnDuplicate = (node: Node, sessions: ReadonlyArray<string>): void => {
  const { name } = node.config
  node.emit(() => PogoEvent.DuplicateNode({ node: name, sessions }))
  node.fork(Effect.logWarning(
    `two live nodes are called "${name}": ${sessions.join(", ")}; children still run once, but give each node a name ` +
      `of its own (POGO_NODE_NAME)`
  ))
}

/** Sleeps until the membership has been quiet for long enough, however often it changes meanwhile. */
const awaitQuiet = (node: Node): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = node.placementChangedAt + node.timing.moveDebounce - node.ambient.now()
    return left <= 0 ? Effect.void : Effect.zipRight(Effect.sleep(Math.ceil(left)), awaitQuiet(node))
  })

/** Moves wait until the membership has been quiet for a while; orphans do not. */
const debounceMoves = (node: Node): void => {
  node.placementChangedAt = node.ambient.now()
  if (node.debouncing) return
  node.debouncing = true
  node.fork(Effect.zipRight(
    awaitQuiet(node),
    Effect.sync(() => {
      node.debouncing = false
      node.resumeMoves()
    })
  ))
}

/** Takes over the membership as the registry tells it. */
export const applyMembers = (node: Node, session: Session, items: ReadonlyArray<NodeItem>): void => {
  const first = node.view.membership.list.length === 0
  const change = node.view.membership.set(items)
  for (const listener of node.onMembers) listener()
  if (!first) tell(node, change)
  if (change.placement) {
    debounceMoves(node)
    node.agenda.sweep()
  }
  // A namesake that proved to live tells so in its record: both warn.
  const twins = namesakes(node, session).filter(({ twin }) => twin)
  const fresh = twins.filter(({ sid }) => !session.namesakes.has(sid))
  for (const { sid } of fresh) session.namesakes.add(sid)
  if (fresh.length > 0) warnDuplicate(node, [session.sid, ...fresh.map(({ sid }) => sid)])
}
