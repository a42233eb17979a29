/** Specs and tombstones. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  type KeepEnded,
  maxBatch,
  tombstoneRetention,
  tombstoneSweep,
  tombstoneSweepAtRest
} from "../../src/internal/registry/commands.js"
import { parseSpec, parseTomb } from "../../src/internal/registry/state.js"
import type { Caller } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const putting = (test: Test): void => {
  test("ensure creates, finds the same, and refuses other content", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      expect((yield* caller.put("k/1", { body: "a", op: "1" }))._tag).toBe("CREATED")
      expect((yield* caller.put("k/1", { body: "a", op: "2" }))._tag).toBe("SAME")
      const conflict = yield* caller.put("k/1", { body: "b", op: "3" })
      expect(conflict._tag).toBe("CONFLICT")
      expect("spec" in conflict && parseSpec(conflict.spec)?.body).toBe("a")
    }))

  test("a call that was applied already answers as it did", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const first = yield* caller.put("k/1", { op: "1" })
      expect(yield* caller.put("k/1", { op: "1" })).toEqual(first)
      const generation = parseSpec("spec" in first ? first.spec : "")!.generation
      const replaced = yield* caller.put("k/1", { mode: "replace", generation, body: "new", op: "2" })
      expect(replaced._tag).toBe("CREATED")
      expect(yield* caller.put("k/1", { mode: "replace", generation, body: "new", op: "2" })).toEqual(replaced)
    }))

  test("[F48] a retried call whose child was ended since does not start it anew", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const first = yield* caller.put("k/1", { op: "1" })
      yield* caller.del("k/1", parseSpec("spec" in first ? first.spec : "")!.generation)
      expect((yield* caller.put("k/1", { op: "1" }))._tag).toBe("TERMINATED")
      expect((yield* caller.put("k/1", { op: "2" }))._tag).toBe("CREATED")
    }))

  test("replace and bump want the generation that they saw", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1", "a")
      expect((yield* caller.put("k/1", { mode: "bump", generation: generation + 1, op: "x" }))._tag).toBe("CONFLICT")
      const bumped = yield* caller.put("k/1", { mode: "bump", generation, body: "ignored", op: "y" })
      const spec = parseSpec("spec" in bumped ? bumped.spec : "")!
      expect(spec.body).toBe("a")
      expect(spec.generation).toBeGreaterThan(generation)
      expect((yield* caller.put("k/1", { mode: "replace", generation, op: "z" }))._tag).toBe("CONFLICT")
      expect((yield* caller.put("k/2", { mode: "replace", generation, op: "z" }))._tag).toBe("ABSENT")
    }))

  test("an initial spec stays ended, and any call goes before it", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const initial = yield* caller.put("k/1", { mode: "ensureInitial", op: "1" })
      const spec = parseSpec("spec" in initial ? initial.spec : "")!
      expect(spec.initial).toBe(true)
      expect(spec.stamp).toBeLessThan(spec.generation)
      yield* caller.del("k/1", spec.generation)
      expect((yield* caller.put("k/1", { mode: "ensureInitial", op: "2" }))._tag).toBe("TERMINATED")
      expect((yield* caller.put("k/1", { op: "3" }))._tag).toBe("CREATED")
      expect((yield* caller.put("k/1", { mode: "ensureInitial", op: "4" }))._tag).toBe("SAME")
    }))

  test("a batch is in order, and may name an id twice", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const items = ["a", "a", "b"].map((body, i) => ({ id: "k/1", op: `${i}`, generation: 0, body }))
      const { value } = yield* caller.ok("put", { mode: "ensure", items })
      expect(value.results.map(({ _tag }) => _tag)).toEqual(["CREATED", "SAME", "CONFLICT"])
    }))

  test("a full batch of large specs is stored and told as it is", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const body = `{"text":"é|\\n${"x".repeat(2_000)}"}`
      const items = Array.from({ length: maxBatch }, (_, i) => ({ id: `k/${i}`, op: `${i}`, generation: 0, body }))
      yield* caller.ok("put", { mode: "ensure", items })
      const all = yield* caller.everything
      expect(all.size).toBe(maxBatch)
      for (const { spec } of all.values()) expect(parseSpec(spec!)!.body).toBe(body)
    }))

  // The second has more digits than a number can keep.
  for (const foreign of ["from|the|future", "9007199254740993|1|op|||{}"]) {
    test(`a record that cannot be read is left alone: ${foreign}`, (caller) =>
      Effect.gen(function*() {
        yield* caller.join("a#1")
        const generation = yield* caller.create("k/1")
        yield* caller.subject.hand.write("spec", "k/1", foreign)
        expect((yield* caller.put("k/1", { op: "x" }))._tag).toBe("MALFORMED")
        expect((yield* caller.put("k/1", { mode: "bump", generation, op: "x" }))._tag).toBe("MALFORMED")
        expect((yield* caller.del("k/1", generation))._tag).toBe("MALFORMED")
        expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("MALFORMED")
        expect((yield* caller.everything).get("k/1")?.spec).toBe(foreign)
      }))
  }
}

const ending = (test: Test): void => {
  test("del ends the generation that was seen, or an older one, never a newer", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1")
      yield* caller.put("k/1", { mode: "bump", generation, op: "bump" })
      expect((yield* caller.del("k/1", generation))._tag).toBe("NEWER")
      const gone = yield* caller.del("k/1", Number.MAX_SAFE_INTEGER)
      expect("tomb" in gone && parseTomb(gone.tomb)).toMatchObject({ op: "bump", endOp: "del", how: "terminated" })
      expect((yield* caller.del("k/2", generation))._tag).toBe("ABSENT")
    }))

  test("a del that was applied already answers as it did", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1")
      const gone = yield* caller.del("k/1", generation, "one")
      expect(yield* caller.del("k/1", generation, "one")).toEqual(gone)
      expect((yield* caller.del("k/1", generation, "two"))._tag).toBe("ABSENT")
    }))

  test("del never takes the claim of a live holder, and drops that of a dead one", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      for (const id of ["k/1", "k/2"]) yield* caller.own("a#1", id, yield* caller.create(id))
      yield* caller.del("k/1", caller.high)
      expect((yield* caller.everything).get("k/1")?.claim).toMatch(/:a#1$/)
      yield* caller.ok("close", { sid: "a#1" })
      yield* caller.del("k/2", caller.high)
      expect((yield* caller.everything).get("k/2")?.claim).toBeNull()
    }))

  test("what the owner of an ended child says is kept until it gives the claim back", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const token = yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
      yield* caller.del("k/1", caller.high)
      yield* caller.ok("report", { sid: "a#1", items: [{ id: "k/1", token, stat: `${token}:overdue:0:1:0:` }] })
      expect((yield* caller.everything).get("k/1")?.stat).toBe(`${token}:overdue:0:1:0:`)
      yield* caller.release("a#1", "k/1", token)
      expect((yield* caller.subject.hand.dump).stat).toEqual([])
    }))

  test("tombstones are kept for a day; then each new one sweeps some away, the oldest first", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (let i = 10; i < 10 + 3 * tombstoneSweep; i++) yield* caller.del(`k/${i}`, yield* caller.create(`k/${i}`))
      const tombs = Effect.map(caller.subject.hand.dump, ({ tomb }) => tomb.length)
      expect(yield* tombs).toBe(3 * tombstoneSweep)
      yield* caller.subject.hand.age(tombstoneRetention)
      yield* caller.del("k/new", yield* caller.create("k/new"))
      expect(yield* tombs).toBe(2 * tombstoneSweep + 1)
      expect((yield* caller.everything).has("k/10")).toBe(false)
      const { value } = yield* caller.ok("open", {
        sid: "a#1",
        version: 1,
        record: "{}",
        mode: "fresh",
        claims: [],
        last: true,
        supersedes: ""
      })
      expect(value.collected).toBeGreaterThan(0)
    }))

  const tombs = (caller: Caller) =>
    Effect.map(caller.subject.hand.dump, ({ tomb }) => tomb.map((line) => line.split(" ")[0]))
  const endMany = (caller: Caller, count: number, from = 10) =>
    Effect.forEach(
      Array.from({ length: count }, (_, i) => `k/${from + i}`),
      (id) => Effect.flatMap(caller.create(id), (generation) => caller.del(id, generation))
    )

  test("tombstones are swept away at rest, too, some with each renewal, by the time that the caller names", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* endMany(caller, 3 * tombstoneSweepAtRest)
      const renew = (keepEnded?: KeepEnded) => caller.send("tick", { sid: "a#1" }, { keepEnded })
      yield* caller.live(20_000, "a#1")
      yield* renew({ millis: 60_000, count: 1_000 })
      expect(yield* tombs(caller)).toHaveLength(3 * tombstoneSweepAtRest)
      yield* renew({ millis: 10_000, count: 1_000 })
      expect(yield* tombs(caller)).toHaveLength(2 * tombstoneSweepAtRest)
      yield* renew()
      expect(yield* tombs(caller)).toHaveLength(2 * tombstoneSweepAtRest)
      yield* caller.subject.hand.age(tombstoneRetention)
      for (let i = 0; i < 3; i++) yield* renew()
      expect(yield* tombs(caller)).toEqual([])
    }))

  test("the newest tombstones are kept, as many as the caller names; what was swept away is told", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* endMany(caller, 12)
      const last = caller.high
      const keepEnded = { millis: tombstoneRetention, count: 5 }
      yield* caller.send("tick", { sid: "a#1" }, { keepEnded })
      expect(yield* tombs(caller)).toEqual(["k/17", "k/18", "k/19", "k/20", "k/21"])
      const opened = yield* caller.open("b#1")
      const collected = opened._tag === "OK" ? opened.value.collected : 0
      expect(collected).toBeGreaterThan(0)
      expect(collected).toBeLessThan(last)
      // Each new one makes room for itself.
      for (let i = 30; i < 40; i++) {
        const generation = yield* caller.create(`k/${i}`)
        yield* caller.send("del", { items: [{ id: `k/${i}`, op: "x", generation }] }, { keepEnded })
        expect((yield* tombs(caller)).length).toBeLessThanOrEqual(6)
      }
    }))

  test("tombstones of initial children do not count", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      for (let i = 10; i < 20; i++) {
        const made = yield* caller.put(`k/${i}`, { mode: "ensureInitial" })
        yield* caller.del(`k/${i}`, parseSpec("spec" in made ? made.spec : "")!.generation)
      }
      yield* endMany(caller, 2, 50)
      yield* caller.send("tick", { sid: "a#1" }, { keepEnded: { millis: 0, count: 1 } })
      expect((yield* tombs(caller)).filter((id) => id! < "k/20")).toHaveLength(10)
      expect(yield* tombs(caller)).toHaveLength(10)
    }))

  test("tombstones of initial children are never swept away", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const made = yield* caller.put("k/1", { mode: "ensureInitial" })
      yield* caller.del("k/1", parseSpec("spec" in made ? made.spec : "")!.generation)
      yield* caller.subject.hand.age(2 * tombstoneRetention)
      yield* caller.del("k/2", yield* caller.create("k/2"))
      expect((yield* caller.put("k/1", { mode: "ensureInitial", op: "x" }))._tag).toBe("TERMINATED")
    }))
}

/** @internal */
export const specSuite = (test: Test): void => {
  describe("put", () => putting(test))
  describe("del and tombstones", () => ending(test))
}
