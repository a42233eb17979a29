/**
 * The last hour of the history: read when somebody asks, about once a second at most, and only what is new since. Kept for as
 * long as somebody does.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HistoryEntry } from "../../PogoHistory.js"
import type { Node } from "../node/node.js"
import { eachSlice } from "../runtime/slices.js"
import { printError } from "../runtime/userCode.js"
import type { Service } from "../supervisorTag.js"
import type { Happening } from "./eventWords.js"

/** For how long entries are kept, milliseconds. */
export const hour = 3_600_000

/** How many entries are kept, the newest. */
export const maxFeed = 10_000

/**
 * Least time between the beginnings of two reads, and after one that failed. Milliseconds. It is shorter than the second in
 * which a page asks again: one who comes a little sooner than a second would be told what he knows already.
 */
const pause = 750
const pauseAfterFailure = 10_000

/** How long the first page waits for what is new. */
const wait = "2 seconds"

/** Where a child was, and how it left. */
interface Leaving {
  readonly node: string | undefined
  readonly how: string
}

/** Follows what becomes of each child, so that a stop there and a claim here are one move. */
class MoveReading {
  private readonly leaving = new Map<string, Leaving>()
  private readonly seen = new Set<string>()

  read(entry: HistoryEntry): Happening {
    const { id, node, note, what } = entry
    if (id === undefined) return entry
    const isFirst = !this.seen.has(id)
    this.seen.add(id)
    if (what === "stopped" || what === "lost" || what === "refused") {
      this.leaving.set(id, { node, how: what === "stopped" ? note ?? "" : what })
      return entry
    }
    if (what !== "claimed") return entry
    const left = this.leaving.get(id)
    this.leaving.delete(id)
    if (left === undefined) return isFirst ? { ...entry, what: "started" } : entry
    return left.node === undefined || node === undefined || left.node === node
      ? entry
      : { ...entry, what: "moved", node: left.node, to: node, how: left.how }
  }
}

/** What happened within the last hour, as far as it was read. */
export class HistoryFeed {
  /** The oldest first. Never changed in place. */
  events: ReadonlyArray<Happening> = []
  /** The history goes further back than what was read. */
  truncated = false
  /** Why it could not be read last, as text. */
  problem: string | undefined
  private readonly moves = new MoveReading()
  private newest: HistoryEntry | undefined
  /** What was told of the newest millisecond: it is read again. */
  private known = new Set<string>()
  private readAt = -Infinity
  private readonly lock = Effect.unsafeMakeSemaphore(1)

  constructor(
    private readonly node: Pick<Node, "ambient" | "active">,
    private readonly pogo: Pick<Service, "history">
  ) {}

  /** Position of the newest entry that is known. */
  get position(): bigint | undefined {
    return this.newest?.position
  }

  /** Has the next question read again. */
  expire(): void {
    this.readAt = -Infinity
  }

  /** Reads what is new. */
  readonly refresh: Effect.Effect<void> = Effect.suspend(() =>
    this.node.ambient.now() - this.readAt < pause ? Effect.void : this.lock.withPermits(1)(this.read)
  )

  private readonly read: Effect.Effect<void> = Effect.gen(this, function*() {
    const { now, wall } = this.node.ambient
    if (now() - this.readAt < pause) return
    const from = new Date(wall() - hour)
    const since = this.newest === undefined || this.newest.at < from ? from : this.newest.at
    const begun = now()
    const read = yield* this.answer(since)
    this.readAt = begun
    if (read._tag === "Left") {
      this.problem = read.left
      this.readAt = now() + pauseAfterFailure - pause
      return
    }
    this.problem = undefined
    if (read.right.length >= maxFeed) this.truncated = true
    yield* this.take(read.right)
    this.forget(from)
  })

  /** What happened since, or why it cannot be read, as text. Nobody waits long for it. */
  private answer(since: Date): Effect.Effect<Either.Either<ReadonlyArray<HistoryEntry>, string>> {
    if (!this.node.active) return Effect.succeed(Either.left("this process does not reach the registry"))
    return this.pogo.history(undefined, { since, limit: maxFeed }).pipe(
      Effect.mapError((failure) => printError(failure)),
      Effect.timeoutFail({ duration: wait, onTimeout: () => "the registry did not answer in time" }),
      Effect.either
    )
  }

  private take(entries: ReadonlyArray<HistoryEntry>): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const events: Array<Happening> = []
      yield* eachSlice(this.node, entries, 2_000, (entry) => {
        const key = `${entry.position} ${entry.what}`
        if (this.known.has(key)) return
        if (this.newest === undefined || entry.at > this.newest.at) this.known = new Set()
        this.known.add(key)
        this.newest = entry
        events.push(this.moves.read(entry))
      })
      if (events.length > 0) this.events = [...this.events, ...events]
    })
  }

  /** Forgets what is too old, or too much. */
  private forget(before: Date): void {
    const all = this.events
    let first = all.findIndex(({ at }) => at >= before)
    if (first < 0) first = all.length
    if (all.length - first > maxFeed) {
      first = all.length - maxFeed
      this.truncated = true
    }
    if (first > 0) this.events = all.slice(first)
  }
}
