/**
 * Real sockets within one process: the way there and back, and who is let in, over each transport.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, ConfigProvider, Context, Effect, Exit, Layer, Logger, LogLevel, Redacted, Scope, Stream } from "effect"
import { GroupRegistry, NodeTransport, Pogo } from "effect-pogo"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { type AddressInfo, connect, createServer, type Server } from "node:net"
import { clientOf, Counter, counterLive, Notes } from "../rpc/support.js"
import { makeCertificate } from "../support/tls.js"
import { type Transport, transports } from "./support/transports.js"

const secret = "0123456789abcdef0123456789abcdef"

/** A node over sockets, on a registry that others share. */
const nodeOn = (
  transport: Transport,
  registry: GroupRegistry.GroupRegistry["Type"],
  name: string,
  options: NodeTransportSocket.Options = {},
  kinds: Layer.Layer<never, unknown, Pogo.Pogo> = counterLive(new Notes()),
  scope = "default"
) =>
  Effect.gen(function*() {
    const own = yield* Effect.scope
    const layer = kinds.pipe(
      Layer.provideMerge(Pogo.layer({ name, scope, ttl: "1 minute" })),
      Layer.provide(transport.layer(options)),
      Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    const pogo = Context.get(yield* Effect.orDie(Layer.buildWithScope(layer, own)), Pogo.Pogo)
    return { name, pogo, stop: Effect.void, crash: Effect.void }
  })

const pairOver = (transport: Transport) => (a: NodeTransportSocket.Options, b: NodeTransportSocket.Options = a) =>
  Effect.gen(function*() {
    const registry = yield* GroupRegistry.makeMemory()
    const first = yield* nodeOn(transport, registry, "a", a)
    const second = yield* nodeOn(transport, registry, "b", b, Layer.empty)
    yield* second.pogo.startChild(Counter.spec("x", {}))
    yield* second.pogo.awaitChild("Counter/x")
    return { first, second, counters: yield* clientOf(second) }
  })

describe.each(transports)("$name", (transport) => {
  const pair = pairOver(transport)

  it.scopedLive("carries calls, errors, binary, big numbers, dates and streams", () =>
    Effect.gen(function*() {
      const { counters } = yield* pair({ secret })
      const x = counters("x")
      expect(yield* x.add({ by: 2 })).toBe(2)
      expect(yield* Effect.flip(x.refuse({ why: "é" }))).toMatchObject({ _tag: "Refused", why: "é" })
      const odd = {
        text: "é\u0000",
        big: 2n ** 60n,
        bytes: Uint8Array.of(1, 2, 3),
        list: [null, -1.5, true],
        none: undefined
      }
      const back = (yield* x.echo(odd)) as typeof odd
      expect({ ...back, bytes: Array.from(back.bytes) }).toEqual({ ...odd, bytes: [1, 2, 3] })
      expect(yield* x.wait({ millis: 1 })).toBeInstanceOf(Date)
      const many = yield* Effect.forEach(Array.from({ length: 300 }, (_, i) => i), (i) => x.echo(i), {
        concurrency: "unbounded"
      })
      expect(many).toEqual(Array.from({ length: 300 }, (_, i) => i))
      const all = yield* Stream.runCollect(x.range({ to: 20_000 }))
      expect(Chunk.size(all)).toBe(20_000)
    }))

  it.scopedLive("refuses what is too large, both ways, and goes on", () =>
    Effect.gen(function*() {
      const { counters } = yield* pair({ secret, maxFrame: 64 * 1024 })
      const x = counters("x")
      expect(yield* Effect.flip(x.echo("x".repeat(65_536)))).toMatchObject({ _tag: "PayloadTooLarge", part: "request" })
      expect(yield* Effect.flip(x.echo({ repeat: 65_536 }))).toMatchObject({ _tag: "PayloadTooLarge", part: "answer" })
      expect(yield* x.echo("x".repeat(60_000))).toHaveLength(60_000)
    }))

  it.scopedLive("a burst of large calls, and very many streams at once, break nothing: they wait", () =>
    Effect.gen(function*() {
      const { counters } = yield* pair({ secret })
      const x = counters("x", { timeout: "2 minutes" })
      const text = "x".repeat(500_000)
      const echoes = Effect.forEach(Array.from({ length: 60 }, (_, i) => i), () => x.echo(text), {
        concurrency: "unbounded"
      })
      const [back, beside] = yield* Effect.zip(echoes, x.get(), { concurrent: true })
      expect([back.length, back.every((one) => one === text), beside]).toEqual([60, true, 0])
      const streams = Effect.forEach(
        Array.from({ length: 64 }, (_, i) => i),
        () => Stream.runCount(x.texts({ count: 12, size: 50_000 })),
        { concurrency: "unbounded" }
      )
      expect(yield* streams).toEqual(Array.from({ length: 64 }, () => 12))
    }))

  it.scopedLive("what the other side would not take ends its own call only, here and there", () =>
    Effect.gen(function*() {
      const { counters } = yield* pair({ secret })
      const x = counters("x")
      let deep: unknown = "core"
      for (let i = 0; i < 140; i++) deep = [deep]
      const beside = yield* Effect.fork(x.wait({ millis: 200 }))
      yield* x.get()
      expect(String(yield* Effect.sandbox(x.echo(deep)).pipe(Effect.flip))).toContain("nested")
      expect(String(yield* Effect.sandbox(x.echo(10n ** 3_000n)).pipe(Effect.flip))).toContain("big integers")
      expect(yield* beside).toBeInstanceOf(Date)
    }))

  it.scopedLive("takes either of two secrets, so that one can be replaced", () =>
    Effect.gen(function*() {
      const next = "another-secret-of-enough-characters"
      const { counters } = yield* pair({ secret: [Redacted.make(secret), next] }, { secret: [next, secret] })
      expect(yield* counters("x").get()).toBe(0)
    }))

  it.scopedLive("another secret, another scope and none at all are refused, typed, and nothing is executed", () =>
    Effect.gen(function*() {
      const none = transport.exposed ? [] : [{}]
      for (const wrong of [{ secret: "a-secret-that-is-not-theirs" }, ...none]) {
        const { counters } = yield* pair({ secret }, wrong)
        const error = yield* Effect.flip(counters("x", { timeout: "1 second" }).add({ by: 1 }))
        expect(error).toMatchObject({ _tag: "NodeUnreachable", node: "a", mayHaveRun: false })
        expect(error.message).toContain("secret")
      }
      const one = yield* transportOf(transport, { secret })
      const address = yield* one.listen({ scope: "one", node: "a" }, () => Effect.void)
      const failure = yield* Effect.flip(one.connect({ scope: "two", node: "b" }, address))
      expect(failure.reason).toContain("another scope")
    }))

  it.scopedLive("calls that are on their way when the node closes in order are answered or may be repeated", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const scope = yield* Scope.make()
      yield* Scope.extend(nodeOn(transport, registry, "a", { secret }), scope)
      const b = yield* nodeOn(transport, registry, "b", { secret }, Layer.empty)
      yield* b.pogo.startChild(Counter.spec("x", {}))
      yield* b.pogo.awaitChild("Counter/x")
      const counters = yield* clientOf(b)
      expect(yield* counters("x").get()).toBe(0)
      const running = yield* Effect.fork(counters("x").wait({ millis: 300 }))
      yield* Effect.sleep("100 millis")
      yield* Scope.close(scope, Exit.void)
      expect(yield* running).toBeInstanceOf(Date)
      const gone = yield* Effect.flip(counters("x", { timeout: "300 millis" }).get())
      expect(gone).toMatchObject({ mayHaveRun: false })
    }))
})

describe.each(transports.slice(0, 2))("$name with TLS", (transport) => {
  it.scopedLive("speaks TLS, and asks for certificates where an authority is named", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const { counters } = yield* pairOver(transport)({ tls })
      expect(yield* counters("x").add({ by: 1 })).toBe(1)
      const known = yield* transportOf(transport, { tls })
      const address = yield* known.listen({ scope: "s", node: "a" }, () => Effect.never)
      expect(address).toMatch(/^(tls|wss):/)
      const stranger = yield* transportOf(transport, { tls: yield* certificates })
      const failure = yield* Effect.flip(stranger.connect({ scope: "s", node: "b" }, address))
      expect(failure._tag).toBe("ConnectFailure")
      const plain = yield* transportOf(transport, {})
      expect((yield* Effect.flip(plain.connect({ scope: "s", node: "b" }, address))).reason).toMatch(/TLS|certificate/)
    }))

  it.scopedLive("whoever does not come to an end with TLS is gone in time; so is the wait for such a port", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const patient = yield* transportOf(transport, { tls, authTimeout: "300 millis", connections: 1 })
      const address = yield* patient.listen({ scope: "s", node: "a" }, () => Effect.never)
      const silent = yield* silentPort
      // A stranger takes the only place.
      const stranger = connect(Number(new URL(address).port), "127.0.0.1")
      stranger.on("error", () => {})
      yield* Effect.async<void>((resume) => void stranger.once("close", () => resume(Effect.void))).pipe(
        Effect.timeout("2 minutes")
      )
      // A handshake may take longer than the time for it, on a busy machine.
      yield* Effect.retry(patient.connect({ scope: "s", node: "b" }, address), { times: 100 })
      const late = yield* Effect.flip(patient.connect({ scope: "s", node: "b" }, silent(address))).pipe(
        Effect.timeout("2 minutes")
      )
      expect(late.reason).toContain("in time")
    }))
})

describe("options of NodeTransportSocket", () => {
  it.effect("keys and certificates that are none are told when the layer is built", () =>
    Effect.gen(function*() {
      for (const tls of [{ key: "x", cert: "y" }, { key: "", cert: "", ca: "nothing of an authority" }]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTransportSocket.layer({ tls }))))
        expect(error).toMatchObject({ _tag: "InvalidConfig", setting: "tls" })
      }
    }))

  const transport = transports[0]!

  const refused = (options: NodeTransportSocket.Options) =>
    Effect.flip(Effect.scoped(Layer.build(NodeTransportSocket.layer(options))))

  it.scoped("a port that others can reach needs a secret or certificates", () =>
    Effect.gen(function*() {
      expect(yield* refused({ host: "0.0.0.0" })).toMatchObject({ _tag: "InvalidConfig", setting: "host" })
      expect(yield* refused({ host: "0.0.0.0", tls: { key: "k", cert: "c" } })).toMatchObject({ setting: "host" })
      expect(yield* refused({ secret: "short" })).toMatchObject({ setting: "secret", value: "<redacted>" })
      expect(yield* refused({ port: 70_000 })).toMatchObject({ setting: "port" })
      expect(yield* refused({ advertise: "a b" })).toMatchObject({ setting: "advertise" })
      expect(yield* refused({ maxFrame: 1 })).toMatchObject({ setting: "maxFrame" })
      expect(yield* refused({ connections: 0 })).toMatchObject({ setting: "connections" })
      for (const authTimeout of ["soon" as never, 0, -1, Number.NaN, Infinity]) {
        expect(yield* refused({ authTimeout })).toMatchObject({ setting: "authTimeout" })
      }
      expect(yield* refused({ secret: [undefined as never] })).toMatchObject({ setting: "secret" })
    }))

  it.scoped("of the environment: what is empty is not set, save for a secret, which is then a mistake", () =>
    Effect.gen(function*() {
      const from = (environment: Record<string, string>) =>
        Effect.withConfigProvider(
          Effect.scoped(Layer.build(NodeTransportSocket.layerConfig())),
          ConfigProvider.fromMap(new Map(Object.entries(environment)))
        )
      yield* from({ POGO_RPC_HOST: "", POGO_RPC_ADVERTISE: " " })
      yield* from({ POGO_RPC_SECRET: "0123456789abcdef," })
      expect(yield* Effect.flip(from({ POGO_RPC_SECRET: "" }))).toMatchObject({ setting: "secret" })
      expect(yield* Effect.flip(from({ POGO_RPC_HOST: "0.0.0.0" }))).toMatchObject({ setting: "host" })
    }))

  it.scopedLive("what is advertised is what is told; a port that is taken fails by name", () =>
    Effect.gen(function*() {
      const named = yield* transportOf(transport, { advertise: "node-a.example" })
      const address = yield* named.listen({ scope: "s", node: "a" }, () => Effect.void)
      expect(address).toMatch(/^tcp:\/\/node-a\.example:\d+$/)
      const port = Number(address.split(":").at(-1))
      const other = yield* transportOf(transport, { port, advertise: "[::1]:5" })
      const error = yield* Effect.flip(other.listen({ scope: "s", node: "b" }, () => Effect.void))
      expect(error).toMatchObject({ _tag: "InvalidConfig", setting: "host and port" })
      const elsewhere = yield* transportOf(transport, { advertise: "[::1]:5" })
      expect(yield* elsewhere.listen({ scope: "s", node: "b" }, () => Effect.void)).toBe("tcp://[::1]:5")
    }))
})

/** A port at which nobody says anything; an address of the same form leads there. */
const silentPort = Effect.map(
  Effect.acquireRelease(
    Effect.async<Server>((resume) => {
      const server = createServer(() => {}).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ),
  (server) => (address: string) => address.replace(/:\d+/, `:${(server.address() as AddressInfo).port}`)
)

const transportOf = (transport: Transport, options: NodeTransportSocket.Options) =>
  Effect.map(
    Effect.orDie(Layer.build(transport.layer(options))),
    (context) => Context.get(context, NodeTransport.NodeTransport)
  )

const certificates = Effect.sync(() => {
  const { certificate, key } = makeCertificate()
  return { key, cert: certificate, ca: certificate } satisfies NodeTransportSocket.TlsOptions
})
