import { describe, expect, it } from "@effect/vitest"
import { Rounds, type Suspect } from "../../../src/internal/plan/rounds.js"

/** The default lease: the proof time is 10 s, a hold one second per death. */
const ttl = 15_000

const suspects = (count: number, deaths: number, wait = 0): ReadonlyArray<Suspect> =>
  Array.from({ length: count }, (_, i) => ({ id: `k/${deaths}.${i}`, generation: 1, deaths, wait }))

/** Plays all rounds until nobody is left; tells when each began, and whom it tried. */
const played = (all: ReadonlyArray<Suspect>): ReadonlyArray<readonly [at: number, tried: ReadonlyArray<Suspect>]> => {
  const rounds = new Rounds(ttl)
  const told: Array<readonly [number, ReadonlyArray<Suspect>]> = []
  let left = all
  for (let now = 0; left.length > 0;) {
    const next = rounds.next(left.map((suspect) => ({ ...suspect, wait: suspect.wait - now })), now)
    if (next._tag === "Wait") {
      expect(next.millis).toBeGreaterThan(0)
      now += next.millis
      continue
    }
    rounds.began(next.suspects, now)
    told.push([now, next.suspects])
    const ids = new Set(next.suspects.map(({ id }) => id))
    left = left.filter(({ id }) => !ids.has(id))
  }
  return told
}

const timesAndSizes = (all: ReadonlyArray<Suspect>) => played(all).map(([at, tried]) => [at / 1000, tried.length])

describe("rounds", () => {
  it("double while nothing happens, one at a time", () => {
    expect(timesAndSizes(suspects(20, 1))).toEqual([[0, 1], [1, 2], [2, 4], [3, 8], [4, 5]])
    expect(timesAndSizes(suspects(4, 2))).toEqual([[0, 1], [2, 2], [4, 1]])
  })

  it("a hundred children are tried within seven holds", () => {
    const all = played(suspects(100, 1))
    expect(all.length).toBe(7)
    expect(all.at(-1)![0]).toBe(6_000)
  })

  it("ten thousand children are tried within eight holds: the first round has its share of them", () => {
    const sizes = timesAndSizes(suspects(10_000, 1))
    expect(sizes.slice(0, 3)).toEqual([[0, 79], [1, 158], [2, 316]])
    expect(sizes.length).toBe(7)
  })

  it("after a second death no round has more than 64 children: what is left then is tried one by one", () => {
    const sizes = timesAndSizes(suspects(1_000, 2)).map(([, size]) => size)
    expect(sizes.slice(0, 3)).toEqual([1, 2, 4])
    expect(Math.max(...sizes as Array<number>)).toBe(64)
  })

  it("begin with one again when none has begun for a proof time", () => {
    const rounds = new Rounds(ttl)
    rounds.began(suspects(8, 1), 0)
    expect(rounds.next(suspects(20, 1), 5_000)).toMatchObject({ _tag: "Try", suspects: { length: 16 } })
    expect(rounds.next(suspects(20, 1), 10_000)).toMatchObject({ _tag: "Try", suspects: { length: 1 } })
  })

  it("those with fewer deaths go first, and never with others", () => {
    const all = [...suspects(1, 3), ...suspects(3, 2), ...suspects(3, 1)]
    for (const [, tried] of played(all)) expect(new Set(tried.map(({ deaths }) => deaths)).size).toBe(1)
    expect(played(all).map(([, tried]) => tried[0]!.deaths)).toEqual([1, 1, 2, 3])
  })

  it("from the third death on a child is alone for a proof time, after every other round", () => {
    expect(timesAndSizes(suspects(3, 3))).toEqual([[0, 1], [10, 1], [20, 1]])
    const [, lonely] = played([...suspects(1, 1), ...suspects(1, 3)])
    expect(lonely![0]).toBe(10_000)
    const rounds = new Rounds(ttl)
    rounds.began(suspects(1, 3), 0)
    expect(rounds.next(suspects(5, 1), 9_999)).toEqual({ _tag: "Wait", millis: 1 })
  })

  it("nobody is tried before it is due", () => {
    expect(timesAndSizes([...suspects(1, 2, 1_500), ...suspects(1, 1, 500)])).toEqual([[0.5, 1], [1.5, 1]])
    expect(new Rounds(ttl).next([], 0)).toEqual({ _tag: "Wait", millis: Infinity })
  })
})
