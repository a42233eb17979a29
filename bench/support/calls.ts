/**
 * Calls, measured: over one connection between two processes, by the bare `@effect/rpc` and by ours in turn; within one
 * process; to children that move; and what a child that can be called costs at rest. Prints one line of JSON.
 */
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer, RpcTest } from "@effect/rpc"
import { Config, Context, Duration, Effect, Layer, Logger, LogLevel, Schema, type Scope, Stream } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { median, quantile } from "./numbers.js"

const rpcs = [
  Rpc.make("echo", { payload: { n: Schema.Number, text: Schema.String }, success: Schema.Number }),
  Rpc.make("items", { payload: { count: Schema.Number }, success: Schema.Number, stream: true })
] as const

class Bare extends RpcGroup.make(...rpcs) {}

const handlers = Bare.of({
  echo: ({ n }) => Effect.succeed(n),
  items: ({ count }) => Stream.rechunk(Stream.range(1, count), 100)
})

const Echo = Child.make("Echo", { payload: {}, protocol: rpcs })
const EchoLive = Echo.toLayer(() => handlers, { concurrency: "unbounded" })
const Silent = Child.make("Silent", { payload: {} })
const SilentLive = Silent.toLayer(() => Effect.never)

const RedisLive = GroupRegistryRedis.layerConfig({
  url: Config.redacted("BENCH_REDIS_URL"),
  onEmpty: Config.succeed("trust" as const)
})

type Kinds = Layer.Layer<never, unknown, Pogo.Pogo>

const node = (name: string, kinds: Kinds): Effect.Effect<Pogo.Service, unknown, Scope.Scope> =>
  Effect.map(
    Layer.build(kinds.pipe(
      Layer.provideMerge(Pogo.layer({ name, moveDebounce: "100 millis" })),
      Layer.provide(NodeTransportSocket.layer()),
      Layer.provide(RedisLive)
    )),
    (context) => Context.get(context, Pogo.Pogo)
  )

const say = (value: unknown) => Effect.sync(() => void process.stdout.write(JSON.stringify(value) + "\n"))

/** Both servers in one process. */
const serve = Effect.gen(function*() {
  yield* node("host", EchoLive)
  const port = Number(process.env["BENCH_RAW_PORT"])
  const server = RpcServer.layer(Bare).pipe(
    Layer.provide(Bare.toLayer(handlers)),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide(RpcSerialization.layerMsgPack),
    Layer.provide(NodeSocketServer.layer({ port, host: "127.0.0.1" }))
  )
  yield* Layer.build(server)
  yield* say({ ready: true })
  return yield* Effect.never
})

interface Target {
  readonly echo: (payload: { readonly n: number; readonly text: string }) => Effect.Effect<number, unknown>
  readonly items: (payload: { readonly count: number }) => Stream.Stream<number, unknown>
}

const clock = Effect.sync(() => performance.now())

const timed = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<number, E> =>
  Effect.flatMap(clock, (begin) => Effect.zipRight(effect, Effect.map(clock, (end) => end - begin)))

const text = "a name of usual length"

/** Median of one call after another, in microseconds. */
const latency = (target: Target, calls: number) =>
  Effect.map(
    Effect.replicateEffect(timed(target.echo({ n: 1, text })), calls),
    (times) => median(times) * 1_000
  )

/** Calls per second, with so many on their way. */
const throughput = (target: Target, calls: number) =>
  Effect.map(
    timed(Effect.forEach(Array.from({ length: calls }), () => target.echo({ n: 1, text }), {
      concurrency: 64,
      discard: true
    })),
    (millis) => (calls / millis) * 1_000
  )

/** Items per second. */
const flow = (target: Target, count: number) =>
  Effect.map(timed(Stream.runDrain(target.items({ count }))), (millis) => (count / millis) * 1_000)

/** Both in turn, so that whatever else the machine does hits both. */
const rounds = (
  ours: Target,
  raw: Target,
  measure: (target: Target) => Effect.Effect<number, unknown>,
  count: number
) =>
  Effect.gen(function*() {
    yield* measure(raw)
    yield* measure(ours)
    const pairs: Array<readonly [ours: number, raw: number]> = []
    for (let i = 0; i < count; i++) {
      const bare = yield* measure(raw)
      pairs.push([yield* measure(ours), bare])
    }
    return pairs
  })

const size = Number(process.env["BENCH_SIZE"] ?? 1)

const remote = Effect.gen(function*() {
  const pogo = yield* node("caller", Layer.empty)
  yield* pogo.startChild(Echo.spec("one", {}))
  yield* pogo.awaitChild("Echo/one")
  const clients = yield* Effect.provideService(Echo.client, Pogo.Pogo, pogo)
  const protocol = yield* Layer.build(
    RpcClient.layerProtocolSocket().pipe(
      Layer.provide(NodeSocket.layerNet({ port: Number(process.env["BENCH_RAW_PORT"]), host: "127.0.0.1" })),
      Layer.provide(RpcSerialization.layerMsgPack)
    )
  )
  const raw: Target = yield* Effect.provide(RpcClient.make(Bare, { disableTracing: true }), protocol)
  const ours: Target = clients("one")
  yield* say({
    latency: yield* rounds(ours, raw, (target) => latency(target, 2_000 * size), 5),
    throughput: yield* rounds(ours, raw, (target) => throughput(target, 20_000 * size), 5),
    flow: yield* rounds(ours, raw, (target) => flow(target, 100_000 * size), 5)
  })
})

const memory = (kinds: Kinds) =>
  Effect.map(
    Layer.build(kinds.pipe(
      Layer.provideMerge(Pogo.layer({ name: "alone" })),
      Layer.provide(Layer.fresh(GroupRegistry.layerMemory))
    )),
    (context) => Context.get(context, Pogo.Pogo)
  )

const local = Effect.gen(function*() {
  const pogo = yield* memory(EchoLive)
  yield* pogo.startChild(Echo.spec("one", {}))
  const clients = yield* Effect.provideService(Echo.client, Pogo.Pogo, pogo)
  const raw: Target = yield* Effect.provide(RpcTest.makeClient(Bare), Bare.toLayer(handlers))
  yield* say({ latency: yield* rounds(clients("one"), raw, (target) => latency(target, 10_000 * size), 7) })
})

const used = Effect.sync(() => {
  for (let i = 0; i < 5; i++) (globalThis as { readonly gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
})

/** Bytes that so many children of a kind take, their specs and the registry's memory of them included. */
const weigh = (kinds: Kinds, kind: typeof Silent | typeof Echo, count: number) =>
  Effect.gen(function*() {
    const pogo = yield* memory(kinds)
    const before = yield* used
    yield* pogo.startChildren(Array.from({ length: count }, (_, i) => kind.spec(`child-${i}`, {})))
    while ((yield* pogo.countChildren).running < count) yield* Effect.sleep("100 millis")
    yield* Effect.sleep("3 seconds")
    return ((yield* used) - before) / count
  }).pipe(Effect.scoped)

const heap = Effect.gen(function*() {
  const count = Math.round(10_000 * size)
  yield* weigh(SilentLive, Silent, count)
  const plain = yield* weigh(SilentLive, Silent, count)
  const callable = yield* weigh(EchoLive, Echo, count)
  yield* say({ plain, callable })
})

/** How much longer the slowest call to each child took while its node was drained than its usual ones. */
const moving = Effect.gen(function*() {
  const pogo = yield* node("caller", Layer.empty)
  const first = yield* node("first", EchoLive)
  const keys = Array.from({ length: 50 }, (_, i) => `child-${i}`)
  yield* pogo.startChildren(keys.map((key) => Echo.spec(key, {})))
  for (const key of keys) yield* pogo.awaitChild(Echo.id(key))
  yield* node("second", EchoLive)
  yield* Effect.sleep("2 seconds")
  const held = yield* first.whichChildren("local")
  const moved = keys.filter((key) => held.some((row) => row.key === key))
  const clients = yield* Effect.provideService(Echo.client, Pogo.Pogo, pogo)
  const added: Array<number> = []
  const over = { yes: false }
  const calling = Effect.forEach(moved, (key) =>
    Effect.gen(function*() {
      const times: Array<number> = []
      while (!over.yes) {
        times.push(yield* timed(clients(key).echo({ n: 1, text })))
        yield* Effect.sleep("5 millis")
      }
      added.push(Math.max(...times) - median(times))
    }), { concurrency: "unbounded", discard: true })
  const callers = yield* Effect.fork(calling)
  yield* Effect.sleep("1 second")
  yield* first.drain
  yield* Effect.sleep("1 second")
  over.yes = true
  yield* callers
  yield* say({ added: quantile(added, 0.5), slowest: quantile(added, 0.95), children: moved.length })
})

const programs: { readonly [name: string]: Effect.Effect<unknown, unknown, Scope.Scope> } = {
  serve,
  remote,
  local,
  heap,
  moving
}

await Effect.runPromise(
  programs[process.argv[2]!]!.pipe(
    Effect.scoped,
    Effect.timeout(Duration.minutes(4)),
    Effect.provide(Logger.minimumLogLevel(LogLevel.Error))
  )
)
process.exit(0)
