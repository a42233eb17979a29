/**
 * Figures of the house: how large `src` is, what stands in it twice, and how many files one start, one end and one
 * remote call of a child pass through.
 *
 * --at REV   also those of another revision, from a worktree that is removed afterwards, with the dependencies of this one
 * --files    also the names: files by room, circles, what exists twice
 */
import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { staticFigures } from "./house-files.mjs"
import { bin, node, root, run, tempFolder } from "./lib.mjs"

/** @typedef {{ readonly file: string; readonly name: string; readonly at: number }} Called */

const { values: { at, files: named = false } } = parseArgs({
  options: { at: { type: "string" }, files: { type: "boolean" } }
})

/** @param {string} tree @returns {Promise<Record<string, ReadonlyArray<Called>>>} */
const traced = async (tree) => {
  const trace = join(root, ".ci", "house-trace.mjs")
  const { code, output } = await node(bin("tsx"), [trace, tree], { cwd: tree, capture: true, timeout: 120_000 })

  if (code !== 0) throw new Error(`the trace of ${tree} failed:\n${output}`)
  return JSON.parse(output)
}

/** @param {ReadonlyArray<Called>} calls */
const filesOf = (calls) => [...new Set(calls.map(({ file }) => file))].toSorted()

/** @param {ReadonlyArray<Called> | undefined} calls */
const passed = (calls = []) => `${filesOf(calls).length} files, ${calls.length} functions`

const trips = {
  start: "one startChild, until its fiber runs",
  startAndReport: "one startChild, until all know it",
  end: "one terminateChild, until its fiber ended",
  firstCall: "a first remote call, which connects",
  call: "one remote call"
}

/** @param {string} tree */
const measure = async (tree) => {
  const read = staticFigures(join(tree, "src"))
  const calls = await traced(tree)
  /** @type {ReadonlyArray<readonly [label: string, value: string]>} */
  const rows = [
    ["files in src", `${read.files}, ${read.internal} of them internal`],
    ["lines, without generated files", `${read.total}`],
    ["median file", `${read.median?.lines} lines`],
    ["longest file", `${read.longest?.lines} lines (${read.longest?.path})`],
    ["files in import circles, of types too", `${read.circles.flat().length}`],
    ["file names that exist twice", `${read.fileNames.length}`],
    ["type names that exist twice", `${read.typeNames.length}`],
    ...Object.entries(trips).map(([trip, label]) => /** @type {const} */ ([label, passed(calls[trip])]))
  ]
  return { rows, read, calls }
}

/** @param {string} file */
const roomOf = (file) => file.startsWith("internal/") ? file.split("/").slice(1, -1).join("/") || "internal" : "public"

/** @param {ReadonlyArray<Called>} calls */
const byRoom = (calls) => {
  const counts = filesOf(calls).map((file) => ({ file, functions: calls.filter((call) => call.file === file).length }))
  return [...new Set(counts.map(({ file }) => roomOf(file)))].map((room) => {
    const inside = counts.filter(({ file }) => roomOf(file) === room)
    return `  ${room} (${inside.length}): ${
      inside.map(({ file, functions }) => `${file.split("/").at(-1)} ${functions}`).join(", ")
    }`
  })
}

/** @param {string} title @param {Awaited<ReturnType<typeof measure>>} measured */
const printNames = (title, { calls, read }) => {
  for (const [trip, label] of Object.entries(trips)) {
    console.log(`\n${title}: ${label}: ${passed(calls[trip])}; functions behind each file`)
    console.log(byRoom(calls[trip] ?? []).join("\n"))
  }
  const lists = {
    "import circles": read.circles.map((circle) => circle.join(", ")),
    "exist twice": [...read.fileNames, ...read.typeNames]
  }
  for (const [what, list] of Object.entries(lists)) {
    if (list.length > 0) console.log(`\n${title}: ${what}\n${list.map((one) => `  ${one}`).join("\n")}`)
  }
}

/** @param {ReadonlyArray<string>} args */
const git = (args) => run("git", args, { capture: true })

/** @param {string} revision */
const measureAt = async (revision) => {
  const tree = join(tempFolder("pogo-house-"), "tree")
  mkdirSync(tree)
  const { code, output } = await git(["worktree", "add", "--detach", tree, revision])
  if (code !== 0) throw new Error(output)
  try {
    symlinkSync(join(root, "node_modules"), join(tree, "node_modules"), "junction")
    return await measure(tree)
  } finally {
    await git(["worktree", "remove", "--force", tree])
  }
}

const now = await measure(root)
const before = at === undefined ? undefined : await measureAt(at)
const width = Math.max(...now.rows.map(([label]) => label.length))
const column = Math.max(...(before?.rows ?? []).map(([, value]) => value.length), at?.length ?? 0)
if (at !== undefined) console.log(`${"".padEnd(width)}  ${at.padEnd(column)}  now`)
now.rows.forEach(([label, value], i) => {
  const earlier = before === undefined ? "" : `${(before.rows[i]?.[1] ?? "").padEnd(column)}  `
  console.log(`${label.padEnd(width)}  ${earlier}${value}`)
})
if (named) {
  if (before !== undefined) printNames(at ?? "", before)
  printNames("now", now)
}
