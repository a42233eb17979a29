/**
 * Server-sent events: one source, read once however many watch, and only while somebody does. Whoever reads too slowly is
 * cut off, so that a watcher costs so many messages and no more.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as Mailbox from "effect/Mailbox"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { logError, printCause } from "../runtime/userCode.js"
import { Unavailable } from "./problems.js"

/** Messages that may wait for a watcher. */
const maxWaiting = 64

/** Time between two comments that keep proxies from closing a quiet connection. */
const heartbeat = Duration.seconds(15)

/** How long watchers may take to read the end when the server closes. */
const closingTime = Duration.seconds(1)

/** How many may watch, over all feeds. */
export interface Seats {
  readonly max: number
  taken: number
}

interface Watcher {
  readonly mailbox: Mailbox.Mailbox<Uint8Array>
  /** Cuts the connection. */
  readonly cut: () => void
}

const encoder = new TextEncoder()

const comment = (text: string): Uint8Array => encoder.encode(`: ${text}\n\n`)

/** One event. JSON has no line breaks, so its data is one line. */
const message = (event: string, data: unknown, id: string | undefined): Uint8Array =>
  encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)

/** A source of events, as it is told. */
export interface FeedSource<A> {
  readonly event: string
  readonly items: Stream.Stream<A>
  /** JSON of an item. */
  readonly encode: (item: A) => unknown
  readonly id?: (item: A) => string | undefined
  /** Whether whoever comes hears the last item at once. */
  readonly replaysLast: boolean
}

/** Those who watch one source. */
export class Feed<A> {
  private readonly watchers = new Set<Watcher>()
  private last: Uint8Array | undefined
  private closed = false

  constructor(
    private readonly source: FeedSource<A>,
    private readonly seats: Seats,
    private readonly running: FiberHandle.FiberHandle<void>
  ) {}

  private publish(bytes: Uint8Array): void {
    for (const watcher of this.watchers) {
      // One that is full has read nothing for a while: what it misses it would never know of.
      if (!watcher.mailbox.unsafeOffer(bytes)) this.leave(watcher, true)
    }
  }

  private leave(watcher: Watcher, cut: boolean): void {
    if (!this.watchers.delete(watcher)) return
    this.seats.taken--
    watcher.mailbox.unsafeDone(Exit.void)
    if (cut) watcher.cut()
    if (this.watchers.size === 0) this.last = undefined
  }

  /** Reads the source for all, until nobody is left. */
  private readonly run: Effect.Effect<void> = Effect.suspend(() => {
    const { encode, event, id, items } = this.source
    const reading = Stream.runForEach(items, (item) =>
      Effect.sync(() => {
        const bytes = message(event, encode(item), id?.(item))
        if (this.source.replaysLast) this.last = bytes
        this.publish(bytes)
      }))
    const beating = Effect.sync(() => this.publish(comment("still here"))).pipe(
      Effect.schedule(Schedule.spaced(heartbeat))
    )
    // Interrupted, it leaves those alone who may have come meanwhile: they have a reader of their own.
    return Effect.raceFirst(reading, Effect.asVoid(beating)).pipe(
      Effect.catchAllCause((cause) => logError(`HTTP: events ${event} ended: ${printCause(cause)}`)),
      Effect.zipRight(Effect.sync(() => this.endAll()))
    )
  })

  private endAll(): void {
    for (const watcher of this.watchers) this.leave(watcher, false)
  }

  /** A watcher's bytes, from now on. Its seat is given back with the scope. */
  watch(cut: () => void): Effect.Effect<Stream.Stream<Uint8Array>, Unavailable, Scope.Scope> {
    const join = Effect.gen(this, function*() {
      if (this.closed || this.seats.taken >= this.seats.max) {
        const message = this.closed ? "The server is closing." : `${this.seats.max} watch already.`
        return yield* Effect.fail(new Unavailable({ message, remedy: "close another page, or try it again later" }))
      }
      const mailbox = yield* Mailbox.make<Uint8Array>({ capacity: maxWaiting, strategy: "dropping" })
      const watcher: Watcher = { mailbox, cut }
      mailbox.unsafeOffer(comment("welcome"))
      if (this.last !== undefined) mailbox.unsafeOffer(this.last)
      this.seats.taken++
      this.watchers.add(watcher)
      if (this.watchers.size === 1) yield* FiberHandle.run(this.running, this.run)
      return watcher
    })
    const quit = (watcher: Watcher) =>
      Effect.suspend(() => {
        this.leave(watcher, false)
        return this.watchers.size === 0 ? FiberHandle.clear(this.running) : Effect.void
      })
    return Effect.map(Effect.acquireRelease(join, quit), ({ mailbox }) => Mailbox.toStream(mailbox))
  }

  /** Ends all streams, and cuts those that do not read their end. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    const left = [...this.watchers]
    this.endAll()
    const isRead = Effect.forEach(left, ({ mailbox }) => mailbox.await, { concurrency: "unbounded", discard: true })
    return isRead.pipe(
      Effect.timeoutOption(closingTime),
      Effect.interruptible,
      Effect.zipRight(Effect.sync(() => {
        for (const { cut, mailbox } of left) if (mailbox.unsafeSize()._tag === "Some") cut()
      }))
    )
  })
}

/** A feed that lives as long as the scope. */
export const makeFeed = <A>(source: FeedSource<A>, seats: Seats): Effect.Effect<Feed<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const running = yield* FiberHandle.make<void>()
    return yield* Effect.acquireRelease(
      Effect.sync(() => new Feed(source, seats, running)),
      (feed) => feed.close
    )
  })
