/**
 * How children stop, move and are handed over; cordon, drain, and layers that close.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Effect, Exit, Fiber, Layer, Option, Scope, Stream, TestClock } from "effect"
import { Child, GroupRegistry, Pogo, PogoEvent } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { readStored } from "../support/stored.js"
import { Worker, workerLive } from "../support/worker.js"

const keys = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`)

const eventsOf = (pogo: Pogo.Service, count: number) =>
  Effect.zipLeft(
    Effect.fork(Effect.map(Stream.runCollect(Stream.take(pogo.events, count)), Chunk.toReadonlyArray)),
    Effect.yieldNow()
  )

describe("shutdown", () => {
  it.scoped("finalizers end before the child starts elsewhere, however long they take", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(
        yield* GroupRegistry.makeMemory(),
        workerLive(journal, { shutdown: "infinity" })
      )
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(keys(8).map((key) => Worker.spec(key, { stopTakes: 60_000 })))
      yield* TestClock.adjust("1 seconds")
      yield* cluster.add("b")
      yield* TestClock.adjust("30 seconds")
      expect(journal.running().filter(({ node }) => node === "b")).toEqual([])
      yield* TestClock.adjust("60 seconds")
      expect(journal.running().filter(({ node }) => node === "b").length).toBeGreaterThan(0)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("[F40] a child that overstays its shutdown is reported as overdue, keeps its claim, and is not started twice", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(
        yield* GroupRegistry.makeMemory(),
        workerLive(journal, { shutdown: "2 seconds" })
      )
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b")
      yield* a.pogo.startChild(Worker.spec("x", { stopTakes: 40_000 }))
      const { node } = yield* a.pogo.awaitChild("Worker/x")
      const [runner, other] = node === "a" ? [a, b] : [b, a]
      const events = yield* eventsOf(runner.pogo, 1)
      yield* other.pogo.replaceChild(Worker.spec("x", {}))
      yield* TestClock.adjust("10 seconds")
      expect((yield* events)[0]).toMatchObject({ _tag: "ChildOverdue", id: "Worker/x", reason: "replaced" })
      const [row] = yield* other.pogo.whichChildren("global")
      expect(row).toMatchObject({ status: { _tag: "Overdue" }, node })
      expect(journal.starts("Worker/x").length).toBe(1)
      yield* TestClock.adjust("40 seconds")
      expect(journal.starts("Worker/x").length).toBe(2)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("brutalKill gives no grace: a child that does not end at once is overdue at once", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Worker.spec("x", { stopTakes: 1_000 }, { shutdown: "brutalKill" }))
      yield* a.pogo.awaitChild("Worker/x")
      const events = yield* eventsOf(a.pogo, 2)
      yield* a.pogo.terminateChild("Worker/x")
      yield* TestClock.adjust("2 seconds")
      expect((yield* events).map(({ _tag }) => _tag)).toEqual(["ChildOverdue", "ChildStopped"])
    }))

  it.scoped("[F43] a finalizer that dies does not keep the claim", () =>
    Effect.gen(function*() {
      const Bad = Child.make("Bad", { payload: {} })
      const live = Bad.toLayer(() => Effect.zipRight(Effect.addFinalizer(() => Effect.die("finalizer")), Effect.never))
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Bad.spec("x", {}))
      yield* a.pogo.awaitChild("Bad/x")
      yield* a.pogo.terminateChild("Bad/x")
      yield* TestClock.adjust("1 seconds")
      expect(yield* a.pogo.whichChildren("global")).toEqual([])
    }))
})

describe("leaving", () => {
  it.scoped("a supervisor that closes hands its children over without waiting for its lease", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = yield* cluster.add("a")
      yield* cluster.add("b")
      yield* a.pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("1 seconds")
      yield* a.stop
      yield* TestClock.adjust("10 millis")
      expect(journal.running().map(({ node }) => node)).toEqual(Array.from({ length: 20 }, () => "b"))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("[F59] the layer of a kind that closes hands its children over before the services they use are released", () =>
    Effect.gen(function*() {
      class Database extends Context.Tag("Database")<Database, { open: boolean }>() {}
      const Reader = Child.make("Reader", { payload: {} })
      const seen: Array<boolean> = []
      const journal = new Journal()
      const live = Reader.toLayer(() =>
        Effect.gen(function*() {
          yield* journal.record
          const database = yield* Database
          yield* Effect.addFinalizer(() => Effect.sync(() => seen.push(database.open)))
          return yield* Effect.never
        })
      )
      const databaseLive = Layer.scoped(
        Database,
        Effect.acquireRelease(
          Effect.sync((): { open: boolean } => ({ open: true })),
          (db) => Effect.sync(() => (db.open = false))
        )
      )
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), Layer.provide(live, databaseLive))
      const a = yield* cluster.add("a", {}, Layer.empty)
      const b = yield* cluster.add("b")
      const kindScope = yield* Scope.make()
      yield* Layer.buildWithScope(Layer.provide(live, databaseLive), kindScope).pipe(
        Effect.provideService(Pogo.Pogo, a.pogo)
      )
      yield* a.pogo.startChildren(keys(10).map((key) => Reader.spec(key, {})))
      yield* TestClock.adjust("1 seconds")
      const mine = journal.running().filter(({ node }) => node === "a").length
      expect(mine).toBeGreaterThan(0)
      yield* Scope.close(kindScope, Exit.void)
      yield* TestClock.adjust("100 millis")
      expect(seen).toEqual(Array.from({ length: mine }, () => true))
      expect(new Set(journal.running().map(({ node }) => node))).toEqual(new Set(["b"]))
      expect((yield* b.pogo.nodes).map(({ kinds, name }) => [name, Object.keys(kinds)])).toEqual(
        expect.arrayContaining([["a", []], ["b", ["Reader"]]])
      )
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("drain empties a node in order; uncordon lets it take children again", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = yield* cluster.add("a")
      yield* cluster.add("b")
      yield* a.pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("1 seconds")
      expect(yield* a.pogo.drain).toBe(0)
      yield* TestClock.adjust("100 millis")
      expect(new Set(journal.running().map(({ node }) => node))).toEqual(new Set(["b"]))
      expect((yield* a.pogo.nodes).find(({ self }) => self)).toMatchObject({ draining: true, children: 0 })
      yield* a.pogo.uncordon
      yield* TestClock.adjust("3 seconds")
      expect(new Set(journal.running().map(({ node }) => node))).toEqual(new Set(["a", "b"]))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("a drain that cannot end in time says how many children are left", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal), {
        drainTimeout: "3 seconds"
      })
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Worker.spec("slow", { stopTakes: 60_000 }))
      yield* a.pogo.startChild(Worker.spec("quick", {}))
      yield* TestClock.adjust("1 seconds")
      const drained = yield* Effect.fork(a.pogo.drain)
      yield* TestClock.adjust("4 seconds")
      expect(yield* drained).toBe(1)
    }))

  it.scoped("a supervisor that closes does not wait for a stuck child longer than its drain timeout", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const registry = yield* GroupRegistry.makeMemory()
      const scope = yield* Scope.make()
      const layer = workerLive(journal).pipe(
        Layer.provideMerge(Pogo.layer({ name: "a", drainTimeout: "3 seconds" })),
        Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry))
      )
      const pogo = Context.get(yield* Layer.buildWithScope(layer, scope), Pogo.Pogo)
      yield* pogo.startChild(Worker.spec("stuck", { stopTakes: 60_000 }))
      yield* pogo.awaitChild("Worker/stuck")
      // As a signal does it: the fiber that holds the layer is interrupted, and closes it in its finalizers.
      const program = yield* Effect.fork(Effect.onExit(Effect.never, () => Scope.close(scope, Exit.void)))
      yield* Effect.yieldNow()
      const ending = yield* Effect.fork(Fiber.interrupt(program))
      yield* TestClock.adjust("7 seconds")
      expect(Option.isSome(yield* Fiber.poll(ending))).toBe(true)
      expect(journal.running().length).toBe(1)
      // Its claim stands until the lease is over: nobody else starts it before.
      expect((yield* readStored(registry)).claims).toEqual(["Worker/stuck"])
      yield* TestClock.adjust("60 seconds")
    }))

  it.scoped("a supervisor that closes while the registry is away stops its children and does not wait long", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const line = (yield* makeFaulty()).line()
      const scope = yield* Scope.make()
      const layer = workerLive(journal).pipe(
        Layer.provideMerge(Pogo.layer({ name: "a" })),
        Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, line.registry))
      )
      const pogo = Context.get(yield* Layer.buildWithScope(layer, scope), Pogo.Pogo)
      yield* pogo.startChild(Worker.spec("x", {}))
      yield* pogo.awaitChild("Worker/x")
      line.dropRequests = true
      const program = yield* Effect.fork(Effect.onExit(Effect.never, () => Scope.close(scope, Exit.void)))
      yield* Effect.yieldNow()
      const ending = yield* Effect.fork(Fiber.interrupt(program))
      yield* TestClock.adjust("6500 millis")
      expect(Option.isSome(yield* Fiber.poll(ending))).toBe(true)
      expect(journal.running()).toEqual([])
    }))

  it.scoped("a cordoned node keeps what it has and takes nothing new", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b")
      yield* a.pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("2 seconds")
      const before = journal.places()
      yield* a.pogo.cordon
      yield* TestClock.adjust("5 seconds")
      expect(journal.places()).toEqual(before)
      yield* b.pogo.startChildren(Array.from({ length: 10 }, (_, i) => Worker.spec(`new${i}`, {})))
      yield* TestClock.adjust("2 seconds")
      expect(journal.running().filter(({ id, node }) => id.startsWith("Worker/new") && node === "a")).toEqual([])
      yield* a.pogo.uncordon
      yield* TestClock.adjust("5 seconds")
      expect(journal.running().some(({ id, node }) => id.startsWith("Worker/new") && node === "a")).toBe(true)
    }))

  it.scoped("moves wait until the membership is quiet, and go a few at a time", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal), { moveParallel: 2 })
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(keys(40).map((key) => Worker.spec(key, { stopTakes: 1_000 })))
      yield* TestClock.adjust("2 seconds")
      yield* cluster.add("b")
      yield* TestClock.adjust("900 millis")
      expect(journal.running().length).toBe(40)
      expect(journal.lines.length).toBe(40)
      yield* TestClock.adjust("600 millis")
      const stopping = Effect.map(
        a.pogo.whichChildren("local"),
        (rows) => rows.filter(({ status }) => status._tag === "Stopping").length
      )
      expect(yield* stopping).toBe(1)
      yield* TestClock.adjust("5 seconds")
      expect(yield* stopping).toBe(2)
      yield* TestClock.adjust("30 seconds")
      expect(journal.running().filter(({ node }) => node === "b").length).toBeGreaterThan(10)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("[F11] a node that flaps is not given running children before it has been up for a while", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("2 seconds")
      for (let i = 0; i < 5; i++) {
        const b = yield* cluster.add("b")
        yield* TestClock.adjust("700 millis")
        yield* b.stop
        yield* TestClock.adjust("700 millis")
      }
      expect(journal.lines.length).toBe(20)
    }))
})

describe("the child's own view", () => {
  it.scoped("check succeeds while the claim is held and fails as soon as the lease is in doubt; lost completes", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const Watcher = Child.make("Watcher", { payload: {} })
      const checks: Array<string> = []
      let told = ""
      const live = Watcher.toLayer(() =>
        Effect.gen(function*() {
          const self = yield* Child.Current
          yield* Effect.forkScoped(Effect.tap(self.lost, (lost) => Effect.sync(() => (told = lost._tag))))
          yield* Effect.addFinalizer(() => Effect.sleep("1 seconds"))
          yield* Effect.forkDaemon(Effect.forever(Effect.zipRight(
            Effect.flatMap(Effect.either(self.check), ({ _tag }) => Effect.sync(() => checks.push(_tag))),
            Effect.sleep("1 seconds")
          )))
          return yield* Effect.never
        })
      )
      const cluster = yield* makeCluster(line.registry, live)
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Watcher.spec("x", {}))
      yield* TestClock.adjust("3 seconds")
      expect(new Set(checks)).toEqual(new Set(["Right"]))
      checks.length = 0
      line.dropReplies = true
      yield* TestClock.adjust("5 seconds")
      expect(new Set(checks)).toEqual(new Set(["Right"]))
      yield* TestClock.adjust("5 seconds")
      expect(checks.at(-1)).toBe("Left")
      expect(told).toBe("ClaimLost")
    }))

  it.scoped("a child can start and end children of its own through Pogo", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const Parent = Child.make("Parent", { payload: {}, type: "supervisor" })
      const live = Layer.merge(
        workerLive(journal),
        Parent.toLayer(() =>
          Effect.acquireRelease(
            Pogo.startChild(Worker.spec("kid", {})),
            () => Effect.orDie(Pogo.terminateChild("Worker/kid"))
          ).pipe(Effect.zipRight(Effect.never))
        )
      )
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Parent.spec("p", {}))
      yield* a.pogo.awaitChild("Worker/kid")
      expect(yield* a.pogo.countChildren).toMatchObject({ specs: 2, running: 2, workers: 1, supervisors: 1 })
      yield* a.pogo.terminateChild("Parent/p")
      yield* TestClock.adjust("1 seconds")
      expect(yield* a.pogo.whichChildren("global")).toEqual([])
    }))
})

describe("several supervisors", () => {
  it.scoped("[F60] two scopes in one process do not see each other, and one may drain alone", () =>
    Effect.gen(function*() {
      class Second extends Pogo.Tag("Second")<Second>() {}
      const journal = new Journal()
      const live = Layer.merge(
        workerLive(journal).pipe(Layer.provideMerge(Pogo.layer({ name: "n", scope: "first" }))),
        Worker.toLayer(() => Effect.never, { supervisor: Second }).pipe(
          Layer.provideMerge(Pogo.layer({ name: "n", scope: "second", supervisor: Second }))
        )
      ).pipe(Layer.provide(GroupRegistry.layerMemory))
      yield* Effect.gen(function*() {
        const second = yield* Second
        yield* Pogo.startChild(Worker.spec("x", {}))
        yield* second.startChild(Worker.spec("y", {}))
        yield* Pogo.awaitChild("Worker/x")
        yield* second.awaitChild("Worker/y")
        expect((yield* Pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Worker/x"])
        expect((yield* second.whichChildren("global")).map(({ id }) => id)).toEqual(["Worker/y"])
        yield* second.drain
        expect(yield* second.whichChildren("local")).toEqual([])
        expect(journal.running().length).toBe(1)
      }).pipe(Effect.provide(live))
    }))

  it.scoped("[F45] two live nodes of one name warn, and still never run a child twice", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const registry = yield* GroupRegistry.makeMemory()
      const cluster = yield* makeCluster(registry, workerLive(journal))
      const other = yield* makeCluster(registry, workerLive(journal))
      const first = yield* cluster.add("same")
      yield* first.pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("1 seconds")
      const events = yield* eventsOf(first.pogo, 60)
      const second = yield* other.add("same")
      const heard = yield* Effect.fork(
        Stream.runHead(Stream.filter(second.pogo.events, PogoEvent.$is("DuplicateNode")))
      )
      yield* TestClock.adjust("30 seconds")
      expect(Option.isSome(yield* Fiber.join(heard))).toBe(true)
      yield* Fiber.interrupt(events)
      expect((yield* first.pogo.nodes).map(({ duplicate }) => duplicate)).toEqual([true, true])
      expect(journal.running().length).toBe(20)
      expect((yield* first.pogo.whichChildren("local")).length).toBeGreaterThan(0)
      expect((yield* second.pogo.whichChildren("local")).length).toBeGreaterThan(0)
      expect(journal.violations()).toEqual([])
    }))
})
