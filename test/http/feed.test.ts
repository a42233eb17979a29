/**
 * Those who watch: one source for all, bounds for each.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue, Ref, Scope, Stream, TestClock } from "effect"
import { type Feed, makeFeed } from "../../src/internal/http/feed.js"

/** A feed of numbers from a queue, and how often its source was read so far, and is now. */
const numbers = (max = 1_000, replaysLast = true) =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<number>()
    const [reads, open] = [yield* Ref.make(0), yield* Ref.make(0)]
    const items = Stream.acquireRelease(
      Effect.zipRight(Ref.update(reads, (n) => n + 1), Ref.update(open, (n) => n + 1)),
      () => Ref.update(open, (n) => n - 1)
    ).pipe(Stream.flatMap(() => Stream.fromQueue(queue)))
    let encoded = 0
    const encode = (n: number) => {
      encoded++
      return { n }
    }
    const seats = { max, taken: 0 }
    const feed = yield* makeFeed({ event: "number", items: () => items, encode, id: (n) => `${n}`, replaysLast }, seats)
    return { feed, queue, reads, open, seats, encodings: () => encoded }
  })

/** Everything that a watcher reads until its end. */
const reading = <A>(feed: Feed<A>) =>
  Effect.gen(function*() {
    let text = ""
    const bytes = yield* feed.watch(() => {})
    yield* Stream.runForEach(bytes, (part) => Effect.sync(() => (text += new TextDecoder().decode(part))))
    return text
  }).pipe(Effect.scoped)

const rest = Effect.zipRight(TestClock.adjust("1 millis"), Effect.yieldNow())

describe("a feed", () => {
  it.scoped("reads its source once for 100 watchers, only while somebody watches", () =>
    Effect.gen(function*() {
      const { encodings, feed, open, queue, reads } = yield* numbers()
      yield* rest
      expect(yield* Ref.get(reads)).toBe(0)
      const fibers = yield* Effect.replicateEffect(Effect.fork(reading(feed)), 100)
      yield* rest
      yield* Queue.offerAll(queue, [1, 2, 3])
      yield* rest
      expect([yield* Ref.get(reads), yield* Ref.get(open), encodings()]).toEqual([1, 1, 3])
      yield* Fiber.interruptAll(fibers)
      yield* rest
      expect([yield* Ref.get(reads), yield* Ref.get(open)]).toEqual([1, 0])
      const again = yield* Effect.fork(reading(feed))
      yield* rest
      expect([yield* Ref.get(reads), yield* Ref.get(open)]).toEqual([2, 1])
      yield* Fiber.interrupt(again)
    }))

  it.scoped("tells events by their names and ids, the last one at once to whoever comes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { feed, queue } = yield* Scope.extend(numbers(), scope)
      const first = yield* Effect.fork(reading(feed))
      yield* rest
      yield* Queue.offer(queue, 7)
      yield* rest
      const second = yield* Effect.fork(reading(feed))
      yield* rest
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      const text = ": welcome\n\nid: 7\nevent: number\ndata: {\"n\":7}\n\n"
      expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual([text, text])
    }))

  it.scoped("keeps quiet connections open by comments", () =>
    Effect.gen(function*() {
      const { feed } = yield* numbers()
      const parts: Array<string> = []
      const bytes = yield* feed.watch(() => {})
      yield* Effect.forkScoped(
        Stream.runForEach(bytes, (part) => Effect.sync(() => parts.push(new TextDecoder().decode(part))))
      )
      yield* TestClock.adjust("31 seconds")
      expect(parts).toEqual([": welcome\n\n", ": still here\n\n", ": still here\n\n"])
    }))

  it.scoped("cuts off who does not read, and nobody else", () =>
    Effect.gen(function*() {
      const { feed, queue, seats } = yield* numbers()
      let cut = 0
      yield* Effect.asVoid(feed.watch(() => cut++))
      let read = 0
      const bytes = yield* feed.watch(() => cut++)
      yield* Effect.forkScoped(Stream.runForEach(bytes, () => Effect.sync(() => read++)))
      for (let i = 0; i < 100; i++) {
        yield* Queue.offer(queue, i)
        yield* rest
      }
      expect([cut, read, seats.taken]).toEqual([1, 101, 1])
    }))

  it.scoped("has so many seats, which are given back", () =>
    Effect.gen(function*() {
      const { feed, seats } = yield* numbers(2)
      const fibers = yield* Effect.replicateEffect(Effect.fork(reading(feed)), 2)
      yield* rest
      const refused = yield* Effect.flip(Effect.scoped(feed.watch(() => {})))
      expect(refused).toMatchObject({ error: "Unavailable", message: "2 watch already." })
      yield* Fiber.interruptAll(fibers)
      expect(seats.taken).toBe(0)
      yield* Effect.asVoid(Effect.scoped(feed.watch(() => {})))
    }))

  it.scoped("tells who comes back what he missed, once, and then what comes", () =>
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<number>()
      const [begin, read] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const asked: Array<string> = []
      /** What there is when it is read: the newest two of what somebody missed. */
      const known: Array<number> = [1, 2, 3]
      const since = (id: string) => {
        asked.push(id)
        return id === "x" ? undefined : Effect.map(Deferred.await(read), () => {
          const missed = known.filter((n) => n > Number(id))
          return { items: missed.slice(-2), newest: BigInt(known.at(-1)!), complete: missed.length <= 2 }
        })
      }
      const feed = yield* makeFeed({
        event: "n",
        items: (begun) =>
          Stream.unwrap(
            Effect.as(Effect.zipRight(Deferred.await(begin), begun), Stream.fromQueue(queue))
          ),
        encode: (n) => n,
        id: (n) => `${n}`,
        replaysLast: false,
        memory: { since, placeOf: BigInt }
      }, { max: 10, taken: 0 })
      const texts: Array<string> = []
      const watching = (lastId: string | undefined) =>
        Effect.gen(function*() {
          const i = texts.push("") - 1
          const bytes = yield* feed.watch(() => {}, lastId)
          yield* Effect.forkScoped(
            Stream.runForEach(bytes, (part) => Effect.sync(() => (texts[i] += new TextDecoder().decode(part))))
          )
        })
      yield* watching("1")
      yield* watching("0")
      yield* watching("3")
      yield* watching(undefined)
      yield* watching("x")
      yield* rest
      // The source has not begun: what comes until then would be missed.
      yield* Deferred.succeed(read, undefined)
      yield* rest
      expect(texts.slice(0, 3)).toEqual(["", "", ""])
      known.push(4)
      yield* Queue.offer(queue, 4)
      yield* Deferred.succeed(begin, undefined)
      yield* rest
      yield* Queue.offer(queue, 5)
      yield* rest
      const events = (...numbers: ReadonlyArray<number>) =>
        numbers.map((n) => `id: ${n}\nevent: n\ndata: ${n}\n\n`).join("")
      const [welcome, gap] = [": welcome\n\n", (after: string) => `event: gap\ndata: {"after":"${after}"}\n\n`]
      expect(texts).toEqual([
        `${gap("1")}${events(3, 4)}${welcome}${events(5)}`,
        `${gap("0")}${events(3, 4)}${welcome}${events(5)}`,
        `${events(4)}${welcome}${events(5)}`,
        `${welcome}${events(4, 5)}`,
        `${welcome}${events(4, 5)}`
      ])
      expect(asked).toEqual(["1", "0", "3", "x"])
    }))

  it.scoped("ends for one who comes back where what he missed cannot be read", () =>
    Effect.gen(function*() {
      const seats = { max: 10, taken: 0 }
      for (const since of [() => Effect.never, () => Effect.fail("no registry")]) {
        const feed = yield* makeFeed({
          event: "n",
          items: (begun) => Stream.unwrap(Effect.as(begun, Stream.never)),
          encode: (n) => n,
          replaysLast: false,
          memory: { since, placeOf: () => 0n }
        }, seats)
        const fiber = yield* Effect.fork(
          Effect.scoped(Effect.flatMap(feed.watch(() => {}, "7"), Stream.runCollect))
        )
        yield* TestClock.adjust("10 seconds")
        expect([...yield* Fiber.join(fiber)]).toEqual([])
        expect(seats.taken).toBe(0)
      }
    }))

  it.scoped("ends for all when its source ends, or fails for a fault of ours", () =>
    Effect.gen(function*() {
      const seats = { max: 10, taken: 0 }
      for (const items of [Stream.make(1), Stream.die("a fault")]) {
        const feed = yield* makeFeed({ event: "n", items: () => items, encode: (n) => n, replaysLast: false }, seats)
        const fiber = yield* Effect.fork(reading(feed))
        yield* rest
        expect(yield* Fiber.join(fiber)).toContain(": welcome")
        expect(seats.taken).toBe(0)
      }
    }))

  it.scoped("cuts at its end who does not read that", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { feed } = yield* Scope.extend(numbers(), scope)
      let cut = 0
      yield* Effect.asVoid(feed.watch(() => cut++))
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      expect(cut).toBe(1)
      expect(yield* Effect.flip(Effect.scoped(feed.watch(() => {})))).toMatchObject({ error: "Unavailable" })
    }))
})
