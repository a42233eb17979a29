/**
 * Lets a bounded number of restarts through in each turn of the event loop, so that children that crash at once and for
 * ever leave time for timers, sockets and their siblings.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** About 2 ms of restarts. */
const perTurn = 32

/** @internal */
export class Turnstile {
  private readonly waiting: Array<() => void> = []
  private open = false

  constructor(
    private readonly breathe: Effect.Effect<void>,
    private readonly fork: (effect: Effect.Effect<void>) => void
  ) {}

  /** Waits for a turn. */
  readonly pass: Effect.Effect<void> = Effect.async((resume) => {
    const enter = () => resume(Effect.void)
    this.waiting.push(enter)
    this.start()
    return Effect.sync(() => {
      const index = this.waiting.indexOf(enter)
      if (index >= 0) this.waiting.splice(index, 1)
    })
  })

  private start(): void {
    if (this.open) return
    this.open = true
    this.fork(this.turns)
  }

  private readonly turns: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.breathe, () => {
      for (const enter of this.waiting.splice(0, perTurn)) enter()
      if (this.waiting.length > 0) return this.turns
      this.open = false
      return Effect.void
    })
  )
}
