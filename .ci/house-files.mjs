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
    .filter((file) => /\.tsx?$/.test(file))
    .toSorted()

/** @param {string} src */
export const staticFigures = (src) => {
  const { circles, names } = examine(src, [])
  const files = sourceFiles(src).map((path) => ({
    path,
    lines: readFileSync(join(src, path), "utf8").split("\n").length - 1
  }))
  const written = files.filter(({ path }) => !path.endsWith(".generated.ts")).toSorted((a, b) => a.lines - b.lines)
  return {
    files: files.length,
    internal: files.filter(({ path }) => path.startsWith("internal/")).length,
    total: written.reduce((sum, { lines }) => sum + lines, 0),
    median: written[Math.floor(written.length / 2)],
    longest: written.at(-1),
    circles,
    fileNames: names.filter((name) => name.startsWith("file ")),
    typeNames: names.filter((name) => name.startsWith("type "))
  }
}
