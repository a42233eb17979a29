/**
 * The pace at which children go to other nodes, where they belong now or because their node leaves: how many of them are
 * on their way at a time.
 *
 * A child on its way has a slot from the stop here until another node has claimed it. Were the slot free as soon as the
 * child has ended here, many children would wait between the nodes, and each of them longer. A child that takes longer
 * than the patience to stop, or to be claimed, goes on without a slot: however many stop slowly, the others move at
 * their pace. The number of slots is
 *
 *     slots = min(limit, max(1, ceil(children * time / (5 * patience))))
 *
 * where `children` wait to move or are on their way, and `time` is what a move takes: the moving average, or the age of
 * the oldest move under way if that is longer. By Little's law these are the fewest slots that bring all children through
 * within five times the patience. The fewest, since those that go together wait for each other: with 16 slots, 252 moves
 * over Redis took 0.2 s in all and each child was down for 37 ms (median); by this formula they take about 1 s, and each
 * child is down for about 10 ms (docs/performance.md, "The gap of a move").
 *
 * A node that leaves has less time for all of them than five times the patience: that takes its place in the formula.
 *
 * Slots are given out when half of them are free, so that children go in groups and share their calls.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Ambient } from "../runtime/environment.js"

/** A child on its way. Elapsed milliseconds. */
interface Slot {
  readonly since: number
  /** Time from which the slot is free, whatever has become of the child: it stops slowly, or nobody claims it. */
  readonly until: number
}

/** Time in which all children should have moved, in units of the patience. */
const spread = 5

/** Weight of the newest move in the moving average. */
const newest = 1 / 8

/** The children that move away from a node. */
export class Moves {
  private readonly slots = new Map<string, Slot>()
  /** A fiber sleeps to free slots whose children nobody claims. */
  private watching = false
  /** Moving average of the time from the stop to the claim. Milliseconds. */
  private average: number
  /** Number of slots, as of the last `adjust`. */
  private size = 1
  /** Times in which children should have gone that the node gives up, milliseconds: kinds may close at the same time. */
  private readonly leaves = new Set<{ readonly within: number }>()

  constructor(
    /** Most slots there may be. */
    private readonly limit: number,
    /**
     * Time after which a child that has not ended here loses its slot; and one that has, and that nobody has claimed.
     * Milliseconds.
     */
    private readonly patience: number,
    private readonly ambient: Ambient,
    private readonly fork: (effect: Effect.Effect<void>) => void,
    /** The number of children that wait to move. */
    private readonly waiting: () => number,
    /** Called when slots are free. */
    private readonly freed: () => void
  ) {
    this.average = patience / 100
  }

  /**
   * Computes the number of slots. It stays until the next call: children that are taken from the waiting to be looked at
   * must not lose the slots that they were taken for.
   */
  adjust(): void {
    this.drop()
    const [oldest] = this.slots.values()
    const age = oldest === undefined ? 0 : this.ambient.now() - oldest.since
    const work = (this.waiting() + this.slots.size) * Math.max(this.average, age)
    const within = Math.min(spread * this.patience, ...Array.from(this.leaves, (leave) => leave.within))
    this.size = Math.min(this.limit, Math.max(1, Math.ceil(work / within)))
  }

  /** Whether the node gives its children up, and they go at this pace. */
  get leaving(): boolean {
    return this.leaves.size > 0
  }

  /** Has children go at this pace that the node gives up, within so many milliseconds, for as long as the effect runs. */
  whileLeaving<A, E, R>(within: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const leave = { within }
    return Effect.acquireUseRelease(
      Effect.sync(() => this.leaves.add(leave)),
      () => effect,
      () => Effect.sync(() => this.leaves.delete(leave))
    )
  }

  /** The number of children that may begin to move. */
  get free(): number {
    this.drop()
    return Math.max(0, this.size - this.slots.size)
  }

  /** Takes slots back whose time is over. Their moves count for as long as they had them. */
  private drop(): void {
    const now = this.ambient.now()
    for (const [id, slot] of this.slots) if (slot.until <= now) this.giveBack(id, slot)
  }

  private giveBack(id: string, { since }: Slot): void {
    this.slots.delete(id)
    this.average += newest * (this.ambient.now() - since - this.average)
  }

  /** Gives a child that is being stopped a slot. */
  begin(id: string): void {
    const now = this.ambient.now()
    this.slots.set(id, { since: now, until: now + this.patience })
    this.watch()
  }

  /** Limits anew the slot of a child that has ended here. */
  ended(id: string): void {
    const slot = this.slots.get(id)
    if (slot !== undefined) this.slots.set(id, { ...slot, until: this.ambient.now() + this.patience })
  }

  /** Frees the slot of a child about which something is new, if it has arrived or is not to move any more. */
  touched(id: string, isSettled: () => boolean): void {
    const slot = this.slots.get(id)
    if (slot === undefined || !isSettled()) return
    this.giveBack(id, slot)
    if (this.isOpen) this.freed()
  }

  /** True if so many slots are free that the next group may go. */
  get isOpen(): boolean {
    return this.free >= this.size / 2
  }

  /** Lets others move even if the children on their way take long to end, or nobody claims them. */
  private watch(): void {
    if (this.watching) return
    this.watching = true
    this.fork(Effect.zipRight(
      Effect.sleep(this.patience),
      Effect.sync(() => {
        this.watching = false
        this.freed()
        if (this.slots.size > 0) this.watch()
      })
    ))
  }
}
