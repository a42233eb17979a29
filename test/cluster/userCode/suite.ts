/**
 * Every place where the supervisor runs, prints or measures something of a user's, with a throw, a wait and a value that
 * cannot be printed planted in it. Fifty siblings, lists, reports, the join of another node and the shutdown of the
 * first must not notice; the child that has the trouble says so itself.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import {
  Duration,
  Effect,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  ParseResult,
  Schedule,
  Schema,
  Stream,
  TestClock
} from "effect"
import { Child, GroupRegistry, Placement, PogoEvent, Restart } from "effect-pogo"
import { type Kinds, makeCluster, type TestNode } from "../../support/cluster.js"
import { Journal } from "../../support/journal.js"
import { takes } from "../../support/slow.js"
import { unprintable } from "../../support/unprintable.js"
import { Worker, workerLive } from "../../support/worker.js"

const siblings = 50

/** Code with trouble in it: synchronous, and as an effect. */
interface Trouble {
  readonly now: () => never
  readonly effect: Effect.Effect<never, unknown>
}

const throwing = (make: () => unknown): Trouble => {
  const now = (): never => {
    throw make()
  }
  // What Effect itself cannot carry is a fault of its own run loop, and not of the supervisor.
  return { now, effect: Effect.suspend(() => Effect.fail(make())) }
}

const names = [
  "a bigint",
  "a record with a bigint",
  "an error whose cause holds a bigint",
  "an error that is its own cause",
  "a toJSON that throws",
  "a message that throws",
  "a stack that throws",
  "a _tag that throws"
]

/** Each of the values that cannot be printed, one after the other. */
const nextUnprintable = (): () => unknown => {
  let i = 0
  return () => unprintable[names[i++ % names.length]!]!()
}

const troubles: { readonly [name: string]: () => Trouble } = {
  "throws": () => throwing(() => new Error("planted")),
  "throws what cannot be printed": () => throwing(nextUnprintable()),
  "never ends": () => ({
    // What is synchronous and never ends nobody can bound.
    now: (): never => {
      throw new Error("planted")
    },
    effect: Effect.never
  })
}

/** What is planted: the kind of the child that has the trouble, and what else a node is made of. */
interface Planted {
  readonly kind: Kinds
  readonly score?: Placement.Placement["Type"]["score"]
  readonly logger?: Logger.Logger<unknown, unknown>
  /** Whether the child itself is to stand well. */
  readonly harmless?: boolean
}

const Bad = Child.make("Bad", { payload: { text: Schema.String } })

const coded = (decode: Effect.Effect<string, unknown> | (() => Effect.Effect<string>)) =>
  Child.make("Bad", {
    payload: {
      text: Schema.transformOrFail(Schema.String, Schema.String, {
        strict: true,
        decode: typeof decode === "function" ? decode : () => Effect.orDie(decode),
        encode: ParseResult.succeed
      })
    }
  })

const withBody = (build: () => Effect.Effect<unknown, unknown>, options: Child.RunOptions = {}) =>
  Bad.toLayer(() => build(), options)

const withSchedule = (schedule: Restart.RestartSchedule) =>
  withBody(() => Effect.fail("ended"), { restart: Restart.permanent(schedule) })

const Callable = Child.make("Bad", {
  payload: { text: Schema.String },
  protocol: [Rpc.make("ask"), Rpc.make("watch", { success: Schema.String, stream: true })]
})

/** How the schema of a state, and what goes with it, reads and writes. */
interface StateCode {
  readonly decode?: () => Effect.Effect<{ readonly text: string }, ParseResult.ParseIssue>
  readonly encode?: () => Effect.Effect<{ readonly text: string }, ParseResult.ParseIssue>
  readonly migrate?: () => { readonly text: string } | Effect.Effect<{ readonly text: string }, unknown>
}

const TextState = Schema.Struct({ text: Schema.String })

const unfit = (): Effect.Effect<never, ParseResult.ParseIssue> =>
  ParseResult.fail(new ParseResult.Type(Schema.String.ast, 1))

/** A child that stores a state, reads it back, and stores what it made of it. `value`: the first one. */
const stateful = (
  { decode, encode, migrate }: StateCode,
  value: () => { readonly text: string } = () => ({ text: "t" }),
  change: () => { readonly text: string } = () => ({ text: "u" })
): Planted => {
  const kind = Child.make("Bad", {
    payload: { text: Schema.String },
    state: Schema.transformOrFail(TextState, TextState, {
      strict: true,
      decode: decode ?? ParseResult.succeed,
      encode: encode ?? ParseResult.succeed
    }),
    migrate
  })
  const live = kind.toLayer(() =>
    Effect.gen(function*() {
      const state = yield* kind.state
      yield* state.set(value())
      yield* state.get
      yield* state.update(change)
      return yield* Effect.never
    })
  )
  return { kind: live, harmless: true }
}

/** The entry points of users' code. A new one is to be added here. */
const entryPoints: { readonly [name: string]: (trouble: Trouble) => Planted } = {
  "a child's build": ({ now }) => ({ kind: withBody(now) }),
  "a child's run": ({ effect }) => ({ kind: withBody(() => effect), harmless: true }),
  "a child's run that dies": ({ effect }) => ({ kind: withBody(() => Effect.orDie(effect)), harmless: true }),
  "a child's layer": ({ effect }) => ({
    kind: Bad.toLayer(() => Layer.effectDiscard(effect), { startTimeout: "2 seconds" })
  }),
  "a child's finalizer": ({ effect }) => ({
    kind: Bad.toLayer(() => Effect.zipRight(Effect.addFinalizer(() => Effect.orDie(effect)), Effect.fail("ended")))
  }),
  "a child's fork": ({ effect }) => ({
    kind: Bad.toLayer(() => Effect.zipRight(Child.fork(effect), Effect.never)),
    harmless: true
  }),
  "a payload schema, decoding at once": ({ now }) => ({ kind: coded(now).toLayer(() => Effect.never) }),
  "a payload schema, decoding later": ({ effect }) => ({
    kind: coded(Effect.zipRight(Effect.sleep(10), effect)).toLayer(() => Effect.never, { startTimeout: "2 seconds" })
  }),
  "a restart schedule": ({ effect }) => ({
    kind: withSchedule(Schedule.tapInput(Schedule.spaced("1 seconds"), () => Effect.orDie(effect)))
  }),
  "a restart schedule that throws itself": ({ now }) => ({
    kind: withSchedule(Schedule.delayed(Schedule.spaced("1 seconds"), now))
  }),
  "a restart schedule's delay": () => ({ kind: withSchedule(Schedule.spaced(Duration.infinity)) }),
  "a restart schedule that answers late": ({ effect }) => ({
    kind: withBody(() => Effect.raceFirst(effect, Effect.fail(unprintable["a record with a bigint"]!())), {
      restart: Restart.permanent(Schedule.tapInput(Schedule.spaced("1 seconds"), () => Effect.sleep("20 millis")))
    })
  }),
  "a placement's score": ({ now }) => ({
    kind: withBody(() => Effect.never),
    score: (child, node) => child.kind === "Bad" ? now() : Placement.rendezvous(child, node)
  }),
  "a child's fork that fails with no cause": () => ({
    kind: Bad.toLayer(() => Effect.zipRight(Child.fork(Effect.failCause(undefined as never)), Effect.never)),
    harmless: true
  }),
  "a run that fails with no cause": () => ({
    kind: withBody(() => Effect.failCause({ _tag: "Weird" } as never)),
    harmless: true
  }),
  "a placement's score that is a promise": () => ({
    kind: withBody(() => Effect.never),
    score: (child, node) =>
      child.kind === "Bad" ? Promise.reject(new Error("planted")) as never : Placement.rendezvous(child, node)
  }),
  "a logger that hears all of a fork": ({ now }) => ({
    kind: Bad.toLayer(() => Effect.zipRight(Child.fork(Effect.fail("ended")), Effect.never)),
    logger: Logger.make(now),
    harmless: true
  }),
  "a placement's score that is no number": () => ({
    kind: withBody(() => Effect.never),
    score: (child, node) => child.kind === "Bad" ? NaN : Placement.rendezvous(child, node)
  }),
  "a logger": ({ now }) => ({ kind: withBody(() => Effect.never), logger: Logger.make(now), harmless: true }),
  "a state schema, decoding at once": ({ now }) => stateful({ decode: now }),
  "a state schema, decoding later": ({ effect }) =>
    stateful({ decode: () => Effect.orDie(Effect.zipRight(Effect.sleep(10), effect)) }),
  "a state schema, encoding at once": ({ now }) => stateful({ encode: now }),
  "a state schema, encoding later": ({ effect }) =>
    stateful({ encode: () => Effect.orDie(Effect.zipRight(Effect.sleep(10), effect)) }),
  "a migrate": ({ now }) => stateful({ decode: unfit, migrate: now }),
  "a migrate that gives an effect": ({ effect }) => stateful({ decode: unfit, migrate: () => effect }),
  "a migrate that gives a promise": () =>
    stateful({ decode: unfit, migrate: () => Promise.reject(new Error("planted")) as never }),
  "a state's getter": ({ now }) =>
    stateful({}, () => Object.defineProperty({ text: "" }, "text", { get: now, enumerable: true })),
  "a state's update": ({ now }) => stateful({}, undefined, now),
  "a child's handlers": ({ effect }) => ({
    kind: Callable.toLayer(() => Effect.as(effect, { ask: () => Effect.void, watch: () => Stream.empty }), {
      startTimeout: "2 seconds"
    })
  })
}

type Case = readonly [point: string, trouble: string]

const cases: ReadonlyArray<Case> = Object.keys(entryPoints).flatMap((point) =>
  Object.keys(troubles).map((trouble) => [point, trouble] as const)
)

/** One trouble at each place, each kind of trouble as often as the others. */
export const first = Object.keys(entryPoints).map((point, i): Case => {
  const all = Object.keys(troubles)
  return [point, all[i % all.length]!]
})

/** The other troubles at each place. */
export const others = cases.filter((one) => !first.some(([point, trouble]) => point === one[0] && trouble === one[1]))

/** Plants each of some troubles, as tests. */
export const plant = (some: ReadonlyArray<Case>) =>
  describe("trouble of a user's", () => {
    it.scoped.each(some)("in %s that %s is its child's alone", ([point, trouble]) =>
      Effect.gen(function*() {
        const { harmless = false, kind, logger, score = Placement.rendezvous } = entryPoints[point]!(
          troubles[trouble]!()
        )
        const journal = new Journal()
        const cluster = yield* makeCluster(
          yield* GroupRegistry.makeMemory(),
          Layer.mergeAll(kind, workerLive(journal)) as Kinds
        )
        const surroundings = Layer.mergeAll(
          Placement.layer(score),
          Logger.replace(Logger.defaultLogger, logger ?? Logger.none),
          Logger.minimumLogLevel(LogLevel.All)
        )
        const add = (name: string) => Effect.provide(cluster.add(name), surroundings)
        const a = yield* add("a")
        const died: Array<PogoEvent.PogoEvent> = []
        const watching = (node: TestNode) =>
          Effect.fork(
            Stream.runForEach(node.pogo.events, (event) =>
              Effect.sync(() => PogoEvent.$is("LoopRestarted")(event) && died.push(event)))
          )
        const watchers = [yield* watching(a)]
        yield* Effect.yieldNow()
        yield* a.pogo.startChildren(Array.from({ length: siblings }, (_, i) =>
          Worker.spec(`s${i}`, {})))
        yield* a.pogo.startChild(Bad.spec("x", { text: "t" }))
        yield* TestClock.adjust("15 seconds")
        expect(journal.running().length).toBe(siblings)

        const b = yield* add("b")
        watchers.push(yield* watching(b))
        yield* TestClock.adjust("45 seconds")
        expect(journal.running().length).toBe(siblings)
        expect(new Set(journal.running().map(({ node }) => node)).size).toBe(2)
        for (const { pogo } of [a, b]) {
          const rows = yield* pogo.whichChildren("global")
          expect(rows.length).toBe(siblings + 1)
          expect(rows.filter(({ kind: of, status }) => of === "Worker" && status._tag === "Running").length).toBe(
            siblings
          )
          expect(yield* pogo.countChildren).toMatchObject({ specs: siblings + 1 })
          const { row, text } = yield* pogo.explain("Bad/x")
          expect(text.length).toBeLessThan(3_000)
          if (!harmless) expect(row?.status._tag).not.toBe("Running")
        }
        // One start of each, and one more of those that moved.
        expect(journal.lines.filter(({ what }) => what === "start").length).toBeLessThan(1.8 * siblings)

        yield* takes(a.stop)
        yield* TestClock.adjust("20 seconds")
        expect(journal.places().every((place) => place.endsWith("@b"))).toBe(true)
        expect(journal.running().length).toBe(siblings)
        expect(journal.violations()).toEqual([])
        yield* takes(b.stop)
        expect(journal.running()).toEqual([])
        expect(died).toEqual([])
        yield* Fiber.interruptAll(watchers)
      }))
  })
