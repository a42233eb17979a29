/**
 * A node as a process of its own: calls go to its standard input and answers come from its standard output, one line of
 * JSON each.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"

export interface Row {
  readonly id: string
  readonly node?: string
  readonly status: { readonly _tag: string; readonly reason?: string }
}

export interface NodeProcess {
  readonly name: string
  readonly pid: number
  readonly call: (call: string, args?: Record<string, unknown>) => Promise<unknown>
  readonly which: () => Promise<ReadonlyArray<Row>>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly ended: () => boolean
  /** What it logged. */
  readonly log: () => string
}

/** Starts a program as a node, and waits until it says that it is ready. */
export const startProcess = (
  program: string,
  name: string,
  env: Record<string, string>,
  flags: ReadonlyArray<string> = []
): Promise<NodeProcess> => {
  const child: ChildProcess = spawn(process.execPath, [
    ...flags,
    ...(program.endsWith(".ts") ? ["--import", "tsx"] : []),
    program
  ], {
    env: { ...process.env, POGO_NODE_NAME: name, ...env },
    stdio: ["pipe", "pipe", "pipe"]
  })
  let log = ""
  child.stderr!.on("data", (data: Buffer) => (log += data.toString()))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on("exit", (code, signal) => resolve({ code, signal }))
  )
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let calls = 0
  const call: NodeProcess["call"] = (name, args = {}) =>
    new Promise((resolve, reject) => {
      const id = ++calls
      waiting.set(id, { resolve, reject })
      child.stdin!.write(JSON.stringify({ id, call: name, ...args }) + "\n")
    })
  child.stdin!.on("error", () => {})
  const node: NodeProcess = {
    name,
    pid: child.pid!,
    call,
    which: async () => (await call("which")) as ReadonlyArray<Row>,
    signal: (signal) => process.kill(child.pid!, signal),
    exited,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    log: () => log
  }
  return new Promise((resolve, reject) => {
    void exited.then(({ code, signal }) => {
      const error = new Error(`${name} ended (${code ?? signal}): ${log.slice(-2_000)}`)
      for (const { reject: fail } of waiting.values()) fail(error)
      reject(error)
    })
    createInterface({ input: child.stdout! }).on("line", (text) => {
      const line = JSON.parse(text) as { ready?: boolean; id?: number; value?: unknown; error?: string }
      if (line.ready === true) return resolve(node)
      const waiter = waiting.get(line.id!)
      waiting.delete(line.id!)
      if (line.error === undefined) waiter?.resolve(line.value)
      else waiter?.reject(new Error(line.error))
    })
  })
}
