/** What can be read off a source tree without running it: sizes, import circles, names that exist twice. */
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/**
 * The TypeScript files of a folder, by their paths in it.
 *
 * @param {string} src
 */
export const sourceFiles = (src) =>
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts"))
    .toSorted()

/** @param {string} text */
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")

/**
 * Of each file those that it imports, for values or for types, by whatever form of import.
 *
 * @param {ReadonlyMap<string, string>} texts
 */
const importsOf = (texts) =>
  new Map(
    [...texts].map(([file, text]) => {
      const specifiers = [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)"/g)].map(([, path]) => path ?? "")
      const targets = specifiers.map((path) => join(dirname(file), path).replaceAll("\\", "/").replace(/\.js$/, ".ts"))
      return [file, [...new Set(targets)].filter((target) => texts.has(target)).toSorted()]
    })
  )

/**
 * Circles as a walk in depth finds them: each import that leads back to a file the walk is still in closes one.
 *
 * @param {ReadonlyMap<string, ReadonlyArray<string>>} imports
 */
const circlesOf = (imports) => {
  /** @type {Array<string>} */
  const circles = []
  /** @type {Set<string>} */
  const done = new Set()
  /** @param {string} file @param {ReadonlyArray<string>} path */
  const walk = (file, path) => {
    const within = [...path, file]
    for (const next of imports.get(file) ?? []) {
      const at = within.indexOf(next)
      if (at >= 0) circles.push([...within.slice(at), next].join(" > "))
      else if (!done.has(next)) walk(next, within)
    }
    done.add(file)
  }
  for (const file of imports.keys()) if (!done.has(file)) walk(file, [])
  return circles
}

/** @param {ReadonlyArray<readonly [name: string, file: string]>} entries */
const twice = (entries) => {
  /** @type {Map<string, Set<string>>} */
  const places = new Map()
  for (const [name, file] of entries) places.set(name, (places.get(name) ?? new Set()).add(file))
  return [...places]
    .filter(([, files]) => files.size > 1)
    .map(([name, files]) => `${name}: ${[...files].join(", ")}`)
    .toSorted()
}

const declaration = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class) (\w+)/gm

/** @param {string} src */
export const staticFigures = (src) => {
  const files = sourceFiles(src)
  const sources = files.map((file) => readFileSync(join(src, file), "utf8"))
  const lines = sources.map((text) => text.split("\n").length - 1)
  const sorted = lines.toSorted((a, b) => a - b)
  const longest = sorted.at(-1) ?? 0
  const texts = new Map(files.map((file, i) => [file, withoutComments(sources[i] ?? "")]))
  return {
    files: files.length,
    internal: files.filter((file) => file.startsWith("internal/")).length,
    total: lines.reduce((sum, n) => sum + n, 0),
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    longest,
    longestFile: files[lines.indexOf(longest)] ?? "",
    circles: circlesOf(importsOf(texts)),
    fileNames: twice(files.map((file) => [basename(file), file])),
    typeNames: twice(
      [...texts].flatMap(([file, text]) =>
        [...text.matchAll(declaration)].map(([, name]) => /** @type {const} */ ([name ?? "", file]))
      )
    )
  }
}
