/** Directives: what is told to the nodes of a name, and undone. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { directiveRetention, directiveSweep, maxDirectives } from "../../src/internal/registry/commands.js"
import { type DirectiveRecord, formatDirective, parseDirective } from "../../src/internal/registry/state.js"
import { ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const half = directiveRetention / 2

/** A record as no command has written it. */
const record = (changes: Partial<DirectiveRecord> = {}): string =>
  formatDirective({ stamp: 5, what: "drain", until: 0, op: "old", at: 1, by: "b", reason: "", ...changes })

const giving = (test: Test): void => {
  test("a directive is stored under the name, and told with the nodes", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* TestClock.adjust(7)
      const given = yield* caller.directed("a", "drain", { op: "op.1", by: "alice%20b", reason: "disk | full\né" })
      expect(given).toMatchObject({ what: "drain", op: "op.1", at: 7, by: "alice%20b", reason: "disk | full\né" })
      expect(given.stamp).toBeGreaterThan(0)
      expect(given.until).toBe(caller.now + directiveRetention)
      expect(yield* caller.directives).toEqual(new Map([["a", given]]))
    }))

  test("a name needs no node", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (const name of ["nobody", "", "n|1:é", "__proto__"]) yield* caller.directed(name, "cordon")
      expect((yield* caller.directives).size).toBe(4)
    }))

  test("the log tells of a directive as it tells of the membership", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { log } = yield* caller.ok("nodes", {})
      const given = yield* caller.directed("a", "cordon")
      const { value } = yield* caller.ok("changes", { cursor: log })
      expect(value.nodes!.map(({ sid }) => sid)).toEqual(["a#1"])
      expect(value.directives!.map(({ name, record }) => [name, parseDirective(record)])).toEqual([["a", given]])
      expect(value.items).toEqual([])
      // A page that has neither tells of neither.
      yield* caller.create("k/1")
      const next = yield* caller.ok("changes", { cursor: value.cursor })
      expect([next.value.nodes, next.value.directives]).toEqual([undefined, undefined])
      // A change of the membership tells of all directives, too.
      yield* caller.open("b#1")
      const last = yield* caller.ok("changes", { cursor: next.value.cursor })
      expect(last.value.directives).toHaveLength(1)
    }))

  test("the newest directive for a name stands", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const first = yield* caller.directed("a", "cordon")
      const second = yield* caller.directed("a", "drain")
      expect(second.stamp).toBeGreaterThan(first.stamp)
      expect(yield* caller.directives).toEqual(new Map([["a", second]]))
    }))

  test("an undo is a record with a stamp, whether there was anything to undo or not", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const drain = yield* caller.directed("a", "drain")
      const undo = yield* caller.directed("a", "undo")
      const other = yield* caller.directed("b", "undo")
      expect(undo.stamp).toBeGreaterThan(drain.stamp)
      expect(yield* caller.directives).toEqual(new Map([["a", undo], ["b", other]]))
    }))

  test("the same call answers as it did, and writes nothing", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const first = yield* caller.directed("a", "drain", { op: "op" })
      const { log } = yield* caller.ok("nodes", {})
      expect(yield* caller.directed("a", "drain", { op: "op" })).toEqual(first)
      expect((yield* caller.ok("nodes", {})).log).toBe(log)
    }))

  test("a late duplicate does not bring back what was undone", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const duplicate = { op: "op", seen: caller.high }
      yield* caller.directed("a", "drain", duplicate)
      const undo = yield* caller.directed("a", "undo")
      const late = yield* caller.direct("a", "drain", duplicate)
      expect(late).toEqual({ _tag: "NEWER", record: formatDirective(undo) })
      expect(yield* caller.directives).toEqual(new Map([["a", undo]]))
    }))

  test("during the quarantine directives are given and told", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      expect((yield* caller.ok("tick", { sid: "a#1" })).value.quarantine).toBe(ttl)
      const given = yield* caller.directed("a", "drain")
      expect(yield* caller.directives).toEqual(new Map([["a", given]]))
    }), "settle")

  test("neither another era's directive nor one that is late has an effect", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const args = { name: "a", what: "drain", op: "op", by: "", reason: "", seen: caller.high } as const
      expect(yield* caller.tag("direct", args, { era: "other" })).toBe("ERA")
      expect(yield* caller.tag("direct", args, { notAfter: -1 })).toBe("EXPIRED")
      expect((yield* caller.directives).size).toBe(0)
    }))
}

const keeping = (test: Test): void => {
  test("a repeated call renews a directive of which less than half of its time is left", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const write = (until: number) => caller.subject.hand.write("direct", "a", record({ op: "op", until }))
      yield* write(caller.now + half)
      expect(yield* caller.directed("a", "drain", { op: "op" })).toMatchObject({ stamp: 5, until: caller.now + half })
      yield* write(caller.now + half - 1)
      const renewed = yield* caller.directed("a", "drain", { op: "op" })
      expect(renewed).toMatchObject({ stamp: 5, until: caller.now + directiveRetention })
      expect(yield* caller.directives).toEqual(new Map([["a", renewed]]))
    }))

  test("each directive sweeps a few away that are due, the longest first", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const write = (name: string, until: number) =>
        caller.subject.hand.write("direct", name, record({ until, stamp: 50 + until }))
      yield* caller.pass(20)
      for (let i = 0; i < directiveSweep + 2; i++) yield* write(`due-${i}`, 10 + i)
      yield* write("not-due", caller.now + 1)
      yield* caller.directed("x", "cordon")
      const left = (yield* caller.directives).keys()
      expect(Array.from(left).sort()).toEqual(["due-2", "due-3", "not-due", "x"])
      // A memory that never heard of them must not be given back to a later era.
      const opened = yield* caller.open("b#1")
      expect(opened._tag === "OK" && opened.value.collected).toBe(61)
    }))

  test(
    "there are only so many, whatever is given; those that are due make room",
    (caller) =>
      Effect.gen(function*() {
        yield* caller.learn
        yield* Effect.forEach(
          Array.from({ length: maxDirectives }, (_, i) => i),
          (i) => caller.subject.hand.write("direct", `n${i}`, record({ stamp: i, until: caller.now + 1_000 })),
          { concurrency: 50, discard: true }
        )
        expect(yield* caller.direct("another", "drain")).toEqual({ _tag: "TOO_MANY" })
        expect((yield* caller.direct("n3", "undo", { seen: maxDirectives }))._tag).toBe("STORED")
        yield* caller.pass(1_000)
        expect((yield* caller.direct("another", "drain"))._tag).toBe("STORED")
        expect((yield* caller.directives).size).toBe(maxDirectives + 1 - directiveSweep)
      })
  )

  test("a record of another form counts as none, and the next directive removes it", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (const [name, value] of [["a", "x"], ["b", "1|z|2|op|3|by|"], ["c", ""]] as const) {
        yield* caller.subject.hand.write("direct", name, value)
      }
      expect((yield* caller.directives).size).toBe(0)
      const given = yield* caller.directed("a", "drain", { seen: 0 })
      expect((yield* caller.subject.hand.dump).direct).toEqual([`a = ${formatDirective(given)}`])
    }))
}

const losing = (test: Test): void => {
  const fact = (name: string, directive: DirectiveRecord) =>
    ({ id: name, kind: "direct", value: formatDirective(directive) }) as const

  test("what a node remembers is merged; the higher stamp wins, and its time begins anew", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const drain = yield* caller.directed("a", "drain")
      const undo = yield* caller.directed("a", "undo")
      yield* caller.subject.hand.remove("direct")
      yield* caller.pass(500)
      const merge = (directive: DirectiveRecord) =>
        Effect.map(caller.ok("merge", { facts: [fact("a", directive)] }), ({ value }) => value.merged)
      const { log } = yield* caller.ok("nodes", {})
      expect(yield* merge(drain)).toBe(1)
      expect(yield* merge(undo)).toBe(1)
      expect(yield* merge(drain)).toBe(0)
      expect(yield* merge(undo)).toBe(0)
      expect(yield* caller.directives).toEqual(new Map([["a", { ...undo, until: caller.now + directiveRetention }]]))
      // It is told as a new one is.
      expect((yield* caller.ok("changes", { cursor: log })).value.directives).toHaveLength(1)
      const odd = { id: "b", kind: "direct", value: "x" } as const
      expect((yield* caller.ok("merge", { facts: [odd] })).value.merged).toBe(0)
    }))

  test("a new era keeps the directives that are left", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const given = yield* caller.directed("a", "drain")
      yield* caller.subject.hand.otherServer
      yield* caller.learn
      expect(yield* caller.directives).toEqual(new Map([["a", given]]))
    }))

  test("a directive of a new era has a higher stamp than any that a caller has seen", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const before = yield* caller.directed("a", "drain")
      yield* caller.subject.hand.remove("meta")
      yield* caller.subject.hand.remove("direct")
      yield* caller.learn
      const after = yield* caller.directed("a", "undo")
      expect(after.stamp).toBeGreaterThan(before.stamp)
      expect((yield* caller.ok("merge", { facts: [fact("a", before)] })).value.merged).toBe(0)
    }))

  test("a lost clock begins no lower than when the latest was given or renewed", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.pass(4_000)
      yield* caller.directed("b", "cordon")
      const { now } = caller
      yield* caller.pass(1_000)
      yield* caller.subject.hand.write("direct", "c", "x")
      yield* caller.subject.hand.remove("meta")
      yield* caller.learn
      expect(caller.now).toBe(now)
    }))
}

/** Directives. */
export const directiveSuite = (test: Test): void => {
  describe("directives", () => {
    giving(test)
    keeping(test)
    losing(test)
  })
}
