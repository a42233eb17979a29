/**
 * Finds a Chromium or Chrome for tests of the page, fetching Debian's package when the machine has none. Debian's runs
 * by the machine's own loader and C library, whose release it is from, with its other libraries from the cache.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cachedFolder, call, fetchPackages, hostSources } from "./debian.mjs"
import { isProgram, onPath } from "./lib.mjs"

/**
 * @typedef {object} Browser
 * @property {string} executable
 * @property {Record<string, string>} env to be added to the environment of the program
 * @property {string} how where it came from, in words
 */

/** What every start is told: nothing is fetched, and nothing is left behind. */
export const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Letters stand where the font says, whatever the screen: pictures of one machine are those of another.
  "--font-render-hinting=none",
  "--enable-font-subpixel-positioning"
]

const wanted = { kind: "chromium", name: "host" }

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

/** The folder of shared libraries, which has the name of the machine's kind. */
const triplets = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }

const triplet = () => {
  const found = Object.entries(triplets).find(([name]) => name === process.arch)?.[1]
  if (found === undefined) throw new Error(`Debian's chromium is not fetched for ${process.arch}`)
  return found
}

/** @param {string} folder */
const environment = (folder) => {
  const root = join(folder, "root")
  const libraries = [
    `usr/lib/${triplet()}`,
    `lib/${triplet()}`,
    `usr/lib/${triplet()}/pulseaudio`,
    `usr/lib/${triplet()}/nss`
  ]
  return {
    LD_LIBRARY_PATH: libraries.map((each) => join(root, each)).join(":"),
    FONTCONFIG_FILE: join(folder, "fonts.conf"),
    XDG_CACHE_HOME: join(folder, "cache")
  }
}

/** @param {string} family @param {string} font */
const alias = (family, font) =>
  `<alias binding="strong"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`

/**
 * The fonts of the package, the same on each machine.
 *
 * @param {string} folder
 */
const writeFonts = (folder) => {
  mkdirSync(join(folder, "cache"), { recursive: true })
  writeFileSync(
    join(folder, "fonts.conf"),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir prefix="relative">root/usr/share/fonts</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
${alias("system-ui", "Inter")}
${alias("sans-serif", "Inter")}
${alias("monospace", "DejaVu Sans Mono")}
</fontconfig>
`
  )
}

/** @param {string} folder */
const program = (folder) => join(folder, "root", "usr", "lib", "chromium", "chromium")

const remedy = "No Chromium. Install chromium or Chrome, or set POGO_CHROMIUM=/path/to/chrome"

const fetched = async () =>
  fetchPackages({
    ...wanted,
    packages: ["chromium", "chromium-common", "fonts-inter", "fonts-dejavu-core"],
    // The first two are the machine's; the others are asked for when there is a screen.
    without: ["libc6", "libgcc-s1", "libgtk-3-0", "libgtk-3-0t64", "libgtk-4-1"],
    sources: hostSources,
    finish: async (folder) => {
      writeFonts(folder)
      await call("env", [
        ...Object.entries(environment(folder)).map(([name, value]) => `${name}=${value}`),
        program(folder),
        "--version"
      ])
    }
  })

/**
 * Looks in this order: POGO_CHROMIUM, PATH, the cache, Debian's package. Fails with the remedy when there is none.
 *
 * @returns {Promise<Browser>}
 */
export const locateChromium = async () => {
  const named = process.env["POGO_CHROMIUM"]
  if (named !== undefined && named !== "") {
    if (!isProgram(named)) throw new Error(`POGO_CHROMIUM=${named} is not a program. ${remedy}`)
    return { executable: named, env: {}, how: "POGO_CHROMIUM" }
  }
  const found = names.map(onPath).find((path) => path !== undefined)
  if (found !== undefined) return { executable: found, env: {}, how: "on PATH" }
  const kept = existsSync(cachedFolder(wanted))
  if (!kept) process.stderr.write("fetching Chromium from Debian's packages ...\n")
  try {
    const folder = await fetched()
    return { executable: program(folder), env: environment(folder), how: "Debian's package" }
  } catch (error) {
    throw new Error(
      `${remedy}\nFetching Debian's package failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error }
    )
  }
}
