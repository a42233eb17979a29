/**
 * Things to be told to the registry in batches: one at a time per id, the newest only, and again until it took them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { maxBatch } from "../registry/commands.js"

/** @internal */
export class Lane<A> {
  /** Each offer is a box of its own: one that is made while the same item is sent counts as new. */
  private readonly items = new Map<string, { readonly item: A }>()
  private readonly ready = Effect.unsafeMakeLatch(false)

  get size(): number {
    return this.items.size
  }

  get(id: string): A | undefined {
    return this.items.get(id)?.item
  }

  offer(id: string, item: A): void {
    this.items.set(id, { item })
    this.ready.unsafeOpen()
  }

  clear(): void {
    this.items.clear()
  }

  private batch(): ReadonlyArray<readonly [id: string, box: { readonly item: A }]> {
    const batch: Array<readonly [string, { readonly item: A }]> = []
    for (const entry of this.items) {
      if (batch.length >= maxBatch) break
      batch.push(entry)
    }
    return batch
  }

  /**
   * Sends what is offered, for ever. `send` says whether the registry took the batch; if not, it is sent again after
   * the pause, together with what has come since.
   */
  run(
    send: (batch: ReadonlyArray<readonly [id: string, item: A]>) => Effect.Effect<boolean>,
    pause: number
  ): Effect.Effect<never> {
    return Effect.forever(Effect.gen(this, function*() {
      yield* this.ready.await
      const batch = this.batch()
      if (batch.length === 0) {
        this.ready.unsafeClose()
        return
      }
      if (!(yield* send(batch.map(([id, { item }]) => [id, item] as const)))) return yield* Effect.sleep(pause)
      for (const [id, box] of batch) if (this.items.get(id) === box) this.items.delete(id)
    }))
  }
}
