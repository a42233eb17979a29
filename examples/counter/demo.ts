/**
 * Counters that are called from three processes while they move: one process is killed, one is asked to end, one is
 * frozen for a moment, and all come back. In the end what was acknowledged is compared with what was counted.
 *
 *     npx tsx examples/counter/demo.ts
 *
 * Its exit code tells whether every call that was acknowledged was counted, and none twice.
 */
import { Console, Context, Effect, Layer, Logger, LogLevel, type Scope } from "effect"
import { Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { startRedis } from "../../.ci/redis.mjs"
import { Counter } from "./Counter.js"
import * as Ledger from "./Ledger.js"

const keys = ["a", "b", "c", "d"]
const names = ["one", "two", "three"]

/** What the processes said of their calls. */
const said = {
  sent: new Set<string>(),
  acknowledged: new Set<string>(),
  refused: new Set<string>(),
  unknown: new Set<string>()
}

const launch = (name: string, env: Record<string, string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(fileURLToPath(new URL("node.ts", import.meta.url)), {
        execArgv: ["--import", import.meta.resolve("tsx")],
        env: { ...process.env, ...env, POGO_NODE_NAME: name },
        stdio: ["ignore", "pipe", "inherit", "ipc"]
      })
      createInterface({ input: child.stdout! }).on("line", (line) => {
        const [what, key, call] = line.split(" ")
        said[what as keyof typeof said]?.add(`${key} ${call}`)
      })
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const end = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.promise(async () => {
    const gone = once(child, "exit")
    child.kill(signal)
    await gone
  })

/** Lets so many seconds pass, and more on a busy machine: some calls are acknowledged meanwhile. */
const calm = (seconds: number) =>
  Effect.gen(function*() {
    const before = said.acknowledged.size
    yield* Effect.sleep(seconds * 1_000)
    yield* Effect.repeat(Effect.sleep("100 millis"), { until: () => said.acknowledged.size >= before + 30 })
  })

/** Kills, drains and freezes, each time another process. */
const trouble = (env: Record<string, string>, seconds: number) =>
  Effect.gen(function*() {
    const processes = yield* Effect.forEach(names, (name) => launch(name, env))
    yield* calm(seconds)
    yield* Console.log("one gets SIGKILL")
    yield* end(processes[0]!, "SIGKILL")
    yield* calm(seconds)
    yield* launch("one", env)
    yield* calm(seconds)
    yield* Console.log("two gets SIGTERM")
    yield* end(processes[1]!, "SIGTERM")
    yield* launch("two", env)
    yield* calm(seconds / 2)
    yield* Console.log("three is frozen for a moment")
    processes[2]!.kill("SIGSTOP")
    yield* Effect.sleep("700 millis")
    processes[2]!.kill("SIGCONT")
    yield* calm(seconds)
  })

const tally = (pages: Ledger.Pages) => {
  const applied = Array.from(pages).flatMap(([key, { calls }]) => calls.map((call) => `${key} ${call}`))
  const once = new Set(applied)
  const lost = Array.from(said.acknowledged).filter((call) => !once.has(call)).length
  const denied = Array.from(said.refused).filter((call) => once.has(call)).length
  return {
    sent: said.sent.size,
    acknowledged: said.acknowledged.size,
    applied: applied.length,
    duplicates: applied.length - once.size,
    lost,
    /** Calls that were said not to be executed, and were. */
    denied,
    refused: said.refused.size,
    unknown: said.unknown.size
  }
}

const demo = Effect.gen(function*() {
  const redis = yield* Effect.acquireRelease(
    Effect.promise(() => startRedis()),
    (server) => Effect.promise(() => server.stop())
  )
  const { pages, port } = yield* Ledger.serve
  const client = Pogo.layerClient({ scope: "counter", ttl: "3 seconds" }).pipe(
    Layer.provide(GroupRegistryRedis.layer({ url: redis.url, onEmpty: "trust" }))
  )
  const pogo = Context.get(yield* Layer.build(client), Pogo.Pogo)
  yield* pogo.startChildren(keys.map((key) => Counter.spec(key, {})))
  const env = { REDIS_URL: redis.url, LEDGER: String(port), POGO_SCOPE: "counter", POGO_TTL: "3 seconds" }
  yield* Effect.scoped(trouble(env, Number(process.argv[2] ?? 4)))
  return tally(pages)
}).pipe(Effect.scoped, Effect.provide(Logger.minimumLogLevel(LogLevel.Error)))

const result = await Effect.runPromise(demo)
console.log(JSON.stringify(result))
const { acknowledged, denied, duplicates, lost } = result
process.exit(acknowledged > 100 && lost + duplicates + denied === 0 ? 0 : 1)
