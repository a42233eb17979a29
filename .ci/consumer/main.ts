/** A program as a user of the published package would write it: `.ci/pack.mjs` compiles and runs it there. */
import { Console, Effect, Layer, Logger, LogLevel, Schema } from "effect"
import { Child, GroupRegistry, Pogo, type PogoError, Restart } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"

const Ticker = Child.make("Ticker", { payload: { name: Schema.NonEmptyString } })

const TickerLive = Ticker.toLayer(
  ({ name }) =>
    Effect.flatMap(Child.Current, ({ node }) => Effect.zipRight(Console.log(`${name} on ${node}`), Effect.never)),
  { restart: Restart.permanent() }
)

const AppLive = TickerLive.pipe(
  Layer.provideMerge(Pogo.layer({ name: "consumer" })),
  Layer.provide(GroupRegistry.layerMemory)
)

/** Only to be compiled: the other registry fits in the same place. */
export const OnRedis: Layer.Layer<Pogo.Pogo, PogoError.PogoError | PogoError.KindConflict> = TickerLive.pipe(
  Layer.provideMerge(Pogo.layer()),
  Layer.provide(GroupRegistryRedis.layer({ host: "127.0.0.1" }))
)

const program = Effect.gen(function*() {
  const spec = Ticker.spec("one", { name: "one" })
  yield* Pogo.startChild(spec)
  const { node } = yield* Pogo.awaitChild(Ticker.id("one"))
  const twice = yield* Pogo.startChild(spec)
  const unfit = yield* Effect.flip(Pogo.startChild(Ticker.spec("two", { name: "" })))
  const children = yield* Pogo.whichChildren("global")
  yield* Pogo.terminateChild(Ticker.id("one"))
  return [node, twice._tag, unfit._tag, children.length]
})

const seen = await Effect.runPromise(
  program.pipe(Effect.provide(AppLive), Logger.withMinimumLogLevel(LogLevel.Warning))
)
if (seen.join() !== "consumer,AlreadyStarted,InvalidChildSpec,1") throw new Error(`unexpected: ${seen.join()}`)
