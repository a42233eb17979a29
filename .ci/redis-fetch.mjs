/**
 * Redis and Valkey servers out of Debian's own packages: downloaded by apt-get (which checks the signatures), unpacked
 * into a cache folder, and started by the loader and libraries of the same release. Needs no root and installs nothing.
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

/** Servers a compatibility test can ask for, by the Debian release that carries them. */
export const variants = /** @type {const} */ ({
  "6": { suite: "bullseye", brand: "redis" },
  "7": { suite: "bookworm", brand: "redis" },
  "8": { suite: "trixie", brand: "redis" },
  valkey: { suite: "trixie", brand: "valkey" }
})

/** @typedef {keyof typeof variants} Variant */

/**
 * @typedef {object} Source
 * @property {string} label
 * @property {string | undefined} sources the text of a sources.list; undefined for the host's own
 * @property {boolean} update fetch package lists into a private folder, rather than read the host's
 */

const cache = join(
  dirname(dirname(fileURLToPath(import.meta.url))),
  "node_modules",
  ".cache",
  "effect-pogo",
  "redis"
)

/**
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {string} [cwd]
 */
const call = async (command, args, cwd) => {
  const options = { cwd, timeout: 90_000, maxBuffer: 64 << 20, env: { ...process.env, LC_ALL: "C" } }
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
 * The packages a server needs to run, its libraries' libraries included.
 *
 * @param {ReadonlyArray<string>} options
 * @param {string} brand
 */
const closure = async (options, brand) => {
  const all = new Set([`${brand}-server`, `${brand}-tools`])
  let fresh = [...all]
  while (fresh.length > 0) {
    const listing = await call("apt-cache", [...options, "depends", "--no-recommends", "--no-suggests", ...fresh])
    fresh = librariesOf(listing).filter((name) => !all.has(name))
    fresh.forEach((name) => all.add(name))
  }
  return [...all]
}

/** @param {string} folder */
const loaderOf = (folder) => {
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
 * Small scripts that start each program by the loader of its own release. They find their folder by themselves, because
 * the folder is renamed into place after they are written.
 *
 * @param {string} folder
 * @param {string} brand
 */
const writeLaunchers = (folder, brand) => {
  const { loader, triplet } = loaderOf(join(folder, "root"))
  mkdirSync(join(folder, "bin"))
  for (const [name, program] of [["server", "server"], ["cli", "cli"], ["sentinel", "server"]]) {
    const script = `#!/bin/sh
r=$(cd "$(dirname "$0")/../root" && pwd)
exec "$r/${loader}" --library-path "$r/usr/lib/${triplet}:$r/lib/${triplet}" "$r/usr/bin/${brand}-${program}" "$@"${
      name === "sentinel" ? " --sentinel" : ""
    }
`
    writeFileSync(join(folder, "bin", `${brand}-${name}`), script, { mode: 0o755 })
  }
}

/**
 * @param {string} folder an empty folder to fill
 * @param {string} brand
 * @param {Source} source
 */
const fill = async (folder, brand, source) => {
  const debs = join(folder, "debs")
  mkdirSync(debs, { recursive: true })
  const options = aptOptions(folder, source)
  if (source.update) await call("apt-get", [...options, "update"])
  await call("apt-get", [...options, "download", ...await closure(options, brand)], debs)
  for (const deb of readdirSync(debs)) await call("dpkg-deb", ["-x", join(debs, deb), join(folder, "root")])
  writeLaunchers(folder, brand)
  for (const scrap of ["debs", "apt", "root/usr/share", "root/var", "root/etc"]) {
    rmSync(join(folder, scrap), { recursive: true, force: true })
  }
  await call(join(folder, "bin", `${brand}-server`), ["--version"])
}

/**
 * @typedef {object} Fetched
 * @property {string} server
 * @property {string} cli
 * @property {string} sentinel
 */

/**
 * @param {string} target
 * @param {string} brand
 * @returns {Fetched}
 */
const programs = (target, brand) => ({
  server: join(target, "bin", `${brand}-server`),
  cli: join(target, "bin", `${brand}-cli`),
  sentinel: join(target, "bin", `${brand}-sentinel`)
})

/**
 * Several processes may fetch at once: each fills a folder of its own, and the first to rename it into place wins.
 *
 * @param {string} name
 * @param {string} brand
 * @param {ReadonlyArray<Source>} sources tried in order
 * @returns {Promise<Fetched>}
 */
const fetchInto = async (name, brand, sources) => {
  const target = join(cache, `${name}-${arch()}`)
  if (existsSync(target)) return programs(target, brand)
  mkdirSync(cache, { recursive: true })
  const failures = []
  for (const source of sources) {
    const folder = mkdtempSync(join(cache, "fetching-"))
    try {
      await fill(folder, brand, source)
      try {
        renameSync(folder, target)
      } catch (error) {
        if (!existsSync(target)) throw error
      }
      return programs(target, brand)
    } catch (error) {
      failures.push(`${source.label}: ${error instanceof Error ? error.message.trim() : String(error)}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new Error(failures.join("\n"))
}

/** What is in the cache already, if anything. */
export const cached = () => {
  const target = join(cache, `host-${arch()}`)
  return existsSync(target) ? programs(target, "redis") : undefined
}

/** The redis-server of the machine's own release. */
export const fetchHost = () =>
  fetchInto("host", "redis", [
    { label: "the machine's package lists", sources: undefined, update: false },
    { label: "fresh package lists", sources: undefined, update: true }
  ])

/** A mirror the machine is known to use, else Debian's own. */
const mirror = () => {
  for (const file of ["sources.list", "sources.list.d/debian.sources"]) {
    const path = join("/etc/apt", file)
    const text = existsSync(path) ? readFileSync(path, "utf8") : ""
    const found = /^\s*(?:URIs:|deb(?:\s+\[.*?\])?)\s+(https?:\/\/\S+\/debian\/?)(?:\s|$)/m.exec(text)
    if (found?.[1] !== undefined) return found[1]
  }
  return "http://deb.debian.org/debian"
}

/**
 * A server of another release, for compatibility tests.
 *
 * @param {Variant} name
 */
export const fetchVariant = (name) => {
  const { brand, suite } = variants[name]
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg"
  /** @param {string} uri @param {string} more */
  const line = (uri, more) => `deb [signed-by=${key}${more}] ${uri} ${suite} main\n`
  return fetchInto(name, brand, [
    { label: `${brand} of ${suite}`, sources: line(mirror(), ""), update: true },
    // Where Debian moves a release when its support ends; its index is no longer renewed.
    {
      label: `${brand} of ${suite}, archived`,
      sources: line("http://archive.debian.org/debian", " check-valid-until=no"),
      update: true
    }
  ])
}
