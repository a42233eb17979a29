/**
 * Calls while the registry's data is new: what it does not know may exist all the same.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const ids = Array.from({ length: 12 }, (_, i) => `x${i}`)

const scene = Effect.gen(function*() {
  const faulty = yield* makeFaulty("settle")
  const journal = new Journal()
  const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal))
  const a = yield* cluster.add("a")
  const line = faulty.line()
  yield* cluster.add("b", { registry: line.registry })
  yield* TestClock.adjust("20 seconds")
  yield* a.pogo.startChildren(ids.map((id) => Worker.spec(id, {})))
  yield* TestClock.adjust("3 seconds")
  expect(journal.running().length).toBe(ids.length)
  /** `a` has joined the new data set; `b`, which runs half of the children, has not heard of it. */
  const lose = Effect.gen(function*() {
    line.dropRequests = true
    faulty.lose()
    yield* TestClock.adjust("2 seconds")
    expect(yield* a.pogo.ready).toBe(true)
  })
  return { a, lose, line, journal }
})

describe("a child that the registry's new data does not hold yet", () => {
  it.scoped("is terminated when it is known again, not called absent and brought back", () =>
    Effect.gen(function*() {
      const { a, journal, line, lose } = yield* scene
      yield* lose
      const calls = yield* Effect.fork(
        Effect.forEach(ids, (id) => a.pogo.terminateChild(`Worker/${id}`), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("500 millis")
      line.dropRequests = false
      yield* TestClock.adjust("60 seconds")
      const answers = yield* Fiber.join(calls)
      expect(new Set(answers.map(({ _tag }) => _tag))).toEqual(new Set(["Terminated"]))
      expect(journal.running()).toEqual([])
    }))

  it.scoped("is replaced or restarted when it is known again, not called unknown", () =>
    Effect.gen(function*() {
      const { a, journal, line, lose } = yield* scene
      yield* lose
      const call = (id: string, i: number): Effect.Effect<void, unknown> =>
        i % 2 === 0
          ? Effect.asVoid(a.pogo.restartChild(`Worker/${id}`))
          : Effect.asVoid(a.pogo.replaceChild(Worker.spec(id, { stopTakes: 1 })))
      const calls = yield* Effect.fork(Effect.forEach(ids, call))
      yield* TestClock.adjust("500 millis")
      line.dropRequests = false
      yield* TestClock.adjust("60 seconds")
      expect((yield* Fiber.join(calls)).length).toBe(ids.length)
      for (const id of ids) expect(journal.starts(`Worker/${id}`).length).toBe(2)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("is absent if nobody remembers it, once the quarantine is over", () =>
    Effect.gen(function*() {
      const { a, lose } = yield* scene
      yield* lose
      const call = yield* Effect.fork(a.pogo.terminateChild("Worker/never"))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.poll(call)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(call)).toEqual({ _tag: "Absent", id: "Worker/never" })
    }))
})
