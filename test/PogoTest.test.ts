/**
 * The test kit tests itself: its faults do what they say, and its checkers fail where they must.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Effect, Fiber, Layer, Schema } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"

const Worker = Child.make("Worker", { payload: { stuck: Schema.Boolean } })

/** A well-behaved child; or one that does not end when its node loses its lease. */
const WorkerLive = Worker.toLayer(({ stuck }) => stuck ? Effect.uninterruptible(Effect.sleep("1 hour")) : Effect.never)

const good = Worker.spec("good", { stuck: false })
const bad = Worker.spec("bad", { stuck: true })

const started = (spec: typeof good, size = 3) =>
  Effect.gen(function*() {
    const cluster = yield* PogoTest.cluster(size, WorkerLive)
    yield* cluster.node("n1").startChild(spec)
    return { cluster, owner: yield* cluster.eventuallyOne(spec.id) }
  })

describe("a cluster in a test", () => {
  it.scoped("hands over when a node is stopped, or crashes, or comes", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good)
      yield* cluster.stop(owner)
      const second = yield* cluster.eventuallyOne(good.id)
      yield* cluster.crash(second)
      const third = yield* cluster.eventuallyOne(good.id)
      expect(new Set([owner, second, third]).size).toBe(3)
      yield* cluster.addNode(owner)
      expect(cluster.names.toSorted()).toEqual([owner, third].toSorted())
      // A child that was young when its node crashed is on trial for a while, and does not move.
      yield* cluster.pass("30 seconds")
      expect(yield* cluster.eventuallyOne(good.id)).toBe(owner)
      yield* cluster.atMostOne
    }))

  it.scoped("has nodes that are drained by their names, also when they start again", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good)
      const [other] = cluster.names.filter((name) => name !== owner)
      const drained = yield* Effect.fork(cluster.node(other!).drainNode(owner, { reason: "a test" }))
      yield* cluster.pass("3 seconds")
      expect(yield* Fiber.join(drained)).toMatchObject({ _tag: "Obeyed", node: owner, sessions: 1 })
      expect(yield* cluster.eventuallyOne(good.id)).not.toBe(owner)
      yield* cluster.crash(owner)
      yield* cluster.addNode(owner)
      yield* cluster.pass("30 seconds")
      expect(yield* cluster.eventuallyOne(good.id)).not.toBe(owner)
      yield* Effect.fork(cluster.node(other!).uncordonNode(owner))
      yield* cluster.pass("10 seconds")
      expect(yield* cluster.eventuallyOne(good.id)).toBe(owner)
      yield* cluster.atMostOne
    }))

  it.scoped("rolls a release out node by node, and each child moves once", () =>
    Effect.gen(function*() {
      const Task = Child.make("Task", { payload: {} })
      const ran: Array<string> = []
      const kindsOf = (revision: string) =>
        Task.toLayer(() => Effect.zipRight(Effect.sync(() => void ran.push(revision)), Effect.never))
      const cluster = yield* PogoTest.cluster(3, kindsOf("v1"), { revision: "v1" })
      const specs = Array.from({ length: 10 }, (_, i) => Task.spec(`x${i}`, {}))
      yield* cluster.node("n1").startChildren(specs)
      for (const { id } of specs) yield* cluster.eventuallyOne(id)
      yield* cluster.pass("10 seconds")
      const before = ran.length
      expect(yield* cluster.roll("v2", kindsOf("v2"))).toEqual(["n4", "n5", "n6"])
      expect(cluster.names).toEqual(["n4", "n5", "n6"])
      for (const { id } of specs) yield* cluster.eventuallyOne(id)
      yield* cluster.pass("20 seconds")
      expect(ran.slice(before)).toEqual(specs.map(() => "v2"))
      // Back: the older text is the newest revision then, on nodes of names that nobody has had.
      expect(yield* cluster.roll("v1", kindsOf("v1"))).toEqual(["n7", "n8", "n9"])
      yield* cluster.pass("10 seconds")
      expect(ran.slice(before + specs.length)).toEqual(specs.map(() => "v1"))
      yield* cluster.addNode("n10")
      yield* cluster.pass("5 seconds")
      expect((yield* cluster.node("n10").nodes).map(({ revision }) => revision)).toEqual(["v1", "v1", "v1", "v1"])
      yield* cluster.atMostOne
    }), 60_000)

  it.scoped("says which node of a release does not become ready, and leaves the old ones", () =>
    Effect.gen(function*() {
      const { cluster } = yield* started(good, 2)
      const rolling = yield* Effect.fork(Effect.flip(cluster.roll("v2")))
      while (!cluster.names.includes("n3")) yield* Effect.yieldNow()
      yield* cluster.partition("n3")
      expect((yield* Fiber.join(rolling)).rule).toMatch(/^not ready within a minute: n3 /)
      expect(cluster.names).toEqual(["n1", "n2", "n3"])
    }))

  it.scoped("has a set that is made equal to a list from any node", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good)
      const [other] = cluster.names.filter((name) => name !== owner)
      const next = Worker.spec("next", { stuck: false })
      const reconciled = yield* Effect.fork(cluster.node(other!).reconcile(Worker, [next]))
      yield* cluster.pass("3 seconds")
      const { create, terminate } = yield* Fiber.join(reconciled)
      expect([...create, ...terminate].map(({ id }) => id)).toEqual([next.id, good.id])
      yield* cluster.eventuallyOne(next.id)
      yield* cluster.atMostOne
    }))

  it.scoped("takes over from a node that is cut off, or frozen, or when all data is lost", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good)
      yield* cluster.partition(owner, "replies")
      yield* cluster.pass("30 seconds")
      yield* cluster.heal()
      const second = yield* cluster.eventuallyOne(good.id)
      yield* cluster.freeze(second)
      yield* cluster.pass("30 seconds")
      const during = (yield* cluster.history).filter(({ what }) => what === "started").at(-1)
      expect(during?.node).not.toBe(second)
      yield* cluster.thaw(second)
      yield* cluster.loseRegistry
      yield* cluster.pass("30 seconds")
      yield* cluster.eventuallyOne(good.id)
      yield* cluster.atMostOne
    }))

  it.scoped("tells what happened", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good)
      yield* cluster.crash(owner)
      yield* cluster.eventuallyOne(good.id)
      const history = yield* cluster.history
      expect(history.filter(({ id }) => id === good.id).map(({ what }) => what)).toEqual(["started", "started"])
      expect(history.find(({ what }) => what === "is crashed")?.node).toBe(owner)
    }))

  it.scoped("gives kinds what they need from the test", () =>
    Effect.gen(function*() {
      class Greeting extends Context.Tag("Greeting")<Greeting, string>() {}
      const heard: Array<string> = []
      const Greeter = Child.make("Greeter", { payload: {} })
      const live = Greeter.toLayer(() =>
        Effect.zipRight(Effect.map(Greeting, (greeting) => heard.push(greeting)), Effect.never)
      )
      const test = Effect.gen(function*() {
        const cluster = yield* PogoTest.cluster(1, live)
        yield* cluster.node("n1").startChild(Greeter.spec("x", {}))
        yield* cluster.eventuallyOne("Greeter/x")
      })
      yield* Effect.provide(test, Layer.succeed(Greeting, "hello"))
      expect(heard).toEqual(["hello"])
    }))
})

describe("calls in a cluster", () => {
  const Counter = Child.make("Counter", { payload: {}, protocol: [Rpc.make("next", { success: Schema.Number })] })
  const CounterLive = Counter.toLayer(() => {
    let count = 0
    return Effect.succeed({ next: () => Effect.sync(() => ++count) })
  })

  it.scoped("go from node to node, also to one that came later", () =>
    Effect.gen(function*() {
      const cluster = yield* PogoTest.cluster(2, CounterLive)
      yield* cluster.addNode("n3")
      yield* cluster.node("n1").startChild(Counter.spec("clicks", {}))
      yield* cluster.eventuallyOne(Counter.id("clicks"))
      for (const name of cluster.names) {
        const counters = yield* Effect.provideService(Counter.client, Pogo.Pogo, cluster.node(name))
        const answer = yield* Effect.fork(counters("clicks").next())
        yield* cluster.pass("1 second")
        expect(yield* Fiber.join(answer)).toBeGreaterThan(0)
      }
    }))
})

describe("a checker", () => {
  it.scoped("finds a child that runs on when its node has lost its lease", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(bad)
      yield* cluster.partition(owner)
      yield* cluster.pass("40 seconds")
      const error = yield* Effect.flip(cluster.atMostOne)
      expect(error.rule).toContain("two copies run: Worker/bad")
      expect(error.history).toContain("is cut off")
    }))

  it.scoped("finds a child that runs nowhere", () =>
    Effect.gen(function*() {
      const { cluster, owner } = yield* started(good, 1)
      yield* cluster.partition(owner)
      yield* cluster.pass("20 seconds")
      const error = yield* Effect.flip(cluster.eventuallyOne(good.id, "10 seconds"))
      expect(error.rule).toContain("Worker/good runs nowhere")
    }))

  it.scoped("names the nodes that there are", () =>
    Effect.gen(function*() {
      const cluster = yield* PogoTest.cluster(2, WorkerLive)
      const cause = yield* Effect.flip(Effect.sandbox(cluster.crash("n3")))
      expect(Cause.pretty(cause)).toContain("n1, n2")
    }))
})

describe("exploring", () => {
  it.effect("finds the same child, names the seed, and finds it there again", () =>
    Effect.gen(function*() {
      const exploration = {
        kinds: WorkerLive,
        faults: ["partition", "freeze"] as const,
        begin: (cluster: PogoTest.Cluster) => cluster.node("n1").startChild(bad)
      }
      const error = yield* Effect.flip(PogoTest.explore({ ...exploration, seeds: 50 }))
      // An overlap that a pause excuses shows at the end only.
      expect(error.rule).toMatch(/two copies run: Worker\/bad|Worker\/bad is held by 2 nodes/)
      const again = yield* Effect.flip(PogoTest.explore({ ...exploration, seeds: [error.seed!] }))
      expect(again.history).toBe(error.history)
    }))

  it.effect("says so when a child waits for real time", () =>
    Effect.gen(function*() {
      const Real = Child.make("Real", { payload: {} })
      const error = yield* Effect.flip(PogoTest.explore({
        seeds: 1,
        kinds: Real.toLayer(() => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10)))),
        begin: (cluster) => cluster.node("n1").startChild(Real.spec("x", {}))
      }))
      expect(error.rule).toContain("setTimeout")
    }))

  it.effect("fails where the user's own check fails", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(PogoTest.explore({
        seeds: 3,
        kinds: WorkerLive,
        begin: (cluster) => cluster.node("n1").startChild(good),
        check: () => Effect.fail(new Error("not to my liking"))
      }))
      expect(error.rule).toContain("not to my liking")
    }))
})
