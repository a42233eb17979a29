/**
 * What a change of the membership means to this node: events, moves of children, and warnings of duplicate names.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as PogoEvent from "../../PogoEvent.js"
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import type { DirectiveItem, NodeItem } from "../registry/commands.js"
import type { MembershipChange, ScopeMember } from "../replica/membership.js"
import { applyDirectives } from "./nodeDirectives.js"

const emitChange = (node: Node, { joined, left }: MembershipChange): void => {
  for (const { name, sid } of joined) node.emit(() => PogoEvent.NodeJoined({ node: name, session: sid }))
  for (const { name, sid } of left) node.emit(() => PogoEvent.NodeLeft({ node: name, session: sid }))
}

/** Live sessions of this node's own name, apart from its own. */
export const namesakes = (node: Node, session: Session): ReadonlyArray<ScopeMember> =>
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

/** Members and directives, as the registry tells them together. */
export interface ToldMembers {
  readonly nodes: ReadonlyArray<NodeItem>
  readonly directives: ReadonlyArray<DirectiveItem>
}

/** Takes over the membership and the directives as the registry told them when its counter stood at `at`. */
export const applyMembers = (
  node: Node,
  session: Session,
  { directives, nodes: items }: ToldMembers,
  at: number
): void => {
  applyDirectives(node, session, directives, at)
  const first = node.view.membership.list.length === 0
  const change = node.view.membership.set(items)
  for (const listener of node.onMembers) listener()
  if (!first) emitChange(node, change)
  if (change.placement) node.placementChanged()
  // A namesake that proved to live says so in its record: both warn.
  const duplicates = namesakes(node, session).filter(({ twin }) => twin)
  const fresh = duplicates.filter(({ sid }) => !session.namesakes.has(sid))
  for (const { sid } of fresh) session.namesakes.add(sid)
  if (fresh.length > 0) warnDuplicate(node, [session.sid, ...fresh.map(({ sid }) => sid)])
}
