/**
 * A node as a process of its own, told what to do on its standard input and answering on its standard output, one line of
 * JSON each. Its children write what they do to a file that all nodes append to, and to a resource that compares tokens.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Duration, Effect, Layer, Logger, Schedule, Schema, Stream } from "effect"
import { Child, Pogo, PogoConfig, Restart } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { appendFileSync } from "node:fs"
import { createConnection } from "node:net"
import { createInterface } from "node:readline"
import type { Line } from "./evidence.js"

const journal = process.env["TEST_JOURNAL"]!
const resource = Number(process.env["TEST_RESOURCE"])

/** Milliseconds of a clock that all processes of the machine share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

const Probe = Child.make("Probe", {
  payload: {
    /** Milliseconds between beats. */
    every: Schema.Number,
    /** Milliseconds that its finalizer takes. */
    stopTakes: Schema.optionalWith(Schema.Number, { default: () => 0 })
  }
})

/** Fenced writes: the resource keeps the highest token of each id, and refuses lower ones. */
const connection = createConnection({ port: resource, host: "127.0.0.1" })
connection.on("error", () => {})

const write = (self: Child.Current, what: Line["what"]): void => {
  const line: Line = { id: self.id, node: self.node, token: String(self.token), what, at: now() }
  appendFileSync(journal, JSON.stringify(line) + "\n")
}

const beat = (self: Child.Current) =>
  Effect.map(Effect.either(self.check), ({ _tag }) => {
    write(self, _tag === "Right" ? "beat" : "fenced")
    // A copy that does not ask: its token alone must keep it out.
    connection.write(JSON.stringify({ id: self.id, token: String(self.token), node: self.node }) + "\n")
  })

const options = (onRegistryLoss: "stop" | "keep"): Child.RunOptions => ({
  restart: Restart.permanent(Schedule.spaced("200 millis")),
  shutdown: "2 seconds",
  onRegistryLoss
})

const run = ({ every, stopTakes }: { readonly every: number; readonly stopTakes: number }) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    yield* Effect.acquireRelease(
      Effect.sync(() => write(self, "start")),
      () => Effect.zipRight(Effect.sleep(stopTakes), Effect.sync(() => write(self, "stop")))
    )
    yield* Effect.repeat(beat(self), Schedule.spaced(every))
  })

const Kept = Child.make("Kept", { payload: Probe.payload.fields })

const answer = (line: unknown): void => {
  process.stdout.write(JSON.stringify(line, (_, value) => typeof value === "bigint" ? String(value) : value) + "\n")
}

interface Command {
  readonly id: number
  readonly call: string
  readonly keys?: ReadonlyArray<string>
  readonly kind?: "Probe" | "Kept"
  readonly stopTakes?: number
  readonly millis?: number
}

const kindOf = ({ kind }: Command) => (kind === "Kept" ? Kept : Probe)

const execute = (command: Command): Effect.Effect<unknown, unknown, Pogo.Pogo> => {
  const kind = kindOf(command)
  const keys = command.keys ?? []
  switch (command.call) {
    case "start":
      return Pogo.startChildren(keys.map((key) => kind.spec(key, { every: 50, stopTakes: command.stopTakes ?? 0 })))
    case "terminate":
      return Effect.forEach(keys, (key) => Pogo.terminateChild(kind.id(key)), { concurrency: "unbounded" })
    case "await":
      return Effect.forEach(keys, (key) => Pogo.awaitChild(kind.id(key)), { concurrency: "unbounded" })
    case "which":
      return Pogo.whichChildren("global")
    case "local":
      return Pogo.whichChildren("local")
    case "ready":
      return Pogo.ready
    case "nodes":
      return Pogo.nodes
    case "block":
      // The event loop stands still.
      return Effect.sync(() => {
        const end = now() + (command.millis ?? 0)
        while (now() < end);
      })
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
  return yield* Effect.never
})

const registry = GroupRegistryRedis.layerConfig({
  url: Config.redacted("TEST_REDIS_URL"),
  onEmpty: Config.literal("trust", "settle")("TEST_ON_EMPTY")
})

const live = Layer.mergeAll(Probe.toLayer(run, options("stop")), Kept.toLayer(run, options("keep"))).pipe(
  Layer.provideMerge(Pogo.layerConfig(PogoConfig.config, { drainTimeout: Duration.seconds(10) })),
  Layer.provide(registry)
)

const main = Effect.zipRight(Effect.sync(() => answer({ ready: true })), serve).pipe(
  Effect.provide(live),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)))
)

NodeRuntime.runMain(main, { disablePrettyLogger: true })
