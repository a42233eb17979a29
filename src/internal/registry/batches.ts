/**
 * Batches for commands, bounded by their number and by their size: a script that carries more keeps the server from
 * everything else for longer than a few milliseconds.
 *
 * @internal
 */
import { maxBatch, maxPageBytes } from "./commands.js"

/** A batch that is being filled. */
export class Batch<A> {
  readonly items: Array<A> = []
  private size = 0

  /** Adds an item, unless the batch is full; tells whether it did. A single item that is too large is a batch of its own. */
  add(item: A, size: number): boolean {
    const { length } = this.items
    if (length >= maxBatch || (length > 0 && this.size + size > maxPageBytes)) return false
    this.items.push(item)
    this.size += size
    return true
  }
}

/** Splits items into batches, in order. `sizeOf`: about how many bytes an item has. */
export const batchesOf = <A>(items: Iterable<A>, sizeOf: (item: A) => number): ReadonlyArray<ReadonlyArray<A>> => {
  const batches: Array<ReadonlyArray<A>> = []
  let batch = new Batch<A>()
  for (const item of items) {
    const size = sizeOf(item)
    if (batch.add(item, size)) continue
    batches.push(batch.items)
    batch = new Batch()
    batch.add(item, size)
  }
  if (batch.items.length > 0) batches.push(batch.items)
  return batches
}

/** The first batch of some items. `sizeOf`: about how many bytes an item has. */
export const firstBatch = <A>(items: Iterable<A>, sizeOf: (item: A) => number): ReadonlyArray<A> => {
  const batch = new Batch<A>()
  for (const item of items) if (!batch.add(item, sizeOf(item))) break
  return batch.items
}
