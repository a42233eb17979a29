/**
 * The states of children: they follow the child and nobody else changes them, whatever is late, lost or done twice.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, Pogo, type PogoEvent, Restart } from "effect-pogo"
import { formatState, parseState } from "../../src/internal/registry/childStates.js"
import type { RegistryState } from "../../src/internal/registry/state.js"
import { cloneState } from "../../src/internal/registry/state.js"
import { makeCluster, type TestNode } from "../support/cluster.js"
import { type Faulty, makeFaulty } from "../support/faulty.js"

const Offset = Schema.Struct({ offset: Schema.Number })
type Offset = typeof Offset.Type

const Consumer = Child.make("Consumer", {
  payload: { note: Schema.optionalWith(Schema.String, { default: () => "" }) },
  state: Offset
})

const id = Consumer.id("eu")

/** A run of a consumer: its state, itself, and a way to crash it. */
interface Run {
  readonly state: Child.State<Offset>
  readonly self: Child.Current
  readonly began: Option.Option<Offset>
  readonly crash: Deferred.Deferred<never, Error>
  /** Lets its finalizers end. */
  readonly finish: Deferred.Deferred<void>
}

/** The runs, oldest first, and the layer whose children they are. `slowly`: they end when the test says so. */
const consumers = (options: Child.RunOptions & { readonly slowly?: boolean } = {}) => {
  const runs: Array<Run> = []
  const { slowly = false, ...runOptions } = options
  const live = Consumer.toLayer(() =>
    Effect.gen(function*() {
      const state = yield* Consumer.state
      const self = yield* Child.Current
      const crash = yield* Deferred.make<never, Error>()
      const finish = yield* Deferred.make<void>()
      if (slowly) yield* Effect.addFinalizer(() => Deferred.await(finish))
      runs.push({ state, self, began: yield* state.get, crash, finish })
      return yield* Deferred.await(crash)
    }), { restart: Restart.permanent(Schedule.spaced("100 millis")), ...runOptions })
  return { runs, live }
}

const last = (runs: ReadonlyArray<Run>): Run => runs[runs.length - 1]!

const offset = (value: number): Offset => ({ offset: value })

const readState = (node: TestNode, key = "eu") => Effect.provideService(Consumer.readState(key), Pogo.Pogo, node.pogo)

const storedIn = (state: RegistryState, of = id) => parseState(state.state.get(of) ?? "")

/** Lets time pass until an effect, which may wait, has ended. */
const passing = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let i = 0; i < 600 && (yield* Fiber.poll(fiber))._tag === "None"; i++) yield* TestClock.adjust("100 millis")
    return yield* Fiber.join(fiber)
  })

/** One node with a running consumer, and its way to the registry. */
const single = (options: Parameters<typeof consumers>[0] = {}) =>
  Effect.gen(function*() {
    const faulty: Faulty = yield* makeFaulty()
    const line = faulty.line()
    const { live, runs } = consumers(options)
    const cluster = yield* makeCluster(line.registry, live)
    const a = yield* cluster.add("a", {})
    yield* a.pogo.startChild(Consumer.spec("eu", {}))
    yield* passing(a.pogo.awaitChild(id))
    const addOther = Effect.suspend(() => cluster.add("b", { registry: faulty.line().registry }))
    return { faulty, line, runs, a, cluster, addOther }
  })

describe("Child.state", () => {
  it.scoped("is none at first; what was stored is read by a restart, and from anywhere", () =>
    Effect.gen(function*() {
      const { a, runs } = yield* single()
      expect(last(runs).began).toEqual(Option.none())
      expect(yield* readState(a)).toEqual(Option.none())
      yield* last(runs).state.set(offset(42))
      expect(yield* last(runs).state.get).toEqual(Option.some(offset(42)))
      const { self } = last(runs)
      expect(Option.getOrThrow(yield* readState(a))).toMatchObject({
        value: offset(42),
        token: self.token,
        version: 1,
        node: "a"
      })
      const updated = yield* last(runs).state.update(Option.match({
        onNone: () => offset(0),
        onSome: ({ offset: value }) => offset(value + 1)
      }))
      expect(updated).toEqual(offset(43))
      yield* Deferred.fail(last(runs).crash, new Error("boom"))
      yield* TestClock.adjust("1 second")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(43)), self: { token: self.token, attempt: 2 } })
    }))

  it.scoped("follows the child through moves, restarts and replacements, and ends with it", () =>
    Effect.gen(function*() {
      const { a, addOther, runs } = yield* single()
      yield* last(runs).state.set(offset(1))
      const b = yield* addOther
      yield* TestClock.adjust("5 seconds")
      yield* passing(a.pogo.drain)
      yield* TestClock.adjust("5 seconds")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(1)), self: { node: "b" } })
      yield* last(runs).state.set(offset(2))
      yield* b.pogo.restartChild(id)
      yield* TestClock.adjust("5 seconds")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(2)), self: { node: "b" } })
      yield* last(runs).state.set(offset(3))
      yield* b.pogo.replaceChild(Consumer.spec("eu", { note: "other" }))
      yield* TestClock.adjust("5 seconds")
      expect(last(runs).began).toEqual(Option.some(offset(3)))
      const count = runs.length
      yield* b.pogo.terminateChild(id)
      yield* TestClock.adjust("5 seconds")
      expect(yield* readState(b)).toEqual(Option.none())
      yield* b.pogo.startChild(Consumer.spec("eu", {}))
      yield* TestClock.adjust("5 seconds")
      expect(runs.length).toBe(count + 1)
      expect(last(runs).began).toEqual(Option.none())
    }))

  it.scoped("a run that is over stores nothing, and a value that is too large, or none, is refused", () =>
    Effect.gen(function*() {
      const { a, faulty, runs } = yield* single()
      const first = last(runs)
      yield* first.state.set(offset(1))
      yield* Deferred.fail(first.crash, new Error("boom"))
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(first.state.set(offset(2)))).toMatchObject({ _tag: "ClaimLost" })
      yield* a.pogo.terminateChild(id)
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(last(runs).state.set(offset(2)))).toMatchObject({ _tag: "ClaimLost" })
      expect(faulty.state().state.size).toBe(0)
    }))

  it.scoped("of values that come while one is on its way the latest wins, in one write", () =>
    Effect.gen(function*() {
      const { faulty, line, runs } = yield* single()
      const held = yield* line.hold("save")
      const first = yield* Effect.fork(last(runs).state.set(offset(1)))
      yield* held.arrived
      const others = yield* Effect.forEach([2, 3, 4, 5], (value) => Effect.fork(last(runs).state.set(offset(value))))
      yield* Effect.yieldNow()
      expect(yield* last(runs).state.get).toEqual(Option.some(offset(5)))
      yield* held.execute
      yield* held.reply
      yield* Fiber.join(first)
      yield* Fiber.joinAll(others)
      expect(line.sent.filter((name) => name === "save").length).toBe(2)
      expect(storedIn(faulty.state())).toMatchObject({ version: 5, body: "{\"offset\":5}" })
    }))

  it.scoped("the states of very many children go out in batches", () =>
    Effect.gen(function*() {
      const { a, faulty, line, runs } = yield* single()
      yield* a.pogo.startChildren(Array.from({ length: 499 }, (_, i) => Consumer.spec(`c${i}`, {})))
      yield* TestClock.adjust("5 seconds")
      expect(runs.length).toBe(500)
      yield* Effect.forEach(runs, ({ state }, i) => state.set(offset(i)), { concurrency: "unbounded" })
      expect(faulty.state().state.size).toBe(500)
      expect(line.sent.filter((name) => name === "save").length).toBeLessThanOrEqual(7)
    }))
})

describe("a state, and what goes wrong", () => {
  it.scoped("an unanswered value is unknown, and stays to be stored; late and twice it changes nothing", () =>
    Effect.gen(function*() {
      const { faulty, line, runs } = yield* single()
      const held = yield* line.hold("save")
      const first = yield* Effect.fork(Effect.flip(last(runs).state.set(offset(1))))
      yield* held.arrived
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "OutcomeUnknown", operation: "state.set", id })
      yield* TestClock.adjust("1 second")
      // It was sent again by itself.
      expect(storedIn(faulty.state())).toMatchObject({ version: 1 })
      yield* last(runs).state.set(offset(2))
      yield* held.execute
      expect(storedIn(faulty.state())).toMatchObject({ version: 2, body: "{\"offset\":2}" })
    }))

  it.scoped("a value that was never sent is withdrawn", () =>
    Effect.gen(function*() {
      const { faulty, line, runs } = yield* single()
      yield* last(runs).state.set(offset(1))
      line.refuse = true
      const second = yield* Effect.fork(Effect.flip(last(runs).state.set(offset(2))))
      yield* TestClock.adjust("1 second")
      expect(yield* last(runs).state.get).toEqual(Option.some(offset(2)))
      yield* TestClock.adjust("1500 millis")
      expect(yield* Fiber.join(second)).toMatchObject({ _tag: "RegistryUnavailable", sent: false })
      expect(yield* last(runs).state.get).toEqual(Option.some(offset(1)))
      line.refuse = false
      yield* TestClock.adjust("5 seconds")
      expect(storedIn(faulty.state())).toMatchObject({ version: 1 })
      yield* last(runs).state.set(offset(3))
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":3}" })
    }))

  it.scoped("a value that was never sent, and from which a later one may have been made, is unknown", () =>
    Effect.gen(function*() {
      const { faulty, line, runs } = yield* single()
      const more = last(runs).state.update(Option.match({
        onNone: () => offset(1),
        onSome: (known) => offset(known.offset + 1)
      }))
      line.refuse = true
      const first = yield* Effect.fork(Effect.flip(more))
      yield* TestClock.adjust("1500 millis")
      const second = yield* Effect.fork(more)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "OutcomeUnknown" })
      line.refuse = false
      yield* passing(Fiber.join(second))
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":2}" })
    }))

  it.scoped("values over large ones, and of large specs, go out in small batches: the registry reads those, too", () =>
    Effect.gen(function*() {
      const Large = Child.make("Large", {
        payload: { note: Schema.String },
        state: Schema.String,
        maxStateBytes: 65_536
      })
      const states: Array<Child.State<string>> = []
      const live = Large.toLayer(() =>
        Effect.gen(function*() {
          states.push(yield* Large.state)
          return yield* Effect.never
        })
      )
      const line = (yield* makeFaulty()).line()
      const { pogo } = yield* (yield* makeCluster(line.registry, live)).add("a", {})
      const saves = () => line.sent.splice(0).filter((name) => name === "save").length
      const all = (text: string) =>
        Effect.forEach(states, (state) => state.set(text), { concurrency: "unbounded" }).pipe(
          passing,
          Effect.map(saves)
        )
      yield* pogo.startChildren(Array.from({ length: 24 }, (_, i) => Large.spec(`c${i}`, { note: "" })))
      yield* TestClock.adjust("5 seconds")
      yield* all("small")
      expect(yield* all("節".repeat(20_000))).toBe(6)
      expect(yield* all("small")).toBe(6)
      expect(yield* all("small")).toBe(1)
      states.length = 0
      yield* pogo.startChildren(
        Array.from({ length: 24 }, (_, i) => Large.spec(`d${i}`, { note: "x".repeat(60_000) }))
      )
      yield* TestClock.adjust("5 seconds")
      saves()
      expect(yield* all("small")).toBe(6)
    }))

  it.scoped("a record that is damaged where it only informs is read as far as it goes", () =>
    Effect.gen(function*() {
      const { a, faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(1))
      const fields = storedIn(faulty.state())!
      for (const odd of [{ node: "%zz" }, { at: Number.MAX_SAFE_INTEGER }]) {
        faulty.state().state.set(id, formatState({ ...fields, ...odd }))
        const { at, value } = Option.getOrThrow(yield* readState(a))
        expect(value).toEqual(offset(1))
        expect(at.getTime()).toBeGreaterThan(0)
      }
    }))

  it.scoped("the end of a claim carries what is not stored yet, in the same step", () =>
    Effect.gen(function*() {
      const { a, addOther, line, runs } = yield* single()
      yield* addOther
      yield* TestClock.adjust("5 seconds")
      const held = yield* line.hold("save")
      const pending = yield* Effect.fork(Effect.either(last(runs).state.set(offset(7))))
      yield* held.arrived
      yield* passing(a.pogo.drain)
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(pending))._tag).toBe("Left")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(7)), self: { node: "b" } })
      // The late write finds another's claim.
      yield* last(runs).state.set(offset(8))
      yield* held.execute
      expect(Option.getOrThrow(yield* last(runs).state.get)).toEqual(offset(8))
    }))

  it.scoped("a child that fails keeps its last value for the next one who restarts it", () =>
    Effect.gen(function*() {
      const { a, faulty, line, runs } = yield* single({ restart: Restart.permanent(Schedule.stop) })
      const held = yield* line.hold("save")
      yield* Effect.fork(Effect.either(last(runs).state.set(offset(9))))
      yield* held.arrived
      yield* Deferred.fail(last(runs).crash, new Error("boom"))
      yield* TestClock.adjust("1 second")
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":9}" })
      yield* a.pogo.restartChild(id)
      yield* TestClock.adjust("1 second")
      expect(last(runs).began).toEqual(Option.some(offset(9)))
    }))

  it.scoped("a run reads what the one before it has submitted, stored or not", () =>
    Effect.gen(function*() {
      const { line, runs } = yield* single()
      yield* last(runs).state.set(offset(50))
      const held = yield* line.hold("save")
      yield* Effect.fork(Effect.either(last(runs).state.set(offset(60))))
      yield* held.arrived
      yield* Deferred.fail(last(runs).crash, new Error("boom"))
      yield* TestClock.adjust("500 millis")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(60)), self: { attempt: 2 } })
    }))

  it.scoped("a value of a life that has ended is not stored in the next one, under a claim that still stands", () =>
    Effect.gen(function*() {
      const { a, faulty, line, runs } = yield* single({ slowly: true })
      const held = yield* line.hold("save")
      yield* Effect.fork(Effect.either(last(runs).state.set(offset(99))))
      yield* held.arrived
      yield* a.pogo.terminateChild(id)
      yield* a.pogo.startChild(Consumer.spec("eu", {}))
      yield* TestClock.adjust("1 second")
      // It still ends, and its claim stands.
      yield* held.execute
      expect(faulty.state().state.size).toBe(0)
      yield* Deferred.succeed(last(runs).finish, undefined)
      yield* TestClock.adjust("2 seconds")
      expect(runs.length).toBe(2)
      expect(last(runs).began).toEqual(Option.none())
      yield* Deferred.succeed(last(runs).finish, undefined)
    }))

  it.scoped("nothing is stored while the claim is in doubt", () =>
    Effect.gen(function*() {
      const { line, runs } = yield* single({ onRegistryLoss: "keep" })
      yield* last(runs).state.set(offset(1))
      line.dropRequests = true
      yield* TestClock.adjust("12 seconds")
      expect(runs.length).toBe(1)
      line.sent.length = 0
      const doubtful = yield* Effect.fork(Effect.flip(last(runs).state.set(offset(2))))
      yield* TestClock.adjust("4 seconds")
      expect(Option.getOrUndefined(yield* Fiber.poll(doubtful))).toMatchObject({ value: { _tag: "ClaimLost" } })
      expect(line.sent).not.toContain("save")
      line.dropRequests = false
      yield* TestClock.adjust("10 seconds")
      yield* last(runs).state.set(offset(3))
      expect(runs.length).toBe(1)
    }))

  it.scoped("an emptied registry gets it back from the node that runs the child", () =>
    Effect.gen(function*() {
      const { a, faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(5))
      faulty.lose()
      yield* TestClock.adjust("5 seconds")
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":5}" })
      // In the quarantine too: the owner stores under the claim that it has asserted.
      yield* last(runs).state.set(offset(6))
      yield* TestClock.adjust("30 seconds")
      expect(runs.length).toBe(1)
      expect(Option.getOrThrow(yield* readState(a)).value).toEqual(offset(6))
    }))

  it.scoped("and from the node that was the last to run it: beyond a fence, and beyond a release", () =>
    Effect.gen(function*() {
      const { a, faulty, line, runs } = yield* single()
      yield* last(runs).state.set(offset(5))
      // Away for longer than the lease, and empty when it is back: no child is left that knows.
      line.dropRequests = true
      yield* TestClock.adjust("12 seconds")
      faulty.lose()
      line.dropRequests = false
      yield* TestClock.adjust("40 seconds")
      expect(runs.length).toBe(2)
      expect(last(runs).began).toEqual(Option.some(offset(5)))
      yield* last(runs).state.set(offset(6))
      yield* a.pogo.cordon
      yield* passing(a.pogo.drain)
      yield* TestClock.adjust("2 seconds")
      expect(faulty.state().claim.size).toBe(0)
      faulty.lose()
      yield* TestClock.adjust("20 seconds")
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":6}" })
    }))

  it.scoped("an older copy gets it with the claim from a node that leaves before it has given anything else back", () =>
    Effect.gen(function*() {
      const { addOther, cluster, faulty, line, runs } = yield* single()
      yield* addOther
      yield* TestClock.adjust("5 seconds")
      const older = cloneState(faulty.state())
      yield* last(runs).state.set(offset(5))
      const held = yield* line.hold("merge")
      faulty.restore(older)
      yield* passing(held.arrived)
      yield* cluster.nodes.get("a")!.stop
      expect(faulty.state().claim.size).toBe(0)
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":5}" })
      yield* TestClock.adjust("40 seconds")
      expect(last(runs)).toMatchObject({ began: Option.some(offset(5)), self: { node: "b" } })
    }))

  it.scoped("what nobody knows any more is told as lost", () =>
    Effect.gen(function*() {
      const { addOther, cluster, faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(5))
      const b = yield* addOther
      const events: Array<PogoEvent.PogoEvent> = []
      yield* Effect.forkScoped(Stream.runForEach(b.pogo.events, (event) => Effect.sync(() => events.push(event))))
      yield* TestClock.adjust("1 second")
      yield* cluster.nodes.get("a")!.crash
      faulty.state().state.clear()
      yield* TestClock.adjust("60 seconds")
      expect(last(runs)).toMatchObject({ began: Option.none(), self: { node: "b" } })
      expect(events.filter(({ _tag }) => _tag === "StateLost")).toEqual([
        { _tag: "StateLost", id, node: "b", token: last(runs).self.token }
      ])
      yield* last(runs).state.set(offset(1))
      expect(Option.getOrThrow(yield* readState(b))).toMatchObject({ value: offset(1), version: 1 })
    }))

  /** A node that has stored a value, takes nothing for the moment, and is cut off beside another. `returned`: it takes again. */
  const cutOff = Effect.gen(function*() {
    const { a, addOther, faulty, line, runs } = yield* single()
    yield* last(runs).state.set(offset(5))
    const b = yield* addOther
    yield* a.pogo.cordon
    line.dropRequests = true
    const returned = Effect.zipRight(a.pogo.uncordon, TestClock.adjust("5 seconds"))
    return { b, faulty, line, returned, runs }
  })

  it.scoped("an older value does not come back that its owner still remembers: another had the child since", () =>
    Effect.gen(function*() {
      const { b, faulty, line, returned, runs } = yield* cutOff
      yield* TestClock.adjust("40 seconds")
      expect(last(runs)).toMatchObject({ self: { node: "b" }, began: Option.some(offset(5)) })
      yield* last(runs).state.set(offset(9))
      // The claim of the other is gone before this one can see it, and then all data is.
      yield* b.stop
      line.dropRequests = false
      yield* TestClock.adjust("10 seconds")
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      yield* returned
      expect(last(runs)).toMatchObject({ self: { node: "a" }, began: Option.none() })
    }))

  it.scoped("nor in a data set that is lost while what came back is not looked at yet", () =>
    Effect.gen(function*() {
      const { b, faulty, line, returned, runs } = yield* cutOff
      yield* TestClock.adjust("20 seconds")
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      expect(last(runs).self.node).toBe("b")
      yield* last(runs).state.set(offset(9))
      faulty.lose()
      yield* TestClock.adjust("3 seconds")
      line.dropRequests = false
      yield* TestClock.adjust("2 seconds")
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":9}" })
      yield* b.stop
      faulty.lose()
      yield* TestClock.adjust("60 seconds")
      yield* returned
      expect(last(runs)).toMatchObject({ self: { node: "a" }, began: Option.none() })
    }))

  it.scoped("a holder that is overtaken stops, and the next claim brings the other owner's value", () =>
    Effect.gen(function*() {
      const { faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(1))
      const record = faulty.state().state.get(id)!
      const { token } = parseState(record)!
      // Another owner, with a higher token, has been there, and this node was given the claim back.
      faulty.state().state.set(id, record.replace(`|${token}|1|`, `|${token + 1}|7|`).replace("1}", "77}"))
      expect(yield* Effect.flip(last(runs).state.set(offset(2)))).toMatchObject({ _tag: "ClaimLost" })
      yield* TestClock.adjust("5 seconds")
      expect(last(runs).began).toEqual(Option.some(offset(77)))
    }))

  it.scoped("an older copy of the data in which the child was in another life brings no value over", () =>
    Effect.gen(function*() {
      const { a, faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(1))
      const older = cloneState(faulty.state())
      yield* a.pogo.terminateChild(id)
      yield* TestClock.adjust("2 seconds")
      yield* a.pogo.startChild(Consumer.spec("eu", {}))
      yield* TestClock.adjust("2 seconds")
      yield* last(runs).state.set(offset(100))
      faulty.restore(older)
      yield* TestClock.adjust("60 seconds")
      yield* last(runs).state.set(offset(101))
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":101}" })
      expect(runs.every(({ began }) => !Option.isSome(began) || began.value.offset >= 100)).toBe(true)
    }))

  it.scoped("states that do not fit into the answer to a claim are read before the start", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const Big = Child.make("Big", { payload: {}, state: Schema.String, maxStateBytes: 65_536 })
      const seen: Array<number> = []
      const live = Big.toLayer(() =>
        Effect.gen(function*() {
          const state = yield* Big.state
          const before = yield* state.get
          if (Option.isNone(before)) yield* state.set("x".repeat(60_000))
          else seen.push(before.value.length)
          return yield* Effect.never
        })
      )
      const cluster = yield* makeCluster(faulty.line().registry, live)
      const a = yield* cluster.add("a", {})
      yield* a.pogo.startChildren(Array.from({ length: 12 }, (_, i) => Big.spec(`b${i}`, {})))
      yield* TestClock.adjust("5 seconds")
      expect(faulty.state().state.size).toBe(12)
      yield* cluster.add("b", { registry: faulty.line().registry })
      yield* TestClock.adjust("5 seconds")
      yield* cluster.nodes.get("a")!.stop
      yield* TestClock.adjust("10 seconds")
      expect(seen).toEqual(Array.from({ length: 12 }, () => 60_000))
    }))
})

describe("a state, and the code that reads it", () => {
  const Text = Schema.Struct({ at: Schema.String })

  /** The same kind, by another version of its code. */
  const versionOf = (version: number, migrate?: (stored: unknown, from: number) => typeof Text.Type) => {
    const seen: Array<typeof Text.Type> = []
    const kind = Child.make("Consumer", { payload: {}, version, state: Text, migrate })
    const live = kind.toLayer(() =>
      Effect.gen(function*() {
        const now = yield* (yield* kind.state).get
        if (Option.isSome(now)) seen.push(now.value)
        return yield* Effect.never
      })
    )
    return { kind, live, seen }
  }

  const handOver = (code: ReturnType<typeof versionOf>) =>
    Effect.gen(function*() {
      const { cluster, faulty, runs } = yield* single()
      yield* last(runs).state.set(offset(5))
      const b = yield* cluster.add("b", { registry: faulty.line().registry }, code.live)
      yield* TestClock.adjust("5 seconds")
      yield* cluster.nodes.get("a")!.stop
      yield* TestClock.adjust("20 seconds")
      return { b, faulty, cluster }
    })

  it.scoped("migrate makes the new form of an older one", () =>
    Effect.gen(function*() {
      const code = versionOf(2, (stored, from) => ({ at: `${JSON.stringify(stored)} of ${from}` }))
      const { b } = yield* handOver(code)
      expect(code.seen).toEqual([{ at: "{\"offset\":5} of 1" }])
      const read = Effect.provideService(code.kind.readState("eu"), Pogo.Pogo, b.pogo)
      expect(Option.getOrThrow(yield* read).value).toEqual({ at: "{\"offset\":5} of 1" })
    }))

  it.scoped("one that cannot be decoded is left to others, and never overwritten", () =>
    Effect.gen(function*() {
      const code = versionOf(1)
      const { b, cluster, faulty } = yield* handOver(code)
      expect(code.seen).toEqual([])
      const [row] = yield* b.pogo.whichChildren("global")
      expect(row?.status._tag).toBe("Failed")
      expect(storedIn(faulty.state())).toMatchObject({ body: "{\"offset\":5}" })
      const read = Effect.provideService(code.kind.readState("eu"), Pogo.Pogo, b.pogo)
      expect(yield* Effect.flip(read)).toMatchObject({ _tag: "InvalidState", id })
      // Code that can read it comes along.
      const { live, runs } = consumers()
      yield* cluster.add("c", { registry: faulty.line().registry }, live)
      yield* TestClock.adjust("20 seconds")
      expect(runs.map(({ began }) => began)).toEqual([Option.some(offset(5))])
    }))

  it.scoped("a value of very many parts is measured as it is encoded", () =>
    Effect.gen(function*() {
      const Bits = Schema.transform(Schema.String, Schema.Array(Schema.Boolean), {
        strict: true,
        decode: (text) => Array.from(text, (digit) => digit === "1"),
        encode: (bits) => (bits.every((bit) => bit) ? "all" : "some")
      })
      const Many = Child.make("Many", { payload: {}, state: Bits })
      const answered = yield* Deferred.make<void, unknown>()
      const live = Many.toLayer(() =>
        Effect.flatMap(
          Many.state,
          (state) => Deferred.complete(answered, state.set(Array.from({ length: 50_000 }, () => true)))
        ).pipe(Effect.zipRight(Effect.never))
      )
      const { pogo } = yield* (yield* makeCluster((yield* makeFaulty()).line().registry, live)).add("a", {})
      yield* pogo.startChild(Many.spec("m", {}))
      yield* passing(Deferred.await(answered))
    }))

  it.scoped("what does not fit the schema is the child's own defect, and what is too large a typed error", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const Small = Child.make("Small", { payload: {}, state: Schema.NonEmptyString, maxStateBytes: 10 })
      const seen: Array<unknown> = []
      const live = Small.toLayer(() =>
        Effect.gen(function*() {
          const state = yield* Small.state
          seen.push(yield* Effect.flip(state.set("far too long for it")))
          return yield* state.set("")
        }), { restart: Restart.permanent(Schedule.stop) })
      const { pogo } = yield* (yield* makeCluster(faulty.line().registry, live)).add("a", {})
      yield* pogo.startChild(Small.spec("s", {}))
      yield* TestClock.adjust("5 seconds")
      expect(seen).toMatchObject([{ _tag: "StateTooLarge", id: "Small/s", size: 21, limit: 10 }])
      const [row] = yield* pogo.whichChildren("global")
      expect(row?.status).toMatchObject({ _tag: "Failed", cause: expect.stringContaining("InvalidState") })
      expect(faulty.state().state.size).toBe(0)
    }))

  it.scoped.each([0, 65_537, 1.5, Number.NaN])(
    "a limit of %s bytes is refused where the layer is built",
    (limit) =>
      Effect.gen(function*() {
        const Odd = Child.make("Odd", { payload: {}, state: Schema.String, maxStateBytes: limit })
        const faulty = yield* makeFaulty()
        const layer = Odd.toLayer(() => Effect.never)
        const cluster = yield* makeCluster(faulty.line().registry, layer)
        const exit = yield* Effect.exit(cluster.add("a", {}))
        expect(String(exit)).toContain("maxStateBytes")
      })
  )
})
