/**
 * From when to when each child was to run, as far as those who asked for it can tell: so that a time without it can be
 * held against somebody.
 */
import type { Line } from "./evidence.js"

/** A time in which a child was to run: from the answer to its start until its end was asked for. */
interface Span {
  readonly from: number
  to: number
}

/** A time without a child that was to run, before one of its starts. */
export interface Absence {
  readonly id: string
  readonly from: number
  readonly to: number
}

export class Desired {
  private readonly spans = new Map<string, Array<Span>>()

  /** The start of a child was acknowledged. */
  started(id: string, at: number): void {
    const of = this.spans.get(id) ?? []
    this.spans.set(id, of)
    // It was to run already, and the answer says nothing new.
    if (of.at(-1)?.to !== Infinity) of.push({ from: at, to: Infinity })
  }

  /** Its end is asked for: from now on it may end, whenever the answer comes, and whatever it says. */
  ending(id: string, at: number): void {
    const last = this.spans.get(id)?.at(-1)
    if (last?.to === Infinity) last.to = at
  }

  /** Of a time without a child, what falls into a time in which it was to run. */
  private within({ from, id, to }: Absence): ReadonlyArray<Absence> {
    return (this.spans.get(id) ?? [])
      .map((span) => ({ id, from: Math.max(from, span.from), to: Math.min(to, span.to) }))
      .filter((absence) => absence.to > absence.from)
  }

  /** Times without children that were to run, the shortest first. */
  absences(lines: ReadonlyArray<Line>): ReadonlyArray<Absence> {
    const seen = new Map<string, number>()
    const found: Array<Absence> = []
    for (const { at, id, what } of Array.from(lines).sort((a, b) => a.at - b.at)) {
      if (what === "start") found.push(...this.within({ id, from: seen.get(id) ?? 0, to: at }))
      seen.set(id, at)
    }
    return found.sort((a, b) => a.to - a.from - (b.to - b.from))
  }
}
