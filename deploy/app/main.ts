/**
 * The application that the files of this folder deploy: it asks a list of URLs again and again, each from exactly one
 * process. Copy the form of it; what your children do is up to you.
 *
 * | variable                           | meaning                                                                   |
 * | ---------------------------------- | ------------------------------------------------------------------------- |
 * | `REDIS_URL`                        | the registry                                                              |
 * | `PORT`                             | of probes, metrics and `/checks`; 9090 if it is not set                   |
 * | `CHECKS`                           | what to ask: `name=url`, separated by commas; the same on all nodes       |
 * | `POGO_NODE_NAME`, `POGO_LABELS`, … | settings of the supervisor, and of the port for calls (`POGO_RPC_*`)      |
 */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Rpc } from "@effect/rpc"
import { Config, ConfigError, Duration, Effect, Either, Layer, Logger, Ref, Schedule, Schema } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { createServer } from "node:http"

class Status extends Schema.Class<Status>("Status")({
  node: Schema.String,
  /** How the last answer was: its status code, or what went wrong. */
  last: Schema.String,
  asked: Schema.Number
}) {}

const Check = Child.make("Check", {
  payload: { url: Schema.String, every: Schema.DurationFromMillis },
  protocol: [Child.idempotent(Rpc.make("status", { success: Status }))]
})

/** The signal ends the request with the fiber: a promise that ignores it would outlive its child. */
const ask = (url: string): Effect.Effect<string> =>
  Effect.tryPromise((signal) => fetch(url, { signal, redirect: "manual" })).pipe(
    Effect.tap((response) => Effect.promise(() => response.body?.cancel() ?? Promise.resolve())),
    Effect.map(({ status }) => String(status)),
    Effect.timeout("5 seconds"),
    Effect.catchAll((error) => Effect.succeed(error._tag === "TimeoutException" ? "no answer" : "unreachable"))
  )

const CheckLive = Check.toLayer(({ every, url }) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const status = yield* Ref.make(new Status({ node: self.node, last: "not asked yet", asked: 0 }))
    const turn = Effect.gen(function*() {
      const last = yield* ask(url)
      // What is told outside is told by the copy that holds the claim, and by no other.
      yield* self.check
      const before = yield* Ref.get(status)
      yield* Ref.set(status, new Status({ node: self.node, last, asked: before.asked + 1 }))
      if (last !== before.last) yield* Effect.logInfo(`${url}: ${last}`)
    })
    yield* Child.fork(Effect.repeat(turn, Schedule.spaced(every)))
    return { status: () => Ref.get(status) }
  })
)

/** `a=http://one,b=http://two`. All nodes have the same list: what a release no longer names ends when all agree. */
const checks = Config.mapOrFail(
  Config.string("CHECKS"),
  (text) =>
    Either.all(
      text.split(",").map((part) => {
        const at = part.indexOf("=")
        return at < 1
          ? Either.left(ConfigError.InvalidData(["CHECKS"], `"${part}" is not of the form name=url`))
          : Either.right(Check.spec(part.slice(0, at).trim(), { url: part.slice(at + 1), every: Duration.seconds(1) }))
      })
    )
)

/** Joins in the background: while Redis is away the process lives, and says that it is not ready. */
const SupervisorLive = Layer.unwrapEffect(
  Effect.map(checks, (specs) => Pogo.layerConfig({ joinTimeout: 0, children: Pogo.exactly(specs) }))
).pipe(
  Layer.provide(NodeTransportSocket.layerConfig()),
  Layer.provide(GroupRegistryRedis.layerConfig({ url: Config.redacted("REDIS_URL") }))
)

/** Where each check runs, and what it found last: rows from the own replica, and a call to each child. */
const checksPage = Effect.gen(function*() {
  const rows = yield* Pogo.whichChildren("global")
  const client = yield* Check.client
  const found = yield* Effect.forEach(
    rows,
    ({ id, node, status }) =>
      Effect.map(
        Effect.either(client(id.slice("Check/".length)).status()),
        (answer) => ({ id, node, state: status._tag, last: Either.getOrNull(answer)?.last ?? null })
      ),
    { concurrency: 16 }
  )
  return yield* HttpServerResponse.json(found)
})

/** The page needs the supervisor, whose layer is built beside the server: the route is there as soon as that is. */
const ChecksLive = HttpLayerRouter.use((router) =>
  Effect.flatMap(
    Effect.context<Pogo.Pogo>(),
    (supervisor) => router.add("GET", "/checks", Effect.provide(checksPage, supervisor))
  )
)

/** One server for what is asked from inside. The probes answer before the supervisor has joined. */
const ServerLive = Layer.merge(
  PogoHttp.health({ supervisor: SupervisorLive }),
  Layer.provide(ChecksLive, SupervisorLive)
).pipe(
  HttpLayerRouter.serve,
  Layer.provide(NodeHttpServer.layerConfig(createServer, { port: Config.withDefault(Config.port("PORT"), 9_090) }))
)

const AppLive = Layer.merge(ServerLive, Layer.provide(CheckLive, SupervisorLive))

// SIGTERM interrupts the program: children are handed over, the node leaves, and the process ends with code 0.
NodeRuntime.runMain(Effect.provide(Layer.launch(AppLive), Logger.json), { disablePrettyLogger: true })
