/**
 * A program whose test cluster has lost a node, and has another that is frozen, ends by itself: as a plain script and by
 * Node's own test runner, in virtual and in real time.
 */
import { describe, expect } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { it } from "vitest"

const run = promisify(execFile)

const program = fileURLToPath(new URL("support/crashes.ts", import.meta.url))

/** Longer than a busy machine takes, and far less than what the children wait for. Milliseconds. */
const patience = 120_000

const played = async (clock: string, flags: ReadonlyArray<string>): Promise<unknown> => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const running = run(process.execPath, ["--import", "tsx", ...flags, program], {
    env: { ...env, CLOCK: clock },
    timeout: patience,
    killSignal: "SIGKILL"
  })
  const { stdout } = await running.catch((error: { readonly killed: boolean; readonly stdout: string }) => {
    throw new Error(error.killed ? `it did not end by itself: ${error.stdout}` : `it failed: ${error.stdout}`)
  })
  return JSON.parse(/\{.*"crashedRan".*\}/.exec(stdout)![0])
}

describe.each([["a plain script", []], ["node --test", ["--test"]]])("%s", (_, flags) => {
  it.each(["virtual", "live"])("ends by itself in %s time, and what crashed did nothing more", async (clock) => {
    expect(await played(clock, flags)).toEqual({ late: [], finalized: ["n1"], crashedRan: expect.any(Number) })
  })
})
