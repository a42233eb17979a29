/**
 * Starting and ending children on three node processes: one at a time, and many at once.
 */
import { atMost, type Bench, type Group, short } from "../support/bench.js"
import { type BenchFleet, withFleet } from "../support/fleet.js"
import { median } from "../support/numbers.js"

const acknowledged = "startChild acknowledged"
const running = "start to running"

const names = {
  acknowledged,
  running,
  thousand: "1,000 children running",
  tenThousand: "10,000 children running",
  terminated: "1,000 children terminated"
}

/** One at a time, started by the first node and noted by the node where they run. In units of a bare round trip. */
const oneByOne = async (bench: Bench, { nodes }: BenchFleet): Promise<void> => {
  const rounds: Array<{ trip: number; bare: number; ack: number; start: number; seen: number }> = []
  for (let round = 0; round < bench.rounds(9); round++) {
    const started = await nodes[0]!.startEach(Array.from({ length: 100 }, (_, i) => `one-${round}-${i}`))
    const notes = (await Promise.all(nodes.slice(1).map((node) => node.notes()))).flat()
    const startedAt = new Map(notes.map(([id, , at]) => [id, at]))
    const elsewhere = started.filter(({ key }) => startedAt.has(`Idle/${key}`))
    rounds.push({
      trip: median(started.map(({ trip }) => trip)),
      bare: median(started.map(({ bare }) => bare)),
      ack: median(started.map(({ began, ended }) => ended - began)),
      start: median(elsewhere.map(({ began, key }) => startedAt.get(`Idle/${key}`)! - began)),
      seen: median(elsewhere.map(({ began, seen }) => seen - began))
    })
  }
  // The first rounds warm up.
  const warm = rounds.slice(Math.floor(rounds.length / 3))
  const trips = (of: (round: typeof rounds[number]) => number) => warm.map((round) => of(round) / round.trip)
  const raw = { what: "round trip", value: median(warm.map(({ trip }) => trip)), unit: "ms" }
  const millis = (of: (round: typeof rounds[number]) => number) => `${short(median(warm.map(of)))} ms`
  bench.tell(names.acknowledged, {
    value: trips(({ ack }) => ack),
    unit: "round trips",
    target: atMost(2),
    raw,
    note: `${millis(({ ack }) => ack)}; a bare script that stores, logs and publishes as much takes ${
      short(median(trips(({ bare }) => bare)))
    } round trips`
  })
  bench.tell(names.running, {
    value: trips(({ start }) => start),
    unit: "round trips",
    target: atMost(20),
    raw,
    note: `${millis(({ start }) => start)}; the caller knows after ${millis(({ seen }) => seen)}`
  })
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
