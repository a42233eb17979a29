/**
 * The queue between what a node learns and its plan.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/**
 * The children that the plan is to look at. Most come by id, since something about them changed; after a change that
 * concerns all, everything is gone through once, a slice at a time.
 */
export class WorkQueue {
  private readonly dirty = new Set<string>()
  /** Children that are to move when moves are open. */
  private readonly later = new Set<string>()
  private walk: Iterator<string> | undefined
  private walkAgain = false
  private readonly ready = Effect.unsafeMakeLatch(false)

  /** `everything`: the ids of all children there are. */
  constructor(private readonly everything: () => Iterator<string>) {}

  /** Completes when the queue is not empty. */
  readonly wait: Effect.Effect<void> = this.ready.await

  add(id: string): void {
    this.dirty.add(id)
    this.ready.unsafeOpen()
  }

  postpone(id: string): void {
    this.later.add(id)
  }

  /** The number of children that were postponed. */
  get postponed(): number {
    return this.later.size
  }

  /** Puts up to `count` of the postponed children into the queue again. */
  resume(count = Infinity): void {
    let left = count
    for (const id of this.later) {
      if (left-- <= 0) break
      this.later.delete(id)
      this.dirty.add(id)
    }
    if (this.dirty.size > 0) this.ready.unsafeOpen()
  }

  /** Puts everything into the queue. */
  sweep(): void {
    if (this.walk === undefined) this.walk = this.everything()
    else this.walkAgain = true
    this.ready.unsafeOpen()
  }

  /** Takes up to `count` ids, those that came by id first; none when the queue is empty. */
  take(count: number): ReadonlyArray<string> {
    const ids: Array<string> = []
    for (const id of this.dirty) {
      if (ids.length >= count) break
      this.dirty.delete(id)
      ids.push(id)
    }
    while (ids.length < count && this.walk !== undefined) {
      const step = this.walk.next()
      if (step.done !== true) ids.push(step.value)
      else this.walk = this.walkAgain ? this.everything() : undefined
      if (step.done === true) this.walkAgain = false
    }
    if (ids.length === 0) this.ready.unsafeClose()
    return ids
  }

  clear(): void {
    this.dirty.clear()
    this.later.clear()
    this.walk = undefined
    this.walkAgain = false
  }
}
