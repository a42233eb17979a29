/**
 * Rounds of trials: how children are started again whose processes died soon after they had started. A few at first,
 * then twice as many each time that nothing happened; alone from the third death on. So the one that kills its process
 * is found, at the price of few deaths, and the others do not wait long.
 *
 * @internal
 */
import { holdOf, lonelyDeaths, proofTime } from "../registry/trialRecords.js"

/** A child that waits for its next trial. */
export interface Suspect {
  readonly id: string
  readonly generation: number
  readonly deaths: number
  /** Milliseconds until it may be tried; 0 or less: it may be now. */
  readonly wait: number
}

/** What to do next: try these, or wait for so many milliseconds. */
export type NextRound =
  | { readonly _tag: "Try"; readonly suspects: ReadonlyArray<Suspect> }
  | { readonly _tag: "Wait"; readonly millis: number }

/** The share of those that wait with which rounds begin: however many there are, all have been tried after eight. */
const firstShare = 1 / 128

/** The most children of one round after a second death: what is left then is tried one by one, each for a proof time. */
const maxSize = 64

/** How many children the first round has, of those that wait. */
const firstSize = (waiting: number, deaths: number): number =>
  deaths > 1 ? 1 : Math.max(1, Math.ceil(waiting * firstShare))

/** The rounds of one node. Times are elapsed milliseconds. */
export class Rounds {
  private begun = -Infinity
  private heldUntil = -Infinity
  private size = 1

  constructor(private readonly ttl: number) {}

  /** Says what is to be done now about the children that wait. */
  next(suspects: ReadonlyArray<Suspect>, now: number): NextRound {
    if (suspects.length === 0) return { _tag: "Wait", millis: Infinity }
    if (now < this.heldUntil) return { _tag: "Wait", millis: this.heldUntil - now }
    const due = suspects.filter(({ wait }) => wait <= 0)
    if (due.length === 0) return { _tag: "Wait", millis: Math.min(...suspects.map(({ wait }) => wait)) }
    const deaths = Math.min(...due.map((suspect) => suspect.deaths))
    const alone = deaths >= lonelyDeaths
    const free = this.begun + proofTime(this.ttl)
    if (alone && now < free) return { _tag: "Wait", millis: free - now }
    const first = due.filter((suspect) => suspect.deaths === deaths)
    const size = alone ? 1 : now >= free ? firstSize(first.length, deaths) : this.size
    return { _tag: "Try", suspects: first.slice(0, deaths > 1 ? Math.min(size, maxSize) : size) }
  }

  /** A round has begun, or goes on: nothing else is tried while it is held, and the next may have twice as many. */
  began(suspects: ReadonlyArray<Suspect>, now: number): void {
    this.begun = now
    this.heldUntil = now + holdOf(Math.max(...suspects.map(({ deaths }) => deaths)), this.ttl)
    this.size = 2 * suspects.length
  }
}
