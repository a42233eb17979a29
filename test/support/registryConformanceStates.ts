/** States of children: storing them under a claim, telling them to the next owner, and giving them back. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parseState, type StateRecord } from "../../src/internal/registry/childStates.js"
import { maxPageBytes, type SaveResult, type StateSave } from "../../src/internal/registry/commands.js"
import { formatTomb, parseSpec } from "../../src/internal/registry/state.js"
import { type Caller, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const id = "k/1"

/** A claim on a child, as the owner of its state knows it. */
interface Owned {
  readonly sid: string
  readonly id: string
  readonly token: number
  readonly birth: number
}

const asSave = ({ birth, id, token }: Owned, version: number, changes: Partial<StateSave> = {}): StateSave => ({
  id,
  token,
  birth,
  version,
  kindVersion: 1,
  body: `v${version}`,
  ...changes
})

const save = (
  caller: Caller,
  owned: Owned,
  version: number,
  changes: Partial<StateSave> = {}
): Effect.Effect<SaveResult> =>
  Effect.map(
    caller.ok("save", { sid: owned.sid, items: [asSave(owned, version, changes)] }),
    ({ value }) => value.results[0]!
  )

/** The stored state. */
const peek = (caller: Caller, of = id): Effect.Effect<StateRecord | undefined> =>
  Effect.map(caller.ok("peek", { ids: [of] }), ({ value }) => parseState(value.states[0] ?? ""))

/** Claims a child, and tells the claim and what came with it. */
const claim = (caller: Caller, sid: string, generation: number, of = id) =>
  Effect.flatMap(caller.claim(sid, of, generation), (result) =>
    result._tag === "GRANTED"
      ? Effect.succeed({
        owned: { sid, id: of, token: result.token, birth: result.birth } satisfies Owned,
        state: result.state === null || result.state === undefined ? undefined : parseState(result.state)
      })
      : Effect.die(new Error(`claim answered ${result._tag}`)))

/** A child with a stored state: its generation, and the claim under which it was stored. */
const stored = (caller: Caller, sid: string, body = "v1") =>
  Effect.gen(function*() {
    const generation = yield* caller.create(id)
    const { owned } = yield* claim(caller, sid, generation)
    expect(yield* save(caller, owned, 1, { body })).toBe("STORED")
    return { generation, owned }
  })

const spec = (caller: Caller, of = id) => Effect.map(caller.everything, (all) => parseSpec(all.get(of)?.spec ?? "")!)

const replaced = (caller: Caller, generation: number, mode: "replace" | "bump" = "replace") =>
  Effect.map(
    caller.put(id, { mode, generation, body: `after ${generation}`, op: `${mode}-${generation}` }),
    (result) => parseSpec(result._tag === "CREATED" ? result.spec : "")!.generation
  )

const saving = (test: Test): void => {
  test("a state is stored for the holder of the claim, and told to the next one", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a|1#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create(id)
      const { owned, state } = yield* claim(caller, "a|1#1", generation)
      expect(state).toBeUndefined()
      expect(yield* save(caller, owned, 1, { body: "x|y\né", kindVersion: 3 })).toBe("STORED")
      const record = { birth: generation, token: owned.token, version: 1, kindVersion: 3, node: "a%7C1", lost: false }
      expect(yield* peek(caller)).toMatchObject({ ...record, body: "x|y\né" })
      yield* caller.release("a|1#1", id, owned.token)
      expect((yield* claim(caller, "b#1", generation)).state).toMatchObject({ ...record, body: "x|y\né" })
    }))

  test("[I14] nobody else stores anything, with whatever token", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      expect(yield* save(caller, { ...owned, sid: "b#1" }, 2)).toBe("LOST")
      expect(yield* save(caller, { ...owned, token: owned.token + 1 }, 2)).toBe("LOST")
      expect(yield* save(caller, { ...owned, token: Number.NaN }, 2)).toBe("LOST")
      expect(yield* save(caller, owned, 2, { version: Number.NaN })).toBe("LOST")
      yield* caller.release("a#1", id, owned.token)
      expect(yield* save(caller, owned, 2)).toBe("LOST")
      yield* claim(caller, "b#1", generation)
      expect(yield* save(caller, owned, 2)).toBe("LOST")
      expect((yield* peek(caller))?.body).toBe("v1")
    }))

  test("[I16] within a claim the version only rises; one that is stored already is as good", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { owned } = yield* stored(caller, "a#1")
      expect(yield* save(caller, owned, 6)).toBe("STORED")
      expect(yield* save(caller, owned, 5)).toBe("OLDER")
      expect(yield* save(caller, owned, 6, { body: "again" })).toBe("OLDER")
      expect((yield* peek(caller))?.body).toBe("v6")
    }))

  test("the session need not live: the next to claim the child reads what was stored before", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      yield* caller.ok("close", { sid: "a#1" })
      expect(yield* save(caller, owned, 2)).toBe("STORED")
      expect((yield* claim(caller, "b#1", generation)).state?.body).toBe("v2")
    }))

  test("the first state marks the spec: no new generation, no new stamp", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create(id)
      const before = yield* spec(caller)
      expect(before.stateful).toBe(false)
      const { owned } = yield* claim(caller, "a#1", generation)
      const { high } = caller
      yield* save(caller, owned, 1)
      expect(yield* spec(caller)).toEqual({ ...before, stateful: true })
      const told = yield* caller.ok("changes", { cursor: high })
      expect(told.value.items.map((item) => parseSpec(item.spec ?? "")?.stateful)).toEqual([true])
      const { log } = yield* caller.ok("nodes", {})
      yield* save(caller, owned, 2)
      expect((yield* caller.ok("nodes", {})).log).toBe(log)
    }))

  test("[I17] a release, and a failure, store the last value in the same step", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const release = { id, token: owned.token, refused: "" }
      yield* caller.ok("release", { sid: "a#1", items: [release], saves: [asSave(owned, 2)] })
      const next = yield* claim(caller, "a#1", generation)
      expect(next.state?.body).toBe("v2")
      // Late: the claim is another one.
      yield* caller.ok("release", { sid: "a#1", items: [release], saves: [asSave(owned, 9)] })
      const { token } = next.owned
      const item = { id, generation, token, how: "failed" as const, stat: `${token}:failed:0:1:0:` }
      yield* caller.ok("finish", { sid: "a#1", items: [item], saves: [asSave(next.owned, 3)] })
      expect((yield* peek(caller))?.body).toBe("v3")
      expect((yield* spec(caller)).failed).toBe(true)
    }))

  test("a full reply tells of no more states; they are asked for", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const body = "é".repeat(maxPageBytes / 8)
      const ids = ["k/1", "k/2", "k/3", "k/4", "k/5", "k/6"]
      const generations = new Map<string, number>()
      for (const of of ids) {
        const generation = yield* caller.create(of)
        generations.set(of, generation)
        if (of === "k/5") continue
        const { owned } = yield* claim(caller, "a#1", generation, of)
        yield* save(caller, owned, 1, { body })
        yield* caller.release("a#1", of, owned.token)
      }
      const items = ids.map((of) => ({ id: of, generation: generations.get(of)! }))
      const { value } = yield* caller.ok("claim", { sid: "a#1", items })
      const told = value.results.map((result) =>
        result._tag !== "GRANTED" ? "" : result.state === null ? "none" : typeof result.state
      )
      expect(told).toEqual(["string", "string", "string", "undefined", "none", "undefined"])
      const asked = yield* caller.ok("peek", { ids: ["k/4", "k/5", "k/6"] })
      expect(asked.value.states.map((state) => parseState(state ?? "")?.body)).toEqual([body, undefined, body])
    }))
}

const lives = (test: Test): void => {
  test("[I15] a replacement and a restart go on with the life; their owner stores under its birth", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const second = yield* replaced(caller, generation)
      expect(yield* save(caller, owned, 2)).toBe("STORED")
      const third = yield* replaced(caller, second, "bump")
      expect(yield* spec(caller)).toMatchObject({ generation: third, birth: generation, stateful: true })
      yield* caller.release("a#1", id, owned.token)
      const next = yield* claim(caller, "b#1", third)
      expect(next.owned.birth).toBe(generation)
      expect(next.state?.body).toBe("v2")
      yield* caller.ok("put", {
        mode: "retag",
        items: [{ id, op: "retag", generation: third, body: "in a set" }]
      })
      expect(yield* spec(caller)).toMatchObject({ birth: generation, stateful: true, body: "in a set" })
    }))

  test("[I15] the end takes the state along; a new life under the id has none, and takes no late value", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      yield* caller.del(id, generation)
      expect((yield* caller.subject.hand.dump).state).toEqual([])
      expect(yield* save(caller, owned, 2)).toBe("LOST")
      const second = yield* caller.create(id)
      // It is still to end: its claim stands.
      expect(yield* save(caller, owned, 3)).toBe("LOST")
      expect((yield* spec(caller)).stateful).toBe(false)
      yield* caller.release("a#1", id, owned.token)
      const next = yield* claim(caller, "a#1", second)
      expect(next.state).toBeUndefined()
      expect(next.owned.birth).toBe(second)
    }))

  test("a child that ends by itself takes its state along", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const item = { id, generation, token: owned.token, how: "ended" as const, stat: "" }
      yield* caller.ok("finish", { sid: "a#1", items: [item] })
      expect((yield* caller.subject.hand.dump).state).toEqual([])
    }))

  test("a state of another life, or of another form, counts as none; the next claim removes it", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      for (const value of ["1|1|1|1|1|a||old", "x", ""]) {
        const generation = yield* caller.create(id)
        yield* caller.subject.hand.write("state", id, value)
        yield* caller.subject.hand.forgetStates
        expect(yield* peek(caller)).toBeUndefined()
        const { owned, state } = yield* claim(caller, "a#1", generation)
        expect(state).toBeUndefined()
        expect((yield* caller.subject.hand.dump).state).toEqual([])
        yield* caller.del(id, generation)
        yield* caller.release("a#1", id, owned.token)
      }
    }))

  test("an older node's header begins another life, whose state is told as lost", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const second = yield* replaced(caller, generation)
      const { stamp } = yield* spec(caller)
      // It writes the letters that it knows, and no digits.
      yield* caller.subject.hand.write("spec", id, `${second}|${stamp}|op|i||{}`)
      expect((yield* spec(caller)).birth).toBe(second)
      expect(yield* save(caller, owned, 2)).toBe("LOST")
      yield* caller.release("a#1", id, owned.token)
      expect((yield* claim(caller, "a#1", second)).state).toBeUndefined()
    }))
}

const losses = (test: Test): void => {
  test("a lost state is told as lost, and does not return by a late memory", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const [value] = (yield* caller.ok("peek", { ids: [id] })).value.states
      yield* caller.subject.hand.remove("state")
      // The count tells of it.
      yield* caller.learn
      yield* caller.pass(ttl)
      yield* caller.join("b#1")
      const next = yield* claim(caller, "b#1", generation)
      expect(next.state).toMatchObject({ lost: true, token: next.owned.token, birth: generation })
      yield* caller.ok("merge", { facts: [{ id, kind: "state", value: value! }], sid: "b#1" })
      expect(yield* peek(caller)).toMatchObject({ lost: true })
      expect(owned.token).toBeLessThan(next.owned.token)
      yield* caller.release("b#1", id, next.owned.token)
      const third = yield* claim(caller, "b#1", generation)
      expect(third.state?.lost).toBe(true)
      expect(yield* save(caller, third.owned, 1)).toBe("STORED")
      expect(yield* peek(caller)).toMatchObject({ lost: false, body: "v1" })
    }))

  test("a count that an older script has left out is taken as it is, and no loss", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* stored(caller, "a#1")
      const { era } = caller
      yield* caller.subject.hand.forgetStates
      yield* caller.learn
      expect(caller.era).toBe(era)
      expect((yield* caller.subject.hand.dump).meta).toContain("states = 1")
      expect((yield* peek(caller))?.body).toBe("v1")
    }))

  test("a new era keeps the states, and takes what is given back of them", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const [old] = (yield* caller.ok("peek", { ids: [id] })).value.states
      yield* save(caller, owned, 2)
      const [young] = (yield* caller.ok("peek", { ids: [id] })).value.states
      const raw = (yield* caller.everything).get(id)!.spec!
      for (const part of ["spec", "state"] as const) yield* caller.subject.hand.remove(part)
      yield* caller.learn
      const merge = (value: string | null | undefined) =>
        Effect.map(
          caller.ok("merge", { facts: [{ id, kind: "state", value: value! }], sid: "c#1" }),
          ({ value }) => value.merged
        )
      // Nothing to belong to yet.
      expect(yield* merge(young)).toBe(0)
      const plain = raw.replace("|s|", "||")
      yield* caller.ok("merge", { facts: [{ id, kind: "spec", value: plain }] })
      expect(yield* merge(young?.replace(`${generation}|`, `${generation - 1}|`))).toBe(0)
      expect(yield* merge(old)).toBe(1)
      expect((yield* spec(caller)).stateful).toBe(true)
      expect(yield* merge(young)).toBe(1)
      expect(yield* merge(old)).toBe(0)
      expect((yield* peek(caller))?.body).toBe("v2")
    }))

  test("[I13] after the quarantine a stranger's memory changes nothing under a living owner", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const later = `${generation}|${owned.token + 1}|1|1|1|c||later`
      const merge = (sid: string) =>
        Effect.map(
          caller.ok("merge", { facts: [{ id, kind: "state", value: later }], sid }),
          (reply) => reply.value.merged
        )
      expect(yield* merge("c#1")).toBe(0)
      expect(yield* merge("")).toBe(0)
      expect(yield* merge("a#1")).toBe(1)
      // The holder's own token is lower: another owner has been there.
      expect(yield* save(caller, owned, 2)).toBe("OVERTAKEN")
      expect((yield* peek(caller))?.body).toBe("later")
      yield* caller.release("a#1", id, owned.token)
      const next = `${generation}|${owned.token + 1}|2|1|1|c||next`
      yield* caller.ok("merge", { facts: [{ id, kind: "state", value: next }] })
      expect((yield* claim(caller, "a#1", generation)).state?.body).toBe("next")
    }))

  test("in the quarantine a value is stored for the birth that its owner names, and proves itself later", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const { generation, owned } = yield* stored(caller, "a#1")
      const raw = (yield* caller.everything).get(id)!.spec!
      yield* caller.subject.hand.remove("spec")
      yield* caller.learn
      yield* caller.open("a#2", {
        mode: "reassert",
        claims: [{ id, token: owned.token, generation }],
        supersedes: "a#1"
      })
      const own = { ...owned, sid: "a#2" }
      yield* caller.subject.hand.remove("state")
      yield* caller.subject.hand.forgetStates
      expect(yield* save(caller, own, 2)).toBe("STORED")
      expect(yield* peek(caller)).toBeUndefined()
      yield* caller.ok("merge", { facts: [{ id, kind: "spec", value: raw }] })
      expect((yield* peek(caller))?.body).toBe("v2")
      expect(yield* save(caller, own, 3)).toBe("STORED")
      const tomb = formatTomb({
        stamp: caller.high + 1,
        generation,
        op: "x",
        endOp: "y",
        how: "terminated",
        initial: false,
        pruned: false
      })
      yield* caller.ok("merge", { facts: [{ id, kind: "tomb", value: tomb }] })
      expect(yield* save(caller, own, 4)).toBe("LOST")
      expect((yield* caller.subject.hand.dump).state).toEqual([])
    }))

  test("of two memories of a spec, one with a state and one that a list names, both marks stay", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const facts = (value: string) => caller.ok("merge", { facts: [{ id, kind: "spec", value }] })
      yield* facts("5|5|op|||{}")
      yield* facts("5|5|op|s3||{}")
      yield* facts("5|5|op|i||{}")
      expect(yield* spec(caller)).toMatchObject({ initial: true, stateful: true })
      yield* facts("5|5|op|||{}")
      expect(yield* spec(caller)).toMatchObject({ initial: true, stateful: true })
    }))
}

/** States of children. */
export const stateSuite = (test: Test): void => {
  describe("saving a state", () => saving(test))
  describe("lives of a child, and its state", () => lives(test))
  describe("losses of states", () => losses(test))
}
