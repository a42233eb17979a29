/**
 * One process: it runs its share of the counters, and calls all of them, wherever they are. Each call is written to the
 * standard output with what became of it.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Logger, LogLevel, Random } from "effect"
import { PogoLive } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { Counter, CounterLive } from "./Counter.js"
import * as Ledger from "./Ledger.js"

const tell = (what: "sent" | "acknowledged" | "refused" | "unknown", key: string, call: string) =>
  Effect.sync(() => void process.stdout.write(`${what} ${key} ${call}\n`))

const keys = ["a", "b", "c", "d"]

/** One call after the other, each under a name of its own. What was not executed for sure is called again. */
const calling = (key: string) =>
  Effect.gen(function*() {
    const counters = yield* Counter.client
    for (let i = 0;; i++) {
      const call = `${process.pid}-${key}-${i}`
      yield* tell("sent", key, call)
      yield* counters(key).add({ call }).pipe(
        Effect.zipRight(tell("acknowledged", key, call)),
        Effect.catchAll((error) => tell("mayHaveRun" in error && error.mayHaveRun ? "unknown" : "refused", key, call)),
        Effect.catchAllDefect(() => tell("unknown", key, call))
      )
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 20))
    }
  })

const AppLive = CounterLive.pipe(
  Layer.provideMerge(PogoLive),
  Layer.provide(NodeTransportSocket.layerConfig()),
  Layer.provide(GroupRegistryRedis.layerConfig({ url: Config.redacted("REDIS_URL") })),
  Layer.provide(Layer.unwrapEffect(Effect.map(Config.integer("LEDGER"), Ledger.layer)))
)

const main = Effect.forEach(keys, calling, { concurrency: "unbounded", discard: true }).pipe(Effect.provide(AppLive))

NodeRuntime.runMain(Effect.provide(main, Logger.minimumLogLevel(LogLevel.Error)))
