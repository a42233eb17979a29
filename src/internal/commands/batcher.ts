/**
 * Calls that come at the same time go to the registry together: one script for as many as a batch may hold.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { maxBatch } from "../registry/commands.js"

interface Waiting<A, B, E> {
  readonly item: A
  readonly answer: Deferred.Deferred<B, E>
}

/** @internal */
export class Batcher<A, B, E> {
  private waiting: Array<Waiting<A, B, E>> = []
  private busy = false

  /** `closed` tells what callers get once the supervisor is closed, before or after their item was sent. */
  constructor(
    private readonly fork: (effect: Effect.Effect<void>) => unknown,
    private readonly send: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
    private readonly breathe: Effect.Effect<void>,
    private readonly closed: (sent: boolean) => E | undefined
  ) {}

  /** Sends an item with the next batch. To interrupt the caller does not take it back. */
  submit(item: A): Effect.Effect<B, E> {
    return Effect.suspend(() => {
      const error = this.closed(false)
      if (error !== undefined) return Effect.fail(error)
      const answer = Deferred.unsafeMake<B, E>(FiberId.none)
      this.waiting.push({ item, answer })
      if (!this.busy) {
        this.busy = true
        this.fork(Effect.onInterrupt(this.drain, () => Effect.sync(() => this.giveUp())))
      }
      return Deferred.await(answer)
    })
  }

  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const batch = this.waiting.slice(0, maxBatch)
    if (batch.length === 0) {
      this.busy = false
      return Effect.void
    }
    return Effect.flatMap(Effect.exit(this.send(batch.map(({ item }) => item))), (exit) => {
      this.waiting = this.waiting.slice(batch.length)
      this.answer(batch, exit)
      return Effect.zipRight(this.breathe, this.drain)
    })
  }).pipe((drain) => Effect.zipRight(Effect.yieldNow(), drain))

  private answer(batch: ReadonlyArray<Waiting<A, B, E>>, exit: Exit.Exit<ReadonlyArray<B>, E>): void {
    batch.forEach(({ answer }, i) => {
      Deferred.unsafeDone(answer, Effect.map(exit, (results) => results[i]!))
    })
  }

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
