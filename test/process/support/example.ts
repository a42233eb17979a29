/**
 * Runs examples: to their end, or until they are told to end.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)

interface Given {
  readonly args?: ReadonlyArray<string>
  readonly env?: Record<string, string>
}

const pathOf = (file: string): string => fileURLToPath(new URL(`../../../examples/${file}`, import.meta.url))

/** What an example writes; fails where its exit code says that something did not go as it should. */
export const example = async (file: string, { args = [], env = {} }: Given = {}): Promise<string> => {
  const path = pathOf(file)
  const running = run(process.execPath, ["--import", "tsx", path, ...args], {
    timeout: 2_400_000,
    env: { ...process.env, ...env }
  })
  const { stdout } = await running.catch(({ stderr, stdout }: { readonly stderr: string; readonly stdout: string }) => {
    throw new Error(`${file} failed:\n${stdout}\n${stderr}`)
  })
  return stdout
}

/** An example that serves: the address that it writes, and its end by SIGTERM, which tells its exit code. */
export const serving = async (file: string, { args = [], env = {} }: Given = {}) => {
  const child = spawn(process.execPath, ["--import", "tsx", pathOf(file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env }
  })
  const kill = () => child.kill("SIGKILL")
  process.once("exit", kill)
  const ended = once(child, "exit").finally(() => process.off("exit", kill))
  let url: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("http://")) continue
    url = line
    break
  }
  if (url === undefined) throw new Error(`${file} ended with ${String((await ended)[0])}`)
  child.stdout.resume()
  return {
    url,
    end: async (): Promise<unknown> => {
      child.kill("SIGTERM")
      const [code] = await ended
      return code
    }
  }
}
