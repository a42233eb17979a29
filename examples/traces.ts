/**
 * Traces across nodes, sent to a collector of OpenTelemetry: a request on one node calls a child that runs on another,
 * and all their spans are of one trace.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npx tsx examples/traces.ts
 *
 * Needs @effect/opentelemetry 0.64. The nodes live in one process here, each with a tracer of its own, as two processes
 * would have, and reach each other over real sockets. In production it is one line: `Layer.provide(TracesLive("name"))`
 * at the end of the application's layer, and POGO_TRACE_CALLS=true.
 */
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import { FetchHttpClient } from "@effect/platform"
import { Rpc } from "@effect/rpc"
import { Config, Console, Context, Effect, Layer, Logger, LogLevel, Schema } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"

const Thermometer = Child.make("Thermometer", {
  payload: {},
  protocol: [Child.idempotent(Rpc.make("celsius", { success: Schema.Number }))]
})

// What a handler does is part of the caller's trace, too.
const measure = Effect.delay(Effect.succeed(21.5), "5 millis").pipe(Effect.withSpan("ask the sensor"))

const ThermometerLive = Thermometer.toLayer(() => Effect.succeed({ celsius: () => measure }))

/** Sends spans by OTLP over HTTP, as JSON. What is left goes out when the layer closes. */
const TracesLive = (serviceName: string) =>
  Layer.unwrapEffect(
    Effect.map(Config.string("OTEL_EXPORTER_OTLP_ENDPOINT"), (endpoint) =>
      OtlpTracer.layer({ url: `${endpoint}/v1/traces`, resource: { serviceName } }))
  ).pipe(Layer.provide(OtlpSerialization.layerJson), Layer.provide(FetchHttpClient.layer))

const options = { ttl: "3 seconds", traceCalls: true } as const

/** A node that runs thermometers. */
const CellarLive = ThermometerLive.pipe(
  Layer.provideMerge(Pogo.layer({ ...options, name: "cellar" })),
  Layer.provide(NodeTransportSocket.layer()),
  Layer.provide(TracesLive("cellar"))
)

/** A node without any: it only calls. */
const FrontLive = Pogo.layerClient({ ...options, name: "front" }).pipe(
  Layer.provide(NodeTransportSocket.layer()),
  Layer.provideMerge(TracesLive("front"))
)

const request = Effect.gen(function*() {
  const thermometers = yield* Thermometer.client
  return yield* thermometers("wine").celsius()
}).pipe(Effect.withSpan("GET /wine"))

const program = Effect.gen(function*() {
  const registry = Layer.succeed(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory())
  const cellar = Context.get(yield* Layer.build(Layer.provide(CellarLive, registry)), Pogo.Pogo)
  yield* cellar.startChild(Thermometer.spec("wine", {}))
  yield* cellar.awaitChild(Thermometer.id("wine"))
  const celsius = yield* Effect.provide(
    Effect.zipRight(Pogo.awaitChild(Thermometer.id("wine")), request),
    Layer.provide(FrontLive, registry)
  )
  yield* Console.log(`${celsius} degrees`)
})

await Effect.runPromise(program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Error)))
