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

/** The sessions of each node that the last hour tells of. */
type Bars = ReadonlyMap<string, NodeRow["sessions"]>

/** The live nodes, by name. `counts`: the children of each name; `total`: all children. */
export const liveLines = (
  node: Node,
  counts: ReadonlyMap<string, NodeCount>,
  total: number,
  bars: Bars
): ReadonlyArray<NodeRow> => {
  const members = listNodes(node)
  const weights = members.reduce((sum, member) => sum + (takes(node, member) ? member.weight : 0), 0)
  return members
    .map((member): NodeRow => {
      const { children, cordoned, draining, duplicate, labels, name, revision, self, session, weight } = member
      const left = leaseLeft(node, member)
      // One that is as old as what is told has no beginning there.
      const known = bars.get(name) ?? []
      const sessions = known.some((bar) => bar.session === session) ? known : [...known, { session }]
      const joined = sessions.find((bar) => bar.session === session)?.from
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
        ...(joined === undefined ? {} : { joined }),
        ...(revision === "" ? {} : { revision }),
        sessions
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.session < b.session ? -1 : 1))
}

/** A node that ended within the last hour. */
export interface EndedNode {
  readonly line: NodeRow
  readonly end: NodeRow["sessions"][number]["end"]
  readonly at: Date
}

/** The nodes that ended within the last hour, and are not back, by name. */
export const endedNodes = (live: ReadonlyArray<NodeRow>, bars: Bars): ReadonlyArray<EndedNode> => {
  const names = new Set(live.map(({ name }) => name))
  return [...bars]
    .flatMap(([name, sessions]): ReadonlyArray<EndedNode> => {
      const last = sessions.at(-1)
      if (names.has(name) || last?.to === undefined) return []
      const none = { cordoned: false, draining: false, full: false, duplicate: false, self: false, live: false }
      const line = {
        name,
        session: last.session,
        weight: 1,
        labels: {},
        children: 0,
        trouble: 0,
        fair: 0,
        ended: last.to
      }
      return [{ line: { ...none, ...line, sessions }, end: last.end, at: last.to }]
    })
    .sort((a, b) => (a.line.name < b.line.name ? -1 : 1))
}
