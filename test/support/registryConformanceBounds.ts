/** What every registry makes of numbers that no caller means: it takes them as not sent. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Envelope } from "../../src/GroupRegistry.js"
import { maxCounter, maxDuration, maxSeconds, maxTime } from "../../src/internal/registry/bounds.js"
import { parseClaim, parseSpec } from "../../src/internal/registry/state.js"
import { type Caller, maxStep, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const odd: ReadonlyArray<unknown> = [
  Number.NaN,
  -1,
  -Infinity,
  Infinity,
  1e300,
  2 ** 53,
  0.5,
  "7",
  "x",
  "",
  null,
  undefined,
  {},
  true
]

/** A value where the types want a number. */
const as = (value: unknown): number => value as number

/** The scope does what it is for: a child is created, claimed and ended, under small and rising numbers. */
const works = (caller: Caller, name: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    caller.era = ""
    yield* caller.learn
    yield* caller.open(`${name}#1`)
    const { value } = yield* caller.ok("tick", { sid: `${name}#1` })
    yield* caller.live(value.quarantine, `${name}#1`)
    const generation = yield* caller.create(`k/${name}`)
    const token = yield* caller.own(`${name}#1`, `k/${name}`, generation)
    expect(token).toBeGreaterThan(generation)
    expect(caller.high).toBeLessThanOrEqual(maxCounter)
    expect((yield* caller.everything).get(`k/${name}`)?.claim).toBe(`${token}:${generation}:${name}#1`)
    const { era } = caller
    expect((yield* caller.del(`k/${name}`, generation))._tag).toBe("GONE")
    yield* caller.ok("close", { sid: `${name}#1` })
    // Nothing of this began an era.
    expect(yield* caller.tag("nodes", {})).toBe("OK")
    expect(caller.era).toBe(era)
  })

const envelopes = (test: Test): void => {
  const fields = ["high", "seconds", "ttl", "maxStep"] as const
  const beyond = { high: maxCounter + 1, seconds: maxSeconds + 1, ttl: maxDuration + 1, maxStep: maxDuration + 1 }

  test("a caller whose clock is in 2242 joins, and changes nothing for the others", (caller) =>
    Effect.gen(function*() {
      const seconds = Date.UTC(2242, 0) / 1000
      yield* caller.send("nodes", {}, { era: "", seconds })
      expect(caller.high).toBeLessThan(2 ** 52)
      yield* works(caller, "a")
      yield* caller.subject.hand.otherServer
      yield* caller.send("nodes", {}, { seconds })
      yield* works(caller, "b")
    }))

  for (const field of fields) {
    test(`of a caller's ${field}, what is no number or beyond the bound is taken as not sent`, (caller) =>
      Effect.gen(function*() {
        let i = 0
        for (const value of [...odd, beyond[field], Number.MAX_SAFE_INTEGER]) {
          const envelope: Partial<Envelope> = { [field]: value }
          yield* caller.send("nodes", {}, { ...envelope, era: "" })
          yield* caller.subject.hand.otherServer
          yield* caller.send("nodes", {}, { ...envelope, era: "" })
          yield* caller.learn
          yield* caller.open(`odd${i}#1`)
          yield* caller.send("tick", { sid: `odd${i}#1` }, envelope)
          yield* caller.ok("close", { sid: `odd${i}#1` })
          if (++i % 5 === 0) yield* works(caller, `w${i}`)
        }
        yield* works(caller, "last")
      }))
  }

  test("the highest counter value of all leaves room to count on", (caller) =>
    Effect.gen(function*() {
      yield* works(caller, "a")
      for (let i = 0; i < 3; i++) yield* caller.send("nodes", {}, { high: maxCounter })
      caller.high = maxCounter
      yield* works(caller, "b")
    }))

  test("the latest second that is believed leaves room to count on", (caller) =>
    Effect.gen(function*() {
      yield* caller.send("nodes", {}, { era: "", seconds: maxSeconds })
      expect(caller.high).toBeGreaterThan(2 ** 51)
      yield* works(caller, "a")
    }))

  test("a session whose timings were not sent is not opened", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const args = {
        sid: "a#1",
        version: 1,
        record: "{}",
        mode: "fresh",
        claims: [],
        last: true,
        supersedes: ""
      } as const
      for (const value of [...odd, 0, maxDuration + 1]) {
        if (value === 0.5) continue
        const refused = { _tag: "TIMING", ttl, maxStep }
        expect(yield* caller.send("open", args, { ttl: as(value) })).toMatchObject(refused)
        expect(yield* caller.send("open", args, { maxStep: as(value) })).toMatchObject(refused)
      }
    }))

  test("a time limit that is no number limits nothing; one in the past, or below it, refuses", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.live(5_000, "a#1")
      for (const value of [Number.NaN, Infinity, 1e300, "7", "x", null, undefined]) {
        expect(yield* caller.tag("nodes", {}, { notAfter: as(value) })).toBe("OK")
      }
      for (const value of [-1, -Infinity, -1e300, 0, 0.5, caller.now - 0.5]) {
        expect(yield* caller.tag("nodes", {}, { notAfter: value })).toBe("EXPIRED")
      }
    }))
}

const beyond: ReadonlyArray<unknown> = [...odd, maxCounter + 1]

const commands = (test: Test): void => {
  test("a claim is not asserted under a number that cannot be stored, but refused", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (const value of [...beyond, Number.MAX_SAFE_INTEGER]) {
        const claims = [
          { id: "k/1", token: as(value), generation: 1 },
          { id: "k/2", token: 1, generation: as(value) }
        ]
        const reply = yield* caller.open("a#1", { mode: "reassert", claims })
        expect(reply).toMatchObject({ _tag: "OK", value: { refused: ["k/1", "k/2"] } })
      }
      expect((yield* caller.subject.hand.dump).claim).toEqual([])
    }))

  test("a record's version that is not sent is the lowest", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.ok("update", { sid: "a#1", version: 2, record: "two" })
      for (const version of [...beyond, Number.MAX_SAFE_INTEGER]) {
        yield* caller.ok("update", { sid: "a#1", version: as(version), record: "odd" })
      }
      yield* caller.ok("update", { sid: "a#1", version: 3, record: "three" })
      expect((yield* caller.subject.hand.dump).node).toEqual([expect.stringMatching(/^a#1 = 3\|\d+\|three$/)])
      yield* caller.open("b#1", { version: as(1e300) })
      yield* caller.ok("update", { sid: "b#1", version: 1, record: "one" })
      expect((yield* caller.subject.hand.dump).node).toContainEqual(expect.stringMatching(/^b#1 = 1\|\d+\|one$/))
    }))

  test("a generation or token that is not sent is nobody's", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const { value } = yield* caller.ok("open", {
        sid: "a#1",
        version: 1,
        record: "{}",
        mode: "carry",
        claims: [{ id: "k/1", token, generation }],
        last: true,
        supersedes: ""
      })
      expect(value.refused).toEqual([])
      const before = (yield* caller.everything).get("k/1")
      const sid = "a#1"
      for (const odd of beyond) {
        const value = as(odd)
        expect((yield* caller.put("k/1", { mode: "replace", generation: value, op: "r" }))._tag).toBe("CONFLICT")
        expect((yield* caller.put("k/1", { mode: "bump", generation: value, op: "b" }))._tag).toBe("CONFLICT")
        if (value !== maxCounter + 1) expect((yield* caller.del("k/1", value))._tag).toBe("NEWER")
        expect((yield* caller.claim(sid, "k/1", value))._tag).toBe("STALE")
        expect(yield* caller.release(sid, "k/1", value)).toBe(0)
        const report = yield* caller.ok("report", { sid, items: [{ id: "k/1", token: value, stat: "odd" }] })
        expect(report.value.stored).toBe(0)
        const finish = { id: "k/1", generation, token: value, how: "ended", stat: "" } as const
        const finished = yield* caller.ok("finish", { sid, items: [finish] })
        expect(finished.value.results).toEqual([{ _tag: "FENCED" }])
      }
      expect((yield* caller.everything).get("k/1")).toEqual(before)
    }))

  test("a cursor that is not sent is the first", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* caller.create("k/1")
      for (const cursor of odd) expect(yield* caller.tag("changes", { cursor: as(cursor) })).toBe("RESYNC")
    }))

  test("a directive that was given since is not replaced by a caller who saw nothing that can be told", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* caller.directed("n", "drain")
      for (const seen of odd) expect((yield* caller.direct("n", "undo", { seen: as(seen) }))._tag).toBe("NEWER")
    }))

  test("what is given back with a number that cannot be stored is not taken", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const values = [
        maxCounter + 1,
        Number.MAX_SAFE_INTEGER,
        "1e300",
        "-1",
        "1.5",
        "NaN",
        "Infinity",
        "0x10",
        " 1",
        ""
      ]
      const facts = values.flatMap((n) => [
        { id: "k/1", kind: "spec", value: `${n}|1|op|||{}` } as const,
        { id: "k/1", kind: "spec", value: `1|${n}|op|||{}` } as const,
        { id: "k/2", kind: "tomb", value: `${n}|1|op|by|d|` } as const,
        { id: "k/2", kind: "tomb", value: `1|${n}|op|by|d|` } as const,
        { id: "n", kind: "direct", value: `${n}|c|1|op|1|by|` } as const
      ])
      expect((yield* caller.ok("merge", { facts })).value.merged).toBe(0)
      yield* works(caller, "b")
    }))
}

const stored = (test: Test): void => {
  for (const field of ["high", "log", "collected", "now", "quarantine", "last", "ttl", "maxStep"] as const) {
    test(`a scope whose stored ${field} is absurd begins an era, and works`, (caller) =>
      Effect.gen(function*() {
        const values = field === "last" ? [2 ** 54] : [maxCounter + 1, 2 ** 53, 2 ** 60]
        for (const [i, value] of values.entries()) {
          yield* works(caller, `a${i}`)
          const { era } = caller
          yield* caller.subject.hand.meta(field, value)
          expect(yield* caller.tag("nodes", {})).toBe("ERA")
          yield* works(caller, `b${i}`)
          expect(caller.era).not.toBe(era)
        }
      }))
  }

  test("a log that ends at an absurd position is begun anew", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const cursor = caller.high
      yield* caller.subject.hand.appendLog(maxCounter + 1)
      expect(yield* caller.tag("changes", { cursor })).toBe("RESYNC")
      yield* works(caller, "b")
      const { log } = yield* caller.subject.hand.dump
      expect(log.length).toBeGreaterThan(0)
      expect(log.some((entry) => entry.startsWith(String(maxCounter + 1)))).toBe(false)
      expect(yield* caller.tag("changes", { cursor: caller.high })).toBe("OK")
    }))

  test("a sweep time or a directive beyond the registry's clock does not set the clock", (caller) =>
    Effect.gen(function*() {
      yield* works(caller, "a")
      yield* caller.subject.hand.age(-maxTime)
      yield* caller.subject.hand.write("direct", "n", `1|c|${maxTime + 1}|op|1|by|`)
      yield* caller.subject.hand.remove("meta")
      yield* works(caller, "b")
      expect(caller.now).toBeLessThan(1e9)
    }))

  test("records with absurd numbers are of another form: nobody is granted them", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      yield* caller.own("a#1", "k/1", generation)
      yield* caller.subject.hand.write("spec", "k/1", `${maxCounter + 1}|1|op|||{}`)
      expect((yield* caller.claim("a#1", "k/1", maxCounter + 1))._tag).toBe("MALFORMED")
      expect(parseSpec(`${maxCounter}|${maxCounter}|op|||{}`)).toBeDefined()
      expect(parseClaim(`${maxCounter + 1}:1:a#1`)).toBeUndefined()
    }))
}

/** @internal */
export const boundSuite = (test: Test): void => {
  describe("absurd numbers of a caller", () => envelopes(test))
  describe("absurd numbers in commands", () => commands(test))
  describe("absurd numbers in stored data", () => stored(test))
}
