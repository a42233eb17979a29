/**
 * All checks, in the order in which they are cheap. Stops at the first that fails. The last line is
 * `N passed, N failed`, from vitest's own counts (zeros when it never got to run).
 */
import { join } from "node:path"
import { bin, node, readJson, root, tempFolder } from "./lib.mjs"
import { locateRedis } from "./redis.mjs"

/** The whole run has to end within twenty minutes. */
const deadline = Date.now() + 19 * 60_000

const temp = tempFolder("pogo-test-")

const counts = { passed: 0, failed: 0 }

/**
 * @param {string} script
 * @param {ReadonlyArray<string>} [args]
 */
const tool = async (script, args = []) => {
  const { code, timedOut } = await node(script, args, {
    timeout: Math.max(1_000, deadline - Date.now()),
    // Works without a home folder to write to.
    env: { DPRINT_CACHE_DIR: join(root, "node_modules", ".cache", "dprint") }
  })
  if (timedOut) throw new Error("the time for the whole run is over")
  if (code !== 0) throw new Error(`exit code ${code}`)
}

/** @param {string} name */
const script = (name) => join(root, ".ci", name)

const redis = async () => {
  try {
    const { how, version } = await locateRedis()
    console.log(`Redis ${version} (${how})`)
  } catch (error) {
    const url = process.env["POGO_REDIS_URL"]
    if (url === undefined || url === "") throw error
    console.log("Redis at POGO_REDIS_URL; tests that start servers of their own will fail")
  }
}

/** @param {string} file */
const readCounts = (file) => {
  const report = readJson(file)
  counts.passed = report.numPassedTests
  counts.failed = report.numFailedTests
  // A file that cannot be loaded has no tests to count, yet it is a failure.
  for (const { assertionResults, status } of report.testResults) {
    if (status === "failed" && assertionResults.length === 0) counts.failed += 1
  }
}

const vitest = async () => {
  const file = join(temp, "vitest.json")
  const args = ["run", "--allowOnly=false", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]
  const problem = await tool(bin("vitest"), args).catch((error) => error)
  try {
    readCounts(file)
  } catch {
    console.error("vitest left no counts")
  }
  if (problem === undefined) return
  // An error outside of every test fails the run, too.
  counts.failed ||= 1
  throw problem
}

/** @type {ReadonlyArray<readonly [string, () => Promise<void>]>} */
const steps = [
  ["setup", () => tool(script("setup.mjs"))],
  ["redis", redis],
  ["types", () => tool(bin("typescript", "tsc"), ["--noEmit"])],
  ["lint", () => tool(script("lint.mjs"))],
  ["format", () => tool(bin("dprint"), ["check"])],
  ["tests", vitest],
  ["snippets", () => tool(script("snippets.mjs"))],
  ["package", () => tool(script("pack.mjs"))]
]

let failed = false
for (const [name, step] of steps) {
  console.log(`\n== ${name}`)
  const start = Date.now()
  const problem = await step().then(() => undefined, (error) => error instanceof Error ? error.message : String(error))
  const seconds = `${((Date.now() - start) / 1000).toFixed(1)} s`
  if (problem === undefined) {
    console.log(`== ${name}: ok, ${seconds}`)
  } else {
    console.log(`== ${name}: FAILED after ${seconds}: ${problem}`)
    failed = true
    break
  }
}

console.log(`\n${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = failed ? 1 : 0
