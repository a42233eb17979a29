/** The history: what leaves an entry, what leaves none, and how it is read. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { type Args, maxBatch } from "../../src/internal/registry/commands.js"
import {
  cutNote,
  historyKey,
  historyPage,
  type HistoryRecord,
  maxNote,
  newestOf,
  parseHistoryKey
} from "../../src/internal/registry/historyRecords.js"
import { type Caller, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const everything: Args<"history"> = { id: "", back: true, cursor: "", since: 0, limit: 100_000 }

/** All entries, the oldest first. */
const entries = (caller: Caller, changes: Partial<Args<"history">> = {}): Effect.Effect<ReadonlyArray<HistoryRecord>> =>
  Effect.gen(function*() {
    const found: Array<HistoryRecord> = []
    let cursor = ""
    for (;;) {
      const { value } = yield* caller.ok("history", { ...everything, cursor, ...changes })
      found.push(...value.entries)
      if (!value.more) return found.toReversed()
      cursor = value.cursor
    }
  })

/** What happened to a child, or to nodes with an empty id, in short. */
const told = (caller: Caller, id: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(entries(caller), (all) =>
    all.filter((entry) => entry.id === id && entry.what !== "era").map((entry) => {
      const { attempt, n, node, note, what } = entry
      const run = attempt === 0 ? "" : ` ${attempt}${n === 1 ? "" : `x${n}`}`
      return `${what}${run}${node === "" ? "" : ` at ${node}`}${note === "" ? "" : `: ${note}`}`
    }))

const running = (attempt: number) => ({ what: "running", attempt, n: 1, text: "" }) as const

const written = (test: Test): void => {
  test("a child's runs are told by the commands that claim, report and end them", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const item = { id: "k/1", token, stat: `${token}:running:0:1:0:` }
      yield* caller.ok("report", { sid: "a#1", items: [{ ...item, notes: [running(1)] }] })
      const notes = [{ what: "exited", attempt: 3, n: 2, text: "Error: no" } as const, running(4)]
      yield* caller.ok("report", { sid: "a#1", items: [{ ...item, notes }] })
      yield* caller.ok("release", { sid: "a#1", items: [{ ...item, refused: "", why: "moved b" }] })
      const next = yield* caller.own("a#1", "k/1", generation)
      const end = { id: "k/1", generation, token: next, how: "failed", stat: `${next}:failed:3:1:0:x` } as const
      yield* caller.ok("finish", { sid: "a#1", items: [{ ...end, why: "spent", notes: [running(1)] }] })
      yield* caller.put("k/1", { mode: "bump", op: "up", generation })
      expect(yield* told(caller, "k/1")).toEqual([
        "claimed at a#1",
        "running 1 at a#1",
        "exited 3x2 at a#1: Error: no",
        "running 4 at a#1",
        "stopped at a#1: moved b",
        "claimed at a#1",
        "running 1 at a#1",
        "failed at a#1: spent",
        "restarted"
      ])
      const mine = (yield* entries(caller, { id: "k/1" })).filter(({ node }) => node !== "")
      expect(mine.map((entry) => entry.token)).toEqual([token, token, token, token, token, next, next, next])
    }))

  test("a child that a revision could not run was stopped; one that a code could not read was refused", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      for (const refused of ["@1x:5:v2:no", "1.abc"]) {
        const token = yield* caller.own("a#1", "k/1", generation)
        yield* caller.ok("release", { sid: "a#1", items: [{ id: "k/1", token, refused, why: `by ${refused}` }] })
      }
      expect((yield* told(caller, "k/1")).filter((line) => !line.startsWith("claimed"))).toEqual([
        "stopped at a#1: by @1x:5:v2:no",
        "refused at a#1: by 1.abc"
      ])
    }))

  test("a start tells who asked for it, once, where it registers something", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const asked = { by: "mara%40x", reason: "new {feed}" }
      const put = (mode: Args<"put">["mode"], id: string, op: string, body = "{}") =>
        caller.ok("put", { mode, items: [{ id, op, generation: 0, body }], asked })
      const first = yield* put("start", "k/1", "1")
      expect(yield* put("start", "k/1", "1")).toMatchObject({ value: first.value })
      const tags = [yield* put("start", "k/1", "2"), yield* put("start", "k/1", "3", "{\"other\":1}")]
        .map(({ value: { results } }) => results.map(({ _tag }) => _tag))
      expect([first.value.results[0]?._tag, ...tags.flat()]).toEqual(["CREATED", "SAME", "CONFLICT"])
      yield* put("ensure", "k/2", "4")
      yield* put("ensureInitial", "k/3", "5")
      expect([yield* told(caller, "k/1"), yield* told(caller, "k/2"), yield* told(caller, "k/3")]).toEqual([
        ["registered: mara%40x new {feed}"],
        [],
        []
      ])
    }))

  test("who asked for a command, and why, is told in place of its sender", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const asked = { by: "mara%40x", reason: "disk | {swap}" }
      const generation = yield* caller.create("k/1")
      const put = { mode: "bump", items: [{ id: "k/1", op: "r", generation, body: "b" }], asked } as const
      yield* caller.send("put", put, { by: "node" })
      const del = { items: [{ id: "k/1", op: "d", generation: Number.MAX_SAFE_INTEGER }] }
      yield* caller.send("del", { ...del, asked: { by: "", reason: "r".repeat(300) } }, { by: "node" })
      const again = yield* caller.create("k/1")
      const replace = { mode: "replace", items: [{ id: "k/1", op: "s", generation: again, body: "c" }] } as const
      yield* caller.send("put", { ...replace, asked: { by: "ops", reason: "" } }, { by: "node" })
      yield* caller.send("del", { items: [{ ...del.items[0]!, op: "e" }] }, { by: "node", reason: "in its envelope" })
      expect(yield* told(caller, "k/1")).toEqual([
        "restarted: mara%40x disk | {swap}",
        `terminated:  ${"r".repeat(200)}`,
        "replaced: ops",
        "terminated: node in its envelope"
      ])
    }))

  test("ends, refusals and replacements are told, with who asked for them", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.ok("release", { sid: "a#1", items: [{ id: "k/1", token, refused: "v1", why: "cannot be read" }] })
      const args = { mode: "replace", items: [{ id: "k/1", op: "r", generation, body: "b" }] } as const
      const reply = yield* caller.send("put", args, { by: "ops%20desk" })
      expect(reply._tag).toBe("OK")
      const again = yield* caller.create("k/2")
      const held = yield* caller.own("a#1", "k/2", again)
      const del = { items: ["k/1", "k/2"].map((id) => ({ id, op: "d", generation: Number.MAX_SAFE_INTEGER })) }
      yield* caller.send("del", del, { by: "ops%20desk" })
      expect(yield* told(caller, "k/1")).toEqual([
        "claimed at a#1",
        "refused at a#1: cannot be read",
        "replaced: ops%20desk",
        "terminated: ops%20desk"
      ])
      expect((yield* entries(caller, { id: "k/2" })).at(-1)).toMatchObject({
        what: "terminated",
        token: held,
        node: "a#1"
      })
      const ended = { id: "k/2", generation: again, token: held, how: "ended", stat: "", why: "it ended" } as const
      yield* caller.ok("finish", { sid: "a#1", items: [ended] })
      // The spec is gone already: the claim is given back.
      expect((yield* told(caller, "k/2")).at(-1)).toBe("stopped at a#1: terminated")
    }))

  test("a run whose end comes after its replacement gives way to that, whatever it ended with", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.put("k/1", { mode: "replace", op: "r", generation })
      const end = { id: "k/1", generation, token, how: "ended", stat: "", why: "Error: connect ECONNREFUSED" } as const
      expect((yield* caller.ok("finish", { sid: "a#1", items: [end] })).value.results).toEqual([{ _tag: "RELEASED" }])
      expect((yield* told(caller, "k/1")).at(-1)).toBe("stopped at a#1: replaced")
    }))

  test("a takeover names the claim of the holder that had ended", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.live(2 * ttl, "a#1", "b#1")
      yield* caller.live(ttl, "b#1")
      yield* caller.own("b#1", "k/1", generation)
      expect(yield* told(caller, "k/1")).toEqual(["claimed at a#1", `claimed at b#1: ${token}:a#1`])
      expect(yield* told(caller, "")).toEqual(["joined at a#1", "joined at b#1", "leaseLost at a#1"])
    }))

  test("a child whose owner died soon is lost to a trial, and that is told", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      yield* caller.live(ttl, "a#1", "b#1")
      const generation = yield* caller.create("k/1")
      yield* caller.own("a#1", "k/1", generation)
      yield* caller.ok("close", { sid: "a#1", gone: true })
      expect((yield* caller.claim("b#1", "k/1", generation))._tag).toBe("TRIAL")
      expect(yield* told(caller, "k/1")).toEqual([
        "claimed at a#1",
        "lost at a#1: its process died once soon after it started"
      ])
    }))

  test("nodes are told of, how they end, and who directs them", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.open("a#2", { supersedes: "a#1" })
      yield* caller.open("b#1")
      yield* caller.ok("close", { sid: "b#1", gone: true })
      yield* caller.direct("a", "drain", { by: "ops%20desk", reason: "disk full" })
      yield* caller.direct("a", "undo", { by: "ops%20desk" })
      expect(yield* told(caller, "")).toEqual([
        "joined at a#1",
        "joined at a#2: a#1",
        "left at a#1",
        "joined at b#1",
        "gone at b#1",
        "drained at a: ops%20desk disk full",
        "uncordoned at a: ops%20desk"
      ])
    }))
}

const unwritten = (test: Test): void => {
  test("[I18] what is refused, comes late, or is repeated leaves no entry", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const before = yield* entries(caller)
      yield* caller.claim("b#1", "k/1", generation)
      yield* caller.claim("b#1", "k/1", generation - 1)
      const item = { id: "k/1", token: token - 1, stat: "", refused: "", why: "moved", notes: [running(1)] }
      yield* caller.ok("report", { sid: "a#1", items: [item, { ...item, token, id: "k/2" }] })
      yield* caller.ok("report", { sid: "b#1", items: [{ ...item, token }] })
      yield* caller.ok("release", { sid: "a#1", items: [item] })
      yield* caller.ok("finish", { sid: "b#1", items: [{ ...item, token, generation, how: "ended" }] })
      const args = { sid: "a#1", items: [{ ...item, token }] }
      expect(yield* caller.tag("release", args, { notAfter: -1 })).toBe("EXPIRED")
      expect(yield* caller.tag("release", args, { era: "another" })).toBe("ERA")
      yield* caller.open("a#1")
      yield* caller.ok("close", { sid: "c#1" })
      yield* caller.put("k/1", { mode: "replace", op: "r", generation: generation + 1 })
      yield* caller.del("k/1", generation - 1)
      expect(yield* entries(caller)).toEqual(before)
      // Each of these has its effect once.
      const twice = <A>(effect: Effect.Effect<A>) => Effect.zipRight(effect, effect)
      yield* twice(caller.ok("release", args))
      yield* twice(caller.put("k/1", { mode: "bump", op: "up", generation }))
      yield* twice(caller.del("k/1", Number.MAX_SAFE_INTEGER, "end"))
      yield* twice(caller.ok("close", { sid: "b#1" }))
      const more = (yield* entries(caller)).slice(before.length)
      expect(more.map(({ what }) => what)).toEqual(["running", "stopped", "restarted", "terminated", "left"])
    }))

  test("a caller that keeps no history writes none", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const before = yield* entries(caller)
      yield* caller.send("close", { sid: "a#1" }, { keepHistory: { count: 0, millis: 60_000 } })
      expect(yield* entries(caller)).toEqual(before)
    }))

  test("an entry that stands behind those to come begins the history anew, also when it is gone", (caller) =>
    Effect.gen(function*() {
      for (const isGone of [false, true]) {
        const sid = isGone ? "b#1" : "a#1"
        yield* caller.join(sid)
        yield* caller.subject.hand.appendHistory(4_102_444_800_000, 7)
        expect((yield* entries(caller)).at(-1)).toMatchObject({ id: "k/odd", at: 7 })
        if (isGone) yield* caller.subject.hand.loseNewestEntry
        expect((yield* caller.ok("close", { sid })).lost).toBe(0)
        expect((yield* entries(caller)).at(-1)).toMatchObject({ what: "left" })
        yield* caller.subject.hand.remove("hist")
      }
    }))

  test("an entry at an absurd time is not told, and begins the history anew", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.subject.hand.appendHistory(Number.MAX_SAFE_INTEGER, 7)
      expect((yield* entries(caller)).map(({ what }) => what)).toEqual(["era", "joined"])
      expect((yield* caller.ok("close", { sid: "a#1" })).lost).toBe(0)
      expect((yield* entries(caller)).map(({ what }) => what)).toEqual(["left"])
    }))
}

const ordered = (test: Test): void => {
  test("entries are in the order of the counter, and their time never falls", (caller) =>
    Effect.gen(function*() {
      yield* TestClock.adjust(1_000_000)
      yield* caller.join("a#1")
      yield* TestClock.setTime(400_000)
      yield* caller.open("b#1")
      yield* TestClock.setTime(1_000_500)
      yield* caller.open("c#1")
      const all = yield* entries(caller)
      expect(all.map(({ node }) => node)).toEqual(["", "a#1", "b#1", "c#1"])
      expect(all.map(({ ms }) => ms)).toEqual([1_000_000, 1_000_000, 1_000_000, 1_000_500])
      expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((x, y) => x - y))
    }))

  test("the history outlives the data: a new era counts on behind it, and stands in it", (caller) =>
    Effect.gen(function*() {
      yield* TestClock.adjust(1_000_000)
      yield* caller.join("a#1")
      const before = (yield* entries(caller)).at(-1)!
      yield* TestClock.setTime(500_000)
      for (const part of ["meta", "log", "sess", "node"] as const) yield* caller.subject.hand.remove(part)
      caller.high = 0
      yield* caller.learn
      yield* caller.open("b#1")
      const after = yield* entries(caller)
      expect(after.map(({ what }) => what)).toEqual(["era", "joined", "era", "joined"])
      expect(after[2]!.at).toBeGreaterThan(before.at)
      expect(after[2]!.ms).toBe(before.ms)
      expect(after[2]!.note).toBe(caller.era)
    }))

  test("without its history a registry is as before", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.subject.hand.remove("hist")
      yield* caller.ok("close", { sid: "a#1" })
      expect((yield* entries(caller)).map(({ what }) => what)).toEqual(["left"])
    }))

  test("the reaping of a session is told once, whoever causes it", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.pass(2 * ttl)
      yield* caller.learn
      expect(yield* told(caller, "")).toEqual(["joined at a#1", "leaseLost at a#1"])
    }))
}

const reading = (test: Test): void => {
  test("is read backwards down to a time and a number, of one child or of all", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const since = (yield* entries(caller)).at(-1)!.ms + 1
      yield* TestClock.adjust(1_000)
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.release("a#1", "k/1", token)
      yield* caller.own("a#1", "k/1", generation)
      const whats = (all: ReadonlyArray<HistoryRecord>) => all.map(({ what }) => what)
      expect(whats(yield* entries(caller, { since }))).toEqual(["claimed", "stopped", "claimed"])
      expect(whats(yield* entries(caller, { id: "k/1" }))).toEqual(["claimed", "stopped", "claimed"])
      expect(whats(yield* entries(caller, { id: "k/2" }))).toEqual([])
      const page = yield* caller.ok("history", { ...everything, limit: 1 })
      expect(whats(page.value.entries)).toEqual(["claimed"])
      expect(page.value.more).toBe(true)
      const next = yield* caller.ok("history", { ...everything, limit: 1, cursor: page.value.cursor })
      expect(whats(next.value.entries)).toEqual(["stopped"])
    }))

  test("is read on from a place, and from its end", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const on = (cursor: string) => caller.ok("history", { ...everything, back: false, cursor })
      const end = (yield* on("")).value
      expect(end.entries).toEqual([])
      yield* caller.join("a#1")
      const { cursor, entries: found } = (yield* on(end.cursor)).value
      expect(found.map(({ what }) => what)).toEqual(["joined"])
      expect((yield* on(cursor)).value).toEqual({ entries: [], cursor, more: false })
      yield* caller.subject.hand.remove("hist")
      expect((yield* on("")).value.cursor).toBe("0-0")
    }))

  test("an entry at an absurd place is no place to go on from", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const on = (cursor: string) =>
        Effect.map(caller.ok("history", { ...everything, back: false, cursor }), ({ value }) => value)
      const end = yield* on("")
      const before = yield* on("0-0")
      expect(before).toMatchObject({ cursor: end.cursor, more: false })
      const ms = 99_999_999_999_999
      yield* caller.subject.hand.appendHistory(ms, 0)
      for (const cursor of ["", end.cursor, `${ms}-0`]) expect(yield* on(cursor)).toEqual(end)
      expect(yield* on("0-0")).toEqual(before)
    }))

  test("a place behind the newest entry is one of a history that was begun anew, which is read from its begin", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const later = "4102444800000-7"
      const all = yield* caller.ok("history", { ...everything, back: false, cursor: "0-0" })
      expect(all.value.entries).not.toEqual([])
      expect((yield* caller.ok("history", { ...everything, back: false, cursor: later })).value).toEqual(all.value)
      yield* caller.subject.hand.remove("hist")
      const none = yield* caller.ok("history", { ...everything, back: false, cursor: later })
      expect(none.value).toEqual({ entries: [], cursor: "0-0", more: false })
    }))

  test(`a command looks at ${historyPage} entries`, (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const ids = Array.from({ length: maxBatch }, (_, i) => `k/${i}`)
      const notes = Array.from({ length: 13 }, (_, i) => running(i + 1))
      for (const id of ids) {
        const token = yield* caller.own("a#1", id, yield* caller.create(id))
        yield* caller.ok("report", { sid: "a#1", items: [{ id, token, stat: "", notes }] })
      }
      const page = yield* caller.ok("history", { ...everything, id: "k/0" })
      expect(page.value).toMatchObject({ entries: [], more: true })
      expect(yield* entries(caller, { id: "k/0" })).toHaveLength(14)
      expect(yield* entries(caller)).toHaveLength(2 + 14 * maxBatch)
    }))
}

const bounded = (test: Test): void => {
  test("of very many entries the last are kept, and of old ones none", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const notes = Array.from({ length: 50 }, (_, i) => running(i + 1))
      const report = (count: number, millis: number) =>
        caller.send("report", { sid: "a#1", items: [{ id: "k/1", token, stat: "", notes }] }, {
          keepHistory: { count, millis }
        })
      for (let i = 0; i < 40; i++) yield* report(100, 1e9)
      const kept = yield* entries(caller)
      expect(kept.length).toBeGreaterThanOrEqual(100)
      expect(kept.length).toBeLessThan(400)
      expect(kept.at(-1)).toMatchObject({ what: "running", attempt: 50 })
      yield* caller.live(10_000, "a#1")
      for (let i = 0; i < 20; i++) yield* report(1e6, 5_000)
      const young = yield* entries(caller)
      expect(young.filter(({ ms }) => ms < young.at(-1)!.ms).length).toBeLessThan(150)
      expect(young.length).toBeGreaterThanOrEqual(1_000)
    }))

  test("both bounds hold for commands that tell one thing each, all alike", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const report = (attempt: number, count: number, millis: number, stat: string) =>
        caller.send("report", { sid: "a#1", items: [{ id: "k/1", token, stat, notes: [running(attempt)] }] }, {
          keepHistory: { count, millis }
        })
      // With one position of the counter for each command, and with two.
      for (const stat of ["", `${token}:running:0:1:0:`]) {
        for (let i = 0; i < 800; i++) yield* report(i + 1, 100, 1e9, stat)
        expect((yield* entries(caller)).length).toBeLessThan(400)
        yield* caller.live(10_000, "a#1")
        for (let i = 0; i < 20; i++) yield* report(i + 1, 1e6, 5_000, stat)
        const young = yield* entries(caller)
        expect(young.filter(({ ms }) => ms < young.at(-1)!.ms).length).toBeLessThan(150)
      }
    }))

  test("a note has 200 bytes at most, and no half of a character", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const items = [{ id: "k/1", token, refused: "", why: `a${"€".repeat(100)}` }]
      yield* caller.ok("release", { sid: "a#1", items })
      yield* caller.direct("a", "cordon", { by: "b", reason: "é".repeat(150) })
      const all = yield* entries(caller)
      expect(all.slice(-2).map(({ note }) => note)).toEqual([`a${"€".repeat(66)}`, `b ${"é".repeat(100)}`])
      // Who asked for it is bounded by itself, and by whole characters.
      const by = encodeURIComponent("節".repeat(100))
      yield* caller.direct("a", "drain", { by, reason: "r".repeat(300) })
      yield* caller.send("del", { items: [{ id: "k/1", op: "d", generation: Number.MAX_SAFE_INTEGER }] }, {
        by: `x${by}`
      })
      const [given, ended] = (yield* entries(caller)).slice(-2)
      expect(given!.note).toBe(`${encodeURIComponent("節".repeat(66))} ${"r".repeat(200)}`)
      expect(ended!.note).toBe(`x${encodeURIComponent("節".repeat(66))}`)
      expect(new TextEncoder().encode(cutNote("😀".repeat(80)))).toHaveLength(maxNote)
    }))

  test("the name of an entry is read as it was written", () =>
    Effect.sync(() => {
      expect(parseHistoryKey(historyKey({ ms: 12, at: 34 }))).toEqual({ ms: 12, at: 34 })
      for (const odd of ["", "1", "1-", "-1", "1-2-3", "1-99999999999999999", "a-1"]) {
        expect(parseHistoryKey(odd)).toBeUndefined()
      }
      expect(newestOf([])).toEqual({ ms: 0, at: 0 })
    }))
}

/** @internal */
export const historySuite = (test: Test): void => {
  describe("history: what is told", () => written(test))
  describe("history: what is not told", () => unwritten(test))
  describe("history: its order", () => ordered(test))
  describe("history: reading", () => reading(test))
  describe("history: its bounds", () => bounded(test))
}
