/**
 * How much of a stream may be on its way: its source goes on as its reader takes.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** Messages of one stream that may be on their way. */
export const windowSize = 8

/** @internal */
export class Window {
  private left = windowSize
  private resume: (() => void) | undefined

  /** Takes a place, and waits while none is left for the next. One source at a time. */
  readonly take: Effect.Effect<void> = Effect.suspend(() => {
    this.left--
    if (this.left > 0) return Effect.void
    return Effect.async<void>((resume) => {
      const go = () => {
        this.resume = undefined
        resume(Effect.void)
      }
      if (this.left > 0) go()
      else this.resume = go
      return Effect.sync(() => (this.resume = undefined))
    })
  })

  /** So many have been taken. More than were on their way count for nothing. */
  add(count: number): void {
    this.left = Math.min(windowSize, this.left + count)
    if (this.left > 0) this.resume?.()
  }
}
