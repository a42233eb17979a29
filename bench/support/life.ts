/**
 * The life of a scope of some size on three node processes: all children start, rest, are listed, move to a fourth node,
 * are taken over when a node is killed, and end. Everything that is measured meanwhile is told.
 */
import { Redis } from "ioredis"
import { now } from "./clock.js"
import { type BenchFleet, type BenchNode, type Note, sleep, until, withFleet } from "./fleet.js"
import { median, sum } from "./numbers.js"
import { movedTo } from "./placement.js"
import type { Hot } from "./profile.js"
import type { Stalls } from "./stalls.js"

/** What a scope goes through. Everything but the start may be left out. */
export type Phase = "rest" | "list" | "join" | "kill" | "terminate"

export interface Started {
  readonly seconds: number
  readonly stalls: ReadonlyArray<Stalls>
  /** Of all keys of the scope. */
  readonly bytesPerChild: number
  /** That Redis received and sent. */
  readonly bytesPerStart: number
  readonly profile: ReadonlyArray<Hot>
}

export interface Rested {
  readonly commandsPerSecond: number
  /** Scripts per node and heartbeat. */
  readonly scripts: number
}

export interface Joined {
  readonly seconds: number
  readonly moved: number
  /** Milliseconds for which each moved child did not run. */
  readonly gaps: ReadonlyArray<number>
  /** Milliseconds of a bare round trip to Redis meanwhile. */
  readonly roundTrip: number
  readonly overlaps: number
  /** Children that moved and should not have, or should have and did not. */
  readonly wrong: number
  readonly stalls: ReadonlyArray<Stalls>
  /** Of the node that joins, from its start. */
  readonly newcomer: Stalls
  readonly profile: ReadonlyArray<Hot>
}

export interface Killed {
  /** From the kill until the last child ran again. */
  readonly seconds: number
  /** From the first to the last child that was taken over. */
  readonly span: number
  readonly lost: number
}

export interface Ended {
  readonly seconds: number
  readonly stalls: ReadonlyArray<Stalls>
}

export interface Slow {
  readonly longest: number
  readonly median: number
}

export interface Life {
  readonly started: Started
  readonly rested?: Rested
  /** Milliseconds of one complete listing. */
  readonly listed?: ReadonlyArray<number>
  readonly joined?: Joined
  readonly killed?: Killed
  readonly ended?: Ended
  /** Microseconds of each script's longest call, and the median of those that took more than half a millisecond. */
  readonly slowest: ReadonlyMap<string, Slow>
}

const heartbeat = 2_000

const parts = ["meta", "sess", "node", "spec", "tomb", "tombx", "claim", "stat", "dead", "log"]

/** The first node is profiled, which itself keeps its event loop busy: it is not watched. */
const watched = (nodes: ReadonlyArray<BenchNode>) => nodes.slice(1)
const watchAll = (nodes: ReadonlyArray<BenchNode>) => Promise.all(watched(nodes).map((node) => node.watch()))
const stallsOf = (nodes: ReadonlyArray<BenchNode>) => Promise.all(watched(nodes).map((node) => node.stalls()))

const bytesOf = async ({ redis }: BenchFleet): Promise<number> => {
  const sizes = []
  for (const part of parts) {
    sizes.push(Number(await redis.cli("memory", "usage", `pogo1:{bench}:${part}`, "samples", "0")))
  }
  return sum(sizes)
}

const traffic = async ({ redis }: BenchFleet): Promise<number> => {
  const text = await redis.cli("info", "stats")
  return sum(Array.from(text.matchAll(/^total_net_(?:in|out)put_bytes:(\d+)/gm), ([, bytes]) => Number(bytes)))
}

/** Waits until every node knows that all run, and nothing is on its way. */
const settled = ({ nodes }: BenchFleet, count: number, alive = nodes): Promise<true> =>
  until("all nodes know that all run", async () => {
    const counts = await Promise.all(alive.map((node) => node.counts()))
    return counts.every(({ running }) => running === count) ? true : undefined
  })

const start = async (fleet: BenchFleet, count: number, profiled: boolean): Promise<Started> => {
  const { nodes } = fleet
  const [empty, silent] = [await bytesOf(fleet), await traffic(fleet)]
  await watchAll(nodes)
  if (profiled) await nodes[0]!.profile()
  const { began } = await nodes[0]!.start(count)
  const last = await fleet.allRunning(count)
  const profile = profiled ? await nodes[0]!.profiled() : []
  await settled(fleet, count)
  const stalls = await stallsOf(nodes)
  return {
    seconds: (last - began) / 1_000,
    stalls,
    bytesPerChild: (await bytesOf(fleet) - empty) / count,
    bytesPerStart: (await traffic(fleet) - silent) / count,
    profile
  }
}

/** The scripts that nodes asked of Redis. A ping per connection and half minute, whatever the size, is not among them. */
const asked = async (fleet: BenchFleet): Promise<{ readonly all: number; readonly scripts: number }> => {
  const commands = await fleet.commands()
  const of = (...names: ReadonlyArray<string>) => sum(names.map((name) => commands.get(name) ?? 0))
  return { all: of("evalsha", "eval"), scripts: of("evalsha", "eval") }
}

const rest = async (fleet: BenchFleet, beats: number): Promise<Rested> => {
  // What the nodes have still to read of the start's log is not rest.
  await until("the nodes have read everything", async () => {
    const { scripts } = await asked(fleet)
    await sleep(heartbeat)
    return (await asked(fleet)).scripts - scripts <= 2 * fleet.nodes.length ? true : undefined
  })
  const before = await asked(fleet)
  await sleep(beats * heartbeat)
  const after = await asked(fleet)
  return {
    commandsPerSecond: (after.all - before.all) / (beats * heartbeat / 1_000),
    scripts: (after.scripts - before.scripts) / beats / fleet.nodes.length
  }
}

const list = async ({ nodes }: BenchFleet): Promise<ReadonlyArray<number>> => (await nodes[1]!.list(24)).slice(4)

const takeNotes = async (nodes: ReadonlyArray<BenchNode>): Promise<ReadonlyArray<Note>> =>
  (await Promise.all(nodes.map((node) => node.notes()))).flat()

const timesOf = (notes: ReadonlyArray<Note>, which: Note[1]): ReadonlyMap<string, number> =>
  new Map(notes.flatMap(([id, what, at]) => (what === which ? [[id, at] as const] : [])))

/** Measures bare round trips in the background; the result ends it and tells their median. */
const pingAll = (url: string): () => Promise<number> => {
  const client = new Redis(url)
  const trips: Array<number> = []
  const timer = setInterval(() => {
    const began = performance.now()
    void client.ping().then(() => trips.push(performance.now() - began))
  }, 10)
  return async () => {
    clearInterval(timer)
    await client.quit()
    return median(trips)
  }
}

const join = async (fleet: BenchFleet, ids: ReadonlyArray<string>, profiled: boolean): Promise<Joined> => {
  const old = fleet.nodes.slice()
  await takeNotes(old)
  await watchAll(old)
  if (profiled) await old[0]!.profile()
  const [newcomer] = await fleet.add(1, { BENCH_WATCH: "1" })
  const joined = now()
  const pinged = pingAll(fleet.redis.url)
  const expected = movedTo(newcomer!.name, old.map(({ name }) => name), ids)
  const last = await until("all moved children run", async () => {
    const { lastStart, running } = await newcomer!.running()
    return running >= expected.size ? lastStart : undefined
  }, 300_000)
  const roundTrip = await pinged()
  await sleep(300)
  const profile = profiled ? await old[0]!.profiled() : []
  const [stalls, ofNewcomer] = [await stallsOf(old), await newcomer!.stalls()]
  const [stops, starts] = [timesOf(await takeNotes(old), "stop"), timesOf(await takeNotes([newcomer!]), "start")]
  const gaps = Array.from(starts, ([id, at]) => at - (stops.get(id) ?? Number.NaN))
  const moved = Array.from(starts.keys())
  return {
    seconds: (last - joined) / 1_000,
    moved: starts.size,
    gaps,
    roundTrip,
    overlaps: gaps.filter((gap) => !(gap >= 0)).length,
    wrong: moved.filter((id) => !expected.has(id)).length +
      (expected.size - moved.filter((id) => expected.has(id)).length),
    stalls,
    newcomer: ofNewcomer,
    profile
  }
}

const kill = async (fleet: BenchFleet, count: number): Promise<Killed> => {
  const victim = fleet.nodes[2]!
  const alive = fleet.nodes.filter((node) => node !== victim)
  const lost = (await victim.running()).running
  await takeNotes(alive)
  const at = now()
  victim.process.signal("SIGKILL")
  await victim.process.exited
  const last = await fleet.allRunning(count)
  const starts = Array.from(timesOf(await takeNotes(alive), "start").values())
  return { seconds: (last - at) / 1_000, span: (last - Math.min(...starts.slice(0, 10_000))) / 1_000, lost }
}

const end = async (fleet: BenchFleet, count: number): Promise<Ended> => {
  const alive = fleet.nodes.filter(({ process }) => !process.ended())
  await watchAll(alive)
  const { began, ended } = await alive[0]!.terminate(count)
  const last = await fleet.noneRunning()
  return { seconds: (Math.max(last, ended) - began) / 1_000, stalls: await stallsOf(alive) }
}

/** How long each kind of script has taken on the server. */
const slowestScripts = async ({ redis }: BenchFleet): Promise<ReadonlyMap<string, Slow>> => {
  const { scripts } = await import("../../src/internal/redis/scripts.js")
  const nameOf = new Map(Object.entries(scripts).map(([name, { sha }]) => [sha, name]))
  const calls = new Map<string, Array<number>>()
  const entries = JSON.parse(await redis.cli("--json", "slowlog", "get", "-1")) as ReadonlyArray<
    readonly [id: number, at: number, micros: number, command: ReadonlyArray<string>]
  >
  for (const [, , micros, [command, sha]] of entries) {
    const name = command?.toLowerCase() === "evalsha" ? nameOf.get(sha ?? "") : undefined
    if (name !== undefined) calls.set(name, [...calls.get(name) ?? [], micros])
  }
  return new Map(Array.from(calls, ([name, all]) => [name, { longest: Math.max(...all), median: median(all) }]))
}

/** Lets a scope of so many children live, on three nodes. */
export const live = (
  count: number,
  phases: ReadonlySet<Phase>,
  say: (text: string) => void,
  /** A profile slows the node that is looked at. */
  profiled: boolean,
  /** Heartbeats of rest. */
  beats: number,
  env: Record<string, string> = {}
): Promise<Life> =>
  withFleet(3, async (fleet) => {
    const ids = Array.from({ length: count }, (_, i) => `Idle/c-${i}`)
    const step = async <A>(phase: Phase, run: () => Promise<A>): Promise<A | undefined> => {
      if (!phases.has(phase)) return undefined
      say(`${count.toLocaleString("en")} children: ${phase}`)
      return run()
    }
    say(`${count.toLocaleString("en")} children: start`)
    const started = await start(fleet, count, profiled)
    const rested = await step("rest", () => rest(fleet, beats))
    const listed = await step("list", () => list(fleet))
    const joined = await step("join", () => join(fleet, ids, profiled))
    const killed = await step("kill", () => kill(fleet, count))
    const ended = await step("terminate", () => end(fleet, count))
    return {
      started,
      slowest: await slowestScripts(fleet),
      ...(rested === undefined ? {} : { rested }),
      ...(listed === undefined ? {} : { listed }),
      ...(joined === undefined ? {} : { joined }),
      ...(killed === undefined ? {} : { killed }),
      ...(ended === undefined ? {} : { ended })
    }
  }, { env })

/** The worst of several nodes. */
export const worst = (stalls: ReadonlyArray<Stalls>): Stalls => stalls.reduce((a, b) => (b.own > a.own ? b : a))
