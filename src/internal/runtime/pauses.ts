/**
 * Pauses of this process, as its timers notice them: it was stopped or suspended, or its event loop was blocked. Without
 * that knowledge everything that was not answered meanwhile looks like the other end's fault.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** Seconds, as logs tell them. */
export const seconds = (millis: number): string => `${(millis / 1_000).toFixed(1)} s`

/** The pauses of a process that were noticed. All times in elapsed milliseconds. */
export class Pauses {
  private last: { length: number; at: number } | undefined

  /** `least`: what counts as a pause. `noticed`: called once per pause, with what is known of its length. */
  constructor(
    private readonly now: () => number,
    private readonly least: number,
    private readonly noticed: (length: number) => void
  ) {}

  /** A timer fired so many milliseconds after its time. Several may be late for one pause; the first due knows most. */
  late(millis: number): void {
    if (millis < this.least) return
    const now = this.now()
    const isKnown = this.last !== undefined && now - millis <= this.last.at
    if (isKnown) this.last = { length: Math.max(millis, this.last!.length), at: now }
    else {
      this.last = { length: millis, at: now }
      this.noticed(millis)
    }
  }

  /** Sleeps, and notices when that takes longer than it should. */
  sleep(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const due = this.now() + millis
      return Effect.zipRight(Effect.sleep(millis), Effect.sync(() => this.late(this.now() - due)))
    })
  }

  /** What to say of a pause that ended within the last `millis`; `undefined` if there was none. */
  within(millis: number): string | undefined {
    const { last } = this
    return last === undefined || this.now() - last.at > millis
      ? undefined
      : `this process did not run for ${seconds(last.length)}`
  }
}

/** Lets a line of a kind through to the log, then counts for a while: a storm leaves few lines. */
export class Sparing {
  private silent = 0
  private last = -Infinity

  /** `interval`: least time between two lines, milliseconds. */
  constructor(private readonly now: () => number, private readonly interval: number) {}

  /** The line to write, with the number of those that were not written; `undefined` for one that is counted only. */
  line(text: string): string | undefined {
    const now = this.now()
    if (now - this.last < this.interval) {
      this.silent++
      return undefined
    }
    const more = this.silent === 0 ? "" : ` (and ${this.silent} more since the last such line)`
    this.last = now
    this.silent = 0
    return `${text}${more}`
  }
}
