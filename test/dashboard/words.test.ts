/** Times, queries and addresses, as the page writes and reads them. */
import { describe, expect, it } from "@effect/vitest"
import { placeOf, toChild, toFound, toNode, toPage } from "../../src/internal/dashboard/address.js"
import { completed, termOf, valueIn, withTerm } from "../../src/internal/dashboard/queryTerms.js"
import {
  clockOf,
  counted,
  dayOf,
  grouped,
  hour,
  minute,
  momentOf,
  ticksOf
} from "../../src/internal/dashboard/timeWords.js"

const at = (text: string) => new Date(text).getTime()

describe("times", () => {
  it("are by 24 hours, in the local zone", () => {
    expect(clockOf(at("2026-11-30T14:04:05.067"))).toBe("14:04:05")
    expect(clockOf(at("2026-11-30T04:04:05.067"), 5)).toBe("04:04")
    expect(clockOf(at("2026-11-30T14:04:05.067"), 12)).toBe("14:04:05.067")
    expect(dayOf(at("2026-11-03T23:59:59"))).toBe("3 Nov")
  })

  it("have their day unless it is today", () => {
    const now = at("2026-11-30T14:00:00")
    expect(momentOf(at("2026-11-30T00:00:01"), now)).toBe("00:00:01")
    expect(momentOf(at("2026-11-29T23:59:59"), now)).toBe("29 Nov 23:59:59")
  })

  it("are marked on an axis where they are round, and not too many", () => {
    const now = at("2026-11-30T14:05:20")
    expect(ticksOf(now - hour, now, 8).map(({ text }) => text)).toEqual(
      ["13:10", "13:20", "13:30", "13:40", "13:50", "14:00"]
    )
    expect(ticksOf(now - minute, now, 5).map(({ text }) => text)).toEqual([
      "14:04:30",
      "14:04:45",
      "14:05:00",
      "14:05:15"
    ])
    for (const room of [1, 3, 10]) {
      for (const length of [1, 10, 60, 600, 86_400, 4e6, 4e8]) {
        expect(ticksOf(now - length * 1_000, now, room).length).toBeLessThanOrEqual(Math.max(3, room) + 1)
      }
    }
  })

  it("begin a day at midnight of the local zone", () => {
    const now = at("2026-11-30T14:05:20")
    for (const { at } of ticksOf(now - 72 * hour, now, 3)) expect(clockOf(at)).toBe("00:00:00")
  })
})

describe("numbers", () => {
  it("have commas, and name what they count", () => {
    expect(grouped(1_991)).toBe("1,991")
    expect(counted(1, "child", "children")).toBe("1 child")
    expect(counted(2_000, "child", "children")).toBe("2,000 children")
    expect(counted(0, "node")).toBe("0 nodes")
  })
})

describe("terms of a query", () => {
  it("are read, written anew and taken out; all else stays", () => {
    expect(valueIn("acme status:failed,pending", "status")).toBe("failed,pending")
    expect(valueIn("-status:failed", "status")).toBe("")
    expect(withTerm("acme status:failed", "status", "running")).toBe("status:running acme")
    expect(withTerm("acme status:failed -node:a", "status", "")).toBe("acme -node:a")
  })

  it("keep a value with blanks together", () => {
    const term = termOf("node", "a b")
    expect(term).toBe("node:\"a b\"")
    expect(valueIn(`acme ${term}`, "node")).toBe("a b")
    expect(withTerm(`acme ${term}`, "node", "")).toBe("acme")
    expect(valueIn(termOf("node", "a\"b"), "node")).toBe("a\"b")
  })

  it("are completed by a suggestion: the last word is replaced", () => {
    expect(completed("acme sta", "status:")).toBe("acme status:")
    expect(completed("acme status:f", "status:failed")).toBe("acme status:failed ")
    expect(completed("acme ", "status:")).toBe("acme status:")
    expect(completed("node:\"a b", "node:\"a b\"")).toBe("node:\"a b\" ")
  })
})

describe("addresses", () => {
  it("name a page, what it is about and how it is looked at", () => {
    expect(placeOf("")).toMatchObject({ page: "overview", name: "" })
    const found = placeOf(toPage("children", { q: "status:failed a+b&c", sort: "", page: 2 }))
    expect([found.page, found.params.get("q"), found.params.get("sort"), found.params.get("page")]).toEqual(
      ["children", "status:failed a+b&c", null, "2"]
    )
    expect(placeOf(toFound("is:trouble")).params.get("q")).toBe("is:trouble")
  })

  it.each(["Poller/acme/orders", "Poller/a?b#c%2F", "Kind/ü / 100 %", "Kind//x"])("keep the id %s", (id) => {
    expect(placeOf(toChild(id))).toMatchObject({ page: "child", name: id })
    expect(placeOf(toNode(id))).toMatchObject({ page: "node", name: id })
  })

  it("survive a hand that typed a % too much", () => {
    expect(placeOf("#/child/100%").name).toBe("100%")
  })
})
