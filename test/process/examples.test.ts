/**
 * Examples that tell by their exit code whether all went as they say.
 */
import { expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)

const example = async (file: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const path = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url))
  const running = run(process.execPath, ["--import", "tsx", path, ...args], { timeout: 2_400_000 })
  const { stdout } = await running.catch(({ stderr, stdout }: { readonly stderr: string; readonly stdout: string }) => {
    throw new Error(`${file} failed:\n${stdout}\n${stderr}`)
  })
  return stdout
}

it("counter: what was acknowledged was counted, nothing twice, through kills, drains and pauses", async () => {
  const lines = (await example("counter/demo.ts", "2")).trim().split("\n")
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ duplicates: 0, lost: 0, denied: 0 })
})

it("device-fleet: streams go on where their devices move, and miss nothing", async () => {
  expect(await example("device-fleet.ts")).toContain("complete: true")
})

it("scheduled-singleton: each turn is taken once, through a deploy, a failure and a time without any replica", async () => {
  expect(await example("scheduled-singleton/demo.ts")).toMatch(/ 0 missed, 0 taken twice/)
})

it("partition-consumers: no acknowledged offset goes back, through kills, a freeze and a loss of all data", async () => {
  expect(await example("partition-consumers/demo.ts")).toMatch(/ 0 went back, 0 messages missed/)
})
