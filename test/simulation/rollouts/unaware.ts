/**
 * A node of a version that does not know revisions: it neither reads nor says anything of them, and has every child run
 * where it would be claimed.
 */
import { Effect } from "effect"
import type { Node } from "../../../src/internal/node/node.js"
import type { NodeItem } from "../../../src/internal/registry/commands.js"
import { formatNode, parseNode } from "../../../src/internal/registry/state.js"

/** The fields of a record that belong to revisions. */
const ofRevisions = ["attracts", "enough", "fresh", "revision", "settled"] as const

/** A member with other fields than it has published. */
export const rewritten = (item: NodeItem, change: (fields: Record<string, unknown>) => object): NodeItem => {
  const header = parseNode(item.record)
  if (header === undefined) return item
  return { ...item, record: formatNode({ ...header, json: JSON.stringify(change(JSON.parse(header.json))) }) }
}

const unread = (item: NodeItem): NodeItem =>
  rewritten(item, (fields) => {
    for (const field of ofRevisions) delete fields[field]
    return fields
  })

/** Has a node read other records of members than there are. */
export const readingMembers = (node: Node, read: (item: NodeItem) => NodeItem): void => {
  const { registry } = node
  const execute: typeof registry.execute = (name, envelope, args) =>
    Effect.map(registry.execute(name, envelope, args), (reply) => {
      if (reply._tag !== "OK" || (name !== "nodes" && name !== "changes")) return reply
      const { nodes } = reply.value as { readonly nodes?: ReadonlyArray<NodeItem> }
      return nodes === undefined ? reply : { ...reply, value: { ...reply.value, nodes: nodes.map(read) } }
    })
  Object.assign(node, { registry: { ...registry, execute } })
}

/** Makes a node one of such a version. */
export const makeUnaware = (node: Node): void => {
  const read = node.own.read.bind(node.own)
  node.own.read = () => {
    const record = read()
    const knows = record.knows.filter((part) => part !== "revisions")
    return { ...record, knows, attracts: Infinity, enough: false, fresh: 0, revision: "", settled: 0 }
  }
  readingMembers(node, unread)
}
