/**
 * Every place where a call runs or prints something of a user's, with a throw and values that cannot be printed planted
 * in it. The call ends, in its time; other calls of the same connection, child and nodes do not notice.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, Layer, Option, ParseResult, Schema, Stream, TestClock } from "effect"
import { Child, PogoEvent } from "effect-pogo"
import type { TestNode } from "../support/cluster.js"
import { unprintable } from "../support/unprintable.js"
import { clientOf, connected, Counter, counterLive, noKinds, Notes, passing } from "./support.js"

/** Where the trouble is, and what is thrown there. */
interface Plant {
  readonly at: string
  readonly throws: () => unknown
  /** Whether the place answers late, and dies then. */
  readonly late: boolean
}

let plant: Plant | undefined

const coded = (at: string): Schema.Schema<string> =>
  Schema.transformOrFail(Schema.String, Schema.String, {
    strict: true,
    decode: (text) => trouble(`${at}, decoded`) ?? ParseResult.succeed(text),
    encode: (text) => trouble(`${at}, encoded`) ?? ParseResult.succeed(text)
  })

/** The trouble that is planted at a place; nothing where there is none. */
const trouble = (at: string): Effect.Effect<never> | undefined => {
  if (plant?.at !== at) return undefined
  const { late, throws } = plant
  if (!late) throw throws()
  return Effect.delay(Effect.suspend(() => Effect.failCause(dead(throws()))), 50)
}

/** What a handler returns in place of an effect or a stream; or, late, in place of an answer or a mailbox. */
const returned = <A>(at: string, usual: A): A => {
  if (plant?.at !== at) return usual
  const value = plant.throws()
  return (plant.late ? Effect.succeed(value) : value) as never
}

const dead = (defect: unknown) => Exit.causeOption(Exit.die(defect)).pipe(Option.getOrThrow)

class Odd extends Schema.TaggedError<Odd>()("Odd", { text: coded("an error") }) {}

const Asked = Child.make("Asked", {
  payload: {},
  protocol: [
    Rpc.make("ask", { payload: { text: coded("a payload") }, success: coded("a success"), error: Odd }),
    Rpc.make("refuse", { success: Schema.String, error: Odd }),
    Rpc.make("fail", { success: Schema.String, error: Schema.Unknown }),
    Rpc.make("items", { success: coded("an item"), error: Odd, stream: true }),
    Child.resumable(
      Rpc.make("from", { payload: { after: Schema.Number }, success: Schema.Number, stream: true }),
      (_, last) => {
        void trouble("what goes on after a move")
        return { after: last }
      }
    )
  ]
})

const askedLive = Asked.toLayer(() =>
  Effect.succeed({
    ask: ({ text }) => {
      const planted = trouble("a handler")
      return planted ?? returned("what a handler returns", Effect.succeed(text))
    },
    refuse: () => Effect.fail(new Odd({ text: "no" })),
    fail: () => {
      if (plant?.at === "what a handler fails with") return Effect.fail(plant.throws())
      if (plant?.at === "what a handler's cause is") return Effect.failCause(plant.throws() as never)
      return Effect.succeed("fine")
    },
    items: () => returned("what a handler of a stream returns", Stream.make("one", "two")),
    from: ({ after }) => Stream.tick(100).pipe(Stream.zipWithIndex, Stream.map(([, i]) => after + 1 + i))
  })
)

type Client = Effect.Effect.Success<ReturnType<typeof clientOf<Asking>>>
type Asking = typeof Asked extends Child.CallableKind<infer _, infer R> ? R : never

/** The places, and a call that meets each. */
const places: { readonly [at: string]: (asked: Client) => Effect.Effect<unknown, unknown> } = {
  "a payload, encoded": (asked) => asked("x").ask({ text: "t" }),
  "a payload, decoded": (asked) => asked("x").ask({ text: "t" }),
  "a success, encoded": (asked) => asked("x").ask({ text: "t" }),
  "a success, decoded": (asked) => asked("x").ask({ text: "t" }),
  "an error, encoded": (asked) => asked("x").refuse(),
  "an error, decoded": (asked) => asked("x").refuse(),
  "an item, encoded": (asked) => Stream.runDrain(asked("x").items()),
  "an item, decoded": (asked) => Stream.runDrain(asked("x").items()),
  "a handler": (asked) => asked("x").ask({ text: "t" }),
  "what a handler returns": (asked) => asked("x").ask({ text: "t" }),
  "what a handler of a stream returns": (asked) => Stream.runDrain(asked("x").items()),
  "what a handler fails with": (asked) => asked("x").fail(),
  "what a handler's cause is": (asked) => asked("x").fail()
}

const values = [
  "an Error",
  "a symbol",
  "nothing",
  "an error whose cause holds a bigint",
  "a toJSON that throws",
  "a message that throws",
  "a _tag that throws",
  "a proxy that throws",
  "a revoked proxy"
]

const valueOf = (name: string) => (name === "an Error" ? () => new Error("planted") : unprintable[name]!)

/** Two nodes, the second of which runs nothing, and one that has both kinds and calls its own children. */
const scene = Effect.gen(function*() {
  const { add } = yield* connected(new Notes())
  const kinds = Layer.merge(counterLive(new Notes()), askedLive) as never
  const a = yield* add("a", {}, kinds)
  const caller = yield* add("caller", {}, noKinds)
  yield* a.pogo.startChildren([Asked.spec("x", {}), Counter.spec("x", {})])
  yield* TestClock.adjust("2 seconds")
  const restarted: Array<unknown> = []
  for (const { pogo } of [a, caller]) {
    yield* Effect.fork(
      Stream.runForEach(
        pogo.events,
        (event) => Effect.sync(() => PogoEvent.$is("LoopRestarted")(event) && restarted.push(event))
      )
    )
  }
  return { a, caller, restarted }
})

/** The exit of a call, which must end within ten seconds. */
const ends = (call: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.exit(call))
    for (let i = 0; i < 100 && Option.isNone(yield* Fiber.poll(fiber)); i++) yield* TestClock.adjust("100 millis")
    const exit = Option.flatMap(
      yield* Fiber.poll(fiber),
      Exit.match({ onFailure: Option.none, onSuccess: Option.some })
    )
    return Option.getOrThrowWith(exit, () => new Error("the call did not end"))
  })

const works = (from: TestNode) =>
  Effect.gen(function*() {
    const asked = yield* clientOf(from, Asked)
    const counters = yield* clientOf(from)
    expect(yield* passing(asked("x").ask({ text: "t" }))).toBe("t")
    expect(Array.from(yield* passing(Stream.runCollect(asked("x").items())))).toEqual(["one", "two"])
    expect(yield* passing(Effect.flip(asked("x").refuse()))).toMatchObject({ _tag: "Odd", text: "no" })
    expect(typeof (yield* passing(counters("x").add({ by: 1 })))).toBe("number")
  })

describe("trouble of a user's in a call", () => {
  it.scoped.each(Object.keys(places))("at %s is that call's alone", (at) =>
    Effect.gen(function*() {
      const { a, caller, restarted } = yield* scene
      yield* works(caller)
      for (const from of [caller, a]) {
        const asked = yield* clientOf(from, Asked)
        const beside = yield* Effect.fork(
          clientOf(from).pipe(Effect.flatMap((counters) =>
            Effect.forEach([1, 2, 3], () => counters("x").wait({ millis: 1_000 }), { concurrency: "unbounded" })
          ))
        )
        for (const late of [false, true]) {
          for (const value of values) {
            plant = { at, throws: valueOf(value), late }
            const exit = yield* ends(places[at]!(asked))
            // A call within a node has no codec; a value that cannot be a defect is none.
            if (from === caller) {
              expect([value, Exit.isFailure(exit)]).toEqual([value, true])
            }
            plant = undefined
          }
        }
        expect((yield* passing(Fiber.join(beside))).length).toBe(3)
        yield* works(from)
      }
      expect(restarted).toEqual([])
      expect((yield* a.pogo.whichChildren("global")).map(({ status }) =>
        status._tag
      )).toEqual(["Running", "Running"])
    }).pipe(Effect.ensuring(Effect.sync(() => (plant = undefined)))))

  it.scoped("in what goes on after a move ends that stream alone", () =>
    Effect.gen(function*() {
      const { a, caller } = yield* scene
      const asked = yield* clientOf(caller, Asked)
      for (const value of values) {
        const stream = yield* Effect.fork(Effect.either(Stream.runDrain(asked("x").from({ after: 0 }))))
        yield* TestClock.adjust("1 second")
        plant = { at: "what goes on after a move", throws: valueOf(value), late: false }
        yield* a.pogo.restartChild("Asked/x")
        const ended = yield* passing(Fiber.join(stream), "500 millis")
        expect(Either.isLeft(ended) && ended.left).toMatchObject({ _tag: "ChildUnavailable" })
        plant = undefined
        yield* works(caller)
      }
    }).pipe(Effect.ensuring(Effect.sync(() => (plant = undefined)))))
})
