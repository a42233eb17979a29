/**
 * A node takes no more children than it is told to.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const makeScene = Effect.gen(function*() {
  const journal = new Journal()
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
  const on = (node: string) => journal.running().filter((one) => one.node === node).length
  return { cluster, journal, on }
})

const specs = (count: number, prefix = "x") => Array.from({ length: count }, (_, i) => Worker.spec(`${prefix}${i}`, {}))

describe("maxChildren", () => {
  it.scoped("sends children where there is room; for what has none it says so, until there is", () =>
    Effect.gen(function*() {
      const { cluster, journal, on } = yield* makeScene
      const a = yield* cluster.add("a", { maxChildren: 10 })
      yield* cluster.add("b", { maxChildren: 20 })
      yield* a.pogo.startChildren(specs(28))
      yield* TestClock.adjust("10 seconds")
      expect(on("a") + on("b")).toBe(28)
      expect(on("a")).toBeLessThanOrEqual(10)
      yield* a.pogo.startChildren(specs(5, "y"))
      yield* TestClock.adjust("10 seconds")
      expect([on("a"), on("b")]).toEqual([10, 20])
      const pending = (yield* a.pogo.whichChildren("global")).filter(({ status }) => status._tag === "Pending")
      expect(pending.map(({ status }) => status)).toEqual(
        [1, 2, 3].map(() => ({ _tag: "Pending", reason: "no node has room" }))
      )
      const explained = (id: string) => a.pogo.explain(id as `Worker/${string}`)
      const waiting = yield* explained(pending[0]!.id)
      expect(waiting.text).toContain("no node has room")
      expect(waiting.belongs).toBeUndefined()
      const full = "it has as many children as it takes (maxChildren)"
      expect(waiting.nodes.map(({ obstacle }) => obstacle)).toEqual([full, full])
      // A full node is the home of what it has, and of nothing else.
      for (const { id, node } of journal.running()) {
        const { belongs, nodes, text } = yield* explained(id)
        expect([belongs, nodes.map(({ obstacle }) => obstacle)]).toEqual([node, [undefined, full]])
        expect(text).toContain(`It belongs there. There is no room on ${node === "a" ? "b" : "a"}.`)
      }
      // Nobody left a full node for one that is full as well, nor came back and forth.
      const starts = journal.lines.length
      yield* TestClock.adjust("1 minute")
      expect(journal.lines.length).toBe(starts)
      yield* cluster.add("c")
      yield* TestClock.adjust("20 seconds")
      expect(journal.running().length).toBe(33)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("is open again when a twentieth of its children has ended", () =>
    Effect.gen(function*() {
      const { cluster, journal, on } = yield* makeScene
      const a = yield* cluster.add("a", { maxChildren: 40 })
      yield* a.pogo.startChildren(specs(42))
      yield* TestClock.adjust("5 seconds")
      expect(on("a")).toBe(40)
      const [first, second] = journal.running()
      yield* a.pogo.terminateChild(first!.id as `Worker/${string}`)
      yield* TestClock.adjust("5 seconds")
      expect(on("a")).toBe(39)
      yield* a.pogo.terminateChild(second!.id as `Worker/${string}`)
      yield* TestClock.adjust("5 seconds")
      expect(on("a")).toBe(40)
    }))
})
