/**
 * Lists of code that are whole sets: what a rolling deploy, a rollback, and a lone old node start and end.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, LogLevel, Option, Stream, TestClock } from "effect"
import { Child, type ChildSpec, GroupRegistry, Pogo, type PogoConfig, PogoEvent } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const spec = (key: string, failAfter = 0) => Worker.spec(key, { failAfter: failAfter * 1_000_000 })
const exactly = (...keys: ReadonlyArray<string>) => Pogo.exactly(keys.map((key) => spec(key)))
const id = (key: string): ChildSpec.ChildId => `Worker/${key}`

/** Keys of the registered children, each with its set. */
const registered = (pogo: Pogo.Service) =>
  Effect.map(pogo.whichChildren("global"), (rows) =>
    rows.filter(({ status }) => status._tag !== "Stopping")
      .map(({ key, set }) => (set === undefined ? key : `${key}${set}`)).sort())

/** The stored spec of a child as a text. */
const stored = (pogo: Pogo.Service, child: ChildSpec.ChildId) =>
  Effect.map(pogo.getSpec(child), (found) => JSON.stringify(Option.getOrThrow(found).spec))

const members = (...keys: ReadonlyArray<string>) => keys.map((key) => `${key}=main`)

const scene = (defaults: PogoConfig.Options = {}) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Info)) lines.push(`${logLevel.label} ${String(message)}`)
    })
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal), {
      joinTimeout: 0,
      ...defaults
    })
    const logged = Effect.provide(Logger.add(logger))
    const add = (name: string, children: PogoConfig.Options["children"]) =>
      Effect.map(logged(cluster.add(name, { children })), ({ pogo }) => pogo)
    const stop = (name: string) => cluster.nodes.get(name)!.stop
    const told = (text: string) => lines.filter((line) => line.includes(text))
    return { add, cluster, journal, stop, told }
  })

const soon = TestClock.adjust("5 seconds")
const afterLease = TestClock.adjust("25 seconds")

describe("a rolling deploy", () => {
  it.scoped("adds at once, ends when the last old node is gone, and a rollback brings back what it ended", () =>
    Effect.gen(function*() {
      const cluster = yield* PogoTest.cluster(2, workerLive(new Journal()), { children: exactly("a", "old") })
      const one = cluster.node("n1")
      yield* cluster.eventuallyOne(id("old"))
      // The new release has no "old".
      const next = exactly("a", "new")
      const three = yield* cluster.addNode("n3", { children: next })
      yield* cluster.eventuallyOne(id("new"))
      yield* cluster.stop("n2")
      yield* cluster.addNode("n2", { children: next })
      yield* cluster.pass("1 minute")
      expect(yield* registered(one)).toEqual(members("a", "new", "old"))
      const [state] = yield* three.lists
      expect(state).toMatchObject({ name: "main", agreed: false, own: { waitsFor: ["n1"] } })
      expect(state?.own?.plan.terminate.map(({ id }) => id)).toEqual([id("old")])
      yield* cluster.stop("n1")
      yield* cluster.pass("10 seconds")
      expect(yield* registered(three)).toEqual(members("a", "new"))
      expect(yield* three.lists).toMatchObject([{ agreed: true, own: { waitsFor: [], plan: { terminate: [] } } }])
      // Back to the release before.
      const back = yield* cluster.addNode("n1", { children: exactly("a", "old") })
      yield* cluster.eventuallyOne(id("old"))
      expect(yield* registered(back)).toEqual(members("a", "new", "old"))
      yield* cluster.stop("n2")
      yield* cluster.stop("n3")
      yield* cluster.pass("10 seconds")
      expect(yield* registered(back)).toEqual(members("a", "old"))
      yield* cluster.atMostOne
    }))

  it.scoped("replaces what has other content only when all have it, and a rollback replaces it back", () =>
    Effect.gen(function*() {
      const { add, journal, stop } = yield* scene()
      const [v1, v2] = [[spec("a", 1), spec("b")], [spec("a", 2), spec("b")]].map((specs) => Pogo.exactly(specs))
      const contents = () => new Set(journal.starts(id("a")).map(({ generation }) => generation)).size
      yield* add("a", v1)
      yield* soon
      const b = yield* add("b", v2)
      yield* TestClock.adjust("1 minute")
      expect(contents()).toBe(1)
      yield* stop("a")
      yield* soon
      expect(contents()).toBe(2)
      expect(yield* stored(b, id("a"))).toContain("2000000")
      expect(new Set(journal.starts(id("b")).map(({ generation }) => generation)).size).toBe(1)
      const a = yield* add("a", v1)
      yield* soon
      yield* stop("b")
      yield* soon
      expect(yield* stored(a, id("a"))).toContain("1000000")
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("a raised version of the kind replaces at once", () =>
    Effect.gen(function*() {
      const { add, cluster } = yield* scene()
      const kind = (version: number) => Child.make("Versioned", { version, payload: {} })
      const live = (version: number) => kind(version).toLayer(() => Effect.never)
      const list = (version: number) => Pogo.exactly([kind(version).spec("x", {})])
      yield* cluster.add("a", { children: list(1) }, live(1))
      yield* soon
      const { pogo } = yield* cluster.add("b", { children: list(2) }, live(2))
      yield* soon
      const [row] = yield* pogo.whichChildren("global")
      expect(row).toMatchObject({ set: "=main", status: { _tag: "Running" }, node: "b" })
      expect(yield* stored(pogo, "Versioned/x")).toContain("\"version\":2")
      // A node of the first version adds nothing, and replaces nothing back.
      yield* add("c", undefined)
      yield* TestClock.adjust("1 minute")
      expect(yield* stored(pogo, "Versioned/x")).toContain("\"version\":2")
    }))

  it.scoped("a raised version replaces also what others have made older meanwhile", () =>
    Effect.gen(function*() {
      const { cluster } = yield* scene()
      const kind = (version: number) => Child.make("Versioned", { version, payload: {} })
      const live = (version: number) => kind(version).toLayer(() => Effect.never)
      const list = Pogo.exactly([kind(2).spec("x", {})])
      const { pogo } = yield* cluster.add("a", { children: list }, live(2))
      yield* soon
      yield* pogo.replaceChild(kind(1).spec("x", {}))
      yield* cluster.add("b", { children: Pogo.exactly([kind(1).spec("x", {})]) }, live(1))
      yield* soon
      expect(yield* stored(pogo, "Versioned/x")).toContain("\"version\":2")
    }))

  it.scoped("tells for whom it waits: in a line, in the rows of nodes, and in an event when it takes long", () =>
    Effect.gen(function*() {
      const { add, stop, told } = yield* scene()
      const a = yield* add("a", exactly("x", "y"))
      yield* soon
      const b = yield* add("b", exactly("x"))
      const differ = (pogo: Pogo.Service) =>
        Effect.fork(Stream.runHead(Stream.filter(pogo.events, PogoEvent.$is("ListsDiffer"))))
      const heard = [yield* differ(a), yield* differ(b)] as const
      yield* TestClock.adjust("1 minute")
      expect(told("waits for a")).toEqual([
        "INFO list \"main\": 1 child to end; that waits for a, whose lists differ from this node's"
      ])
      expect(told("waits for b")).toEqual([])
      const digests = (yield* b.nodes).map(({ lists }) => lists["main"])
      expect(new Set(digests).size).toBe(2)
      expect(digests[0]).toMatch(/^[0-9a-f]{16}$/)
      expect(yield* Fiber.poll(heard[1])).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("5 minutes")
      expect(yield* Fiber.join(heard[0])).toMatchObject({ value: { name: "main", node: "a", others: ["b"] } })
      expect(yield* Fiber.join(heard[1])).toMatchObject({ value: { name: "main", node: "b", others: ["a"] } })
      expect(told("have differed for long")).toHaveLength(2)
      yield* TestClock.adjust("5 minutes")
      expect(told("have differed for long")).toHaveLength(2)
      yield* stop("a")
      yield* soon
      expect(yield* registered(b)).toEqual(members("x"))
      expect(told("0 replaced, 1 ended")).toHaveLength(1)
    }))
})

describe("what ends nothing", () => {
  it.scoped("a lone old node that comes and goes", () =>
    Effect.gen(function*() {
      const { add, journal, stop } = yield* scene()
      const a = yield* add("a", exactly("x", "new"))
      yield* soon
      for (let i = 0; i < 3; i++) {
        yield* add("old", exactly("x", "gone"))
        yield* soon
        expect(yield* registered(a)).toEqual(members("gone", "new", "x"))
        yield* stop("old")
        yield* soon
        expect(yield* registered(a)).toEqual(members("new", "x"))
      }
      const runs = journal.lines.filter(({ id: child, what }) => child === id("new") && what === "stop")
      // It may move to the old node and back, which have different homes for it; it is never ended.
      expect(runs.length).toBeLessThanOrEqual(6)
    }))

  it.scoped("an old node that is restarted, while it is away for a moment", () =>
    Effect.gen(function*() {
      const { add, stop } = yield* scene()
      yield* add("a", exactly("x", "old"))
      yield* soon
      const b = yield* add("b", exactly("x"))
      yield* soon
      const generation = Effect.map(b.getSpec(id("old")), (found) => Option.getOrThrow(found).generation)
      const before = yield* generation
      yield* stop("a")
      yield* TestClock.adjust("1500 millis")
      yield* add("a", exactly("x", "old"))
      yield* TestClock.adjust("1 minute")
      expect(yield* generation).toBe(before)
    }))

  it.scoped("an emptied registry, whoever comes back first", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty("settle")
      const journal = new Journal()
      const [one, two] = [faulty.line(), faulty.line()]
      const cluster = yield* makeCluster(one.registry, workerLive(journal), { joinTimeout: 0 })
      const a = yield* cluster.add("a", { registry: one.registry, children: exactly("x", "old") })
      const b = yield* cluster.add("b", { registry: two.registry, children: exactly("x", "new") })
      yield* TestClock.adjust("25 seconds")
      expect(yield* registered(a.pogo)).toEqual(members("new", "old", "x"))
      faulty.lose()
      // The other comes back within the quarantine.
      two.dropRequests = true
      yield* TestClock.adjust("8 seconds")
      two.dropRequests = false
      yield* TestClock.adjust("1 minute")
      expect(yield* registered(a.pogo)).toEqual(members("new", "old", "x"))
      expect(yield* registered(b.pogo)).toEqual(members("new", "old", "x"))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("a plain list, a node without one, a client, and a list of another name", () =>
    Effect.gen(function*() {
      const { add, stop } = yield* scene()
      const a = yield* add("a", exactly("x", "y"))
      yield* soon
      yield* add("plain", [spec("x"), spec("p")])
      yield* add("none", undefined)
      yield* add("other", Pogo.exactly([spec("o")], { name: "other" }))
      yield* TestClock.adjust("1 minute")
      expect(yield* registered(a)).toEqual(["o=other", "p", ...members("x", "y")])
      // They are waited for by nobody.
      yield* add("b", exactly("x"))
      yield* soon
      yield* stop("a")
      yield* soon
      const b = yield* add("c", exactly("x"))
      yield* soon
      expect(yield* registered(b)).toEqual(["o=other", "p", ...members("x")])
      expect((yield* b.lists).map(({ name, nodes }) => [name, nodes.map((node) => node.name)])).toEqual([
        ["main", ["b", "c"]],
        ["other", ["other"]]
      ])
    }))

  it.scoped("an empty list, unless that is meant", () =>
    Effect.gen(function*() {
      const { add, stop, told } = yield* scene()
      yield* add("a", exactly("x"))
      yield* soon
      const b = yield* add("b", exactly())
      yield* stop("a")
      yield* TestClock.adjust("1 minute")
      expect(yield* registered(b)).toEqual(members("x"))
      expect(told("allowEmpty")).toHaveLength(1)
      yield* stop("b")
      const c = yield* add("c", Pogo.exactly([], { allowEmpty: true }))
      yield* soon
      expect(yield* registered(c)).toEqual([])
    }))

  it.scoped("a node that is frozen keeps what it lists until its lease has ended", () =>
    Effect.gen(function*() {
      const cluster = yield* PogoTest.cluster(1, workerLive(new Journal()), { children: exactly("x", "old") })
      yield* cluster.eventuallyOne(id("old"))
      const two = yield* cluster.addNode("n2", { children: exactly("x") })
      yield* cluster.pass("3 seconds")
      yield* cluster.freeze("n1")
      yield* cluster.pass("10 seconds")
      expect(yield* registered(two)).toEqual(members("old", "x"))
      yield* cluster.pass("20 seconds")
      expect(yield* registered(two)).toEqual(members("x"))
      // What it lists is added again: nobody knows which of the two is right.
      yield* cluster.thaw("n1")
      yield* cluster.pass("20 seconds")
      expect(yield* registered(two)).toEqual(members("old", "x"))
      yield* cluster.atMostOne
    }))
})

describe("at rest", () => {
  it.scoped("a list costs no command", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()), { joinTimeout: 0 })
      for (const name of ["a", "b"]) yield* cluster.add(name, { children: exactly("x", "y") })
      yield* cluster.add("c", { children: exactly("x") })
      yield* TestClock.adjust("1 minute")
      line.sent.length = 0
      yield* TestClock.adjust("2 minutes")
      expect(new Set(line.sent)).toEqual(new Set(["tick"]))
    }))

  it.scoped("nor does one that is refused", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()), { joinTimeout: 0 })
      const a = yield* cluster.add("a", { children: exactly("x") })
      yield* TestClock.adjust("10 seconds")
      yield* a.stop
      yield* cluster.add("b", { children: exactly() })
      yield* TestClock.adjust("1 minute")
      line.sent.length = 0
      yield* TestClock.adjust("2 minutes")
      expect(new Set(line.sent)).toEqual(new Set(["tick"]))
    }))
})

describe("what a call has done", () => {
  it.scoped("one that was terminated stays so, and a line says how it comes back", () =>
    Effect.gen(function*() {
      const { add, stop, told } = yield* scene()
      const a = yield* add("a", exactly("x", "y"))
      yield* soon
      yield* a.terminateChild(id("y"))
      yield* TestClock.adjust("1 minute")
      expect(yield* registered(a)).toEqual(members("x"))
      expect(told("terminateChild")).toEqual([])
      const b = yield* add("b", exactly("x", "y"))
      yield* soon
      expect(told("terminateChild")).toEqual([
        "INFO Worker/y: listed by this node, and not started, since terminateChild ended it on purpose; " +
        "Pogo.startChild with the same spec brings a child back"
      ])
      yield* b.startChild(spec("y"))
      yield* soon
      // The list takes it over.
      expect(yield* registered(b)).toEqual(members("x", "y"))
      yield* stop("a")
      yield* soon
      expect(yield* registered(b)).toEqual(members("x", "y"))
    }))

  it.scoped("of a plain list, too", () =>
    Effect.gen(function*() {
      const { add, told } = yield* scene()
      const keys = Array.from({ length: 7 }, (_, i) => `k${i}`)
      const a = yield* add("a", keys.map((key) => spec(key)))
      yield* soon
      for (const key of keys) yield* a.terminateChild(id(key))
      yield* add("b", keys.map((key) => spec(key)))
      yield* soon
      expect(yield* registered(a)).toEqual([])
      expect(told("and 2 more: listed by this node, and not started, since terminateChild ended them")).toHaveLength(1)
    }))

  it.scoped("a child that was started by a call is taken over as it is, and one of another set is left there", () =>
    Effect.gen(function*() {
      const { add, journal } = yield* scene()
      const a = yield* add("a", undefined)
      yield* a.startChild(spec("x"))
      yield* a.reconcile(Worker, [spec("y")], { set: "eu" })
      yield* soon
      yield* add("b", exactly("x", "y"))
      yield* soon
      expect(yield* registered(a)).toEqual(["x=main", "yeu"])
      const tokens = journal.starts(id("x")).map(({ generation }) => generation)
      expect(new Set(tokens).size).toBe(1)
      // A reconcile of the kind's unnamed set is of another owner.
      const plan = yield* a.reconcile(Worker, [spec("x")])
      expect(plan.foreign.map((child) => child.id)).toEqual([id("x")])
    }))

  it.scoped("a member that a call replaced is replaced back", () =>
    Effect.gen(function*() {
      const { add } = yield* scene()
      const a = yield* add("a", exactly("x"))
      yield* soon
      yield* a.replaceChild(spec("x", 7))
      yield* soon
      expect(yield* stored(a, id("x"))).not.toContain("7000000")
    }))
})

describe("a list that is none", () => {
  const failure = (children: PogoConfig.Options["children"], client = false) =>
    Effect.flip(Layer.build(
      client
        ? Layer.provide(Pogo.layerClient({ children }), GroupRegistry.layerMemory)
        : Pogo.layerMemory({ children })
    ))

  it.scoped("is refused by its name", () =>
    Effect.gen(function*() {
      expect(yield* failure(Pogo.exactly([spec("x")], { name: "a|b" }))).toMatchObject({ setting: "children" })
      expect(yield* failure(Pogo.exactly([spec("x")], { name: "n".repeat(128) }))).toMatchObject({
        setting: "children"
      })
      expect(yield* failure(Pogo.exactly(7 as never))).toMatchObject({ _tag: "InvalidChildSpec", field: "specs" })
      expect(yield* failure(Pogo.exactly([spec("x", 1), spec("x", 2)]))).toMatchObject({
        _tag: "InvalidChildSpec",
        field: "key"
      })
      expect(yield* failure(exactly("x"), true)).toMatchObject({ setting: "children" })
    }))

  it.scoped("equal lists have equal digests, in whatever order", () =>
    Effect.gen(function*() {
      const { add } = yield* scene()
      const a = yield* add("a", exactly("x", "y"))
      yield* add("b", exactly("y", "x"))
      yield* afterLease
      expect(yield* a.lists).toMatchObject([{ agreed: true }])
    }))
})
