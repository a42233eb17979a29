/** What can be read off a source tree without running it: sizes, import circles, names that exist twice. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { examine } from "./modules.mjs"

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

/** @param {string} src */
export const staticFigures = (src) => {
  const files = sourceFiles(src)
  const sources = files.map((file) => readFileSync(join(src, file), "utf8"))
  const lines = sources.map((text) => text.split("\n").length - 1)
  const sorted = lines.toSorted((a, b) => a - b)
  const longest = sorted.at(-1) ?? 0
  const { circles, names } = examine(src, [])
  return {
    files: files.length,
    internal: files.filter((file) => file.startsWith("internal/")).length,
    total: lines.reduce((sum, n) => sum + n, 0),
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    longest,
    longestFile: files[lines.indexOf(longest)] ?? "",
    circles: circles.map((files) => files.join(", ")),
    fileNames: names.filter((name) => name.startsWith("file ")),
    typeNames: names.filter((name) => name.startsWith("type "))
  }
}
