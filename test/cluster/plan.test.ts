/**
 * `Pogo.plan`: what it says is what then happens.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { Child, type Pogo, type PogoNode } from "effect-pogo"
import { type Cluster, makeCluster, type TestNode } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const Rare = Child.make("Rare", { payload: {} })
const rareLive = Rare.toLayer(() => Effect.never)

/** Who runs each child. */
const places = (pogo: Pogo.Service): Effect.Effect<ReadonlyMap<string, string>> =>
  Effect.map(
    pogo.whichChildren("global"),
    (rows) =>
      new Map(
        rows.flatMap(({ id, node, status }) => (status._tag === "Running" && node !== undefined ? [[id, node]] : []))
      )
  )

/** What a plan says of them. */
const placesAfter = (now: ReadonlyMap<string, string>, plan: PogoNode.PlacementPlan): ReadonlyMap<string, string> => {
  const then = new Map(now)
  for (const { id } of plan.stops) then.delete(id)
  for (const { id, to } of plan.moves) then.set(id, to)
  return then
}

/** Nodes of two zones, of which one alone has a second kind; a third of the children requires a zone. */
const scene = Effect.gen(function*() {
  const journal = new Journal()
  const { registry } = (yield* makeFaulty()).line()
  const cluster = yield* makeCluster(registry, workerLive(journal), { drainTimeout: "20 seconds" })
  const both = Layer.merge(workerLive(journal), rareLive)
  const a = yield* cluster.add("a", { labels: { zone: "x" } }, both)
  yield* cluster.add("b", { labels: { zone: "x" }, weight: 2 })
  yield* cluster.add("c", { labels: { zone: "y" } }, both)
  const zones = [undefined, { zone: "x" }, { zone: "y" }]
  yield* a.pogo.startChildren([
    ...Array.from({ length: 60 }, (_, i) => Worker.spec(`w${i}`, {}, { requires: zones[i % 3] })),
    ...Array.from({ length: 9 }, (_, i) => Rare.spec(`r${i}`, {}))
  ])
  yield* TestClock.adjust("30 seconds")
  return { a, cluster, both }
})

interface Case {
  readonly what: string
  readonly change: PogoNode.PlanChange
  readonly carryOut: (cluster: Cluster, a: TestNode) => Effect.Effect<unknown, unknown>
  /** Where the plan says that children stop, or that none does. */
  readonly stops: number
}

const stopOf = (cluster: Cluster, name: string) => Effect.suspend(() => cluster.nodes.get(name)!.stop)

const cases: ReadonlyArray<Case> = [
  {
    what: "a node that is drained",
    change: { drain: "b" },
    carryOut: (_, a) => a.pogo.drainNode("b"),
    stops: 0
  },
  {
    what: "a node that is gone, and has the only kind or zone of some",
    change: { remove: ["c"] },
    carryOut: (cluster) => cluster.nodes.get("c")!.crash,
    stops: 20
  },
  {
    what: "a node that joins with labels and a weight",
    change: { add: { name: "d", labels: { zone: "y" }, weight: 3, kinds: ["Worker"] } },
    carryOut: (cluster) => cluster.add("d", { labels: { zone: "y" }, weight: 3 }),
    stops: 0
  },
  {
    what: "one node in the place of another",
    change: { remove: "c", add: [{ name: "e", labels: { zone: "y" } }] },
    carryOut: (cluster) =>
      Effect.zipRight(
        cluster.add("e", { labels: { zone: "y" } }, Layer.merge(workerLive(new Journal()), rareLive)),
        stopOf(cluster, "c")
      ),
    stops: 0
  },
  {
    what: "all nodes but one",
    change: { drain: ["a", "b"] },
    carryOut: (_, a) => Effect.zipRight(a.pogo.drainNode("b"), a.pogo.drainNode("a")),
    stops: 20
  }
]

describe("a plan", () => {
  for (const { carryOut, change, stops, what } of cases) {
    it.scoped(`says what happens to ${what}`, () =>
      Effect.gen(function*() {
        const { a, cluster } = yield* scene
        const before = yield* places(a.pogo)
        expect(before.size).toBe(69)
        const plan = yield* a.pogo.plan(change)
        expect(plan.moves.length).toBeGreaterThan(0)
        expect(plan.stops.length).toBe(stops)
        // Nothing was changed.
        yield* TestClock.adjust("5 seconds")
        expect(yield* places(a.pogo)).toEqual(before)
        const fiber = yield* Effect.fork(carryOut(cluster, a))
        yield* TestClock.adjust("90 seconds")
        yield* fiber
        const after = yield* places(a.pogo)
        expect(after).toEqual(placesAfter(before, plan))
        for (const { after: count, name } of plan.nodes) {
          expect([name, count]).toEqual([name, Array.from(after.values()).filter((node) => node === name).length])
        }
      }))
  }

  it.scoped("leaves on a cordoned node what it has, and counts what nobody runs as from nowhere", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* scene
      yield* cluster.nodes.get("c")!.crash
      yield* TestClock.adjust("60 seconds")
      yield* a.pogo.cordonNode("b")
      yield* TestClock.adjust("5 seconds")
      const held = Array.from(yield* places(a.pogo)).filter(([, node]) => node === "b").length
      const plan = yield* a.pogo.plan({ add: { name: "z", labels: { zone: "y" } } })
      expect(plan.nodes.find(({ name }) => name === "b")).toEqual({ name: "b", now: held, after: held })
      expect(plan.moves.filter(({ from }) => from === undefined).map(({ to }) => to)).toEqual(
        Array.from({ length: 20 }, () => "z")
      )
    }))

  it.scoped("refuses what it cannot plan, and names the remedy", () =>
    Effect.gen(function*() {
      const { a } = yield* scene
      const refused = (change: unknown) =>
        Effect.map(Effect.flip(a.pogo.plan(change as PogoNode.PlanChange)), ({ message }) => message)
      expect(yield* refused({ drain: "nobody" })).toBe(
        "setting plan drain = \"nobody\" breaks the rule \"the name of a live node\"; Pogo.nodes lists them"
      )
      expect(yield* refused({ remove: ["a", 5] })).toContain("plan remove = 5")
      expect(yield* refused({ drian: "a" })).toContain("there are add, drain, remove")
      expect(yield* refused("a")).toContain("write it like { drain: \"a\" }")
      expect(yield* refused({ add: { name: "a" } })).toContain("a name that no live node has")
      expect(yield* refused({ add: [{ name: "d" }, { name: "d" }] })).toContain("a name that no live node has")
      expect(yield* refused({ add: { name: "" } })).toContain("name the node")
      expect(yield* refused({ add: { name: "d", weight: 0 } })).toContain("a number above 0")
      expect(yield* refused({ add: { name: "d", labels: { zone: 1 } } })).toContain("a record of texts")
      expect(yield* refused({ add: { name: "d", kinds: ["None"] } })).toContain("a kind that a live node has")
      expect(yield* refused({ add: { name: "d", size: 1 } })).toContain("there are kinds, labels, name, weight")
      expect(yield* refused({ add: [null] })).toContain("write it like { name: \"c\" }")
      expect(yield* refused({ add: { name: "d", kinds: "Worker" } })).toContain("a list of kinds")
      // A removed node's name is free, and a change of nothing moves nothing.
      expect((yield* a.pogo.plan({ remove: "b", add: { name: "b" } })).nodes.length).toBe(3)
      expect((yield* a.pogo.plan({})).moves).toEqual([])
    }))
})
