/** Tables of a terminal: aligned, within the width, and harmless whatever names there are. */
import { describe, expect, test } from "vitest"
import { cell, cutTo, harmless, lineText, tableLines, widthOf, wrap } from "../../../src/internal/cli/textTable.js"

const columns = [
  { title: "CHILD", cut: "end" },
  { title: "NODE", cut: "start" },
  { title: "FOR", right: true, dispensable: 1 }
] as const

const rows = [["Monitor/10.0.0.1", "worker-1.eu-west.example.internal", "3 h 12 min"], ["Poller/x", "b", "4 s"]]

const drawn = (width: number, of = rows) =>
  tableLines(columns, of.map((row) => row.map((text) => cell(text))), width).map((line) => lineText(line, false))

describe("a table", () => {
  test("is aligned, and as wide as it needs", () => {
    expect(drawn(Infinity)).toEqual([
      "CHILD             NODE                                      FOR",
      "Monitor/10.0.0.1  worker-1.eu-west.example.internal  3 h 12 min",
      "Poller/x          b                                         4 s"
    ])
  })

  test("keeps within its width: names lose their beginning, other texts their end, and columns go that may", () => {
    for (let width = 18; width < 70; width++) {
      for (const line of drawn(width)) expect(widthOf(line)).toBeLessThanOrEqual(width)
    }
    expect(drawn(20)[0]).not.toContain("FOR")
    expect(drawn(40)[1]).toMatch(/…\S+internal/)
  })

  test("leaves out a column that is empty in all rows", () => {
    expect(drawn(80, [["a", "", "1 s"]])[0]).toBe("CHILD  FOR")
  })

  test("shows its tones only where colours are wanted", () => {
    const line = [cell("Failed", "bad"), cell(" x")]
    expect(lineText(line, false)).toBe("Failed x")
    expect(lineText(line, true)).toBe("\u001b[31mFailed\u001b[0m x")
  })
})

describe("text", () => {
  test("is measured in columns: wide characters take two, marks none", () => {
    expect(["abc", "日本", "e\u0301", "🙂"].map(widthOf)).toEqual([3, 4, 1, 2])
    expect(cutTo("日本語", 5, "end")).toBe("日本…")
    expect(cutTo("worker-1.internal", 9, "start")).toBe("…internal")
  })

  test("of somebody else moves no cursor and turns no line around", () => {
    expect(harmless("a\u001b[2Jb\nc\u202ed")).toBe("a\ufffd[2Jb c\ufffdd")
  })

  test("is broken between words", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"])
  })
})
