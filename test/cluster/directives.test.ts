/**
 * Directives: nodes that are cordoned and drained by their name, from other nodes and from clients.
 */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, TestClock } from "effect"
import { GroupRegistry, Pogo } from "effect-pogo"
import { directiveRetention, maxDirectives } from "../../src/internal/registry/commands.js"
import { formatDirective, parseDirective, parseNode, type RegistryState } from "../../src/internal/registry/state.js"
import { knowledge } from "../../src/internal/replica/nodeRecord.js"
import { type Cluster, makeCluster, type Registry } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const keys = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`)

const start = (pogo: Pogo.Service, count = 20) =>
  Effect.zipRight(
    pogo.startChildren(keys(count).map((key) => Worker.spec(key, {}))),
    TestClock.adjust("3 seconds")
  )

/** How many children run on a node. */
const countOn = (journal: Journal, name: string) => journal.running().filter(({ node }) => node === name).length

/** Runs what waits for other nodes, while virtual time passes. */
const passing = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("100 millis")
    return yield* Fiber.join(fiber)
  })

/** A scope of nodes on one registry, and where their children run. */
const scene = (names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const faulty = yield* makeFaulty()
    const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal))
    for (const name of names) yield* cluster.add(name)
    return { journal, faulty, cluster, pogo: (name: string) => cluster.nodes.get(name)!.pogo }
  })

const rowOf = (pogo: Pogo.Service, name: string) =>
  Effect.map(pogo.nodes, (nodes) => nodes.find((node) => node.name === name))

/** The records that a session has published, in order, with the tags of the commands. */
const spied = (
  registry: Registry
): { readonly registry: Registry; readonly records: Array<Record<string, unknown>> } => {
  const records: Array<Record<string, unknown>> = []
  const execute: Registry["execute"] = (name, envelope, args) => {
    if (name === "open" || name === "update") records.push(JSON.parse((args as { readonly record: string }).record))
    return registry.execute(name, envelope, args)
  }
  return { registry: { ...registry, execute }, records }
}

/** The registry as a node of a version before directives meets it. */
const older = (registry: Registry): Registry => {
  const execute: Registry["execute"] = (name, envelope, args) => {
    if (name !== "open" && name !== "update") {
      return Effect.map(
        registry.execute(name, envelope, args),
        (reply) =>
          reply._tag === "OK" && "directives" in reply.value
            ? { ...reply, value: { ...reply.value, directives: [] } }
            : reply
      )
    }
    const { knows: _, obeys: __, ...record } = JSON.parse((args as { readonly record: string }).record)
    return registry.execute(name, envelope, { ...args, record: JSON.stringify(record) })
  }
  return { ...registry, execute }
}

const client = (registry: Registry) =>
  Effect.map(
    Layer.build(Layer.provide(Pogo.layerClient(), Layer.succeed(GroupRegistry.GroupRegistry, registry))),
    (context) => Context.get(context, Pogo.Pogo)
  )

describe("a node that is drained by its name", () => {
  it.scoped("gives its children up in order, and takes none until it is uncordoned", () =>
    Effect.gen(function*() {
      const { journal, pogo } = yield* scene(["a", "b"])
      yield* start(pogo("a"))
      const before = countOn(journal, "b")
      expect(before).toBeGreaterThan(0)
      const drained = yield* passing(pogo("a").drainNode("b", { by: "alice b", reason: "kernel | update" }))
      expect(drained).toEqual({ _tag: "Obeyed", node: "b", sessions: 1, survivesRestart: true })
      yield* TestClock.adjust("1 second")
      expect([countOn(journal, "a"), countOn(journal, "b")]).toEqual([20, 0])
      for (const from of ["a", "b"]) {
        expect(yield* rowOf(pogo(from), "b")).toMatchObject({
          draining: true,
          cordoned: false,
          children: 0,
          directive: { what: "drain", by: "alice b", reason: "kernel | update", obeyed: true }
        })
        expect((yield* rowOf(pogo(from), "a"))?.directive).toBeUndefined()
      }
      yield* pogo("a").startChildren(keys(40).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("1 minute")
      expect(countOn(journal, "b")).toBe(0)
      expect(yield* pogo("b").ready).toBe(true)
      expect((yield* passing(pogo("a").uncordonNode("b")))._tag).toBe("Obeyed")
      yield* TestClock.adjust("10 seconds")
      expect(countOn(journal, "b")).toBeGreaterThan(before)
      expect((yield* rowOf(pogo("a"), "b"))?.directive).toBeUndefined()
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("may be told so by a client, and tells when it was", () =>
    Effect.gen(function*() {
      const { faulty, journal, pogo } = yield* scene(["a", "b"])
      yield* start(pogo("a"))
      const operator = yield* client(faulty.line().registry)
      yield* TestClock.adjust("5 seconds")
      expect((yield* passing(operator.drainNode("b")))._tag).toBe("Obeyed")
      yield* TestClock.adjust("1 second")
      expect(countOn(journal, "b")).toBe(0)
      const row = yield* rowOf(operator, "b")
      expect(row?.directive).toMatchObject({ by: operator.name, reason: "" })
      expect(row!.directive!.at.getTime()).toBe(8_000)
      expect((yield* passing(operator.uncordonNode("b")))._tag).toBe("Obeyed")
      yield* TestClock.adjust("10 seconds")
      expect(countOn(journal, "b")).toBeGreaterThan(0)
    }))

  it.scoped("is cordoned only, and keeps what it has", () =>
    Effect.gen(function*() {
      const { journal, pogo } = yield* scene(["a", "b"])
      yield* start(pogo("a"))
      const before = countOn(journal, "b")
      yield* passing(pogo("a").cordonNode("b"))
      yield* pogo("a").startChildren(keys(60).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("10 seconds")
      expect(countOn(journal, "b")).toBe(before)
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({ cordoned: true, draining: false })
    }))

  it.scoped("is so from its first moment when it restarts under its name", () =>
    Effect.gen(function*() {
      const { cluster, faulty, journal, pogo } = yield* scene(["a", "b"])
      yield* start(pogo("a"))
      yield* passing(pogo("a").drainNode("b"))
      yield* cluster.nodes.get("b")!.crash
      yield* TestClock.adjust("30 seconds")
      const { records, registry } = spied(faulty.line().registry)
      yield* cluster.add("b", { registry })
      yield* TestClock.adjust("30 seconds")
      const open = records.filter(({ joining }) => joining === false)
      expect(open.length).toBeGreaterThan(0)
      expect(open.filter(({ draining }) => draining !== true)).toEqual([])
      expect(journal.lines.filter(({ at, node }) => node === "b" && at > 10_000)).toEqual([])
      expect((yield* passing(pogo("a").uncordonNode("b")))._tag).toBe("Obeyed")
      yield* TestClock.adjust("10 seconds")
      expect(countOn(journal, "b")).toBeGreaterThan(0)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("need not be there yet: who takes the name starts as it was told", () =>
    Effect.gen(function*() {
      const { cluster, journal, pogo } = yield* scene(["a"])
      yield* start(pogo("a"))
      expect(yield* passing(pogo("a").cordonNode("b"))).toEqual({ _tag: "NoSuchNode", node: "b" })
      yield* cluster.add("b")
      yield* TestClock.adjust("30 seconds")
      expect(countOn(journal, "b")).toBe(0)
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({
        cordoned: true,
        directive: { what: "cordon", obeyed: true }
      })
    }))

  it.scoped("has what it did to itself apart from that: either suffices", () =>
    Effect.gen(function*() {
      const { pogo } = yield* scene(["a", "b"])
      const seen = Effect.map(rowOf(pogo("a"), "b"), (row) => [row?.cordoned, row?.draining])
      yield* pogo("b").cordon
      yield* passing(pogo("a").drainNode("b"))
      expect(yield* seen).toEqual([true, true])
      yield* passing(pogo("a").uncordonNode("b"))
      expect(yield* seen).toEqual([true, false])
      yield* passing(pogo("a").cordonNode("b"))
      yield* pogo("b").uncordon
      yield* TestClock.adjust("1 second")
      expect(yield* seen).toEqual([true, false])
      yield* passing(pogo("a").uncordonNode("b"))
      expect(yield* seen).toEqual([false, false])
    }))

  it.scoped("is obeyed by all nodes of the name", () =>
    Effect.gen(function*() {
      const { cluster, faulty, journal, pogo } = yield* scene(["a", "b"])
      const second = yield* cluster.add("b", { registry: faulty.line().registry })
      yield* TestClock.adjust("10 seconds")
      yield* start(pogo("a"), 30)
      expect(yield* passing(pogo("a").drainNode("b"))).toMatchObject({ _tag: "Obeyed", sessions: 2 })
      yield* TestClock.adjust("3 seconds")
      expect(journal.places().filter((place) => !place.endsWith("@a"))).toEqual([])
      expect(second.pogo.name).toBe("b")
    }))

  it.scoped("may itself be the one that gives the directive", () =>
    Effect.gen(function*() {
      const { journal, pogo } = yield* scene(["a", "b"])
      yield* start(pogo("a"))
      expect((yield* passing(pogo("b").drainNode("b")))._tag).toBe("Obeyed")
      yield* TestClock.adjust("3 seconds")
      expect(countOn(journal, "b")).toBe(0)
    }))
})

describe("a directive's answer", () => {
  it.scoped("tells of nodes that do not know directives; they and the others go on as before (I1)", () =>
    Effect.gen(function*() {
      const { cluster, faulty, journal, pogo } = yield* scene(["a", "c"])
      yield* cluster.add("b", { registry: older(faulty.line().registry) })
      yield* start(pogo("a"), 40)
      const before = countOn(journal, "b")
      expect(before).toBeGreaterThan(0)
      const answer = yield* passing(pogo("a").drainNode("b"))
      expect(answer).toEqual({ _tag: "NotUnderstood", node: "b", sessions: 1 })
      yield* TestClock.adjust("10 seconds")
      expect(countOn(journal, "b")).toBe(before)
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({ draining: false, directive: { obeyed: false } })
      // A node that obeys is judged by its record, by the older one too: every child runs somewhere.
      yield* passing(pogo("a").drainNode("c"))
      yield* pogo("a").startChildren(keys(80).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("10 seconds")
      expect([journal.running().length, countOn(journal, "c")]).toEqual([80, 0])
      expect(countOn(journal, "b")).toBeGreaterThan(before)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("tells that a node has not answered, which obeys as soon as it reads of it", () =>
    Effect.gen(function*() {
      const { cluster, faulty, journal, pogo } = yield* scene(["a"])
      const line = faulty.line()
      yield* cluster.add("b", { registry: line.registry })
      yield* start(pogo("a"))
      line.dropReplies = true
      const answer = yield* passing(pogo("a").drainNode("b"))
      expect(answer).toEqual({ _tag: "Unanswered", node: "b", sessions: 0, of: 1 })
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({ directive: { what: "drain", obeyed: false } })
      line.dropReplies = false
      yield* TestClock.adjust("30 seconds")
      expect(countOn(journal, "b")).toBe(0)
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({ draining: true, directive: { obeyed: true } })
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("is right for both of two that are given at once: the later one stands", () =>
    Effect.gen(function*() {
      const { faulty, pogo } = yield* scene(["a", "b"])
      const both = Effect.all([pogo("a").drainNode("b"), pogo("b").uncordonNode("b")], { concurrency: 2 })
      expect((yield* passing(both)).map(({ _tag }) => _tag)).toEqual(["Obeyed", "Obeyed"])
      const { what } = parseDirective(faulty.state().direct.get("b")!)!
      yield* TestClock.adjust("3 seconds")
      expect((yield* rowOf(pogo("a"), "b"))?.draining).toBe(what === "drain")
    }))

  it.scoped("is an error that names field, value and remedy, where the input cannot be accepted", () =>
    Effect.gen(function*() {
      const { faulty, pogo } = yield* scene(["a"])
      const long = "x".repeat(201)
      const wrong: ReadonlyArray<readonly [field: string, name: string, options: object]> = [
        ["name", "", {}],
        ["name", "n#1", {}],
        ["name", "n".repeat(129), {}],
        ["name", 7 as unknown as string, {}],
        ["reason", "a", { reason: long }],
        ["reason", "a", { reason: "two\nlines" }],
        ["reason", "a", { reason: "\ud800" }],
        ["reason", "a", { reason: 7 }],
        ["by", "a", { by: "" }],
        ["by", "a", { by: long }],
        ["by", "a", { by: null }]
      ]
      for (const [field, name, options] of wrong) {
        for (const give of [pogo("a").drainNode, pogo("a").cordonNode, pogo("a").uncordonNode]) {
          const error = yield* Effect.flip(give(name, options))
          expect(error).toMatchObject({ _tag: "InvalidDirective", field })
          expect(error.message).toMatch(new RegExp(`${field} = .+: .+; .+`))
        }
      }
      expect(faulty.state().direct.size).toBe(0)
      yield* passing(pogo("a").cordonNode("a", { reason: "🐎".repeat(200), by: "é".repeat(200) }))
      expect((yield* rowOf(pogo("a"), "a"))?.directive).toMatchObject({ reason: "🐎".repeat(200), by: "é".repeat(200) })
    }))

  it.scoped("is an error when there are too many directives", () =>
    Effect.gen(function*() {
      const { faulty, pogo } = yield* scene(["a"])
      const { direct, meta } = faulty.state()
      const record = { stamp: 1, what: "cordon", until: meta!.now + 1e9, op: "x", at: 0, by: "b", reason: "" } as const
      for (let i = 0; i < maxDirectives; i++) direct.set(`n${i}`, formatDirective(record))
      const error = yield* Effect.flip(pogo("a").drainNode("b"))
      expect(error).toMatchObject({ _tag: "TooManyDirectives", node: "b", limit: maxDirectives })
    }))
})

const untilOf = ({ direct }: RegistryState, name: string) => parseDirective(direct.get(name)!)!.until

/** As if so much of the time of a directive had passed. */
const age = (state: RegistryState, name: string, left: number) => {
  const directive = parseDirective(state.direct.get(name)!)!
  state.direct.set(name, formatDirective({ ...directive, until: state.meta!.now + left }))
}

/** Has all nodes read of the directives again. */
const readAgain = (cluster: Cluster) =>
  Effect.zipRight(cluster.nodes.get("a")!.pogo.uncordon, TestClock.adjust("1 second"))

describe("directives over time", () => {
  it.scoped("are renewed by the node that they are for, an undo too, and by nobody else", () =>
    Effect.gen(function*() {
      const { cluster, faulty, pogo } = yield* scene(["a", "b"])
      for (const give of [pogo("a").drainNode, pogo("a").uncordonNode]) {
        yield* passing(give("b"))
        yield* passing(give("nobody"))
        const { stamp } = parseDirective(faulty.state().direct.get("b")!)!
        for (const name of ["b", "nobody"]) age(faulty.state(), name, directiveRetention / 2 - 1)
        yield* readAgain(cluster)
        yield* TestClock.adjust("40 seconds")
        const state = faulty.state()
        expect(untilOf(state, "b") - state.meta!.now).toBeGreaterThan(directiveRetention - 60_000)
        expect(untilOf(state, "nobody") - state.meta!.now).toBeLessThan(directiveRetention / 2)
        expect(parseDirective(state.direct.get("b")!)!.stamp).toBe(stamp)
      }
    }))

  it.scoped("cost nothing at rest while there is time", () =>
    Effect.gen(function*() {
      const { cluster, faulty, pogo } = yield* scene(["a"])
      const line = faulty.line()
      yield* cluster.add("b", { registry: line.registry })
      yield* passing(pogo("a").drainNode("b"))
      yield* TestClock.adjust("10 seconds")
      line.sent.length = 0
      yield* TestClock.adjust("5 minutes")
      expect(new Set(line.sent)).toEqual(new Set(["tick"]))
    }))

  it.scoped("outlast a loss of the data, and so does an undo, also beside a node that missed it (I3)", () =>
    Effect.gen(function*() {
      const { cluster, faulty, journal, pogo } = yield* scene(["a", "b", "d"])
      const line = faulty.line()
      yield* cluster.add("c", { registry: line.registry })
      yield* start(pogo("a"), 30)
      yield* passing(pogo("a").drainNode("b"))
      yield* passing(pogo("a").drainNode("d"))
      yield* TestClock.adjust("1 second")
      line.dropReplies = line.dropRequests = true
      yield* passing(pogo("a").uncordonNode("b"))
      yield* TestClock.adjust("3 seconds")
      faulty.lose()
      line.dropReplies = line.dropRequests = false
      yield* TestClock.adjust("1 minute")
      const stored = Array.from(faulty.state().direct, ([name, text]) => [name, parseDirective(text)!.what])
      expect(Object.fromEntries(stored)).toEqual({ b: "undo", d: "drain" })
      expect(yield* rowOf(pogo("a"), "b")).toMatchObject({ draining: false })
      expect(yield* rowOf(pogo("a"), "d")).toMatchObject({ draining: true, directive: { what: "drain", obeyed: true } })
      expect([countOn(journal, "b") > 0, countOn(journal, "d"), journal.running().length]).toEqual([true, 0, 30])
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("are obeyed throughout, while the data is lost and given back", () =>
    Effect.gen(function*() {
      const { cluster, faulty, pogo } = yield* scene(["a"])
      const { records, registry } = spied(faulty.line().registry)
      yield* cluster.add("b", { registry })
      yield* passing(pogo("a").drainNode("b"))
      yield* TestClock.adjust("1 second")
      records.length = 0
      faulty.lose()
      yield* TestClock.adjust("1 minute")
      expect(records.length).toBeGreaterThan(1)
      expect(records.filter(({ draining }) => draining !== true)).toEqual([])
      const stored = Array.from(faulty.state().node.values(), (text) => JSON.parse(parseNode(text)!.json))
      expect(stored.find(({ name }) => name === "b")).toMatchObject({
        draining: true,
        knows: knowledge
      })
    }))
})
