/**
 * Flow control of a stream: its source goes on as its reader takes.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/**
 * Messages of one stream that may be on their way, each a chunk of its items: within a node, where none takes long, and
 * between two.
 */
export const windowSize = { local: 4, remote: 8 }

/** Messages after which a source is told what was taken, while more are there: no more than the smaller window has. */
export const tellAfter = Math.min(windowSize.local, windowSize.remote / 2)

/** The messages of one stream that may yet be sent. Of one source only. */
export class Window {
  private left: number
  private resume: (() => void) | undefined

  constructor(private readonly size: number) {
    this.left = size
  }

  /** A message is about to be sent. */
  use(): void {
    this.left--
  }

  /** Completes when another may be sent. */
  readonly room: Effect.Effect<void> = Effect.suspend(() => {
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

  /** So many were taken. More than were on their way count for nothing. */
  add(count: number): void {
    this.left = Math.min(this.size, this.left + count)
    if (this.left > 0) this.resume?.()
  }
}
