/**
 * Placements whose scores throw, or are no numbers, for some children: these wait, and nobody else notices.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Logger, Stream, TestClock } from "effect"
import { GroupRegistry, Placement, PogoEvent } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { unprintable } from "../support/unprintable.js"
import { Worker, workerLive } from "../support/worker.js"

const troubles: ReadonlyArray<readonly [name: string, score: () => number]> = [
  ["throws", () => {
    throw new Error("planted")
  }],
  ["is NaN", () => NaN],
  ["is nothing", () => undefined as unknown as number],
  ["is a text", () => "1" as unknown as number],
  ["is a bigint", () => 5n as unknown as number],
  ["is a proxy that throws", unprintable["a proxy that throws"] as () => number],
  ["throws a proxy that throws", () => {
    throw unprintable["a proxy that throws"]!()
  }],
  ["throws an error whose message throws", () => {
    throw unprintable["a message that throws"]!()
  }]
]

describe("a score", () => {
  it.scoped.each(troubles)(
    "that %s keeps its own child only, and that says so",
    ([, trouble]) =>
      Effect.gen(function*() {
        let healed = false
        const score: Placement.Placement["Type"]["score"] = (child, node) =>
          child.id === "Worker/bad" && !healed ? trouble() : Placement.rendezvous(child, node)
        const lines: Array<string> = []
        const logger = Logger.replace(
          Logger.defaultLogger,
          Logger.make((line) => void lines.push(String(line.message)))
        )
        const journal = new Journal()
        const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
        const add = (name: string) =>
          cluster.add(name).pipe(Effect.provideService(Placement.Placement, { score }), Effect.provide(logger))
        const a = yield* add("a")
        const events = yield* Effect.fork(Stream.runCollect(a.pogo.events))
        yield* Effect.yieldNow()
        yield* a.pogo.startChildren(
          ["bad", ...Array.from({ length: 20 }, (_, i) => `x${i}`)].map((key) => Worker.spec(key, {}))
        )
        yield* TestClock.adjust("4 seconds")
        const b = yield* add("b")
        yield* TestClock.adjust("20 seconds")
        expect(journal.running().length).toBe(20)
        expect(new Set(journal.running().map(({ node }) => node)).size).toBe(2)
        for (const { pogo } of [a, b]) {
          expect((yield* pogo.whichChildren("global")).length).toBe(21)
          expect(yield* pogo.countChildren).toMatchObject({ running: 20, pending: 1 })
          const { nodes, row, text } = yield* pogo.explain("Worker/bad")
          expect(row?.status).toMatchObject({
            _tag: "Pending",
            reason: expect.stringContaining("its score by the placement")
          })
          expect(nodes.map(({ obstacle }) => obstacle)).toEqual(Array(2).fill(expect.stringContaining("its score")))
          expect(text.length).toBeLessThan(3_000)
        }
        expect(lines.filter((line) => line.includes("cannot be placed")).length).toBeGreaterThan(0)
        expect(lines.filter((line) => line.includes("loop died"))).toEqual([])
        healed = true
        yield* TestClock.adjust("2 minutes")
        expect(journal.running("Worker/bad").length).toBe(1)
        yield* a.stop
        const seen = Chunk.toReadonlyArray(
          yield* Fiber.join(events).pipe(Effect.timeoutTo({
            duration: 0,
            onSuccess: (chunk) => chunk,
            onTimeout: () => Chunk.empty<PogoEvent.PogoEvent>()
          }))
        )
        expect(seen.filter(PogoEvent.$is("LoopRestarted"))).toEqual([])
        expect(journal.violations()).toEqual([])
      })
  )
})
