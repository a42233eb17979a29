/**
 * Nodes whose children are called, each a process of its own, and a caller in this process.
 */
import { Context, Effect, Layer, Logger, LogLevel, type Scope } from "effect"
import { Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { inject } from "vitest"
import { clientOf } from "../../rpc/support.js"

let scopes = 0

export const newScope = (): string => `calls-${process.pid}-${++scopes}`

export const end = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, "exit")
    child.kill(signal)
    await gone
  })

/** Starts a node of a scope. `app`: the script beside this one. */
export const startIn =
  (scope: string, app = "callApp.ts") =>
  (name: string, env: Record<string, string> = {}): Effect.Effect<ChildProcess, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.async<ChildProcess>((resume) => {
        const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL(app, import.meta.url))], {
          env: {
            ...process.env,
            TEST_REDIS: inject("redisUrl"),
            POGO_SCOPE: scope,
            POGO_TTL: "3 seconds",
            POGO_NODE_NAME: name,
            ...env
          },
          stdio: ["pipe", "pipe", "inherit"]
        })
        child.once("exit", (code, signal) => resume(Effect.die(new Error(`${name} ended: ${code ?? signal}`))))
        createInterface({ input: child.stdout }).once("line", () => resume(Effect.succeed(child)))
      }),
      (child) => end(child, "SIGKILL")
    )

/** A scope of its own, a caller, and a way to start nodes. */
export const callScene = (app?: string, transport: Pick<typeof NodeTransportSocket, "layer"> = NodeTransportSocket) =>
  Effect.gen(function*() {
    const scope = newScope()
    const caller = yield* Layer.build(
      Pogo.layerClient({ name: "caller", scope, ttl: "3 seconds" }).pipe(
        Layer.provide(transport.layer()),
        Layer.provide(GroupRegistryRedis.layer({ url: inject("redisUrl"), onEmpty: "trust" })),
        Layer.provide(Logger.minimumLogLevel(LogLevel.Error))
      )
    )
    return { scope, pogo: Context.get(caller, Pogo.Pogo), start: startIn(scope, app) }
  })

/** A scope of its own, its counters as a caller in this process calls them, and a way to start nodes. */
export const counterScene = (transport: Pick<typeof NodeTransportSocket, "layer"> = NodeTransportSocket) =>
  Effect.gen(function*() {
    const { pogo, start } = yield* callScene(undefined, transport)
    const counters = yield* clientOf({ name: "caller", pogo, stop: Effect.void, crash: Effect.void })
    return { pogo, start, counters }
  })
