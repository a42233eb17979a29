/**
 * Processes that only call.
 */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { GroupRegistry, NodeTransport, Pogo } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import { makeHub } from "../../src/internal/transport/hub.js"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { clientOf, Counter, counterLive, Notes } from "./support.js"

const passing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) yield* TestClock.adjust("20 millis")
    return yield* Fiber.join(fiber)
  })

const scene = Effect.gen(function*() {
  const faulty = yield* makeFaulty()
  const hub = makeHub()
  const cluster = yield* makeCluster(faulty.line().registry, counterLive(new Notes()))
  const a = yield* cluster.add("a", { transport: hub.transport })
  const line = faulty.line()
  const layer = Pogo.layerClient({ name: "shell" }).pipe(
    Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, line.registry)),
    Layer.provide(Layer.succeed(NodeTransport.NodeTransport, hub.transport))
  )
  const pogo = Context.get(yield* Effect.orDie(Layer.build(layer)), Pogo.Pogo)
  const shell = { name: "shell", pogo, stop: Effect.void, crash: Effect.void }
  return { a, cluster, faulty, hub, line, shell, pogo }
})

describe("Pogo.layerClient", () => {
  it.scoped("starts, lists, calls, watches and ends children; it is no node of the scope", () =>
    Effect.gen(function*() {
      const { a, pogo, shell } = yield* scene
      expect((yield* pogo.startChild(Counter.spec("x", {})))._tag).toBe("Created")
      expect(yield* passing(pogo.awaitChild("Counter/x"))).toMatchObject({ node: "a" })
      const counters = yield* clientOf(shell)
      expect(yield* passing(counters("x").add({ by: 3 }))).toBe(3)
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Counter/x"])
      expect(yield* pogo.whichChildren("local")).toEqual([])
      expect((yield* pogo.nodes).map(({ name }) => name)).toEqual(["a"])
      expect((yield* a.pogo.nodes).map(({ name }) => name)).toEqual(["a"])
      expect(yield* pogo.ready).toBe(true)
      const seen = yield* pogo.watchChild("Counter/x").pipe(
        Stream.takeUntil(Option.isNone),
        Stream.runCollect,
        Effect.fork
      )
      yield* TestClock.adjust("10 millis")
      expect((yield* pogo.terminateChild("Counter/x"))._tag).toBe("Terminated")
      yield* TestClock.adjust("1 second")
      expect(Option.isNone(Array.from(yield* seen).at(-1)!)).toBe(true)
    }))

  it.scoped("sends nothing while it is idle, and works at once after that", () =>
    Effect.gen(function*() {
      const { line, pogo, shell } = yield* scene
      yield* pogo.startChild(Counter.spec("x", {}))
      yield* passing(pogo.awaitChild("Counter/x"))
      yield* TestClock.adjust("5 seconds")
      line.sent.length = 0
      yield* TestClock.adjust("10 minutes")
      expect(line.sent).toEqual([])
      const counters = yield* clientOf(shell)
      expect(yield* passing(counters("x").add({ by: 1 }))).toBe(1)
      expect((yield* passing(pogo.startChild(Counter.spec("y", {}))))._tag).toBe("Created")
    }))

  it.scoped("hears of what others start, and of a new data set, to which it gives nothing back", () =>
    Effect.gen(function*() {
      const { a, faulty, pogo, shell } = yield* scene
      yield* a.pogo.startChild(Counter.spec("x", {}))
      const counters = yield* clientOf(shell)
      expect(yield* passing(counters("x").get())).toBe(0)
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      expect((yield* passing(pogo.startChild(Counter.spec("y", {}))))._tag).toBe("Created")
      expect(yield* passing(counters("x").get())).toBe(0)
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id).sort()).toEqual(["Counter/x", "Counter/y"])
    }))

  it.scoped("says what is stale, and since when, if the registry is not reached", () =>
    Effect.gen(function*() {
      const { line, pogo } = yield* scene
      yield* pogo.startChild(Counter.spec("x", {}))
      yield* passing(pogo.awaitChild("Counter/x"))
      yield* TestClock.adjust("1 minute")
      line.dropRequests = true
      const [row] = yield* passing(pogo.whichChildren("global"))
      expect(row).toMatchObject({ status: { _tag: "Running" }, staleSince: expect.any(Date) })
      expect(yield* passing(pogo.ready)).toBe(false)
      expect(yield* passing(pogo.countChildren)).toMatchObject({ running: 1, staleSince: expect.any(Date) })
      const told = yield* passing(pogo.explain("Counter/x"))
      expect(told.text).toMatch(/^As client shell last knew it at .* \(it does not reach the registry\): /)
      const waiting = yield* Effect.fork(pogo.awaitChild("Counter/x"))
      yield* TestClock.adjust("1 minute")
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      line.dropRequests = false
      expect(yield* passing(Fiber.join(waiting))).toMatchObject({ node: "a" })
      expect(yield* passing(pogo.ready)).toBe(true)
      expect((yield* passing(pogo.whichChildren("global")))[0]).not.toHaveProperty("staleSince")
    }))

  it.scoped("says what is stale if no node is left to renew a lease, until the sessions end", () =>
    Effect.gen(function*() {
      const { a, faulty, pogo } = yield* scene
      yield* pogo.startChild(Counter.spec("x", {}))
      yield* passing(pogo.awaitChild("Counter/x"))
      yield* a.crash
      yield* TestClock.adjust("1 minute")
      const look = passing(pogo.whichChildren("global"))
      const [row] = yield* look
      expect(row).toMatchObject({ node: "a", status: { _tag: "Running" }, staleSince: expect.any(Date) })
      expect((yield* passing(pogo.nodes))[0]!.staleSince!.getTime()).toBeLessThan(10_000)
      expect(yield* passing(pogo.ready)).toBe(false)
      const waiting = yield* Effect.fork(pogo.awaitChild("Counter/x"))
      yield* TestClock.adjust("1 minute")
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      expect((yield* look)[0]).toMatchObject({ status: { _tag: "Pending" } })
      expect(yield* passing(pogo.nodes)).toEqual([])
      // A client that comes to such a scope sees as much at once.
      const late = yield* makeCluster(faulty.line().registry, counterLive(new Notes()))
      const b = yield* late.add("b")
      yield* TestClock.adjust("30 seconds")
      yield* b.crash
      yield* TestClock.adjust("10 minutes")
      const layer = Pogo.layerClient({ name: "ops" }).pipe(
        Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, faulty.line().registry))
      )
      const ops = Context.get(yield* passing(Effect.orDie(Layer.build(layer))), Pogo.Pogo)
      expect(yield* passing(ops.ready)).toBe(false)
      expect((yield* passing(ops.whichChildren("global")))[0]).toMatchObject({ staleSince: expect.any(Date) })
    }))

  it.scoped("leaves without a trace", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const layer = Pogo.layerClient().pipe(Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)))
      const internals = yield* passing(Effect.scoped(Effect.map(Effect.orDie(Layer.build(layer)), (context) =>
        Context.get(context, Pogo.Pogo)[Internals])))
      expect(internals.node.phase).toBe("closed")
    }))
})
