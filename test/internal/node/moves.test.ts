import { describe, expect, it } from "@effect/vitest"
import { Effect, Runtime, TestClock } from "effect"
import { makeAmbient } from "../../../src/internal/node/ambient.js"
import { Moves } from "../../../src/internal/node/moves.js"

/** Four places, and a second of patience. */
const scene = Effect.gen(function*() {
  const ambient = yield* makeAmbient
  const runFork = Runtime.runFork(yield* Effect.runtime())
  let freed = 0
  const moves = new Moves(4, 1_000, ambient, (effect) => void runFork(effect), () => void freed++)
  return { moves, freed: () => freed }
})

const yes = () => true

describe("Moves", () => {
  it.effect("a place is taken from the stop until the child has arrived", () =>
    Effect.gen(function*() {
      const { moves } = yield* scene
      moves.begin("a")
      moves.ended("a")
      moves.touched("a", () => false)
      expect(moves.free).toBe(3)
      moves.touched("a", yes)
      expect(moves.free).toBe(4)
    }))

  it.effect("places are given out again when half of them are free, so that children go together", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene
      for (const id of ["a", "b", "c", "d"]) moves.begin(id)
      moves.touched("a", yes)
      expect([moves.isOpen, freed()]).toEqual([false, 0])
      moves.touched("b", yes)
      expect([moves.isOpen, freed()]).toEqual([true, 1])
    }))

  it.effect("a child that nobody claims keeps its place for no longer than the patience", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene
      moves.begin("a")
      moves.ended("a")
      yield* TestClock.adjust(1_000)
      expect([moves.free, freed()]).toEqual([4, 1])
    }))

  it.effect("children that take long to end keep their places, and the others are asked to go all the same", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene
      for (const id of ["a", "b", "c"]) moves.begin(id)
      yield* TestClock.adjust(3_000)
      expect([moves.free, freed()]).toEqual([1, 3])
    }))

  it.effect("whoever does not move takes no place", () =>
    Effect.gen(function*() {
      const { freed, moves } = yield* scene
      moves.ended("x")
      moves.touched("x", yes)
      expect([moves.free, freed()]).toEqual([4, 0])
    }))
})
