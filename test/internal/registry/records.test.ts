import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { maxCounter } from "../../../src/internal/registry/bounds.js"
import { formatState, parseState } from "../../../src/internal/registry/childStates.js"
import {
  formatClaim,
  formatNode,
  formatSpec,
  formatStat,
  formatTomb,
  maxCause,
  parseClaim,
  parseNode,
  parseSpec,
  parseStat,
  parseTomb,
  type StatState
} from "../../../src/internal/registry/state.js"
import { bigCounter, holds, hostileText } from "../../support/arbitrary.js"

/** What a call's id or a code's name may be. */
const word = FastCheck.string({ unit: "binary", maxLength: 20 }).filter((text) => !/[|,]/.test(text))

const anyText = FastCheck.oneof(hostileText, FastCheck.string({ unit: "binary" }))

const spec = FastCheck.record({
  generation: bigCounter,
  stamp: bigCounter,
  op: word,
  initial: FastCheck.boolean(),
  failed: FastCheck.boolean(),
  birth: bigCounter,
  stateful: FastCheck.boolean(),
  refused: FastCheck.array(word.filter((code) => code !== ""), { maxLength: 3 }),
  body: anyText
})

const state = FastCheck.record({
  birth: bigCounter,
  token: bigCounter,
  version: bigCounter,
  at: bigCounter,
  kindVersion: FastCheck.nat(),
  node: word,
  lost: FastCheck.boolean(),
  body: anyText
})

const tomb = FastCheck.record({
  stamp: bigCounter,
  generation: bigCounter,
  op: word,
  endOp: word,
  how: FastCheck.constantFrom<"terminated" | "ended">("terminated", "ended"),
  initial: FastCheck.boolean(),
  pruned: FastCheck.boolean()
})

const states: ReadonlyArray<StatState> = [
  "starting",
  "running",
  "restarting",
  "stopping",
  "overdue",
  "failed",
  "refused"
]

const stat = FastCheck.record({
  token: bigCounter,
  state: FastCheck.constantFrom(...states),
  restarts: FastCheck.nat(),
  since: bigCounter,
  next: bigCounter,
  cause: anyText
})

describe("records", () => {
  holds("of specs are read as they were written", [spec], (record) => {
    expect(parseSpec(formatSpec(record))).toEqual(record)
  }, 1_000)

  holds("of states are read as they were written", [state], (record) => {
    expect(parseState(formatState(record))).toEqual(record)
  }, 1_000)

  holds("of tombstones are read as they were written", [tomb], (record) => {
    expect(parseTomb(formatTomb(record))).toEqual(record)
  }, 1_000)

  holds(
    "of claims are read as they were written",
    [bigCounter, bigCounter, anyText.filter((sid) => sid !== "")],
    (token, generation, sid) => {
      expect(parseClaim(formatClaim({ token, generation, sid }))).toEqual({ token, generation, sid })
    },
    1_000
  )

  holds("of statuses are read as they were written", [stat], (record) => {
    expect(parseStat(formatStat(record))).toEqual(record)
  }, 1_000)

  holds("of nodes are read as they were written", [bigCounter, bigCounter, anyText], (version, opened, json) => {
    expect(parseNode(formatNode({ version, opened, json }))).toEqual({ version, opened, json })
  }, 1_000)

  it("keep every counter value to the last digit, and none beyond the bound", () => {
    for (const token of [2 ** 51 - 1, 2 ** 51, 2 ** 51 + 1, maxCounter - 1, maxCounter]) {
      const text = formatClaim({ token, generation: token, sid: "n#1" })
      expect(text).toBe(`${BigInt(token)}:${BigInt(token)}:n#1`)
      expect(parseClaim(text)).toEqual({ token, generation: token, sid: "n#1" })
    }
    for (const token of [maxCounter + 1, 2 ** 53 - 1]) {
      expect(parseClaim(formatClaim({ token, generation: 1, sid: "n#1" }))).toBeUndefined()
      expect(parseClaim(formatClaim({ token: 1, generation: token, sid: "n#1" }))).toBeUndefined()
    }
  })
})

describe("formatStat", () => {
  holds("writes whole milliseconds", [FastCheck.double({ min: 0, max: 2e12, noNaN: true })], (since) => {
    const record = { token: 1, state: "running", restarts: 0, since, next: since, cause: "" } as const
    expect(parseStat(formatStat(record))).toMatchObject({ since: Math.floor(since), next: Math.floor(since) })
  })

  it("cuts a long cause", () => {
    const record = { token: 1, state: "failed", restarts: 0, since: 0, next: 0, cause: "x".repeat(5_000) } as const
    expect(parseStat(formatStat(record))?.cause).toBe("x".repeat(maxCause))
  })
})

type Parse = (text: string) => unknown

const numbers = ["", "-1", "1.5", "1e3", "0x1", " 1", "NaN", "٣", "12345678901234567"]

const cases: ReadonlyArray<
  readonly [name: string, parse: Parse, valid: string, places: ReadonlyArray<number>, sep: string]
> = [
  ["specs", parseSpec, "1|2|op|if|1.d,2.e|{}", [0, 1], "|"],
  ["tombstones", parseTomb, "1|2|op|by|d|i", [0, 1], "|"],
  ["claims", parseClaim, "1:2:n#1", [0, 1], ":"],
  ["statuses", parseStat, "1:running:2:3:4:why", [0, 2, 3, 4], ":"],
  ["nodes", parseNode, "1|2|{}", [0, 1], "|"]
]

describe.each(cases)("what is not a record: %s", (_, parse, valid, places, separator) => {
  it("with a number that is none of ours", () => {
    expect(parse(valid)).toBeDefined()
    for (const place of places) {
      for (const number of numbers) {
        const parts = valid.split(separator)
        parts[place] = number
        expect(parse(parts.join(separator)), parts.join(separator)).toBeUndefined()
      }
    }
  })

  it("with a part too few, or something before it", () => {
    const parts = valid.split(separator)
    expect(parse(parts.slice(1).join(separator))).toBeUndefined()
    expect(parse(parts.slice(0, -1).join(separator))).toBeUndefined()
    expect(parse(` ${valid}`)).toBeUndefined()
    expect(parse(`\n${valid}`)).toBeUndefined()
    expect(parse("")).toBeUndefined()
  })

  holds("never makes it fail", [FastCheck.oneof(hostileText, FastCheck.string({ unit: "binary" }))], (text) => {
    parse(text)
  }, 1_000)
})

describe("what is not a record", () => {
  it.each<[string, Parse, string]>([
    ["a tombstone that ended in an unknown way", parseTomb, "1|2|op|by|x|"],
    ["a tombstone with more behind it", parseTomb, "1|2|op|by|d|i|x"],
    ["a claim of nobody", parseClaim, "1:2:"],
    ["a status of an unknown state", parseStat, "1:dancing:2:3:4:why"],
    ["a status of a state that objects inherit", parseStat, "1:constructor:2:3:4:why"]
  ])("%s", (_, parse, text) => {
    expect(parse(text)).toBeUndefined()
  })

  it("flags that are not known yet are read past", () => {
    expect(parseSpec("1|2|op|xiy||{}")).toMatchObject({ initial: true, failed: false })
    expect(parseTomb("1|2|op|by|e|xi")).toMatchObject({ initial: true, pruned: false })
    expect(parseTomb("1|2|op|by|d|ip")).toMatchObject({ initial: true, pruned: true })
  })
})
