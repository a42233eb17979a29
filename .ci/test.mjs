/**
 * Runs the tiers of tests that are named: `quick` (also when none is named), `deep`, or both. `quick` judges a change;
 * `deep` is what remains. Every step runs, whatever failed before it, so that one run tells all that is wrong. The last
 * line is `N passed, N failed`: tests, and each other check that failed.
 *
 * `--within 55` ends the tests after so many minutes from the start. The counts are then of what ran, and what did not
 * is told; that time was short is no failure.
 */
import { join } from "node:path"
import { parseArgs } from "node:util"
import { countsFile, readCounts } from "./counts.mjs"
import { bin, node, root, tempFolder } from "./lib.mjs"
import { locateRedis } from "./redis.mjs"

const { positionals, values } = parseArgs({ allowPositionals: true, options: { within: { type: "string" } } })

const deadline = values.within === undefined ? Infinity : Date.now() + Number(values.within) * 60_000

const temp = tempFolder("pogo-test-")

const counts = { passed: 0, failed: 0 }

/** What failed, and files that did not run: told once more in the end, where it is seen. */
/** @type {Array<string>} */
const remarks = []

/** @param {string} script */
const own = (script) => join(root, ".ci", script)

// Works without a home folder to write to.
const env = { DPRINT_CACHE_DIR: join(root, "node_modules", ".cache", "dprint") }

/**
 * A check is a script that fails, or does not. Which script is asked late: before the set-up there may be none.
 *
 * @typedef {readonly [name: string, script: () => string, args?: ReadonlyArray<string>]} Check
 */

/** @type {ReadonlyArray<Check>} */
const reading = [
  ["types", () => bin("typescript", "tsc"), ["--noEmit"]],
  ["types of the page", () => bin("typescript", "tsc"), ["--noEmit", "-p", "src/internal/dashboard"]],
  ["format", () => bin("dprint"), ["check"]],
  ["lint", () => own("lint.mjs")]
]

/** @type {ReadonlyArray<Check>} */
const running = [
  ["snippets", () => own("snippets.mjs")],
  ["package", () => own("pack.mjs")]
]

/** @param {number} since */
const seconds = (since) => `${((Date.now() - since) / 1_000).toFixed(1)} s`

/** @param {string} name @param {number} since @param {string | undefined} problem @param {string} output */
const tell = (name, since, problem, output) => {
  const text = output.trim()
  if (text !== "") console.log(`\n== ${name}\n${text}`)
  console.log(`== ${name}: ${problem === undefined ? "ok" : `FAILED: ${problem}`}, ${seconds(since)}`)
  if (problem === undefined) return
  counts.failed++
  remarks.push(`${name} failed: ${problem}`)
}

/** @param {Check} one */
const check = async ([name, script, args = []]) => {
  const since = Date.now()
  const { code, output } = await node(script(), args, { capture: true, env })
  tell(name, since, code === 0 ? undefined : `exit code ${code}`, code === 0 ? "" : output)
}

/** @param {ReadonlyArray<Check>} checks */
const inOrder = async (checks) => {
  for (const each of checks) await check(each)
}

const setup = async () => {
  const { code } = await node(own("setup.mjs"), [])
  if (code !== 0) throw new Error("the dependencies could not be installed")
}

const redis = async () => {
  const since = Date.now()
  try {
    const { how, version } = await locateRedis()
    tell("redis", since, undefined, `Redis ${version} (${how})`)
  } catch (error) {
    const given = process.env["POGO_REDIS_URL"] ?? ""
    const problem = error instanceof Error ? error.message : String(error)
    if (given === "") tell("redis", since, problem, "")
    else tell("redis", since, undefined, "Redis at POGO_REDIS_URL; tests that start servers of their own will fail")
  }
}

/**
 * Runs of vitest that go on at once: those that want a processor, and those that mostly wait.
 *
 * @typedef {{ readonly name: string, readonly args: ReadonlyArray<string> }} Lane
 */

/** @type {Record<string, ReadonlyArray<Lane>>} */
const tiers = {
  quick: [
    // Most of these files take a moment, and a second to load all modules: workers load them once for all. A third
    // worker, since a `TestClock` waits for Node's timers at each of its steps: a core is idle half of that time.
    { name: "unit", args: ["--project=unit", "--no-isolate", "--maxWorkers=3", "--minWorkers=3"] },
    { name: "real", args: ["--project=redis", "--project=process"] }
  ],
  deep: [{ name: "deep", args: ["--project=deep", "--project=ioredis-6"] }]
}

/**
 * Some of the tests, to their end or to the deadline.
 *
 * @param {Lane} lane
 */
const tests = async ({ args, name }) => {
  const since = Date.now()
  const file = join(temp, `${name}.jsonl`)
  const reporters = ["--reporter=default", `--reporter=${own("counts.mjs")}`]
  const { code, timedOut } = await node(bin("vitest"), ["run", ...args, "--allowOnly=false", ...reporters], {
    env: { [countsFile]: file },
    ...(deadline === Infinity ? {} : { timeout: Math.max(1_000, deadline - Date.now()) })
  })
  const { ended, failed, failures, left, passed, skipped } = readCounts(file)
  counts.passed += passed
  counts.failed += failed
  console.log(`== tests, ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds(since)}`)
  for (const failure of failures) remarks.push(`failed: ${failure}`)
  if (timedOut) {
    remarks.push(`tests, ${name}: time was up; ${left.length} files did not run to their end:`)
    for (const one of left) remarks.push(`  ${one}`)
  } else if (!ended || (code !== 0 && failed === 0)) {
    counts.failed++
    remarks.push(`tests, ${name}: vitest ended with exit code ${code}, and does not say why`)
  }
}

/** @param {ReadonlyArray<Lane>} lanes */
const atOnce = (lanes) => Promise.all(lanes.map(tests))

const quick = async () => {
  await Promise.all(reading.map(check))
  // The package's check mostly waits for npm.
  await Promise.all([atOnce(tiers.quick ?? []), inOrder(running)])
}

const chosen = positionals.length === 0 ? ["quick"] : positionals

const main = async () => {
  const unknown = chosen.filter((tier) => !(tier in tiers))
  if (unknown.length > 0) throw new Error(`no tier "${unknown.join(", ")}"; there are quick and deep`)
  await setup()
  await redis()
  if (chosen.includes("quick")) await quick()
  if (!chosen.includes("deep")) return
  await check(["types, ioredis 6", () => bin("typescript", "tsc"), ["--noEmit", "-p", own("ioredis-6.tsconfig.json")]])
  await atOnce(tiers.deep ?? [])
  await check(["installers", () => own("installers.mjs")])
}

await main().catch((error) => {
  counts.failed++
  remarks.push(error instanceof Error ? error.message : String(error))
})

console.log("")
for (const remark of remarks) console.log(remark)
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed > 0 ? 1 : 0
