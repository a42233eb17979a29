/** Work on very many children is done in slices, between which others have a turn. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ChildIndex, IndexLine } from "../../../src/internal/console/childIndex.js"
import { listChildren } from "../../../src/internal/console/childList.js"
import type { Node } from "../../../src/internal/node/node.js"
import { eachSlice } from "../../../src/internal/runtime/slices.js"

/** A node that tells how much was done in each turn. `now`: its clock; `get`: what it knows of a child. */
const turns = (now: () => number = () => 0, get: (id: string) => undefined = () => undefined) => {
  const done: Array<number> = [0]
  const ambient = { now, wall: () => 0, yieldTurn: Effect.sync(() => void done.push(0)) }
  const node = { ambient, view: { entries: { get } } } as unknown as Node
  return { done, node, work: () => void done[done.length - 1]!++ }
}

describe("a slice", () => {
  it.effect("ends after so many items", () =>
    Effect.gen(function*() {
      const { done, node, work } = turns()
      yield* eachSlice(node, Array.from({ length: 25 }), 10, work)
      expect(done).toEqual([10, 10, 5])
    }))

  it.effect("ends when its time is over, which is looked at now and then", () =>
    Effect.gen(function*() {
      let now = 0
      const { done, node, work } = turns(() => now)
      yield* eachSlice(node, Array.from({ length: 200 }), 1_000, () => {
        work()
        now += 0.06
      })
      expect(done).toEqual([128, 72])
    }))

  it.effect("of a map has what is there by then", () =>
    Effect.gen(function*() {
      const items = new Map([[1, "a"], [2, "b"]])
      const { node } = turns()
      const seen: Array<number> = []
      yield* eachSlice(node, items.keys(), 1, (key) => {
        seen.push(key)
        items.delete(2)
        items.set(3, "c")
      })
      expect(seen).toEqual([1, 3])
    }))
})

/** Children of whom half have failed; `look` is called when a status is read. */
const linesOf = (count: number, look: () => void): ReadonlyArray<IndexLine> =>
  Array.from({ length: count }, (_, i): IndexLine => ({
    id: `Kind/${String(i).padStart(6, "0")}`,
    lower: `kind/${i}`,
    kind: "Kind",
    get status() {
      look()
      return i % 2 === 0 ? "Failed" : "Running"
    },
    set status(_) {},
    node: `n${i % 3}`,
    last: undefined,
    set: undefined,
    revision: undefined,
    restarts: i % 5,
    since: i % 7,
    token: count - i,
    gone: false
  }))

describe("a list of very many children", () => {
  it.effect("is put in order in slices, too", () =>
    Effect.gen(function*() {
      const { done, node, work } = turns()
      const index = { lines: Effect.succeed(linesOf(20_000, work)) } as unknown as ChildIndex
      yield* listChildren(node, index, {}, undefined)
      expect(Math.max(...done)).toBeLessThanOrEqual(10_000)
    }))

  it.effect("has pages that together are the whole, in each order", () =>
    Effect.gen(function*() {
      const lines = linesOf(23, () => {})
      const index = { lines: Effect.succeed(lines) } as unknown as ChildIndex
      const asked: Array<string> = []
      const { node } = turns(undefined, (id) => void asked.push(id))
      for (const sort of ["status", "-status", "id", "-id", "node", "-restarts", "since", "-token"]) {
        asked.length = 0
        yield* listChildren(node, index, { sort, limit: 500 }, undefined)
        const whole = [...asked]
        expect(new Set(whole).size).toBe(23)
        asked.length = 0
        for (const offset of [0, 5, 10, 15, 20, 25]) {
          yield* listChildren(node, index, { sort, offset, limit: 5 }, undefined)
        }
        expect(asked).toEqual(whole)
      }
    }))
})
