/** The package as its users get it: built, packed, and installed in projects of their own. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { node, npm, root } from "./lib.mjs"

export const bound = { capture: true, timeout: 900_000 }

/**
 * The output of a command that must succeed.
 *
 * @param {string} what
 * @param {Promise<import("./lib.mjs").RunResult>} result
 */
export const must = async (what, result) => {
  const { code, output, timedOut } = await result
  if (code === 0) return output
  throw new Error(`${output}\npackage: ${what} ${timedOut ? "took too long" : "failed"}`)
}

/**
 * Builds and packs; the tarball is written to a folder.
 *
 * @param {string} folder
 */
export const tarball = async (folder) => {
  await must("the build", node(join(root, ".ci", "build.mjs"), [], bound))
  await must("npm pack", npm(["pack", "--ignore-scripts", "--pack-destination", folder], bound))
  const name = readdirSync(folder).find((file) => file.endsWith(".tgz"))
  if (name === undefined) throw new Error("npm pack wrote no tarball")
  return join(folder, name)
}

/**
 * A project with dependencies, installed by npm.
 *
 * @param {string} cwd
 * @param {Record<string, string>} dependencies
 * @param {object} [more] further fields of its package.json
 */
export const installed = async (cwd, dependencies, more = { type: "module" }) => {
  mkdirSync(cwd)
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: "project", private: true, ...more, dependencies }))
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
  await must(`npm install in a project with ${Object.keys(dependencies).join(", ")}`, npm(args, { ...bound, cwd }))
  return cwd
}
