/**
 * A node as a process of its own, told what to do on its standard input and answering on its standard output, one line of
 * JSON each.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Duration, Effect, Layer, Logger, Stream } from "effect"
import { Pogo, PogoConfig } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"
import { createInterface } from "node:readline"
import { kinds, kindsLive, now } from "./appKinds.js"
import { registryLive, setTrap, type Trap } from "./appRegistry.js"

const answer = (line: unknown): void => {
  process.stdout.write(JSON.stringify(line, (_, value) => typeof value === "bigint" ? String(value) : value) + "\n")
}

interface Command {
  readonly id: number
  readonly call: string
  readonly keys?: ReadonlyArray<string>
  readonly kind?: keyof typeof kinds
  readonly every?: number
  readonly stopTakes?: number
  readonly deaf?: boolean
  readonly millis?: number
  readonly trap?: Trap
}

const each = <A, E, R>(command: Command, f: (key: string) => Effect.Effect<A, E, R>) =>
  Effect.forEach(command.keys ?? [], f, { concurrency: "unbounded" })

/** As it ended, also when it failed: `Created`, `ChildSpecConflict`, `OutcomeUnknown`, ... */
const tag = <R>(effect: Effect.Effect<{ readonly _tag: string }, { readonly _tag: string }, R>) =>
  Effect.match(effect, { onFailure: ({ _tag }) => _tag, onSuccess: ({ _tag }) => _tag })

const specOf = (command: Command, key: string) =>
  kinds[command.kind ?? "Probe"].spec(key, {
    every: command.every ?? 50,
    stopTakes: command.stopTakes ?? 0,
    deaf: command.deaf ?? false
  })

/** The wall clock jumps. */
const shift = (millis: number): void => {
  const { now } = Date
  Date.now = () => now() + millis
}

const block = (millis: number): void => {
  const end = now() + millis
  while (now() < end);
}

const execute = (command: Command): Effect.Effect<unknown, unknown, Pogo.Pogo> => {
  const kind = kinds[command.kind ?? "Probe"]
  switch (command.call) {
    case "start":
      return Pogo.startChildren((command.keys ?? []).map((key) => specOf(command, key)))
    case "startEach":
      return each(command, (key) => tag(Pogo.startChild(specOf(command, key))))
    case "terminate":
      return each(command, (key) => Pogo.terminateChild(kind.id(key)))
    case "terminateEach":
      return each(command, (key) => tag(Pogo.terminateChild(kind.id(key))))
    case "replaceEach":
      return each(command, (key) => tag(Pogo.replaceChild(specOf(command, key))))
    case "restartEach":
      return each(command, (key) => tag(Pogo.restartChild(kind.id(key))))
    case "await":
      return each(command, (key) => Pogo.awaitChild(kind.id(key)))
    case "explain":
      return each(command, (key) => Pogo.explain(kind.id(key)))
    case "which":
      return Pogo.whichChildren("global")
    case "local":
      return Pogo.whichChildren("local")
    case "ready":
      return Pogo.ready
    case "nodes":
      return Pogo.nodes
    case "history":
      return Pogo.history(kind.id(command.keys?.[0] ?? ""))
    case "checkHistory":
      return Effect.map(Pogo.history(undefined, { limit: 1_000_000 }), (entries) => ({
        ...PogoTest.checkHistory(entries),
        entries: entries.length
      }))
    case "lists":
      return Pogo.lists
    case "trap":
      return Effect.sync(() => setTrap(command.trap!))
    case "shift":
      return Effect.sync(() => shift(command.millis ?? 0))
    case "block":
      return Effect.sync(() => block(command.millis ?? 0))
    case "crash":
      return Effect.sync(() =>
        void setImmediate(() => {
          throw new Error("nobody catches this")
        })
      )
    default:
      return Effect.fail(`unknown call ${command.call}`)
  }
}

const serve = Effect.gen(function*() {
  const runtime = yield* Effect.runtime<Pogo.Pogo>()
  const lines = createInterface({ input: process.stdin })
  yield* Stream.fromAsyncIterable(lines, String).pipe(
    Stream.runForEach((text) =>
      Effect.gen(function*() {
        const command: Command = JSON.parse(text)
        yield* Effect.forkDaemon(
          execute(command).pipe(
            Effect.matchCause({
              onFailure: (cause) => answer({ id: command.id, error: cause.toString() }),
              onSuccess: (value) => answer({ id: command.id, value })
            }),
            Effect.provide(runtime)
          )
        )
      })
    )
  )
  // Nobody is there any more who would end it.
  process.exit(1)
})

/** The keys of children that are the whole set, if this process has such a list. */
const listed = process.env["TEST_EXACTLY"]?.split(",")

const live = kindsLive.pipe(
  Layer.provideMerge(Pogo.layerConfig(PogoConfig.config, {
    drainTimeout: Duration.seconds(10),
    children: listed === undefined
      ? undefined
      : Pogo.exactly(listed.map((key) => specOf({ id: 0, call: "start" }, key)))
  })),
  Layer.provide(registryLive)
)

const main = Effect.zipRight(Effect.sync(() => answer({ ready: true })), serve).pipe(
  Effect.provide(live),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)))
)

/** A clock that runs slower or faster than all others by a factor. */
const drifting = (rate: number): Clock.Clock => {
  const real = Clock.make()
  const origin = real.unsafeCurrentTimeNanos()
  const nanos = () => origin + BigInt(Math.floor(Number(real.unsafeCurrentTimeNanos() - origin) * rate))
  return {
    ...real,
    unsafeCurrentTimeMillis: () => Number(nanos()) / 1e6,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(() => Number(nanos()) / 1e6),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => real.sleep(Duration.times(duration, 1 / rate))
  }
}

const rate = Number(process.env["TEST_CLOCK_RATE"] ?? 1)

NodeRuntime.runMain(rate === 1 ? main : Effect.withClock(main, drifting(rate)), { disablePrettyLogger: true })
