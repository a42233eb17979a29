/** Sets: moving a child into one, and the rounds of those who reconcile them. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Args, type BeginResult, maxSetRounds, tombstoneRetention } from "../../src/internal/registry/commands.js"
import { formatSetRound, parseSetRound } from "../../src/internal/registry/setRounds.js"
import { parseSpec, parseTomb, type SpecRecord } from "../../src/internal/registry/state.js"
import type { Caller } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const key = "k/eu"
let ops = 0

const begin = (caller: Caller, changes: Partial<Args<"begin">> = {}): Effect.Effect<BeginResult> =>
  Effect.map(caller.ok("begin", { key, op: `begin-${++ops}`, fence: 0, ...changes }), ({ value }) => value.result)

const begun = (caller: Caller, changes: Partial<Args<"begin">> = {}): Effect.Effect<number> =>
  Effect.flatMap(
    begin(caller, changes),
    (result) =>
      result._tag === "BEGUN" ? Effect.succeed(result.round) : Effect.die(new Error(`begin answered ${result._tag}`))
  )

/** The stored spec of a child. */
const spec = (caller: Caller, id: string): Effect.Effect<SpecRecord> =>
  Effect.map(caller.everything, (all) => parseSpec(all.get(id)?.spec ?? "")!)

type PutArgs = Args<"put">

/** A `put` of one item, and its tag. */
const put = (caller: Caller, mode: PutArgs["mode"], item: Partial<PutArgs["items"][number]>, round?: number) =>
  Effect.map(
    caller.send("put", {
      mode,
      items: [{ id: "k/1", op: `put-${++ops}`, generation: 0, body: "{}", ...item }],
      round: round === undefined ? undefined : { key, round }
    }),
    (reply) => (reply._tag === "OK" ? reply.value.results[0]!._tag : reply._tag)
  )

/** A `del` of one item, and its tag. */
const del = (caller: Caller, item: Partial<Args<"del">["items"][number]>, round?: number, prune?: boolean) =>
  Effect.map(
    caller.send("del", {
      items: [{ id: "k/1", op: `del-${++ops}`, generation: 0, ...item }],
      round: round === undefined ? undefined : { key, round },
      prune
    }),
    (reply) => (reply._tag === "OK" ? reply.value.results[0]!._tag : reply._tag)
  )

const retagging = (test: Test): void => {
  test("retag stores another body under the same generation; the claim and the status stay", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1", "a")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.ok("report", { sid: "a#1", items: [{ id: "k/1", token, stat: `${token}:running:0:1:0:` }] })
      const before = yield* spec(caller, "k/1")
      expect(yield* put(caller, "retag", { generation, body: "a in eu" })).toBe("CREATED")
      const after = yield* spec(caller, "k/1")
      expect(after).toEqual({ ...before, body: "a in eu", stamp: after.stamp })
      expect(after.stamp).toBeGreaterThan(before.stamp)
      const item = (yield* caller.everything).get("k/1")
      expect(item?.claim).toBe(`${token}:${generation}:a#1`)
      expect(item?.stat).toBe(`${token}:running:0:1:0:`)
      const { value } = yield* caller.ok("changes", { cursor: before.stamp })
      expect(value.items.map(({ id, spec }) => [id, parseSpec(spec ?? "")?.body])).toEqual([["k/1", "a in eu"]])
    }))

  test("retag keeps what else a spec says, and the call that created it is still known", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.put("k/1", { mode: "ensureInitial", op: "first" })
      const { generation } = yield* spec(caller, "k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const stat = `${token}:failed:0:1:0:`
      yield* caller.ok("finish", { sid: "a#1", items: [{ id: "k/1", generation, token, how: "failed", stat }] })
      expect(yield* put(caller, "retag", { generation, body: "in eu" })).toBe("CREATED")
      expect(yield* spec(caller, "k/1")).toMatchObject({ initial: true, failed: true, op: "first", generation })
      yield* caller.del("k/1", generation)
      expect(yield* put(caller, "ensure", { op: "first" })).toBe("TERMINATED")
    }))

  test("retag wants the generation and the stamp that were seen; the same again is the same", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1", "a")
      const { stamp } = yield* spec(caller, "k/1")
      expect(yield* put(caller, "retag", { generation: generation - 1, body: "b" })).toBe("CONFLICT")
      expect(yield* put(caller, "retag", { generation, body: "b", stamp: stamp + 1 })).toBe("CONFLICT")
      expect(yield* put(caller, "retag", { generation, body: "b", stamp: Number.NaN })).toBe("CONFLICT")
      expect(yield* put(caller, "retag", { generation, body: "b", stamp })).toBe("CREATED")
      expect(yield* put(caller, "retag", { generation, body: "b", stamp })).toBe("SAME")
      expect(yield* put(caller, "retag", { generation, body: "c", stamp })).toBe("CONFLICT")
      expect(yield* put(caller, "retag", { id: "k/2", generation })).toBe("ABSENT")
    }))

  test("replace and del that name a stamp touch no record that was changed since", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1", "a")
      const { stamp } = yield* spec(caller, "k/1")
      yield* put(caller, "retag", { generation, body: "a in us" })
      expect(yield* put(caller, "replace", { generation, body: "b", stamp })).toBe("CONFLICT")
      expect(yield* del(caller, { generation, stamp })).toBe("NEWER")
      const now = yield* spec(caller, "k/1")
      expect(now.body).toBe("a in us")
      expect(yield* del(caller, { generation, stamp: now.stamp })).toBe("GONE")
    }))
}

const rounds = (test: Test): void => {
  test("[I11] a change of a round that is not the youngest is refused whole", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const generation = yield* caller.create("k/1", "a")
      const first = yield* begun(caller)
      expect(yield* put(caller, "ensure", { id: "k/2" }, first)).toBe("CREATED")
      const second = yield* begun(caller)
      expect(second).toBeGreaterThan(first)
      expect(yield* put(caller, "ensure", { id: "k/3" }, first)).toBe("SUPERSEDED")
      expect(yield* put(caller, "replace", { generation, body: "b" }, first)).toBe("SUPERSEDED")
      expect(yield* del(caller, { generation }, first)).toBe("SUPERSEDED")
      expect(Array.from((yield* caller.everything).keys()).sort()).toEqual(["k/1", "k/2"])
      expect(yield* put(caller, "replace", { generation, body: "b" }, second)).toBe("CREATED")
    }))

  test("a round of another set, or none, supersedes nothing; an absurd one is none of the set's", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const round = yield* begun(caller)
      yield* begun(caller, { key: "k/us" })
      expect(yield* put(caller, "ensure", {}, round)).toBe("CREATED")
      expect(yield* put(caller, "ensure", { id: "k/2" })).toBe("CREATED")
      expect(yield* put(caller, "ensure", { id: "k/3" }, Number.NaN)).toBe("SUPERSEDED")
      expect(yield* put(caller, "ensure", { id: "k/3" }, round + 1)).toBe("SUPERSEDED")
    }))

  test("where no round is stored, or one that cannot be read, none may change anything", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      expect(yield* put(caller, "ensure", {}, 0)).toBe("SUPERSEDED")
      expect(yield* put(caller, "ensure", {}, Number.NaN)).toBe("SUPERSEDED")
      const round = yield* begun(caller)
      yield* caller.subject.hand.write("round", key, `${round}|0`)
      expect(yield* put(caller, "ensure", {}, round)).toBe("SUPERSEDED")
      expect(yield* begun(caller)).toBeGreaterThan(round)
    }))

  test("the same call that begins a round answers as it did", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const round = yield* begun(caller, { op: "one" })
      expect(yield* begun(caller, { op: "one" })).toBe(round)
      expect(yield* begun(caller, { op: "two" })).toBeGreaterThan(round)
    }))

  test("a copy that has been replaced begins no round: its fence is lower", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* begun(caller, { fence: 7 })
      const round = yield* begun(caller, { fence: 9 })
      expect(yield* begin(caller, { fence: 7 })).toEqual({ _tag: "FENCED", fence: 9 })
      expect(yield* put(caller, "ensure", {}, round)).toBe("CREATED")
      // A caller without a fence may, and leaves it as it is.
      yield* begun(caller)
      expect(yield* begin(caller, { fence: 8 })).toEqual({ _tag: "FENCED", fence: 9 })
      yield* begun(caller, { fence: 9 })
    }))

  test("an era ends all rounds", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const round = yield* begun(caller, { fence: 5 })
      yield* caller.subject.hand.otherServer
      yield* caller.learn
      expect((yield* caller.subject.hand.dump).round).toEqual([])
      expect(yield* put(caller, "ensure", {}, round)).toBe("SUPERSEDED")
      yield* begun(caller, { fence: 4 })
    }), "settle")

  test("begin tells for how long the registry may not know what exists", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const { value } = yield* caller.ok("begin", { key, op: "x", fence: 0 })
      expect(value.quarantine).toBe(15_000)
      yield* caller.pass(15_000)
      expect((yield* caller.ok("begin", { key, op: "y", fence: 0 })).value.quarantine).toBe(0)
    }), "settle")

  test("of the rounds of very many sets the oldest is forgotten", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      const { write } = caller.subject.hand
      for (let i = 0; i < maxSetRounds; i++) {
        yield* write("round", `k/${i}`, formatSetRound({ round: 1_000 + i, fence: 0, op: "x" }))
      }
      yield* begun(caller)
      const left = (yield* caller.subject.hand.dump).round
      expect(left).toHaveLength(maxSetRounds)
      expect(left.some((line) => line.startsWith("k/0 = "))).toBe(false)
      expect(left.filter((line) => line.startsWith(`${key} = `))).toHaveLength(1)
      // One that is known needs no room.
      yield* begun(caller)
      expect((yield* caller.subject.hand.dump).round).toHaveLength(maxSetRounds)
    }))

  test("a stored round is read as it was written", () =>
    Effect.sync(() => {
      const record = { round: 12, fence: 3, op: "a.s1" }
      expect(parseSetRound(formatSetRound(record))).toEqual(record)
      for (const odd of ["", "1|2", "1|2|a|b", "-1|2|a", "12345678901234567|2|a"]) {
        expect(parseSetRound(odd)).toBeUndefined()
      }
    }))
}

const pruned = (test: Test): void => {
  test("what a list ended a list brings back, with a stamp of its own; what a call ended stays so", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      for (const mode of ["ensureInitial", "ensure"] as const) {
        yield* put(caller, mode, { op: "first" })
        const { generation } = yield* spec(caller, "k/1")
        expect(yield* del(caller, { generation }, undefined, true)).toBe("GONE")
        const tomb = parseTomb((yield* caller.everything).get("k/1")?.tomb ?? "")!
        expect(tomb).toMatchObject({ pruned: true, initial: false, how: "terminated", generation })
        // A late repetition of the command that had created it.
        expect(yield* put(caller, mode, { op: "first" })).toBe("TERMINATED")
        expect(yield* put(caller, "ensureInitial", { body: "anew" })).toBe("CREATED")
        const anew = yield* spec(caller, "k/1")
        expect(anew).toMatchObject({ initial: true, body: "anew", stamp: anew.generation })
        expect(anew.stamp).toBeGreaterThan(tomb.stamp)
        expect(yield* del(caller, { generation: anew.generation })).toBe("GONE")
        expect(yield* put(caller, "ensureInitial", {})).toBe("TERMINATED")
        yield* put(caller, "ensure", {})
        yield* del(caller, { generation: (yield* spec(caller, "k/1")).generation }, undefined, true)
      }
    }))

  test("the first time a list starts a child its stamp is the lowest", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* put(caller, "ensureInitial", {})
      expect((yield* spec(caller, "k/1")).stamp).toBe(1)
    }))

  test(
    "in a quarantine a list brings nothing back: that it was ended since may not be known yet",
    (caller) =>
      Effect.gen(function*() {
        yield* caller.learn
        yield* caller.ok("merge", { facts: [{ id: "k/1", kind: "tomb", value: "500|400|o|b|d|p" }] })
        expect((yield* caller.everything).get("k/1")?.tomb).toBe("500|400|o|b|d|p")
        expect(yield* put(caller, "ensureInitial", {})).toBe("QUARANTINE")
        expect((yield* caller.everything).get("k/1")?.tomb).toBe("500|400|o|b|d|p")
        yield* caller.pass(15_000)
        expect(yield* put(caller, "ensureInitial", {})).toBe("CREATED")
      }),
    "settle"
  )

  test("its tombstone is swept away like those of calls", (caller) =>
    Effect.gen(function*() {
      yield* caller.learn
      yield* put(caller, "ensureInitial", {})
      yield* del(caller, { generation: (yield* spec(caller, "k/1")).generation }, undefined, true)
      yield* caller.subject.hand.age(tombstoneRetention)
      yield* caller.pass(2_000)
      yield* caller.del("k/2", yield* caller.create("k/2"))
      expect((yield* caller.everything).get("k/1")).toBeUndefined()
    }))
}

const lists = (test: Test): void => {
  const list = "=main"

  test("[I11] a session that begins to live with a list ends the round of its set, and no other", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1", "a")
      const round = yield* begun(caller, { key: list })
      const other = yield* begun(caller)
      const ends = (of: string, number: number) =>
        caller.send("del", { items: [{ id: "k/2", op: "x", generation }], round: { key: of, round: number } })
      yield* caller.ok("open", openArgs("b#1", list, false))
      expect((yield* ends(list, round))._tag).toBe("OK")
      yield* caller.ok("open", openArgs("c#1", undefined, true))
      yield* caller.ok("open", openArgs("c#2", "=b", true))
      expect((yield* ends(list, round))._tag).toBe("OK")
      yield* caller.ok("open", openArgs("b#1", list, true))
      expect((yield* ends(list, round))._tag).toBe("SUPERSEDED")
      expect((yield* ends(key, other))._tag).toBe("OK")
    }))

  test("a round is begun by a live session that has read of the one before", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const seen = (round: number, sid = "a#1") => ({ key: list, seen: { sid, round } })
      const first = yield* begun(caller, seen(0))
      expect(yield* begin(caller, seen(0))).toEqual({ _tag: "UNSEEN", round: first })
      expect(yield* begin(caller, seen(first + 1))).toEqual({ _tag: "UNSEEN", round: first })
      expect(yield* begin(caller, seen(Number.NaN))).toEqual({ _tag: "UNSEEN", round: first })
      const second = yield* begun(caller, { ...seen(first), op: "again" })
      expect(yield* begun(caller, { ...seen(first), op: "again" })).toBe(second)
      expect(yield* begin(caller, seen(second, "b#1"))).toEqual({ _tag: "UNSEEN", round: second })
      yield* caller.ok("close", { sid: "a#1" })
      expect(yield* begin(caller, seen(second))).toEqual({ _tag: "UNSEEN", round: second })
    }))

  const openArgs = (sid: string, of: string | undefined, last: boolean): Args<"open"> => ({
    sid,
    version: 1,
    record: "{}",
    mode: "fresh",
    claims: [],
    last,
    supersedes: "",
    list: of
  })
}

/** @internal */
export const setSuite = (test: Test): void => {
  describe("retag, and stamps", () => retagging(test))
  describe("rounds of sets", () => rounds(test))
  describe("children that a list ended", () => pruned(test))
  describe("rounds of lists", () => lists(test))
}
