/**
 * Sets of children: making them those of a list, whoever else does the same, and what is untouched by it.
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Metric,
  Option,
  Schedule,
  Schema,
  Scope,
  Stream,
  TestClock
} from "effect"
import { Child, type ChildSpec, GroupRegistry, Pogo, PogoEvent, PogoMetrics } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import { makeCluster } from "../support/cluster.js"
import { type Faulty, makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const spec = (key: string, failAfter = 0) => Worker.spec(key, { failAfter: failAfter * 1_000_000 })
const specs = (...keys: ReadonlyArray<string>) => keys.map((key) => spec(key))
const id = (key: string): ChildSpec.ChildId => `Worker/${key}`
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

type Plan = Pogo.ReconcilePlan

/** A plan without its reasons; lists that are empty are left out. */
const brief = (plan: Plan): object =>
  Object.fromEntries(
    Object.entries(plan).filter(([name, list]) => name !== "refused" && list.length > 0)
      .map(([name, list]: [string, Plan["keep"]]) => [name, list.map(({ id }) => id.slice("Worker/".length)).sort()])
  )

const registered = (pogo: Pogo.Service) =>
  Effect.map(pogo.whichChildren("global"), (rows) =>
    rows.filter(({ status }) => status._tag !== "Stopping")
      .map(({ key, set }) => (set === undefined ? key : `${key}@${set}`)).sort())

/** One node on a registry in memory, and what its children did. */
const alone = Effect.gen(function*() {
  const journal = new Journal()
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
  const { pogo } = yield* cluster.add("a")
  return { journal, cluster, pogo }
})

/** Two nodes, each with its own way to the registry. */
const pair = (faulty: Faulty) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const [one, two] = [faulty.line(), faulty.line()]
    const cluster = yield* makeCluster(one.registry, workerLive(journal))
    const a = yield* cluster.add("a", { registry: one.registry })
    const b = yield* cluster.add("b", { registry: two.registry })
    yield* TestClock.adjust("5 seconds")
    return { journal, one, two, a: a.pogo, b: b.pogo }
  })

describe("reconcile", () => {
  it.scoped("starts what is missing, replaces what differs, ends what is not listed, and leaves the rest alone", () =>
    Effect.gen(function*() {
      const { journal, pogo } = yield* alone
      yield* pogo.startChildren([...specs("same", "gone"), spec("other", 1)])
      yield* TestClock.adjust("1 second")
      const before = journal.running("Worker/same")
      const plan = yield* pogo.reconcile(Worker, [...specs("same", "new"), spec("other", 2)])
      expect(brief(plan)).toEqual({ create: ["new"], replace: ["other"], keep: ["same"], terminate: ["gone"] })
      expect(plan.terminate[0]?.why).toContain("not listed")
      yield* TestClock.adjust("1 second")
      expect(journal.running("Worker/same")).toEqual(before)
      expect(journal.running().map(({ id }) => id).sort()).toEqual(["Worker/new", "Worker/other", "Worker/same"])
      expect(journal.starts("Worker/other")).toHaveLength(2)
      expect(brief(yield* pogo.reconcile(Worker, [...specs("same", "new"), spec("other", 2)]))).toEqual({
        keep: ["new", "other", "same"]
      })
    }))

  it.scoped("with dryRun it changes nothing, and without prune it ends nothing", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      yield* pogo.startChildren(specs("a", "b"))
      const dry = yield* pogo.reconcile(Worker, specs("b", "c"), { dryRun: true })
      expect(brief(dry)).toEqual({ create: ["c"], keep: ["b"], terminate: ["a"] })
      expect(brief(yield* pogo.reconcile(Worker, [], { dryRun: true }))).toEqual({ terminate: ["a", "b"] })
      expect(yield* registered(pogo)).toEqual(["a", "b"])
      // It tells what the reconcile itself would be refused for.
      const dryRun = (keys: ReadonlyArray<string>, options?: Pogo.ReconcileOptions) =>
        Effect.map(pogo.reconcile(Worker, specs(...keys), { ...options, dryRun: true }), ({ refused }) => refused)
      expect(dry).not.toHaveProperty("refused")
      expect(yield* dryRun([])).toBe("EmptyList")
      expect(yield* dryRun([], { allowEmpty: true })).toBe(undefined)
      expect(yield* dryRun(["c"], { maxTerminate: 1 })).toBe("TooManyEnds")
      expect(brief(yield* pogo.reconcile(Worker, specs("c"), { prune: false }))).toEqual({
        create: ["c"],
        keep: ["a", "b"]
      })
      expect(yield* registered(pogo)).toEqual(["a", "b", "c"])
    }))

  it.scoped("refuses an empty list, and one that would end too much, with the plan and nothing changed", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      yield* pogo.startChildren(specs(...range(10, 22)))
      const empty = yield* Effect.flip(pogo.reconcile(Worker, [], { maxTerminate: "100%" }))
      expect(empty).toMatchObject({ _tag: "ReconcileRefused", reason: "EmptyList", members: 12 })
      expect(empty.message).toContain("allowEmpty")
      const much = yield* Effect.flip(pogo.reconcile(Worker, specs(...range(10, 15))))
      expect(much).toMatchObject({ _tag: "ReconcileRefused", reason: "TooManyEnds", limit: 6 })
      expect(much._tag === "ReconcileRefused" && brief(much.plan)).toEqual({
        keep: range(10, 15),
        terminate: range(15, 22)
      })
      expect((yield* Effect.flip(pogo.reconcile(Worker, specs(...range(10, 20)), { maxTerminate: 1 })))._tag).toBe(
        "ReconcileRefused"
      )
      expect(yield* registered(pogo)).toEqual(range(10, 22))
      yield* pogo.reconcile(Worker, specs(...range(10, 15)), { maxTerminate: "60%" })
      expect(yield* registered(pogo)).toEqual(range(10, 15))
      // Of a few members a share is at least one, unless it is none.
      const four = specs(...range(10, 14))
      expect(yield* Effect.flip(pogo.reconcile(Worker, four, { maxTerminate: "0%" }))).toMatchObject({ limit: 0 })
      yield* pogo.reconcile(Worker, four, { maxTerminate: "10%" })
      expect(yield* registered(pogo)).toEqual(range(10, 14))
      // Of ten and fewer any number may end.
      yield* pogo.reconcile(Worker, specs("10"))
      yield* pogo.reconcile(Worker, [], { allowEmpty: true })
      expect(yield* registered(pogo)).toEqual([])
      expect(brief(yield* pogo.reconcile(Worker, []))).toEqual({})
      yield* pogo.startChildren(specs(...range(10, 25)))
      const few = yield* Effect.flip(pogo.reconcile(Worker, [], { allowEmpty: true, maxTerminate: 3 }))
      expect(few).toMatchObject({ reason: "TooManyEnds", limit: 3 })
      yield* pogo.reconcile(Worker, [], { allowEmpty: true })
      expect(yield* registered(pogo)).toEqual([])
    }))

  it.scoped("refuses what is no list of the kind's children, and says which and why", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      const Other = Child.make("Other", { payload: {} })
      const fields = (list: ReadonlyArray<ChildSpec.Any>, options?: Pogo.ReconcileOptions) =>
        Effect.map(Effect.flip(pogo.reconcile(Worker, list, options)), (error) =>
          error._tag === "InvalidChildSpec" ? error.field : error._tag)
      expect(yield* fields([...specs("a"), Other.spec("x", {})])).toBe("kind")
      expect(yield* fields([spec("a", 1), spec("a", 2)])).toBe("key")
      expect(yield* fields(specs(""))).toBe("key")
      expect(yield* fields(specs("a"), { set: "e|u" })).toBe("set")
      expect(yield* fields(specs("a"), { set: "=main" })).toBe("set")
      for (const limit of ["ten", "110%", 0.1, -1, NaN]) {
        expect(yield* fields(specs("a"), { maxTerminate: limit as never })).toBe("maxTerminate")
      }
      // Misspelt, it would act.
      const misspelt = yield* Effect.flip(pogo.reconcile(Worker, specs("a"), { dryrun: true } as never))
      expect(misspelt.message).toContain("Worker: options = \"dryrun\": is no option")
      const odd = yield* Effect.flip(pogo.reconcile({ kind: "Worker/a" }, []))
      expect(odd).toMatchObject({ _tag: "InvalidChildSpec", field: "kind" })
      expect(yield* registered(pogo)).toEqual([])
      expect(brief(yield* pogo.reconcile(Worker, [spec("a", 1), spec("a", 1)]))).toEqual({ create: ["a"] })
    }))

  it.scoped("is counted by its outcome; a plan alone is not", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const { pogo } = yield* cluster.add("counted", { children: Pogo.exactly([spec("x")]) })
      const count = (kind: string, outcome: string) =>
        Effect.map(
          Metric.value(
            Object.entries({ scope: "default", node: "counted", kind, outcome })
              .reduce((metric, [name, value]) => Metric.tagged(metric, name, value), PogoMetrics.reconciles)
          ),
          (value) => value.count
        )
      yield* pogo.reconcile(Worker, specs("a"))
      yield* pogo.reconcile(Worker, specs("a"), { dryRun: true })
      yield* Effect.flip(pogo.reconcile(Worker, []))
      expect(yield* count("Worker", "Success")).toBe(1)
      expect(yield* count("Worker", "ReconcileRefused")).toBe(1)
      expect(yield* count("*", "Success")).toBe(0)
      yield* TestClock.adjust("5 seconds")
      yield* pogo.replaceChild(spec("x", 3))
      yield* TestClock.adjust("5 seconds")
      expect(yield* count("*", "Success")).toBe(1)
    }))

  it.scoped("a listed child that was terminated is started anew", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      yield* pogo.startChild(spec("a"))
      yield* pogo.terminateChild(id("a"))
      expect(brief(yield* pogo.reconcile(Worker, specs("a")))).toEqual({ create: ["a"] })
    }))

  it.scoped("a client may do it, and knows by then what others have started", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const cluster = yield* makeCluster(registry, workerLive(new Journal()))
      const { pogo } = yield* cluster.add("a")
      const scope = yield* Scope.make()
      const layer = Pogo.layerClient().pipe(Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)))
      const context = yield* Layer.buildWithScope(layer, scope)
      yield* pogo.startChildren(specs("a", "b"))
      const plan = yield* Effect.provide(Pogo.reconcile(Worker, specs("b", "c")), context)
      expect(brief(plan)).toEqual({ create: ["c"], keep: ["b"], terminate: ["a"] })
      yield* Scope.close(scope, Exit.void)
    }))

  it.scoped("thousands of children of which few differ cost a command per hundred changes", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, Layer.empty)
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChildren(specs(...range(0, 3_000)))
      line.sent.length = 0
      yield* pogo.reconcile(Worker, specs(...range(30, 3_000)), { maxTerminate: 30 })
      const list = [...range(30, 2_900).map((key) => spec(key)), ...range(2_900, 3_000).map((key) => spec(key, 1))]
      yield* pogo.reconcile(Worker, list)
      const count = (name: string) => line.sent.filter((one) => one === name).length
      expect([count("begin"), count("put"), count("del"), count("snap")]).toEqual([2, 1, 1, 0])
    }))
})

describe("named sets", () => {
  it.scoped("do not prune each other's children, and take over those of the unnamed one without a restart", () =>
    Effect.gen(function*() {
      const { journal, pogo } = yield* alone
      yield* pogo.startChildren(specs("a", "b", "c"))
      yield* TestClock.adjust("1 second")
      const running = journal.running()
      const plan = yield* pogo.reconcile(Worker, specs("a", "d"), { set: "eu" })
      expect(brief(plan)).toEqual({ create: ["d"], keep: ["a"] })
      expect(plan.keep[0]?.why).toContain("taken over from the unnamed set")
      expect(brief(yield* pogo.reconcile(Worker, specs("b", "d"), { set: "us" }))).toEqual({
        keep: ["b"],
        foreign: ["d"]
      })
      expect(brief(yield* pogo.reconcile(Worker, specs("c", "a")))).toEqual({ keep: ["c"], foreign: ["a"] })
      expect(yield* registered(pogo)).toEqual(["a@eu", "b@us", "c", "d@eu"])
      yield* TestClock.adjust("1 second")
      expect(journal.running().filter(({ id }) => id !== "Worker/d")).toEqual(running)
      expect(brief(yield* pogo.reconcile(Worker, specs("d"), { set: "eu" }))).toEqual({ keep: ["d"], terminate: ["a"] })
      expect(yield* registered(pogo)).toEqual(["b@us", "c", "d@eu"])
    }))

  it.scoped("a set is no content: other calls find the same child, and leave it in its set", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      yield* pogo.reconcile(Worker, specs("a"), { set: "eu" })
      expect((yield* pogo.startChild(spec("a")))._tag).toBe("AlreadyStarted")
      expect((yield* Effect.flip(pogo.startChild(spec("a", 1))))._tag).toBe("ChildSpecConflict")
      const digest = () => Effect.map(pogo.getChild(id("a")), (row) => Option.getOrThrow(row).digest)
      yield* pogo.startChild(spec("b"))
      const first = yield* digest()
      yield* pogo.restartChild(id("a"))
      expect(yield* digest()).toBe(first)
      yield* pogo.replaceChild(spec("a", 1))
      expect(yield* digest()).not.toBe(first)
      yield* pogo.upsertChild(spec("a", 2))
      expect(yield* registered(pogo)).toEqual(["a@eu", "b"])
      // An initial child that lists it finds it, too.
      yield* pogo.replaceChild(spec("a"))
      expect(yield* digest()).toBe(first)
    }))

  it.scoped("a list of initial children finds its child in a set, and says nothing of a conflict", () =>
    Effect.gen(function*() {
      const { cluster, pogo } = yield* alone
      yield* pogo.reconcile(Worker, specs("a"), { set: "eu" })
      const before = Option.getOrThrow(yield* pogo.getChild(id("a")))
      const { pogo: other } = yield* cluster.add("b", { children: specs("a") })
      yield* TestClock.adjust("5 seconds")
      const after = Option.getOrThrow(yield* other.getChild(id("a")))
      expect([after.set, after.generation]).toEqual(["eu", before.generation])
    }))
})

describe("reconciles at the same time", () => {
  it.scoped("[I11] of two of one set the later to begin goes before the other, also in mid-work", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChildren(specs("x", "y"))
      const held = yield* one.hold("put")
      const first = yield* Effect.fork(Effect.flip(a.reconcile(Worker, specs("x", "1"))))
      yield* held.arrived
      expect(brief(yield* b.reconcile(Worker, specs("y", "2")))).toEqual({
        create: ["2"],
        keep: ["y"],
        terminate: ["x"]
      })
      yield* held.execute
      yield* held.reply
      const error = yield* Fiber.join(first)
      expect(error).toMatchObject({ _tag: "ReconcileSuperseded", kind: "Worker", set: undefined })
      expect(yield* registered(b)).toEqual(["2", "y"])
    }))

  it.scoped("[I11] an end of an earlier one that comes late ends nothing", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChildren(specs("x", "y"))
      const held = yield* one.hold("del")
      const first = yield* Effect.fork(Effect.flip(a.reconcile(Worker, specs("x"))))
      yield* held.arrived
      yield* b.reconcile(Worker, specs("x", "y"))
      yield* held.execute
      yield* held.reply
      expect((yield* Fiber.join(first))._tag).toBe("ReconcileSuperseded")
      expect(yield* registered(b)).toEqual(["x", "y"])
    }))

  it.scoped("two sets of one kind do not disturb each other", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      const held = yield* one.hold("put")
      const first = yield* Effect.fork(a.reconcile(Worker, specs("x"), { set: "eu" }))
      yield* held.arrived
      yield* b.reconcile(Worker, specs("y"), { set: "us" })
      yield* held.execute
      yield* held.reply
      expect(brief(yield* Fiber.join(first))).toEqual({ create: ["x"] })
    }))

  it.scoped("what was written before it began is in its plan", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, two } = yield* pair(faulty)
      two.deaf = true
      yield* a.startChildren(specs("x", "y"))
      expect(yield* registered(b)).toEqual([])
      expect(brief(yield* b.reconcile(Worker, specs("y")))).toEqual({ keep: ["y"], terminate: ["x"] })
    }))

  it.scoped("a child that is started anew meanwhile is not ended", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChildren(specs("x", "y"))
      const held = yield* one.hold("del")
      const first = yield* Effect.fork(a.reconcile(Worker, specs("x")))
      yield* held.arrived
      yield* b.restartChild(id("y"))
      yield* held.execute
      yield* held.reply
      const plan = yield* Fiber.join(first)
      expect(brief(plan)).toEqual({ keep: ["x", "y"] })
      expect(plan.keep.find(({ id }) => id === "Worker/y")?.why).toContain("meanwhile")
      expect(yield* registered(b)).toEqual(["x", "y"])
    }))

  it.scoped("a child that another set takes over meanwhile is not ended", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChildren(specs("x", "y"))
      const held = yield* one.hold("del")
      const first = yield* Effect.fork(a.reconcile(Worker, specs("x")))
      yield* held.arrived
      yield* b.reconcile(Worker, specs("y"), { set: "us" })
      yield* held.execute
      yield* held.reply
      expect(brief(yield* Fiber.join(first))).toEqual({ keep: ["x"], foreign: ["y"] })
      expect(yield* registered(b)).toEqual(["x", "y@us"])
    }))

  it.scoped("a child that is changed meanwhile is planned anew", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChildren([spec("x", 1), spec("y", 1)])
      const held = yield* one.hold("put")
      const first = yield* Effect.fork(a.reconcile(Worker, [spec("x", 2), spec("y", 2)]))
      yield* held.arrived
      yield* b.replaceChild(spec("x", 3))
      yield* b.terminateChild(id("y"))
      yield* held.execute
      yield* held.reply
      expect(brief(yield* Fiber.join(first))).toEqual({ create: ["y"], replace: ["x"] })
      const stored = Option.getOrThrow(yield* b.getSpec(id("x")))
      expect(yield* Worker.payloadOf(stored)).toMatchObject({ failAfter: 2_000_000 })
    }))

  it.scoped("the loss of all data refuses the round, and it is begun anew when the registry knows again what exists", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty("settle")
      const journal = new Journal()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(journal), { commandTimeout: "2 seconds" })
      const adding = yield* Effect.fork(cluster.add("a"))
      yield* TestClock.adjust("20 seconds")
      const { pogo } = yield* Fiber.join(adding)
      yield* pogo.startChildren(specs("x", "y", "z"))
      faulty.lose()
      const reconciling = yield* Effect.fork(Effect.retry(pogo.reconcile(Worker, specs("x", "y")), { times: 20 }))
      yield* TestClock.adjust("40 seconds")
      const plan = yield* Fiber.join(reconciling)
      expect(brief(plan)).toEqual({ keep: ["x", "y"], terminate: ["z"] })
      expect(yield* registered(pogo)).toEqual(["x", "y"])
    }))
})

describe("upsertChild", () => {
  it.scoped("starts, replaces, or leaves alone", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      const created = yield* pogo.upsertChild(spec("a"))
      expect(created).toMatchObject({ _tag: "Created", id: "Worker/a" })
      expect(yield* pogo.upsertChild(spec("a"))).toEqual({ ...created, _tag: "Unchanged" })
      const replaced = yield* pogo.upsertChild(spec("a", 1))
      expect(replaced._tag).toBe("Replaced")
      expect(replaced.generation).toBeGreaterThan(created.generation)
      yield* pogo.terminateChild(id("a"))
      expect((yield* pogo.upsertChild(spec("a", 1)))._tag).toBe("Created")
      expect((yield* Effect.flip(pogo.upsertChild(spec(""))))._tag).toBe("InvalidChildSpec")
    }))

  it.scoped("of a child that changes in between it replaces what is registered then", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { a, b, one } = yield* pair(faulty)
      yield* a.startChild(spec("x", 1))
      const held = yield* one.hold("put")
      const first = yield* Effect.fork(a.upsertChild(spec("x", 2)))
      yield* held.arrived
      yield* b.terminateChild(id("x"))
      yield* held.execute
      yield* held.reply
      expect((yield* Fiber.join(first))._tag).toBe("Created")
    }))
})

describe("getSpec", () => {
  const Poller = Child.make("Poller", { payload: { every: Schema.DurationFromMillis }, version: 3 })

  it.scoped("tells the spec, its set and its digest, and the kind decodes the payload", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      const draft = Poller.spec("a", { every: Duration.seconds(5) }, { requires: { zone: "a" }, shutdown: "2 seconds" })
      yield* pogo.reconcile(Poller, [draft], { set: "eu" })
      const stored = Option.getOrThrow(yield* pogo.getSpec("Poller/a"))
      const row = Option.getOrThrow(yield* pogo.getChild("Poller/a"))
      expect(stored.set).toBe("eu")
      expect([stored.digest, stored.generation]).toEqual([row.digest, row.generation])
      expect(stored.digest).toMatch(/^[0-9a-f]{16}$/)
      const expected = yield* draft.encode
      expect(stored.spec).toEqual(expected)
      expect((yield* Poller.payloadOf(stored)).every).toEqual((yield* Poller.payloadOf(expected)).every)
      // The same content again, from what is stored.
      expect((yield* pogo.startChild(stored.spec))._tag).toBe("AlreadyStarted")
      expect(yield* pogo.getSpec("Poller/b")).toEqual(Option.none())
    }))

  it.scoped("a payload of another kind, or of another form, is refused by name", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      yield* pogo.startChild(spec("a"))
      const stored = Option.getOrThrow(yield* pogo.getSpec(id("a")))
      expect(yield* Effect.flip(Poller.payloadOf(stored))).toMatchObject({ field: "kind" })
      const Older = Child.make("Worker", { payload: { url: Schema.String } })
      expect(yield* Effect.flip(Older.payloadOf(stored))).toMatchObject({ field: "payload.url" })
    }))
})

describe("reconcileEvery", () => {
  const every = (list: Effect.Effect<ReadonlyArray<ChildSpec.Any>, string>, options?: Pogo.ReconcileEveryOptions) =>
    Pogo.reconcileEvery(Worker, list, Schedule.spaced("10 seconds"), options)

  it.scoped("keeps the set equal to its list, from one node, and from another when that one is gone", () =>
    Effect.gen(function*() {
      let wanted = ["a", "b"]
      let reads = 0
      const list = Effect.sync(() => {
        reads++
        return specs(...wanted)
      })
      const kinds = Layer.merge(workerLive(new Journal()), every(list, { set: "eu" }))
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
      const [a, b] = [yield* cluster.add("a"), yield* cluster.add("b")]
      yield* TestClock.adjust("5 seconds")
      const members = Effect.map(registered(b.pogo), (all) => all.filter((key) => key.endsWith("@eu")))
      expect(yield* members).toEqual(["a@eu", "b@eu"])
      const before = reads
      wanted = ["b", "c"]
      yield* TestClock.adjust("10 seconds")
      expect(yield* members).toEqual(["b@eu", "c@eu"])
      expect(reads).toBe(before + 1)
      const row = Option.getOrThrow(yield* b.pogo.getChild(Pogo.reconcilerId(Worker, { set: "eu" })))
      expect(row.status._tag).toBe("Running")
      wanted = ["c"]
      const [gone, left] = row.node === "a" ? [a, b] : [b, a]
      yield* gone.stop
      yield* TestClock.adjust("20 seconds")
      expect((yield* registered(left.pogo)).filter((key) => key.endsWith("@eu"))).toEqual(["c@eu"])
      // Terminated, it stays so, also where a node lists it again.
      yield* left.pogo.terminateChild(row.id)
      wanted = ["d"]
      yield* cluster.add("c")
      yield* TestClock.adjust("30 seconds")
      expect((yield* registered(left.pogo)).filter((key) => key.endsWith("@eu"))).toEqual(["c@eu"])
    }))

  it.scoped("shows on every node why it failed last, and goes on", () =>
    Effect.gen(function*() {
      let list: Effect.Effect<ReadonlyArray<ChildSpec.Any>, string> = Effect.succeed(specs("a"))
      const kinds = Layer.merge(workerLive(new Journal()), every(Effect.suspend(() => list)))
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
      const { pogo } = yield* cluster.add("a")
      yield* TestClock.adjust("5 seconds")
      list = Effect.succeed([])
      const status = Effect.map(pogo.getChild(Pogo.reconcilerId(Worker)), (row) => Option.getOrThrow(row).status)
      yield* TestClock.adjust("10 seconds")
      expect(yield* status).toMatchObject({ _tag: "Restarting", cause: expect.stringContaining("the list is empty") })
      list = Effect.fail("the database is away")
      yield* TestClock.adjust("1 minute")
      expect(yield* status).toMatchObject({ cause: expect.stringContaining("the database is away") })
      expect(yield* registered(pogo)).toEqual(["a", "main"])
      list = Effect.succeed(specs("a", "b"))
      yield* TestClock.adjust("1 minute")
      expect((yield* status)._tag).toBe("Running")
      expect(yield* registered(pogo)).toEqual(["a", "b", "main"])
    }))

  it.scoped("tells of each by an event, and refuses an odd set when it is built", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      const heard = yield* Effect.fork(Stream.runHead(Stream.filter(pogo.events, PogoEvent.$is("Reconciled"))))
      yield* TestClock.adjust("1 second")
      yield* pogo.reconcile(Worker, specs("a", "b"), { set: "eu" })
      expect(Option.getOrThrow(yield* Fiber.join(heard))).toMatchObject({
        kind: "Worker",
        set: "eu",
        node: "a",
        created: 2
      })
      const layer = every(Effect.succeed([]), { set: "=x" }).pipe(Layer.provide(Layer.succeed(Pogo.Pogo, pogo)))
      expect(yield* Effect.flip(Layer.build(layer))).toMatchObject({ _tag: "InvalidChildSpec", field: "set" })
    }))

  it.scoped("[I11] a copy that was replaced begins no round", () =>
    Effect.gen(function*() {
      const { pogo } = yield* alone
      const { sets } = pogo[Internals]
      yield* sets.reconcile(Worker, specs("a"), {}, 9)
      const error = yield* Effect.flip(sets.reconcile(Worker, specs("b"), {}, 8))
      expect(error).toMatchObject({ _tag: "ReconcileSuperseded", detail: expect.stringContaining("token 9") })
      expect(yield* registered(pogo)).toEqual(["a"])
    }))
})
