/**
 * Measures two builds in turns: the working tree, and a commit with today's benchmark laid over it.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { node, npm, root, run } from "../../.ci/lib.mjs"
import { locateRedis } from "../../.ci/redis.mjs"
import type { Bench, Group, Row } from "./bench.js"
import { comparisonLines, type Pair } from "./compare.js"

/** The order in which the builds are measured: what drifts while they are hits both alike. */
const order = ["before", "after", "after", "before"] as const

type Side = (typeof order)[number]

const git = async (args: ReadonlyArray<string>): Promise<string> => {
  const { code, output } = await run("git", args, { capture: true })
  if (code !== 0) throw new Error(`git ${args.join(" ")} failed: ${output.trim()}`)
  return output.trim()
}

const orFail = async (what: string, running: Promise<{ readonly code: number; readonly output: string }>) => {
  const { code, output } = await running
  if (code !== 0) throw new Error(`${what} failed: ${output.slice(-2_000)}`)
}

const lockOf = (folder: string): string => readFileSync(join(folder, "package-lock.json"), "utf8")

/** A copy of the commit in a folder of its own, with its own dependencies and today's benchmark. */
const checkOut = async (commit: string, bench: Bench): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-bench-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  await git(["clone", "--quiet", "--no-checkout", root, folder])
  await git(["-C", folder, "checkout", "--quiet", commit])
  if (lockOf(folder) === lockOf(root)) symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  else {
    bench.say(`installing the dependencies of ${commit}`)
    await orFail("npm ci", npm(["ci", "--include=dev", "--no-audit", "--no-fund"], { cwd: folder, capture: true }))
  }
  rmSync(join(folder, "bench"), { recursive: true, force: true })
  cpSync(join(root, "bench"), join(folder, "bench"), { recursive: true })
  return folder
}

/** The rows of one run of a group, by their names. None where it could not be measured. */
const measure = async (
  folder: string,
  group: Group,
  bench: Bench,
  env: Record<string, string>
): Promise<ReadonlyArray<Row>> => {
  const file = join(folder, "bench", "results-of-run.json")
  rmSync(file, { force: true })
  const only = group.rows.filter((name) => bench.wants(name)).flatMap((name) => ["--only", name])
  const args = ["--import", "tsx", "bench/run.ts", "--built", "--results", file, ...only]
  const quick = bench.quick ? ["--quick"] : []
  const { output } = await run(process.execPath, [...args, ...quick], { cwd: folder, env, capture: true })
  if (!existsSync(file)) {
    bench.say(`it could not be measured: ${output.slice(-1_000)}`)
    return []
  }
  const rows = JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<Row>
  rmSync(file, { force: true })
  return rows
}

/** Measures the groups in both builds, and prints what differs. `results`: where the rows of both are written for programs. */
export const measureAgainst = async (
  commit: string,
  groups: ReadonlyArray<Group>,
  bench: Bench,
  results: string
): Promise<void> => {
  const name = await git(["-C", root, "rev-parse", "--short", commit])
  const folders = { after: root, before: await checkOut(name, bench) }
  for (const side of ["before", "after"] as const) {
    bench.say(`building ${side === "after" ? "the working tree" : name}`)
    await orFail("the build", node(join(folders[side], ".ci/build.mjs"), [], { cwd: folders[side], capture: true }))
  }
  // One server for both, whatever the commit's own way to one is.
  const env = { POGO_REDIS_SERVER: (await locateRedis()).server }
  const found = new Map<string, { row: Row } & Record<Side, Array<ReadonlyArray<number>>>>()
  for (const [i, group] of groups.entries()) {
    for (const [turn, side] of order.entries()) {
      bench.say(
        `[${i + 1}/${groups.length}] ${group.title}: ${side === "after" ? "now" : name}, ${turn + 1} of ${order.length}`
      )
      for (const row of await measure(folders[side], group, bench, env)) {
        const pair = found.get(row.name) ?? { row, before: [], after: [] }
        pair[side].push(row.values)
        found.set(row.name, pair)
      }
    }
    const pairs: ReadonlyArray<Pair> = Array.from(found.values())
    writeFileSync(results, JSON.stringify(pairs, undefined, 2) + "\n")
  }
  console.log(comparisonLines(Array.from(found.values()), name).join("\n"))
}
