/** Redis and Valkey servers out of Debian's own packages, started by the loader and libraries of the same release. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cachedFolder, call, fetchPackages, hostSources, loaderOf, mirror } from "./debian.mjs"

/** Servers a compatibility test can ask for, by the Debian release that carries them. */
export const variants = /** @type {const} */ ({
  "6": { suite: "bullseye", brand: "redis" },
  "7": { suite: "bookworm", brand: "redis" },
  "8": { suite: "trixie", brand: "redis" },
  valkey: { suite: "trixie", brand: "valkey" }
})

/** @typedef {keyof typeof variants} Variant */

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
 * @param {string} name
 * @param {string} brand
 * @param {ReadonlyArray<import("./debian.mjs").Source>} sources tried in order
 * @returns {Promise<Fetched>}
 */
const fetchInto = async (name, brand, sources) =>
  programs(
    await fetchPackages({
      kind: "redis",
      name,
      packages: [`${brand}-server`, `${brand}-tools`],
      sources,
      finish: async (folder) => {
        writeLaunchers(folder, brand)
        rmSync(join(folder, "root/usr/share"), { recursive: true, force: true })
        await call(join(folder, "bin", `${brand}-server`), ["--version"])
      }
    }),
    brand
  )

/** What is in the cache already, if anything. */
export const cached = () => {
  const target = cachedFolder({ kind: "redis", name: "host" })
  return existsSync(target) ? programs(target, "redis") : undefined
}

/** The redis-server of the machine's own release. */
export const fetchHost = () => fetchInto("host", "redis", hostSources)

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
