/**
 * A reporter for vitest that writes every result to a file at once, so that a run which is cut short still has honest
 * counts; and the reader of such files.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { relative } from "node:path"
import { root } from "./lib.mjs"

/** The environment variable that names the file. */
export const countsFile = "POGO_COUNTS"

/**
 * One line of the file. `planned`: the files that will run. `test`: a test has ended. `file`: a file has ended, with
 * failures that belong to no test: it could not be loaded, or a hook failed. `end`: vitest has ended, with errors that
 * belong to no file.
 *
 * @typedef {{ type: "planned", files: ReadonlyArray<string> }
 *   | { type: "test", file: string, name: string, state: string, millis: number }
 *   | { type: "file", file: string, failures: number }
 *   | { type: "end", failures: number }} Line
 */

/** @param {Line} line */
const write = (line) => {
  const file = process.env[countsFile]
  if (file !== undefined && file !== "") appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** @param {{ moduleId: string, project: { name: string } }} file */
const nameOf = ({ moduleId, project }) => `${relative(root, moduleId)} (${project.name})`

export default class Counts {
  /** @param {ReadonlyArray<import("vitest/node").TestSpecification>} specifications */
  onTestRunStart(specifications) {
    write({ type: "planned", files: specifications.map(nameOf) })
  }

  /** @param {import("vitest/node").TestCase} test */
  onTestCaseResult(test) {
    const millis = Math.round(test.diagnostic()?.duration ?? 0)
    write({ type: "test", file: nameOf(test.module), name: test.fullName, state: test.result().state, millis })
  }

  /** @param {import("vitest/node").TestModule} module */
  onTestModuleEnd(module) {
    const suites = Array.from(module.children.allSuites(), (suite) => suite.errors().length)
    const failures = suites.reduce((sum, n) => sum + n, module.errors().length)
    write({ type: "file", file: nameOf(module), failures })
  }

  /**
   * @param {ReadonlyArray<import("vitest/node").TestModule>} _modules
   * @param {ReadonlyArray<unknown>} errors
   */
  onTestRunEnd(_modules, errors) {
    write({ type: "end", failures: errors.length })
  }
}

/**
 * @typedef {object} Counted
 * @property {number} passed
 * @property {number} failed failed tests, files that could not be loaded, and errors outside of tests
 * @property {number} skipped
 * @property {ReadonlyArray<string>} failures files and tests that failed
 * @property {ReadonlyArray<string>} left files that were planned and have not ended
 * @property {boolean} ended whether vitest came to its end
 */

/**
 * @param {string} file
 * @returns {Counted}
 */
export const readCounts = (file) => {
  const text = existsSync(file) ? readFileSync(file, "utf8") : ""
  /** @type {ReadonlyArray<Line>} */
  const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line))
  const counted = { passed: 0, failed: 0, skipped: 0, ended: false }
  /** @type {Array<string>} */
  const failures = []
  /** @type {Set<string>} */
  const left = new Set()
  /** @param {number} count @param {string} what */
  const failed = (count, what) => {
    counted.failed += count
    if (count > 0) failures.push(what)
  }
  for (const line of lines) {
    switch (line.type) {
      case "planned":
        for (const name of line.files) left.add(name)
        break
      case "test":
        if (line.state === "passed") counted.passed++
        else if (line.state === "failed") failed(1, `${line.file}: ${line.name}`)
        else counted.skipped++
        break
      case "file":
        left.delete(line.file)
        failed(line.failures, `${line.file}, outside of its tests`)
        break
      case "end":
        counted.ended = true
        failed(line.failures, "errors outside of all files")
    }
  }
  return { ...counted, failures, left: Array.from(left) }
}
