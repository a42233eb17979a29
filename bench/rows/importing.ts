/**
 * What it costs to have the package: time and memory of the import and of a first supervisor, and bytes on disk.
 */
import { execFile } from "node:child_process"
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { root } from "../../.ci/lib.mjs"
import { atMost, type Group } from "../support/bench.js"
import { median } from "../support/numbers.js"

const names = {
  time: "import and PogoLive over importing effect: time",
  memory: "import and PogoLive over importing effect: heap",
  size: "size of the packed package",
  pulled: "size of what it pulls in, installed"
}

const run = promisify(execFile)

interface Cost {
  readonly millis: number
  readonly bytes: number
}

const costOf = async (what: "effect" | "pogo"): Promise<Cost> => {
  const script = new URL("../support/import.mjs", import.meta.url).pathname
  const { stdout } = await run(process.execPath, ["--expose-gc", script, what], { cwd: root, timeout: 30_000 })
  return JSON.parse(stdout) as Cost
}

const bytesIn = (folder: string): number => {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}

export const importing: Group = {
  title: "importing",
  rows: Object.values(names),
  run: async (bench) => {
    const pairs: Array<readonly [pogo: Cost, effect: Cost]> = []
    for (let i = 0; i < bench.rounds(15); i++) pairs.push([await costOf("pogo"), await costOf("effect")])
    if (pairs.length > 3) pairs.shift()
    const ratios = (of: (cost: Cost) => number) => pairs.map(([pogo, effect]) => of(pogo) / of(effect))
    const raw = (of: (cost: Cost) => number) => median(pairs.map(([, effect]) => of(effect)))
    bench.tell(names.time, {
      value: ratios(({ millis }) => millis),
      unit: "x",
      target: atMost(1.3),
      raw: { what: "effect", value: raw(({ millis }) => millis), unit: "ms" }
    })
    bench.tell(names.memory, {
      value: ratios(({ bytes }) => bytes),
      unit: "x",
      target: atMost(1.3),
      raw: { what: "effect", value: raw(({ bytes }) => bytes) / 1e6, unit: "MB" }
    })
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root })
    const [packed] = JSON.parse(stdout) as ReadonlyArray<{ readonly size: number; readonly unpackedSize: number }>
    const note = `unpacked ${Math.round(packed!.unpackedSize / 1_000)} kB`
    bench.tell(names.size, { value: packed!.size / 1_000, unit: "kB", note })
    const installed = join(root, "node_modules")
    const effect = ["effect", "fast-check", "@standard-schema/spec", "pure-rand"].map((name) => join(installed, name))
    bench.tell(names.pulled, {
      value: effect.reduce((sum, folder) => sum + bytesIn(folder), 0) / 1e6,
      unit: "MB",
      note:
        "effect, a peer, with its own dependencies; no dependencies of its own; ioredis, platform-node, rpc on demand"
    })
  }
}
