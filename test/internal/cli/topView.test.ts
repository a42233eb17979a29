/** The live picture: what keys do to it, and that it never is larger than the terminal. */
import { describe, expect, test } from "vitest"
import { lineText, widthOf } from "../../../src/internal/cli/textTable.js"
import {
  initialTop,
  listedIds,
  pressed,
  type TopData,
  topLines,
  type TopState
} from "../../../src/internal/cli/topView.js"
import type { ChildLine } from "../../../src/internal/console/answers.js"

const now = Date.parse("2026-01-01T12:00:00Z")

const line = (id: string, fields: Partial<ChildLine> = {}): ChildLine => ({
  id,
  kind: id.split("/")[0]!,
  key: id.split("/")[1]!,
  status: "Failed",
  note: "gave up after 3 restarts: Error: HTTP 503 from {node worker-1} of a very long name that does not fit",
  restarts: 3,
  since: new Date(now - 90_000),
  ...fields
})

const nodes = Array.from({ length: 6 }, (_, i) => ({
  name: `worker-${i}.eu-west.example.internal`,
  session: `worker-${i}#1`,
  self: false,
  live: true,
  weight: 1,
  labels: { zone: "a" },
  cordoned: i === 1,
  draining: i === 2,
  full: false,
  duplicate: false,
  children: 100 * i,
  trouble: i,
  fair: 250,
  sessions: []
}))

const data: TopData = {
  overview: {
    at: new Date(now),
    verdict: "{find is:trouble|12} of 2,000 children are not running.",
    notices: ["{node worker-3} was lost {ago 2026-01-01T11:59:20Z} ago."],
    total: 2_000,
    byStatus: { Failed: 2, Pending: 10, Running: 1_988 },
    trouble: [
      { row: line("Poller/a"), count: 1, query: "" },
      { row: line("Consumer/b", { status: "Pending" }), count: 10, query: "" }
    ],
    more: 4,
    notRunning: [],
    nodes,
    moves: [],
    failures: []
  },
  found: undefined,
  page: undefined,
  now
}

const drawn = (state: TopState, width = 100, height = 30, of = data) =>
  topLines(of, state, "shop", { width, height }).map((one) => lineText(one, false))

const after = (...names: ReadonlyArray<string>): TopState =>
  names.reduce((state, name) => pressed(state, { name, text: name }, listedIds(data)), initialTop)

describe("the picture", () => {
  test("says how the scope stands, shows the nodes, and what does not run and why", () => {
    const lines = drawn(initialTop)
    expect(lines[0]).toMatch(/^shop · 6 nodes · 2,000 children +12:00:00 UTC$/)
    expect(lines.slice(1, 4)).toEqual([
      "12 of 2,000 children are not running.",
      "worker-3 was lost 40 s ago.",
      "Failed 2  Pending 10  Running 1,988"
    ])
    expect(lines.join("\n")).toMatch(/worker-2\S+ +draining +200 +█+/)
    const emptied = { ...data, overview: { ...data.overview, nodes: [{ ...nodes[2]!, children: 0 }] } }
    expect(drawn(initialTop, 100, 30, emptied).join("\n")).toMatch(/worker-2\S+ +drained +0 /)
    expect(lines.join("\n")).toMatch(/▸ Failed +Poller\/a +1 min +gave up after 3/)
    expect(lines.join("\n")).toMatch(/Pending +10 Consumers/)
    expect(lines.at(-1)).toMatch(/q quit +4 more do not run$/)
  })

  test("fits every terminal", () => {
    for (const width of [20, 40, 80, 200]) {
      for (const height of [5, 10, 24, 60]) {
        for (const state of [initialTop, { ...initialTop, typing: "node:x" }, { ...initialTop, open: "Poller/gone" }]) {
          const lines = drawn(state, width, height)
          expect(lines.length).toBeLessThanOrEqual(height)
          for (const one of lines) expect(widthOf(one)).toBeLessThanOrEqual(width)
        }
      }
    }
  })

  test("keeps the chosen row in sight", () => {
    const rows = Array.from({ length: 100 }, (_, i) => line(`Poller/${i}`))
    const found = { ...data, found: { rows, total: 100 } }
    expect(drawn({ ...initialTop, query: "x", row: 70 }, 100, 24, found).join("\n")).toMatch(/▸ Failed +Poller\/70/)
  })
})

describe("keys", () => {
  test("move the choice within the list", () => {
    expect(after("j").row).toBe(1)
    expect(after("j", "down", "j").row).toBe(1)
    expect(after("j", "k", "up").row).toBe(0)
  })

  test("open the chosen child, and close it before they quit", () => {
    expect(after("j", "return").open).toBe("Consumer/b")
    expect(after("return", "q")).toEqual(initialTop)
    expect(after("return", "q", "q").over).toBe(true)
    expect(after("interrupt").over).toBe(true)
  })

  test("write a query, which Escape takes back", () => {
    const typing = after("/", "a", "b", "backspace", "q")
    expect(typing).toMatchObject({ typing: "aq", over: false })
    const asked = pressed(typing, { name: "return", text: "\r" }, [])
    expect(asked).toMatchObject({ query: "aq", typing: undefined, row: 0 })
    expect(pressed(asked, { name: "escape", text: "" }, []).query).toBe("")
    expect(after("/", "escape")).toEqual(initialTop)
  })
})
