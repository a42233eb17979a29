import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Schedule, TestClock } from "effect"
import { BatchQueue } from "../../../src/internal/node/outbox.js"
import { maxBatch, maxPageBytes } from "../../../src/internal/registry/commands.js"
import { holdsEffect, names } from "../../support/arbitrary.js"

type Batch<A> = ReadonlyArray<readonly [id: string, item: A]>

const pause = 500
const retries = Schedule.spaced(pause)

/** A lane whose sending takes some time and may fail, and what the other side got. */
const connect = <A>(lane: BatchQueue<A>, takes: () => number, works: () => boolean) =>
  Effect.gen(function*() {
    const received: Array<readonly [id: string, item: A]> = []
    const sizes: Array<number> = []
    const send = (batch: Batch<A>) =>
      Effect.gen(function*() {
        yield* Effect.sleep(takes())
        if (!works()) return yield* Effect.fail("not taken")
        sizes.push(batch.length)
        received.push(...batch)
      })
    yield* Effect.forkScoped(lane.run(send, retries))
    return { received, sizes }
  })

const offer = FastCheck.record({
  wait: FastCheck.nat(300),
  id: FastCheck.nat(4).map(String),
  value: FastCheck.nat(3)
})

describe("BatchQueue", () => {
  holdsEffect(
    "sends all that is offered, the newest value of each id last, through any failures",
    [
      FastCheck.array(offer, { minLength: 1, maxLength: 20 }),
      FastCheck.array(FastCheck.boolean(), { maxLength: 20 }),
      FastCheck.array(FastCheck.nat(700), { minLength: 1, maxLength: 5 })
    ],
    (offers, failures, times) =>
      Effect.gen(function*() {
        const lane = new BatchQueue<number>()
        let calls = 0
        const { received } = yield* connect(
          lane,
          () => times[calls % times.length]!,
          () => failures[calls++] !== true
        )
        const newest = new Map<string, number>()
        for (const { id, value, wait } of offers) {
          yield* TestClock.adjust(wait)
          newest.set(id, value)
          lane.offer(id, value)
          expect(lane.get(id)).toBe(value)
        }
        // Every failure costs a try and a pause; then two more tries take what is left.
        yield* TestClock.adjust((failures.length + 2) * (pause + 700))
        expect(lane.size).toBe(0)
        for (const [id, value] of newest) {
          expect(received.findLast(([known]) => known === id)?.[1]).toBe(value)
        }
      }),
    50
  )

  it.scoped("sends what is the same object again, when it is offered while it is being sent", () =>
    Effect.gen(function*() {
      const lane = new BatchQueue<{ state: string }>()
      const told: Array<string> = []
      const child = { state: "starting" }
      yield* Effect.forkScoped(lane.run((batch) => {
        const states = batch.map(([, { state }]) => state)
        return Effect.zipRight(Effect.sleep(1_000), Effect.sync(() => void told.push(...states)))
      }, retries))
      lane.offer("a", child)
      yield* TestClock.adjust(500)
      child.state = "running"
      lane.offer("a", child)
      yield* TestClock.adjust(5_000)
      expect(told).toEqual(["starting", "running"])
    }))

  it.scoped("sends no more than one batch at a time, and all of many", () =>
    Effect.gen(function*() {
      const lane = new BatchQueue<number>()
      const { received, sizes } = yield* connect(lane, () => 10, () => true)
      const ids = names(2 * maxBatch + 1)
      ids.forEach((id, i) => lane.offer(id, i))
      yield* TestClock.adjust(100)
      expect(sizes).toEqual([maxBatch, maxBatch, 1])
      expect(new Set(received.map(([id]) => id))).toEqual(new Set(ids))
    }))

  it.scoped("sends no more bytes at once than a page of the registry has, save for one item that is larger", () =>
    Effect.gen(function*() {
      const lane = new BatchQueue<number>(undefined, (_, size) => size)
      const { received, sizes } = yield* connect(lane, () => 10, () => true)
      const items = [60_000, 60_000, 60_000, 60_000, 60_000, 1_000_000, 10, maxPageBytes - 10, 1]
      items.forEach((size, i) => lane.offer(`K/${i}`, size))
      yield* TestClock.adjust(1_000)
      expect(sizes).toEqual([4, 1, 1, 2, 1])
      expect(received).toHaveLength(items.length)
    }))

  it.scoped("waits before it sends again what was not taken, and then sends what came meanwhile with it", () =>
    Effect.gen(function*() {
      const lane = new BatchQueue<string>()
      const tries: Array<ReadonlyArray<string>> = []
      yield* Effect.forkScoped(lane.run((batch) =>
        Effect.suspend(() => {
          tries.push(batch.map(([id, item]) => `${id}${item}`))
          return tries.length > 2 ? Effect.void : Effect.fail("not taken")
        }), retries))
      lane.offer("a", "1")
      yield* TestClock.adjust(pause - 1)
      lane.offer("b", "1")
      lane.offer("a", "2")
      expect(tries).toEqual([["a1"]])
      yield* TestClock.adjust(1)
      expect(tries).toEqual([["a1"], ["a2", "b1"]])
      yield* TestClock.adjust(pause)
      expect(tries.length).toBe(3)
      yield* TestClock.adjust(10 * pause)
      expect(tries.length).toBe(3)
    }))

  it.scoped("sends nothing of what was cleared", () =>
    Effect.gen(function*() {
      const lane = new BatchQueue<number>()
      lane.offer("a", 1)
      lane.clear()
      expect(lane.size).toBe(0)
      const { received } = yield* connect(lane, () => 0, () => true)
      yield* TestClock.adjust(1_000)
      expect(received).toEqual([])
      lane.offer("b", 2)
      yield* TestClock.adjust(1)
      expect(received).toEqual([["b", 2]])
    }))
})
