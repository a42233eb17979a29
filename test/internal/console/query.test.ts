/** The query language. */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { allOf, childKeys, type Comparable, parseChildQuery } from "../../../src/internal/console/childQuery.js"
import {
  ageTest,
  maxQuery,
  maxTerms,
  nameTest,
  numberTest,
  parseQuery,
  printTerms,
  type Term
} from "../../../src/internal/console/query.js"
import { holds, hostileText } from "../../support/arbitrary.js"

const now = 1_000_000_000

const child = (fields: Partial<Comparable> = {}): Comparable => ({
  lower: "poller/acme/orders",
  kind: "Poller",
  status: "Running",
  node: "worker-2",
  last: undefined,
  set: "eu",
  revision: "v2",
  restarts: 2,
  since: now - 120_000,
  ...fields
})

const matches = (q: string, fields: Partial<Comparable> = {}): boolean => {
  const { problem, terms } = parseChildQuery(q)
  return problem === undefined && allOf(terms)(child(fields), now)
}

const value = FastCheck.oneof(
  hostileText,
  FastCheck.constantFrom("a b", "a,b", "a:b", "-a", "\"", "\\", "a\"b", "x\\\"", "none", ">3")
)
const keys = { a: { hint: "" }, bc: { hint: "" } }

const terms: FastCheck.Arbitrary<ReadonlyArray<Term>> = FastCheck.array(
  FastCheck.oneof(
    FastCheck.record({ not: FastCheck.boolean(), key: FastCheck.constant(undefined), values: FastCheck.tuple(value) }),
    FastCheck.record({
      not: FastCheck.boolean(),
      key: FastCheck.constantFrom("a", "bc"),
      values: FastCheck.array(value, { maxLength: 4 })
    })
  ),
  { maxLength: 6 }
)

describe("a query", () => {
  holds("is read as it was written", [terms], (written) => {
    expect(parseQuery(printTerms(written), keys)).toEqual({ terms: written, problem: undefined })
  })

  holds("of any text is read, and printed it means the same", [
    FastCheck.oneof(
      hostileText,
      FastCheck.string({ unit: "binary", maxLength: 60 }),
      FastCheck.stringMatching(/^[-a-z:",\\ ]{0,40}$/)
    )
  ], (text) => {
    const { terms } = parseQuery(text, keys)
    expect(parseQuery(printTerms(terms), keys).terms).toEqual(terms)
    for (const { values } of terms) expect(values.every((one) => typeof one === "string")).toBe(true)
  })

  holds("finds nothing where it is too long", [FastCheck.nat(5_000)], (more) => {
    const long = "x".repeat(maxQuery + 1 + more)
    expect(parseChildQuery(long).problem).toContain("too long")
    expect(parseChildQuery(`${"x ".repeat(maxTerms)}y`).problem).toContain("too many terms")
    expect(parseChildQuery(`kind:${"x,".repeat(300)}y`).problem).toContain("too many values")
  }, 5)

  it("names the right keys where one is wrong, and finds nothing", () => {
    expect(parseChildQuery("stat:failed acme").problem)
      .toBe(`There is no filter "stat:". There are: ${Object.keys(childKeys).join(", ")}.`)
    expect(matches("stat:failed")).toBe(false)
    expect(parseChildQuery("constructor:x").problem).toContain("There is no filter \"constructor:\"")
    expect(parseChildQuery("{node:x").problem).toBeUndefined()
  })

  it("names what is wrong with a value", () => {
    expect(parseChildQuery("status:sleepy").problem).toContain("There is no status \"sleepy\"")
    expect(parseChildQuery("restarts:many").problem).toContain("restarts:>3")
    expect(parseChildQuery("age:5").problem).toContain("age:<5m")
    expect(parseChildQuery("is:{good}").problem).toContain("is:\\{good\\}")
  })

  it("looks for words in ids, whatever their case", () => {
    expect(matches("ACME orders")).toBe(true)
    expect(matches("acme globex")).toBe(false)
    expect(matches("-acme")).toBe(false)
    expect(matches("\"acme/o\"")).toBe(true)
    expect(matches("-")).toBe(false)
    expect(matches("-", { lower: "poller/a-b" })).toBe(true)
  })

  it("compares fields, of which one value must be the case, and every term", () => {
    expect(matches("status:running,failed kind:poller node:worker-2 set:eu")).toBe(true)
    expect(matches("status:failed")).toBe(false)
    expect(matches("status:run")).toBe(true)
    expect(matches("-status:failed")).toBe(true)
    expect(matches("-status:failed,running")).toBe(false)
    expect(matches("status:failed,running node:worker-3")).toBe(false)
    // A node whose name begins with another's is not meant.
    expect(matches("node:worker")).toBe(false)
    expect(matches("node:worker-*")).toBe(true)
    expect(matches("node:none")).toBe(false)
    expect(matches("node:none", { node: undefined })).toBe(true)
    expect(matches("last:none")).toBe(true)
    expect(matches("last:worker-9", { last: "worker-9" })).toBe(true)
    expect(matches("set:none")).toBe(false)
    expect(matches("revision:v2")).toBe(true)
    expect(matches("revision:none")).toBe(false)
    expect(matches("revision:none", { revision: undefined })).toBe(true)
    expect(matches("is:trouble")).toBe(false)
    expect(matches("is:trouble", { status: "Pending" })).toBe(true)
    expect(matches("restarts:>1 restarts:<=2 -restarts:3")).toBe(true)
    expect(matches("restarts:>2")).toBe(false)
    expect(matches("age:<5m")).toBe(true)
    expect(matches("age:1m")).toBe(true)
    expect(matches("age:>1h")).toBe(false)
    expect(matches("age:>1s", { since: 0 })).toBe(false)
    // A key behind which nothing is written yet hides nothing.
    expect(matches("status:")).toBe(true)
    expect(matches("")).toBe(true)
  })
})

describe("a value", () => {
  it("is a name, with any text for a star", () => {
    const yes = (pattern: string, name: string) =>
      expect([pattern, name, nameTest(pattern)(name)]).toEqual([pattern, name, true])
    const no = (pattern: string, name: string) =>
      expect([pattern, name, nameTest(pattern)(name)]).toEqual([pattern, name, false])
    yes("a*", "abc")
    yes("*c", "ABC")
    yes("a*c", "ac")
    yes("*b*", "abc")
    yes("a*b*c", "axbxc")
    yes("*", "")
    no("a*a", "a")
    no("ab*bc", "abc")
    no("a*bc*c", "abc")
    no("b", "abc")
  })

  holds("with stars matches what an expression would", [
    FastCheck.stringMatching(/^[ab*]{0,6}$/),
    FastCheck.stringMatching(/^[ab]{0,8}$/)
  ], (pattern, name) => {
    expect(nameTest(pattern)(name)).toBe(new RegExp(`^${pattern.replaceAll("*", "[^]*")}$`).test(name))
  }, 500)

  it("is a number or a length of time, compared", () => {
    expect([">3", ">=3", "<3", "<=3", "3", "=3"].map((text) => [2, 3, 4].map((n) => numberTest(text)!(n)))).toEqual([
      [false, false, true],
      [false, true, true],
      [true, false, false],
      [true, true, false],
      [false, true, false],
      [false, true, false]
    ])
    expect(["", ">", "x", "1.5", "-1", "> 1 2", "1e9"].map(numberTest)).toEqual(Array(7).fill(undefined))
    expect(["5", "5x", "m", "<", "1e3s"].map(ageTest)).toEqual(Array(5).fill(undefined))
    expect(ageTest(">1.5h")!(5_400_001)).toBe(true)
    expect(ageTest("<2min")!(120_000)).toBe(false)
    expect(ageTest("2d")!(2 * 86_400_000)).toBe(true)
  })
})
