/**
 * How many children a node takes: no more than it can stop within its stop budget, should its lease be lost; and, while a
 * rollout goes on, how many are its share, of which it may have more.
 *
 * @internal
 */
import type { Timer, Timers } from "../runtime/environment.js"

/** Time between two changes of what a node publishes of its room, at least. Milliseconds. */
const usualInterval = 1_000

/** Share of its bound at which a node that was full takes children again. */
const reopening = 0.95

/** What it needs of its node. */
export interface Host {
  readonly timers: Timers
  readonly ambient: { readonly now: () => number }
  readonly supervisor: { readonly children: { readonly size: number } }
  /** The node became full, or has room again: others are to know. */
  readonly capacityChanged: () => void
  /** There is room for children that were turned away. */
  readonly roomLeft: () => void
}

/** The capacity of one node. `limit`: the most children, as of now. */
export class Capacity {
  private isFull = false
  private changedAt = -Infinity
  private timer: Timer | undefined
  private turnedAway = false

  /** `interval`: the least time between two changes, milliseconds. */
  constructor(
    private readonly node: Host,
    private readonly limit: () => number,
    private readonly interval = usualInterval
  ) {}

  /** The most children. */
  get max(): number {
    return this.limit()
  }

  /** Whether the node publishes that it is full: it asks for no more then, and others go elsewhere where they can. */
  get full(): boolean {
    return this.isFull
  }

  /** How many more children the node takes. */
  get left(): number {
    return this.isFull ? 0 : Math.max(0, this.max - this.node.supervisor.children.size)
  }

  /** Notes that a child which belongs here was not asked for, for lack of room. */
  turnAway(): void {
    this.turnedAway = true
    this.look()
  }

  /** The number of children is another. Changes are told at most once per interval. */
  look(): void {
    if (this.timer !== undefined || !this.isDue) return
    const at = this.changedAt + this.interval
    if (at <= this.node.ambient.now()) return this.change()
    this.timer = {
      at,
      run: () => {
        this.timer = undefined
        if (this.isDue) this.change()
      }
    }
    this.node.timers.add(this.timer)
  }

  /** Whether the node is full by the number of its children. */
  private get shouldBeFull(): boolean {
    const { size } = this.node.supervisor.children
    return this.isFull ? size > this.max * reopening : size >= this.max
  }

  /** Whether there is a change to tell. */
  private get isDue(): boolean {
    return this.shouldBeFull !== this.isFull || (this.turnedAway && !this.isFull)
  }

  private change(): void {
    this.changedAt = this.node.ambient.now()
    const full = this.shouldBeFull
    const mayAsk = this.turnedAway && !full
    this.turnedAway = false
    if (full !== this.isFull) {
      this.isFull = full
      this.node.capacityChanged()
    } else if (mayAsk) this.node.roomLeft()
  }
}
