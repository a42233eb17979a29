import { describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { digestOf } from "../../../src/internal/kind/schemaDigest.js"

interface Tree {
  readonly value: number
  readonly children: ReadonlyArray<Tree>
}

const tree = (value: Schema.Schema<number, number> | Schema.Schema<number, string>) => {
  const Node: Schema.Schema<Tree, unknown> = Schema.Struct({
    value,
    children: Schema.Array(Schema.suspend(() => Node))
  }) as never
  return Node
}

describe("digestOf", () => {
  const withDefault = Schema.optionalWith(Schema.Number, { default: () => 0 })

  /** Each accepts something that the others do not. */
  const different: ReadonlyArray<Schema.Schema.Any> = [
    Schema.Struct({}),
    Schema.Struct({ a: Schema.Number }),
    Schema.Struct({ a: Schema.optional(Schema.Number) }),
    Schema.Struct({ a: withDefault }),
    Schema.Struct({ a: withDefault, b: Schema.String }),
    Schema.Struct({ a: withDefault, b: Schema.Number }),
    Schema.Struct({ a: Schema.NumberFromString }),
    Schema.Struct({ a: Schema.Int }),
    Schema.Struct({ a: Schema.Number }).annotations({ identifier: "Named" }).pipe(Schema.filter(() => true)),
    Schema.Array(Schema.Number),
    Schema.Array(Schema.String),
    Schema.Tuple(Schema.Number),
    Schema.Tuple(Schema.optionalElement(Schema.Number)),
    Schema.Record({ key: Schema.String, value: Schema.Number }),
    Schema.Record({ key: Schema.String, value: Schema.String }),
    Schema.Union(Schema.Number, Schema.String),
    Schema.Union(Schema.Number, Schema.Boolean),
    Schema.OptionFromNullOr(Schema.Number),
    Schema.OptionFromNullOr(Schema.String),
    tree(Schema.Number),
    tree(Schema.NumberFromString)
  ]

  it("[F52] differs where the form of the payload does", () => {
    const digests = different.map(digestOf)
    expect(new Set(digests).size).toBe(different.length)
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{8}$/)
  })

  it("is the same for the same form, whatever it is called", () => {
    const fields = { a: withDefault, b: Schema.String }
    expect(digestOf(Schema.Struct({ ...fields }))).toBe(digestOf(Schema.Struct(fields)))
    expect(digestOf(Schema.Struct(fields).annotations({ identifier: "A" })))
      .toBe(digestOf(Schema.Struct(fields).annotations({ identifier: "B" })))
  })

  it("tells schemas of one name apart", () => {
    const named = (fields: Schema.Struct.Fields) => Schema.Struct(fields).annotations({ identifier: "Same" })
    expect(digestOf(named({ a: Schema.Number }))).not.toBe(digestOf(named({ b: Schema.Number })))
  })
})
