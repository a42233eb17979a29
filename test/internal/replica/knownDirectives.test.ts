/** What a node knows of directives, within an era and across a loss of data. */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import type { DirectiveItem, DirectiveWhat } from "../../../src/internal/registry/commands.js"
import { formatDirective } from "../../../src/internal/registry/state.js"
import { decodeText, KnownDirectives } from "../../../src/internal/replica/knownDirectives.js"
import { holds, hostileText, names } from "../../support/arbitrary.js"

const record = (stamp: number, what: DirectiveWhat = "drain"): string =>
  formatDirective({ stamp, what, until: 9, op: `op${stamp}`, at: 1, by: "b", reason: "" })

const item = (name: string, stamp: number, what?: DirectiveWhat): DirectiveItem => ({
  name,
  record: record(stamp, what)
})

const stamps = (directives: KnownDirectives, all: ReadonlyArray<string>) =>
  all.map((name) => directives.of(name)?.stamp)

describe("within an era", () => {
  it("the registry is right: what it tells is taken over, what it does not tell is forgotten", () => {
    const directives = new KnownDirectives()
    directives.update([item("a", 5), item("b", 6)], 10, false)
    expect(stamps(directives, ["a", "b"])).toEqual([5, 6])
    directives.update([item("b", 4), { name: "c", record: "x" }], 11, false)
    expect(stamps(directives, ["a", "b", "c"])).toEqual([undefined, 4, undefined])
    expect(directives.pending).toEqual([])
    expect(directives.readAt).toBe(11)
  })

  it("older news does not undo what a command has returned since", () => {
    const directives = new KnownDirectives()
    directives.update([item("a", 5)], 10, false)
    directives.learn("a", record(12), 12)
    directives.update([item("a", 5)], 11, false)
    expect(stamps(directives, ["a"])).toEqual([12])
    directives.update([], 11, false)
    expect(stamps(directives, ["a"])).toEqual([12])
    directives.learn("a", record(7), 13)
    directives.learn("a", "x", 13)
    expect(stamps(directives, ["a"])).toEqual([12])
    directives.update([], 12, false)
    expect(stamps(directives, ["a"])).toEqual([undefined])
  })
})

describe("in a new data set", () => {
  it("the higher stamp wins, and what the registry lacks is given back", () => {
    const directives = new KnownDirectives()
    directives.update([item("a", 5, "undo"), item("b", 6), item("c", 7)], 10, false)
    directives.update([item("a", 3), item("b", 20)], 21, true)
    expect(stamps(directives, ["a", "b", "c"])).toEqual([5, 20, 7])
    expect(directives.pending).toEqual([
      { id: "a", kind: "direct", value: record(5, "undo") },
      { id: "c", kind: "direct", value: record(7) }
    ])
    directives.settle(directives.pending, 22)
    expect(directives.pending).toEqual([])
    // A page that was read before the merge does not take it away again.
    directives.update([item("b", 20)], 21, false)
    expect(stamps(directives, ["a", "b", "c"])).toEqual([5, 20, 7])
  })

  it("what another node has given back meanwhile needs not be", () => {
    const directives = new KnownDirectives()
    directives.update([item("a", 5)], 10, false)
    directives.update([], 20, true)
    const facts = directives.pending
    directives.update([item("a", 8)], 21, true)
    expect(directives.pending).toEqual([])
    directives.settle(facts, 22)
    expect(stamps(directives, ["a"])).toEqual([8])
  })

  it("nothing is left when all is forgotten", () => {
    const directives = new KnownDirectives()
    directives.update([item("a", 5)], 10, false)
    directives.update([], 20, true)
    directives.clear()
    expect([stamps(directives, ["a"]), directives.pending]).toEqual([[undefined], []])
  })

  const told = FastCheck.array(
    FastCheck.record({ name: FastCheck.constantFrom(...names(4)), stamp: FastCheck.integer({ min: 1, max: 30 }) }),
    { maxLength: 6 }
  )

  holds("no stamp goes back while it is merged, and what is pending is what the registry did not tell as new", [
    FastCheck.array(told, { maxLength: 6 })
  ], (pages) => {
    const directives = new KnownDirectives()
    const highest = new Map<string, number>()
    pages.forEach((page, i) => {
      const last = new Map(page.map(({ name, stamp }) => [name, stamp]))
      directives.update(Array.from(last, ([name, stamp]) => item(name, stamp)), 100 + i, true)
      for (const [name, stamp] of last) highest.set(name, Math.max(stamp, highest.get(name) ?? 0))
      expect(new Map(Array.from(highest.keys(), (name) => [name, directives.of(name)?.stamp]))).toEqual(highest)
      const behind = Array.from(highest.keys()).filter((name) => (last.get(name) ?? 0) < highest.get(name)!)
      expect(directives.pending.map(({ id }) => id).sort()).toEqual(behind.sort())
    })
  })
})

holds("a text is read as it was written, and never fails", [hostileText], (text) => {
  if (text.isWellFormed()) expect(decodeText(encodeURIComponent(text))).toBe(text)
  expect(typeof decodeText(text)).toBe("string")
})
