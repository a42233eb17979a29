/**
 * A node with many children, whose registry loses its data: none stops, however many batches their claims take.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { slowly, takes } from "../support/slow.js"
import { Worker, workerLive } from "../support/worker.js"

const count = 2_000

const scene = Effect.gen(function*() {
  const journal = new Journal()
  const faulty = yield* makeFaulty("settle")
  const line = faulty.line()
  const way = { roundTrip: 0 }
  const opens = { now: 0, most: 0, besideLast: 0 }
  const counted = {
    ...line.registry,
    execute: ((name, envelope, args) => {
      const executed = slowly(line.registry, way).execute(name, envelope, args)
      if (name !== "open") return executed
      return Effect.suspend(() => {
        opens.most = Math.max(opens.most, ++opens.now)
        if ((args as { readonly last: boolean }).last) opens.besideLast = Math.max(opens.besideLast, opens.now - 1)
        return Effect.ensuring(executed, Effect.sync(() => opens.now--))
      })
    }) as typeof line.registry.execute
  }
  const { pogo } = yield* (yield* makeCluster(counted, workerLive(journal))).add("a")
  yield* TestClock.adjust("20 seconds")
  yield* pogo.startChildren(Array.from({ length: count }, (_, i) => Worker.spec(`c${i}`, {})))
  yield* TestClock.adjust("5 seconds")
  expect(journal.running().length).toBe(count)
  return { faulty, journal, line, opens, way }
})

describe("a new data set, and very many claims", () => {
  it.scoped("claims are asserted eight batches at a time, the last one alone, and no child stops", () =>
    Effect.gen(function*() {
      const { faulty, journal, opens, way } = yield* scene
      way.roundTrip = 600
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      expect(opens).toEqual({ now: 0, most: 8, besideLast: 0 })
      expect(journal.lines.length).toBe(count)
      expect(faulty.state().claim.size).toBe(count)
    }))

  it.scoped("a lease that is about to end is prolonged by each answer", () =>
    Effect.gen(function*() {
      const { faulty, journal, way } = yield* scene
      // A renewal every 3.4 s; the last answer comes some 10 s after the last renewal that was answered.
      way.roundTrip = 1_400
      yield* TestClock.adjust("20 seconds")
      faulty.lose()
      yield* TestClock.adjust("40 seconds")
      expect(journal.lines.length).toBe(count)
      expect(faulty.state().claim.size).toBe(count)
    }))

  it.scoped("a lease that has ended is not given back by an answer", () =>
    Effect.gen(function*() {
      const { faulty, journal, line, way } = yield* scene
      line.dropRequests = true
      yield* TestClock.adjust("6500 millis")
      faulty.lose()
      line.dropRequests = false
      // The first answers come when the lease is over.
      way.roundTrip = 1_900
      yield* TestClock.adjust("3 seconds")
      expect(journal.running().length).toBe(0)
    }))
})

describe("a new data set that fills up while a node reads it", () => {
  it.scoped("a child whose claim is there before its spec, which another gives back between two pages, does not stop", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty("settle")
      const [one, two] = [faulty.line(), faulty.line()]
      const cluster = yield* makeCluster(one.registry, workerLive(journal), { heartbeat: "200 millis" })
      const a = yield* cluster.add("a")
      yield* TestClock.adjust("20 seconds")
      yield* a.pogo.startChildren(["x", "y"].map((key) => Worker.spec(key, {})))
      yield* cluster.add("b", { registry: two.registry }, Layer.empty)
      yield* TestClock.adjust("5 seconds")
      const specs = yield* one.hold("snap")
      faulty.lose()
      yield* takes(specs.arrived, 10)
      expect([faulty.state().claim.size, faulty.state().spec.size]).toEqual([2, 0])
      const tombstones = yield* one.hold("snap")
      yield* specs.execute
      yield* specs.reply
      yield* tombstones.arrived
      yield* TestClock.adjust("1 second")
      expect(Array.from(faulty.state().spec.keys()).sort()).toEqual(["Worker/x", "Worker/y"])
      const log = yield* one.hold("changes")
      yield* tombstones.execute
      yield* tombstones.reply
      yield* TestClock.adjust("500 millis")
      yield* log.execute
      yield* log.reply
      yield* TestClock.adjust("40 seconds")
      expect(journal.lines.map(({ id, node, what }) => `${id} ${node} ${what}`).sort()).toEqual(
        ["Worker/x a start", "Worker/y a start"]
      )
      expect(journal.running().length).toBe(2)
    }))
})
