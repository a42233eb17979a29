/**
 * Commands that come at the same time, sent in one batch.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { firstBatch } from "../registry/batches.js"

/** An item that waits to be sent, what it may share a batch with, and its caller. */
interface Waiting<A, B, E> {
  readonly item: A
  readonly group: string
  readonly answer: Deferred.Deferred<B, E>
}

/**
 * Sends items that are submitted at the same time together, as many as make a batch; one batch after the other. A batch
 * has items of one group: of that which has waited longest.
 */
export class Batcher<A, B, E> {
  private waiting: Array<Waiting<A, B, E>> = []
  private busy = false

  /** `closed`: the error for callers once the supervisor is closed, before or after their item was sent. */
  constructor(
    private readonly fork: (effect: Effect.Effect<void>) => unknown,
    private readonly send: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
    private readonly yieldTurn: Effect.Effect<void>,
    private readonly closed: (sent: boolean) => E | undefined,
    private readonly lengthOf: (item: A) => number = () => 0,
    private readonly groupOf: (item: A) => string = () => ""
  ) {}

  /** Sends an item with the next batch. Interrupting the caller does not take the item back. */
  submit(item: A): Effect.Effect<B, E> {
    return Effect.suspend(() => {
      const error = this.closed(false)
      if (error !== undefined) return Effect.fail(error)
      const answer = Deferred.unsafeMake<B, E>(FiberId.none)
      this.waiting.push({ item, group: this.groupOf(item), answer })
      if (!this.busy) {
        this.busy = true
        this.fork(Effect.onInterrupt(this.drain, () => Effect.sync(() => this.giveUp())))
      }
      return Deferred.await(answer)
    })
  }

  /** Sends batch after batch, until nothing waits. */
  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const [first] = this.waiting
    if (first === undefined) {
      this.busy = false
      return Effect.void
    }
    const like = this.waiting.filter(({ group }) => group === first.group)
    const batch = firstBatch(like, ({ item }) => this.lengthOf(item))
    return Effect.flatMap(Effect.exit(this.send(batch.map(({ item }) => item))), (exit) => {
      const sent = new Set(batch)
      this.waiting = this.waiting.filter((one) => !sent.has(one))
      this.answer(batch, exit)
      return Effect.zipRight(this.yieldTurn, this.drain)
    })
  }).pipe((drain) => Effect.zipRight(Effect.yieldNow(), drain))

  private answer(batch: ReadonlyArray<Waiting<A, B, E>>, exit: Exit.Exit<ReadonlyArray<B>, E>): void {
    batch.forEach(({ answer }, i) => {
      Deferred.unsafeDone(answer, Effect.map(exit, (results) => results[i]!))
    })
  }

  /** Answers what still waits when the sending fiber is interrupted. */
  private giveUp(): void {
    const left = this.waiting
    this.waiting = []
    this.busy = false
    const error = this.closed(true)
    for (const { answer } of left) {
      Deferred.unsafeDone(answer, error === undefined ? Effect.interrupt : Effect.fail(error))
    }
  }
}
