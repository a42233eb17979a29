/**
 * The connection that renewals do not use: one failure there says nothing of the quiet time that follows.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { RegistryUnavailable } from "../../src/PogoError.js"
import { makeCluster, type Registry } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

/** How the work connection behaves: as it should, cut at once, or silent. */
type Way = "good" | "cut" | "silent"

const running = (journal: Journal): ReadonlyArray<string> => journal.running().map(({ id }) => id)

const scene = Effect.gen(function*() {
  const { registry } = (yield* makeFaulty()).line()
  const work = { way: "good" as Way, probes: 0 }
  const flaky: Registry = {
    ...registry,
    execute: (name, envelope, args) => {
      if (name === "changes") work.probes++
      if (name === "tick" || work.way === "good") return registry.execute(name, envelope, args)
      return work.way === "silent"
        ? Effect.never
        : Effect.fail(new RegistryUnavailable({ operation: name, reason: "Disconnected", detail: "cut", sent: true }))
    }
  }
  const journal = new Journal()
  const { pogo } = yield* (yield* makeCluster(flaky, workerLive(journal))).add("a")
  yield* pogo.startChild(Worker.spec("x", {}))
  yield* TestClock.adjust("3 seconds")
  expect(running(journal)).toEqual(["Worker/x"])
  /** A call that fails: the node has something to doubt. */
  const fail = Effect.gen(function*() {
    yield* Effect.fork(Effect.ignore(pogo.startChild(Worker.spec("y", {}))))
    yield* TestClock.adjust("100 millis")
  })
  return { journal, pogo, work, fail, starts: () => journal.starts("Worker/x").length }
})

describe("the work connection", () => {
  it.scoped("one call that fails before a quiet time stops nothing, and one answered probe is enough", () =>
    Effect.gen(function*() {
      const { fail, journal, starts, work } = yield* scene
      work.way = "cut"
      yield* fail
      work.way = "good"
      work.probes = 0
      yield* TestClock.adjust("60 seconds")
      expect([running(journal).includes("Worker/x"), starts()]).toEqual([true, 1])
      // One probe, and the passes of the safety net: the doubt is over with the first answer.
      expect(work.probes).toBeLessThan(5)
    }))

  it.scoped("failures that come and go stop nothing, however long that goes on", () =>
    Effect.gen(function*() {
      const { fail, starts, work } = yield* scene
      for (let i = 0; i < 10; i++) {
        work.way = i % 2 === 0 ? "cut" : "silent"
        yield* fail
        yield* TestClock.adjust("5 seconds")
        work.way = "good"
        yield* TestClock.adjust("2500 millis")
      }
      expect(starts()).toBe(1)
    }))

  for (const way of ["cut", "silent"] as const) {
    it.scoped(`a connection that stays ${way} is given up when a lease's length is over, and not before`, () =>
      Effect.gen(function*() {
        const { fail, journal, work } = yield* scene
        work.way = way
        yield* fail
        yield* TestClock.adjust("7500 millis")
        expect(running(journal)).toEqual(["Worker/x"])
        yield* TestClock.adjust("6 seconds")
        expect(running(journal)).toEqual([])
        work.way = "good"
        yield* TestClock.adjust("20 seconds")
        expect(running(journal)).toContain("Worker/x")
      }))
  }
})
