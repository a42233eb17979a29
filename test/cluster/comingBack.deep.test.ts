/**
 * All nodes lose their leases at once: most children come back where they were.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Option, TestClock } from "effect"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { slowly } from "../support/slow.js"
import { Worker, workerLive } from "../support/worker.js"

const count = 600

/** Three nodes that began at different times, each with a line of its own to a registry that answers after 40 ms. */
const scene = Effect.gen(function*() {
  const journal = new Journal()
  const faulty = yield* makeFaulty()
  const lines = [faulty.line(), faulty.line(), faulty.line()] as const
  const way = { roundTrip: 40 }
  const cluster = yield* makeCluster(lines[0].registry, workerLive(journal), { joinTimeout: 0 })
  for (const [i, line] of lines.entries()) {
    yield* cluster.add(`n${i}`, { registry: slowly(line.registry, way) })
    yield* TestClock.adjust("1300 millis")
  }
  yield* TestClock.adjust("10 seconds")
  const { pogo } = cluster.nodes.get("n0")!
  const starting = yield* Effect.fork(
    pogo.startChildren(Array.from({ length: count }, (_, i) => Worker.spec(`c${i}`, {})))
  )
  yield* TestClock.adjust("10 seconds")
  yield* starting
  expect(journal.running().length).toBe(count)
  const cut = (is: boolean) => lines.forEach((line) => (line.dropRequests = is))
  return { cluster, cut, journal, lines }
})

describe("all nodes lose their leases at once", () => {
  it.scoped("most children come back where they were, with few starts too many", () =>
    Effect.gen(function*() {
      const { cut, journal } = yield* scene
      const places = journal.places()
      const at = yield* Clock.currentTimeMillis
      cut(true)
      yield* TestClock.adjust("20 seconds")
      expect(journal.running()).toEqual([])
      cut(false)
      yield* TestClock.adjust("30 seconds")
      const starts = journal.lines.filter((line) => line.what === "start" && line.at > at).length
      expect(journal.places()).toEqual(places)
      expect(starts / count).toBeLessThanOrEqual(1.2)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("one that is taken in and does not hear of it is awaited for two command timeouts, and no longer", () =>
    Effect.gen(function*() {
      const { cut, journal, lines } = yield* scene
      const orphans = new Set(journal.running().filter(({ node }) => node === "n2").map(({ id }) => id))
      const taken = () => journal.running().filter(({ id }) => orphans.has(id))
      expect(orphans.size).toBeGreaterThan(100)
      cut(true)
      yield* TestClock.adjust("20 seconds")
      const open = yield* lines[2].hold("open")
      cut(false)
      const heard = yield* Effect.fork(open.arrived)
      while (Option.isNone(yield* Fiber.poll(heard))) yield* TestClock.adjust("50 millis")
      lines[2].dropReplies = true
      yield* open.execute
      yield* TestClock.adjust("3800 millis")
      expect(taken()).toEqual([])
      // The others may have come back later than it, and read of it later.
      yield* TestClock.adjust("6 seconds")
      expect(taken().length).toBe(orphans.size)
      lines[2].dropReplies = false
      yield* TestClock.adjust("40 seconds")
      expect(journal.running().length).toBe(count)
      expect(new Set(journal.running().map(({ node }) => node)).size).toBe(3)
      expect(journal.violations()).toEqual([])
    }))
})
