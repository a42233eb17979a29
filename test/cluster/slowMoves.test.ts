/**
 * Children that take long to stop, when another node joins: each keeps its own place only, and the others move.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const quick = Array.from({ length: 200 }, (_, i) => `quick${i}`)

/** Children of two tempos on one node; then another joins. Tells which of the quick ones belong there. */
const joined = (slow: number, stopTakes: number, options = {}) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal, options))
    const a = yield* cluster.add("a")
    const slowOnes = Array.from({ length: slow }, (_, i) => Worker.spec(`slow${i}`, { stopTakes }))
    yield* a.pogo.startChildren([...slowOnes, ...quick.map((key) => Worker.spec(key, {}))])
    yield* TestClock.adjust("3 seconds")
    yield* cluster.add("b")
    const placed = Effect.gen(function*() {
      const found = yield* Effect.forEach(quick, (key) => a.pogo.explain(Worker.id(key)))
      return found.filter(({ belongs }) => belongs === "b").map(({ id }) => id)
    })
    return { journal, placed }
  })

describe("children that stop slowly", () => {
  for (const [how, options] of [["in order", {}], ["beyond their grace", { shutdown: "1 second" }]] as const) {
    it.scoped(`do not keep the others from moving (${how})`, () =>
      Effect.gen(function*() {
        const { journal, placed } = yield* joined(60, 120_000, options)
        yield* TestClock.adjust("20 seconds")
        const ids = yield* placed
        expect(ids.length).toBeGreaterThan(50)
        const onB = new Set(journal.running().filter(({ node }) => node === "b").map(({ id }) => id))
        expect(ids.filter((id) => !onB.has(id))).toEqual([])
        expect(journal.violations()).toEqual([])
      }))
  }
})
