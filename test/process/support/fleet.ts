/**
 * Nodes as processes: started, told what to do, frozen, killed; and the resource that their children write to.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { appFile } from "./bundle.js"
import { type Line, readLines } from "./evidence.js"
import { type NodeProcess, startProcess } from "./process.js"

export interface Fleet {
  readonly nodes: Map<string, NodeProcess>
  readonly start: (name: string, env?: Record<string, string>) => Promise<NodeProcess>
  readonly lines: () => ReadonlyArray<Line>
  /** The token that the resource accepted last from each child. */
  readonly accepted: ReadonlyMap<string, bigint>
  /** How many writes with a lower token than one it had seen it refused. */
  readonly refused: () => number
  /** How many writes it accepted though a higher token had been accepted from that child: none, or it is no fence. */
  readonly wrongly: () => number
  readonly close: () => Promise<void>
}

interface Resource {
  readonly port: number
  readonly accepted: ReadonlyMap<string, bigint>
  readonly refused: () => number
  readonly wrongly: () => number
  readonly close: () => Promise<void>
}

/** Writes that were accepted after a higher token of the same child. */
const countWrong = (history: ReadonlyArray<readonly [id: string, token: bigint]>): number => {
  const highest = new Map<string, bigint>()
  let wrong = 0
  for (const [id, token] of history) {
    const before = highest.get(id) ?? 0n
    if (token < before) wrong++
    else highest.set(id, token)
  }
  return wrong
}

/** Keeps the highest token of each id and refuses writes with a lower one, as any fenced store would. */
const makeResource = (): Promise<Resource> =>
  new Promise((resolve) => {
    const accepted = new Map<string, bigint>()
    const history: Array<readonly [string, bigint]> = []
    let refused = 0
    const server = createServer((socket) => {
      socket.on("error", () => {})
      createInterface({ input: socket }).on("line", (text) => {
        const { id, token } = JSON.parse(text) as { id: string; token: string }
        const value = BigInt(token)
        if (value < (accepted.get(id) ?? 0n)) return void refused++
        if (value !== accepted.get(id)) history.push([id, value])
        accepted.set(id, value)
      }).on("error", () => {})
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({
        port,
        accepted,
        refused: () => refused,
        wrongly: () => countWrong(history),
        close: () => new Promise((done) => server.close(() => done()))
      })
    })
  })

let fleets = 0

/** Makes a fleet without nodes, on the registry that the environment names. All of its processes end with `close`. */
export const makeFleet = async (env: Record<string, string> = {}): Promise<Fleet> => {
  const resource = await makeResource()
  const folder = mkdtempSync(join(tmpdir(), "pogo-fleet-"))
  const journal = join(folder, "journal")
  writeFileSync(journal, "")
  const all: Array<NodeProcess> = []
  const nodes = new Map<string, NodeProcess>()
  const common = {
    TEST_JOURNAL: journal,
    TEST_RESOURCE: String(resource.port),
    TEST_ON_EMPTY: "trust",
    POGO_SCOPE: `fleet-${process.pid}-${++fleets}`,
    ...env
  }
  return {
    nodes,
    start: async (name, own = {}) => {
      const node = await startProcess(appFile(), name, { ...common, ...own })
      all.push(node)
      nodes.set(name, node)
      void node.exited.then(() => nodes.get(name) === node && nodes.delete(name))
      return node
    },
    lines: () => readLines(journal),
    accepted: resource.accepted,
    refused: resource.refused,
    wrongly: resource.wrongly,
    close: async () => {
      for (const node of all) {
        try {
          node.signal("SIGKILL")
        } catch {
          // it has ended
        }
      }
      await Promise.all(all.map(({ exited }) => exited))
      await resource.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** How long to wait for what must come about, milliseconds: no measure of anything, however busy the machine is. */
const patience = 240_000

/** Waits until a condition holds. */
export const eventually = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  const end = performance.now() + patience
  while (performance.now() < end) {
    if (await condition()) return
    await sleep(20)
  }
  throw new Error(`not within ${patience} ms: ${what}`)
}

/**
 * The longest time, milliseconds, for something that is to be prompt: `millis` on an idle machine, more where what is
 * done for comparison takes a tenth of that, or longer.
 */
export const promptly = async (millis: number, comparison: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now()
  await comparison()
  return Math.max(millis, 10 * (performance.now() - begin))
}

/** Makes a call until it is answered: a busy machine may leave it without an answer, and to repeat it is safe. */
export const surely = async (
  node: NodeProcess,
  call: "start" | "terminate",
  args: Record<string, unknown>
): Promise<void> => {
  await eventually(`${call} is answered`, () =>
    node.call(call, args).then(() => true, (error) => {
      if (/OutcomeUnknown|RegistryUnavailable/.test(String(error))) return false
      throw error
    }))
}
