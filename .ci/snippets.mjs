/**
 * Type-checks every `ts` fence of README.md, AGENTS.md, llms.txt, docs/ and the doc comments of src/, and runs those marked `ts run`. A fence
 * is written to snippets/ at the line it has in its source, so that a message's line is the line to look at.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { bin, node, root, run } from "./lib.mjs"

/**
 * @typedef {object} Snippet
 * @property {string} source the file that holds the fence
 * @property {number} line of the first line of code
 * @property {number} column by which the code is indented in its source
 * @property {boolean} runs
 * @property {string} code
 * @property {string} file the generated one
 */

const folder = join(root, "snippets")

/**
 * @param {string} directory
 * @param {RegExp} pattern
 * @returns {Array<string>}
 */
const filesIn = (directory, pattern) => {
  if (!existsSync(join(root, directory))) return []
  const names = readdirSync(join(root, directory), { recursive: true, encoding: "utf8" })
  return names.filter((name) => pattern.test(name)).map((name) => join(directory, name)).sort()
}

/** @type {Array<string>} */
const problems = []

/**
 * Which lines may hold fences, and what precedes their text: everything in Markdown, doc comments only in code.
 *
 * @param {string} source
 * @param {Array<string>} lines
 */
const prefixes = (source, lines) => {
  if (/\.(md|txt)$/.test(source)) return lines.map(() => "")
  let inside = false
  return lines.map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true
    const prefix = inside ? /^\s*(?:\/\*\*|\*(?!\/))? ?/.exec(line)?.[0] ?? "" : undefined
    if (line.includes("*/")) inside = false
    return prefix
  })
}

/** @param {string} source */
const extract = (source) => {
  const lines = readFileSync(join(root, source), "utf8").split("\n")
  const prefix = prefixes(source, lines)
  /** @type {Array<Snippet>} */
  const snippets = []
  /** @type {{ start: number, indent: string, wanted: boolean, runs: boolean, code: Array<string> } | undefined} */
  let open
  lines.forEach((whole, index) => {
    const before = prefix[index]
    if (before === undefined) return
    const line = whole.slice(before.length)
    const fence = /^(\s*)(?:```+|~~~+)\s*(.*?)\s*$/.exec(line)
    if (open === undefined && fence !== null) {
      const [, indent = "", info = ""] = fence
      const wanted = /^(ts|typescript|mts|tsx)\b/i.test(info)
      if (wanted && info !== "ts" && info !== "ts run") {
        problems.push(`${source}:${index + 1}: a fence is "ts" or "ts run", not "${info}"`)
      }
      open = { start: index + 1, indent, wanted, runs: info === "ts run", code: [] }
    } else if (open !== undefined && fence !== null && fence[2] === "") {
      if (open.wanted) {
        const file = join(folder, `${source.replaceAll(/[^\w.]/g, "_")}.${open.start + 1}.ts`)
        const column = open.indent.length + (prefix[open.start] ?? "").length
        const code = "\n".repeat(open.start) + open.code.join("\n") + "\n"
        snippets.push({ source, line: open.start + 1, column, runs: open.runs, code, file })
      }
      open = undefined
    } else if (open !== undefined) {
      open.code.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart())
    }
  })
  if (open !== undefined) problems.push(`${source}:${open.start}: this fence is never closed`)
  return snippets
}

/** @param {ReadonlyArray<Snippet>} snippets */
const typeCheck = async (snippets) => {
  const { code, output } = await node(bin("typescript", "tsc"), ["-p", "snippets/tsconfig.json", "--pretty", "false"], {
    capture: true
  })
  if (code === 0) return
  const byFile = new Map(snippets.map((snippet) => [relative(root, snippet.file), snippet]))
  const shown = output.replaceAll(/^(snippets\/[^(]+)\((\d+),(\d+)\)/gm, (text, file, line, column) => {
    const snippet = byFile.get(file)
    return snippet === undefined ? text : `${snippet.source}:${line}:${Number(column) + snippet.column}`
  })
  problems.push(shown.trim())
}

/** @param {Snippet} snippet */
const runOne = async (snippet) => {
  const tsx = join(root, "node_modules", "tsx", "dist", "loader.mjs")
  const { code, output, timedOut } = await run(process.execPath, ["--import", tsx, snippet.file], {
    capture: true,
    timeout: 600_000,
    env: { TSX_TSCONFIG_PATH: join(folder, "tsconfig.json") }
  })
  const where = `${snippet.source}:${snippet.line}`
  if (timedOut) problems.push(`${where}: still running after ten minutes\n${output}`)
  else if (code !== 0) problems.push(`${where}: ended with exit code ${code}\n${output}`)
}

const sources = [
  ...filesIn(".", /^(README\.md|AGENTS\.md|llms\.txt)$/),
  ...filesIn("docs", /\.md$/),
  ...filesIn("src", /\.ts$/)
]
const snippets = sources.flatMap(extract)

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
snippets.forEach(({ code, file }) => writeFileSync(file, code))
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../tsconfig.json",
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ["*.ts"]
  })
)

if (problems.length === 0 && snippets.length > 0) await typeCheck(snippets)
const runnable = snippets.filter(({ runs }) => runs)
if (problems.length === 0) { for (const snippet of runnable) await runOne(snippet) }
problems.forEach((problem) => console.error(problem))
console.log(
  problems.length === 0
    ? `${snippets.length} snippets type-checked, ${runnable.length} of them run`
    : `${problems.length} problems in ${snippets.length} snippets`
)
process.exit(problems.length === 0 ? 0 : 1)
