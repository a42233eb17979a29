/**
 * Rollouts: nodes of a new revision take the place of those of the old one, and each child moves once.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry, type PogoConfig } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const children = 120

const specs = Array.from({ length: children }, (_, i) => Worker.spec(`x${i}`, {}))

/** Nodes of one revision with all their children, and what happens to them from then on. */
const makeScene = (names: ReadonlyArray<string>, options: PogoConfig.Options = { revision: "v1" }) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
    for (const name of names) yield* cluster.add(name, options)
    yield* TestClock.adjust("30 seconds")
    yield* cluster.nodes.get(names[0]!)!.pogo.startChildren(specs)
    yield* TestClock.adjust("30 seconds")
    const begun = journal.lines.length
    const settle = TestClock.adjust("20 seconds")
    return {
      cluster,
      journal,
      settle,
      /** How many run on a node. */
      on: (node: string) => journal.running().filter((one) => one.node === node).length,
      /** How often children were started since the scene was set. */
      moves: () => journal.lines.slice(begun).filter(({ what }) => what === "start").length,
      join: (name: string, revision: string) => Effect.zipLeft(cluster.add(name, { ...options, revision }), settle),
      leave: (name: string) => Effect.zipRight(cluster.nodes.get(name)!.stop, settle),
      crash: (name: string) => Effect.zipRight(cluster.nodes.get(name)!.crash, settle)
    }
  })

const oldOnes = ["a1", "a2", "a3", "a4"]
const newOnes = ["b1", "b2", "b3", "b4"]

/** Replaces the nodes one by one, with a surge of one. */
const rollOut = (
  { join, leave }: Effect.Effect.Success<ReturnType<typeof makeScene>>,
  from: ReadonlyArray<string>,
  to: ReadonlyArray<string>,
  revision: string
) => Effect.forEach(from.keys(), (i) => Effect.zipRight(join(to[i]!, revision), leave(from[i]!)), { discard: true })

describe("a rollout", () => {
  it.scoped(
    "with a surge of one moves each child once, when its node ends, and to a node that stays",
    () =>
      Effect.gen(function*() {
        const scene = yield* makeScene(oldOnes)
        const { cluster, join, journal, leave, moves, on } = scene
        yield* join("b1", "v2")
        expect([moves(), on("b1")]).toEqual([0, 0])
        const first = on("a1")
        const revisions = Effect.map(
          cluster.nodes.get("b1")!.pogo.whichChildren("global"),
          (rows) => rows.map(({ node, revision }) => `${node?.at(0)} ${revision}`).sort()
        )
        expect(yield* revisions).toEqual(Array.from({ length: children }, () => "a v1"))
        // A new node may have a tenth more than its share, and all that the one has which it stands in for.
        const fullest = Math.max(...oldOnes.map(on), Math.ceil(1.1 * children / 4))
        yield* leave("a1")
        expect([moves(), on("b1")]).toEqual([first, first])
        expect((yield* revisions).filter((one) => one === "b v2").length).toBe(first)
        yield* rollOut(scene, oldOnes.slice(1), newOnes.slice(1), "v2")
        expect(moves()).toBe(children)
        for (const name of newOnes) expect(on(name)).toBeLessThanOrEqual(fullest)
        yield* TestClock.adjust("5 minutes")
        expect(moves()).toBe(children)
        expect(journal.violations()).toEqual([])
        // What joins when it is over has its share.
        yield* join("b5", "v2")
        expect(on("b5")).toBeGreaterThan(children / 10)
        expect(moves()).toBe(children + on("b5"))
      })
  )

  it.scoped(
    "with one node unavailable moves a child of the first twice, and gives the last node its share",
    () =>
      Effect.gen(function*() {
        const { join, journal, leave, moves, on } = yield* makeScene(oldOnes)
        for (const name of oldOnes) {
          yield* leave(name)
          yield* join(name, "v2")
        }
        expect(moves()).toBeLessThanOrEqual(children * (1 + 2 / 4) * 1.1)
        expect(on("a4")).toBeGreaterThan(children / 10)
        for (const name of oldOnes) expect(on(name)).toBeLessThan(children / 2)
        expect(journal.violations()).toEqual([])
      })
  )

  it.scoped(
    "is not turned round by an old node that is restarted, but by an old revision on new nodes",
    () =>
      Effect.gen(function*() {
        const { crash, join, leave, on } = yield* makeScene(oldOnes)
        for (const name of newOnes.slice(0, 3)) yield* join(name, "v2")
        yield* crash("a1")
        yield* join("a1", "v1")
        yield* leave("a2")
        const before = newOnes.map(on)
        expect(on("a1")).toBe(0)
        expect(before[0]! + before[1]! + before[2]!).toBeGreaterThan(children * 0.4)
        // Back to the old release, on purpose: its nodes are the newest again, those that were left as well.
        yield* join("c1", "v1")
        yield* leave("b1")
        expect([on("b2"), on("b3")]).toEqual([before[1], before[2]])
        expect(on("a1") + on("c1")).toBeGreaterThan(0)
      })
  )

  it.scoped("that stands still for long places children over all nodes", () =>
    Effect.gen(function*() {
      const { journal, join, moves, on } = yield* makeScene(oldOnes.slice(0, 3), {
        revision: "v1",
        rolloutPatience: "5 minutes"
      })
      yield* join("b1", "v2")
      yield* TestClock.adjust("4 minutes")
      expect(moves()).toBe(0)
      yield* TestClock.adjust("2 minutes")
      expect(on("b1")).toBeGreaterThan(children / 8)
      expect(moves()).toBe(on("b1"))
      expect(journal.violations()).toEqual([])
    }))
})

describe("rebalance", () => {
  it.scoped("\"onLoss\": a node that joins takes what is lost, and nothing that runs", () =>
    Effect.gen(function*() {
      const { cluster, crash, moves, on, settle } = yield* makeScene(["a1", "a2"], { rebalance: "onLoss" })
      yield* cluster.add("a3", { rebalance: "onLoss" })
      yield* settle
      expect([moves(), on("a3")]).toEqual([0, 0])
      yield* crash("a1")
      expect(on("a2") + on("a3")).toBe(children)
      expect(on("a3")).toBeGreaterThan(0)
    }))

  it.scoped(
    "\"always\": a node of the same revision that lapsed, was cordoned or restarted has its share again",
    () =>
      Effect.gen(function*() {
        const { cluster, crash, join, on, settle } = yield* makeScene(["a1", "a2", "a3"])
        const share = on("a1")
        yield* crash("a1")
        yield* join("a1", "v1")
        expect(on("a1")).toBe(share)
        const { pogo } = cluster.nodes.get("a2")!
        const its = on("a2")
        yield* pogo.drainNode("a2")
        yield* settle
        expect(on("a2")).toBe(0)
        yield* pogo.uncordonNode("a2")
        yield* settle
        expect(on("a2")).toBe(its)
      })
  )
})
