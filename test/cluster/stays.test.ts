/**
 * Children that are dear to start: they stay for a while where they have come to, unless their node gives them up.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const scene = Effect.gen(function*() {
  const journal = new Journal()
  const kinds = workerLive(journal, { minimumStay: "10 minutes" })
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
  const a = yield* cluster.add("a")
  yield* a.pogo.startChildren(Array.from({ length: 60 }, (_, i) => Worker.spec(`c${i}`, {})))
  yield* TestClock.adjust("3 seconds")
  const on = (name: string) => journal.running().filter(({ node }) => node === name).length
  return { a, cluster, journal, on }
})

describe("children with a minimum stay", () => {
  it.scoped("stay when another node joins, and move when their time is over", () =>
    Effect.gen(function*() {
      const { a, cluster, journal, on } = yield* scene
      yield* TestClock.adjust("1 minute")
      yield* cluster.add("b")
      yield* TestClock.adjust("8 minutes")
      expect([on("a"), on("b")]).toEqual([60, 0])
      const { moves } = yield* a.pogo.plan({})
      expect(moves.length).toBeGreaterThan(15)
      yield* TestClock.adjust("2 minutes")
      expect([on("a"), on("b")]).toEqual([60 - moves.length, moves.length])
      // From here on they stay where they have come to.
      yield* cluster.add("c")
      yield* TestClock.adjust("7 minutes")
      expect(on("b")).toBe(moves.length)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("do not keep a node from being drained, or from leaving", () =>
    Effect.gen(function*() {
      const { a, cluster, on } = yield* scene
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("1 minute")
      yield* Effect.fork(a.pogo.drain)
      yield* TestClock.adjust("30 seconds")
      expect([on("a"), on("b")]).toEqual([0, 60])
      yield* a.pogo.uncordon
      yield* Effect.fork(b.stop)
      yield* TestClock.adjust("30 seconds")
      expect(on("a")).toBe(60)
    }))

  it.scoped("a stay that is no duration is refused, by its name", () =>
    Effect.gen(function*() {
      const live = workerLive(new Journal(), { minimumStay: "ten" as never })
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const cause = yield* Effect.flip(Effect.sandbox(cluster.add("a")))
      expect(String(cause)).toContain("Worker: minimumStay")
    }))
})
