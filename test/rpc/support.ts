/**
 * A child that can be called in every way, and nodes of one process that can call it.
 */
import { Rpc } from "@effect/rpc"
import { type Duration, Effect, Fiber, Layer, Option, Schema, Stream, TestClock } from "effect"
import { Child, GroupRegistry, Pogo, type PogoConfig } from "effect-pogo"
import { type Hub, makeHub } from "../../src/internal/transport/hub.js"
import { type Kinds, makeCluster, type Registry, type TestNode } from "../support/cluster.js"

export class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", { why: Schema.String }) {}

export const Counter = Child.make("Counter", {
  payload: { from: Schema.optionalWith(Schema.Number, { default: () => 0 }) },
  protocol: [
    Rpc.make("add", { payload: { by: Schema.Number }, success: Schema.Number }),
    Child.idempotent(Rpc.make("get", { success: Schema.Number })),
    Rpc.make("refuse", { payload: { why: Schema.String }, error: Refused }),
    Rpc.make("die", { payload: Schema.String }),
    Rpc.make("wait", { payload: { millis: Schema.Number }, success: Schema.Date }),
    Rpc.make("echo", { payload: Schema.Unknown, success: Schema.Unknown }),
    Rpc.make("where", { success: Schema.Struct({ node: Schema.String, token: Schema.BigInt }) }),
    Rpc.make("ticks", { payload: { every: Schema.Number }, success: Schema.Number, error: Refused, stream: true }),
    Child.resumable(
      Rpc.make("log", { payload: { after: Schema.Number }, success: Schema.Number, stream: true }),
      (_, last) => ({ after: last })
    ),
    Rpc.make("range", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
    Rpc.make("texts", { payload: { count: Schema.Number, size: Schema.Number }, success: Schema.String, stream: true })
  ]
})

/** What the children did. */
export class Notes {
  readonly lines: Array<string> = []
  interrupted = 0
  streams = 0
  readonly note = (text: string) => Effect.sync(() => void this.lines.push(text))
}

export const counterLive = (notes: Notes, options?: Child.ServeOptions) =>
  Counter.toLayer(({ from }) =>
    Effect.gen(function*() {
      const self = yield* Child.Current
      let count = from
      yield* Effect.addFinalizer(() => notes.note(`stop ${self.key}`))
      return {
        add: ({ by }) => Effect.zipRight(notes.note(`add ${by}`), Effect.sync(() => (count += by))),
        get: () => Effect.sync(() => count),
        refuse: ({ why }) => Effect.fail(new Refused({ why })),
        die: (text) => Effect.die(new Error(text)),
        wait: ({ millis }) =>
          notes.note(`wait ${millis}`).pipe(
            Effect.zipRight(Effect.sleep(millis)),
            Effect.zipRight(Effect.map(Effect.clock, (clock) => new Date(clock.unsafeCurrentTimeMillis()))),
            Effect.onInterrupt(() => Effect.sync(() => notes.interrupted++))
          ),
        echo: (value) =>
          Effect.succeed(
            typeof value === "object" && value !== null && "repeat" in value ? "x".repeat(Number(value.repeat)) : value
          ),
        where: () => Effect.succeed({ node: self.node, token: self.token }),
        ticks: ({ every }) =>
          Stream.tick(every).pipe(
            Stream.map(() => ++count),
            Stream.ensuring(Effect.sync(() => notes.interrupted++))
          ),
        log: ({ after }) => Stream.tick(100).pipe(Stream.zipWithIndex, Stream.map(([, i]) => after + 1 + i)),
        texts: ({ count, size }) => Stream.range(1, count).pipe(Stream.rechunk(1), Stream.map(() => "x".repeat(size))),
        range: ({ to }) =>
          Stream.range(1, to).pipe(Stream.rechunk(10), Stream.tap(() => Effect.sync(() => notes.streams++)))
      }
    }), options)

/** Several nodes of one registry that reach each other; `add` gives each the kind, unless told otherwise. */
export const connectedOn = (
  registry: Registry,
  notes = new Notes(),
  options?: Child.ServeOptions,
  defaults?: PogoConfig.Options
) =>
  Effect.map(makeCluster(registry, counterLive(notes, options), defaults), (cluster) => {
    const hub: Hub = makeHub()
    const add = (name: string, own: PogoConfig.Options = {}, kinds?: Kinds) =>
      cluster.add(name, { ...own, transport: hub.transport }, kinds)
    return { hub, add, nodes: cluster.nodes }
  })

/** The same, of a registry of their own. */
export const connected = (notes: Notes, options?: Child.ServeOptions, defaults?: PogoConfig.Options) =>
  Effect.flatMap(GroupRegistry.makeMemory(), (registry) => connectedOn(registry, notes, options, defaults))

/** Lets virtual time pass in small steps until the effect has ended. */
export const passing = <A, E, R>(effect: Effect.Effect<A, E, R>, step: Duration.DurationInput = "20 millis") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) yield* TestClock.adjust(step)
    return yield* Fiber.join(fiber)
  })

/** A node that runs nothing. */
export const noKinds: Kinds = Layer.empty

/** The children's functions, as a node calls them. */
export const clientOf: {
  (node: TestNode): Effect.Effect<(key: string, options?: Child.ClientOptions) => Child.Client<CounterRpcs>>
  <R extends Rpc.Any>(
    node: TestNode,
    kind: { readonly client: Effect.Effect<(key: string) => Child.Client<R>, never, Pogo.Pogo> }
  ): Effect.Effect<(key: string) => Child.Client<R>>
} = (node: TestNode, kind: { readonly client: Effect.Effect<unknown, never, Pogo.Pogo> } = Counter) =>
  Effect.provideService(kind.client, Pogo.Pogo, node.pogo) as never

type CounterRpcs = typeof Counter extends Child.CallableKind<infer _, infer R> ? R : never

/** Node `a`, and one that runs nothing and calls the children; `Counter/x` is registered. */
export const calling = (notes = new Notes(), options?: Child.ServeOptions) =>
  Effect.gen(function*() {
    const { add, hub } = yield* connected(notes, options)
    const a = yield* add("a")
    const caller = yield* add("caller", {}, noKinds)
    const counters = yield* clientOf(caller)
    yield* caller.pogo.startChild(Counter.spec("x", {}))
    return { add, hub, a, caller, counters }
  })
