/**
 * The benchmark: every figure against its target, and against the bare building block measured in the same run.
 *
 * `npm run bench` measures everything, `-- --quick` at a tenth of the size, `-- --only NAME` the rows whose names begin
 * so (may be given several times), `-- --list` tells the names. `-- --against COMMIT` measures that commit beside the
 * working tree. See README.md in this folder.
 */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { node, root } from "../.ci/lib.mjs"
import { groups } from "./rows/index.js"
import { measureAgainst } from "./support/against.js"
import { Bench, tableOf } from "./support/bench.js"

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    against: { type: "string" },
    // For a run of one build among others: the package is built, and the rows are for whoever compares.
    built: { type: "boolean", default: false },
    results: { type: "string", default: fileURLToPath(new URL("results.json", import.meta.url)) }
  }
})

/** Builds the package, which is what the programs that are measured use. */
const build = async (bench: Bench): Promise<void> => {
  bench.say("building the package")
  const { code } = await node(join(root, ".ci/build.mjs"), [])
  if (code !== 0) throw new Error("the package does not build")
}

const main = async (): Promise<void> => {
  if (values.list) return console.log(groups.flatMap(({ rows }) => rows).join("\n"))
  const bench = new Bench(values.quick, values.only)
  const chosen = groups.filter(({ rows }) => bench.wants(...rows))
  if (chosen.length === 0) throw new Error(`no row begins with "${values.only.join(`", "`)}"; --list tells all names`)
  if (values.against !== undefined) {
    const results = fileURLToPath(new URL("against.json", import.meta.url))
    return measureAgainst(values.against, chosen, bench, results)
  }
  if (!values.built) await build(bench)
  for (const [i, { run, title }] of chosen.entries()) {
    bench.say(`[${i + 1}/${chosen.length}] ${title}`)
    // A group that cannot be measured must not take the others with it.
    await run(bench).catch((error) => bench.say(`${title} could not be measured: ${String(error?.stack ?? error)}`))
    bench.save(values.results)
  }
  console.log(tableOf(bench.rows))
  const missed = bench.rows.filter(({ met }) => met === false)
  if (missed.length > 0) console.log(`\n${missed.length} of ${bench.rows.length} rows miss their targets`)
}

await main()
process.exit(0)
