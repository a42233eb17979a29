/** Many nodes that come at once. Numbers in brackets are rows of `docs/faults.md`. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { measured } from "../support/measured.js"
import { Worker, workerLive } from "../support/worker.js"

describe("a storm of joins", () => {
  it.scoped("[F10] of 20 nodes within a second moves each child once at most", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      for (const name of ["a", "b", "c"]) yield* cluster.add(name)
      const count = 200
      yield* cluster.nodes.get("a")!.pogo.startChildren(
        Array.from({ length: count }, (_, i) => Worker.spec(`x${i}`, {}))
      )
      yield* TestClock.adjust("3 seconds")
      const before = new Map(journal.running().map(({ id, node }) => [id, node]))
      for (let i = 0; i < 20; i++) {
        yield* cluster.add(`n${i}`)
        yield* TestClock.adjust("50 millis")
      }
      yield* TestClock.adjust("12 seconds")
      const after = new Map(journal.running().map(({ id, node }) => [id, node]))
      expect(after.size).toBe(count)
      const ideal = Array.from(after).filter(([id, node]) => before.get(id) !== node).length
      const moved = journal.lines.filter(({ what }) => what === "start").length - count
      expect(journal.violations()).toEqual([])
      expect(new Set(after.values()).size).toBe(23)
      measured("F10", `20 nodes in 1 s, ${count} children: ${moved} moves, ${ideal} were needed`)
      expect(moved).toBeLessThanOrEqual(ideal * 1.1)
    }))
})
