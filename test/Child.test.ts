import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Exit, Layer, Schema } from "effect"
import { Child, ChildSpec, GroupRegistry, Pogo, type PogoError, Restart } from "effect-pogo"
import { decodeBody, encodeBody } from "../src/internal/kind/specCodec.js"
import { toChildSpec } from "./support/arbitrary.js"

const Monitor = Child.make("Monitor", {
  payload: {
    url: Schema.String,
    every: Schema.DurationFromMillis,
    tags: Schema.optionalWith(Schema.Array(Schema.Struct({ name: Schema.NonEmptyString })), { default: () => [] })
  }
})

const good = { url: "u", every: Duration.seconds(5) }

/** Encodes a draft as far as the text that is stored. */
const textOf = (draft: ChildSpec.Any): Effect.Effect<string, PogoError.InvalidChildSpec> =>
  Effect.flatMap(ChildSpec.encode(draft), encodeBody)

const errorOf = (draft: ChildSpec.Any) => Effect.flip(textOf(draft))

describe("make", () => {
  it("declares a kind", () => {
    expect([Monitor.kind, Monitor.version, Monitor.id("a/b")]).toEqual(["Monitor", 1, "Monitor/a/b"])
    expect(Child.make("K", { payload: {}, version: 3 }).version).toBe(3)
  })
})

describe("spec", () => {
  it("is pure: it knows its id before it is encoded", () => {
    const draft = Monitor.spec("x", {} as never)
    expect([draft.kind, draft.key, draft.id]).toEqual(["Monitor", "x", "Monitor/x"])
  })

  it.effect("encodes the payload, with the defaults of its schema", () =>
    Effect.gen(function*() {
      const spec = yield* ChildSpec.encode(Monitor.spec("x", good))
      expect(Object.fromEntries(Object.entries(spec))).toEqual({
        kind: "Monitor",
        key: "x",
        version: 1,
        type: "worker",
        payload: { url: "u", every: 5_000, tags: [] },
        restart: undefined,
        shutdown: undefined,
        requires: {},
        prefers: {}
      })
    }))

  it.effect("takes over version and type of the kind, and what it is told itself", () =>
    Effect.gen(function*() {
      const Tree = Child.make("Tree", { payload: {}, version: 4, type: "supervisor" })
      const spec = yield* ChildSpec.encode(
        Tree.spec("x", {}, {
          restart: "temporary",
          shutdown: "2 seconds",
          requires: { zone: "a" },
          prefers: { b: "c" }
        })
      )
      expect(spec).toMatchObject({
        version: 4,
        type: "supervisor",
        restart: "temporary",
        shutdown: 2_000,
        requires: { zone: "a" },
        prefers: { b: "c" }
      })
    }))

  it.effect("says the same about the same content, whatever the order of its fields", () =>
    Effect.gen(function*() {
      const Kind = Child.make("K", { payload: { a: Schema.Number, b: Schema.Unknown } })
      const one = yield* textOf(Kind.spec("x", { a: 1, b: { c: 1, d: [2] } }, { requires: { x: "1", y: "2" } }))
      const other = yield* textOf(Kind.spec("x", { b: { d: [2], c: 1 }, a: 1 }, { requires: { y: "2", x: "1" } }))
      expect(other).toBe(one)
      const body = decodeBody(one)!
      expect(yield* encodeBody(toChildSpec("K/x", body))).toBe(one)
    }))

  it.effect.each<readonly [ChildSpec.Options["shutdown"], ChildSpec.Shutdown]>([
    ["5 seconds", 5_000],
    [Duration.minutes(1), 60_000],
    [250, 250],
    [0, 0],
    ["brutalKill", "brutalKill"],
    ["infinity", "infinity"]
  ])("reads the shutdown %s", ([given, expected]) =>
    Effect.gen(function*() {
      const spec = yield* ChildSpec.encode(Monitor.spec("x", good, { shutdown: given }))
      expect(spec.shutdown).toBe(expected)
      yield* encodeBody(spec)
    }))
})

describe("a payload that does not fit", () => {
  it.effect.each<readonly [string, unknown, string, string, RegExp]>([
    ["a wrong field", { ...good, url: 5 }, "payload.url", "5", /string/],
    ["a missing field", { every: Duration.seconds(1) }, "payload.url", "undefined", /missing/],
    [
      "a field deep inside",
      { ...good, tags: [{ name: "a" }, { name: "" }] },
      "payload.tags.1.name",
      "\"\"",
      /non empty/
    ],
    ["no payload", undefined, "payload.url", "undefined", /missing/],
    ["a payload of another type", "hello", "payload.url", "undefined", /missing/]
  ])("is refused by path, value and remedy: %s", ([, payload, field, value, problem]) =>
    Effect.gen(function*() {
      const error = yield* errorOf(Monitor.spec("x", payload as never))
      expect(error._tag).toBe("InvalidChildSpec")
      expect(error).toMatchObject({ id: "Monitor/x", field, value })
      expect(error.problem).toMatch(problem)
      expect(error.remedy).not.toBe("")
    }))

  it.effect("names the value that is at fault, not all of a long payload", () =>
    Effect.gen(function*() {
      const error = yield* errorOf(Monitor.spec("x", { ...good, url: 5 as never, more: "m".repeat(10_000) } as never))
      expect(error.value).toBe("5")
      expect(error.message.length).toBeLessThan(1_000)
    }))

  it.effect("is refused, though its schema takes it, when it is no JSON", () =>
    Effect.gen(function*() {
      const Loose = Child.make("Loose", { payload: { a: Schema.Unknown, n: Schema.optional(Schema.Number) } })
      const values: ReadonlyArray<readonly [unknown, string]> = [
        [Number.NaN, "payload.a"],
        [{ b: [Infinity] }, "payload.a.b[0]"],
        ["\ud800", "payload.a"],
        [[undefined], "payload.a[0]"],
        [() => 1, "payload.a"],
        [1n, "payload.a"],
        [new Date(0), "payload.a"],
        [Duration.seconds(1), "payload.a"]
      ]
      for (const [a, field] of values) expect((yield* errorOf(Loose.spec("x", { a }))).field).toBe(field)
      expect((yield* errorOf(Loose.spec("x", { a: 1, n: Number.NaN }))).field).toBe("payload.n")
    }))

  it.effect.each<readonly [string, string, ChildSpec.Options]>([
    ["restart", "restart", { restart: "always" as never }],
    ["shutdown", "shutdown", { shutdown: "soon" as never }],
    ["negative shutdown", "shutdown", { shutdown: -5 }],
    ["shutdown without end as a duration", "shutdown", { shutdown: Duration.infinity }],
    ["label", "requires.zone", { requires: { zone: 1 as never } }],
    ["preferred label", "prefers.zone", { prefers: { zone: "" } }]
  ])(
    "is one thing, an option that does not fit another: a wrong %s is refused",
    ([, field, options]) =>
      Effect.gen(function*() {
        expect((yield* errorOf(Monitor.spec("x", good, options))).field).toBe(field)
      })
  )

  it.effect("fails the call that it is given to, and nothing is written", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const pogo = yield* Effect.provideService(Pogo.make(), GroupRegistry.GroupRegistry, registry)
      const bad = Monitor.spec("bad", { url: 5 } as never)
      expect(yield* Effect.flip(pogo.startChild(bad))).toMatchObject({ _tag: "InvalidChildSpec" })
      expect(yield* Effect.flip(pogo.replaceChild(bad))).toMatchObject({ _tag: "InvalidChildSpec" })
      const all = pogo.startChildren([Monitor.spec("good", good), bad])
      expect(yield* Effect.flip(all)).toMatchObject({ _tag: "InvalidChildSpec", id: "Monitor/bad" })
      expect(yield* pogo.whichChildren("global")).toEqual([])
    }).pipe(Effect.scoped))
})

describe("the key and the kind", () => {
  it.effect.each<readonly [string, string, string]>([
    ["", "x", "kind"],
    ["a/b", "x", "kind"],
    ["a\tb", "x", "kind"],
    ["K", "", "key"],
    ["K", "a\u0000b", "key"],
    ["K", "日".repeat(171), "id"]
  ])("are refused by the call: %j and %j", ([kind, key, field]) =>
    Effect.gen(function*() {
      expect((yield* errorOf(Child.make(kind, { payload: {} }).spec(key, {}))).field).toBe(field)
    }))
})

describe("toLayer", () => {
  const buildWith = (kind: string, version: number, options: Child.RunOptions) =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const pogo = yield* Effect.provideService(Pogo.make(), GroupRegistry.GroupRegistry, registry)
      const layer = Child.make(kind, { payload: {}, version }).toLayer(() => Effect.never, options)
      return yield* Effect.either(Effect.provideService(Layer.build(layer), Pogo.Pogo, pogo))
    })

  it.scoped.each<readonly [string, string, number, Child.RunOptions]>([
    ["K: kind", "K/x", 1, {}],
    ["K: version", "K", 1.5, {}],
    ["K: shutdown", "K", 1, { shutdown: -1 }],
    ["K: shutdown", "K", 1, { shutdown: Number.NaN }],
    ["K: shutdown", "K", 1, { shutdown: "soon" as never }],
    ["K: startTimeout", "K", 1, { startTimeout: "soon" as never }],
    ["K: startTimeout", "K", 1, { startTimeout: 0 }],
    ["K: restart", "K", 1, { restart: "permanent" as never }],
    ["K: restart", "K", 1, { restart: Restart.permanent as never }],
    ["K: restart", "K", 1, { restart: { type: "never" } as never }],
    ["K: restart", "K", 1, { restart: Restart.permanent(null as never) }],
    ["K: onRegistryLoss", "K", 1, { onRegistryLoss: "go" as never }],
    ["K: onOverdue", "K", 1, { onOverdue: "kill" as never }],
    ["K: intensity.maxRestarts", "K", 1, { intensity: { maxRestarts: -1, within: "5 seconds" } }],
    ["K: intensity.within", "K", 1, { intensity: { maxRestarts: 1, within: "soon" as never } }],
    ["K: intensity.within", "K", 1, { intensity: { maxRestarts: 1, within: Number.NaN } }]
  ])("refuses a wrong setting by name: %s", ([setting, kind, version, options]) =>
    Effect.gen(function*() {
      const result = yield* buildWith(kind, version, options)
      expect(Either.isLeft(result) ? result.left : undefined).toMatchObject({
        _tag: "InvalidConfig",
        setting: setting.replace("K:", `${kind}:`)
      })
    }))

  it.scoped("accepts any sound setting", () =>
    Effect.gen(function*() {
      const result = yield* buildWith("K", 0, {
        shutdown: "infinity",
        startTimeout: 1,
        intensity: { maxRestarts: 0, within: "1 minute" }
      })
      expect(Either.isRight(result)).toBe(true)
    }))

  it.scoped("gives a kind to a supervisor once", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const pogo = yield* Effect.provideService(Pogo.make(), GroupRegistry.GroupRegistry, registry)
      const build = Effect.suspend(() =>
        Effect.exit(Effect.provideService(Layer.build(Monitor.toLayer(() => Effect.never)), Pogo.Pogo, pogo))
      )
      expect(Exit.isSuccess(yield* build)).toBe(true)
      expect(Exit.isFailure(yield* build)).toBe(true)
    }))
})
