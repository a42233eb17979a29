import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { ChildSpec } from "effect-pogo"
import { isDeepStrictEqual } from "node:util"
import { maxDepth } from "../../../src/internal/kind/canonicalJson.js"
import { checkId, checkKind, decodeBody, encodeBody, maxSpecBytes } from "../../../src/internal/kind/specCodec.js"
import { maxIdBytes } from "../../../src/internal/runtime/userInput.js"
import type { InvalidChildSpec } from "../../../src/PogoError.js"
import { holds, hostileText, json, nameText, toChildSpec } from "../../support/arbitrary.js"

type Fields = { readonly [name: string]: unknown }

/** A spec of anything at all, past the checks of types and of the class. */
const specOf = (fields: Fields): ChildSpec.ChildSpec =>
  new ChildSpec.ChildSpec(
    { kind: "K", key: "x", payload: null, version: 1, type: "worker", requires: {}, prefers: {}, ...fields } as never,
    { disableValidation: true }
  )

const errorOf = (fields: Fields): InvalidChildSpec => Either.getOrThrow(Either.flip(encodeBody(specOf(fields))))

const textOf = (fields: Fields): string => Either.getOrThrow(encodeBody(specOf(fields)))

class Point {
  constructor(readonly x: number) {}
}

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

const nestedList = (depth: number): unknown => (depth === 0 ? 1 : [nestedList(depth - 1)])

const cyclic = (): unknown => {
  const value: Record<string, unknown> = {}
  value["self"] = value
  return value
}

const lone = "\ud800"

const bad: ReadonlyArray<readonly [name: string, fields: Fields, field: string, problem: RegExp]> = [
  ["NaN", { payload: { a: [1, Number.NaN] } }, "payload.a[1]", /not finite/],
  ["Infinity", { payload: { a: { b: Infinity } } }, "payload.a.b", /not finite/],
  ["-Infinity at the top", { payload: -Infinity }, "payload", /not finite/],
  ["a lone surrogate in a text", { payload: { a: `x${lone}` } }, "payload.a", /lone surrogate/],
  ["a lone surrogate in a name", { payload: { a: { [lone]: 1 } } }, "payload.a", /lone surrogate/],
  ["undefined in a list", { payload: [undefined] }, "payload[0]", /undefined, not JSON/],
  ["a hole in a list", { payload: Array.from({ length: 3 }).fill(0, 2) }, "payload[0]", /undefined, not JSON/],
  ["a sparse list", { payload: Object.assign([], { 2: 1 }) }, "payload[0]", /undefined, not JSON/],
  ["a function", { payload: { a: () => 1 } }, "payload.a", /function, not JSON/],
  ["a bigint", { payload: { a: 1n } }, "payload.a", /bigint, not JSON/],
  ["a symbol", { payload: { a: Symbol("s") } }, "payload.a", /symbol, not JSON/],
  ["a Date", { payload: { a: new Date(0) } }, "payload.a", /not plain JSON/],
  ["an instance of a class", { payload: { a: new Point(1) } }, "payload.a", /not plain JSON/],
  ["a Map", { payload: new Map() }, "payload", /not plain JSON/],
  ["a typed array", { payload: { a: new Uint8Array(2) } }, "payload.a", /not plain JSON/],
  ["a boxed number", { payload: { a: Object(1) as unknown } }, "payload.a", /not plain JSON/],
  ["too deep an object", { payload: nested(maxDepth + 1) }, `payload${".a".repeat(maxDepth)}`, /deeper than 64/],
  ["too deep a list", { payload: nestedList(maxDepth + 1) }, `payload${"[0]".repeat(maxDepth)}`, /deeper than 64/],
  ["a cycle", { payload: cyclic() }, `payload${".self".repeat(maxDepth)}`, /deeper than 64/],
  ["a payload that is too large", { payload: "x".repeat(maxSpecBytes) }, "payload", /larger than 65536 bytes/],
  ["a payload of too many bytes, not characters", { payload: "é".repeat(40_000) }, "payload", /larger than 65536/],
  ["a slash in the kind", { kind: "a/b" }, "kind", /has a "\/"/],
  ["no kind", { kind: "" }, "kind", /empty/],
  ["a kind that is no text", { kind: 7 }, "kind", /not a string/],
  ["a kind that is a symbol", { kind: Symbol("s") }, "kind", /not a string/],
  ["a control character in the kind", { kind: "a\u0000" }, "kind", /control character/],
  ["a lone surrogate in the kind", { kind: `a${lone}` }, "kind", /well-formed/],
  ["too long a kind", { kind: "é".repeat(65) }, "kind", /over 128 bytes/],
  ["no key", { key: "" }, "key", /empty/],
  ["a key that is no text", { key: undefined }, "key", /not a string/],
  ["a line break in the key", { key: "a\nb" }, "key", /control character/],
  ["a C1 control character in the key", { key: "a\u0085b" }, "key", /control character/],
  ["a lone surrogate in the key", { key: lone }, "key", /well-formed/],
  ["too long an id", { key: "x".repeat(maxIdBytes - 1) }, "id", /over 512 bytes/],
  ["too long an id, in bytes only", { key: "日".repeat(171) }, "id", /over 512 bytes/],
  ["a version that is no whole number", { version: 1.5 }, "version", /whole number/],
  ["a negative version", { version: -1 }, "version", /whole number/],
  ["a version that is no number", { version: "1" }, "version", /whole number/],
  ["a version that is too large", { version: 2 ** 53 }, "version", /whole number/],
  ["a version that is NaN", { version: Number.NaN }, "version", /whole number/],
  ["an unknown restart type", { restart: "always" }, "restart", /unknown/],
  ["a restart type that objects inherit", { restart: "constructor" }, "restart", /unknown/],
  ["no restart type", { restart: null }, "restart", /unknown/],
  ["an unknown type", { type: "manager" }, "type", /unknown/],
  ["an unknown shutdown", { shutdown: "soon" }, "shutdown", /no shutdown/],
  ["a negative shutdown", { shutdown: -1 }, "shutdown", /no shutdown/],
  ["an infinite number as shutdown", { shutdown: Infinity }, "shutdown", /no shutdown/],
  ["a shutdown that is NaN", { shutdown: Number.NaN }, "shutdown", /no shutdown/],
  ["labels that are no record", { requires: "zone=a" }, "requires", /not a record/],
  ["no labels", { prefers: null }, "prefers", /not a record/],
  ["labels that are a list", { requires: ["zone"] }, "requires", /not a record/],
  ["labels that are a Map", { prefers: new Map([["zone", "a"]]) }, "prefers", /not a record/],
  ["a label that is no text", { requires: { zone: 1 } }, "requires.zone", /not a string/],
  ["a label without a value", { prefers: { zone: "" } }, "prefers.zone", /empty/],
  ["a label without a name", { prefers: { "": "a" } }, "prefers name", /empty/],
  ["a control character in a label", { requires: { zone: "a\tb" } }, "requires.zone", /control character/]
]

describe("encodeBody refuses", () => {
  it.each(bad)("%s, and names field, value and remedy", (_, fields, field, problem) => {
    const error = errorOf(fields)
    expect(error._tag).toBe("InvalidChildSpec")
    expect(error.field).toBe(field)
    expect(error.problem).toMatch(problem)
    expect(error.value).not.toBe("")
    expect(error.remedy).not.toBe("")
    expect(error.message).toContain(`${field} = ${error.value}`)
    expect(error.message).toContain(error.remedy)
  })

  it("with the id of the child, and a value that is cut where it is long", () => {
    expect(errorOf({ payload: Number.NaN })).toMatchObject({ id: "K/x", value: "NaN" })
    const long = errorOf({ key: "y".repeat(3_000) })
    expect(long.value.length).toBeLessThan(200)
    expect(long.id.length).toBeLessThanOrEqual(maxIdBytes)
    expect(errorOf({ payload: "x".repeat(maxSpecBytes) }).message.length).toBeLessThan(1_000)
  })

  const anything = FastCheck.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true
  })

  const field = FastCheck.constantFrom(
    "kind",
    "key",
    "version",
    "payload",
    "type",
    "restart",
    "shutdown",
    "requires",
    "prefers"
  )

  holds("or accepts whatever is put into any field: it never throws", [field, anything], (name, value) => {
    const result = encodeBody(specOf({ [name]: value }))
    if (Either.isRight(result)) expect(decodeBody(result.right)).toBeDefined()
    else expect(result.left.message).toContain("child spec")
  }, 5_000)

  it.each<[string, unknown]>([
    ["a symbol", Symbol("s")],
    ["an object without a prototype", Object.create(null)],
    ["an object that cannot be told as text", { toString: 1 }],
    ["an object that throws when it is told as text", {
      toString: () => {
        throw new Error("no")
      }
    }]
  ])("%s in any field, without throwing", (_, value) => {
    for (const name of ["kind", "key", "version", "type", "restart", "shutdown"]) {
      expect(errorOf({ [name]: value }).field).toBe(name)
    }
    expect(errorOf({ requires: { zone: value } }).field).toBe("requires.zone")
  })
})

describe("encodeBody accepts", () => {
  it.each<[string, Fields]>([
    ["the longest kind and id", { kind: "k".repeat(128), key: "x".repeat(maxIdBytes - 129) }],
    ["slashes in the key", { key: "a/b//c" }],
    ["the deepest payload", { payload: nested(maxDepth) }],
    ["the deepest list", { payload: nestedList(maxDepth) }],
    ["version 0", { version: 0 }],
    ["the largest version", { version: 2 ** 53 - 1 }],
    ["a shutdown of 0", { shutdown: 0 }],
    ["an object without a prototype", { payload: Object.assign(Object.create(null) as object, { a: 1 }) }]
  ])("%s", (_, fields) => {
    const { key, kind } = specOf(fields)
    expect(toChildSpec(`${kind}/${key}`, decodeBody(textOf(fields))!)).toMatchObject(fields)
  })

  it("a spec of exactly the largest size", () => {
    const rest = Buffer.byteLength(textOf({ payload: "" }))
    expect(Buffer.byteLength(textOf({ payload: "x".repeat(maxSpecBytes - rest) }))).toBe(maxSpecBytes)
    expect(errorOf({ payload: "x".repeat(maxSpecBytes - rest + 1) }).field).toBe("payload")
  })
})

/** The same data with the names of every object in another order. */
const reordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).toReversed().map(([name, inner]) => [name, reordered(inner)]))
}

const labels = FastCheck.dictionary(nameText, nameText, { maxKeys: 3, noNullPrototype: true })

const fields = FastCheck.record(
  {
    kind: nameText,
    key: nameText,
    payload: json,
    version: FastCheck.nat(),
    type: FastCheck.constantFrom("worker", "supervisor"),
    restart: FastCheck.constantFrom("permanent", "transient", "temporary"),
    shutdown: FastCheck.oneof(FastCheck.constantFrom("infinity", "brutalKill"), FastCheck.nat()),
    requires: labels,
    prefers: labels
  },
  { requiredKeys: ["kind", "key", "payload"], noNullPrototype: true }
)

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** What makes a spec the same as another; the key is a part of the id. */
const contentOf = (given: Fields): unknown => plain(Object.assign(specOf(given), { key: undefined }))

describe("the canonical text", () => {
  it("has no blanks, names in order, and nothing that is as usual", () => {
    const spec = { payload: { b: [1, { d: null, c: "é" }], a: true, 10: 1, 9: 2 }, requires: { z: "1", y: "2" } }
    expect(textOf(spec)).toBe(
      "{\"kind\":\"K\",\"payload\":{\"10\":1,\"9\":2,\"a\":true,\"b\":[1,{\"c\":\"é\",\"d\":null}]}," +
        "\"requires\":{\"y\":\"2\",\"z\":\"1\"},\"version\":1}"
    )
    expect(textOf({ payload: { a: -0 } })).toBe(textOf({ payload: { a: 0, b: undefined } }))
  })

  holds("is JSON, and the same for the same content in whatever order", [fields], (given) => {
    const text = textOf(given)
    expect(textOf(reordered(given) as Fields)).toBe(text)
    expect(JSON.parse(text)).toBeTypeOf("object")
  }, 500)

  holds("is another for other content", [fields, fields], (a, b) => {
    expect(textOf(a) === textOf(b)).toBe(isDeepStrictEqual(contentOf(a), contentOf(b)))
  }, 500)

  holds("is another for another payload", [json, json], (a, b) => {
    expect(textOf({ payload: a }) === textOf({ payload: b })).toBe(isDeepStrictEqual(plain(a), plain(b)))
  }, 500)
})

describe("decodeBody", () => {
  holds("reads what encodeBody wrote", [fields], (given) => {
    const spec = specOf(given)
    const id = `${given.kind}/${given.key}`
    const body = decodeBody(textOf(given))!
    expect(toChildSpec(id, body)).toMatchObject({
      kind: given.kind,
      key: given.key,
      version: spec.version,
      type: spec.type,
      restart: spec.restart,
      shutdown: spec.shutdown
    })
    expect(isDeepStrictEqual(body.payload, plain(given.payload))).toBe(true)
    expect(new Map(Object.entries(body.requires))).toEqual(new Map(Object.entries(spec.requires)))
    expect(new Map(Object.entries(body.prefers))).toEqual(new Map(Object.entries(spec.prefers)))
    expect(Either.getOrThrow(encodeBody(toChildSpec(id, body)))).toBe(textOf(given))
  }, 500)

  it("keeps names that every object inherits as data", () => {
    const payload: unknown = JSON.parse("{\"__proto__\":{\"polluted\":1},\"constructor\":2}")
    const requires = JSON.parse("{\"__proto__\":\"a\",\"toString\":\"b\"}") as Record<string, string>
    const body = decodeBody(textOf({ payload, requires }))!
    expect(Object.keys(body.payload as object).sort()).toEqual(["__proto__", "constructor"])
    expect(Object.entries(body.requires)).toEqual([["__proto__", "a"], ["toString", "b"]])
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
  })

  const good = { kind: "K", version: 1, payload: 1 }

  it.each<[string, unknown]>([
    ["a text", "hello"],
    ["a number", 1],
    ["null", null],
    ["a list", []],
    ["no kind", { ...good, kind: undefined }],
    ["a kind of another type", { ...good, kind: 1 }],
    ["a kind with a slash", { ...good, kind: "a/b" }],
    ["no version", { ...good, version: undefined }],
    ["a version of another type", { ...good, version: "1" }],
    ["a restart type of a later version", { ...good, restart: "rest_for_one" }],
    ["a shutdown of a later version", { ...good, shutdown: { grace: 1 } }],
    ["a requirement of a later version", { ...good, requires: { zone: ["a", "b"] } }],
    ["requirements of another type", { ...good, requires: 7 }],
    ["a version that is not whole", { ...good, version: 1.5 }],
    ["a kind that cannot be told as text", { ...good, kind: { toString: 1 } }],
    ["a shutdown that cannot be told as text", { ...good, shutdown: [{ toString: 1, valueOf: 1 }] }]
  ])("does not read %s", (_, value) => {
    expect(decodeBody(JSON.stringify(value))).toBeUndefined()
  })

  it("reads past what it does not know", () => {
    const text = JSON.stringify({
      ...good,
      type: "manager",
      requires: { b: "x" },
      prefers: { a: 1, c: "y" },
      later: true
    })
    expect(decodeBody(text)).toEqual({
      kind: "K",
      version: 1,
      payload: 1,
      type: "worker",
      restart: undefined,
      shutdown: undefined,
      requires: { b: "x" },
      prefers: { c: "y" }
    })
    expect(decodeBody(JSON.stringify({ ...good, prefers: 7 }))?.prefers).toEqual({})
  })

  const valid = textOf({ payload: { a: [1, "x"] }, requires: { zone: "a" }, restart: "transient", shutdown: 5 })

  const damaged = FastCheck.tuple(FastCheck.nat(valid.length), FastCheck.nat(4), FastCheck.string({ maxLength: 3 }))
    .map(([at, length, text]) => valid.slice(0, at) + text + valid.slice(at + length))

  const leaf = FastCheck.jsonValue({ maxDepth: 1 })

  const part = FastCheck.oneof(
    leaf,
    FastCheck.dictionary(
      FastCheck.constantFrom("toString", "valueOf", "toJSON", "__proto__", "length"),
      leaf
    )
  )

  const bodyLike = FastCheck.dictionary(
    FastCheck.constantFrom("kind", "version", "payload", "restart", "shutdown", "requires", "prefers", "type"),
    part
  ).map((value) => JSON.stringify(value))

  holds(
    "never throws, whatever it is given",
    [FastCheck.oneof(hostileText, FastCheck.json({ maxDepth: 1 }), damaged, bodyLike, bodyLike)],
    (text) => {
      const body = decodeBody(text)
      if (body !== undefined) expect(checkKind(body.kind)).toBeUndefined()
    },
    20_000
  )
})

describe("checkId", () => {
  it("accepts kind/key, and nothing else", () => {
    expect(checkId("K/x")).toBeUndefined()
    expect(checkId("K/x/y")).toBeUndefined()
    for (const id of ["", "K", "/x", "K/", "K\n/x", `K/${lone}`, 7, undefined, `K/${"x".repeat(511)}`]) {
      expect(checkId(id), String(id)).toMatchObject({ field: "id" })
    }
  })
})
