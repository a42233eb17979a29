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
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type FaultName, playSeed, type Scenario } from "./internal/testing/explore.js"
import {
  type Kinds,
  type Occurrence,
  plainSurroundings,
  render,
  settles,
  TestCluster,
  whyNotOne
} from "./internal/testing/testCluster.js"
import type { RegistryConnection } from "./internal/testing/testRegistry.js"
import type * as Pogo from "./Pogo.js"
import type * as PogoConfig from "./PogoConfig.js"

/**
 * Something that must never be was, or something that must come did not. `history` tells all that happened before, and
 * `seed`, if there is one, plays it again: `explore({ seeds: [seed], ... })`.
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
   * One thing that happened in a cluster: a fault, or the beginning or end of a run of a child.
   *
   * @since 0.1.0
   * @category models
   */
  Occurrence
} from "./internal/testing/testCluster.js"

/**
 * A cluster of nodes that share a registry. Nodes are named `n1`, `n2` and so on; a name that is not there is a defect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cluster {
  /** Names of the nodes that have not ended. */
  readonly names: ReadonlyArray<string>
  /** The supervisor of a node. */
  readonly node: (name: string) => Pogo.Service
  /** Starts another node, or one of a name that has ended. */
  readonly addNode: (name: string) => Effect.Effect<Pogo.Service>
  /** Ends a node as SIGKILL ends a process: no finalizer runs, and nobody is told. */
  readonly crash: (name: string) => Effect.Effect<void>
  /** Ends a node in order: its children are stopped and handed over. */
  readonly stop: (name: string) => Effect.Effect<void>
  /** Nothing runs on a node until it is thawed, though time passes: SIGSTOP, or a blocked event loop. */
  readonly freeze: (name: string) => Effect.Effect<void>
  /** Lets a frozen node go on. */
  readonly thaw: (name: string) => Effect.Effect<void>
  /** Cuts a node off the registry: both ways, or only what it sends (`requests`) or hears (`replies`). */
  readonly partition: (name: string, direction?: "both" | "requests" | "replies") => Effect.Effect<void>
  /** Connects one node, or all, again. */
  readonly heal: (name?: string) => Effect.Effect<void>
  /** All data of the registry is gone. */
  readonly loseRegistry: Effect.Effect<void>
  /** Lets time pass: under `TestClock` the clock is moved in small steps. */
  readonly pass: (duration: Duration.DurationInput) => Effect.Effect<void>
  /**
   * Fails if two copies of a child ever ran, or might ever act, at once. A process that was paused beyond its lease is
   * excused for the moment in which it goes on, and so are kinds with `onRegistryLoss: "keep"`, as long as the
   * `Child.Current.check` of no two copies succeeds.
   */
  readonly atMostOne: Effect.Effect<void, RuleBroken>
  /** Waits until a child runs on exactly one node and all others know where; tells the node. Default: 1 minute. */
  readonly eventuallyOne: (id: string, within?: Duration.DurationInput) => Effect.Effect<string, RuleBroken>
  /** What happened, in order. */
  readonly history: Effect.Effect<ReadonlyArray<Occurrence>>
}

const connections: ReadonlyArray<RegistryConnection> = ["tick", "work", "wake"]

const step = 250

const brokenIn = (members: TestCluster, rule: string, seed?: number): RuleBroken =>
  new RuleBroken({ rule, history: render(members), seed })

const partition = (members: TestCluster) => (name: string, direction: "both" | "requests" | "replies" = "both") =>
  Effect.sync(() => {
    const { line } = members.get(name)
    for (const connection of connections) {
      if (direction !== "replies") line.cutRequests.add(connection)
      if (direction !== "requests") line.cutReplies.add(connection)
    }
    members.runs.note(name, direction === "both" ? "is cut off" : `is cut off (${direction})`)
  })

const heal = (members: TestCluster) => (name?: string) =>
  Effect.sync(() => {
    for (const member of name === undefined ? [...members.all.values()] : [members.get(name)]) {
      member.line.heal()
      members.runs.note(member.name, "is connected")
    }
  })

const loseRegistry = (members: TestCluster): Effect.Effect<void> =>
  Effect.sync(() => {
    members.runs.note("registry", "loses all data")
    members.surroundings.server.trust = false
    for (const { node } of members.all.values()) {
      if (node !== undefined) members.surroundings.server.lose(node.config.scope)
    }
  })

const pass = (members: TestCluster) => (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let left = toMillis(duration); left > 0; left -= step) yield* members.surroundings.pass(Math.min(left, step))
  })

const eventuallyOne = (members: TestCluster) => (id: string, within: Duration.DurationInput = "1 minute") =>
  Effect.flatMap(settles(members, () => whyNotOne(members, id), toMillis(within)), (problem) =>
    problem === undefined
      ? Effect.succeed(members.runs.of(id)[0]!.member.name)
      : Effect.fail(brokenIn(members, `not within ${toMillis(within)} ms: ${problem}`)))

const atMostOne = (members: TestCluster): Effect.Effect<void, RuleBroken> =>
  Effect.suspend(() => {
    const [violation] = members.runs.violations
    return violation === undefined ? Effect.void : Effect.fail(brokenIn(members, violation))
  })

const clusterOf = (members: TestCluster): Cluster => ({
  get names() {
    return [...members.all.keys()]
  },
  node: (name) => members.get(name).pogo!,
  addNode: (name) => Effect.map(members.add(name), ({ pogo }) => pogo!),
  crash: members.crash,
  stop: (name) => members.stop(name),
  freeze: members.freeze,
  thaw: members.thaw,
  partition: partition(members),
  heal: heal(members),
  loseRegistry: loseRegistry(members),
  pass: pass(members),
  atMostOne: atMostOne(members),
  eventuallyOne: eventuallyOne(members),
  history: Effect.sync(() => [...members.runs.history])
})

/** The kinds, with what else they need taken from where the test is. */
const closed = <E, R>(
  kinds: Layer.Layer<never, E, Pogo.Pogo | R>
): Effect.Effect<Kinds, never, Exclude<R, Pogo.Pogo>> =>
  Effect.map(
    Effect.context<Exclude<R, Pogo.Pogo>>(),
    (context) => Layer.fresh(kinds).pipe(Layer.provide(Layer.succeedContext(context))) as Kinds
  )

/**
 * Makes a cluster of so many nodes, each with these kinds, and waits until it is ready. It ends with the scope.
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
  Effect.gen(function*() {
    const members = new TestCluster(yield* plainSurroundings, yield* closed(kinds), options)
    yield* Effect.addFinalizer(() => members.end)
    for (let i = 1; i <= size; i++) yield* members.add(`n${i}`)
    const ready = () => [...members.all.values()].every(({ node }) => node?.active) ? undefined : "not ready"
    const problem = yield* settles(members, ready, 60_000)
    return problem === undefined ? clusterOf(members) : yield* Effect.die(brokenIn(members, "the cluster is not ready"))
  })

/**
 * What `explore` plays.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exploration<E, R> {
  /** How many histories, or exactly which. Default 100. */
  readonly seeds?: number | ReadonlyArray<number> | undefined
  /** Default 3. */
  readonly nodes?: number | undefined
  readonly kinds: Layer.Layer<never, E, Pogo.Pogo | R>
  readonly options?: PogoConfig.Options | undefined
  /** Default all: a node crashes, stops, is paused, is cut off; the registry loses its data, or is restarted. */
  readonly faults?: ReadonlyArray<FaultName> | undefined
  /** Done before the faults: starting children, mostly. */
  readonly begin: (cluster: Cluster) => Effect.Effect<unknown, unknown>
  /** Done when the faults are over and everything has settled. A failure is reported with its seed and history. */
  readonly check?: ((cluster: Cluster) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * What was played.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explored {
  readonly histories: number
  readonly steps: number
  readonly faults: { readonly [fault: string]: number }
}

const scenarioOf = <E, R>({ begin, check, faults, nodes, options }: Exploration<E, R>, kinds: Kinds): Scenario => ({
  nodes: nodes ?? 3,
  kinds,
  options: options ?? {},
  faults: faults ?? ["crash", "stop", "freeze", "partition", "lose", "restart"],
  begin: (members) => Effect.asVoid(begin(clusterOf(members))),
  check: (members) => Effect.asVoid(check === undefined ? Effect.void : check(clusterOf(members)))
})

/**
 * Plays many histories of a cluster with these kinds, each with faults, delays and an order of tasks of its own, drawn
 * from its seed, in virtual time: some dozen a second. In every one no child may run twice, and in the end every child
 * must be held by exactly one node. The first node is never ended, since what nobody is left
 * to remember may be lost with the registry. Children must get their time from Effect's Clock: what waits for a real timer, a
 * promise or a socket waits for ever there.
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
    const { seeds = 100 } = exploration
    const all = typeof seeds === "number" ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds
    const counts: Record<string, number> = {}
    let total = 0
    for (const seed of all) {
      const { faults, history, problem, steps } = playSeed(seed, scenario)
      total += steps
      for (const fault of faults) counts[fault] = (counts[fault] ?? 0) + 1
      if (problem !== undefined) return yield* new RuleBroken({ rule: problem, history, seed })
      yield* Effect.yieldNow()
    }
    return { histories: all.length, steps: total, faults: counts }
  })
