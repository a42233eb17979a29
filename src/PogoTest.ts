/**
 * Clusters inside a test, and faults for them: does your child survive a failover, and does it ever run twice?
 *
 * `cluster` works in any Effect program: under `TestClock`, time passes when the cluster waits for something. `explore`
 * plays hundreds of seeded histories in a virtual time of its own. No test runner is imported here.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ChildId } from "./ChildSpec.js"
import { betweenHistories, type FaultName, playSeed, prepared, type Scenario } from "./internal/testing/explore.js"
import {
  type Kinds,
  type Occurrence,
  plainSurroundings,
  render,
  rollOut,
  settles,
  TestCluster,
  whyNotOne
} from "./internal/testing/testCluster.js"
import type { RegistryConnection } from "./internal/testing/testRegistry.js"
import * as NodeTransport from "./NodeTransport.js"
import type * as Pogo from "./Pogo.js"
import type * as PogoConfig from "./PogoConfig.js"

/**
 * The error of a broken rule: something that must never be was, or something that must come did not. `history` has all
 * that happened before, and `seed`, if there is one, plays it again: `explore({ seeds: [seed], ... })`.
 *
 * @example
 * ```ts
 * import * as PogoTest from "effect-pogo/PogoTest"
 * import { Console, Effect } from "effect"
 *
 * const reported = (cluster: PogoTest.Cluster) =>
 *   cluster.atMostOne.pipe(Effect.catchTag("RuleBroken", ({ history, rule }) => Console.log(rule, history)))
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class RuleBroken extends Schema.TaggedError<RuleBroken>("effect-pogo/PogoTest/RuleBroken")("RuleBroken", {
  rule: Schema.String,
  history: Schema.String,
  seed: Schema.UndefinedOr(Schema.Number)
}) {
  override get message(): string {
    return `${this.rule}${this.seed === undefined ? "" : ` (seed ${this.seed})`}\n${this.history}`
  }
}

export type {
  /**
   * An event in the history of a cluster: a fault or its end, or the beginning or end of a run of a child.
   *
   * @example
   * ```ts
   * import * as PogoTest from "effect-pogo/PogoTest"
   * import { Effect } from "effect"
   *
   * const isStart = ({ what }: PogoTest.Occurrence): boolean => what === "started"
   * const starts = (cluster: PogoTest.Cluster) => Effect.map(cluster.history, (history) => history.filter(isStart))
   * ```
   *
   * @since 0.1.0
   * @category models
   */
  Occurrence
} from "./internal/testing/testCluster.js"

/**
 * A cluster of nodes that share a registry. Nodes are named `n1`, `n2` and so on; the name of no node is a defect. What
 * happens to all of them, such as a rollout, is told of `cluster` in its history.
 *
 * @example
 * ```ts
 * import * as PogoTest from "effect-pogo/PogoTest"
 * import { Effect } from "effect"
 *
 * // a split brain that heals
 * const split = (cluster: PogoTest.Cluster) =>
 *   Effect.gen(function*() {
 *     yield* cluster.partition("n1")
 *     yield* cluster.pass("1 minute")
 *     yield* cluster.heal()
 *     yield* cluster.atMostOne
 *   })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Cluster {
  /** Names of the nodes that have not ended. */
  readonly names: ReadonlyArray<string>
  /** The supervisor of a node. */
  readonly node: (name: string) => Pogo.Service
  /**
   * Starts a node of a new name, or of the name of one that has ended. `options` stand where the cluster has others: the
   * `children` of another release, for one.
   */
  readonly addNode: (name: string, options?: PogoConfig.Options) => Effect.Effect<Pogo.Service>
  /**
   * Rolls a release out, as a deployment with a surge of one does: for each node that is there a new one of the revision
   * joins, under a name that no node has had, and then the old one ends in order. Nodes that are added later have the
   * revision too. `kinds`: the kinds of the new release; by default those of the cluster. Returns the new names, in order.
   * Fails if a new node is not ready within a minute; an old one that does not end within a minute is killed.
   *
   * @example
   * ```ts
   * import { Child } from "effect-pogo"
   * import * as PogoTest from "effect-pogo/PogoTest"
   * import { Effect } from "effect"
   *
   * const Poller = Child.make("Poller", { payload: {} })
   * const before = Poller.toLayer(() => Effect.never)
   * const after = Poller.toLayer(() => Effect.zipRight(Effect.logInfo("the new code"), Effect.never))
   *
   * // the child moves once
   * const test = Effect.gen(function*() {
   *   const cluster = yield* PogoTest.cluster(3, before, { revision: "v1" })
   *   yield* cluster.node("n1").startChild(Poller.spec("home", {}))
   *   yield* cluster.eventuallyOne(Poller.id("home"))
   *   const names = yield* cluster.roll("v2", after)
   *   const runs = (yield* cluster.history).filter(({ what }) => what === "started")
   *   yield* Effect.log(`${runs.length} runs, the last on one of ${names.join(", ")}`)
   * })
   * Effect.scoped(test) satisfies Effect.Effect<void, unknown>
   * ```
   */
  readonly roll: (
    revision: string,
    kinds?: Layer.Layer<never, unknown, Pogo.Pogo>
  ) => Effect.Effect<ReadonlyArray<string>, RuleBroken>
  /**
   * Ends a node as SIGKILL ends a process: no finalizer runs, and nobody is told. Its fibers go no step further, also when
   * the cluster ends; timers that they have set are stopped, and sockets that they have opened do not keep the test's
   * process alive. Only what runs in no fiber of the node goes on, such as the later steps of a promise.
   */
  readonly crash: (name: string) => Effect.Effect<void>
  /** Ends a node in order: its children are stopped and handed over. */
  readonly stop: (name: string) => Effect.Effect<void>
  /** Pauses a node, while time passes: SIGSTOP, or a blocked event loop. One that is still paused at the end is killed. */
  readonly freeze: (name: string) => Effect.Effect<void>
  /** Ends the pause of a node. */
  readonly thaw: (name: string) => Effect.Effect<void>
  /** Cuts a node off the registry: both ways, or only what it sends (`requests`) or receives (`replies`). */
  readonly partition: (name: string, direction?: "both" | "requests" | "replies") => Effect.Effect<void>
  /** Ends the partition of one node, or of all. */
  readonly heal: (name?: string) => Effect.Effect<void>
  /** Drops all data of the registry. */
  readonly loseRegistry: Effect.Effect<void>
  /** Lets time pass: under `TestClock` the clock is moved in small steps. */
  readonly pass: (duration: Duration.DurationInput) => Effect.Effect<void>
  /**
   * Fails if two copies of a child ever ran at once, or if `Child.Current.check` ever succeeded in two. That two ran is
   * excused of a node that was paused beyond its lease, for the moment in which it goes on, and of kinds with
   * `onRegistryLoss: "keep"`.
   */
  readonly atMostOne: Effect.Effect<void, RuleBroken>
  /** Waits until a child runs on exactly one node and all others know where; the node. `within`: default 1 minute. */
  readonly eventuallyOne: (id: ChildId, within?: Duration.DurationInput) => Effect.Effect<string, RuleBroken>
  /** All that happened, in order. */
  readonly history: Effect.Effect<ReadonlyArray<Occurrence>>
}

const connections: ReadonlyArray<RegistryConnection> = ["tick", "work", "wake"]

/** Steps in which time passes under `TestClock`. Milliseconds. */
const step = 250

const brokenIn = (engine: TestCluster, rule: string, seed?: number): RuleBroken =>
  new RuleBroken({ rule, history: render(engine), seed })

const partition = (engine: TestCluster) => (name: string, direction: "both" | "requests" | "replies" = "both") =>
  Effect.sync(() => {
    const { line } = engine.get(name)
    for (const connection of connections) {
      if (direction !== "replies") line.cutRequests.add(connection)
      if (direction !== "requests") line.cutReplies.add(connection)
    }
    engine.runs.note(name, direction === "both" ? "is cut off" : `is cut off (${direction})`)
  })

const heal = (engine: TestCluster) => (name?: string) =>
  Effect.sync(() => {
    for (const member of name === undefined ? [...engine.all.values()] : [engine.get(name)]) {
      member.line.heal()
      engine.runs.note(member.name, "is connected")
    }
  })

const loseRegistry = (engine: TestCluster): Effect.Effect<void> =>
  Effect.sync(() => {
    engine.runs.note("registry", "loses all data")
    engine.surroundings.server.trust = false
    for (const { node } of engine.all.values()) {
      if (node !== undefined) engine.surroundings.server.lose(node.config.scope)
    }
  })

const pass = (engine: TestCluster) => (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let left = toMillis(duration); left > 0; left -= step) yield* engine.surroundings.pass(Math.min(left, step))
  })

const eventuallyOne = (engine: TestCluster) => (id: ChildId, within: Duration.DurationInput = "1 minute") =>
  Effect.flatMap(settles(engine, () => whyNotOne(engine, id), toMillis(within)), (problem) =>
    problem === undefined
      ? Effect.succeed(engine.runs.of(id)[0]!.member.name)
      : Effect.fail(brokenIn(engine, `not within ${toMillis(within)} ms: ${problem}`)))

const atMostOne = (engine: TestCluster): Effect.Effect<void, RuleBroken> =>
  Effect.suspend(() => {
    const [violation] = engine.runs.violations
    return violation === undefined ? Effect.void : Effect.fail(brokenIn(engine, violation))
  })

const clusterOf = (engine: TestCluster): Cluster => ({
  get names() {
    return [...engine.all.keys()]
  },
  node: (name) => engine.get(name).pogo!,
  addNode: (name, options) => Effect.map(engine.add(name, options), ({ pogo }) => pogo!),
  roll: (revision, kinds) =>
    Effect.mapError(
      rollOut(engine, revision, kinds === undefined ? undefined : Layer.fresh(kinds)),
      (problem) => brokenIn(engine, `not ready within a minute: ${problem}`)
    ),
  crash: engine.crash,
  stop: (name) => engine.stop(name),
  freeze: engine.freeze,
  thaw: engine.thaw,
  partition: partition(engine),
  heal: heal(engine),
  loseRegistry: loseRegistry(engine),
  pass: pass(engine),
  atMostOne: atMostOne(engine),
  eventuallyOne: eventuallyOne(engine),
  history: Effect.sync(() => [...engine.runs.history])
})

export { checkHistory, type HistoryFindings } from "./internal/historyCheck.js"

/** The kinds without requirements: what else they need is the test's own. */
const closed = <E, R>(
  kinds: Layer.Layer<never, E, Pogo.Pogo | R>
): Effect.Effect<Kinds, never, Exclude<R, Pogo.Pogo>> =>
  Effect.map(
    Effect.context<Exclude<R, Pogo.Pogo>>(),
    (context) => Layer.fresh(kinds).pipe(Layer.provide(Layer.succeedContext(context))) as Kinds
  )

/** Gives the nodes that an effect makes a transport, unless its context has one. */
const reachable = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.serviceOption(NodeTransport.NodeTransport),
    (transport) => Option.isSome(transport) ? effect : Effect.provide(effect, NodeTransport.layerMemory)
  )

/**
 * Makes a cluster of `size` nodes, each with these kinds, and waits until it is ready. It ends with the scope. Its nodes
 * can be called: by the `NodeTransport` of the test's context, or within memory where it has none.
 *
 * @example
 * ```ts
 * import { Child } from "effect-pogo"
 * import * as PogoTest from "effect-pogo/PogoTest"
 * import { Effect } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: {} })
 * const PollerLive = Poller.toLayer(() => Effect.never)
 *
 * const test = Effect.gen(function*() {
 *   const cluster = yield* PogoTest.cluster(3, PollerLive)
 *   yield* cluster.node("n1").startChild(Poller.spec("home", {}))
 *   const first = yield* cluster.eventuallyOne(Poller.id("home"))
 *   yield* cluster.crash(first)
 *   const second = yield* cluster.eventuallyOne(Poller.id("home"))
 *   yield* Effect.log(`moved from ${first} to ${second}`)
 *   yield* cluster.atMostOne
 * })
 * Effect.scoped(test) satisfies Effect.Effect<void, unknown>
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const cluster = <E, R>(
  size: number,
  kinds: Layer.Layer<never, E, Pogo.Pogo | R>,
  options: PogoConfig.Options = {}
): Effect.Effect<Cluster, never, Exclude<R, Pogo.Pogo> | Scope.Scope> =>
  reachable(Effect.gen(function*() {
    const engine = new TestCluster(yield* plainSurroundings, yield* closed(kinds), options)
    yield* Effect.addFinalizer(() => engine.end)
    for (let i = 1; i <= size; i++) yield* engine.add(`n${i}`)
    const ready = () => [...engine.all.values()].every(({ node }) => node?.active) ? undefined : "not ready"
    const problem = yield* settles(engine, ready, 60_000)
    return problem === undefined ? clusterOf(engine) : yield* Effect.die(brokenIn(engine, "the cluster is not ready"))
  }))

/**
 * The options of `explore`: how many histories, of which cluster, with which faults, and what is to hold in the end.
 *
 * @example
 * ```ts
 * import { Child, type Pogo } from "effect-pogo"
 * import type * as PogoTest from "effect-pogo/PogoTest"
 * import { Effect } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: {} })
 *
 * // five nodes whose registry only loses its data and is restarted
 * const exploration = {
 *   nodes: 5,
 *   faults: ["lose", "restart"],
 *   kinds: Poller.toLayer(() => Effect.never),
 *   begin: (cluster) => cluster.node("n1").startChild(Poller.spec("home", {}))
 * } satisfies PogoTest.Exploration<unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Exploration<E, R> {
  /** The number of histories, or exactly their seeds. Default 100. */
  readonly seeds?: number | ReadonlyArray<number> | undefined
  /** The number of nodes. Default 3. */
  readonly nodes?: number | undefined
  /** The kinds that each node has. */
  readonly kinds: Layer.Layer<never, E, Pogo.Pogo | R>
  /** Options of each node. */
  readonly options?: PogoConfig.Options | undefined
  /**
   * The faults to choose from. Default all: a node crashes, stops, is paused, is cut off; the registry loses its data, or
   * is restarted.
   */
  readonly faults?: ReadonlyArray<FaultName> | undefined
  /** Runs before the faults: starts children, mostly. */
  readonly begin: (cluster: Cluster) => Effect.Effect<unknown, unknown>
  /** Runs when the faults are over and everything has settled. A failure is reported with its seed and history. */
  readonly check?: ((cluster: Cluster) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * The outcome of `explore` when no rule was broken.
 *
 * @example
 * ```ts
 * import type * as PogoTest from "effect-pogo/PogoTest"
 *
 * const summary = ({ faults, histories, steps }: PogoTest.Explored): string =>
 *   `${histories} histories of ${steps} steps, ${faults["crash"] ?? 0} crashes`
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Explored {
  /** Number of the histories. */
  readonly histories: number
  /** Number of the tasks and timers that ran in all of them. */
  readonly steps: number
  /** Number of the faults, by name. */
  readonly faults: { readonly [fault: string]: number }
}

const scenarioOf = <E, R>({ begin, check, faults, nodes, options }: Exploration<E, R>, kinds: Kinds): Scenario => ({
  nodes: nodes ?? 3,
  kinds,
  options: options ?? {},
  faults: faults ?? ["crash", "stop", "freeze", "partition", "lose", "restart"],
  begin: (engine) => Effect.asVoid(begin(clusterOf(engine))),
  check: (engine) => Effect.asVoid(check === undefined ? Effect.void : check(clusterOf(engine)))
})

/**
 * Plays many histories of a cluster in virtual time, some dozen a second. Each has faults, delays and an order of tasks of
 * its own, drawn from its seed. In every history no child may run twice, and in the end every child must be held by
 * exactly one node. The first node is never ended, since what no node is left to remember may be lost with the registry.
 * Children must take their time from Effect's Clock: what waits for a real timer, a promise or a socket waits for ever.
 *
 * @example
 * ```ts
 * import { Child } from "effect-pogo"
 * import * as PogoTest from "effect-pogo/PogoTest"
 * import { Effect } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: {} })
 *
 * const test = PogoTest.explore({
 *   seeds: 500,
 *   kinds: Poller.toLayer(() => Effect.never),
 *   begin: (cluster) => cluster.node("n1").startChild(Poller.spec("home", {})),
 *   check: (cluster) => cluster.eventuallyOne(Poller.id("home"))
 * })
 * test satisfies Effect.Effect<PogoTest.Explored, PogoTest.RuleBroken>
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const explore = <E, R>(
  exploration: Exploration<E, R>
): Effect.Effect<Explored, RuleBroken, Exclude<R, Pogo.Pogo>> =>
  Effect.gen(function*() {
    const scenario = scenarioOf(exploration, yield* closed(exploration.kinds))
    yield* prepared
    const { seeds = 100 } = exploration
    const all = typeof seeds === "number" ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds
    const counts: Record<string, number> = {}
    let total = 0
    for (const seed of all) {
      const { faults, history, problem, steps } = playSeed(seed, scenario)
      total += steps
      for (const fault of faults) counts[fault] = (counts[fault] ?? 0) + 1
      if (problem !== undefined) return yield* new RuleBroken({ rule: problem, history, seed })
      yield* betweenHistories
    }
    return { histories: all.length, steps: total, faults: counts }
  })
