import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber, FiberSet, type Scope, TestClock } from "effect"
import { Batcher } from "../../../src/internal/commands/batcher.js"
import { maxBatch } from "../../../src/internal/registry/commands.js"
import { holdsEffect } from "../../support/arbitrary.js"

interface Scene {
  readonly batcher: Batcher<number, string, Error>
  readonly sent: Array<ReadonlyArray<number>>
  /** The fibers that send. */
  readonly senders: FiberSet.FiberSet
  closed: boolean
}

/** A batcher whose sending takes 100 milliseconds, and fails where it is told to. */
const open = (
  fails: (batch: ReadonlyArray<number>) => boolean = () => false,
  groupOf?: (item: number) => string
): Effect.Effect<Scene, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sent: Array<ReadonlyArray<number>> = []
    const senders = yield* FiberSet.make()
    const runFork = yield* FiberSet.runtime(senders)()
    const send = (items: ReadonlyArray<number>) =>
      Effect.gen(function*() {
        sent.push(items)
        yield* Effect.sleep(100)
        if (fails(items)) return yield* Effect.fail(new Error(`no ${items.join()}`))
        return items.map(String)
      })
    const scene: Scene = {
      sent,
      senders,
      closed: false,
      batcher: new Batcher<number, string, Error>(
        (effect) => runFork(effect),
        send,
        Effect.yieldNow(),
        (wasSent) => (scene.closed ? new Error(wasSent ? "closed, sent" : "closed") : undefined),
        undefined,
        groupOf
      )
    }
    return scene
  })

describe("Batcher", () => {
  it.scoped("sends what comes at the same time together, and what comes meanwhile with the next", () =>
    Effect.gen(function*() {
      const { batcher, sent } = yield* open()
      const first = yield* Effect.fork(
        Effect.all([1, 2, 3].map((n) => batcher.submit(n)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(50)
      const second = yield* Effect.fork(Effect.all([4, 5].map((n) => batcher.submit(n)), { concurrency: "unbounded" }))
      yield* TestClock.adjust(150)
      expect(sent).toEqual([[1, 2, 3], [4, 5]])
      expect(yield* Fiber.join(first)).toEqual(["1", "2", "3"])
      expect(yield* Fiber.join(second)).toEqual(["4", "5"])
      const third = yield* Effect.fork(batcher.submit(6))
      yield* TestClock.adjust(100)
      expect(yield* Fiber.join(third)).toBe("6")
    }))

  it.scoped("sends no more than one command may hold at a time", () =>
    Effect.gen(function*() {
      const { batcher, sent } = yield* open()
      const items = Array.from({ length: 2 * maxBatch + 5 }, (_, i) => i)
      const all = yield* Effect.fork(Effect.forEach(items, (n) => batcher.submit(n), { concurrency: "unbounded" }))
      yield* TestClock.adjust(300)
      expect(sent.map((batch) => batch.length)).toEqual([maxBatch, maxBatch, 5])
      expect(yield* Fiber.join(all)).toEqual(items.map(String))
    }))

  it.scoped("fails those whose batch failed, and no others", () =>
    Effect.gen(function*() {
      const { batcher } = yield* open((batch) => batch.includes(1))
      const bad = yield* Effect.fork(Effect.all([1, 2].map((n) => Effect.exit(batcher.submit(n))), { concurrency: 2 }))
      yield* TestClock.adjust(50)
      const good = yield* Effect.fork(batcher.submit(3))
      yield* TestClock.adjust(200)
      for (const exit of yield* Fiber.join(bad)) expect(exit).toEqual(Exit.fail(new Error("no 1,2")))
      expect(yield* Fiber.join(good)).toBe("3")
    }))

  it.scoped("sends an item though its caller has been interrupted", () =>
    Effect.gen(function*() {
      const { batcher, sent } = yield* open()
      const caller = yield* Effect.fork(batcher.submit(1))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(caller)
      yield* TestClock.adjust(200)
      expect(sent).toEqual([[1]])
    }))

  it.scoped("leaves no caller waiting when it is closed while a batch is on its way", () =>
    Effect.gen(function*() {
      const scene = yield* open()
      const first = yield* Effect.fork(Effect.exit(scene.batcher.submit(1)))
      yield* TestClock.adjust(50)
      const second = yield* Effect.fork(Effect.exit(scene.batcher.submit(2)))
      yield* Effect.yieldNow()
      scene.closed = true
      yield* FiberSet.clear(scene.senders)
      expect(yield* Fiber.join(first)).toEqual(Exit.fail(new Error("closed, sent")))
      expect(Exit.isFailure(yield* Fiber.join(second))).toBe(true)
      expect(yield* Effect.exit(scene.batcher.submit(3))).toEqual(Exit.fail(new Error("closed")))
      expect(scene.sent).toEqual([[1]])
    }))

  it.scoped("keeps those of a group together and apart from others, and none waits for another group's answer", () =>
    Effect.gen(function*() {
      const { batcher, sent } = yield* open(undefined, (item) => (item % 2 === 0 ? "even" : "odd"))
      const all = yield* Effect.forEach([1, 2, 3, 4], (item) => Effect.fork(batcher.submit(item)))
      yield* TestClock.adjust(1)
      // Both are on their way at once.
      expect(sent).toEqual([[1, 3], [2, 4]])
      yield* Effect.fork(batcher.submit(6))
      yield* TestClock.adjust(99)
      expect(yield* Effect.forEach(all, Fiber.join)).toEqual(["1", "2", "3", "4"])
      yield* TestClock.adjust(1)
      expect(sent).toEqual([[1, 3], [2, 4], [6]])
    }))

  holdsEffect(
    "answers every item by its own result, in whatever order and batches they go",
    [FastCheck.array(FastCheck.record({ wait: FastCheck.nat(150), item: FastCheck.nat(20) }), { maxLength: 30 })],
    (items) =>
      Effect.gen(function*() {
        const { batcher, sent } = yield* open((batch) => batch.includes(13))
        const calls: Array<readonly [number, Fiber.RuntimeFiber<Exit.Exit<string, Error>>]> = []
        for (const { item, wait } of items) {
          yield* TestClock.adjust(wait)
          calls.push([item, yield* Effect.fork(Effect.exit(batcher.submit(item)))])
        }
        yield* TestClock.adjust((items.length + 1) * 100)
        for (const [item, call] of calls) {
          const exit = yield* Fiber.join(call)
          if (Exit.isSuccess(exit)) expect(exit.value).toBe(String(item))
          else expect(sent.some((batch) => batch.includes(13) && batch.includes(item))).toBe(true)
        }
        expect(sent.flat()).toEqual(items.map(({ item }) => item))
      }),
    40
  )
})
