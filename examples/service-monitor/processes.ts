/**
 * Several nodes as processes of their own, on one Redis.
 */
import { Clock, Effect, type Scope } from "effect"
import { Pogo } from "effect-pogo"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Journal } from "./Journal.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import { byLease, type Cluster, type Missed, settings, waitUntil } from "./story.js"

export interface ProcessCluster extends Cluster<Missed> {
  /** Starts a node of a release, and waits until it has joined. */
  readonly startRelease: (name: string, revision: string) => Effect.Effect<void, Missed>
  /** Asks a node to leave in order, as deploys do, and waits for the end of its process: its exit code. */
  readonly drain: (name: string) => Effect.Effect<number | null>
}

interface NodeProcess {
  readonly child: ChildProcess
  /** Completes when the process has ended. */
  readonly ended: Effect.Effect<number | null>
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** The nodes see each other's processes, where the system shows them. */
const notice = process.platform === "linux" ? "the others see that its process is gone" : byLease

/** Starts `node.ts`. What it logs comes to light only if it fails. */
const launch = (name: string, env: Record<string, string>): NodeProcess => {
  const child = fork(here("node.ts"), {
    cwd: here("../.."),
    execArgv: ["--import", import.meta.resolve("tsx"), "--import", new URL("endWithParent.ts", import.meta.url).href],
    env: { ...process.env, ...env, POGO_NODE_NAME: name },
    stdio: ["ignore", "pipe", "pipe", "ipc"]
  })
  let log = ""
  child.stdout?.on("data", (chunk) => log += chunk)
  child.stderr?.on("data", (chunk) => log += chunk)
  const exit = once(child, "exit").then(([code]: Array<number | null>) => {
    if (code !== null && code !== 0) process.stderr.write(`${name} ended with exit code ${code}:\n${log}\n`)
    return code ?? null
  })
  return { child, ended: Effect.promise(() => exit) }
}

const end = ({ child, ended }: NodeProcess, signal: NodeJS.Signals) =>
  Effect.zipRight(Effect.sync(() => child.kill(signal)), ended)

/**
 * Makes a cluster that has no nodes yet. `Pogo` here is one that runs no monitors, since it does not have their kind: it
 * gives the services to the nodes, and sees what becomes of them.
 */
export const makeProcesses = (
  redisUrl: string,
  journalFile: string
): Effect.Effect<ProcessCluster, never, Journal | Pogo.Pogo | Scope.Scope> =>
  Effect.gen(function*() {
    const pogo = yield* Pogo.Pogo
    const journal = yield* Journal
    const processes = new Map<string, NodeProcess>()
    yield* Effect.addFinalizer(() => Effect.forEach(processes.values(), (node) => end(node, "SIGKILL")))

    const env = {
      REDIS_URL: redisUrl,
      JOURNAL: journalFile,
      POGO_SCOPE: pogo.scope,
      POGO_TTL: settings.ttl,
      POGO_HEARTBEAT: settings.heartbeat
    }
    const launched = (name: string, more: Record<string, string>) =>
      Effect.gen(function*() {
        processes.set(name, yield* Effect.sync(() => launch(name, { ...env, ...more })))
        const joined = Effect.map(
          pogo.nodes,
          (nodes) => nodes.some((node) => node.name === name && ServiceMonitor.kind in node.kinds)
        )
        yield* waitUntil(`the start of ${name}`, joined, 35)
      })
    const note = (_tag: "Crash" | "Gone", node: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => journal.append({ _tag, at, node }))
    const finish = (name: string, signal: NodeJS.Signals) =>
      Effect.suspend(() => {
        const node = processes.get(name)
        processes.delete(name)
        return node === undefined ? Effect.succeed(null) : end(node, signal)
      })
    const crash: ProcessCluster["crash"] = (name) =>
      note("Crash", name).pipe(Effect.zipRight(finish(name, "SIGKILL")), Effect.zipRight(note("Gone", name)))

    return {
      start: (name) => launched(name, {}),
      startRelease: (name, revision) => launched(name, { POGO_REVISION: revision }),
      fate: "gets SIGKILL",
      notice,
      crash,
      drain: (name) => finish(name, "SIGTERM"),
      pogo: () => pogo
    }
  })
