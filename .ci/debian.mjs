/**
 * Programs out of Debian's own packages: downloaded by apt-get (which checks the signatures) and unpacked into a cache
 * folder. Needs no root and installs nothing.
 */
import { execFile } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { arch } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const exec = promisify(execFile)

/**
 * @typedef {object} Source
 * @property {string} label
 * @property {string | undefined} sources the text of a sources.list; undefined for the host's own
 * @property {boolean} update fetch package lists into a private folder, rather than read the host's
 */

/**
 * @typedef {object} Wanted
 * @property {string} name of a folder in the cache
 * @property {string} kind of the folder above it: `redis`, `chromium`
 * @property {ReadonlyArray<string>} packages those that are wanted; their libraries come along
 * @property {ReadonlyArray<string>} [without] libraries that the machine has, or that are not needed
 * @property {ReadonlyArray<Source>} sources tried in order
 * @property {(folder: string) => Promise<void>} finish makes what was unpacked to `root` ready, and tries it
 */

const cache = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules", ".cache", "effect-pogo")

/** The machine's own release. */
export const hostSources = [
  { label: "the machine's package lists", sources: undefined, update: false },
  { label: "fresh package lists", sources: undefined, update: true }
]

/**
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {string} [cwd]
 */
export const call = async (command, args, cwd) => {
  const options = { cwd, timeout: 300_000, maxBuffer: 64 << 20, env: { ...process.env, LC_ALL: "C" } }
  try {
    return (await exec(command, [...args], options)).stdout
  } catch (error) {
    // The message of execFile repeats the whole command line; what apt says is short.
    const said = /^E: .*/m.exec(Object(error).stderr ?? "")?.[0]
    throw said === undefined ? error : new Error(`${command}: ${said}`, { cause: error })
  }
}

/**
 * Options that make apt keep its state in a folder of ours.
 *
 * @param {string} folder
 * @param {Source} source
 */
const aptOptions = (folder, source) => {
  const options = ["-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10", "-o", "Debug::NoLocking=1"]
  // As root, apt would download as another user, who cannot write here.
  if (process.getuid?.() === 0) options.push("-o", "APT::Sandbox::User=root")
  if (!source.update) return options
  const state = join(folder, "apt")
  for (const sub of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(state, sub), { recursive: true })
  writeFileSync(join(state, "status"), "")
  options.push("-o", `Dir::State=${state}`, "-o", `Dir::State::lists=${join(state, "lists")}`)
  options.push("-o", `Dir::State::status=${join(state, "status")}`, "-o", `Dir::Cache=${join(state, "cache")}`)
  if (source.sources !== undefined) {
    writeFileSync(join(state, "sources.list"), source.sources)
    options.push("-o", `Dir::Etc::SourceList=${join(state, "sources.list")}`, "-o", "Dir::Etc::SourceParts=/dev/null")
  }
  return options
}

/**
 * The libraries in a listing of `apt-cache depends`: of alternatives ("a | b") the first.
 *
 * @param {string} listing
 */
const librariesOf = (listing) => {
  const found = []
  let alternative = false
  for (const line of listing.split("\n")) {
    const [, more, name] = /^\s(\s|\|)(?:Pre)?Depends: (\S+)$/.exec(line) ?? []
    if (name === undefined) continue
    // The C library and the modules of Lua count; what maintainer scripts want does not.
    if (!alternative && /^(lib|lua-|zlib)[a-z0-9.+-]+$/.test(name)) found.push(name)
    alternative = more === "|"
  }
  return found
}

/**
 * The packages that are wanted, and their libraries' libraries.
 *
 * @param {ReadonlyArray<string>} options
 * @param {Wanted} wanted
 */
const closure = async (options, { packages, without = [] }) => {
  const all = new Set(packages)
  const known = new Set(without)
  let fresh = [...all]
  while (fresh.length > 0) {
    const listing = await call("apt-cache", [...options, "depends", "--no-recommends", "--no-suggests", ...fresh])
    fresh = librariesOf(listing).filter((name) => !all.has(name) && !known.has(name))
    fresh.forEach((name) => all.add(name))
  }
  return [...all]
}

/**
 * The loader in unpacked packages, and the folder of the machine's kind of libraries.
 *
 * @param {string} folder
 */
export const loaderOf = (folder) => {
  for (const base of ["usr/lib", "lib"]) {
    for (const triplet of existsSync(join(folder, base)) ? readdirSync(join(folder, base)) : []) {
      const library = join(base, triplet)
      if (!/-linux-gnu/.test(triplet)) continue
      const loader = readdirSync(join(folder, library)).find((name) => /^ld-(linux.*\.so\.\d|2\.\d+\.so)$/.test(name))
      if (loader !== undefined) return { loader: join(library, loader), triplet }
    }
  }
  throw new Error("the packages hold no program loader")
}

/**
 * @param {string} folder an empty folder to fill
 * @param {Wanted} wanted
 * @param {Source} source
 */
const fill = async (folder, wanted, source) => {
  const debs = join(folder, "debs")
  mkdirSync(debs, { recursive: true })
  const options = aptOptions(folder, source)
  if (source.update) await call("apt-get", [...options, "update"])
  await call("apt-get", [...options, "download", ...await closure(options, wanted)], debs)
  for (const deb of readdirSync(debs)) await call("dpkg-deb", ["-x", join(debs, deb), join(folder, "root")])
  await wanted.finish(folder)
  for (const scrap of ["debs", "apt", "root/var", "root/etc", "root/usr/share/doc"]) {
    rmSync(join(folder, scrap), { recursive: true, force: true })
  }
}

/**
 * Where such a folder is in the cache, whether it is there or not.
 *
 * @param {Pick<Wanted, "name" | "kind">} wanted
 */
export const cachedFolder = ({ kind, name }) => join(cache, kind, `${name}-${arch()}`)

/**
 * Several processes may fetch at once: each fills a folder of its own, and the first to rename it into place wins.
 *
 * @param {Wanted} wanted
 * @returns {Promise<string>} the folder; what was unpacked is in `root`
 */
export const fetchPackages = async (wanted) => {
  const target = cachedFolder(wanted)
  if (existsSync(target)) return target
  mkdirSync(dirname(target), { recursive: true })
  const failures = []
  for (const source of wanted.sources) {
    const folder = mkdtempSync(join(dirname(target), "fetching-"))
    try {
      await fill(folder, wanted, source)
      try {
        renameSync(folder, target)
      } catch (error) {
        if (!existsSync(target)) throw error
      }
      return target
    } catch (error) {
      failures.push(`${source.label}: ${error instanceof Error ? error.message.trim() : String(error)}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new Error(failures.join("\n"))
}

/** A mirror the machine is known to use, else Debian's own. */
export const mirror = () => {
  for (const file of ["sources.list", "sources.list.d/debian.sources"]) {
    const path = join("/etc/apt", file)
    const text = existsSync(path) ? readFileSync(path, "utf8") : ""
    const found = /^\s*(?:URIs:|deb(?:\s+\[.*?\])?)\s+(https?:\/\/\S+\/debian\/?)(?:\s|$)/m.exec(text)
    if (found?.[1] !== undefined) return found[1]
  }
  return "http://deb.debian.org/debian"
}
