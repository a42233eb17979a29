/**
 * A node as a process of its own whose children can be called. What it needs comes from POGO_*, the registry from
 * TEST_REDIS, and TEST_TRANSPORT says how it is reached.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, LogLevel } from "effect"
import { Pogo, PogoConfig } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
import { counterLive, Notes } from "../../rpc/support.js"

const transport = process.env["TEST_TRANSPORT"] === "WebSocket" ? NodeTransportWebSocket : NodeTransportSocket

const live = counterLive(new Notes(), { concurrency: 8 }).pipe(
  Layer.provideMerge(Pogo.layerConfig(PogoConfig.config)),
  Layer.provide(transport.layerConfig()),
  Layer.provide(GroupRegistryRedis.layerConfig({
    url: Config.redacted("TEST_REDIS"),
    onEmpty: Config.succeed("trust" as const)
  }))
)

NodeRuntime.runMain(
  Effect.zipRight(Effect.sync(() => void process.stdout.write("ready\n")), Effect.never).pipe(
    Effect.provide(live),
    Effect.provide(Logger.minimumLogLevel(LogLevel.Error))
  )
)
