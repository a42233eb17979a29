/**
 * A process that reaches nodes, and not their registry: over connections within the process, in virtual time.
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Clock,
  Context,
  Effect,
  Either,
  Fiber,
  Layer,
  Option,
  Random,
  Schedule,
  Schema,
  Stream,
  TestClock
} from "effect"
import { Child, GroupRegistry, GroupRegistryNode, NodeTransport, Pogo, type PogoError } from "effect-pogo"
import { op } from "../../src/internal/calls/wire/message.js"
import { Internals } from "../../src/internal/internals.js"
import type { Envelope } from "../../src/internal/registry/commands.js"
import { makeHub } from "../../src/internal/transport/memory.js"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { clientOf, Counter, counterLive, Notes, passing } from "./support.js"

const Wide = Child.make("Wide", { payload: { text: Schema.String } })

/** Nodes `a` and `b`, each with its own way to the registry, and a client that is given their addresses. */
const sceneOf = (names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const faulty = yield* makeFaulty()
    const hub = makeHub()
    const notes = new Notes()
    const cluster = yield* makeCluster(faulty.line().registry, counterLive(notes))
    const nodes = new Map<string, { readonly line: ReturnType<typeof faulty.line>; readonly address: string }>()
    for (const name of names) {
      const line = faulty.line()
      const node = yield* cluster.add(name, { transport: hub.transport, registry: line.registry })
      nodes.set(name, { line, address: node.pogo[Internals].node.address })
    }
    const transport = Layer.succeed(NodeTransport.NodeTransport, hub.transport)
    yield* TestClock.adjust("1 second")
    for (const { line } of nodes.values()) line.sent.length = 0
    const layer = Pogo.layerClient({ name: "shell" }).pipe(
      Layer.provide(GroupRegistryNode.layer({ nodes: Array.from(nodes.values(), ({ address }) => address) })),
      Layer.provide(transport)
    )
    const pogo = Context.get(yield* passing(Effect.orDie(Layer.build(layer))), Pogo.Pogo)
    const shell = { name: "shell", pogo, stop: Effect.void, crash: Effect.void }
    const sent = () => Array.from(nodes.values(), ({ line }) => line.sent.length).reduce((a, b) => a + b)
    // The one that the client has turned to read for it.
    const first = names.find((name) => nodes.get(name)!.line.sent.includes("snap"))!
    const other = names.find((name) => name !== first) ?? first
    return { first, other, cluster, faulty, hub, nodes, notes, pogo, shell, sent, transport }
  })

/** Nobody reaches it any more. */
const cutOff = (hub: ReturnType<typeof makeHub>, name: string) => {
  hub.closed.add(name)
  hub.cut(name)
}

describe("Pogo.layerClient with the address of a node", () => {
  it.scoped("starts, lists, calls, watches, replaces, restarts and ends children; it is no node of the scope", () =>
    Effect.gen(function*() {
      const { cluster, pogo, shell } = yield* sceneOf(["a"])
      expect((yield* passing(pogo.startChild(Counter.spec("x", {}))))._tag).toBe("Created")
      expect((yield* passing(pogo.startChild(Counter.spec("x", {}))))._tag).toBe("AlreadyStarted")
      expect(yield* passing(pogo.awaitChild("Counter/x"))).toMatchObject({ node: "a" })
      const counters = yield* clientOf(shell)
      expect(yield* passing(counters("x").add({ by: 3 }))).toBe(3)
      expect((yield* pogo.nodes).map(({ name }) => name)).toEqual(["a"])
      expect((yield* cluster.nodes.get("a")!.pogo.nodes).map(({ name }) => name)).toEqual(["a"])
      const conflict = yield* passing(Effect.flip(pogo.startChild(Counter.spec("x", { from: 7 }))))
      expect(conflict._tag).toBe("ChildSpecConflict")
      expect((yield* passing(pogo.replaceChild(Counter.spec("x", { from: 7 }))))._tag).toBe("Replaced")
      expect((yield* passing(pogo.restartChild("Counter/x")))._tag).toBe("Restarted")
      expect(yield* passing(counters("x", { timeout: "1 minute" }).get())).toBe(7)
      const seen = yield* pogo.watchChild("Counter/x").pipe(
        Stream.takeUntil(Option.isNone),
        Stream.runCollect,
        Effect.fork
      )
      yield* TestClock.adjust("10 millis")
      expect((yield* passing(pogo.terminateChild("Counter/x")))._tag).toBe("Terminated")
      expect((yield* passing(pogo.terminateChild("Counter/x")))._tag).toBe("Absent")
      yield* TestClock.adjust("1 second")
      expect(Option.isNone(Array.from(yield* seen).at(-1)!)).toBe(true)
      expect(yield* passing(pogo.node("a").whichChildren("local"))).toEqual([])
    }))

  it.scoped("hears at once of what others start, and of a new data set, to which it gives nothing back", () =>
    Effect.gen(function*() {
      const { cluster, faulty, pogo, shell } = yield* sceneOf(["a"])
      yield* passing(cluster.nodes.get("a")!.pogo.startChild(Counter.spec("x", {})))
      yield* TestClock.adjust("50 millis")
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Counter/x"])
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      expect((yield* passing(pogo.startChild(Counter.spec("y", {}))))._tag).toBe("Created")
      const counters = yield* clientOf(shell)
      expect(yield* passing(counters("x").get())).toBe(0)
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id).sort()).toEqual(["Counter/x", "Counter/y"])
    }))

  it.scoped("costs the registry nothing while it is idle, and keeps to one connection", () =>
    Effect.gen(function*() {
      const { cluster, hub, nodes, pogo, sent } = yield* sceneOf(["a", "b"])
      yield* passing(pogo.startChild(Counter.spec("x", {})))
      yield* passing(pogo.awaitChild("Counter/x"))
      yield* TestClock.adjust("5 seconds")
      const opened = hub.opened()
      const before = sent()
      yield* TestClock.adjust("10 minutes")
      // The nodes' own renewals, every two seconds.
      const renewals = Array.from(nodes.values()).flatMap(({ line }) => line.sent.slice()).filter((name) =>
        name === "tick"
      )
      expect(sent() - before).toBe(600)
      expect(renewals.length).toBeGreaterThanOrEqual(600)
      expect(hub.opened()).toBe(opened)
      yield* passing(cluster.nodes.get("b")!.pogo.startChild(Counter.spec("y", {})))
      yield* TestClock.adjust("50 millis")
      expect(Option.isSome(yield* pogo.getChild("Counter/y"))).toBe(true)
    }))

  it.scoped("takes many large specs in pieces that fit into messages", () =>
    Effect.gen(function*() {
      const { pogo } = yield* sceneOf(["a"])
      const text = "x".repeat(25_000)
      const started = yield* passing(
        pogo.startChildren(Array.from({ length: 100 }, (_, i) => Wide.spec(String(i), { text })))
      )
      expect(started.filter((result) => Either.isRight(result) && result.right._tag === "Created")).toHaveLength(100)
      const again = yield* passing(
        pogo.startChildren(Array.from({ length: 100 }, (_, i) => Wide.spec(String(i), { text: `y${text}` })))
      )
      expect(again.every(Either.isLeft)).toBe(true)
      yield* TestClock.adjust("5 seconds")
      expect(yield* pogo.whichChildren("global")).toHaveLength(100)
    }))
})

describe("its node", () => {
  it.scoped("dies: the next one is asked, whatever was under way is done once, and nothing is missed", () =>
    Effect.gen(function*() {
      const { cluster, first, hub, nodes, other, pogo } = yield* sceneOf(["a", "b"])
      const held = yield* nodes.get(first)!.line.hold("put")
      const start = yield* Effect.fork(pogo.startChild(Counter.spec("x", {})))
      yield* TestClock.adjust("20 millis")
      yield* held.arrived
      cutOff(hub, first)
      expect((yield* passing(Fiber.join(start)))._tag).toBe("Created")
      yield* passing(cluster.nodes.get(other)!.pogo.startChild(Counter.spec("y", {})))
      yield* TestClock.adjust("200 millis")
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Counter/x", "Counter/y"])
      expect((yield* passing(pogo.terminateChild("Counter/x")))._tag).toBe("Terminated")
      // What the first node was told arrives at last, and changes nothing.
      yield* held.execute
      yield* TestClock.adjust("1 second")
      expect(Option.isNone(yield* pogo.getChild("Counter/x"))).toBe(true)
    }))

  it.scoped("falls silent: it is left in about a second, and the command goes to the next", () =>
    Effect.gen(function*() {
      const { first, hub, pogo } = yield* sceneOf(["a", "b"])
      hub.silent.add(first)
      const before = yield* Clock.currentTimeMillis
      expect((yield* passing(pogo.startChild(Counter.spec("x", {}))))._tag).toBe("Created")
      expect((yield* Clock.currentTimeMillis) - before).toBeLessThan(1_200)
    }))

  it.scoped("loses its own registry: the client goes to one that has it", () =>
    Effect.gen(function*() {
      const { cluster, first, nodes, other, pogo } = yield* sceneOf(["a", "b"])
      nodes.get(first)!.line.dropRequests = true
      yield* TestClock.adjust("20 seconds")
      yield* passing(cluster.nodes.get(other)!.pogo.startChild(Counter.spec("y", {})))
      yield* TestClock.adjust("200 millis")
      expect(Option.isSome(yield* pogo.getChild("Counter/y"))).toBe(true)
      expect((yield* passing(pogo.startChild(Counter.spec("x", {}))))._tag).toBe("Created")
    }))

  it.scoped("and all others are gone: calls fail at once and typed, and go on when one is back", () =>
    Effect.gen(function*() {
      const { hub, pogo } = yield* sceneOf(["a", "b"])
      yield* passing(pogo.startChild(Counter.spec("x", {})))
      cutOff(hub, "a")
      cutOff(hub, "b")
      yield* TestClock.adjust("1 second")
      const start = yield* Effect.fork(Effect.flip(pogo.startChild(Counter.spec("y", {}))))
      yield* TestClock.adjust("100 millis")
      expect(yield* start).toMatchObject({ _tag: "RegistryUnavailable", reason: "Disconnected", sent: false })
      // What it knew it still tells.
      expect((yield* pogo.whichChildren("global")).map(({ id }) => id)).toEqual(["Counter/x"])
      hub.closed.clear()
      yield* TestClock.adjust("3 seconds")
      expect((yield* passing(pogo.startChild(Counter.spec("y", {}))))._tag).toBe("Created")
      expect((yield* passing(pogo.awaitChild("Counter/y"))).node).toMatch(/^[ab]$/)
    }))
})

const envelope: Envelope = {
  scope: "default",
  era: "",
  notAfter: Infinity,
  high: 0,
  seconds: 0,
  bits: "test",
  ttl: 15_000,
  maxStep: 2_500
}

describe("what a client may not", () => {
  it.scoped("a node cannot run on it: it says what it needs", () =>
    Effect.gen(function*() {
      const { nodes, transport } = yield* sceneOf(["a"])
      const registry = GroupRegistryNode.layer({ nodes: nodes.get("a")!.address }).pipe(Layer.provide(transport))
      const layer = Pogo.layer({ name: "wrong", joinTimeout: "5 seconds" }).pipe(Layer.provide(registry))
      const error = (yield* passing(Effect.flip(Effect.scoped(Layer.build(layer))))) as PogoError.RegistryUnavailable
      expect(error._tag).toBe("RegistryUnavailable")
      expect(error.message).toContain("Pogo.layerClient")
    }))

  it.scoped("the node itself refuses claims, renewals and whatever is malformed, whoever asks", () =>
    Effect.gen(function*() {
      const { faulty, hub, nodes, pogo } = yield* sceneOf(["a"])
      yield* passing(pogo.startChild(Counter.spec("x", {})))
      const { address, line } = nodes.get("a")!
      yield* TestClock.adjust("1 second")
      const connection = yield* hub.transport.connect({ scope: "default", node: "evil" }, address)
      const answers: Array<ReadonlyArray<unknown>> = []
      yield* Effect.forkScoped(connection.run((message) => answers.push(message as ReadonlyArray<unknown>)))
      let n = 0
      const ask = (tag: string, args: unknown) =>
        Effect.gen(function*() {
          const id = ++n
          const { era } = faulty.state().meta!
          connection.send([op.call, id, "", 0, tag, { era, notAfter: 2 ** 50, args }, 5_000])
          return yield* passing(
            Effect.repeat(Effect.delay(Effect.sync(() => answers.find((answer) => answer[1] === id)), "5 millis"), {
              until: (answer): answer is ReadonlyArray<unknown> => answer !== undefined
            })
          )
        })
      const body = Counter.spec("z", {})
      const item = { id: "Counter/z", op: "evil.1", generation: 0, body: "{}" }
      line.sent.length = 0
      const sid = Array.from(faulty.state().sess.keys())[0]!
      for (const tag of ["tick", "open", "update", "close", "merge", "claim", "release", "report", "finish"]) {
        expect((yield* ask(`registry.${tag}`, { sid, items: [], claims: [] }))[2]).toBe("unknownRpc")
      }
      const malformed = [
        { mode: "ensure", items: [item] },
        { mode: "ensure", items: [{ ...item, body: "x".repeat(70_000) }] },
        { mode: "bump", items: [{ ...item, body: "", op: "a|b" }] },
        { mode: "bump", items: [{ ...item, body: "", id: "no slash" }] },
        { mode: "bump", items: [{ ...item, body: "", generation: -1 }] },
        { mode: "bump", items: Array.from({ length: 101 }, () => ({ ...item, body: "" })) },
        { mode: "other", items: [] },
        { items: [] }
      ]
      for (const args of malformed) expect((yield* ask("registry.put", args))[2]).toBe("unreadable")
      expect((yield* ask("registry.changes", { cursor: -1 }))[2]).toBe("unreadable")
      expect((yield* ask("registry.snap", { cursor: 5 }))[2]).toBe("unreadable")
      expect(line.sent.filter((name) => name !== "tick")).toEqual([])
      expect(body.key).toBe("z")
      // What is well-formed passes.
      expect((yield* ask("registry.put", { mode: "bump", items: [{ ...item, body: "" }] }))[0]).toBe(op.ok)
    }))

  it.scoped("what it says of the counter and of the timings is not believed: no era begins, nothing is refused", () =>
    Effect.gen(function*() {
      const { faulty, nodes, transport } = yield* sceneOf(["a"])
      const registry = Context.get(
        yield* Effect.orDie(Layer.build(
          GroupRegistryNode.layer({ nodes: nodes.get("a")!.address }).pipe(Layer.provide(transport))
        )),
        GroupRegistry.GroupRegistry
      )
      const { era, ttl } = faulty.state().meta!
      const lying = { ...envelope, era, high: 2 ** 53 - 1, seconds: 2 ** 40, ttl: 1, maxStep: 1 }
      expect((yield* passing(registry.nodes(lying, {})))._tag).toBe("OK")
      expect(faulty.state().meta).toMatchObject({ era, ttl })
      expect(yield* passing(registry.members("default", "kind:Counter"))).toHaveLength(1)
      const refused = yield* Effect.flip(registry.claim(lying, { sid: "a", items: [] }))
      expect(refused).toMatchObject({ _tag: "RegistryUnavailable", reason: "Refused", sent: false })
    }))

  it.scoped("a transport that dies of one address does not keep it from the others", () =>
    Effect.gen(function*() {
      const { hub, nodes } = yield* sceneOf(["a"])
      let tried = 0
      const dying = Layer.succeed(NodeTransport.NodeTransport, {
        ...hub.transport,
        connect: (self, address) => {
          if (address !== "memory:dead") return hub.transport.connect(self, address)
          tried++
          throw new Error("boom")
        }
      })
      const addresses = ["memory:dead", nodes.get("a")!.address]
      const registry = Context.get(
        yield* Effect.withRandom(
          Effect.orDie(Layer.build(GroupRegistryNode.layer({ nodes: addresses }).pipe(Layer.provide(dying)))),
          Random.make("dead ones first")
        ),
        GroupRegistry.GroupRegistry
      )
      const members = Effect.retry(registry.members("default", "kind:Counter"), Schedule.spaced("100 millis"))
      expect(yield* passing(Effect.timeout(members, "10 seconds"))).toHaveLength(1)
      expect(tried).toBe(1)
    }))

  it.scoped("addresses are checked", () =>
    Effect.gen(function*() {
      const { transport } = yield* sceneOf(["a"])
      for (const nodes of [[], "", ["memory:a", "b"], "memory:a,", undefined, [1], {}]) {
        const built = Layer.build(GroupRegistryNode.layer({ nodes: nodes as never }).pipe(Layer.provide(transport)))
        expect(yield* Effect.flip(built)).toMatchObject({ _tag: "InvalidConfig", setting: "nodes" })
      }
      yield* Layer.build(GroupRegistryNode.layer({ nodes: "memory:a, memory:b" }).pipe(Layer.provide(transport)))
    }))
})
