import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import { makeRegistration } from "../../../src/internal/kind/registration.js"
import type { KindShape } from "../../../src/internal/kind/specCodec.js"

const shapeOf = (payload: Schema.Schema.Any, version = 1): KindShape => ({
  kind: "K",
  version,
  type: "worker",
  payload: payload as unknown as KindShape["payload"]
})

const register = (payload: Schema.Schema.Any, build: (payload: never) => unknown = () => Effect.never) =>
  makeRegistration(shapeOf(payload), build, {}, { scope: "s", node: "n" })

describe("a registration", () => {
  it.effect("decodes a payload, and builds the child's code only when it is run", () =>
    Effect.gen(function*() {
      const built: Array<unknown> = []
      const { prepare } = yield* register(Schema.Struct({ at: Schema.DateFromString }), (payload) => {
        built.push(payload)
        return Effect.void
      })
      const body = Either.getOrThrow(prepare({ at: "1970-01-01T00:00:00.000Z" }))
      expect(built).toEqual([])
      if (body._tag === "Later") return yield* Effect.die("it was decoded already")
      body.make()
      body.make()
      expect(built).toEqual([{ at: new Date(0) }, { at: new Date(0) }])
    }))

  it.effect("says why it cannot read a payload", () =>
    Effect.gen(function*() {
      const { prepare } = yield* register(Schema.Struct({ url: Schema.String }))
      for (const payload of [{ url: 5 }, {}, null, undefined, "x"]) {
        const result = prepare(payload)
        expect(Either.isLeft(result) ? result.left : "").toMatch(/Expected|missing/)
      }
    }))

  it.effect("says so, too, where the schema's own code throws: other children are not to suffer", () =>
    Effect.gen(function*() {
      const Hasty = Schema.transform(Schema.String, Schema.Unknown, {
        strict: true,
        decode: (text): unknown => JSON.parse(text),
        encode: (value) => JSON.stringify(value)
      })
      const { prepare } = yield* register(Schema.Struct({ json: Hasty }))
      expect(Either.isRight(prepare({ json: "[1]" }))).toBe(true)
      expect(Either.isLeft(prepare({ json: "{" }))).toBe(true)
    }))

  it.effect("tells codes of one version apart by the form of their payload", () =>
    Effect.gen(function*() {
      const digest = (payload: Schema.Schema.Any) => Effect.map(register(payload), ({ code }) => code.digest)
      const one = yield* digest(Schema.Struct({ a: Schema.Number }))
      expect(one).toMatch(/^[0-9a-f]{8}$/)
      expect(yield* digest(Schema.Struct({ a: Schema.Number }))).toBe(one)
      expect(yield* digest(Schema.Struct({ a: Schema.String }))).not.toBe(one)
      expect(yield* digest(Schema.Struct({ b: Schema.Number }))).not.toBe(one)
    }))

  it.effect("has the defaults that are documented", () =>
    Effect.gen(function*() {
      const { code, restart, ...rest } = yield* register(Schema.Struct({}))
      expect(code.version).toBe(1)
      expect(restart.type).toBe("permanent")
      expect(rest).toMatchObject({
        kind: "K",
        shutdown: undefined,
        intensity: undefined,
        startTimeout: 60_000,
        onRegistryLoss: "stop",
        onOverdue: "report"
      })
    }))
})
