/**
 * Children on their way to another node, so many at a time: each has its place from the stop here until it is claimed
 * there. Were the place free from its end here, many would wait between the nodes, and each of them longer. Places are
 * given out again when half of them are free: children that go together share their calls.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Ambient } from "./ambient.js"

/** @internal */
export class Moves {
  /** Elapsed milliseconds at which a place is free, whatever has become of the child. */
  private readonly places = new Map<string, number>()
  private expecting = false

  constructor(
    private readonly limit: number,
    /** How long nobody may claim a child that has ended here before its place is another's. Milliseconds. */
    private readonly patience: number,
    private readonly ambient: Ambient,
    private readonly fork: (effect: Effect.Effect<void>) => void,
    /** Told when places are free. */
    private readonly freed: () => void
  ) {}

  /** How many more children may begin to move. */
  get free(): number {
    const now = this.ambient.now()
    for (const [id, until] of this.places) if (until <= now) this.places.delete(id)
    return this.limit - this.places.size
  }

  /** It is being stopped, which may take its time. */
  begin(id: string): void {
    this.places.set(id, Infinity)
    this.expect()
  }

  /** It has ended here. */
  ended(id: string): void {
    if (!this.places.has(id)) return
    this.places.set(id, this.ambient.now() + this.patience)
  }

  /** Something is new about a child; `isSettled` tells whether it has arrived, or is not to move any more. */
  touched(id: string, isSettled: () => boolean): void {
    if (!this.places.has(id) || !isSettled()) return
    this.places.delete(id)
    if (this.isOpen) this.freed()
  }

  /** So many places are free that the next may go. */
  get isOpen(): boolean {
    return this.free >= this.limit / 2
  }

  /** Should they take long to end, or nobody claim them, the others move all the same. */
  private expect(): void {
    if (this.expecting) return
    this.expecting = true
    this.fork(Effect.zipRight(
      Effect.sleep(this.patience),
      Effect.sync(() => {
        this.expecting = false
        this.freed()
        if (this.places.size > 0) this.expect()
      })
    ))
  }
}
