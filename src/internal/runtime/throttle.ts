/**
 * Lets a bounded number of things through in each turn of the event loop, so that whatever happens to very many children
 * at once leaves time for timers, sockets and their siblings.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** About 2 ms of starts or interruptions. */
const perTurn = 32

/** @internal */
export class Turnstile {
  private waiting: Array<() => void> = []
  private turning = false
  /** How many went through without waiting, since the last turn. */
  private passed = 0

  /** So many as `burst` need not wait for a turn, if nobody waits before them. */
  constructor(
    private readonly yieldTurn: Effect.Effect<void>,
    private readonly fork: (effect: Effect.Effect<void>) => void,
    private readonly burst: number = 0
  ) {}

  /** Does something when its turn has come. */
  enter(task: () => void): void {
    if (this.passed < this.burst && this.waiting.length === 0) {
      this.passed++
      task()
    } else this.waiting.push(task)
    if (this.turning) return
    this.turning = true
    this.fork(Effect.onInterrupt(this.turns, () => Effect.sync(() => this.openWide())))
  }

  private readonly turns: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.yieldTurn, () => {
      this.passed = 0
      for (const task of this.waiting.splice(0, perTurn)) task()
      if (this.waiting.length > 0) return this.turns
      this.turning = false
      return Effect.void
    })
  )

  /** There will be no more turns: whatever waits has its own now. */
  private openWide(): void {
    const left = this.waiting
    this.waiting = []
    this.turning = false
    for (const task of left) task()
  }
}
