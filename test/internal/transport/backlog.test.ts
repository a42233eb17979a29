/**
 * What waits for a peer, and when a peer counts as one that takes nothing.
 */
import { describe, expect, it } from "@effect/vitest"
import { type Clock, Effect, Fiber, Option, TestClock } from "effect"
import { Duplex } from "node:stream"
import { FramedConnection } from "../../../src/internal/transport/framedConnection.js"

const second = 1_000

/** A link that takes bytes when it is told to, and tells of a write when all of it was taken, as a socket does. */
class Link extends Duplex {
  readonly taken: Array<Buffer> = []
  private readonly pending: Array<Buffer> = []
  private done: ((error?: Error | null) => void) | undefined

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this._writev([{ chunk }], done)
  }

  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.pending.push(...chunks.map(({ chunk }) => Buffer.from(chunk)))
    this.done = done
  }

  /** Takes as many bytes of those that were written. */
  accept(bytes: number): void {
    let left = bytes
    while (left > 0 && this.pending.length > 0) {
      const first = this.pending[0]!
      this.taken.push(first.subarray(0, left))
      if (first.length <= left) this.pending.shift()
      else this.pending[0] = first.subarray(left)
      left -= Math.min(left, first.length)
    }
    const { done } = this
    if (this.pending.length > 0 || done === undefined) return
    this.done = undefined
    done()
  }
}

const connected = (answers: boolean) =>
  Effect.gen(function*() {
    const link = new Link()
    const connection = yield* FramedConnection.make(link, "a", 1024 * 1024, answers)
    const ended = yield* Effect.forkScoped(connection.run(() => {}))
    return { connection, ended, link }
  })

/** Lets the stream act on what was written, or taken. */
const turn = Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve)))

/** Time passes, and the link takes some bytes each second. */
const pass = (link: Link, seconds: number, bytes: number) =>
  Effect.forEach(
    Array.from({ length: seconds }),
    () => Effect.zipRight(Effect.sync(() => link.accept(bytes)), Effect.zipRight(turn, TestClock.adjust(second))),
    {
      discard: true
    }
  )

const frames = Array.from({ length: 30 }, (_, i) => Buffer.alloc(100_000, i))

describe("a connection with much that waits", () => {
  it.scoped("goes on while the peer takes a little all the time, and every byte arrives in order", () =>
    Effect.gen(function*() {
      const { connection, ended, link } = yield* connected(false)
      for (const frame of frames) connection.write(frame)
      yield* turn
      const waits = yield* Effect.forkScoped(connection.ready)
      // Three megabytes at 64 kB a second: 46 seconds in all, 16 of them for what one turn had written.
      yield* pass(link, 25, 64 * 1024)
      expect(Option.isNone(yield* Fiber.poll(ended))).toBe(true)
      expect(Option.isNone(yield* Fiber.poll(waits))).toBe(true)
      yield* pass(link, 30, 64 * 1024)
      expect(Option.isNone(yield* Fiber.poll(ended))).toBe(true)
      yield* Fiber.join(waits)
      const sent = Buffer.concat(link.taken)
      expect(sent.length).toBe(frames.length * 100_004)
      frames.forEach((frame, i) => {
        const at = i * 100_004
        expect(sent.readUInt32BE(at)).toBe(frame.length)
        expect(sent.subarray(at + 4, at + 100_004).equals(frame)).toBe(true)
      })
    }))

  it.scoped("is given up ten seconds after the peer has stopped to take anything", () =>
    Effect.gen(function*() {
      const { connection, ended, link } = yield* connected(false)
      for (const frame of frames) connection.write(frame)
      yield* turn
      yield* pass(link, 5, 64 * 1024)
      yield* pass(link, 9, 0)
      expect(Option.isNone(yield* Fiber.poll(ended))).toBe(true)
      yield* pass(link, 2, 0)
      expect(yield* Fiber.join(ended)).toMatch(/^it did not read, and \d+ bytes waited for it$/)
    }))

  it.scoped("is not given up for a pause of this process", () =>
    Effect.gen(function*() {
      const sleeping: Array<() => void> = []
      const clock: Clock.Clock = {
        ...yield* Effect.clock,
        sleep: () => Effect.async<void>((resume) => void sleeping.push(() => resume(Effect.void)))
      }
      const { connection, ended, link } = yield* Effect.withClock(connected(false), clock)
      for (const frame of frames) connection.write(frame)
      yield* turn
      for (let i = 0; i < 3; i++) {
        // However long nothing of this process ran: what was due meanwhile is late, and comes before anything is written.
        for (const wake of sleeping.splice(0)) wake()
        yield* turn
        expect(Option.isNone(yield* Fiber.poll(ended))).toBe(true)
        link.accept(512 * 1024)
        yield* turn
      }
      expect(link.taken.length).toBeGreaterThan(8)
    }))

  it.scoped("sends what waits before its end", () =>
    Effect.gen(function*() {
      const { connection, link } = yield* connected(true)
      for (const frame of frames) connection.write(frame)
      yield* turn
      connection.end("closed")
      yield* turn
      link.accept(Infinity)
      yield* turn
      link.accept(Infinity)
      yield* turn
      expect(Buffer.concat(link.taken).length).toBe(frames.length * 100_004)
    }))
})
