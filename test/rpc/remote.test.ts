/**
 * Calls to children of other nodes, over connections within the process and in virtual time.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Logger, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, GroupRegistry, type PogoError, Restart } from "effect-pogo"
import { op } from "../../src/internal/calls/wire/message.js"
import { Internals } from "../../src/internal/internals.js"
import { makeHub } from "../../src/internal/transport/hub.js"
import { makeCluster } from "../support/cluster.js"
import { calling, clientOf, connected, connectedOn, Counter, counterLive, noKinds, Notes, passing } from "./support.js"

describe("a call to a child of another node", () => {
  it.scoped("is answered there, by way of the codecs", () =>
    Effect.gen(function*() {
      const { hub, a, counters } = yield* calling()
      expect(yield* passing(counters("x").add({ by: 2 }))).toBe(2)
      expect(yield* passing(counters("x").where())).toMatchObject({ node: "a" })
      expect(typeof (yield* passing(counters("x").where())).token).toBe("bigint")
      const error = yield* passing(Effect.flip(counters("x").refuse({ why: "no" })))
      expect(error).toMatchObject({ _tag: "Refused", why: "no" })
      const exit = yield* passing(Effect.exit(counters("x").die("ouch")))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(yield* passing(counters("x").get())).toBe(2)
      expect(hub.opened()).toBe(1)
      expect(a.name).toBe("a")
    }))

  it.scoped("closes its connection when there was nothing to say for a while, and opens another when there is", () =>
    Effect.gen(function*() {
      const { hub, counters } = yield* calling()
      yield* passing(counters("x").get())
      const before = hub.opened()
      yield* TestClock.adjust("59 seconds")
      yield* passing(counters("x").get())
      expect(hub.opened()).toBe(before)
      yield* TestClock.adjust("65 seconds")
      yield* passing(counters("x").get())
      expect(hub.opened()).toBe(before + 1)
    }))

  it.scoped("interrupting the caller interrupts the handler", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { counters } = yield* calling(notes)
      yield* passing(counters("x").get())
      const fiber = yield* Effect.fork(counters("x").wait({ millis: 3_000 }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      expect(notes.interrupted).toBe(1)
    })
  })

  it.scoped("while the child moves: calls wait, and every one is executed once, in order, where it is", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { add } = yield* connected(notes)
      const a = yield* add("a")
      const b = yield* add("b")
      const caller = yield* add("caller", {}, noKinds)
      const counters = yield* clientOf(caller)
      yield* caller.pogo.startChild(Counter.spec("x", {}))
      yield* passing(caller.pogo.awaitChild("Counter/x"))
      const { node } = yield* passing(counters("x").where())
      const holder = node === "a" ? a : b
      const calls = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 200 }, (_, i) => i),
          (i) => Effect.delay(counters("x").add({ by: i }), "10 millis")
        )
      )
      yield* TestClock.adjust("500 millis")
      yield* Effect.fork(holder.pogo.drain)
      expect((yield* passing(calls)).length).toBe(200)
      expect(notes.lines.filter((line) => line.startsWith("add"))).toEqual(
        Array.from({ length: 200 }, (_, i) => `add ${i}`)
      )
      expect((yield* passing(counters("x").where())).node).not.toBe(node)
      expect(notes.lines).toContain("stop x")
    })
  })

  it.scoped("of a node that dies: what was on its way may have run; an idempotent one is repeated elsewhere", () =>
    Effect.gen(function*() {
      const notes = new Notes()
      const { add, hub } = yield* connected(notes)
      const a = yield* add("a")
      yield* add("caller", {}, noKinds)
      const caller = yield* add("caller2", {}, noKinds)
      const counters = yield* clientOf(caller)
      yield* caller.pogo.startChild(Counter.spec("x", {}))
      yield* passing(counters("x").get())
      const lost = yield* Effect.fork(Effect.flip(counters("x").wait({ millis: 4_000 })))
      yield* TestClock.adjust("10 millis")
      const repeated = yield* Effect.fork(counters("x", { timeout: "1 minute" }).get())
      yield* TestClock.adjust("10 millis")
      hub.closed.add("a")
      hub.cut("a")
      yield* TestClock.adjust("10 millis")
      expect(yield* lost).toMatchObject({ _tag: "NodeUnreachable", node: "a", mayHaveRun: true })
      const never = yield* Effect.fork(Effect.flip(counters("x").add({ by: 1 })))
      yield* TestClock.adjust("6 seconds")
      expect(yield* never).toMatchObject({ _tag: "NodeUnreachable", node: "a", mayHaveRun: false })
      yield* add("b")
      yield* a.crash
      yield* TestClock.adjust("30 seconds")
      expect(yield* repeated).toBe(0)
    }))

  it.scoped("of a node that hears nothing: given up after some seconds, at the latest with the call's own time", () =>
    Effect.gen(function*() {
      const { hub, counters } = yield* calling()
      yield* passing(counters("x").get())
      hub.silent.add("a")
      const short = yield* Effect.fork(Effect.flip(counters("x").add({ by: 1 })))
      const long = yield* Effect.fork(Effect.flip(counters("x", { timeout: "1 minute" }).add({ by: 1 })))
      yield* TestClock.adjust("5 seconds")
      expect(yield* short).toMatchObject({ _tag: "CallTimeout", mayHaveRun: true })
      yield* TestClock.adjust("5 seconds")
      expect(yield* long).toMatchObject({ _tag: "NodeUnreachable", mayHaveRun: true })
    }))

  it.scoped("that follows one which was turned away is, too, until that comes again", () =>
    Effect.gen(function*() {
      const { add, hub } = yield* connected(new Notes())
      const a = yield* add("a")
      const link = yield* hub.transport.connect({ scope: "default", node: "raw" }, a.pogo[Internals].node.own.address)
      const heard: Array<string> = []
      yield* Effect.forkScoped(link.run((message) => {
        const [kind, n, code] = message as ReadonlyArray<unknown>
        heard.push(`${String(n)}: ${kind === op.ok ? "answered" : String(code)}`)
      }))
      const ask = (n: number, ...again: ReadonlyArray<unknown>) =>
        link.send([op.call, n, "Counter/x", 0, "get", undefined, 5_000, ...again])
      ask(1)
      yield* TestClock.adjust("10 millis")
      yield* a.pogo.startChild(Counter.spec("x", {}))
      yield* TestClock.adjust("1 second")
      ask(2)
      ask(3, [], undefined, true)
      ask(4)
      yield* TestClock.adjust("100 millis")
      expect(heard).toEqual(["1: notHere", "2: notHere", "3: answered", "4: answered"])
    }))

  it.scoped("that may have run says so, whatever it fails with in the end", () =>
    Effect.gen(function*() {
      const { hub, caller, counters } = yield* calling()
      yield* passing(counters("x").get())
      // Sent on a connection that breaks, it is sent again; meanwhile its own node is shut down.
      const busy = yield* Effect.fork(Effect.flip(counters("x").wait({ millis: 4_000 })))
      yield* TestClock.adjust("10 millis")
      const repeated = yield* Effect.fork(Effect.flip(counters("x", { timeout: "1 minute" }).get()))
      yield* TestClock.adjust("10 millis")
      hub.closed.add("a")
      hub.cut("a")
      yield* passing(busy)
      const fresh = yield* Effect.fork(Effect.flip(counters("x", { timeout: "1 minute" }).get()))
      yield* passing(caller.stop)
      expect(yield* repeated).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: true })
      expect(yield* fresh).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
    }))

  it.scoped("that reached its node at the second try, and is not answered in time, may have run", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { hub, counters } = yield* calling(notes)
      yield* TestClock.adjust("1 second")
      hub.closed.add("a")
      const late = yield* Effect.fork(Effect.flip(counters("x", { timeout: "3 seconds" }).wait({ millis: 4_000 })))
      yield* TestClock.adjust("1 second")
      hub.closed.delete("a")
      yield* TestClock.adjust("1 second")
      expect(notes.lines).toEqual(["wait 4000"])
      yield* TestClock.adjust("1 second")
      expect(yield* late).toMatchObject({ _tag: "CallTimeout", mayHaveRun: true })
    })
  })

  it.scoped("to one that does not come up: says in time what it died of, and that the call was not executed", () =>
    Effect.gen(function*() {
      const { add } = yield* connected(new Notes())
      const restart = Restart.permanent(Schedule.spaced("1 hour"))
      const Broken = Child.make("Broken", {
        payload: {},
        protocol: [Rpc.make("hi")]
      })
      const caller = yield* add("caller", {}, noKinds)
      yield* add("a", {}, Broken.toLayer(() => Effect.die(new Error("no such table")), { restart }))
      const broken = yield* clientOf(caller, Broken)
      yield* caller.pogo.startChild(Broken.spec("x", {}))
      yield* TestClock.adjust("1 second")
      const error = yield* passing(Effect.flip(broken("x").hi()), "100 millis")
      expect(error).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(error.message).toContain("no such table")
    }))

  it.scoped("a copy that has lost its claim answers none", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { a, counters } = yield* calling(notes)
      yield* passing(counters("x").get())
      const running = yield* Effect.fork(Effect.flip(counters("x").wait({ millis: 100 })))
      yield* TestClock.adjust("50 millis")
      const { supervisor } = a.pogo[Internals].node
      const child = supervisor.children.get("Counter/x")!
      supervisor.revoke(child)
      const refused = yield* Effect.fork(Effect.flip(counters("x").add({ by: 1 })))
      yield* TestClock.adjust("6 seconds")
      expect(yield* running).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: true })
      expect(yield* refused).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(notes.lines.filter((line) => line.startsWith("add"))).toEqual([])
    })
  })

  it.scoped("a caller that knows of a younger claim is not served by the old copy", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { caller, counters } = yield* calling(notes)
      yield* passing(counters("x").get())
      // The caller has read the status of the child, and with it its claim.
      yield* TestClock.adjust("2 seconds")
      const entry = caller.pogo[Internals].node.view.entries.get("Counter/x")!
      entry.claim = { ...entry.claim!, token: entry.claim!.token + 1 }
      const refused = yield* Effect.fork(Effect.flip(counters("x").add({ by: 1 })))
      yield* TestClock.adjust("6 seconds")
      expect(yield* refused).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(notes.lines).toEqual([])
    })
  })

  it.scoped("messages that are too large fail typed, on both ways, and harm no other call", () =>
    Effect.gen(function*() {
      const { counters } = yield* calling()
      const large = yield* passing(Effect.flip(counters("x").echo("x".repeat(1024 * 1024))))
      expect(large).toMatchObject({ _tag: "PayloadTooLarge", part: "request", limit: 1024 * 1024 })
      // An answer is a little longer than what it repeats: control characters are written longer by the test's measure.
      const answer = yield* passing(Effect.flip(counters("x").echo({ repeat: 1024 * 1024 })))
      expect(answer).toMatchObject({ _tag: "PayloadTooLarge", part: "answer" })
      expect(yield* passing(counters("x").echo("fine"))).toBe("fine")
    }))

  it.scoped("warns of a kind with a protocol, where no other process could reach its children", () => {
    const lines: Array<string> = []
    const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void lines.push(String(message))))
    const warnings = () => lines.splice(0).filter((line) => line.includes("no NodeTransport"))
    return Effect.gen(function*() {
      const memory = yield* GroupRegistry.makeMemory()
      const shared = { ...memory, description: "redis://example" }
      const cluster = yield* makeCluster(shared, counterLive(new Notes()))
      yield* Effect.provide(cluster.add("a"), logger)
      yield* TestClock.adjust("1 second")
      expect(warnings()).toEqual([expect.stringContaining("kind Counter")])
      yield* Effect.provide(cluster.add("b", { transport: makeHub().transport }), logger)
      yield* Effect.provide(cluster.add("c", { registry: memory }), logger)
      yield* Effect.provide(cluster.add("d", {}, noKinds), logger)
      yield* TestClock.adjust("1 second")
      expect(warnings()).toEqual([])
    })
  })

  it.scoped("without a transport it says so", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const cluster = yield* makeCluster(registry, noKinds)
      const { add } = yield* connectedOn(registry)
      yield* add("a")
      const caller = yield* cluster.add("caller")
      const counters = yield* clientOf(caller)
      yield* caller.pogo.startChild(Counter.spec("x", {}))
      const error = yield* passing(Effect.flip(counters("x").get()))
      expect(error).toMatchObject({ _tag: "NodeUnreachable", node: "a" })
      expect(error.message).toContain("NodeTransport")
    }))
})

describe("version skew", () => {
  it.scoped("an Rpc that the other code does not have, or reads otherwise, fails typed", () =>
    Effect.gen(function*() {
      const Newer = Child.make("Counter", {
        payload: { from: Schema.optionalWith(Schema.Number, { default: () => 0 }) },
        protocol: [
          Rpc.make("brandNew", { success: Schema.Number }),
          Rpc.make("add", { payload: { by: Schema.String }, success: Schema.Number }),
          Rpc.make("get", { success: Schema.String }),
          Rpc.make("where", { success: Schema.Struct({ node: Schema.String }) })
        ]
      })
      const { add } = yield* connected(new Notes())
      yield* add("a")
      const caller = yield* add("caller", {}, noKinds)
      yield* caller.pogo.startChild(Counter.spec("x", {}))
      const counters = yield* clientOf(caller, Newer)
      const fails = (call: Effect.Effect<unknown, PogoError.CallError>) =>
        Effect.map(passing(Effect.flip(call)), (error) => error as PogoError.ChildUnavailable)
      const unknown = yield* fails(counters("x").brandNew())
      expect(unknown).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(unknown.message).toContain("no rpc brandNew")
      const misread = yield* fails(counters("x").add({ by: "1" }))
      expect(misread).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: false })
      expect(misread.message).toContain("cannot read the payload")
      const answer = yield* fails(counters("x").get())
      expect(answer).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: true })
      expect(answer.message).toContain("cannot read its answer")
      expect(yield* passing(counters("x").where())).toEqual({ node: "a" })
    }))
})

describe("a stream of a child of another node", () => {
  it.scoped("comes in order, and its source waits for its reader", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { counters } = yield* calling(notes)
      const all = yield* passing(Stream.runCollect(counters("x").range({ to: 500 })))
      expect(Chunk.toReadonlyArray(all)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
      notes.streams = 0
      yield* counters("x").range({ to: 10_000 }).pipe(
        Stream.mapEffect(() => Effect.sleep("1 minute")),
        Stream.runDrain,
        Effect.fork
      )
      yield* TestClock.adjust("500 millis")
      expect(notes.streams).toBeGreaterThan(1)
      expect(notes.streams).toBeLessThan(20)
    })
  })

  it.scoped("ends with ChildMoved when its child moves; one that says how goes on where the child is", () => {
    const notes = new Notes()
    return Effect.gen(function*() {
      const { add, a, counters } = yield* calling(notes)
      const broken = yield* Effect.fork(Stream.runDrain(counters("x").ticks({ every: 100 })).pipe(Effect.flip))
      const resumed = yield* Effect.fork(Stream.runCollect(Stream.take(counters("x").log({ after: 0 }), 30)))
      yield* TestClock.adjust("1 second")
      yield* add("b")
      yield* Effect.fork(a.pogo.drain)
      yield* TestClock.adjust("10 seconds")
      expect(yield* broken).toMatchObject({ _tag: "ChildMoved", node: "b", id: "Counter/x" })
      const seen = Chunk.toReadonlyArray(yield* resumed)
      expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
    })
  })

  it.scoped("ends with ChildUnavailable when its child crashes, and with ChildNotFound when it is terminated", () =>
    Effect.gen(function*() {
      const { caller, counters } = yield* calling(new Notes(), { onDefect: "child" })
      const first = yield* Effect.fork(Stream.runDrain(counters("x").ticks({ every: 100 })).pipe(Effect.flip))
      yield* TestClock.adjust("1 second")
      yield* passing(Effect.exit(counters("x").die("ouch")))
      yield* TestClock.adjust("1 second")
      expect(yield* first).toMatchObject({ _tag: "ChildUnavailable", mayHaveRun: true })
      const second = yield* Effect.fork(Stream.runDrain(counters("x").ticks({ every: 100 })).pipe(Effect.flip))
      yield* TestClock.adjust("1 second")
      yield* caller.pogo.terminateChild("Counter/x")
      yield* TestClock.adjust("1 second")
      expect(yield* second).toMatchObject({ _tag: "ChildNotFound" })
    }))
})
