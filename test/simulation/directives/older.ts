/**
 * A node of a version that does not know directives: it reads of none, gives none back, and publishes neither that it
 * knows them nor which it obeys.
 */
import { Effect } from "effect"
import type { Node } from "../../../src/internal/node/node.js"

/** Makes a node an older one. */
export const makeOlder = (node: Node): void => {
  const { registry } = node
  const read = node.own.read.bind(node.own)
  const execute: typeof registry.execute = (name, envelope, args) =>
    Effect.map(
      registry.execute(name, envelope, args),
      (reply) =>
        reply._tag === "OK" && "directives" in reply.value
          ? { ...reply, value: { ...reply.value, directives: [] } }
          : reply
    )
  Object.assign(node, { registry: { ...registry, execute } })
  node.own.read = () => ({ ...read(), knows: [], obeys: 0 })
}
