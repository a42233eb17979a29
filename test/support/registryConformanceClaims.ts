/** Claims, statuses, and the end of children. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parseSpec, parseTomb } from "../../src/internal/registry/state.js"
import { type Caller, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const finish = (
  caller: Caller,
  sid: string,
  id: string,
  { generation, how, token }: { readonly generation: number; readonly token: number; readonly how: "ended" | "failed" }
) =>
  Effect.map(
    caller.ok("finish", { sid, items: [{ id, generation, token, how, stat: `${token}:failed:3:1:0:why` }] }),
    ({ value }) => value.results[0]!
  )

const granting = (test: Test): void => {
  test("a claim is granted to one live session at a time", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      expect(yield* caller.claim("b#1", "k/1", generation)).toEqual({
        _tag: "HELD",
        claim: `${token}:${generation}:a#1`
      })
      expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("HELD")
    }))

  test("the claim of a session that is gone is granted to another, with a higher token", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.live(2 * ttl, "a#1", "b#1")
      yield* caller.live(ttl, "b#1")
      expect(yield* caller.own("b#1", "k/1", generation)).toBeGreaterThan(token)
    }))

  test("tokens only grow, whoever is granted one", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const tokens: Array<number> = []
      for (let i = 0; i < 5; i++) {
        const token = yield* caller.own("a#1", "k/1", generation)
        tokens.push(token)
        yield* caller.release("a#1", "k/1", token)
      }
      expect(tokens).toEqual(tokens.toSorted((x, y) => x - y))
      expect(new Set(tokens).size).toBe(5)
    }))

  test("nothing is granted to a session that is not live, of another generation, or of an ended child", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      expect(yield* caller.tag("claim", { sid: "x#1", items: [{ id: "k/1", generation }] })).toBe("NOSESSION")
      expect((yield* caller.claim("a#1", "k/1", generation - 1))._tag).toBe("STALE")
      expect((yield* caller.claim("a#1", "k/none", generation))._tag).toBe("GONE")
      yield* caller.del("k/1", generation)
      expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("GONE")
    }))

  test("what a dead holder left on an ended id is dropped when somebody asks", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      yield* caller.own("a#1", "k/1", generation)
      yield* caller.del("k/1", generation)
      yield* caller.live(ttl, "b#1")
      expect((yield* caller.everything).get("k/1")?.claim).toMatch(/a#1/)
      expect((yield* caller.claim("b#1", "k/1", generation))._tag).toBe("GONE")
      expect((yield* caller.subject.hand.dump).claim).toEqual([])
    }))

  test("a grant tells what the last owner said", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const stat = `${token}:restarting:7:1:0:boom`
      yield* caller.ok("report", { sid: "a#1", items: [{ id: "k/1", token, stat }] })
      yield* caller.release("a#1", "k/1", token)
      expect(yield* caller.claim("a#1", "k/1", generation)).toMatchObject({ _tag: "GRANTED", stat })
    }))

  test("a command that comes too late has no effect", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      yield* caller.live(100, "a#1")
      const late = { notAfter: caller.now - 1 }
      const before = yield* caller.subject.hand.dump
      expect(yield* caller.tag("claim", { sid: "a#1", items: [{ id: "k/1", generation }] }, late)).toBe("EXPIRED")
      expect(yield* caller.tag("del", { items: [{ id: "k/1", op: "x", generation }] }, late)).toBe("EXPIRED")
      expect(yield* caller.subject.hand.dump).toEqual(before)
      expect(yield* caller.tag("claim", { sid: "a#1", items: [{ id: "k/1", generation }] }, { notAfter: caller.now }))
        .toBe("OK")
    }))
}

const givingBack = (test: Test): void => {
  test("only the exact claim is given back", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      expect(yield* caller.release("a#1", "k/1", token - 1)).toBe(0)
      expect(yield* caller.release("b#1", "k/1", token)).toBe(0)
      expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("HELD")
      expect(yield* caller.release("a#1", "k/1", token)).toBe(1)
      expect(yield* caller.release("a#1", "k/1", token)).toBe(0)
    }))

  test("code that cannot run a generation is remembered until there is a new one", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const refused = Effect.map(caller.everything, (all) => parseSpec(all.get("k/1")!.spec!)!.refused)
      for (const code of ["v1", "v2", "v1"]) {
        yield* caller.release("a#1", "k/1", yield* caller.own("a#1", "k/1", generation), code)
      }
      expect(yield* refused).toEqual(["v1", "v2"])
      for (let i = 0; i < 16; i++) {
        yield* caller.release("a#1", "k/1", yield* caller.own("a#1", "k/1", generation), `w${i}`)
      }
      expect((yield* refused).at(0)).toBe("w0")
      yield* caller.put("k/1", { mode: "bump", generation, op: "x" })
      expect(yield* refused).toEqual([])
    }))

  test("a status that comes with a release is the next owner's, and of the exact claim only", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      yield* caller.join("b#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      const reported = `${token}:restarting:3:1:9:boom`
      yield* caller.ok("report", { sid: "a#1", items: [{ id: "k/1", token, stat: reported }] })
      const mark = "@1x:5:v2:no%2C%7C"
      const back = { id: "k/1", refused: mark, stat: `${token}:stopping:1:5:0:boom\né` }
      const giveBack = (sid: string, of: number) =>
        Effect.map(caller.ok("release", { sid, items: [{ ...back, token: of }] }), ({ value }) => value.released)
      expect(yield* giveBack("b#1", token)).toBe(0)
      expect(yield* giveBack("a#1", token + 1)).toBe(0)
      expect((yield* caller.everything).get("k/1")?.stat).toBe(reported)
      expect(yield* giveBack("a#1", token)).toBe(1)
      const { spec, stat } = (yield* caller.everything).get("k/1")!
      expect([parseSpec(spec!)!.refused, stat]).toEqual([[mark], back.stat])
      const granted = yield* caller.claim("b#1", "k/1", generation)
      expect(granted).toMatchObject({ _tag: "GRANTED", stat: back.stat })
      // Without one the last that was reported stands.
      const next = "token" in granted ? granted.token : 0
      expect(yield* caller.release("b#1", "k/1", next, "v1")).toBe(1)
      expect((yield* caller.everything).get("k/1")?.stat).toBe(back.stat)
    }))

  test("a status that comes with the release of an ended child leaves nothing behind", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.del("k/1", generation)
      const item = { id: "k/1", token, refused: "@1x", stat: `${token}:stopping:1:5:0:boom` }
      expect((yield* caller.ok("release", { sid: "a#1", items: [item] })).value.released).toBe(1)
      expect((yield* caller.subject.hand.dump).stat).toEqual([])
    }))

  test("a status is stored for the owner only", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const token = yield* caller.own("a#1", "k/1", yield* caller.create("k/1"))
      const report = (sid: string, of: number) =>
        Effect.map(
          caller.ok("report", { sid, items: [{ id: "k/1", token: of, stat: `${of}:running:0:1:0:` }] }),
          ({ value }) => value.stored
        )
      expect(yield* report("b#1", token)).toBe(0)
      expect(yield* report("a#1", token + 1)).toBe(0)
      expect(yield* report("a#1", token)).toBe(1)
      expect((yield* caller.everything).get("k/1")?.stat).toBe(`${token}:running:0:1:0:`)
    }))
}

const finishing = (test: Test): void => {
  test("a child that ended leaves a tombstone, and done is done", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const made = yield* caller.put("k/1", { op: "start" })
      const generation = parseSpec("spec" in made ? made.spec : "")!.generation
      const token = yield* caller.own("a#1", "k/1", generation)
      const result = yield* finish(caller, "a#1", "k/1", { generation, token, how: "ended" })
      expect("tomb" in result && parseTomb(result.tomb)).toMatchObject({ how: "ended", endOp: "" })
      expect((yield* caller.put("k/1", { op: "start" }))._tag).toBe("DONE")
      expect((yield* caller.ok("tick", { sid: "a#1" })).value.claims).toBe(0)
    }))

  test("a child that failed stays, and nobody may run it before it is restarted", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      expect((yield* finish(caller, "a#1", "k/1", { generation, token, how: "failed" }))._tag).toBe("FAILED")
      expect((yield* caller.everything).get("k/1")?.stat).toBe(`${token}:failed:3:1:0:why`)
      expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("GONE")
      yield* caller.put("k/1", { mode: "bump", generation, op: "restart" })
      const { spec, stat } = (yield* caller.everything).get("k/1")!
      expect(stat).toBeNull()
      expect((yield* caller.claim("a#1", "k/1", parseSpec(spec!)!.generation))._tag).toBe("GRANTED")
    }))

  test("the end of a generation that was replaced meanwhile does not touch the new one", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1", "old")
      const token = yield* caller.own("a#1", "k/1", generation)
      yield* caller.put("k/1", { mode: "replace", generation, body: "new", op: "x" })
      expect((yield* finish(caller, "a#1", "k/1", { generation, token, how: "ended" }))._tag).toBe("RELEASED")
      const { claim, spec } = (yield* caller.everything).get("k/1")!
      expect(parseSpec(spec!)!.body).toBe("new")
      expect(claim).toBeNull()
    }))

  test("nobody but the owner ends a child", (caller) =>
    Effect.gen(function*() {
      yield* caller.join("a#1")
      const generation = yield* caller.create("k/1")
      const token = yield* caller.own("a#1", "k/1", generation)
      expect((yield* finish(caller, "b#1", "k/1", { generation, token, how: "ended" }))._tag).toBe("FENCED")
      expect((yield* finish(caller, "a#1", "k/1", { generation, token: token + 1, how: "ended" }))._tag).toBe("FENCED")
      expect((yield* caller.claim("a#1", "k/1", generation))._tag).toBe("HELD")
    }))
}

/** @internal */
export const claimSuite = (test: Test): void => {
  describe("claim", () => granting(test))
  describe("release and report", () => givingBack(test))
  describe("finish", () => finishing(test))
}
