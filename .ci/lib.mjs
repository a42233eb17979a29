/** What the scripts of this folder share. Plain Node, so that it runs before anything is installed. */
import { spawn } from "node:child_process"
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {string} path */
export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))

/** @param {string} path */
export const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * The path of a program, if it is on PATH.
 *
 * @param {string} name
 */
export const onPath = (name) =>
  (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "").map((folder) => join(folder, name))
    .find(isProgram)

/**
 * A folder that is gone when this process ends, unless that is killed.
 *
 * @param {string} prefix
 */
export const tempFolder = (prefix) => {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130))
  return folder
}

/**
 * The script behind an installed command, to be run by this very Node: no shell, no PATH, no `.cmd` files.
 *
 * @param {string} packageName
 * @param {string} [command]
 * @param {string} [from] folder whose node_modules is asked
 */
export const bin = (packageName, command = packageName, from = root) => {
  const folder = join(from, "node_modules", packageName)
  const entry = readJson(join(folder, "package.json")).bin
  return join(folder, typeof entry === "string" ? entry : entry[command])
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] added to the environment; undefined removes
 * @property {number} [timeout] milliseconds, after which the command is killed
 * @property {boolean} [capture] collect the output instead of showing it
 */

/**
 * @typedef {object} RunResult
 * @property {number} code 0 on success; -1 when killed
 * @property {boolean} timedOut
 * @property {string} output
 */

/**
 * Runs a command to its end, or to its time limit.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 */
export const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: options.capture === true ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"]
    })
    let output = ""
    let timedOut = false
    child.stdout?.on("data", (chunk) => (output += chunk))
    child.stderr?.on("data", (chunk) => (output += chunk))
    /** @type {Array<NodeJS.Timeout>} */
    const timers = []
    if (options.timeout !== undefined) {
      timers.push(setTimeout(() => {
        timedOut = true
        child.kill("SIGTERM")
        timers.push(setTimeout(() => child.kill("SIGKILL"), 5_000))
      }, options.timeout))
    }
    child.on("error", (error) => {
      timers.forEach(clearTimeout)
      reject(error)
    })
    // A grandchild may hold the pipes open after a kill, so "close" is awaited only for a natural end.
    child.on("exit", () => timedOut && resolve({ code: -1, timedOut, output }))
    child.on("close", (code) => {
      timers.forEach(clearTimeout)
      resolve({ code: code ?? -1, timedOut, output })
    })
  })

/**
 * @param {string} script
 * @param {ReadonlyArray<string>} args
 * @param {RunOptions} [options]
 */
export const node = (script, args, options) => run(process.execPath, [script, ...args], options)

/**
 * npm by way of the npm that runs us, if any, else the one on PATH.
 *
 * @param {ReadonlyArray<string>} args
 * @param {RunOptions} [options]
 */
export const npm = (args, options) => {
  const cli = process.env["npm_execpath"]
  return cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) ? node(cli, args, options) : run("npm", args, options)
}
