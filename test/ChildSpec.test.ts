import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import { Child, ChildSpec } from "effect-pogo"

describe("ChildSpec", () => {
  it("has defaults, and an id", () => {
    const spec = new ChildSpec.ChildSpec({ kind: "Poller", key: "a/b", payload: { host: "h" } })
    expect(spec.id).toBe("Poller/a/b")
    expect(Object.fromEntries(Object.entries(spec))).toEqual({
      kind: "Poller",
      key: "a/b",
      payload: { host: "h" },
      version: 1,
      type: "worker",
      requires: {},
      prefers: {}
    })
  })

  it("is data: it can be encoded, decoded and compared", () => {
    const spec = new ChildSpec.ChildSpec({
      kind: "Poller",
      key: "x",
      payload: [1],
      version: 2,
      type: "supervisor",
      restart: "transient",
      shutdown: 100,
      requires: { zone: "a" },
      prefers: { disk: "ssd" }
    })
    const encoded: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(ChildSpec.ChildSpec)(spec)))
    const decoded = Schema.decodeUnknownSync(ChildSpec.ChildSpec)(encoded)
    expect(decoded).toBeInstanceOf(ChildSpec.ChildSpec)
    expect(decoded).toEqual(spec)
  })

  it.each<[string, object]>([
    ["kind", { key: "x", payload: 1 }],
    ["key", { kind: "K", key: 1, payload: 1 }],
    ["version", { kind: "K", key: "x", payload: 1, version: "1" }],
    ["type", { kind: "K", key: "x", payload: 1, type: "manager" }],
    ["restart", { kind: "K", key: "x", payload: 1, restart: "always" }],
    ["shutdown", { kind: "K", key: "x", payload: 1, shutdown: "soon" }],
    ["requires", { kind: "K", key: "x", payload: 1, requires: { zone: 1 } }],
    ["prefers", { kind: "K", key: "x", payload: 1, prefers: "zone" }]
  ])("does not come of data with a wrong %s, and says so", (field, data) => {
    expect(() => Schema.decodeUnknownSync(ChildSpec.ChildSpec)(data)).toThrow(field)
  })
})

describe("parseId", () => {
  it.each(["K/x", "K/x/y", "K//", "Kind of it/ключ 🐎", `K/${"x".repeat(510)}`])("takes %s", (text) => {
    expect(ChildSpec.parseId(text)).toEqual(Either.right(text))
  })

  it.each<[string, unknown]>([
    ["kind/key", "ada"],
    ["kind/key", "/x"],
    ["kind/key", "K/"],
    ["empty", ""],
    ["control", "K/a\nb"],
    ["512 bytes", `K/${"x".repeat(511)}`],
    ["well-formed", "K/\ud800"],
    ["string", 7],
    ["string", undefined],
    ["string", Object.create(null)]
  ])("says what is wrong (%s), and what to do: %j", (problem, text) => {
    const error = Either.getOrThrow(Either.flip(ChildSpec.parseId(text as string)))
    expect(error).toMatchObject({ _tag: "InvalidChildId", problem: expect.stringContaining(problem) })
    expect(error.remedy).not.toBe("")
    expect(error.message).toContain("is no id of a child")
  })
})

describe("encode", () => {
  it.effect("gives a spec back, and a draft's spec", () =>
    Effect.gen(function*() {
      const spec = new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: 1 })
      expect(yield* ChildSpec.encode(spec)).toBe(spec)
      const Kind = Child.make("K", { payload: { at: Schema.Date } })
      const draft = Kind.spec("y", { at: new Date(0) })
      const encoded = yield* ChildSpec.encode(draft)
      expect(encoded).toBeInstanceOf(ChildSpec.ChildSpec)
      expect(encoded.payload).toEqual({ at: "1970-01-01T00:00:00.000Z" })
    }))
})
