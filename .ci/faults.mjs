/**
 * Writes `docs/faults.md`: every fault, what is expected, what the tests that provoke it saw, and their names.
 *
 * `node .ci/faults.mjs` runs those tests; `--from report.json measured.jsonl` takes over what another run of vitest left
 * (with `--reporter=json`, and `POGO_MEASURED` naming the second file).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { rows } from "./fault-rows.mjs"
import { bin, node, readJson, root, tempFolder } from "./lib.mjs"

const given = process.argv.indexOf("--from")

/** @returns {Promise<readonly [report: string, measured: string]>} */
const run = async () => {
  const folder = tempFolder("pogo-faults-")
  const [report, measured] = [join(folder, "report.json"), join(folder, "measured.jsonl")]
  const args = ["run", "-t", "\\[F\\d", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
  const { code } = await node(bin("vitest"), args, { env: { POGO_MEASURED: measured } })
  if (code !== 0) console.error(`vitest: exit code ${code}; the table tells which failed`)
  return [report, measured]
}

const [reportFile, measuredFile] = given < 0
  ? await run()
  : [process.argv[given + 1] ?? "", process.argv[given + 2] ?? ""]

/** @type {Map<string, Array<string>>} */
const seen = new Map()
if (existsSync(measuredFile)) {
  for (const line of readFileSync(measuredFile, "utf8").split("\n").filter(Boolean)) {
    const { row, text } = JSON.parse(line)
    const known = seen.get(row) ?? []
    seen.set(row, known)
    if (!known.includes(text)) known.push(text)
  }
}

/** @typedef {{ readonly name: string, readonly file: string, readonly ok: boolean }} Test */

/** @type {Array<Test>} */
const tests = readJson(reportFile).testResults.flatMap((/** @type {any} */ file) =>
  file.assertionResults.filter((/** @type {any} */ { status }) => status !== "skipped" && status !== "pending").map((
    /** @type {any} */ { fullName, status }
  ) => ({
    name: fullName.replaceAll(/\[F\d+\] ?/g, "").trim(),
    file: relative(root, file.name),
    ok: status === "passed",
    rows: Array.from(fullName.matchAll(/\[(F\d+)\]/g), (match) => match[1])
  }))
)

/** @param {string} id @returns {ReadonlyArray<Test>} */
const testsOf = (id) => {
  const all = tests.filter((test) => /** @type {any} */ (test).rows.includes(id))
  return all.filter(({ name, file }, i) => all.findIndex((other) => other.name === name && other.file === file) === i)
}

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ")

/** @param {string} id */
const measuredCell = (id) => {
  const failed = testsOf(id).filter(({ ok }) => !ok).length
  const words = seen.get(id) ?? ["as expected"]
  return `${failed > 0 ? `**${failed} FAILED** ` : ""}${words.map(cell).join("<br>")}`
}

/** @param {string} id */
const testsCell = (id) => {
  const all = testsOf(id)
  // The registry's rules are tested on every backend: the first of them stands for all.
  const short = all.filter(({ name }, i) => all.findIndex((other) => other.name.slice(-60) === name.slice(-60)) === i)
  return short.map(({ file, name }) => `${cell(name)} (\`${file}\`)`).join("<br>")
}

const sections = Array.from(new Set(rows.map(({ section }) => section)))

const tables = sections.map((section) => {
  const own = rows.filter((row) => row.section === section)
  const lines = own.map(({ expected, fault, id, note }) =>
    `| ${id} | ${cell(fault)}${note === undefined ? "" : ` (${cell(note)})`} | ${cell(expected)} | ${
      measuredCell(id)
    } | ${testsCell(id)} |`
  )
  return [
    `## ${section}`,
    "",
    "| row | fault | expected | measured | tests |",
    "| --- | --- | --- | --- | --- |",
    ...lines
  ]
    .join("\n")
})

const missing = rows.filter(({ id }) => testsOf(id).length === 0).map(({ id }) => id)
const failed = tests.filter(({ ok }) => !ok)

const text = `# Faults

What breaks, what you may count on, and what the tests saw that break it: real processes, real Redis servers, real signals, and proxies that cut, delay, hold and repeat; the in-memory registry in virtual time where a history must be exact. Written by \`npm run faults:table\`; the numbers are of one run on a busy machine with two cores, with leases of a few seconds so that the tests are short (everything scales with \`ttl\`, 15 s by default).

"Overlaps" are two copies of a child that ran at once; "unfenced": both of their \`Child.Current.check\` succeeded. "Writes" go to a resource that compares fencing tokens. "Moves" are starts after the first. The windows (W1, ...) are those of [protocol.md](protocol.md).

${rows.length} faults, ${rows.length - missing.length} of them provoked by ${tests.length} tests.

${tables.join("\n\n")}

## Longer runs

\`npm run chaos\` plays rows of this table at random on 20 processes and 500 children for ten minutes; \`npm run simulate\` explores histories in virtual time by the thousand.

## Not provoked here

- A machine that is suspended and resumed; the process then has the time of \`os.uptime()\`, which is tested on its own.
- Clocks changed under Redis or a whole machine: libfaketime is not at hand. Redis' scripts are told other times instead, on a real server.
- A disk that is really full, memory that really fails, and networks that corrupt bytes.
- Calls between children: their tests are with the calls.
`

const target = join(root, "docs", "faults.md")
writeFileSync(target, text)
await node(bin("dprint"), ["fmt", "docs/faults.md"], { capture: true })
console.log(`docs/faults.md: ${rows.length} rows, ${tests.length} tests, ${failed.length} failed`)
if (missing.length > 0) console.error(`rows without a test that ran: ${missing.join(", ")}`)
process.exitCode = missing.length > 0 || failed.length > 0 ? 1 : 0
