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

/** An item that waits to be sent, and its caller. */
interface Waiting<A, B, E> {
  readonly item: A
  readonly answer: Deferred.Deferred<B, E>
}

/**
 * Sends items that are submitted at the same time together, as many as make a batch. A batch has items of one group, and
 * each group sends one batch after the other: one that is not answered keeps no other group waiting.
 */
export class Batcher<A, B, E> {
  /** What waits, by group. A group is there for as long as its fiber sends. */
  private readonly groups = new Map<string, Array<Waiting<A, B, E>>>()

  /** `closed`: the error for callers once the supervisor is closed, before or after their item was sent. */
  constructor(
    private readonly fork: (effect: Effect.Effect<void>) => unknown,
    private readonly send: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
    private readonly yieldTurn: Effect.Effect<void>,
    private readonly closed: (sent: boolean) => E | undefined,
    private readonly lengthOf: (item: A) => number = () => 0,
    private readonly groupOf: (item: A) => string = () => ""
  ) {}

  /** Sends an item with the next batch of its group. Interrupting the caller does not take the item back. */
  submit(item: A): Effect.Effect<B, E> {
    return Effect.suspend(() => {
      const error = this.closed(false)
      if (error !== undefined) return Effect.fail(error)
      const answer = Deferred.unsafeMake<B, E>(FiberId.none)
      const group = this.groupOf(item)
      const waiting = this.groups.get(group)
      if (waiting !== undefined) waiting.push({ item, answer })
      else {
        this.groups.set(group, [{ item, answer }])
        this.fork(Effect.onInterrupt(this.drain(group), () => Effect.sync(() => this.giveUp(group))))
      }
      return Deferred.await(answer)
    })
  }

  /** Sends batch after batch of a group, until nothing waits. */
  private drain(group: string): Effect.Effect<void> {
    const step: Effect.Effect<void> = Effect.zipRight(
      Effect.yieldNow(),
      Effect.suspend(() => {
        const waiting = this.groups.get(group)!
        const batch = firstBatch(waiting, ({ item }) => this.lengthOf(item))
        if (batch.length === 0) {
          this.groups.delete(group)
          return Effect.void
        }
        return Effect.flatMap(Effect.exit(this.send(batch.map(({ item }) => item))), (exit) => {
          waiting.splice(0, batch.length)
          this.answer(batch, exit)
          return Effect.zipRight(this.yieldTurn, step)
        })
      })
    )
    return step
  }

  private answer(batch: ReadonlyArray<Waiting<A, B, E>>, exit: Exit.Exit<ReadonlyArray<B>, E>): void {
    batch.forEach(({ answer }, i) => {
      Deferred.unsafeDone(answer, Effect.map(exit, (results) => results[i]!))
    })
  }

  /** Answers what still waits in a group when its sending fiber is interrupted. */
  private giveUp(group: string): void {
    const left = this.groups.get(group) ?? []
    this.groups.delete(group)
    const error = this.closed(true)
    for (const { answer } of left) {
      Deferred.unsafeDone(answer, error === undefined ? Effect.interrupt : Effect.fail(error))
    }
  }
}
