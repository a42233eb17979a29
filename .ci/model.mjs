/**
 * `npm run model`: searches the models in docs/model completely, then each with one rule broken, which must be noticed.
 * Spin comes from PATH (or POGO_SPIN), else from Debian's package, unpacked into the cache without root. Needs gcc.
 * `-- --only text` runs those whose name contains a text. Prints a table; exits with 1 if anything is not as expected.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs, promisify } from "node:util"

const exec = promisify(execFile)
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, "node_modules", ".cache", "effect-pogo", "spin")

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } })

/** Seconds of processor time that one search may take. */
const patience = 170

/** Downloads Debian's package and unpacks it. */
const fetchSpin = async () => {
  const program = join(cache, "root", "usr", "bin", "spin")
  if (existsSync(program)) return program
  mkdirSync(cache, { recursive: true })
  // As root, apt would download as another user, who cannot write here.
  const asRoot = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : []
  await exec("apt-get", [...asRoot, "download", "spin"], { cwd: cache, timeout: 90_000 })
  const deb = readdirSync(cache).find((name) => name.endsWith(".deb"))
  if (deb === undefined) throw new Error("apt-get download spin left no package")
  await exec("dpkg-deb", ["-x", join(cache, deb), join(cache, "root")])
  return program
}

const locateSpin = async () => {
  const named = process.env["POGO_SPIN"] ?? "spin"
  try {
    await exec(named, ["-V"])
    return named
  } catch {
    return fetchSpin().catch((error) => {
      throw new Error(`no spin: install Debian's package spin, or set POGO_SPIN=/path/to/spin (${error.message})`)
    })
  }
}

/**
 * @param {string} text
 * @returns {ReadonlyArray<string>}
 */
const words = (text) => text.split(" ").filter((word) => word !== "")

/** Faults that are named; all others are off. @param {string} text */
const safety = (text) => ["CRASHES=0", "FREEZES=0", "GHOSTS=0", "S=3", "K=2", ...words(text)]
/** @param {string} text */
const liveness = (text) => ["CRASHES=0", "CUTS=0", "DROPS=0", "LOSSES=0", "CALLS=0", ...words(text)]

/** @type {ReadonlyArray<readonly [model: "ownership" | "liveness", name: string, macros: ReadonlyArray<string>]>} */
const complete = [
  ["ownership", "messages lost, late, and after their caller gave up", safety("GHOSTS=1")],
  ["ownership", "a process stopped and continued", safety("FREEZES=1")],
  ["ownership", "a process that ends, evidence of its end, restarts", safety("CRASHES=1")],
  ["ownership", "the registry's clock jumps, leases are renewed at any time", safety("JUMPS=1 EAGER=1")],
  ["ownership", "data lost or older", safety("LOSSES=1")],
  ["ownership", "terminated and started again by calls", safety("CALLS=2")],
  ["ownership", "terminated, then data lost or older", safety("LOSSES=1 CALLS=1")],
  ["liveness", "a process that ends, data lost, terminated", liveness("CRASHES=1 LOSSES=1 CALLS=1")],
  ["liveness", "a node cut off, a message lost, terminated", liveness("CUTS=1 DROPS=1 CALLS=1")],
  ["liveness", "a process that ends, two messages lost", liveness("CRASHES=1 DROPS=2")],
  ["liveness", "a node cut off, data lost", liveness("CUTS=1 LOSSES=1")]
]

/** @type {ReadonlyArray<readonly [model: "ownership" | "liveness", rule: string, macros: ReadonlyArray<string>]>} */
const broken = [
  ["ownership", "LEASE_FROM_REPLY", safety("JUMPS=1 EAGER=1")],
  ["ownership", "NO_MARGIN", safety("JUMPS=1")],
  ["ownership", "UNCLAMPED_CLOCK", safety("JUMPS=1 EAGER=1")],
  ["ownership", "NO_FENCE", safety("")],
  ["ownership", "RELEASE_FIRST", safety("")],
  ["ownership", "STEAL", safety("")],
  ["ownership", "GRANT_NOT_RECHECKED", safety("")],
  ["ownership", "RENEW_DEAD", safety("")],
  ["ownership", "REOPEN_DEAD", safety("GHOSTS=1")],
  ["ownership", "RELEASE_WITHOUT_TOKEN", safety("GHOSTS=1 K=3")],
  ["ownership", "ASSERT_BLINDLY", safety("K=3 S=4")],
  ["ownership", "CLOSE_ALIVE", safety("CRASHES=1")],
  ["ownership", "FROZEN_IS_GONE", safety("FREEZES=1")],
  ["ownership", "NUMBER_IS_ENOUGH", safety("CRASHES=1")],
  ["ownership", "NO_QUARANTINE", safety("LOSSES=1")],
  ["ownership", "SHORT_QUARANTINE", safety("LOSSES=1 JUMPS=1")],
  ["ownership", "NOTHING_ASSERTED", safety("LOSSES=1")],
  ["ownership", "LOSS_UNNOTICED", safety("LOSSES=1")],
  ["ownership", "COUNTER_NOT_SEEDED", safety("LOSSES=1")],
  ["ownership", "NOT_GIVEN_BACK", safety("LOSSES=1 CALLS=1")],
  ["ownership", "NO_TOMBSTONE", safety("LOSSES=1 CALLS=1")],
  ["ownership", "SPEC_NOT_CHECKED", safety("CALLS=1")],
  ["liveness", "GHOST_STAYS", liveness("DROPS=1")],
  ["liveness", "NOT_RELEASED", liveness("CUTS=1")],
  ["liveness", "NOT_TRIED_AGAIN", liveness("DROPS=1")],
  ["liveness", "RENEWAL_TELLS_NOTHING", liveness("DROPS=1 CALLS=1")],
  ["liveness", "QUARANTINE_END_UNNOTICED", liveness("LOSSES=1")],
  ["liveness", "NOT_REAPED", liveness("CRASHES=1 CUTS=1")],
  ["liveness", "NOT_GIVEN_BACK", liveness("LOSSES=1")]
]

/** @param {string} text @param {RegExp} pattern */
const find = (text, pattern) => pattern.exec(text)?.[1] ?? "?"

/** @param {string} spin @param {string} model @param {ReadonlyArray<string>} macros */
const search = async (spin, model, macros) => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-model-"))
  try {
    const defines = new Map(macros.map((macro) => [macro.split("=")[0], macro]))
    const flags = Array.from(defines.values(), (macro) => `-D${macro}`)
    await exec(spin, [...flags, "-a", join(root, "docs", "model", `${model}.pml`)], { cwd: folder })
    const live = model === "liveness"
    const options = live ? ["-DNFAIR=5"] : ["-DSAFETY", "-DNOFAIR"]
    await exec("gcc", ["-O2", "-w", "-DCOLLAPSE", "-DMEMLIM=8000", ...options, "-o", "pan", "pan.c"], { cwd: folder })
    const run = `ulimit -t ${patience}; exec ./pan ${live ? "-a -f" : ""} -m2000000 -w24`
    const { stdout } = await exec("/bin/sh", ["-c", run], { cwd: folder, maxBuffer: 1 << 24 }).catch((error) => error)
    const text = String(stdout)
    const errors = find(text, /errors: (\d+)/)
    const cutShort = /max search depth too small|out of memory|Search not completed/i.test(text) || errors === "?"
    return {
      verdict: errors === "0" ? cutShort ? "incomplete" : "holds" : errors === "?" ? "incomplete" : "refuted",
      states: find(text, /(\d+) states, stored/),
      depth: find(text, /depth reached (\d+)/),
      memory: find(text, /([\d.]+)\s+total actual memory/),
      seconds: find(text, /elapsed time ([\d.]+)/)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const print = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`)

const spin = await locateSpin()
print(`${(await exec(spin, ["-V"])).stdout.trim()}\n`)
print("| model | what | bounds | expected | found | states | depth | MB | s |")
print("| - | - | - | - | - | - | - | - | - |")
let wrong = 0
/** @param {ReadonlyArray<readonly [string, string, ReadonlyArray<string>]>} rows @param {string} expected @param {(name: string) => ReadonlyArray<string>} more */
const table = async (rows, expected, more) => {
  for (const [model, name, macros] of rows.filter(([model, name]) => `${model} ${name}`.includes(values.only))) {
    const bounds = Array.from(new Map(macros.map((macro) => [macro.split("=")[0], macro])).values())
      .filter((macro) => !macro.endsWith("=0")).map((macro) => macro.replace("=", " ")).join(", ")
    const { depth, memory, seconds, states, verdict } = await search(spin, model, [...macros, ...more(name)])
    if (verdict !== expected) wrong++
    print(
      `| ${model} | ${name} | ${bounds} | ${expected} | ${verdict} | ${states} | ${depth} | ${memory} | ${seconds} |`
    )
  }
}
await table(complete, "holds", () => [])
await table(broken, "refuted", (name) => [`M_${name}`])
process.exit(wrong > 0 ? 1 : 0)
