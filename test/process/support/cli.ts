/** The program `effect-pogo` as its users have it: the bundled file, run as a process. */
import { spawn } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { buildCli } from "../../../.ci/cli.mjs"
import { root } from "../../../.ci/lib.mjs"

const folder = join(root, "node_modules", ".cache", "pogo-test")

/** The file, and its size in bytes; made once in each test run. */
export const cliFile = (): Promise<{ readonly path: string; readonly bytes: number }> => (built ??= build())

let built: ReturnType<typeof cliFile> | undefined

const build = async () => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `cli-${process.pid}.mjs`)
  return { path, bytes: await buildCli(path) }
}

/** How a command ended, and what it wrote. */
export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: Record<string, string>
  /** Is told what came so far, and how to send a signal. */
  readonly watch?: (out: string, kill: (signal: NodeJS.Signals) => void) => void
  /** Closes the output after so many bytes. */
  readonly closeAfter?: number
}

/** Runs a command to its end. */
export const runCli = async (args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Run> => {
  const { path } = await cliFile()
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("POGO_") && name !== "NO_COLOR")
  const child = spawn(process.execPath, [path, ...args], {
    env: { ...Object.fromEntries(kept), ...options.env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let [out, err] = ["", ""]
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString()
    options.watch?.(out, (signal) => child.kill(signal))
    if (options.closeAfter !== undefined && out.length >= options.closeAfter) child.stdout.destroy()
  })
  child.stderr.on("data", (data: Buffer) => (err += data.toString()))
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  return { code, out, err }
}
