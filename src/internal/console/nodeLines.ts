/**
 * Nodes as a table shows them.
 *
 * @internal
 */
import type { PogoNode } from "../../PogoNode.js"
import { listNodes } from "../commands/queries.js"
import type { Node } from "../node/node.js"
import type { NodeLine } from "./answers.js"
import type { NodeCount } from "./childIndex.js"

/** A node in the table. */
export type NodeRow = typeof NodeLine.Type

/** Whether a node takes children. */
const takes = (node: Node, { session }: PogoNode): boolean => node.view.membership.members.get(session)?.open === true

const leaseLeft = (node: Node, { self }: PogoNode): number | undefined =>
  self && node.lease.given && Number.isFinite(node.lease.remaining)
    ? Math.max(0, Math.round(node.lease.remaining))
    : undefined

/** The live nodes, by name. `counts`: the children of each name; `total`: all children. */
export const liveLines = (
  node: Node,
  counts: ReadonlyMap<string, NodeCount>,
  total: number
): ReadonlyArray<NodeRow> => {
  const members = listNodes(node)
  const weights = members.reduce((sum, member) => sum + (takes(node, member) ? member.weight : 0), 0)
  return members
    .map((member): NodeRow => {
      const { children, cordoned, draining, duplicate, labels, name, self, session, weight } = member
      const left = leaseLeft(node, member)
      return {
        name,
        session,
        self,
        live: true,
        weight,
        labels,
        cordoned,
        draining,
        full: node.view.membership.members.get(session)?.full === true,
        duplicate,
        children,
        trouble: counts.get(name)?.trouble ?? 0,
        fair: takes(node, member) ? (total * weight) / weights : 0,
        ...(left === undefined ? {} : { leaseLeft: left }),
        sessions: []
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.session < b.session ? -1 : 1))
}
