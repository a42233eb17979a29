/**
 * What depends on the number of children: each size lives its whole life once, and the growth over all sizes is told.
 */
import { atMost, type Bench, exactly, type Group, short } from "../support/bench.js"
import { type Life, live, type Phase, type Slow, worst } from "../support/life.js"
import { exponent, median, quantile } from "../support/numbers.js"
import type { Hot } from "../support/profile.js"
import type { Stalls } from "../support/stalls.js"

const names = {
  gap: "join at 1,000: gap p50",
  overlaps: "join at 1,000: overlaps",
  wrong: "join at 1,000: moved against placement",
  listed: "whichChildren(global), 10,000",
  idle: "idle commands, 100,000 against 1,000",
  scripts: "idle scripts per node and heartbeat",
  stallJoin: "longest stall, join at 100,000",
  stallRead: "longest stall of the node that joins 100,000",
  stallStart: "longest stall, start of 100,000",
  stallEnd: "longest stall, end of 100,000",
  memory: "redis memory per child",
  bytes: "redis bytes per start",
  script: "longest script at 100,000",
  batch: "script of the dearest command at 100,000, median",
  growthStart: "growth of start",
  growthList: "growth of list",
  growthJoin: "growth of join",
  growthKill: "growth of failover",
  growthIdle: "growth of idle cost"
}

/** Which rows need which size, and what it has to go through for them. */
const needs: ReadonlyArray<readonly [size: number, phase: Phase, rows: ReadonlyArray<string>]> = [
  [1_000, "join", [names.gap, names.overlaps, names.wrong, names.growthJoin]],
  [1_000, "rest", [names.idle, names.scripts, names.growthIdle]],
  [1_000, "list", [names.growthList, names.growthStart]],
  [1_000, "kill", [names.growthKill]],
  [10_000, "join", [names.growthJoin]],
  [10_000, "rest", [names.growthIdle]],
  [10_000, "list", [names.listed, names.growthList, names.growthStart]],
  [10_000, "kill", [names.growthKill]],
  [100_000, "join", [names.stallJoin, names.stallRead, names.growthJoin]],
  [100_000, "rest", [names.idle, names.scripts, names.growthIdle]],
  [100_000, "list", [
    names.growthList,
    names.growthStart,
    names.script,
    names.batch,
    names.stallStart,
    names.memory,
    names.bytes
  ]],
  [100_000, "kill", [names.growthKill]],
  [100_000, "terminate", [names.stallEnd, names.script, names.batch]]
]

const liveThrough = async (bench: Bench): Promise<ReadonlyMap<number, Life>> => {
  const lives = new Map<number, Life>()
  for (const size of [1_000, 10_000, 100_000]) {
    const wanted = needs.filter(([of, , rows]) => of === size && bench.wants(...rows))
    if (wanted.length === 0) continue
    const phases = new Set(wanted.map(([, phase]) => phase))
    lives.set(size, await live(bench.size(size), phases, (text) => bench.say(text), size > 1_000, bench.quick ? 3 : 10))
  }
  return lives
}

const growth = (
  bench: Bench,
  lives: ReadonlyMap<number, Life>,
  name: string,
  of: (life: Life) => number | undefined
) => {
  const points = [...lives].flatMap(([size, life]) => {
    const value = of(life)
    return value === undefined ? [] : [[bench.size(size), value] as const]
  })
  if (points.length < 3) return
  const note = points.map(([size, value]) => `${short(size)}: ${short(value)}`).join(", ")
  const idle = name === names.growthIdle
  bench.tell(name, { value: exponent(points), unit: "exponent", target: atMost(idle ? 0.02 : 1.05), note })
}

const tellStall = (bench: Bench, name: string, stalls: ReadonlyArray<Stalls> | undefined): void => {
  if (stalls === undefined) return
  const { longest, longestCollection, own } = worst(stalls)
  const note = `by the wall clock ${short(longest)}, other processes and collection included; longest collection ` +
    short(longestCollection)
  bench.tell(name, { value: own, unit: "ms", target: atMost(50), note })
}

const sayProfile = (bench: Bench, of: string, profile: ReadonlyArray<Hot> | undefined): void => {
  for (const { share, where } of profile ?? []) bench.say(`${of}: ${(100 * share).toFixed(1)} % ${where}`)
}

const tellSmall = (bench: Bench, life: Life): void => {
  const { joined } = life
  if (joined === undefined) return
  const note = `${joined.moved} moved in ${short(joined.seconds)} s, debounce included; p99 ` +
    `${short(quantile(joined.gaps, 0.99))} ms`
  const raw = { what: "round trip meanwhile", value: joined.roundTrip }
  bench.tell(names.gap, { value: median(joined.gaps), unit: "ms", target: atMost(10), raw, note })
  bench.tell(names.overlaps, { value: joined.overlaps, unit: "children", target: exactly(0) })
  bench.tell(names.wrong, { value: joined.wrong, unit: "children", target: exactly(0) })
}

const tellBig = (bench: Bench, life: Life): void => {
  const { ended, joined, slowest, started } = life
  tellStall(bench, names.stallStart, started.stalls)
  sayProfile(bench, "start", started.profile)
  tellStall(bench, names.stallJoin, joined?.stalls)
  tellStall(bench, names.stallRead, joined === undefined ? undefined : [joined.newcomer])
  sayProfile(bench, "join", joined?.profile)
  tellStall(bench, names.stallEnd, ended?.stalls)
  bench.tell(names.memory, { value: started.bytesPerChild, unit: "B", target: atMost(700) })
  bench.tell(names.bytes, { value: started.bytesPerStart, unit: "B", note: "sent and received, three nodes" })
  const tell = (name: string, of: (slow: Slow) => number) => {
    const all = Array.from(slowest, ([script, slow]) => [script, of(slow) / 1_000] as const).sort((a, b) => b[1] - a[1])
    const note = all.slice(0, 5).map(([script, millis]) => `${script} ${short(millis)}`).join(", ")
    bench.tell(name, { value: all[0]?.[1] ?? 0, unit: "ms", target: atMost(5), note })
  }
  tell(names.script, ({ longest }) => longest)
  tell(names.batch, ({ median: half }) => half)
}

const tellIdle = (bench: Bench, small: Life | undefined, big: Life | undefined): void => {
  if (small?.rested === undefined || big?.rested === undefined) return
  const raw = { what: "commands at 1,000", value: small.rested.commandsPerSecond, unit: "/s" }
  const ratio = big.rested.commandsPerSecond / small.rested.commandsPerSecond
  bench.tell(names.idle, { value: ratio, unit: "x", target: atMost(1.05), raw })
  bench.tell(names.scripts, { value: big.rested.scripts, unit: "scripts", target: atMost(1.05) })
}

export const scale: Group = {
  title: "scopes of 1,000, 10,000 and 100,000 children on 3 nodes",
  rows: Object.values(names),
  run: async (bench) => {
    const lives = await liveThrough(bench)
    const [small, middle, big] = [lives.get(1_000), lives.get(10_000), lives.get(100_000)]
    if (small !== undefined) tellSmall(bench, small)
    if (middle?.listed !== undefined) {
      bench.tell(names.listed, { value: middle.listed, unit: "ms", target: atMost(20) })
    }
    sayProfile(bench, "start of 10,000", middle?.started.profile)
    if (big !== undefined) tellBig(bench, big)
    tellIdle(bench, small, big)
    growth(bench, lives, names.growthStart, ({ started }) => started.seconds)
    growth(bench, lives, names.growthList, ({ listed }) => listed && median(listed))
    growth(bench, lives, names.growthJoin, ({ joined }) => joined?.seconds)
    growth(bench, lives, names.growthKill, ({ killed }) => killed?.span)
    growth(bench, lives, names.growthIdle, ({ rested }) => rested?.commandsPerSecond)
  }
}
