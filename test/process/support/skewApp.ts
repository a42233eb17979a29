/**
 * A node as a process of its own, with one version of the code or the other (TEST_CODE). What it needs comes from POGO_*,
 * and the registry from TEST_REDIS.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, LogLevel } from "effect"
import { Pogo, PogoConfig } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { newLive, oldLive } from "./skewKinds.js"

const live = (process.env["TEST_CODE"] === "new" ? newLive : oldLive).pipe(
  Layer.provideMerge(Pogo.layerConfig(PogoConfig.config)),
  Layer.provide(NodeTransportSocket.layerConfig()),
  Layer.provide(GroupRegistryRedis.layerConfig({
    url: Config.redacted("TEST_REDIS"),
    onEmpty: Config.succeed("trust" as const)
  })),
  Layer.provide(Logger.minimumLogLevel(LogLevel.Error))
)

NodeRuntime.runMain(
  Effect.zipRight(Effect.sync(() => void process.stdout.write("ready\n")), Effect.never).pipe(Effect.provide(live))
)
