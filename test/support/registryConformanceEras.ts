/** Eras: what happens when data is lost, replaced, or set back. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { parseTomb } from "../../src/internal/registry/state.js"
import { type Caller, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"
import type { Part } from "./registryData.js"

/** Joins, and lives through the quarantine of a scope's first era. */
const settle = (caller: Caller) =>
  Effect.gen(function*() {
    yield* caller.join("a#1")
    const { value } = yield* caller.ok("tick", { sid: "a#1" })
    yield* caller.live(value.quarantine, "a#1")
  })

/** Some of everything. */
const populate = (caller: Caller) =>
  Effect.gen(function*() {
    yield* settle(caller)
    const generation = yield* caller.create("k/1")
    const token = yield* caller.own("a#1", "k/1", generation)
    yield* caller.ok("report", { sid: "a#1", items: [{ id: "k/1", token, stat: `${token}:running:0:1:0:` }] })
    yield* caller.del("k/2", yield* caller.create("k/2"))
    yield* caller.join("b#1")
    yield* caller.ok("close", { sid: "b#1" })
    yield* caller.directed("c", "cordon")
    yield* caller.join("d#1")
    const suspect = yield* caller.create("k/4")
    yield* caller.own("d#1", "k/4", suspect)
    yield* caller.ok("close", { sid: "d#1", gone: true })
    yield* caller.claim("a#1", "k/4", suspect)
    return { generation, token }
  })

const all: ReadonlyArray<Part> = [
  "meta",
  "sess",
  "node",
  "spec",
  "tomb",
  "tombx",
  "claim",
  "stat",
  "dead",
  "direct",
  "sessx",
  "trial",
  "log"
]

/** The reply by which a caller of the old era hears of a new one. */
const expectNewEra = (caller: Caller) =>
  Effect.gen(function*() {
    const { era, high } = caller
    const reply = yield* caller.send("tick", { sid: "a#1" })
    expect(reply._tag).toBe("ERA")
    if (reply._tag !== "ERA") return
    expect(reply.era).not.toBe(era)
    expect(reply.high).toBeGreaterThan(high)
    caller.era = reply.era
    expect((yield* caller.ok("nodes", {})).value.nodes).toEqual([])
  })

const losing = (test: Test): void => {
  test("a scope without data begins an era, in which nothing is granted for a ttl", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      expect((yield* caller.ok("tick", { sid: "a#1" })).value.quarantine).toBe(ttl)
      expect((yield* caller.put("k/1"))._tag).toBe("QUARANTINE")
      for (const mode of ["replace", "bump"] as const) {
        expect((yield* caller.put("k/1", { mode }))._tag).toBe("QUARANTINE")
      }
      expect((yield* caller.del("k/1", 1))._tag).toBe("QUARANTINE")
      expect(yield* caller.send("claim", { sid: "a#1", items: [{ id: "k/1", generation: 1 }] })).toMatchObject({
        _tag: "QUARANTINE",
        left: ttl
      })
      yield* caller.live(ttl, "a#1")
      expect((yield* caller.del("k/1", 1))._tag).toBe("ABSENT")
      expect((yield* caller.put("k/1", { mode: "replace" }))._tag).toBe("ABSENT")
      yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
    }), "settle")

  test("a scope without data may be trusted to be new", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
    }))

  test("data that was lost is never taken for a new scope, if anything is left", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      yield* caller.subject.hand.remove("meta")
      yield* expectNewEra(caller)
      yield* caller.open("a#2")
      expect(yield* caller.tag("claim", { sid: "a#2", items: [] })).toBe("QUARANTINE")
    }))

  test("all data lost is a new era", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      for (const part of all) yield* caller.subject.hand.remove(part)
      yield* expectNewEra(caller)
    }), "settle")

  for (const part of ["meta", "sess", "node", "spec", "tomb", "claim"] as const) {
    test(`${part} lost is a new era`, (caller) =>
      Effect.gen(function*() {
        yield* populate(caller)
        if (part === "spec") yield* caller.create("k/3")
        yield* caller.subject.hand.remove(part)
        yield* expectNewEra(caller)
      }))
  }

  for (const part of ["tombx", "stat", "dead", "direct", "sessx", "trial", "log"] as const) {
    test(`${part} lost is none: no rule depends on it`, (caller) =>
      Effect.gen(function*() {
        yield* populate(caller)
        yield* caller.subject.hand.remove(part)
        expect(yield* caller.tag("tick", { sid: "a#1" })).toBe("OK")
      }))
  }

  test("another server is a new era", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      yield* caller.subject.hand.otherServer
      yield* expectNewEra(caller)
    }))

  test("a counter that went back is a new era, seen by the callers or by the log", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      yield* caller.subject.hand.lowerCounter(2)
      yield* expectNewEra(caller)
      yield* caller.open("a#2")
      yield* caller.subject.hand.lowerCounter(2)
      caller.high = 0
      expect(yield* caller.tag("tick", { sid: "a#2" })).toBe("ERA")
    }))

  test("an older copy of the data is told by whoever knows more, of whatever era he comes", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      const { era } = caller
      caller.era = "later"
      caller.high += 1
      yield* expectNewEra(caller)
      expect(caller.era).not.toBe(era)
    }))

  test("eras that one request began, since it came twice, are two", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      const begin = Effect.gen(function*() {
        yield* caller.subject.hand.otherServer
        const reply = yield* caller.send("tick", { sid: "a#1" }, { bits: "same" })
        return reply._tag === "ERA" ? reply.era : undefined
      })
      const first = yield* begin
      expect(first).toBeDefined()
      expect(yield* begin).not.toBe(first)
    }))

  test("data of another layout is left alone", (caller) =>
    Effect.gen(function*() {
      yield* populate(caller)
      yield* caller.subject.hand.layout("7")
      const before = yield* caller.subject.hand.dump
      yield* TestClock.adjust(1_000)
      expect(yield* caller.send("tick", { sid: "a#1" })).toEqual({ _tag: "VERSION", layout: "7" })
      expect((yield* caller.open("c#1"))._tag).toBe("VERSION")
      expect(yield* caller.subject.hand.dump).toEqual(before)
    }))
}

const layouts = (test: Test): void => {
  for (const found of ["2", "17", "", "x", "1.5", "-1"]) {
    test(`a scope that belongs to the layout ${JSON.stringify(found)} is left alone, by every command`, (caller) =>
      Effect.gen(function*() {
        yield* populate(caller)
        yield* caller.subject.hand.ownedBy(found)
        const before = yield* caller.subject.hand.dump
        yield* TestClock.adjust(60_000)
        const refused = { _tag: "VERSION", layout: found }
        expect(yield* caller.send("tick", { sid: "a#1" })).toEqual(refused)
        expect(yield* caller.open("c#1")).toEqual(refused)
        expect(yield* caller.send("nodes", {}, { era: "" })).toEqual(refused)
        expect(yield* caller.subject.hand.dump).toEqual(before)
      }))
  }

  test("a scope says which layout it belongs to from the first command on, even a refused one", (caller) =>
    Effect.gen(function*() {
      yield* caller.send("tick", { sid: "" }, { era: "" })
      expect((yield* caller.subject.hand.dump).layout).toEqual(["layout = 1"])
    }))

  for (const lost of [true, false]) {
    test(`a layout that ${lost ? "is missing" : "is older"} is written again, and the data is not trusted`, (caller) =>
      Effect.gen(function*() {
        const { generation } = yield* populate(caller)
        yield* lost ? caller.subject.hand.remove("layout") : caller.subject.hand.ownedBy("0")
        yield* expectNewEra(caller)
        expect((yield* caller.subject.hand.dump).layout).toEqual(["layout = 1"])
        yield* caller.open("c#2")
        const items = [{ id: "k/1", generation }]
        expect(yield* caller.tag("claim", { sid: "c#2", items })).toBe("QUARANTINE")
      }))
  }
}

const counting = (test: Test): void => {
  test("tokens grow over the loss of everything, even when the clock steps back", (caller) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_000)
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      for (const part of all) yield* caller.subject.hand.remove(part)
      yield* TestClock.setTime(1_000)
      yield* expectNewEra(caller)
      yield* caller.open("a#2")
      expect(yield* caller.own("a#2", "k/1", yield* caller.create("k/1"))).toBeGreaterThan(token)
    }))

  test("near 2^51 no digit is lost", (caller) =>
    Effect.gen(function*() {
      const seconds = 2 ** 31 + 1
      yield* caller.send("tick", { sid: "" }, { era: "", seconds })
      yield* caller.join("a#1")
      expect(caller.high).toBeGreaterThan(2 ** 51)
      const tokens: Array<number> = []
      for (let i = 0; i < 20; i++) {
        const generation = yield* caller.create(`k/${i}`)
        const token = yield* caller.own("a#1", `k/${i}`, generation)
        tokens.push(token)
        const { claim, spec } = (yield* caller.everything).get(`k/${i}`)!
        expect(claim).toBe(`${token}:${generation}:a#1`)
        expect(spec).toMatch(new RegExp(`^${generation}\\|${generation}\\|`))
        expect(yield* caller.release("a#1", `k/${i}`, token)).toBe(1)
      }
      expect(new Set(tokens).size).toBe(20)
      const { log } = yield* caller.subject.hand.dump
      expect(log.every((entry) => /^\d{16}-0 /.test(entry))).toBe(true)
    }))
}

const comingBack = (test: Test): void => {
  test("what a node runs is asserted into the new era, before anything is granted", (caller) =>
    Effect.gen(function*() {
      const { generation, token } = yield* populate(caller)
      for (const part of all) yield* caller.subject.hand.remove(part)
      yield* expectNewEra(caller)
      const claims = [{ id: "k/1", token, generation }]
      expect(yield* caller.open("a#2", { mode: "reassert", claims })).toMatchObject({ value: { refused: [] } })
      expect((yield* caller.everything).get("k/1")?.claim).toBe(`${token}:${generation}:a#2`)
      expect(yield* caller.open("b#2", { mode: "reassert", claims })).toMatchObject({ value: { refused: ["k/1"] } })
      const newer = [{ id: "k/1", token: token + 1, generation }]
      expect(yield* caller.open("c#2", { mode: "reassert", claims: newer })).toMatchObject({ value: { refused: [] } })
      const { value } = yield* caller.ok("tick", { sid: "c#2" })
      yield* caller.live(value.quarantine, "c#2")
      const late = [{ id: "k/1", token: token + 2, generation }]
      expect(yield* caller.open("d#2", { mode: "reassert", claims: late })).toMatchObject({
        value: { refused: ["k/1"] }
      })
    }), "settle")

  test("claims that outlived the era go back to those who held them, by their tokens", (caller) =>
    Effect.gen(function*() {
      const { generation, token } = yield* populate(caller)
      yield* caller.subject.hand.otherServer
      yield* expectNewEra(caller)
      const older = [{ id: "k/1", token: token - 1, generation }]
      expect(yield* caller.open("b#2", { mode: "reassert", claims: older })).toMatchObject({
        value: { refused: ["k/1"] }
      })
      const same = [{ id: "k/1", token, generation }]
      expect(yield* caller.open("a#2", { mode: "reassert", claims: same })).toMatchObject({ value: { refused: [] } })
    }))

  test("merge takes the highest stamp of an id, spec or tombstone", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const merge = (kind: "spec" | "tomb", value: string) =>
        Effect.map(caller.ok("merge", { facts: [{ id: "k/1", kind, value }] }), ({ value }) => value.merged)
      expect(yield* merge("spec", "5|5|op|||old")).toBe(1)
      expect(yield* merge("spec", "5|5|op|||other")).toBe(0)
      expect(yield* merge("tomb", "6|5|op|by|d|")).toBe(1)
      expect(yield* merge("spec", "5|5|op|||old")).toBe(0)
      expect((yield* caller.everything).get("k/1")).toMatchObject({ spec: null, tomb: "6|5|op|by|d|" })
      expect(yield* merge("spec", "7|7|op|if|v1,v2|new")).toBe(1)
      expect((yield* caller.everything).get("k/1")).toMatchObject({ spec: "7|7|op|if|v1,v2|new", tomb: null })
      expect(yield* merge("spec", "nonsense")).toBe(0)
    }))

  test("a termination that one node remembers survives the loss of all data", (caller) =>
    Effect.gen(function*() {
      yield* settle(caller)
      const gone = yield* caller.del("k/1", yield* caller.create("k/1"))
      const tomb = "tomb" in gone ? gone.tomb : ""
      for (const part of all) yield* caller.subject.hand.remove(part)
      yield* expectNewEra(caller)
      expect((yield* caller.put("k/1", { mode: "ensureInitial" }))._tag).toBe("QUARANTINE")
      yield* caller.ok("merge", { facts: [{ id: "k/1", kind: "tomb", value: tomb }] })
      const result = yield* caller.put("k/1", { mode: "ensureInitial" })
      expect("tomb" in result && parseTomb(result.tomb)?.how).toBe("terminated")
    }), "settle")

  test("a command of an old era has no effect", (caller) =>
    Effect.gen(function*() {
      const { generation, token } = yield* populate(caller)
      const { era } = caller
      yield* caller.subject.hand.otherServer
      yield* caller.learn
      yield* caller.open("z#1")
      const before = yield* caller.subject.hand.dump
      const old = { era }
      expect(yield* caller.tag("del", { items: [{ id: "k/1", op: "x", generation }] }, old)).toBe("ERA")
      expect(yield* caller.tag("release", { sid: "a#1", items: [{ id: "k/1", token, refused: "" }] }, old)).toBe("ERA")
      expect(yield* caller.tag("close", { sid: "z#1" }, old)).toBe("ERA")
      expect(yield* caller.subject.hand.dump).toEqual(before)
    }))
}

/** @internal */
export const eraSuite = (test: Test): void => {
  describe("loss of data", () => losing(test))
  describe("another layout", () => layouts(test))
  describe("the counter", () => counting(test))
  describe("a new era", () => comingBack(test))
}
