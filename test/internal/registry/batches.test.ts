import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { batchesOf } from "../../../src/internal/registry/batches.js"
import { maxBatch, maxPageBytes } from "../../../src/internal/registry/commands.js"
import { holds } from "../../support/arbitrary.js"

const size = (item: number) => item

const sum = (batch: ReadonlyArray<number>) => batch.reduce((total, item) => total + item, 0)

describe("batchesOf", () => {
  it("bounds the number and the bytes of a batch", () => {
    expect(batchesOf([], size)).toEqual([])
    expect(batchesOf(Array.from({ length: 2 * maxBatch + 1 }, () => 1), size).map(({ length }) => length)).toEqual([
      maxBatch,
      maxBatch,
      1
    ])
    expect(batchesOf(Array.from({ length: 100 }, () => 60_000), size).every((batch) => batch.length === 4)).toBe(true)
    expect(batchesOf([1, 2 * maxPageBytes, 1], size)).toEqual([[1], [2 * maxPageBytes], [1]])
  })

  holds(
    "loses nothing, keeps the order, and exceeds no bound but for a single item",
    [FastCheck.array(FastCheck.integer({ min: 0, max: 2 * maxPageBytes }), { maxLength: 300 })],
    (items) => {
      const batches = batchesOf(items, size)
      expect(batches.flat()).toEqual(items)
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(maxBatch)
        if (batch.length > 1) expect(sum(batch)).toBeLessThanOrEqual(maxPageBytes)
      }
    },
    200
  )
})
