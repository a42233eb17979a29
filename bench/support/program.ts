/**
 * Programs of this benchmark that run in a process of their own, and print one line of JSON.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { built } from "./fleet.js"

const run = promisify(execFile)

/** Runs a program on the built package. */
export const program = async <A>(
  url: URL,
  args: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = []
): Promise<A> => {
  const { stdout } = await run(process.execPath, [...flags, "--import", "tsx", url.pathname, ...args], {
    env: { ...process.env, ...built },
    timeout: 120_000,
    maxBuffer: 64 << 20
  })
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n", stdout.length - 2) + 1)) as A
}
