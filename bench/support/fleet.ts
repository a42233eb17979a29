/**
 * Nodes as real processes on a real Redis of their own.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type RedisServer, startRedis } from "../../.ci/redis.mjs"
import { type NodeProcess, startProcess } from "../../test/process/support/process.js"
import type { Hot } from "./profile.js"
import type { Stalls } from "./stalls.js"

const app = fileURLToPath(new URL("app.ts", import.meta.url))

/** The programs that are measured use the built package, as its users do. */
export const built = { TSX_TSCONFIG_PATH: fileURLToPath(new URL("../tsconfig.json", import.meta.url)) }

/** When a child of the fleet started or stopped, on the clock that all processes share. Milliseconds. */
export type Note = readonly [id: string, what: "start" | "stop", at: number]

/** When a call was made, and when it was answered. */
export interface Timed {
  readonly began: number
  readonly ended: number
}

/** One start, the bare round trip and the bare script before it, and when the caller knew that the child runs. */
export interface StartedOne extends Timed {
  readonly key: string
  readonly trip: number
  readonly bare: number
  readonly seen: number
}

/** A reconcile, and beside it a listing of all children and as many bare puts as there were changes. */
export interface Reconciled {
  readonly list: Timed
  readonly puts: Timed
  readonly made: Timed
  readonly replaced: number
}

/** What a node of the fleet can be asked. */
export interface BenchNode {
  readonly name: string
  readonly process: NodeProcess
  readonly start: (count: number, from?: number, kind?: "Idle" | "Bare") => Promise<Timed>
  readonly startEach: (keys: ReadonlyArray<string>) => Promise<ReadonlyArray<StartedOne>>
  /** `round`: from 1 on; every hundredth child is changed in each. */
  readonly reconcile: (count: number, round: number) => Promise<Reconciled>
  readonly terminate: (count: number, from?: number) => Promise<Timed>
  readonly running: () => Promise<{ readonly running: number; readonly lastStart: number; readonly lastStop: number }>
  readonly notes: () => Promise<ReadonlyArray<Note>>
  /** Milliseconds of each complete listing. */
  readonly list: (times: number) => Promise<ReadonlyArray<number>>
  readonly known: () => Promise<number>
  readonly counts: () => Promise<{ readonly running: number; readonly specs: number }>
  readonly watch: () => Promise<void>
  readonly stalls: () => Promise<Stalls>
  readonly profile: () => Promise<void>
  readonly profiled: () => Promise<ReadonlyArray<Hot>>
  readonly memory: () => Promise<{ readonly heapUsed: number; readonly rss: number }>
  readonly nodes: () => Promise<ReadonlyArray<{ readonly name: string; readonly children: number }>>
  readonly cpu: () => Promise<NodeJS.CpuUsage>
}

export interface BenchFleet {
  readonly redis: RedisServer
  readonly nodes: Array<BenchNode>
  /** Starts more nodes, all at once. */
  readonly add: (count: number, env?: Record<string, string>) => Promise<ReadonlyArray<BenchNode>>
  /** Waits until so many children run, and tells when the last of them started. */
  readonly allRunning: (count: number, millis?: number) => Promise<number>
  /** Waits until none runs, and tells when the last one stopped. */
  readonly noneRunning: () => Promise<number>
  readonly commands: () => Promise<ReadonlyMap<string, number>>
}

const nodeOf = (process: NodeProcess): BenchNode => {
  const ask = (call: string) => (args: Record<string, unknown> = {}): Promise<never> =>
    process.call(call, args) as Promise<never>
  return {
    name: process.name,
    process,
    start: (count, from = 0, kind = "Idle") => ask("start")({ count, from, kind }),
    startEach: (keys) => ask("startEach")({ keys }),
    reconcile: (count, round) => ask("reconcile")({ count, times: round }),
    terminate: (count, from = 0) => ask("terminate")({ count, from }),
    running: ask("running"),
    notes: ask("notes"),
    list: (times) => ask("list")({ times }),
    known: ask("known"),
    counts: ask("counts"),
    watch: ask("watch"),
    stalls: ask("stalls"),
    profile: ask("profile"),
    profiled: ask("profiled"),
    memory: ask("memory"),
    nodes: ask("nodes"),
    cpu: ask("cpu")
  }
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Asks until there is an answer. */
export const until = async <A>(what: string, ask: () => Promise<A | undefined>, millis = 120_000): Promise<A> => {
  const end = Date.now() + millis
  while (Date.now() < end) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(25)
  }
  throw new Error(`not within ${millis} ms: ${what}`)
}

/** How often each Redis command was executed by a client: those within scripts are not among them. */
const commandsOf = async (redis: RedisServer): Promise<ReadonlyMap<string, number>> => {
  const text = await redis.cli("info", "commandstats")
  return new Map(
    Array.from(text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm), ([, name, calls]) => [name!, Number(calls)] as const)
  )
}

/**
 * On a machine of its own Redis would not wait for a core that a node has; here it goes first, if this user may say so:
 * by the clock of a wall, a script that was interrupted would seem to have taken long.
 */
const goFirst = async ({ pid }: RedisServer): Promise<void> => {
  try {
    await promisify(execFile)("chrt", ["--fifo", "--pid", "1", String(pid)])
  } catch {
    process.stderr.write("Redis competes with the nodes for the cores: its slow log tells of that, too\n")
  }
}

/** Runs something with a fleet of so many nodes; everything ends with it. */
export const withFleet = async <A>(
  count: number,
  body: (fleet: BenchFleet) => Promise<A>,
  { env = {}, flags = [] }: { readonly env?: Record<string, string>; readonly flags?: ReadonlyArray<string> } = {}
): Promise<A> => {
  const redis = await startRedis({ args: ["--slowlog-log-slower-than", "500", "--slowlog-max-len", "10000"] })
  await goFirst(redis)
  const nodes: Array<BenchNode> = []
  const common = {
    ...built,
    BENCH_REDIS_URL: redis.url,
    POGO_SCOPE: "bench",
    POGO_DRAIN_TIMEOUT: "1 second",
    // The rows about size have more children than a node could stop in time.
    POGO_MAX_CHILDREN: "1000000",
    ...env
  }
  const alive = () => nodes.filter(({ process }) => !process.ended())
  const add: BenchFleet["add"] = async (more, own = {}) => {
    const first = nodes.length
    const started = await Promise.all(
      Array.from({ length: more }, (_, i) => startProcess(app, `node-${first + i}`, { ...common, ...own }, flags))
    )
    nodes.push(...started.map(nodeOf))
    return nodes.slice(first)
  }
  const totals = async () => {
    const all = await Promise.all(alive().map((node) => node.running()))
    return {
      running: all.reduce((sum, { running }) => sum + running, 0),
      lastStart: Math.max(...all.map(({ lastStart }) => lastStart)),
      lastStop: Math.max(...all.map(({ lastStop }) => lastStop))
    }
  }
  try {
    await add(count)
    await until("all nodes know each other", async () => {
      const seen = await Promise.all(nodes.map((node) => node.nodes()))
      return seen.every(({ length }) => length === count) ? true : undefined
    })
    return await body({
      redis,
      nodes,
      add,
      allRunning: (wanted, millis) =>
        until(`${wanted} children run`, async () => {
          const { lastStart, running } = await totals()
          return running === wanted ? lastStart : undefined
        }, millis),
      noneRunning: () =>
        until("no child runs", async () => {
          const { lastStop, running } = await totals()
          return running === 0 ? lastStop : undefined
        }),
      commands: () => commandsOf(redis)
    })
  } finally {
    for (const { process } of alive()) process.signal("SIGKILL")
    await Promise.all(nodes.map(({ process }) => process.exited))
    await redis.stop("SIGKILL")
  }
}
