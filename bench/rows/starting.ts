/**
 * Starting and ending children on three node processes: one at a time, and many at once.
 */
import type { Bench, Group } from "../support/bench.js"
import { atMost } from "../support/bench.js"
import { type BenchFleet, withFleet } from "../support/fleet.js"
import { median, quantile } from "../support/numbers.js"

const acknowledged = "startChild acknowledged"
const running = "start to running"

const names = {
  acknowledged,
  running,
  thousand: "1,000 children running",
  tenThousand: "10,000 children running",
  terminated: "1,000 children terminated"
}

/** One at a time, started by the first node and noted by the node where they run. */
const oneByOne = async (bench: Bench, { nodes }: BenchFleet): Promise<void> => {
  const [first] = nodes
  const [acks, starts, trips]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  for (let round = 0; round < bench.rounds(6); round++) {
    const keys = Array.from({ length: 100 }, (_, i) => `one-${round}-${i}`)
    const trip = median(await first!.roundTrips(200))
    const started = await first!.startEach(keys)
    const notes = new Map(
      (await Promise.all(nodes.slice(1).map((node) => node.notes()))).flat().map(([id, , at]) => [id, at])
    )
    // The first round warms up.
    if (round === 0 && !bench.quick) continue
    trips.push(trip)
    acks.push(median(started.map(({ began, ended }) => ended - began)) / trip)
    const elsewhere = started.flatMap(({ began, key }) => {
      const at = notes.get(`Idle/${key}`)
      return at === undefined ? [] : [at - began]
    })
    starts.push(quantile(elsewhere, 0.5) / trip)
  }
  const raw = { what: "round trip", value: median(trips), unit: "ms" }
  bench.tell(names.acknowledged, { value: acks, unit: "round trips", target: atMost(2), raw })
  bench.tell(names.running, { value: starts, unit: "round trips", target: atMost(20), raw })
}

/** Many at once: until the last of them runs, and until the last has stopped. Seconds. */
const manyOnce = async (fleet: BenchFleet, count: number, from: number) => {
  const { began } = await fleet.nodes[0]!.start(count, from)
  const last = await fleet.allRunning(count)
  const ended = await fleet.nodes[0]!.terminate(count, from)
  const stopped = await fleet.noneRunning()
  return { started: (last - began) / 1_000, terminated: (Math.max(stopped, ended.ended) - ended.began) / 1_000 }
}

const many = async (bench: Bench, fleet: BenchFleet): Promise<void> => {
  const thousand = []
  for (let round = 0; round <= bench.rounds(6); round++) {
    thousand.push(await manyOnce(fleet, bench.size(1_000), round * 100_000))
  }
  thousand.shift()
  bench.tell(names.thousand, { value: thousand.map(({ started }) => started), unit: "s", target: atMost(0.25) })
  bench.tell(names.terminated, { value: thousand.map(({ terminated }) => terminated), unit: "s", target: atMost(0.3) })
  if (!bench.wants(names.tenThousand)) return
  const tenThousand = []
  for (let round = 0; round < bench.rounds(4); round++) {
    tenThousand.push(await manyOnce(fleet, bench.size(10_000), 1_000_000 + round * 100_000))
  }
  bench.tell(names.tenThousand, { value: tenThousand.map(({ started }) => started), unit: "s", target: atMost(2) })
}

/** @internal */
export const starting: Group = {
  title: "starting and ending children on 3 nodes",
  rows: Object.values(names),
  run: (bench) =>
    withFleet(3, async (fleet) => {
      if (bench.wants(names.acknowledged, names.running)) {
        await oneByOne(bench, fleet)
        for (const node of fleet.nodes) await node.notes()
        await fleet.nodes[0]!.process.call("terminateAll", {})
        await fleet.noneRunning()
      }
      if (bench.wants(names.thousand, names.tenThousand, names.terminated)) await many(bench, fleet)
    })
}
