/**
 * A node as a process of its own whose children can be called. What it needs comes from POGO_*, the registry from
 * TEST_REDIS.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, LogLevel } from "effect"
import { type NodeTransport, Pogo, PogoConfig } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"

/** Runs until it is ended, or who started it is gone; says "ready" when it has joined. */
export const runNode = <E1, E2>(
  kinds: Layer.Layer<never, E1, Pogo.Pogo>,
  transport: Layer.Layer<NodeTransport.NodeTransport, E2>
): void => {
  process.stdin.once("end", () => process.exit(1)).resume()
  const live = kinds.pipe(
    Layer.provideMerge(Pogo.layerConfig(PogoConfig.config)),
    Layer.provide(transport),
    Layer.provide(GroupRegistryRedis.layerConfig({
      url: Config.redacted("TEST_REDIS"),
      onEmpty: Config.succeed("trust" as const)
    })),
    Layer.provide(Logger.minimumLogLevel(LogLevel.Error))
  )
  NodeRuntime.runMain(
    Effect.zipRight(Effect.sync(() => void process.stdout.write("ready\n")), Effect.never).pipe(Effect.provide(live))
  )
}
