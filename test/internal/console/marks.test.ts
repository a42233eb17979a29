/** Words with marks: what users named or threw is never a mark. */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import {
  agoMark,
  childMark,
  eventsMark,
  findMark,
  inMark,
  lengthOf,
  nodeMark,
  plain,
  plainWords,
  readWords
} from "../../../src/internal/console/marks.js"
import { holds, hostileText } from "../../support/arbitrary.js"

/** Text with what a forger would use. */
const forged: FastCheck.Arbitrary<string> = FastCheck.oneof(
  hostileText,
  FastCheck.constantFrom(
    "{node x}",
    "{child K/x}",
    "\\{node x}",
    "a}b{",
    "{find a|b}",
    "|",
    "\\",
    "}\\",
    "{ago 0}",
    "{"
  ),
  FastCheck.array(FastCheck.constantFrom("{", "}", "\\", "|", "node ", "x", "\n"), { maxLength: 9 }).map((all) =>
    all.join("")
  )
)

describe("words", () => {
  holds("of a user are his text, and no mark", [forged], (text) => {
    expect(readWords(plain(text))).toEqual(text === "" ? [] : [{ mark: undefined, text }])
    expect(plainWords(plain(text), 0)).toBe(text)
  })

  holds("mark what they point to, whatever that is called", [forged, forged, forged], (a, b, c) => {
    const words = `x ${nodeMark(a)}${childMark(b)} ${findMark(b, c)}, ${eventsMark(c, a)}: ${plain(c)}`
    const parts = readWords(words).filter(({ mark }) => mark !== undefined)
    expect(parts).toEqual([
      { mark: "node", target: a, text: a },
      { mark: "child", target: b, text: b },
      { mark: "find", target: b, text: c },
      { mark: "events", target: c, text: a }
    ])
    expect(plainWords(words, 0)).toBe(`x ${a}${b} ${c}, ${a}: ${c}`)
  })

  holds("of any form are read", [forged], (text) => {
    expect(readWords(text).every(({ text }) => typeof text === "string")).toBe(true)
  })

  it("tell how long ago, and in what time", () => {
    const at = new Date(100_000)
    expect(plainWords(`lost ${agoMark(at)} ago, back in ${inMark(at)}`, 140_000)).toBe("lost 40 s ago, back in 0 s")
    expect(plainWords(`in ${inMark(at)}`, 40_000)).toBe("in 1 min")
    expect(plainWords("{ago never}", 0)).toBe("never")
  })

  it("that are no known mark are text", () => {
    expect(plainWords("{nodes x} {node} {find a", 0)).toBe("{nodes x} {node} {find a")
  })
})

describe("lengthOf", () => {
  it("names the largest unit that matters", () => {
    const at = (h: number, min: number, s: number) => lengthOf(((h * 60 + min) * 60 + s) * 1000)
    expect([at(0, 0, 0), at(0, 0, 40), at(0, 12, 59), at(3, 0, 5), at(3, 12, 0), at(6 * 24 + 5, 3, 0)])
      .toEqual(["0 s", "40 s", "12 min", "3 h", "3 h 12 min", "6 d"])
    expect(lengthOf(-5_000)).toBe("0 s")
  })
})
