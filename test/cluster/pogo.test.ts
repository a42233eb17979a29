/**
 * The calls of `Pogo`: what they answer, what they refuse, and what can be seen.
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Chunk,
  Effect,
  Either,
  Exit,
  Fiber,
  Layer,
  Logger,
  Metric,
  Option,
  Schedule,
  Schema,
  Scope,
  Stream,
  TestClock
} from "effect"
import { Child, ChildSpec, GroupRegistry, Placement, Pogo, PogoEvent, PogoMetrics, Restart } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import { maxBatch } from "../../src/internal/registry/commands.js"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const alone = (options?: Child.RunOptions) =>
  workerLive(new Journal(), options).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" })))

const statusOf = (id: ChildSpec.ChildId) => Effect.map(Pogo.getChild(id), (row) => Option.getOrThrow(row).status)

describe("startChild", () => {
  it.scoped("answers Created, AlreadyStarted for the same content, and ChildSpecConflict for other content", () =>
    Effect.gen(function*() {
      const created = yield* Pogo.startChild(Worker.spec("x", {}))
      expect(created._tag).toBe("Created")
      yield* Pogo.awaitChild("Worker/x")
      const again = yield* Pogo.startChild(Worker.spec("x", {}))
      expect(again).toMatchObject({ _tag: "AlreadyStarted", status: { _tag: "Running" } })
      expect(again.generation).toBe(created.generation)
      const error = yield* Effect.flip(Pogo.startChild(Worker.spec("x", { failAfter: 1 })))
      expect(error).toMatchObject({ _tag: "ChildSpecConflict", id: "Worker/x", generation: created.generation })
      expect(error.message).toContain("failAfter")
    }).pipe(Effect.provide(alone())))

  it.scoped("a payload that does not fit is refused by name at the call, and nothing is written", () =>
    Effect.gen(function*() {
      // @ts-expect-error the types refuse it too
      const misfit = Worker.spec("x", { failAfter: "soon" })
      const error = yield* Effect.flip(Pogo.startChild(misfit))
      expect(error).toMatchObject({ _tag: "InvalidChildSpec", id: "Worker/x", field: "payload.failAfter" })
      const infinite = yield* Effect.flip(Pogo.startChild(Worker.spec("x", { failAfter: Infinity })))
      expect(infinite).toMatchObject({ _tag: "InvalidChildSpec", field: "payload.failAfter" })
      const large = yield* Effect.flip(
        Pogo.startChild(new ChildSpec.ChildSpec({ kind: "Worker", key: "x", payload: "x".repeat(70_000) }))
      )
      expect(large).toMatchObject({ _tag: "InvalidChildSpec", field: "payload" })
      expect(yield* Pogo.whichChildren("global")).toEqual([])
    }).pipe(Effect.provide(alone())))

  it.scoped("startChildren writes nothing if one is invalid, and answers each in order", () =>
    Effect.gen(function*() {
      const bad = [Worker.spec("a", {}), Worker.spec("", {})]
      expect((yield* Effect.flip(Pogo.startChildren(bad)))._tag).toBe("InvalidChildSpec")
      expect(yield* Pogo.whichChildren("global")).toEqual([])
      yield* Pogo.startChild(Worker.spec("b", { failAfter: 5 }))
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) =>
        lines.push(`${logLevel.label} ${String(message)}`)
      )
      const results = yield* Pogo.startChildren(
        [Worker.spec("a", {}), Worker.spec("b", {}), Worker.spec("a", {})]
      ).pipe(Effect.provide(Logger.add(logger)))
      expect(lines.join()).toMatch(
        /^WARN 1 of 3 children are registered with other content, which stays: Worker\/b; repl/
      )
      expect(results.map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: ({ _tag }) => _tag }))).toEqual([
        "Created",
        "ChildSpecConflict",
        "AlreadyStarted"
      ])
    }).pipe(Effect.provide(alone())))

  it.scoped("a thousand at once go to the registry in a handful of calls", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()))
      const { pogo } = yield* cluster.add("a")
      line.sent.length = 0
      yield* pogo.startChildren(Array.from({ length: 1_000 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* Effect.forEach(Array.from({ length: 1_000 }, (_, i) => Worker.id(`x${i}`)), pogo.awaitChild)
      expect(line.sent.filter((name) => name === "put").length).toBeLessThanOrEqual(1_000 / maxBatch + 1)
      expect(line.sent.filter((name) => name === "claim").length).toBeLessThanOrEqual(12)
      expect(line.sent.length).toBeLessThan(60)
    }))
})

describe("the other calls", () => {
  it.scoped("terminateChild of an unknown id is no error; restartChild and replaceChild of one are", () =>
    Effect.gen(function*() {
      expect(yield* Pogo.terminateChild("Worker/none")).toEqual({ _tag: "Absent", id: "Worker/none" })
      expect((yield* Effect.flip(Pogo.restartChild("Worker/none")))._tag).toBe("ChildNotFound")
      expect((yield* Effect.flip(Pogo.replaceChild(Worker.spec("none", {}))))._tag).toBe("ChildNotFound")
    }).pipe(Effect.provide(alone())))

  it.scoped("replaceChild stops the old and starts the new; restartChild runs the same anew", () => {
    const journal = new Journal()
    return Effect.gen(function*() {
      const { generation } = yield* Pogo.startChild(Worker.spec("x", {}))
      yield* Pogo.awaitChild("Worker/x")
      const replaced = yield* Pogo.replaceChild(Worker.spec("x", { failAfter: 60_000 }))
      expect(replaced.generation).toBeGreaterThan(generation)
      yield* TestClock.adjust("1 seconds")
      const restarted = yield* Pogo.restartChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      expect(journal.starts("Worker/x").map((line) => line.generation)).toEqual([
        generation,
        replaced.generation,
        restarted.generation
      ])
      expect(journal.violations()).toEqual([])
    }).pipe(
      Effect.provide(workerLive(journal).pipe(Layer.provideMerge(Pogo.layerMemory({ name: "one" }))))
    )
  })

  it.scoped("awaitChild waits for a child that is not even registered, and tells where it runs", () =>
    Effect.gen(function*() {
      const waiting = yield* Effect.fork(Pogo.awaitChild("Worker/later"))
      yield* TestClock.adjust("10 seconds")
      yield* Pogo.startChild(Worker.spec("later", {}))
      expect(yield* waiting).toMatchObject({ node: "one", status: { _tag: "Running" } })
    }).pipe(Effect.provide(alone())))

  it.scoped("ready is false while the registry cannot be reached, and calls fail typed within the command timeout", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()))
      line.dropRequests = true
      const { pogo } = yield* cluster.add("a", { joinTimeout: 0 })
      yield* TestClock.adjust("10 seconds")
      expect(yield* pogo.ready).toBe(false)
      const start = yield* Effect.fork(Effect.flip(pogo.startChild(Worker.spec("x", {}))))
      yield* TestClock.adjust("2 seconds")
      expect(yield* start).toMatchObject({ _tag: "RegistryUnavailable", reason: "Joining" })
      line.dropRequests = false
      yield* TestClock.adjust("10 seconds")
      yield* pogo.awaitReady
      expect(yield* pogo.ready).toBe(true)
      expect((yield* pogo.startChild(Worker.spec("x", {})))._tag).toBe("Created")
      const held = yield* line.hold("put")
      const unknown = yield* Effect.fork(Effect.flip(pogo.startChild(Worker.spec("y", {}))))
      yield* held.arrived
      yield* held.execute
      yield* TestClock.adjust("2 seconds")
      expect((yield* unknown)._tag).toBe("OutcomeUnknown")
      yield* TestClock.adjust("3 seconds")
      expect((yield* pogo.startChild(Worker.spec("y", {})))._tag).toBe("AlreadyStarted")
    }))

  it.scoped("the layer fails typed when the scope cannot be joined in time, or has other timings", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      line.dropRequests = true
      const build = (options: Parameters<typeof Pogo.make>[0]) =>
        Effect.provideService(Pogo.make(options), GroupRegistry.GroupRegistry, line.registry)
      const late = yield* Effect.fork(Effect.flip(build({ name: "a", joinTimeout: "5 seconds" })))
      yield* TestClock.adjust("6 seconds")
      expect(yield* late).toMatchObject({ _tag: "RegistryUnavailable", operation: "join" })
      line.dropRequests = false
      yield* build({ name: "a" })
      const other = yield* Effect.flip(build({ name: "b", ttl: "30 seconds" }))
      expect(other).toMatchObject({ _tag: "TimingMismatch", ttl: 30_000, scopeTtl: 15_000 })
      const wrong = yield* Effect.flip(build({ name: "b", margin: "1 seconds" }))
      expect(wrong).toMatchObject({ _tag: "InvalidConfig", setting: "margin" })
      expect(wrong.message).toContain("raise margin to")
    }))
})

describe("what can be watched", () => {
  it.scoped("watchChild tells a child's life from its registration to its end", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b")
      const seen: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(a.pogo.watchChild("Worker/x"), (row) =>
        Effect.sync(() => {
          const text = Option.match(row, {
            onNone: () => "none",
            onSome: ({ node, status }) => `${status._tag} ${node}`
          })
          if (seen.at(-1) !== text) seen.push(text)
        })))
      yield* TestClock.adjust("1 seconds")
      yield* b.pogo.startChild(Worker.spec("x", {}))
      const { node } = yield* a.pogo.awaitChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      yield* b.pogo.terminateChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      expect(seen[0]).toBe("none")
      expect(seen).toContain(`Running ${node}`)
      expect(seen.at(-1)).toBe("none")
    }))

  it.scoped("every node tells when a child has another owner", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      yield* Effect.forEach(["a", "b", "c"], (name) => cluster.add(name))
      const [a] = Array.from(cluster.nodes.values())
      yield* a!.pogo.startChild(Worker.spec("x", {}))
      const { node: from } = yield* a!.pogo.awaitChild("Worker/x")
      const other = Array.from(cluster.nodes.values()).find(({ name }) => name !== from)!
      const moved = yield* Effect.fork(
        Stream.runHead(Stream.filter(other.pogo.events, PogoEvent.$is("ChildMoved")))
      )
      yield* Effect.yieldNow()
      yield* cluster.nodes.get(from)!.stop
      yield* TestClock.adjust("1 seconds")
      const { node: to } = yield* other.pogo.awaitChild("Worker/x")
      expect(Option.getOrThrow(yield* moved)).toMatchObject({ id: "Worker/x", from, to })
    }))
})

describe("whichChildren", () => {
  it.scoped("a child that runs on is listed by the same row, and by another once something about it is new", () =>
    Effect.gen(function*() {
      const list = Effect.map(Pogo.whichChildren("global"), (rows) => new Map(rows.map((row) => [row.key, row])))
      yield* Pogo.startChildren([Worker.spec("steady", {}), Worker.spec("shaky", { failAfter: 60_000 })])
      yield* Pogo.awaitChild("Worker/steady")
      yield* Pogo.awaitChild("Worker/shaky")
      yield* TestClock.adjust("5 seconds")
      const first = yield* list
      const second = yield* list
      expect(second.get("steady")).toBe(first.get("steady"))
      expect(second.get("shaky")).toBe(first.get("shaky"))
      expect(Object.isFrozen(first.get("steady"))).toBe(true)
      yield* TestClock.adjust("55 seconds")
      const third = yield* list
      expect(third.get("steady")).toBe(first.get("steady"))
      expect(third.get("shaky")).toMatchObject({ status: { _tag: "Restarting" }, restarts: 1 })
      expect(yield* Pogo.countChildren).toMatchObject({ specs: 2, running: 1, other: 1 })
    }).pipe(Effect.provide(alone({ restart: Restart.permanent(Schedule.spaced("1 minute")) }))))
})

describe("a long list", () => {
  it.scoped("leaves out what is forgotten between two of its slices", () =>
    Effect.gen(function*() {
      const pogo = yield* Pogo.Pogo
      yield* pogo.startChildren(Array.from({ length: 2_500 }, (_, i) => Worker.spec(`x${i}`, {})))
      const listing = yield* Effect.fork(pogo.whichChildren("global"))
      yield* Effect.yieldNow()
      pogo[Internals].node.view.clear()
      expect((yield* Fiber.join(listing)).length).toBe(2_000)
    }).pipe(Effect.provide(alone())))
})

describe("placement", () => {
  it.scoped("[F51] a kind that no node has is accepted, pending with the reason, and runs as soon as a node has it", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const a = yield* cluster.add("a", {}, Layer.empty)
      expect((yield* a.pogo.startChild(Worker.spec("x", {})))._tag).toBe("Created")
      const [row] = yield* a.pogo.whichChildren("global")
      expect(row?.status).toEqual({ _tag: "Pending", reason: "no node has kind Worker" })
      const explanation = yield* a.pogo.explain("Worker/x")
      expect(explanation.belongs).toBeUndefined()
      expect(explanation.text).toContain("it does not have the kind")
      yield* cluster.add("b")
      expect((yield* a.pogo.awaitChild("Worker/x")).node).toBe("b")
    }))

  it.scoped("nodes that cannot take a child for the same reason are told together, and the first of many", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const a = yield* cluster.add("n0", { labels: { disk: "hdd" } })
      for (const i of [1, 2, 3, 4, 5, 6]) yield* cluster.add(`n${i}`, { labels: { zone: "eu" } })
      yield* a.pogo.startChild(Worker.spec("ssd", {}, { requires: { disk: "ssd" } }))
      yield* a.pogo.startChild(Worker.spec("us", {}, { requires: { zone: "us" } }))
      yield* a.pogo.cordonNode("n0")
      yield* TestClock.adjust("2 seconds")
      const reason = (key: string) =>
        Effect.map(a.pogo.getChild(`Worker/${key}`), (row) => Object(Option.getOrThrow(row).status).reason)
      expect(yield* reason("us")).toBe("n0: it is cordoned; n1, n2, n3, n4, n5 and 1 more: it lacks zone=us")
      yield* a.pogo.uncordonNode("n0")
      yield* TestClock.adjust("2 seconds")
      expect(yield* reason("ssd")).toBe("no node has disk=ssd")
    }))

  it.scoped("required labels are needed, preferred ones are wished for", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const a = yield* cluster.add("a", { labels: { zone: "eu", disk: "ssd" } })
      yield* cluster.add("b", { labels: { zone: "us" } })
      const near = Array.from({ length: 8 }, (_, i) => Worker.spec(`near${i}`, {}, { prefers: { zone: "us" } }))
      const only = Array.from({ length: 8 }, (_, i) => Worker.spec(`only${i}`, {}, { requires: { disk: "ssd" } }))
      yield* a.pogo.startChildren([...near, ...only, Worker.spec("nowhere", {}, { requires: { zone: "asia" } })])
      yield* TestClock.adjust("2 seconds")
      for (let i = 0; i < 8; i++) {
        expect((yield* a.pogo.awaitChild(`Worker/near${i}`)).node).toBe("b")
        expect((yield* a.pogo.awaitChild(`Worker/only${i}`)).node).toBe("a")
      }
      const nowhere = Option.getOrThrow(yield* a.pogo.getChild("Worker/nowhere"))
      expect(nowhere.status._tag === "Pending" && nowhere.status.reason).toContain("asia")
      yield* cluster.nodes.get("b")!.stop
      yield* TestClock.adjust("2 seconds")
      expect((yield* a.pogo.awaitChild("Worker/near0")).node).toBe("a")
    }))

  it.scoped("weights share children out in proportion", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const a = yield* cluster.add("a", { weight: 3 })
      yield* cluster.add("b", { weight: 1 })
      yield* a.pogo.startChildren(Array.from({ length: 400 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* TestClock.adjust("3 seconds")
      const [first] = (yield* a.pogo.nodes).filter(({ name }) => name === "a")
      expect(first!.children).toBeGreaterThan(250)
      expect(first!.children).toBeLessThan(350)
    }))

  it.scoped("[F52] a child of a newer version runs only on nodes that have it; a payload that does not decode is refused there", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const body = () => Effect.zipRight(journal.record, Effect.never)
      const v1 = Child.make("Job", { payload: { size: Schema.Number } })
      const v2 = Child.make("Job", { payload: { size: Schema.Number, colour: Schema.String }, version: 2 })
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), v1.toLayer(body))
      const old = yield* cluster.add("old")
      yield* cluster.add("new", {}, v2.toLayer(body))
      yield* old.pogo.startChildren(
        Array.from({ length: 6 }, (_, i) => v2.spec(`two${i}`, { size: 1, colour: "red" }))
      )
      yield* old.pogo.startChildren(Array.from({ length: 6 }, (_, i) => v1.spec(`one${i}`, { size: 1 })))
      yield* TestClock.adjust("5 seconds")
      for (let i = 0; i < 6; i++) {
        expect((yield* old.pogo.awaitChild(`Job/two${i}`)).node).toBe("new")
        expect((yield* old.pogo.awaitChild(`Job/one${i}`)).node).toBe("old")
      }
      yield* old.stop
      yield* TestClock.adjust("5 seconds")
      const { pogo } = cluster.nodes.get("new")!
      expect(Option.getOrThrow(yield* pogo.getChild("Job/one0")).status).toMatchObject({ _tag: "Failed" })
      expect((yield* pogo.explain("Job/one0")).text).toContain("decode")
      yield* cluster.add("old")
      yield* TestClock.adjust("5 seconds")
      expect((yield* pogo.awaitChild("Job/one0")).node).toBe("old")
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("a placement of one's own decides by its score", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const byName = Placement.layer((_, node) => -node.name.charCodeAt(0))
      const start = (name: string) =>
        Effect.gen(function*() {
          const layer = workerLive(new Journal()).pipe(
            Layer.provideMerge(Pogo.layer({ name })),
            Layer.provide(byName),
            Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry))
          )
          return (yield* Layer.build(layer)).pipe((context) => Effect.provide(Pogo.Pogo, context))
        }).pipe(Effect.flatten)
      const c = yield* start("c")
      yield* start("b")
      yield* c.startChildren(Array.from({ length: 5 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* TestClock.adjust("2 seconds")
      expect(new Set((yield* c.whichChildren("global")).map(({ node }) => node))).toEqual(new Set(["b"]))
    }))
})

describe("initial children", () => {
  it.scoped("a changed one is reported and stays, unless its kind's version is higher", () =>
    Effect.gen(function*() {
      const Job = (version: number) => Child.make("Job", { payload: { size: Schema.Number }, version })
      const live = (version: number) => Job(version).toLayer(() => Effect.never)
      const registry = yield* GroupRegistry.makeMemory()
      const cluster = yield* makeCluster(registry, Layer.empty)
      const a = yield* cluster.add("a", { children: [Job(1).spec("x", { size: 1 })] }, live(1))
      yield* a.pogo.awaitChild("Job/x")
      yield* cluster.add("b", { children: [Job(1).spec("x", { size: 2 })] }, live(1))
      yield* TestClock.adjust("1 seconds")
      const first = yield* a.pogo.startChild(Job(1).spec("x", { size: 1 }))
      expect(first._tag).toBe("AlreadyStarted")
      yield* cluster.add("c", { children: [Job(2).spec("x", { size: 3 })] }, live(2))
      yield* TestClock.adjust("5 seconds")
      expect((yield* a.pogo.startChild(Job(2).spec("x", { size: 3 })))._tag).toBe("AlreadyStarted")
      expect((yield* a.pogo.awaitChild("Job/x")).node).toBe("c")
    }))
})

describe("robustness", () => {
  it.scoped("a loop that dies is started again, and its children are neither touched nor doubled", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const registry = yield* GroupRegistry.makeMemory()
      let broken = false
      const execute: typeof registry.execute = (name, envelope, args) =>
        broken && name === "claim"
          ? Effect.die(new Error("the registry's client is broken"))
          : registry.execute(name, envelope, args)
      const layer = workerLive(journal).pipe(
        Layer.provideMerge(Pogo.layer({ name: "a" })),
        Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, { ...registry, execute }))
      )
      yield* Effect.gen(function*() {
        yield* Pogo.startChildren(Array.from({ length: 10 }, (_, i) => Worker.spec(`x${i}`, {})))
        yield* TestClock.adjust("1 seconds")
        const events = yield* Effect.fork(
          Stream.runCollect(Stream.take(Stream.filter(Pogo.events, PogoEvent.$is("LoopRestarted")), 2))
        )
        yield* Effect.yieldNow()
        broken = true
        yield* Pogo.startChild(Worker.spec("late", {}))
        yield* TestClock.adjust("2 seconds")
        expect(Chunk.toReadonlyArray(yield* events)[0]?.cause).toContain("client is broken")
        broken = false
        yield* TestClock.adjust("2 seconds")
        expect(journal.running().length).toBe(11)
        expect(journal.lines.length).toBe(11)
      }).pipe(Effect.provide(layer))
    }))

  it.scoped("[F49] foreign data under our keys is reported and left alone, and everything else goes on", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const cluster = yield* makeCluster(faulty.line().registry, workerLive(new Journal()))
      const a = yield* cluster.add("a")
      const events = yield* Effect.fork(
        Stream.runCollect(Stream.take(Stream.filter(a.pogo.events, PogoEvent.$is("ForeignData")), 1))
      )
      yield* Effect.yieldNow()
      const state = faulty.state()
      state.spec.set("Worker/foreign", "not one of ours")
      state.meta!.specs++
      // The log is of no use any more: everything is read again.
      state.log = []
      yield* a.pogo.startChild(Worker.spec("x", {}))
      yield* a.pogo.awaitChild("Worker/x")
      yield* TestClock.adjust("40 seconds")
      const error = yield* Effect.flip(a.pogo.startChild(Worker.spec("foreign", {})))
      expect(error).toMatchObject({ _tag: "RegistryUnavailable", reason: "ForeignData" })
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("5 seconds")
      expect(state.spec.get("Worker/foreign")).toBe("not one of ours")
      expect((yield* b.pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Worker/x"])
      expect(Chunk.toReadonlyArray(yield* events)).toMatchObject([{ id: "Worker/foreign", part: "spec" }])
    }))

  it.scoped("a supervisor that was closed refuses calls", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const pogo = yield* Pogo.make({ name: "a" }).pipe(
        Effect.provideService(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory()),
        Scope.extend(scope)
      )
      const waiting = yield* Effect.fork(Effect.flip(pogo.awaitChild("Worker/x")))
      const watching = yield* Effect.fork(Stream.runCollect(pogo.watchChild("Worker/x")))
      const hearing = yield* Effect.fork(Stream.runDrain(pogo.events))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(pogo.startChild(Worker.spec("x", {})))).toMatchObject({ reason: "Closed" })
      expect(yield* Fiber.join(waiting)).toMatchObject({ reason: "Closed" })
      expect(yield* Effect.flip(pogo.awaitChild("Worker/x"))).toMatchObject({ reason: "Closed" })
      expect(Chunk.toReadonlyArray(yield* Fiber.join(watching))).toEqual([Option.none()])
      expect(Chunk.toReadonlyArray(yield* Stream.runCollect(pogo.watchChild("Worker/x")))).toEqual([])
      yield* Fiber.await(hearing)
      expect(yield* pogo.explain("Worker/x")).toMatchObject({ stale: true, text: expect.stringContaining("shut down") })
    }))

  it.scoped("calls that wait for their answers when the supervisor is closed end typed: they may have been made", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()))
      const { pogo, stop } = yield* cluster.add("a")
      const puts = yield* Effect.replicateEffect(line.hold("put"), 3)
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        pogo.startChild(Worker.spec("x", {})),
        pogo.startChildren([Worker.spec("y", {}), Worker.spec("z", {})]),
        pogo.restartChild("Worker/w")
      ]
      const waiting = yield* Effect.forEach(calls, (call) => Effect.fork(Effect.flip(call)))
      yield* Effect.forEach(puts, ({ arrived }) => arrived)
      yield* stop
      for (const call of waiting) {
        expect(yield* Fiber.join(call)).toMatchObject({
          _tag: "OutcomeUnknown",
          detail: "this supervisor is shut down"
        })
      }
    }))

  it.scoped("a scope whose data has another layout is left alone, and its layer says so", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { registry } = faulty.line()
      yield* Effect.scoped(
        Effect.provideService(Pogo.make({ name: "a" }), GroupRegistry.GroupRegistry, registry)
      )
      const state = faulty.state()
      state.meta!.layout = "99"
      const before = JSON.stringify([...state.spec, ...state.sess])
      const error = yield* Effect.flip(
        Effect.provideService(Pogo.make({ name: "b" }), GroupRegistry.GroupRegistry, registry)
      )
      expect(error).toMatchObject({ _tag: "LayoutMismatch", found: "99" })
      expect(JSON.stringify([...state.spec, ...state.sess])).toBe(before)
    }))

  it.scoped("what is no spec, or no id, is told so", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const { pogo } = yield* cluster.add("a")
      for (const wrong of [null, undefined, "x", 5, Symbol("s")]) {
        expect(yield* Effect.flip(pogo.startChild(wrong as never))).toMatchObject({ _tag: "InvalidChildSpec" })
        expect(yield* Effect.flip(pogo.replaceChild(wrong as never))).toMatchObject({ _tag: "InvalidChildSpec" })
      }
      for (const wrong of [null, undefined, {}, 5, Symbol("s"), Worker.spec("x", {}), "ada", "/x", "Worker/"]) {
        const calls = [pogo.terminateChild, pogo.restartChild, pogo.awaitChild]
        for (const call of calls) {
          expect(yield* Effect.flip<unknown, unknown, never>(call(wrong as never))).toMatchObject({
            _tag: "InvalidChildId",
            remedy: expect.stringMatching(/./)
          })
        }
        expect(yield* pogo.getChild(wrong as never)).toEqual(Option.none())
        expect((yield* pogo.explain(wrong as never)).text).toContain("is no id of a child")
      }
    }))

  it.scoped("at rest a node sends one renewal per heartbeat and nothing else, however many children there are", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()))
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(Array.from({ length: 500 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* TestClock.adjust("10 seconds")
      line.sent.length = 0
      yield* TestClock.adjust("2 minutes")
      expect(new Set(line.sent)).toEqual(new Set(["tick"]))
      expect(line.sent.length).toBe(60)
    }))

  it.scoped("metrics count what happens", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(new Journal()))
      const { pogo } = yield* cluster.add("metered")
      yield* pogo.startChild(Worker.spec("x", { failFirst: 2 }))
      yield* TestClock.adjust("10 seconds")
      const read = (metric: Metric.Metric.Counter<number> | Metric.Metric.Gauge<number>) =>
        Metric.value(
          Metric.tagged(Metric.tagged(metric as Metric.Metric.Gauge<number>, "scope", "default"), "node", "metered")
        )
      expect(yield* read(PogoMetrics.childStarts)).toMatchObject({ count: 3 })
      expect(yield* read(PogoMetrics.childRestarts)).toMatchObject({ count: 2 })
      expect(yield* read(PogoMetrics.children)).toMatchObject({ value: 1 })
      expect(yield* read(PogoMetrics.nodes)).toMatchObject({ value: 1 })
      const { value: left } = (yield* read(PogoMetrics.leaseRemaining)) as { readonly value: number }
      expect(left).toBeGreaterThan(7)
      expect(left).toBeLessThanOrEqual(8)
    }))

  it.scoped("explain tells where a child is, where it belongs, and what it died of", () =>
    Effect.gen(function*() {
      yield* Pogo.startChild(Worker.spec("x", { failFirst: 1 }))
      yield* TestClock.adjust("2 seconds")
      const explanation = yield* Pogo.explain("Worker/x")
      expect(explanation).toMatchObject({ belongs: "one", row: { node: "one", status: { _tag: "Running" } } })
      expect(explanation.lastCause).toContain("attempt 1 fails")
      expect(explanation.text).toContain("one holds its claim with token")
      expect((yield* Pogo.explain("Worker/none")).text).toBe("\"Worker/none\" is not registered.")
      yield* Pogo.terminateChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      expect((yield* Pogo.explain("Worker/x")).text).toContain("was terminated")
      expect(yield* Effect.option(statusOf("Worker/none").pipe(Effect.sandbox))).toEqual(Option.none())
    }).pipe(Effect.provide(alone())))
})
