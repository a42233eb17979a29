/** Sessions and leases. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { maxDead } from "../../src/internal/registry/commands.js"
import { maxRevisions } from "../../src/internal/registry/revisions.js"
import { parseNode } from "../../src/internal/registry/state.js"
import { type Caller, maxStep, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const sids = (caller: Caller) =>
  Effect.map(caller.ok("nodes", {}), ({ value }) => value.nodes.map(({ sid }) => sid).sort())

const recordOf = (caller: Caller, sid: string) =>
  Effect.map(
    caller.ok("nodes", {}),
    ({ value }) => parseNode(value.nodes.find((node) => node.sid === sid)?.record ?? "")?.json
  )

const leases = (test: Test): void => {
  test("a reply tells for how long the scope had no command, refused or not", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* TestClock.adjust(maxStep * 3)
      const stranger = yield* caller.send("tick", { sid: "" }, { era: "" })
      expect(stranger).toMatchObject({ _tag: "ERA", idle: maxStep * 3 })
      yield* TestClock.adjust(maxStep)
      expect((yield* caller.ok("nodes", {})).idle).toBe(maxStep)
    }))

  test("a renewal extends a lease by a ttl", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.live(5 * ttl, "a#1")
      yield* caller.pass(ttl - 1)
      expect(yield* sids(caller)).toEqual(["a#1"])
    }))

  test("a session without a renewal is gone after a ttl, and the log tells", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const { log } = yield* caller.ok("tick", { sid: "b#1" })
      yield* caller.live(ttl, "b#1")
      expect(yield* sids(caller)).toEqual(["b#1"])
      const { value } = yield* caller.ok("changes", { cursor: log })
      expect(value.nodes?.map(({ sid }) => sid)).toEqual(["b#1"])
    }))

  test("a late renewal does not bring a session back", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.pass(ttl)
      expect(yield* caller.tag("tick", { sid: "a#1" })).toBe("NOSESSION")
      expect(yield* caller.tag("update", { sid: "a#1", version: 2, record: "{}" })).toBe("NOSESSION")
      expect(yield* sids(caller)).toEqual([])
    }))

  test("a session that is gone can never be opened again", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.pass(ttl)
      expect((yield* caller.open("a#1"))._tag).toBe("DEAD")
      yield* caller.join("b#1")
      yield* caller.ok("close", { sid: "b#1" })
      expect((yield* caller.open("b#1"))._tag).toBe("DEAD")
      yield* caller.ok("close", { sid: "b#1" })
    }))

  test("a renewal tells how many claims the session holds, and how long nothing is granted", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      for (const id of ["k/1", "k/2"]) yield* caller.own("a#1", id, yield* caller.create(id))
      expect((yield* caller.ok("tick", { sid: "a#1" })).value).toEqual({ claims: 2, quarantine: 0 })
    }))

  test("[F37] an outage of the registry ends no lease: its clock advances by one step at most", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { now } = yield* caller.ok("tick", { sid: "a#1" })
      yield* TestClock.adjust("1 day")
      expect((yield* caller.ok("tick", { sid: "a#1" })).now).toBe(now + maxStep)
    }))

  test("[F37] a clock that goes back ends no lease, and stops none", (caller) =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 day")
      yield* caller.join("a#1")
      const { now } = yield* caller.ok("tick", { sid: "a#1" })
      yield* TestClock.setTime(1_000)
      expect((yield* caller.ok("tick", { sid: "a#1" })).now).toBe(now)
      yield* TestClock.adjust(1_000)
      expect((yield* caller.ok("tick", { sid: "a#1" })).now).toBe(now + 1_000)
    }))

  test(`${maxDead} dead sessions are remembered, the youngest`, (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (let i = 0; i <= maxDead; i++) {
        yield* caller.open(`a#${i}`)
        yield* caller.ok("close", { sid: `a#${i}` })
      }
      expect((yield* caller.open("a#0"))._tag).toBe("OK")
      expect((yield* caller.open("a#1"))._tag).toBe("DEAD")
      expect((yield* caller.open(`a#${maxDead}`))._tag).toBe("DEAD")
    }))
}

const records = (test: Test): void => {
  test("an older record of a node never replaces a newer", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.ok("update", { sid: "a#1", version: 3, record: "three" })
      yield* caller.ok("update", { sid: "a#1", version: 2, record: "two" })
      yield* caller.open("a#1", { version: 1, record: "one" })
      expect(yield* recordOf(caller, "a#1")).toBe("three")
      yield* caller.ok("update", { sid: "a#1", version: 4, record: "four" })
      expect(yield* recordOf(caller, "a#1")).toBe("four")
    }))

  test("a record tells when its session was opened first", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      yield* caller.ok("update", { sid: "a#1", version: 2, record: "{}" })
      const { value } = yield* caller.ok("nodes", {})
      const opened = Object.fromEntries(value.nodes.map(({ record, sid }) => [sid, parseNode(record)!.opened]))
      expect(opened["a#1"]).toBeLessThan(opened["b#1"]!)
    }))

  test("members of a group are the live sessions whose records say so", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* caller.open("a#1", { record: "{\"kinds\":{\"Monitor\":{}}}" })
      yield* caller.open("b#1", { record: "{\"kinds\":{\"Poller\":{}}}" })
      yield* caller.open("c#1", { record: "not json" })
      const { registry, scope } = caller.subject
      const members = (group: string) =>
        registry.members(scope, group).pipe(
          Effect.orDie,
          Effect.map((all) => all.map(({ sid }) => sid).sort())
        )
      expect(yield* members("nodes")).toEqual(["a#1", "b#1", "c#1"])
      expect(yield* members("kind:Monitor")).toEqual(["a#1"])
      expect(yield* members("kind:Nobody")).toEqual([])
      yield* caller.pass(ttl)
      expect(yield* members("nodes")).toEqual([])
    }))
}

const superseding = (test: Test): void => {
  test("a session that supersedes another ends it, and carries its claims over", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const claims = [{ id: "k/1", token, generation }]
      const reply = yield* caller.open("a#2", { mode: "carry", claims, supersedes: "a#1" })
      expect(reply).toMatchObject({ _tag: "OK", value: { refused: [] } })
      expect(yield* sids(caller)).toEqual(["a#2"])
      expect((yield* caller.ok("tick", { sid: "a#2" })).value.claims).toBe(1)
      expect(yield* caller.tag("tick", { sid: "a#1" })).toBe("NOSESSION")
    }))

  test("a claim that went to another is not carried over", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.live(2 * ttl, "a#1")
      yield* caller.pass(ttl)
      yield* caller.join("b#1")
      yield* caller.own("b#1", "k/1", generation)
      const claims = [{ id: "k/1", token, generation }]
      const reply = yield* caller.open("a#2", { mode: "carry", claims, supersedes: "a#1" })
      expect(reply).toMatchObject({ _tag: "OK", value: { refused: ["k/1"] } })
    }))

  test("a claim that was given back is not carried over", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.release("a#1", "k/1", token)
      const claims = [{ id: "k/1", token, generation }]
      const reply = yield* caller.open("a#2", { mode: "carry", claims, supersedes: "a#1" })
      expect(reply).toMatchObject({ _tag: "OK", value: { refused: ["k/1"] } })
    }))

  test("a session lives with the last of its claims, not before", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* caller.open("a#1", { mode: "reassert", claims: [{ id: "k/1", token: 5, generation: 3 }], last: false })
      expect(yield* sids(caller)).toEqual([])
      expect(yield* caller.tag("tick", { sid: "a#1" })).toBe("NOSESSION")
      yield* caller.open("a#1", { mode: "reassert", claims: [{ id: "k/2", token: 6, generation: 4 }] })
      expect((yield* caller.ok("tick", { sid: "a#1" })).value.claims).toBe(2)
    }))
}

const timings = (test: Test): void => {
  test("a node with other timings is refused while others live", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const args = { version: 1, record: "{}", mode: "fresh", claims: [], last: true } as const
      const other = { ttl: 30_000, maxStep: 5_000 }
      const refused = yield* caller.send("open", { ...args, sid: "b#1", supersedes: "" }, other)
      expect(refused).toMatchObject({ _tag: "TIMING", ttl, maxStep })
      expect(yield* caller.tag("open", { ...args, sid: "a#2", supersedes: "a#1" }, other)).toBe("OK")
      expect((yield* caller.open("c#1"))._tag).toBe("TIMING")
    }))
}

const revisions = (test: Test): void => {
  const since = (caller: Caller, sid: string, revision?: string, fresh?: number) =>
    Effect.map(caller.open(sid, { revision, fresh }), (reply) => (reply._tag === "OK" ? reply.value.fresh : Number.NaN))

  test("an opened session is told since when its name has its revision", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const a = yield* since(caller, "a#1", "v1")
      const b = yield* since(caller, "b#1", "v2|with: odd\nthings")
      expect(a).toBeGreaterThan(0)
      expect(b).toBeGreaterThan(a)
      yield* caller.ok("close", { sid: "a#1" })
      expect(yield* since(caller, "a#2", "v1")).toBe(a)
      const younger = yield* since(caller, "a#3", "v2")
      expect(younger).toBeGreaterThan(b)
      // One whose answer was lost asks again.
      expect(yield* since(caller, "a#3", "v2")).toBe(younger)
      expect(yield* since(caller, "b#2", "v2|with: odd\nthings")).toBe(b)
      // One that has none says nothing, and changes nothing.
      expect(yield* since(caller, "a#4")).toBe(0)
      expect(yield* since(caller, "a#5", "v2")).toBe(younger)
      // An older text is the newest when it is deployed again.
      expect(yield* since(caller, "a#6", "v1")).toBeGreaterThan(younger)
    }))

  test("a process tells a new data set since when its name has its revision", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      expect(yield* since(caller, "a#1", "v1", 7)).toBe(7)
      expect(yield* since(caller, "a#2", "v1")).toBe(7)
      // Another says so of a revision that the name has already.
      expect(yield* since(caller, "a#3", "v1", 9)).toBe(7)
    }))

  test("a session that is not live yet notes none", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const claims = [{ id: "k/1", token: 5, generation: 3 }]
      yield* caller.open("a#1", { revision: "v1", fresh: 7, mode: "reassert", claims, last: false })
      expect(yield* since(caller, "a#1", "v1", 9)).toBe(9)
    }))

  test(`the revisions of ${maxRevisions} names are remembered, the youngest`, (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (let i = 0; i <= maxRevisions; i++) {
        yield* caller.open(`n${i}#1`, { revision: "v1", fresh: i + 1 })
        yield* caller.ok("close", { sid: `n${i}#1` })
      }
      const noted = (i: number) => since(caller, `n${i}#2`, "v1", 5_000)
      expect(yield* noted(0)).toBe(5_000)
      expect(yield* noted(maxRevisions / 2)).toBe(5_000)
      expect(yield* noted(maxRevisions / 2 + 1)).toBe(maxRevisions / 2 + 2)
      expect(yield* noted(maxRevisions)).toBe(maxRevisions + 1)
    }))
}

/** @internal */
export const sessionSuite = (test: Test): void => {
  describe("leases", () => leases(test))
  describe("records of nodes", () => records(test))
  describe("superseding", () => superseding(test))
  describe("timings", () => timings(test))
  describe("revisions", () => revisions(test))
}
