/** What a node without a lease says of the children that it stopped. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

describe("a node that lost its lease", () => {
  it.scoped("does not call running what it stopped", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const journal = new Journal()
      const cluster = yield* makeCluster(line.registry, workerLive(journal))
      const { pogo } = yield* cluster.add("a")
      yield* pogo.startChild(Worker.spec("x", {}))
      yield* pogo.awaitChild("Worker/x")
      line.dropRequests = true
      yield* TestClock.adjust("12 seconds")
      expect(journal.running()).toEqual([])
      const [row] = yield* pogo.whichChildren("global")
      expect(row?.status).toMatchObject({ _tag: "Pending", reason: expect.stringContaining("lost its lease") })
      line.dropRequests = false
      yield* TestClock.adjust("10 seconds")
      expect((yield* pogo.whichChildren("global"))[0]?.status._tag).toBe("Running")
      expect(journal.running().length).toBe(1)
    }))
})
