/**
 * A node as a process of its own that serves the page: its name, the scope, the registry and the port come by the
 * environment.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, Schedule } from "effect"
import { Child, Pogo, Restart } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { createServer } from "node:http"

const Steady = Child.make("Steady", { payload: {} })
const Broken = Child.make("Broken", { payload: {} })

const kinds = Layer.mergeAll(
  Steady.toLayer(() => Effect.never),
  Broken.toLayer(() => Effect.fail("no such <table>"), { restart: Restart.permanent(Schedule.recurs(2)) })
)

const supervisor = Pogo.layerConfig({
  children: [
    ...Array.from({ length: 30 }, (_, i) => Steady.spec(`s-${String(i).padStart(2, "0")}`, {})),
    Broken.spec("b", {})
  ]
}).pipe(Layer.provide(GroupRegistryRedis.layerConfig({ url: Config.redacted("PAGE_REDIS") })))

const page = PogoHttp.layer({ actions: "all" }).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: Number(process.env["PAGE_PORT"]) }))
)

const ready = Layer.scopedDiscard(
  Effect.zipRight(Pogo.ready, Effect.sync(() => process.stdout.write(`${JSON.stringify({ ready: true })}\n`)))
)

Layer.launch(Layer.mergeAll(page, kinds, ready).pipe(Layer.provide(supervisor))).pipe(
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  NodeRuntime.runMain({ disablePrettyLogger: true })
)

// Nobody is there any more who would end it.
process.stdin.on("end", () => process.exit(1)).resume()
