/**
 * Work on very many items, in slices between which others have a turn.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Ambient } from "./environment.js"

/** Whose turns and clock the work goes by, such as a node. */
interface Working {
  readonly ambient: Pick<Ambient, "now" | "yieldTurn">
}

/** Items that are made, compared or merged before others have a turn: a few milliseconds of work. */
export const slice = 2_000

/** Longest work before others have a turn, milliseconds, and after how many items the time is looked at. */
const longest = 5
const look = 64

/**
 * Does something with each item, a slice at a time: of so many items, or as many as there is time for. Of a map it reads what
 * is there by then.
 */
export const eachSlice = <A>(
  { ambient }: Working,
  items: Iterable<A>,
  size: number,
  f: (item: A) => void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    let [done, until] = [0, ambient.now() + longest]
    for (const item of items) {
      if (done >= size || (done > 0 && done % look === 0 && ambient.now() >= until)) {
        yield* ambient.yieldTurn
        done = 0
        until = ambient.now() + longest
      }
      f(item)
      done++
    }
  })

/** Puts sorted items among others that are sorted, by long runs: as cheap as a copy where they are few. */
export const insertSorted = <A>(into: ReadonlyArray<A>, items: ReadonlyArray<A>, compare: (a: A, b: A) => number) => {
  const all: Array<A> = []
  let from = 0
  for (const item of items) {
    let [low, high] = [from, into.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(into[middle]!, item) < 0) low = middle + 1
      else high = middle
    }
    for (; from < low; from++) all.push(into[from]!)
    all.push(item)
  }
  for (; from < into.length; from++) all.push(into[from]!)
  return all
}

/** Sorts very many items, a slice at a time: a merge sort whose every step is short. */
export const sortInSlices = <A>(
  node: Working,
  items: ReadonlyArray<A>,
  compare: (a: A, b: A) => number
): Effect.Effect<ReadonlyArray<A>> =>
  Effect.gen(function*() {
    const { yieldTurn } = node.ambient
    let runs: Array<ReadonlyArray<A>> = []
    for (let from = 0; from < items.length; from += slice) {
      runs.push(items.slice(from, from + slice).sort(compare))
      if (items.length > slice) yield* yieldTurn
    }
    while (runs.length > 1) {
      const merged: Array<ReadonlyArray<A>> = []
      for (let i = 0; i < runs.length; i += 2) {
        const [a, b] = [runs[i]!, runs[i + 1]]
        merged.push(b === undefined ? a : yield* mergeInSlices(node, a, b, compare))
      }
      runs = merged
    }
    return runs[0] ?? []
  })

export const mergeInSlices = <A>(
  { ambient }: Working,
  a: ReadonlyArray<A>,
  b: ReadonlyArray<A>,
  compare: (a: A, b: A) => number
): Effect.Effect<ReadonlyArray<A>> =>
  Effect.gen(function*() {
    const all: Array<A> = []
    let [i, j] = [0, 0]
    while (i < a.length || j < b.length) {
      const end = all.length + 2 * slice
      while (all.length < end && (i < a.length || j < b.length)) {
        all.push(j >= b.length || (i < a.length && compare(a[i]!, b[j]!) <= 0) ? a[i++]! : b[j++]!)
      }
      yield* ambient.yieldTurn
    }
    return all
  })
