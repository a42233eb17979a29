/**
 * A release is rolled out: six nodes are replaced one after the other, with one more than usual for a while, while a
 * seventh process calls their children.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { startRedis } from "../../.ci/redis.mjs"
import { type NodeProcess, startProcess } from "../../test/process/support/process.js"
import { now } from "./clock.js"
import { built, sleep, until } from "./fleet.js"
import { quantile } from "./numbers.js"

const program = fileURLToPath(new URL("release.ts", import.meta.url))

const size = 6

/** One stretch of a child's life on a node. Milliseconds; `to` is infinite while it runs. */
export interface Stretch {
  readonly node: string
  readonly from: number
  to: number
}

/** What became of the children in a rollout. */
export interface RolledOut {
  readonly children: number
  /** Runs of each child, in order. */
  readonly runs: ReadonlyMap<string, ReadonlyArray<Stretch>>
  /** From when to when it was rolled out. */
  readonly began: number
  readonly ended: number
  /** Starts in that time, per child. */
  readonly moves: number
  /** Milliseconds between two runs of a child, each. */
  readonly gaps: ReadonlyArray<number>
  /** Milliseconds for which each child did not run in that time, in all. */
  readonly away: ReadonlyArray<number>
  /** Children of which two ran at once. */
  readonly overlaps: number
  readonly calls: { readonly made: number; readonly failed: number; readonly failures: ReadonlyArray<string> }
  /** Of the nodes that are left, how many children each has. */
  readonly shares: ReadonlyArray<number>
}

type Line = readonly [node: string, id: string, what: "start" | "stop", at: number]

/** Reads what all nodes noted. A crash that left no stop is one at the next start. */
const runsOf = (lines: ReadonlyArray<Line>): ReadonlyMap<string, ReadonlyArray<Stretch>> => {
  const runs = new Map<string, Array<Stretch>>()
  for (const [node, id, what, at] of lines.toSorted((a, b) => a[3] - b[3])) {
    const own = runs.get(id) ?? []
    runs.set(id, own)
    if (what === "start") own.push({ node, from: at, to: Infinity })
    else {
      const run = own.findLast((run) => run.node === node && run.to === Infinity)
      if (run !== undefined) run.to = at
    }
  }
  return runs
}

const nodesOf = async (node: NodeProcess) =>
  (await node.call("nodes")) as ReadonlyArray<{ name: string; children: number }>

/** How a rollout is made. */
export interface Rolling {
  readonly children: number
  /** Whether the nodes tell their revisions. */
  readonly revisions: boolean
  /** Whether the new release cannot start every other child. */
  readonly broken?: boolean
  readonly say: (text: string) => void
}

/** Rolls out a release, and tells what became of the children. */
export const rollOut = async ({ broken = false, children, revisions, say }: Rolling): Promise<RolledOut> => {
  const redis = await startRedis({})
  const folder = mkdtempSync(join(tmpdir(), "rollout-"))
  const notes = join(folder, "notes")
  const alive = new Set<NodeProcess>()
  const start = async (name: string, env: Record<string, string>) => {
    const node = await startProcess(program, name, {
      ...built,
      BENCH_REDIS_URL: redis.url,
      BENCH_NOTES: notes,
      POGO_SCOPE: "bench",
      ...env
    })
    alive.add(node)
    return node
  }
  const release = (name: string, n: 1 | 2) =>
    start(name, {
      ...(revisions ? { POGO_REVISION: `v${n}` } : {}),
      ...(broken && n === 2 ? { BENCH_BROKEN: "1" } : {})
    })
  const leave = async (node: NodeProcess) => {
    node.signal("SIGTERM")
    await node.exited
    alive.delete(node)
  }
  try {
    const old = await Promise.all(Array.from({ length: size }, (_, i) => release(`old-${i + 1}`, 1)))
    const caller = await start("caller", { BENCH_ROLE: "caller" })
    await until("all nodes know each other", async () => (await nodesOf(caller)).length === size ? true : undefined)
    await old[0]!.call("start", { count: children })
    const allRun = (wanted = children) =>
      until(`${wanted} children run`, async () => {
        const { running } = (await caller.call("counts")) as { readonly running: number }
        return running >= wanted ? true : undefined
      })
    await allRun()
    await sleep(3_000)
    await caller.call("call", { count: children })
    const began = now()
    for (const [i, node] of old.entries()) {
      await release(`new-${i + 1}`, 2)
      // As a readiness probe and `minReadySeconds` would have it.
      await sleep(3_000)
      await leave(node)
      say(`${i + 1} of ${size} nodes replaced`)
    }
    // A release that cannot run some, and nobody else can: they are not waited for.
    if (!broken) await allRun()
    await sleep(2_000)
    const ended = now()
    const calls = (await caller.call("called")) as RolledOut["calls"]
    const shares = (await nodesOf(caller)).map(({ children }) => children)
    await Promise.all([...alive].map(leave))
    const lines = readFileSync(notes, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Line)
    return { ...judge(runsOf(lines), began, ended), children, calls, shares }
  } finally {
    for (const node of alive) node.signal("SIGKILL")
    await redis.stop("SIGKILL")
    rmSync(folder, { recursive: true })
  }
}

/** Judges the runs of all children within a time. */
const judge = (runs: RolledOut["runs"], began: number, ended: number) => {
  const gaps: Array<number> = []
  const away: Array<number> = []
  let [starts, overlaps] = [0, 0]
  for (const own of runs.values()) {
    let gone = 0
    for (const [i, { from }] of own.entries()) {
      const before = own[i - 1]
      if (before === undefined || from < began || from > ended) continue
      starts++
      if (before.to > from) overlaps++
      gaps.push(from - before.to)
      gone += Math.max(0, from - before.to)
    }
    away.push(gone)
  }
  return { runs, began, ended, moves: starts / runs.size, gaps, away, overlaps }
}

/** The middle and the end of a distribution, for a note. */
export const inShort = (values: ReadonlyArray<number>): string =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms`
