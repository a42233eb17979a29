/**
 * Children on their way to another node, so many at a time: each has its place from the stop here until it is claimed
 * there. Were the place free from its end here, many would wait between the nodes, and each of them longer.
 *
 * The fewer go together, the shorter each of them is nowhere: there are as few places as bring all of them through in
 * some seconds, by how long the last ones took. Places are given out again when half of them are free.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Ambient } from "../runtime/environment.js"

/** A child on its way. Elapsed milliseconds. */
interface Place {
  readonly since: number
  /** When the place is free, whatever has become of the child. */
  readonly until: number
}

/** How long all that are to move should take together, in units of the patience. */
const spread = 5

/** How much the newest move counts in the average. */
const newest = 1 / 8

/** @internal */
export class Moves {
  private readonly places = new Map<string, Place>()
  private expecting = false
  /** How long a move takes, from the stop to the claim. */
  private average: number
  /** How many children may be on their way. */
  private room = 1

  constructor(
    private readonly limit: number,
    /** How long nobody may claim a child that has ended here before its place is another's. Milliseconds. */
    private readonly patience: number,
    private readonly ambient: Ambient,
    private readonly fork: (effect: Effect.Effect<void>) => void,
    /** How many children wait to be moved. */
    private readonly waiting: () => number,
    /** Told when places are free. */
    private readonly freed: () => void
  ) {
    this.average = patience / 100
  }

  /**
   * Counts how many places there should be. They stay as many until it is called again: those that are taken out of the
   * waiting to be looked at must not lose the place that they were taken out for.
   */
  adjust(): void {
    const [oldest] = this.places.values()
    const age = oldest === undefined ? 0 : this.ambient.now() - oldest.since
    const work = (this.waiting() + this.places.size) * Math.max(this.average, age)
    this.room = Math.min(this.limit, Math.max(1, Math.ceil(work / (spread * this.patience))))
  }

  /** How many more children may begin to move. */
  get free(): number {
    const now = this.ambient.now()
    for (const [id, { until }] of this.places) if (until <= now) this.places.delete(id)
    return Math.max(0, this.room - this.places.size)
  }

  /** It is being stopped, which may take its time. */
  begin(id: string): void {
    this.places.set(id, { since: this.ambient.now(), until: Infinity })
    this.expect()
  }

  /** It has ended here. */
  ended(id: string): void {
    const place = this.places.get(id)
    if (place !== undefined) this.places.set(id, { ...place, until: this.ambient.now() + this.patience })
  }

  /** Something is new about a child; `isSettled` tells whether it has arrived, or is not to move any more. */
  touched(id: string, isSettled: () => boolean): void {
    const place = this.places.get(id)
    if (place === undefined || !isSettled()) return
    this.places.delete(id)
    this.average += newest * (this.ambient.now() - place.since - this.average)
    if (this.isOpen) this.freed()
  }

  /** So many places are free that the next may go. */
  get isOpen(): boolean {
    return this.free >= this.room / 2
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
