/**
 * Runs examples to their end.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)

/** What an example writes; fails where its exit code says that something did not go as it should. */
export const example = async (
  file: string,
  { args = [], env = {} }: { readonly args?: ReadonlyArray<string>; readonly env?: Record<string, string> } = {}
): Promise<string> => {
  const path = fileURLToPath(new URL(`../../../examples/${file}`, import.meta.url))
  const running = run(process.execPath, ["--import", "tsx", path, ...args], {
    timeout: 2_400_000,
    env: { ...process.env, ...env }
  })
  const { stdout } = await running.catch(({ stderr, stdout }: { readonly stderr: string; readonly stdout: string }) => {
    throw new Error(`${file} failed:\n${stdout}\n${stderr}`)
  })
  return stdout
}
