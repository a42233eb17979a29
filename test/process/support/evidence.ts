/**
 * What the children of all processes did, read from the file that they appended to, and judged.
 */
import { readFileSync } from "node:fs"

/** One thing that a child did. `at` is a clock that all processes of the machine share, in milliseconds. */
export interface Line {
  readonly id: string
  readonly node: string
  readonly token: string
  /** `beat`: its check succeeded; `fenced`: it failed. `begins`, `stored`: with the state of a child that counts. */
  readonly what: "start" | "beat" | "fenced" | "stop" | "begins" | "stored"
  readonly at: number
  readonly count?: number
}

/** One copy of a child. */
export interface Copy {
  readonly id: string
  readonly node: string
  readonly token: bigint
  readonly start: number
  /** Last moment at which it was seen to run. */
  readonly last: number
  /** Last moment at which its check succeeded. */
  readonly lastUnfenced: number
  readonly stopped: boolean
}

/** A process that is killed may leave half a line, and the next process goes on right behind it. */
const readLine = (text: string): Line => JSON.parse(text.slice(text.lastIndexOf("{"))) as Line

/** What stands behind the last line break is still being written. */
export const readLines = (file: string): ReadonlyArray<Line> =>
  readFileSync(file, "utf8").split("\n").slice(0, -1).map(readLine)

/** The copies of every child, in the order of their tokens. */
export const copiesOf = (lines: ReadonlyArray<Line>): ReadonlyMap<string, ReadonlyArray<Copy>> => {
  const copies = new Map<string, Map<string, Copy>>()
  for (const { at, id, node, token, what } of lines) {
    const of = copies.get(id) ?? new Map<string, Copy>()
    copies.set(id, of)
    const known = of.get(token) ?? {
      id,
      node,
      token: BigInt(token),
      start: at,
      last: at,
      lastUnfenced: -Infinity,
      stopped: false
    }
    of.set(token, {
      ...known,
      last: Math.max(known.last, at),
      lastUnfenced: what === "beat" ? Math.max(known.lastUnfenced, at) : known.lastUnfenced,
      stopped: what === "stop" ? true : what === "start" ? false : known.stopped
    })
  }
  return new Map(
    Array.from(copies, ([id, of]) => [id, Array.from(of.values()).sort((a, b) => (a.token < b.token ? -1 : 1))])
  )
}

/** A copy that was seen after the one with the next token had started. */
export interface Overlap {
  readonly id: string
  readonly older: Copy
  readonly younger: Copy
  readonly millis: number
}

const overlaps = (lines: ReadonlyArray<Line>, end: (copy: Copy) => number): ReadonlyArray<Overlap> => {
  const found: Array<Overlap> = []
  for (const [id, copies] of copiesOf(lines)) {
    for (let i = 1; i < copies.length; i++) {
      const [older, younger] = [copies[i - 1]!, copies[i]!]
      if (end(older) > younger.start) found.push({ id, older, younger, millis: end(older) - younger.start })
    }
  }
  return found
}

/** Two copies of one child whose checks succeeded at once. */
export const unfencedOverlaps = (lines: ReadonlyArray<Line>): ReadonlyArray<Overlap> =>
  overlaps(lines, ({ lastUnfenced }) => lastUnfenced)

/** Two copies of one child that ran at once. */
export const runningOverlaps = (lines: ReadonlyArray<Line>): ReadonlyArray<Overlap> =>
  overlaps(lines, ({ last }) => last)

const byChild = (lines: ReadonlyArray<Line>): ReadonlyMap<string, ReadonlyArray<Line>> => {
  const of = new Map<string, Array<Line>>()
  for (const line of lines) {
    const known = of.get(line.id)
    if (known === undefined) of.set(line.id, [line])
    else known.push(line)
  }
  for (const known of of.values()) known.sort((a, b) => a.at - b.at)
  return of
}

/** A time in which a child did not run, before one of its later starts: after a move, or after a fence. */
export interface Gap {
  readonly id: string
  readonly from: number
  readonly to: number
}

export const gapsOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Gap> =>
  Array.from(byChild(lines)).flatMap(([id, of]) =>
    of.flatMap(({ at, what }, i) => (what === "start" && i > 0 ? [{ id, from: of[i - 1]!.at, to: at }] : []))
  )

/** The lengths of all gaps in milliseconds, sorted. */
export const gaps = (lines: ReadonlyArray<Line>): ReadonlyArray<number> =>
  gapsOf(lines).map(({ from, to }) => to - from).sort((a, b) => a - b)

/** Where a child that counts began with less than an earlier copy, or an earlier run, had been told to be stored. */
export const setBacks = (lines: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const found: Array<string> = []
  // Of one token the lines stand in the order in which they were written; a late answer belongs to its token.
  const counted = lines.filter(({ count }) => count !== undefined)
  for (const id of new Set(counted.map((line) => line.id))) {
    let stored = 0
    const sorted = counted.filter((line) => line.id === id).toSorted((a, b) =>
      a.token === b.token ? a.at - b.at : BigInt(a.token) < BigInt(b.token) ? -1 : 1
    )
    for (const { count = 0, node, token, what } of sorted) {
      if (what === "stored") stored = Math.max(stored, count)
      else if (count < stored) {
        found.push(`${id} on ${node} (token ${token}) begins with ${count}, stored was ${stored}`)
      }
    }
  }
  return found
}
