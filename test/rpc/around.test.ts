/**
 * What goes round calls: middleware, headers, wrappers, mailboxes, prefixes, spans and metrics.
 */
import { Rpc, RpcClient, RpcGroup, RpcMiddleware } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Metric, Option, Schema, Stream, TestClock, Tracer } from "effect"
import { Child, GroupRegistry, Pogo, PogoMetrics } from "effect-pogo"
import { makeHub } from "../../src/internal/transport/hub.js"
import { makeCluster } from "../support/cluster.js"
import { clientOf, noKinds, passing } from "./support.js"

class User extends Context.Tag("test/User")<User, { readonly name: string }>() {}

class Denied extends Schema.TaggedError<Denied>("test/Denied")("Denied", {}) {}

class Auth
  extends RpcMiddleware.Tag<Auth>()("test/Auth", { provides: User, failure: Denied, requiredForClient: true })
{}

class Counted extends RpcMiddleware.Tag<Counted>()("test/Counted", { wrap: true }) {}

class Greetings extends RpcGroup.make(
  Rpc.make("whoami", { success: Schema.String }),
  Rpc.make("admin.rename", { payload: Schema.String, success: Schema.String }),
  Rpc.make("numbers", { success: Schema.Number, stream: true })
).middleware(Auth).middleware(Counted) {}

const Greeter = Child.make("Greeter", { payload: {}, protocol: Greetings })

let wrapped = 0
const GreeterLive = Greeter.toLayer(() => ({
  whoami: () => Effect.map(User, ({ name }) => name),
  "admin.rename": (name) => Rpc.fork(Effect.succeed(`now ${name}`)),
  numbers: () => Stream.flatMap(User, ({ name }) => Stream.range(1, name.length))
})).pipe(
  Layer.provide(
    Layer.succeed(
      Auth,
      ({ headers }) =>
        headers["user"] === undefined ? Effect.fail(new Denied()) : Effect.succeed({ name: headers["user"] })
    )
  ),
  Layer.provide(Layer.succeed(Counted, ({ next }) => Effect.tap(next, () => Effect.sync(() => wrapped++))))
)

/** Two nodes; the second only calls. `send` says what the client adds to each request. */
const scene = (user: string | undefined, traceCalls = false) =>
  Effect.gen(function*() {
    wrapped = 0
    const hub = makeHub()
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), GreeterLive)
    yield* cluster.add("a", { transport: hub.transport, traceCalls })
    const caller = yield* cluster.add("caller", { transport: hub.transport, traceCalls }, noKinds)
    yield* caller.pogo.startChild(Greeter.spec("x", {}))
    yield* passing(caller.pogo.awaitChild("Greeter/x"))
    const client = RpcMiddleware.layerClient(Auth, ({ request }) =>
      Effect.succeed(user === undefined ? request : { ...request, headers: { ...request.headers, user } }))
    const greeters = yield* Effect.provide(Greeter.client, client).pipe(
      Effect.provideService(Pogo.Pogo, caller.pogo)
    )
    return greeters("x")
  })

describe("calls", () => {
  it.scoped("go through the middleware of both sides, and fail with its error", () =>
    Effect.gen(function*() {
      const ada = yield* scene("ada")
      expect(yield* passing(ada.whoami())).toBe("ada")
      expect(wrapped).toBe(1)
      const nobody = yield* scene(undefined)
      expect(yield* passing(Effect.flip(nobody.whoami()))).toBeInstanceOf(Denied)
      expect(yield* passing(nobody.whoami(undefined, { headers: { USER: "eve" } }))).toBe("eve")
    }))

  it.scoped("find Rpcs with a prefix, handlers that are forked, and streams as mailboxes", () =>
    Effect.gen(function*() {
      const ada = yield* scene("ada")
      expect(yield* passing(ada.admin.rename("eve"))).toBe("now eve")
      const all = yield* passing(Effect.scoped(Effect.gen(function*() {
        const mailbox = yield* ada.numbers(undefined, { asMailbox: true, headers: { user: "abc" } })
        const [items] = yield* mailbox.takeAll
        return Array.from(items)
      })))
      expect(all).toEqual([1, 2, 3])
    }))

  it.scoped("of streams go through the client's middleware, too", () =>
    Effect.gen(function*() {
      const ada = yield* scene("ada")
      expect((yield* passing(Stream.runCollect(ada.numbers()))).length).toBe(3)
      const nobody = yield* scene(undefined)
      expect(yield* passing(Effect.flip(Stream.runCollect(nobody.numbers())))).toBeInstanceOf(Denied)
    }))

  it.scoped("carry the headers of `RpcClient.withHeaders`, streams too; those of one call come on top", () =>
    Effect.gen(function*() {
      const nobody = yield* scene(undefined)
      const eve = RpcClient.withHeaders({ user: "eve" })
      expect(yield* passing(eve(nobody.whoami()))).toBe("eve")
      expect(yield* passing(eve(nobody.whoami(undefined, { headers: { user: "bob" } })))).toBe("bob")
      expect((yield* passing(eve(Stream.runCollect(nobody.numbers())))).length).toBe(3)
      expect(yield* passing(Effect.flip(nobody.whoami()))).toBeInstanceOf(Denied)
    }))

  it.scoped.each([1, 16])("buffer %i items of a stream where the reader says so, and the source waits", (size) => {
    let made = 0
    const Source = Child.make("Source", {
      payload: {},
      protocol: [Rpc.make("items", { success: Schema.Number, stream: true })]
    })
    const live = Source.toLayer(() => ({
      items: () => Stream.rechunk(Stream.repeatEffect(Effect.sync(() => made++)), 1)
    }))
    return Effect.gen(function*() {
      const hub = makeHub()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      yield* cluster.add("a", { transport: hub.transport })
      const caller = yield* cluster.add("caller", { transport: hub.transport }, noKinds)
      yield* caller.pogo.startChild(Source.spec("x", {}))
      const sources = yield* clientOf(caller, Source)
      const mailbox = yield* sources("x").items(undefined, { asMailbox: true, streamBufferSize: size })
      yield* TestClock.adjust("5 seconds")
      // The buffer, one item that waits for room in it, and the window of eight chunks between two nodes.
      expect(made).toBeGreaterThanOrEqual(size)
      expect(made).toBeLessThanOrEqual(size + 1 + 2 * 8)
      const before = made
      yield* mailbox.take
      yield* TestClock.adjust("5 seconds")
      expect(made).toBeLessThanOrEqual(before + 8)
    })
  })

  it.scoped("may be sent without waiting for an answer", () =>
    Effect.gen(function*() {
      const ada = yield* scene("ada")
      expect(yield* ada.whoami(undefined, { discard: true })).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(wrapped).toBe(1)
    }))
})

describe("spans", () => {
  type Greeter = Effect.Effect.Success<ReturnType<typeof scene>>

  const traced = (on: boolean, ask: (ada: Greeter) => Effect.Effect<unknown, unknown> = (ada) => ada.whoami()) =>
    Effect.gen(function*() {
      const ada = yield* scene("ada", on)
      const spans: Array<Tracer.Span> = []
      const inner = yield* Effect.tracer
      const tracer = Tracer.make({
        context: (f, fiber) => inner.context(f, fiber),
        span: (...args) => {
          const span = inner.span(...args)
          spans.push(span)
          return span
        }
      })
      yield* passing(Effect.withSpan(ask(ada), "asking").pipe(Effect.withTracer(tracer)))
      return spans
    })

  it.scoped("join the caller's trace where they are asked for, else there are none", () =>
    Effect.gen(function*() {
      const spans = yield* traced(true)
      expect(spans.map(({ name }) => name)).toEqual(["asking", "call Greeter.whoami"])
      expect(spans[1]!.traceId).toBe(spans[0]!.traceId)
      expect((yield* traced(false)).map(({ name }) => name)).toEqual(["asking"])
    }))

  it.scoped("last as long as a stream is read", () =>
    Effect.gen(function*() {
      const read = (ada: Greeter) => Stream.runDrain(ada.numbers().pipe(Stream.tap(() => Effect.sleep("1 second"))))
      const spans = yield* traced(true, read)
      expect(spans.map(({ name }) => name)).toEqual(["asking", "call Greeter.numbers"])
      const [, { parent, status }] = spans as [Tracer.Span, Tracer.Span]
      expect(Option.getOrUndefined(parent)?.spanId).toBe(spans[0]!.spanId)
      expect(status._tag === "Ended" && Number(status.endTime - status.startTime) / 1e6).toBeGreaterThanOrEqual(3_000)
      expect((yield* traced(false, read)).map(({ name }) => name)).toEqual(["asking"])
    }))

  it.scoped("the callee's is a child of the caller's", () =>
    Effect.gen(function*() {
      const Traced = Child.make("Traced", {
        payload: {},
        protocol: [
          Rpc.make("span", { success: Schema.Struct({ name: Schema.String, trace: Schema.String }) }),
          Rpc.make("spans", { success: Schema.String, stream: true })
        ]
      })
      const live = Traced.toLayer(() => ({
        span: () => Effect.map(Effect.orDie(Effect.currentSpan), ({ name, traceId }) => ({ name, trace: traceId })),
        spans: () =>
          Stream.fromEffect(Effect.map(Effect.orDie(Effect.currentSpan), ({ name, traceId }) => `${name} ${traceId}`))
      }))
      const hub = makeHub()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      yield* cluster.add("a", { transport: hub.transport })
      const caller = yield* cluster.add("caller", { transport: hub.transport, traceCalls: true }, noKinds)
      yield* caller.pogo.startChild(Traced.spec("x", {}))
      const client = yield* clientOf(caller, Traced)
      const [there, streamed, here] = yield* passing(
        Effect.withSpan(
          Effect.all([
            client("x").span(),
            Stream.runHead(client("x").spans()),
            Effect.map(Effect.orDie(Effect.currentSpan), ({ traceId }) => traceId)
          ]),
          "asking"
        )
      )
      expect(there).toEqual({ name: "Traced.span", trace: here })
      expect(streamed).toEqual(Option.some(`Traced.spans ${here}`))
    }))
})

describe("metrics", () => {
  it.scoped("of the node that answers count by kind and by the error's tag, and tell for how long handlers ran", () =>
    Effect.gen(function*() {
      const labels = { scope: "default", node: "a", kind: "Greeter" }
      const tagged = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, more: Record<string, string> = {}) =>
        Metric.value(
          Object.entries({ ...labels, ...more }).reduce(
            (metric, [key, value]) => Metric.tagged(metric, key, value),
            metric
          )
        )
      const served = (outcome: string) => Effect.map(tagged(PogoMetrics.callsServed, { outcome }), ({ count }) => count)
      const all = Effect.all([served("Success"), served("Denied"), tagged(PogoMetrics.serveLatency)])
      const before = yield* all
      const nobody = yield* scene(undefined)
      yield* passing(nobody.whoami(undefined, { headers: { user: "eve" } }))
      yield* passing(Effect.exit(nobody.whoami()))
      yield* passing(Stream.runDrain(nobody.numbers(undefined, { headers: { user: "eve" } })))
      const after = yield* all
      expect(after[0] - before[0]).toBe(2)
      expect(after[1] - before[1]).toBe(1)
      // Not the stream.
      expect(after[2].count - before[2].count).toBe(2)
      expect((yield* tagged(PogoMetrics.callsServing)).value).toBe(0)
    }))

  it.scoped("count calls by kind and outcome, and how long they took", () =>
    Effect.gen(function*() {
      const labels = { scope: "default", node: "caller", kind: "Greeter" }
      const calls = (outcome: string) =>
        Metric.value(
          Object.entries({ ...labels, outcome }).reduce(
            (metric, [key, value]) => Metric.tagged(metric, key, value),
            PogoMetrics.calls
          )
        )
      const before = { good: (yield* calls("Success")).count, bad: (yield* calls("Failure")).count }
      const nobody = yield* scene(undefined)
      yield* passing(nobody.whoami(undefined, { headers: { user: "eve" } }))
      yield* passing(Effect.exit(nobody.whoami()))
      expect((yield* calls("Success")).count - before.good).toBe(1)
      expect((yield* calls("Failure")).count - before.bad).toBe(1)
      const latency = yield* Metric.value(
        Object.entries(labels).reduce(
          (metric, [key, value]) => Metric.tagged(metric, key, value),
          PogoMetrics.callLatency
        )
      )
      expect(latency.count).toBeGreaterThanOrEqual(2)
    }))
})
