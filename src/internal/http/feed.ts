/**
 * Server-sent events: one source, read once however many watch, and only while somebody does. Whoever reads too slowly is
 * cut off, so that a watcher costs so many messages and no more. Whoever comes back and says which event was his last is
 * told what he missed, where the source can tell.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { logError, logInfo, printCause } from "../runtime/userCode.js"
import { Unavailable } from "./problems.js"

/** Messages that may wait for a watcher. */
const maxWaiting = 64

/** Time between two comments that keep proxies from closing a quiet connection. */
const heartbeat = Duration.seconds(15)

/** How long watchers may take to read the end when the server closes. */
const closingTime = Duration.seconds(1)

/** How long one who comes back waits for what he missed: then his stream ends, and he comes again. */
const resumeTime = Duration.seconds(10)

/** How many may watch, over all feeds. */
export interface Seats {
  readonly max: number
  taken: number
}

/** What is sent as one piece. `place`: of its item; a comment has none. */
interface Part {
  readonly bytes: Uint8Array
  readonly place: bigint | undefined
}

interface Watcher {
  readonly mailbox: Mailbox.Mailbox<Part>
  /** Cuts the connection. */
  readonly cut: () => void
}

const encoder = new TextEncoder()

const comment = (text: string): Part => ({ bytes: encoder.encode(`: ${text}\n\n`), place: undefined })

/** One event. JSON has no line breaks, so its data is one line. */
const message = (event: string, data: unknown, id: string | undefined): Uint8Array =>
  encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)

/** What one missed who comes back. */
export interface MissedItems<A> {
  /** The oldest first. */
  readonly items: ReadonlyArray<A>
  /** Place of the newest item there is; those to come have higher ones. */
  readonly newest: bigint
  /** Whether these are all. */
  readonly complete: boolean
}

/** How one who comes back goes on where he was. */
export interface FeedMemory<A> {
  /** What came after the item of an id; `undefined` for what is no id of this feed. */
  readonly since: (id: string) => Effect.Effect<MissedItems<A>, unknown> | undefined
  readonly placeOf: (item: A) => bigint
}

/** A source of events, as it is told. */
export interface FeedSource<A> {
  readonly event: string
  /** `begun` is to be run as soon as no item is missed any more. Only a feed with a memory needs it. */
  readonly items: (begun: Effect.Effect<unknown>) => Stream.Stream<A>
  /** JSON of an item. */
  readonly encode: (item: A) => unknown
  readonly id?: (item: A) => string | undefined
  /** Whether whoever comes hears the last item at once. */
  readonly replaysLast: boolean
  /** Missing: whoever comes back hears what comes from then on. */
  readonly memory?: FeedMemory<A>
}

/** Those who watch one source. */
export class Feed<A> {
  private readonly watchers = new Set<Watcher>()
  private last: Part | undefined
  private closed = false
  /** Done when the source has begun for those who watch now. */
  private begun = Deferred.unsafeMake<void>(FiberId.none)

  constructor(
    private readonly source: FeedSource<A>,
    private readonly seats: Seats,
    private readonly running: FiberHandle.FiberHandle<void>
  ) {}

  private publish(part: Part): void {
    for (const watcher of this.watchers) {
      // One that is full has read nothing for a while: what it misses it would never know of.
      if (!watcher.mailbox.unsafeOffer(part)) this.leave(watcher, true)
    }
  }

  private partOf(item: A): Part {
    const { encode, event, id, memory } = this.source
    return { bytes: message(event, encode(item), id?.(item)), place: memory?.placeOf(item) }
  }

  private leave(watcher: Watcher, cut: boolean): void {
    if (!this.watchers.delete(watcher)) return
    this.seats.taken--
    watcher.mailbox.unsafeDone(Exit.void)
    if (cut) watcher.cut()
    if (this.watchers.size === 0) this.last = undefined
  }

  /** Reads the source for all, until nobody is left. */
  private run(begun: Deferred.Deferred<void>): Effect.Effect<void> {
    const { event, items } = this.source
    const reading = Stream.runForEach(items(Deferred.succeed(begun, undefined)), (item) =>
      Effect.sync(() => {
        const part = this.partOf(item)
        if (this.source.replaysLast) this.last = part
        this.publish(part)
      }))
    const beating = Effect.sync(() => this.publish(comment("still here"))).pipe(
      Effect.schedule(Schedule.spaced(heartbeat))
    )
    // Interrupted, it leaves those alone who may have come meanwhile: they have a reader of their own.
    return Effect.raceFirst(reading, Effect.asVoid(beating)).pipe(
      Effect.catchAllCause((cause) => logError(`HTTP: events ${event} ended: ${printCause(cause)}`)),
      Effect.zipRight(Effect.sync(() => this.endAll()))
    )
  }

  private endAll(): void {
    for (const watcher of this.watchers) this.leave(watcher, false)
  }

  /**
   * What was missed, then what has come meanwhile. Who joined before the source had begun, and reads what he missed after
   * it has, misses nothing in between; what he hears twice is left out.
   */
  private resumed(
    live: Stream.Stream<Part>,
    lastId: string,
    missed: ReturnType<FeedMemory<A>["since"]> & object
  ): Stream.Stream<Part> {
    const reading = Effect.zipRight(Deferred.await(this.begun), missed).pipe(
      Effect.map(({ complete, items, newest }) => {
        const gap = complete ? [] : [{ bytes: message("gap", { after: lastId }, undefined), place: undefined }]
        const isNew = ({ place }: Part) => place === undefined || place > newest
        const before = [...gap, ...items.map((item) => this.partOf(item))]
        return Stream.concat(Stream.fromIterable(before), Stream.filter(live, isNew))
      }),
      Effect.timeout(resumeTime),
      Effect.catchAllCause((cause) =>
        Effect.as(
          logInfo(`HTTP: what came since event ${lastId} was not to be read: ${printCause(cause)}`),
          Stream.empty
        )
      )
    )
    return Stream.unwrap(reading)
  }

  /**
   * A watcher's bytes: from now on, or from behind the event of `lastId`. Its seat is given back with the scope.
   */
  watch(cut: () => void, lastId?: string): Effect.Effect<Stream.Stream<Uint8Array>, Unavailable, Scope.Scope> {
    const missed = lastId === undefined ? undefined : this.source.memory?.since(lastId)
    const join = Effect.gen(this, function*() {
      if (this.closed || this.seats.taken >= this.seats.max) {
        const message = this.closed ? "The server is closing." : `${this.seats.max} watch already.`
        return yield* Effect.fail(new Unavailable({ message, remedy: "close another page, or try it again later" }))
      }
      const mailbox = yield* Mailbox.make<Part>({ capacity: maxWaiting, strategy: "dropping" })
      const watcher: Watcher = { mailbox, cut }
      mailbox.unsafeOffer(comment("welcome"))
      if (this.last !== undefined) mailbox.unsafeOffer(this.last)
      this.seats.taken++
      this.watchers.add(watcher)
      if (this.watchers.size === 1) {
        this.begun = Deferred.unsafeMake(FiberId.none)
        yield* FiberHandle.run(this.running, this.run(this.begun))
      }
      return watcher
    })
    const quit = (watcher: Watcher) =>
      Effect.suspend(() => {
        this.leave(watcher, false)
        return this.watchers.size === 0 ? FiberHandle.clear(this.running) : Effect.void
      })
    return Effect.map(Effect.acquireRelease(join, quit), ({ mailbox }) => {
      const live = Mailbox.toStream(mailbox)
      const parts = missed === undefined ? live : this.resumed(live, lastId!, missed)
      return Stream.map(parts, ({ bytes }) => bytes)
    })
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
