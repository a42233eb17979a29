/**
 * Rules of taking another process for gone, broken.
 */
import type { Node } from "../../../src/internal/node/node.js"
import type { Args } from "../../../src/internal/registry/commands.js"
import type { ProcessId, Sight } from "../../../src/internal/runtime/processTable.js"
import type { MachineWatch } from "../machines.js"
import type { Mutation } from "./mutation.js"
import { sending } from "./nodes.js"

/** More processes than a history has. */
const most = 200

const watchOf = (node: Node): MachineWatch => node.processes as MachineWatch

/** Changes what a node makes of what it sees. */
const seeing = (judge: (id: ProcessId, watch: MachineWatch) => Sight) => (node: Node): void => {
  const watch = watchOf(node)
  Object.assign(node, { processes: { ...watch, look: (id: ProcessId) => judge(id, watch) } })
}

/** Whether any process has the number, whenever it began. */
const byNumber = (id: ProcessId, { look }: MachineWatch): Sight => {
  for (let start = 0; start < most; start++) if (look({ ...id, start }) === "alive") return "alive"
  return "gone"
}

/** Every machine is called the same. */
const nameless = (node: Node): void => {
  seeing(byNumber)(node)
  const { processes } = node
  Object.assign(node, { processes: { ...processes, self: { ...processes.self!, host: "machine" } } })
}

const unseen = (node: Node): void => {
  const met = new Set<number>()
  seeing((id, { look }) => {
    if (met.has(id.start)) return look(id)
    met.add(id.start)
    return "alive"
  })(node)
}

/** Every machine has the others' proofs, and is called the same, as a copy of a running machine is. */
const copied = (node: Node): void => {
  const { processes } = node
  const self = { ...processes.self!, host: "machine" }
  Object.assign(node, { processes: { ...processes, self, proofs: { ...processes.proofs, has: () => true } } })
}

/** The session that a node's name has now, in the place of the one that was seen. */
const successor = ({ sid }: Args<"close">, { view }: Node): Args<"close"> => {
  const name = sid.split("#")[0]
  const named = view.membership.list.filter((member) => member.sid.split("#")[0] === name)
  const [youngest] = named.sort((a, b) => b.opened - a.opened)
  return { sid: youngest?.sid ?? sid }
}

export const ofNeighbours: ReadonlyArray<Mutation> = [
  {
    name: "a process that does not move is taken for gone",
    weights: { freeze: 30 },
    changed: seeing((id, { isFrozen, look }) => (isFrozen(id) ? "gone" : look(id)))
  },
  {
    name: "a process that cannot be looked at is taken for gone",
    changed: seeing((id, { look }) => (look(id) === "alive" ? "alive" : "gone"))
  },
  { name: "a process that was never seen alive is taken for gone", shownBy: 42, changed: unseen },
  {
    name: "a process of a copied machine is taken for gone",
    weights: { crash: 20 },
    changed: copied
  },
  {
    name: "processes are told apart by their numbers, whatever their machine and beginning",
    weights: { crash: 20, stop: 20 },
    changed: nameless
  },
  {
    name: "the end of a process ends whatever session its node's name has",
    shownBy: 19,
    weights: { crash: 30 },
    changed: sending("close", successor)
  }
]
