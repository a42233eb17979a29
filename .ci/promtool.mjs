/**
 * Finds Prometheus' `promtool`, which tests alert rules: POGO_PROMTOOL, PATH, the cache, else Debian's package. It needs
 * nothing but the machine's own C library.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { call, fetchPackages, hostSources } from "./debian.mjs"

const wanted = { kind: "promtool", name: "host" }

/** @param {string} program */
const works = (program) => spawnSync(program, ["--version"]).status === 0

/** @param {string} folder */
const programIn = (folder) => join(folder, "root", "usr", "bin", "promtool")

const remedy = "No promtool. Install prometheus, or set POGO_PROMTOOL=/path/to/promtool"

/** What the package wants for the server's pages and its set-up, and for the C library. */
const without = [
  "libc6",
  "libjs-bootstrap4",
  "libjs-eonasdan-bootstrap-datetimepicker",
  "libjs-jquery",
  "libjs-jquery-hotkeys",
  "libjs-moment",
  "libjs-moment-timezone",
  "libjs-mustache",
  "libjs-popper.js",
  "libjs-rickshaw"
]

/** The program. Fails with the remedy when there is none. */
export const locatePromtool = async () => {
  const named = process.env["POGO_PROMTOOL"] ?? ""
  if (named !== "") {
    if (works(named)) return named
    throw new Error(`POGO_PROMTOOL=${named} does not start. ${remedy}`)
  }
  if (works("promtool")) return "promtool"
  try {
    const finish = async (/** @type {string} */ folder) => void (await call(programIn(folder), ["--version"]))
    const folder = await fetchPackages({ ...wanted, packages: ["prometheus"], without, sources: hostSources, finish })
    return programIn(folder)
  } catch (error) {
    throw new Error(`${remedy}\n${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
