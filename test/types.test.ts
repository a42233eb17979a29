/**
 * What the types promise. These are checked by the compiler; nothing here needs to run.
 */
import { Rpc, RpcGroup } from "@effect/rpc"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import {
  type Config,
  type ConfigError,
  Context,
  Duration,
  Effect,
  type Either,
  Layer,
  type Option,
  Schema,
  type Scope,
  Stream
} from "effect"
import {
  Child,
  type ChildInfo,
  ChildSpec,
  GroupRegistry,
  Placement,
  Pogo,
  type PogoConfig,
  type PogoError,
  type PogoEvent,
  type PogoHistory,
  PogoLive,
  type PogoNode,
  Restart
} from "effect-pogo"

class Database extends Context.Tag("test/Database")<Database, { readonly query: Effect.Effect<string> }>() {}

class Billing extends Pogo.Tag("Billing")<Billing>() {}

const Monitor = Child.make("Monitor", {
  payload: {
    url: Schema.String,
    every: Schema.DurationFromMillis,
    tries: Schema.optionalWith(Schema.Number, { default: () => 3 })
  }
})

type Built<E = PogoError.KindConflict | PogoError.InvalidConfig, R = Pogo.Pogo> = Layer.Layer<never, E, R>

/** Not called: its body is for the compiler. */
const neverCalled = (code: () => unknown): void => void code

describe("a kind", () => {
  it("has a payload of its fields' types", () => {
    expectTypeOf<Child.Payload<typeof Monitor.payload.fields>>().branded.toEqualTypeOf<
      { readonly url: string; readonly every: Duration.Duration; readonly tries: number }
    >()
    neverCalled(() => [
      Monitor.spec("x", { url: "u", every: Duration.seconds(1) }),
      Monitor.spec("x", { url: "u", every: Duration.seconds(1), tries: 1 }, {
        restart: "transient",
        shutdown: "1 second"
      })
    ])
    expectTypeOf(Monitor.spec("x", { url: "u", every: Duration.seconds(1) })).toEqualTypeOf<ChildSpec.Draft>()
    expectTypeOf(Monitor.id).toEqualTypeOf<(key: string) => `Monitor/${string}`>()
  })

  it("has ids that begin with its name, and Pogo takes no other texts for ids", () => {
    const text: string = "Monitor/x"
    neverCalled(() => [
      Pogo.awaitChild(Monitor.id("x")),
      Pogo.awaitChild("Monitor/x"),
      Pogo.awaitChild(Child.make(text, { payload: {} }).id("x")),
      Effect.flatMap(ChildSpec.parseId(text), Pogo.terminateChild),
      Effect.flatMap(Pogo.whichChildren("global"), Effect.forEach(({ id }) => Pogo.restartChild(id))),
      Effect.catchTag(Pogo.restartChild(Monitor.id("x")), "ChildNotFound", ({ id }) => Pogo.explain(id)),
      // @ts-expect-error: a key is no id
      Pogo.awaitChild("x"),
      // @ts-expect-error: a key is no id
      Pogo.terminateChild("x"),
      // @ts-expect-error: a key is no id
      Pogo.restartChild("x"),
      // @ts-expect-error: a key is no id
      Pogo.getChild("x"),
      // @ts-expect-error: a key is no id
      Pogo.watchChild("x"),
      // @ts-expect-error: a key is no id
      Pogo.explain("x"),
      // @ts-expect-error: any text may be no id
      Pogo.awaitChild(text),
      // @ts-expect-error: another kind's id
      Monitor.id("x") satisfies `Poller/${string}`
    ])
  })

  it("takes no other payload", () => {
    neverCalled(() => [
      // @ts-expect-error: a field of another type
      Monitor.spec("x", { url: 5, every: Duration.seconds(1) }),
      // @ts-expect-error: a field is missing
      Monitor.spec("x", { url: "u" }),
      // @ts-expect-error: a field too many
      Monitor.spec("x", { url: "u", every: Duration.seconds(1), more: 1 }),
      // @ts-expect-error: the encoded form, not the decoded
      Monitor.spec("x", { url: "u", every: 1_000 }),
      // @ts-expect-error: no payload
      Monitor.spec("x"),
      // @ts-expect-error: a key is text
      Monitor.spec(1, { url: "u", every: Duration.seconds(1) })
    ])
  })

  it("takes options that exist, only", () => {
    const payload = { url: "u", every: Duration.seconds(1) }
    neverCalled(() => [
      // @ts-expect-error: no such restart type
      Monitor.spec("x", payload, { restart: "always" }),
      // @ts-expect-error: no duration
      Monitor.spec("x", payload, { shutdown: "soon" }),
      // @ts-expect-error: labels are texts
      Monitor.spec("x", payload, { requires: { zone: 1 } })
    ])
  })

  it("has a payload whose schema needs no services", () => {
    const NeedsDatabase = Schema.transformOrFail(Schema.String, Schema.String, {
      strict: true,
      decode: () => Effect.flatMap(Database, ({ query }) => query),
      encode: Effect.succeed
    })
    expectTypeOf<Schema.Schema.Context<typeof NeedsDatabase>>().toEqualTypeOf<Database>()
    neverCalled(() => [
      Child.make("K", { payload: { a: Schema.String } }),
      // @ts-expect-error: a payload is decoded on another node
      Child.make("K", { payload: { a: NeedsDatabase } }),
      // @ts-expect-error: nor deep inside
      Child.make("K", { payload: { a: Schema.optional(Schema.Struct({ b: NeedsDatabase })) } }),
      // @ts-expect-error: a payload is declared, be it empty
      Child.make("K", {})
    ])
  })
})

describe("toLayer", () => {
  it("infers the payload, and requires what the child requires, and the supervisor", () => {
    const live = Monitor.toLayer((payload) => {
      expectTypeOf(payload).toEqualTypeOf<Child.Payload<typeof Monitor.payload.fields>>()
      return Effect.gen(function*() {
        yield* Effect.addFinalizer(() => Effect.void)
        yield* Child.Current
        return yield* Effect.flatMap(Database, ({ query }) => query)
      })
    })
    expectTypeOf(live).toEqualTypeOf<Built<PogoError.KindConflict | PogoError.InvalidConfig, Pogo.Pogo | Database>>()
  })

  it("requires nothing but the supervisor of a child that needs a Scope and Child.Current alone", () => {
    expectTypeOf(Monitor.toLayer(() => Effect.never)).toEqualTypeOf<Built>()
    expectTypeOf(Monitor.toLayer(() => Effect.zipRight(Effect.scope, Child.Current))).toEqualTypeOf<Built>()
  })

  it("takes a child that may fail in any way, without failing itself", () => {
    expectTypeOf(Monitor.toLayer(() => Effect.fail("no" as const))).toEqualTypeOf<Built>()
  })

  it("takes a child that is a layer", () => {
    const layer = Layer.scopedDiscard(Effect.zipRight(Child.Current, Database))
    expectTypeOf(Monitor.toLayer(() => layer)).toEqualTypeOf<
      Built<PogoError.KindConflict | PogoError.InvalidConfig, Pogo.Pogo | Database>
    >()
    const failing = Layer.fail("no" as const)
    expectTypeOf(Monitor.toLayer(() => failing)).toEqualTypeOf<Built>()
  })

  it("requires the supervisor that it is told", () => {
    expectTypeOf(Monitor.toLayer(() => Effect.never, { supervisor: Billing })).toEqualTypeOf<
      Built<PogoError.KindConflict | PogoError.InvalidConfig, Billing>
    >()
  })

  it("takes options that exist, only", () => {
    neverCalled(() => [
      Monitor.toLayer(() => Effect.never, { restart: Restart.temporary, shutdown: "infinity", onOverdue: "exit" }),
      // @ts-expect-error: a policy, not its name
      Monitor.toLayer(() => Effect.never, { restart: "permanent" }),
      // @ts-expect-error: no such choice
      Monitor.toLayer(() => Effect.never, { onRegistryLoss: "ignore" }),
      // @ts-expect-error: a child is code, not a value
      Monitor.toLayer(() => 5)
    ])
  })
})

describe("Child.Current", () => {
  it("tells what a child knows of itself", () => {
    expectTypeOf<Child.Current>().toMatchTypeOf<{
      readonly id: string
      readonly kind: string
      readonly key: string
      readonly node: string
      readonly token: bigint
      readonly generation: bigint
      readonly attempt: number
      readonly check: Effect.Effect<void, PogoError.ClaimLost>
      readonly lost: Effect.Effect<PogoError.ClaimLost>
    }>()
  })
})

type Spec = ChildSpec.Any
type Id = ChildSpec.ChildId
type Unavailable = PogoError.RegistryUnavailable
type Unknown = PogoError.OutcomeUnknown
type Invalid = PogoError.InvalidChildSpec
type BadId = PogoError.InvalidChildId
type Conflict = PogoError.ChildSpecConflict
type Running = ChildInfo.ChildRow & { readonly node: string; readonly token: bigint }
type Anew<Tag extends string> = { readonly _tag: Tag; readonly id: Id; readonly generation: bigint }

/** The methods, with the supervisor as a requirement, or without. */
type Direct<R> = (
  name: string,
  options?: PogoNode.DirectiveOptions
) => Effect.Effect<
  PogoNode.DirectiveResult,
  PogoError.InvalidDirective | PogoError.TooManyDirectives | Unavailable | PogoError.OutcomeUnknown,
  R
>

const Offset = Schema.Struct({ offset: Schema.Number })

describe("a kind with a state", () => {
  it("has one of its schema's type, and a kind without has none", () => {
    const With = Child.make("With", { payload: { n: Schema.Number }, state: Offset })
    expectTypeOf(With.state).toEqualTypeOf<
      Effect.Effect<Child.State<{ readonly offset: number }>, never, Child.Current>
    >()
    expectTypeOf<ReturnType<Child.State<string>["set"]>>().toEqualTypeOf<Effect.Effect<void, PogoError.StateError>>()
    expectTypeOf(With.readState("x")).toEqualTypeOf<
      Effect.Effect<
        Option.Option<Child.StoredState<{ readonly offset: number }>>,
        PogoError.RegistryUnavailable | PogoError.InvalidState,
        Pogo.Pogo
      >
    >()
    expectTypeOf(With.spec("x", { n: 1 })).toEqualTypeOf<ChildSpec.Draft>()
    const Without = Child.make("Without", { payload: {} })
    expectTypeOf(Without).toEqualTypeOf<Child.Kind<{}, "Without">>()
    expectTypeOf(Without).not.toHaveProperty("state")
    // @ts-expect-error a migrate makes a value of the schema's type
    Child.make("Bad", { payload: {}, state: Offset, migrate: () => "no" })
  })
})

interface Methods<R> {
  readonly startChild: Pogo.ChildCommand<Spec, Pogo.StartResult, Invalid | Conflict | Unavailable | Unknown, R>
  readonly startChildren: (
    specs: Iterable<Spec>,
    options?: Pogo.CommandOptions
  ) => Effect.Effect<ReadonlyArray<Either.Either<Pogo.StartResult, Conflict>>, Invalid | Unavailable | Unknown, R>
  readonly replaceChild: Pogo.ChildCommand<
    Spec,
    Anew<"Replaced">,
    Invalid | PogoError.ChildNotFound | Unavailable | Unknown,
    R
  >
  readonly terminateChild: Pogo.ChildCommand<Id, Pogo.TerminateResult, BadId | Unavailable | Unknown, R>
  readonly restartChild: Pogo.ChildCommand<
    Id,
    Anew<"Restarted">,
    BadId | PogoError.ChildNotFound | Unavailable | Unknown,
    R
  >
  readonly awaitChild: (id: Id) => Effect.Effect<Running, BadId | Unavailable, R>
  readonly upsertChild: Pogo.ChildCommand<Spec, Pogo.UpsertResult, Invalid | Unavailable | Unknown, R>
  readonly reconcile: (
    kind: { readonly kind: string },
    specs: Iterable<Spec>,
    options?: Pogo.ReconcileOptions
  ) => Effect.Effect<
    Pogo.ReconcilePlan,
    Invalid | PogoError.ReconcileRefused | PogoError.ReconcileSuperseded | Unavailable | Unknown,
    R
  >
  readonly getChild: (id: Id) => Effect.Effect<Option.Option<ChildInfo.ChildRow>, never, R>
  readonly getSpec: (id: Id) => Effect.Effect<Option.Option<ChildSpec.StoredSpec>, never, R>
  readonly whichChildren: (of: "local" | "global") => Effect.Effect<ReadonlyArray<ChildInfo.ChildRow>, never, R>
  readonly countChildren: Effect.Effect<ChildInfo.ChildCounts, never, R>
  readonly nodes: Effect.Effect<ReadonlyArray<PogoNode.PogoNode>, never, R>
  readonly lists: Effect.Effect<ReadonlyArray<PogoNode.ListState>, never, R>
  readonly events: Stream.Stream<PogoEvent.PogoEvent, never, R>
  readonly scopeEvents: Stream.Stream<PogoHistory.HistoryEntry, never, R>
  readonly history: (
    id?: string,
    options?: PogoHistory.HistoryOptions
  ) => Effect.Effect<
    ReadonlyArray<PogoHistory.HistoryEntry>,
    PogoError.InvalidChildId | PogoError.InvalidConfig | Unavailable,
    R
  >
  readonly drain: Effect.Effect<number, never, R>
  readonly cordon: Effect.Effect<void, never, R>
  readonly uncordon: Effect.Effect<void, never, R>
  readonly cordonNode: Direct<R>
  readonly drainNode: Direct<R>
  readonly uncordonNode: Direct<R>
  readonly plan: (change: PogoNode.PlanChange) => Effect.Effect<PogoNode.PlacementPlan, PogoError.InvalidConfig, R>
  readonly explain: (id: Id) => Effect.Effect<ChildInfo.Explanation, never, R>
  readonly ready: Effect.Effect<boolean, never, R>
  readonly watchChild: (id: Id) => Stream.Stream<Option.Option<ChildInfo.ChildRow>, never, R>
  readonly awaitReady: Effect.Effect<void, Unavailable, R>
}

describe("Pogo", () => {
  it("has methods that fail with exactly what they say", () => {
    type Service = Pick<Pogo.Service, keyof Methods<never>>
    expectTypeOf<Service>().toEqualTypeOf<Methods<never>>()
    expectTypeOf<Exclude<keyof Pogo.Service, keyof Methods<never> | symbol>>().toEqualTypeOf<
      "name" | "scope"
    >()
  })

  it("has an accessor for every method, which requires the supervisor", () => {
    type Accessors = Readonly<Pick<typeof Pogo, keyof Methods<Pogo.Pogo>>>
    expectTypeOf<Accessors>().toEqualTypeOf<Methods<Pogo.Pogo>>()
  })

  it("has commands that may be given to forEach as they are", () => {
    const ids: ReadonlyArray<Id> = []
    expectTypeOf(Effect.forEach(ids, Pogo.terminateChild)).toEqualTypeOf<
      Effect.Effect<Array<Pogo.TerminateResult>, BadId | Unavailable | Unknown, Pogo.Pogo>
    >()
    expectTypeOf(Effect.forEach(ids, Pogo.restartChild, { discard: true })).toEqualTypeOf<
      Effect.Effect<void, BadId | PogoError.ChildNotFound | Unavailable | Unknown, Pogo.Pogo>
    >()
  })

  it("has layers that require the registry, and fail with what can go wrong in building", () => {
    type Registry = GroupRegistry.GroupRegistry
    expectTypeOf(PogoLive).toEqualTypeOf<
      Layer.Layer<Pogo.Pogo, ConfigError.ConfigError | PogoError.PogoError, Registry>
    >()
    expectTypeOf(Pogo.layer({ scope: "s" })).toEqualTypeOf<Layer.Layer<Pogo.Pogo, PogoError.PogoError, Registry>>()
    expectTypeOf(Pogo.layerMemory()).toEqualTypeOf<Layer.Layer<Pogo.Pogo, PogoError.PogoError>>()
    expectTypeOf<ReturnType<typeof Pogo.layerConfig>>().toEqualTypeOf<
      Layer.Layer<Pogo.Pogo, ConfigError.ConfigError | PogoError.PogoError, Registry>
    >()
    expectTypeOf(Pogo.layerConfig({ scope: "s" })).toEqualTypeOf<ReturnType<typeof Pogo.layerConfig>>()
    expectTypeOf(Pogo.layerConfig({ supervisor: Billing })).toEqualTypeOf<
      Layer.Layer<Billing, ConfigError.ConfigError | PogoError.PogoError, Registry>
    >()
    expectTypeOf<Parameters<typeof Pogo.layerConfig>[0]>().toEqualTypeOf<Config.Config<PogoConfig.Options>>()
    expectTypeOf<ReturnType<typeof Pogo.make>>().toEqualTypeOf<
      Effect.Effect<Pogo.Service, PogoError.PogoError, Registry | Scope.Scope>
    >()
    expectTypeOf(GroupRegistry.layerMemory).toEqualTypeOf<Layer.Layer<Registry>>()
    expectTypeOf<PogoError.PogoError["_tag"]>().toEqualTypeOf<
      "InvalidConfig" | "InvalidChildSpec" | "RegistryUnavailable" | "TimingMismatch" | "LayoutMismatch"
    >()
  })

  it("composes as the README says", () => {
    const App = Layer.mergeAll(
      Monitor.toLayer(() => Effect.never),
      Layer.effectDiscard(Pogo.startChild(Monitor.spec("x", { url: "u", every: "1 second" as never })))
    ).pipe(Layer.provide(PogoLive), Layer.provide(GroupRegistry.layerMemory))
    expectTypeOf<Layer.Layer.Context<typeof App>>().toEqualTypeOf<never>()
    expectTypeOf<Layer.Layer.Success<typeof App>>().toEqualTypeOf<never>()
  })
})

describe("Pogo.Tag", () => {
  it("is a tag of its own with the service of a supervisor", () => {
    expectTypeOf<Context.Tag.Service<typeof Billing>>().toEqualTypeOf<Pogo.Service>()
    expectTypeOf<Context.Tag.Identifier<typeof Billing>>().toEqualTypeOf<Billing>()
    expectTypeOf(Effect.flatMap(Billing, (billing) => billing.drain)).toEqualTypeOf<
      Effect.Effect<number, never, Billing>
    >()
    expectTypeOf(Pogo.layer({ supervisor: Billing })).toEqualTypeOf<
      Layer.Layer<Billing, PogoError.PogoError, GroupRegistry.GroupRegistry>
    >()
    expect(Billing.key).not.toBe(Pogo.Pogo.key)
  })

  it("is required by a kind's layer, whatever type the layer is given to", () => {
    neverCalled(() => {
      // @ts-expect-error: the supervisor is required
      // @effect-diagnostics-next-line missingLayerContext:off
      const layer: Layer.Layer<never, unknown> = Monitor.toLayer(() => Effect.never)
      return layer
    })
  })

  it("is not the default tag", () => {
    neverCalled(() => {
      const pogo = Pogo.layer().pipe(Layer.provide(GroupRegistry.layerMemory))
      const live = Monitor.toLayer(() => Effect.never, { supervisor: Billing })
      // @ts-expect-error: Billing is not provided
      // @effect-diagnostics-next-line missingLayerContext:off
      return live.pipe(Layer.provide(pogo)) satisfies Layer.Layer<never, unknown>
    })
  })
})

describe("specs as data", () => {
  it("may be given wherever a draft may", () => {
    const spec = new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: 1 })
    expectTypeOf(spec).toMatchTypeOf<ChildSpec.Any>()
    expectTypeOf(ChildSpec.encode(spec)).toEqualTypeOf<Effect.Effect<ChildSpec.ChildSpec, Invalid>>()
    neverCalled(() => [
      // @ts-expect-error: no payload
      new ChildSpec.ChildSpec({ kind: "K", key: "x" }),
      // @ts-expect-error: neither a spec nor a draft
      Pogo.startChild({ kind: "K", key: "x", payload: 1 })
    ])
  })
})

describe("Placement", () => {
  it("is a reference with a default: nobody has to provide it", () => {
    expectTypeOf<Effect.Effect.Context<typeof Placement.Placement>>().toEqualTypeOf<never>()
    expectTypeOf(Placement.layer(() => 1)).toEqualTypeOf<Layer.Layer<never>>()
    neverCalled(() => [
      // @ts-expect-error: a score is a number
      Placement.layer(() => "1")
    ])
  })
})

describe("a kind with a protocol", () => {
  class Missing extends Schema.TaggedError<Missing>("test/Missing")("Missing", {}) {}
  const protocol = [
    Rpc.make("get", { payload: { key: Schema.String }, success: Schema.Number, error: Missing }),
    Rpc.make("feed", { success: Schema.Date, stream: true })
  ] as const
  const Store = Child.make("Store", { payload: { size: Schema.Number }, protocol })
  const Grouped = Child.make("Grouped", { payload: {}, protocol: RpcGroup.make(...protocol) })
  const get = () => Effect.succeed(1)
  const feed = () => Stream.succeed(new Date())

  it("infers its handlers, and requires what they require", () => {
    const live = Store.toLayer((payload) =>
      Effect.gen(function*() {
        expectTypeOf(payload).toEqualTypeOf<{ readonly size: number }>()
        const database = yield* Database
        return {
          get: ({ key }) => {
            expectTypeOf(key).toEqualTypeOf<string>()
            return Effect.as(database.query, 1)
          },
          feed: () => Stream.fromEffect(Effect.as(Child.Current, new Date()))
        }
      })
    )
    expectTypeOf(live).toEqualTypeOf<Built<PogoError.KindConflict | PogoError.InvalidConfig, Pogo.Pogo | Database>>()
    const handled = Store.toLayer(() => ({ get: () => Effect.as(Database, 1), feed }))
    expectTypeOf(handled).toEqualTypeOf<Built<PogoError.KindConflict | PogoError.InvalidConfig, Pogo.Pogo | Database>>()
    const plain = Grouped.toLayer(() => ({ get, feed }), { supervisor: Billing, concurrency: 4 })
    expectTypeOf(plain).toEqualTypeOf<Built<PogoError.KindConflict | PogoError.InvalidConfig, Billing>>()
  })

  it("takes no other handlers", () => {
    neverCalled(() => [
      // @ts-expect-error: one is missing
      Store.toLayer(() => ({ get })),
      // @ts-expect-error: another answer
      Store.toLayer(() => ({ get: () => Effect.succeed("1"), feed })),
      // @ts-expect-error: an error that the protocol does not have
      // @effect-diagnostics-next-line missingEffectError:off
      Store.toLayer(() => ({ get: () => Effect.fail("no"), feed })),
      // @ts-expect-error: an effect is no set of handlers
      Store.toLayer(() => Effect.never.pipe(Effect.as(1))),
      // @ts-expect-error: a layer has no handlers
      Store.toLayer(() => Layer.empty),
      // @ts-expect-error: no such option
      Store.toLayer(() => ({ get, feed }), { mailbox: "large" })
    ])
  })

  it("has a client whose calls fail with exactly what they say", () => {
    neverCalled(() =>
      Effect.gen(function*() {
        const stores = yield* Store.client
        expectTypeOf(stores("x").get({ key: "k" })).toEqualTypeOf<
          Effect.Effect<number, Missing | PogoError.CallError>
        >()
        expectTypeOf(stores("x").feed()).toEqualTypeOf<
          Stream.Stream<Date, PogoError.CallError | PogoError.ChildMoved>
        >()
        return [
          // @ts-expect-error: a field of another type
          stores("x").get({ key: 1 }),
          // @ts-expect-error: no payload
          stores("x").get(),
          // @ts-expect-error: no such Rpc
          stores("x").put({ key: "k" }),
          // @ts-expect-error: a key is text
          stores(1)
        ]
      })
    )
    expectTypeOf<Effect.Effect.Context<typeof Store.client>>().toEqualTypeOf<Pogo.Pogo>()
    neverCalled(() =>
      expectTypeOf<Effect.Effect.Context<ReturnType<typeof Store.clientOf<Billing>>>>().toEqualTypeOf<Billing>()
    )
  })

  it("is the only one that can be called", () => {
    // @ts-expect-error: it has no protocol
    neverCalled(() => Monitor.client)
  })
})
