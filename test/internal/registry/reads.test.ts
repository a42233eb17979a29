import { describe, expect, it } from "@effect/vitest"
import { maxBatch } from "../../../src/internal/registry/commands.js"
import { bodyText, History, names } from "../../support/arbitrary.js"

const many = names(2 * maxBatch + 50, "K/c")

const fill = (): History => {
  const history = new History(undefined as never, many)
  for (const id of many) {
    history.call("put", { mode: "ensure", items: [{ id, op: id, generation: 0, body: bodyText(id) }] })
  }
  return history
}

/** One reader of everything, page by page. */
const reader = (history: History) => {
  const seen = new Set<string>()
  let cursor = ""
  return {
    seen,
    /** Reads a page; `true` when it was the last. */
    page: (): boolean => {
      const { items, next } = history.call("snap", { cursor })
      for (const { id } of items) seen.add(id)
      cursor = next
      return next === ""
    }
  }
}

describe("snap", () => {
  it("tells everything, page by page", () => {
    const { page, seen } = reader(fill())
    let pages = 1
    while (!page()) pages++
    expect(seen).toEqual(new Set(many))
    expect(pages).toBeGreaterThanOrEqual(3)
  })

  it("lets several nodes read at the same time, as they do when they all join anew", () => {
    const history = fill()
    const readers = [reader(history), reader(history), reader(history)]
    let left = readers
    while (left.length > 0) left = left.filter(({ page }) => !page())
    for (const { seen } of readers) expect(seen).toEqual(new Set(many))
  })
})
