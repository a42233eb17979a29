/** Reading, and being woken. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Value } from "../../src/GroupRegistry.js"
import { maxBatch, maxPageBytes } from "../../src/internal/registry/commands.js"
import { maxEntries } from "../../src/internal/registry/reads.js"
import type { Caller } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

/** Registers many specs, a batch at a time. */
const createMany = (caller: Caller, count: number, body = "{}") =>
  Effect.gen(function*() {
    for (let from = 0; from < count; from += maxBatch) {
      const items = Array.from({ length: Math.min(maxBatch, count - from) }, (_, i) => ({
        id: `k/${from + i}`,
        op: `many${from + i}`,
        generation: 0,
        body
      }))
      yield* caller.ok("put", { mode: "ensure", items })
    }
  })

/** All pages of the log after a position. */
const follow = (caller: Caller, from: number) =>
  Effect.gen(function*() {
    const pages: Array<Value<"changes">> = []
    for (let cursor = from;;) {
      const { value } = yield* caller.ok("changes", { cursor })
      pages.push(value)
      expect(value.cursor).toBeGreaterThanOrEqual(cursor)
      cursor = value.cursor
      if (!value.more) return pages
    }
  })

const position = (caller: Caller) => Effect.map(caller.ok("nodes", {}), ({ log }) => log)

const idsOf = (pages: ReadonlyArray<Value<"changes">>) => pages.flatMap(({ items }) => items.map(({ id }) => id))

/** Messages are real, and take real time. */
const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(holds()).toBe(true)
  })

const following = (test: Test): void => {
  test("what changed is told as it stands now, once per page", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.create("k/2")
      const { value } = yield* caller.ok("changes", { cursor: from })
      expect(value.items.map(({ id }) => id)).toEqual(["k/1", "k/2"])
      expect(value.items[0]).toMatchObject({ claim: `${token}:${generation}:a#1`, tomb: null, stat: null })
      expect(value.nodes).toBeUndefined()
      expect(value.more).toBe(false)
      expect((yield* caller.ok("changes", { cursor: value.cursor })).value.items).toEqual([])
    }))

  test("a change of a claim alone does not tell the spec", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const from = yield* position(caller)
      yield* caller.own("a#1", "k/1", generation)
      const { value } = yield* caller.ok("changes", { cursor: from })
      expect(value.items[0]).toMatchObject({ id: "k/1", spec: undefined, tomb: undefined })
    }))

  test(`a page has ${maxBatch} ids at most, and none is lost between pages`, (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      yield* createMany(caller, 2 * maxBatch + 50)
      const pages = yield* follow(caller, from)
      expect(pages.map(({ items }) => items.length)).toEqual([maxBatch, maxBatch, 50])
      expect(new Set(idsOf(pages)).size).toBe(2 * maxBatch + 50)
    }))

  test("a page is bounded in bytes, and none is lost between pages", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      const body = "é".repeat(maxPageBytes / 10)
      yield* createMany(caller, 13, body)
      const pages = yield* follow(caller, from)
      expect(pages.map(({ items }) => items.length)).toEqual([4, 4, 4, 1])
      expect(new Set(idsOf(pages)).size).toBe(13)
    }))

  test("a single record larger than a page is told", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      yield* createMany(caller, 2, "x".repeat(maxPageBytes + 10))
      expect((yield* follow(caller, from)).map(({ items }) => items.length)).toEqual([1, 1])
    }))

  test("a change of the membership tells all nodes", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      yield* caller.join("b#1")
      const { value } = yield* caller.ok("changes", { cursor: from })
      expect(value.nodes?.map(({ sid }) => sid).sort()).toEqual(["a#1", "b#1"])
    }))

  test("many changes of few ids are told in bounded pages", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const token = yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
      const from = yield* position(caller)
      const items = Array.from({ length: maxBatch }, () => ({ id: "k/1", token, stat: `${token}:running:0:1:0:` }))
      for (let i = 0; i < 1.2 * maxEntries; i += maxBatch) yield* caller.ok("report", { sid: "a#1", items })
      const pages = yield* follow(caller, from)
      expect(pages.map(({ items }) => items.length)).toEqual([1, 1])
    }))
}

const gaps = (test: Test): void => {
  test("[F53] a log that no longer reaches back asks for a complete read", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      yield* createMany(caller, 10)
      yield* caller.subject.hand.trimLog(10)
      expect(yield* caller.tag("changes", { cursor: from - 1 })).toBe("RESYNC")
      const { log } = yield* caller.ok("nodes", {})
      expect(yield* caller.tag("changes", { cursor: log })).toBe("OK")
    }))

  test("a lost log asks for a complete read, until the next change is read", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const from = yield* position(caller)
      yield* caller.create("k/1")
      yield* caller.subject.hand.remove("log")
      expect(yield* caller.tag("changes", { cursor: from })).toBe("RESYNC")
      yield* caller.create("k/2")
      expect(yield* caller.tag("changes", { cursor: from })).toBe("RESYNC")
    }))

  test("a log that lost its newest entry asks for a complete read", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.create("k/1")
      const from = yield* position(caller)
      yield* caller.create("k/2")
      yield* caller.create("k/3")
      yield* caller.subject.hand.loseNewest
      expect(yield* caller.tag("changes", { cursor: from })).toBe("RESYNC")
    }))
}

const reading = (test: Test): void => {
  test("everything is read, page by page: specs, tombstones, and claims of neither", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* createMany(caller, 5 * maxBatch + 7)
      yield* caller.own("a#1", "k/x", yield* caller.create("k/x"))
      yield* caller.del("k/x", caller.high)
      yield* caller.open("b#1", { mode: "reassert", claims: [{ id: "k/y", token: caller.high, generation: 1 }] })
      const all = yield* caller.everything
      expect(all.size).toBe(5 * maxBatch + 9)
      expect(all.get("k/x")).toMatchObject({ spec: null, tomb: expect.any(String), claim: expect.any(String) })
      expect(all.get("k/y")).toMatchObject({ spec: null, tomb: null, claim: expect.any(String) })
    }))

  test("what stands throughout a complete read is told, and the log tells the rest", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* createMany(caller, 4 * maxBatch)
      const from = yield* position(caller)
      const seen = new Set<string>()
      let cursor = ""
      let round = 0
      do {
        const { value } = yield* caller.ok("snap", { cursor })
        for (const { id } of value.items) seen.add(id)
        cursor = value.next
        round++
        yield* caller.create(`k/new${round}`)
        yield* caller.del(`k/${round}`, caller.high)
      } while (cursor !== "")
      for (let i = round + 1; i < 4 * maxBatch; i++) expect(seen.has(`k/${i}`)).toBe(true)
      const changed = new Set(idsOf(yield* follow(caller, from)))
      for (let i = 1; i <= round; i++) {
        expect(changed.has(`k/new${i}`)).toBe(true)
        expect(changed.has(`k/${i}`)).toBe(true)
      }
    }))

  test("an unknown cursor asks to begin anew", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      expect(yield* caller.tag("snap", { cursor: "what" })).toBe("RESYNC")
    }))
}

const waking = (test: Test): void => {
  test("a listener is told the newest position when something changed, and only then", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const heard: Array<number | undefined> = []
      const { registry, scope } = caller.subject
      yield* Effect.orDie(registry.onWake(scope, (log) => heard.push(log)))
      yield* Effect.orDie(registry.onWake(`${scope}-other`, (log) => log !== undefined && heard.push(-1)))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 300)))
      yield* caller.create("k/1")
      const { log } = yield* caller.ok("tick", { sid: "a#1" })
      yield* eventually(() => heard.includes(log))
      const before = heard.length
      yield* caller.ok("tick", { sid: "a#1" })
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
      expect(heard.length).toBe(before)
      expect(heard).not.toContain(-1)
    }))

  test("a listener is told nothing any more when its scope is closed", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const heard: Array<number | undefined> = []
      const { registry, scope } = caller.subject
      yield* Effect.scoped(
        Effect.zipRight(
          Effect.orDie(registry.onWake(scope, (log) => heard.push(log))),
          Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
        )
      )
      const before = heard.length
      yield* caller.create("k/1")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
      expect(heard.length).toBe(before)
    }))
}

/** @internal */
export const readSuite = (test: Test): void => {
  describe("changes", () => following(test))
  describe("gaps of the log", () => gaps(test))
  describe("snap", () => reading(test))
  describe("waking", () => waking(test))
}
