/**
 * What a child costs at rest: one node runs all children, another runs none and only knows of them. The difference is the
 * child, the second is the view.
 */
import { atMost, type Group } from "../support/bench.js"
import { until, withFleet } from "../support/fleet.js"

const names = {
  child: "heap per idle child",
  view: "heap of the view per child",
  listed: "heap of the view per child, once listed"
}

export const heap: Group = {
  title: "memory of 100,000 idle children in one process",
  rows: Object.values(names),
  run: (bench) =>
    withFleet(1, async (fleet) => {
      const count = bench.size(100_000)
      const [runner] = fleet.nodes
      const [watcher] = await fleet.add(1, { BENCH_KINDS: "none" })
      const nodes = [runner!, watcher!]
      const measure = () => Promise.all(nodes.map(async (node) => (await node.memory()).heapUsed))
      const bare = Number(await runner!.process.call("bareFiber", { count }))
      const before = await measure()
      await runner!.start(count, 0, "Bare")
      await until("both nodes know that all run", async () => {
        const counts = await Promise.all(nodes.map((node) => node.counts()))
        return counts.every(({ running }) => running === count) ? true : undefined
      }, 300_000)
      const after = await measure()
      const [total, view] = after.map((bytes, i) => (bytes - before[i]!) / count) as [number, number]
      await watcher!.known()
      const [, listed] = await measure()
      const raw = { what: "bare fiber", value: bare, unit: "B" }
      const note = `${Math.round(total - view)} B a child, ${Math.round(total)} B with the view`
      bench.tell(names.child, { value: (total - view) / bare, unit: "x", target: atMost(2), raw, note })
      bench.tell(names.view, { value: view, unit: "B", target: atMost(1_024) })
      const perChild = (listed! - before[1]!) / count
      bench.tell(names.listed, { value: perChild, unit: "B", target: atMost(1_024), note: "rows are kept" })
    }, { flags: ["--expose-gc"] })
}
