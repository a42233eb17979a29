import { describe, expect, it } from "@effect/vitest"
import { Effect, Runtime, TestClock } from "effect"
import { Moves } from "../../../src/internal/plan/rebalance.js"
import { makeAmbient } from "../../../src/internal/runtime/environment.js"

/** Four places at most, and a second of patience: a move is taken for one of 10 ms until there was one. */
const scene = (waiting = 10_000) =>
  Effect.gen(function*() {
    const ambient = yield* makeAmbient
    const runFork = Runtime.runFork(yield* Effect.runtime())
    let freed = 0
    const wait = { count: waiting }
    const fork = (effect: Effect.Effect<void>) => void runFork(effect)
    const moves: Moves = new Moves(4, 1_000, ambient, fork, () => wait.count, () => {
      freed++
      moves.adjust()
    })
    moves.adjust()
    return { moves, freed: () => freed, wait }
  })

const yes = () => true

describe("Moves", () => {
  it.effect("a place is taken from the stop until the child has arrived", () =>
    Effect.gen(function*() {
      const { moves } = yield* scene()
      moves.begin("a")
      moves.ended("a")
      moves.touched("a", () => false)
      expect(moves.free).toBe(3)
      moves.touched("a", yes)
      expect(moves.free).toBe(4)
    }))

  it.effect("places are given out again when half of them are free, so that children go together", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene()
      for (const id of ["a", "b", "c", "d"]) moves.begin(id)
      moves.touched("a", yes)
      expect([moves.isOpen, freed()]).toEqual([false, 0])
      moves.touched("b", yes)
      expect([moves.isOpen, freed()]).toEqual([true, 1])
    }))

  it.effect("a child that nobody claims keeps its place for no longer than the patience", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene()
      moves.begin("a")
      moves.ended("a")
      yield* TestClock.adjust(1_000)
      expect([moves.free, freed()]).toEqual([4, 1])
    }))

  it.effect("children that take long to end leave the places to others", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene()
      for (const id of ["a", "b", "c", "d"]) moves.begin(id)
      yield* TestClock.adjust(999)
      expect([moves.free, freed()]).toEqual([0, 0])
      yield* TestClock.adjust(1)
      expect([moves.free, freed()]).toEqual([4, 1])
      for (const id of ["e", "f", "g", "h"]) moves.begin(id)
      // One of the first four ends, and arrives, long after.
      moves.ended("a")
      moves.touched("a", yes)
      expect(moves.free).toBe(0)
      yield* TestClock.adjust(1_000)
      expect(moves.free).toBe(4)
    }))

  it.effect("a child that ended in time is waited for once more", () =>
    Effect.gen(function*() {
      const { moves } = yield* scene()
      moves.begin("a")
      yield* TestClock.adjust(900)
      moves.ended("a")
      yield* TestClock.adjust(900)
      expect(moves.free).toBe(3)
      yield* TestClock.adjust(100)
      expect(moves.free).toBe(4)
    }))

  it.effect("whoever does not move takes no place", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene()
      moves.ended("x")
      moves.touched("x", yes)
      expect([moves.free, freed()]).toEqual([4, 0])
    }))

  it.effect("as few go at a time as bring all through in five times the patience", () =>
    Effect.gen(function*() {
      const { moves, wait } = yield* scene(0)
      const free = (count: number) => {
        wait.count = count
        moves.adjust()
        return moves.free
      }
      expect([1, 500, 501, 1_500, 1_000_000].map(free)).toEqual([1, 1, 2, 3, 4])
    }))

  it.effect("moves that take long make room for more at a time", () =>
    Effect.gen(function*() {
      const { moves } = yield* scene(100)
      for (let i = 0; i < 30; i++) {
        moves.begin(`${i}`)
        yield* TestClock.adjust(100)
        moves.touched(`${i}`, yes)
      }
      moves.adjust()
      expect(moves.free).toBe(2)
    }))

  it.effect("a place that was there for one who waited is there when he comes", () =>
    Effect.gen(function*() {
      const { moves, wait } = yield* scene(1)
      moves.begin("stuck")
      yield* TestClock.adjust(3_000)
      const { free } = moves
      expect(free).toBeGreaterThan(0)
      wait.count = 0
      expect(moves.free).toBe(free)
    }))

  it.effect("one that does not end blocks nobody", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene(20)
      moves.begin("stuck")
      expect(moves.free).toBe(0)
      yield* TestClock.adjust(1_000)
      expect([moves.free > 0, freed()]).toEqual([true, 1])
    }))
})
