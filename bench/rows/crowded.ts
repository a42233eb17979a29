/**
 * A hundred and three hundred nodes with 100,000 children, by simulation: what each change costs in messages and bytes in
 * all, and in work on each node.
 */
import { type Bench, type Group, short } from "../support/bench.js"
import { type Cost, Crowd } from "../support/crowd.js"

const sizes = [100, 300]
const changes = ["start", "join", "death"] as const

const names = (nodes: number, change: typeof changes[number]) => ({
  messages: `simulated ${nodes} nodes, ${change}: messages`,
  bytes: `simulated ${nodes} nodes, ${change}: bytes`,
  work: `simulated ${nodes} nodes, ${change}: work of each node`
})

const tell = (bench: Bench, nodes: number, change: typeof changes[number], { bytes, messages, work }: Cost): void => {
  const row = names(nodes, change)
  bench.tell(row.messages, { value: messages, unit: "", note: `${short(messages / nodes)} per node` })
  bench.tell(row.bytes, { value: bytes / 1_000, unit: "kB", note: `${short(bytes / nodes / 1_000)} kB per node` })
  bench.tell(row.work, { value: work, unit: "ms" })
}

export const crowded: Group = {
  title: "100 and 300 nodes with 100,000 children, simulated",
  rows: sizes.flatMap((nodes) => changes.flatMap((change) => Object.values(names(nodes, change)))),
  run: async (bench) => {
    for (const nodes of sizes) {
      if (!bench.wants(...changes.flatMap((change) => Object.values(names(nodes, change))))) continue
      bench.say(`${nodes} nodes`)
      const children = bench.size(100_000)
      const crowd = new Crowd(nodes, children)
      if (crowd.held !== children) throw new Error(`${crowd.held} of ${children} children are held`)
      for (const change of changes) tell(bench, nodes, change, crowd[change]())
      if (crowd.held !== children + 1) throw new Error("a child was lost")
    }
  }
}
