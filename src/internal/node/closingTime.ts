/**
 * The time that a shutdown may take: one deadline for all kinds' layers, which close one after the other, and for the
 * supervisor, which closes last. None of them knows of the others, or whether there are any.
 *
 * @internal
 */

/** Share of what is left of the time that a kind may use while children of other kinds are here. */
const share = 3 / 4

/** Share of the whole time that every closing has, however late it comes: children that end at once shall be seen to. */
const least = 1 / 20

/** Closings with no more than this share of the whole time between them belong together, even past the deadline. */
const apart = 1 / 2

/** The deadline of the closings that belong together. All times in milliseconds. */
export class ClosingTime {
  private until = -Infinity
  private ended = -Infinity

  /** `timeout`: the whole time. `now`: elapsed milliseconds. */
  constructor(private readonly timeout: number, private readonly now: () => number) {}

  /** Begins a closing, and tells how long it may take. `othersFollow`: whether it is to leave time for others. */
  begin(othersFollow: boolean): number {
    const now = this.now()
    const isFirst = this.ended === -Infinity || (now >= this.until && now - this.ended > apart * this.timeout)
    if (isFirst) this.until = now + this.timeout
    const left = this.until - now
    return Math.max(othersFollow ? share * left : left, least * this.timeout)
  }

  /** Ends a closing. */
  end(): void {
    this.ended = this.now()
  }

  /** Something opens: what closes after that is another matter. */
  reset(): void {
    this.until = -Infinity
    this.ended = -Infinity
  }
}
