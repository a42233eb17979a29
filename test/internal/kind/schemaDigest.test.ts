/**
 * Digests of payload schemas. `schemaForms.json` holds the golden forms; `.ci/effect-4.mjs` compares those that it lists
 * with what Effect 4 makes of the same schemas.
 */
import { describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { digestOf, formOf } from "../../../src/internal/kind/schemaDigest.js"
import golden from "../../support/schemaForms.json" with { type: "json" }

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

class Branch extends Schema.Class<Branch>("Branch")({
  value: Schema.NumberFromString,
  children: Schema.Array(Schema.suspend((): Schema.Schema<Branch, unknown> => Branch as never))
}) {}

class Trouble extends Schema.TaggedError<Trouble>()("Trouble", { why: Schema.String }) {}

enum Level {
  Low,
  High
}

const withDefault = Schema.optionalWith(Schema.Number, { default: () => 0 })

/** One of everything that a schema is made of. */
const schemas: { readonly [name: string]: Schema.Schema.All } = {
  // Keywords.
  any: Schema.Any,
  bigint: Schema.BigIntFromSelf,
  boolean: Schema.Boolean,
  never: Schema.Never,
  null: Schema.Null,
  number: Schema.Number,
  object: Schema.Object,
  string: Schema.String,
  symbol: Schema.SymbolFromSelf,
  undefined: Schema.Undefined,
  unknown: Schema.Unknown,
  void: Schema.Void,
  // Single values.
  enum: Schema.Enums(Level),
  literal: Schema.Literal("a \"quoted\" one"),
  literals: Schema.Literal("a", 1, true, 2n),
  template: Schema.TemplateLiteral("a", Schema.Number, "-", Schema.Literal("x", "y")),
  uniqueSymbol: Schema.UniqueSymbolFromSelf(Symbol.for("x")),
  // Composites.
  array: Schema.Array(Schema.Number),
  empty: Schema.Struct({}),
  nonEmptyArray: Schema.NonEmptyArray(Schema.Number),
  record: Schema.Record({ key: Schema.String, value: Schema.Number }),
  recordOfTemplate: Schema.Record({ key: Schema.TemplateLiteral("a", Schema.String), value: Schema.Number }),
  recordOfLiterals: Schema.Record({ key: Schema.Literal("a", "b"), value: Schema.Number }),
  struct: Schema.Struct({ a: Schema.Number, b: Schema.Struct({ c: Schema.String }) }),
  structOptional: Schema.Struct({
    a: Schema.Number,
    b: Schema.optional(Schema.String),
    c: Schema.optionalWith(Schema.Number, { exact: true })
  }),
  structWithRest: Schema.Struct({ a: Schema.Number }, { key: Schema.String, value: Schema.Unknown }),
  tuple: Schema.Tuple(Schema.String, Schema.Number),
  tupleOptional: Schema.Tuple(Schema.String, Schema.optionalElement(Schema.Number)),
  tupleWithRest: Schema.Tuple([Schema.String, Schema.Number], Schema.Boolean, Schema.String),
  union: Schema.Union(Schema.Number, Schema.Union(Schema.String, Schema.Null)),
  // Schemas that contain themselves.
  recursive: tree(Schema.Number),
  recursiveBothSides: tree(Schema.NumberFromString),
  recursiveClass: Branch,
  // Declared types.
  chunk: Schema.ChunkFromSelf(Schema.Number),
  date: Schema.ValidDateFromSelf,
  duration: Schema.DurationFromSelf,
  either: Schema.EitherFromSelf({ left: Schema.String, right: Schema.Number }),
  declared: Schema.declare((value: unknown): value is Map<never, never> => value instanceof Map),
  declaredNamed: Schema.declare((value: unknown): value is string => typeof value === "string", {
    identifier: "Text"
  }),
  error: Trouble,
  hashMap: Schema.HashMapFromSelf({ key: Schema.String, value: Schema.Number }),
  instance: Schema.instanceOf(URL),
  option: Schema.OptionFromSelf(Schema.Number),
  optionOfBothSides: Schema.OptionFromSelf(Schema.NumberFromString),
  readonlyMap: Schema.ReadonlyMapFromSelf({ key: Schema.String, value: Schema.Number }),
  readonlySet: Schema.ReadonlySetFromSelf(Schema.Number),
  redacted: Schema.RedactedFromSelf(Schema.String),
  uint8Array: Schema.Uint8ArrayFromSelf,
  // Predicates.
  between: Schema.Number.pipe(Schema.between(1, 5)),
  betweenBigInt: Schema.BigIntFromSelf.pipe(Schema.betweenBigInt(1n, 5n)),
  betweenDuration: Schema.DurationFromSelf.pipe(Schema.betweenDuration("1 second", "1 minute")),
  dateAfter: Schema.ValidDateFromSelf.pipe(Schema.greaterThanDate(new Date(0))),
  endsWith: Schema.String.pipe(Schema.endsWith("z")),
  filter: Schema.Number.pipe(Schema.filter(() => true)),
  filterNamed: Schema.Number.pipe(Schema.filter((n) => n % 2 === 0, { identifier: "Even" })),
  finite: Schema.Finite,
  greaterThan: Schema.Number.pipe(Schema.greaterThan(0)),
  greaterThanBigDecimal: Schema.BigDecimalFromSelf.pipe(
    Schema.greaterThanBigDecimal(Schema.decodeSync(Schema.BigDecimal)("1.50"))
  ),
  int: Schema.Int,
  items: Schema.Array(Schema.Number).pipe(Schema.minItems(2)),
  lessThan: Schema.Number.pipe(Schema.lessThan(5)),
  length: Schema.String.pipe(Schema.length({ min: 1, max: 3 })),
  maxLength: Schema.String.pipe(Schema.maxLength(9)),
  nonEmptyString: Schema.NonEmptyString,
  nonNegative: Schema.NonNegative,
  pattern: Schema.String.pipe(Schema.pattern(/^a+$/i)),
  startsWith: Schema.String.pipe(Schema.startsWith("a")),
  trimmed: Schema.Trimmed,
  twoPredicates: Schema.Int.pipe(Schema.positive()),
  uuid: Schema.UUID,
  // Where code sees something else than what is stored.
  behindFilter: Schema.Struct({ a: Schema.NumberFromString }).pipe(Schema.filter(() => true)),
  bigintFromString: Schema.BigInt,
  booleanFromString: Schema.transformLiterals(["yes", true], ["no", false]),
  class: Schema.Struct({ at: Trouble }),
  dateFromString: Schema.Date,
  defaults: Schema.Struct({ a: withDefault, b: Schema.String }),
  defaultsAndMore: Schema.Struct({ a: withDefault, b: Schema.NumberFromString }),
  durationFromMillis: Schema.Struct({ every: Schema.DurationFromMillis, text: Schema.String }),
  json: Schema.parseJson(Schema.Struct({ a: Schema.Number })),
  numberFromString: Schema.NumberFromString,
  optionFromNull: Schema.OptionFromNullOr(Schema.Number),
  optionEncoded: Schema.Option(Schema.Number),
  readonlyMapEncoded: Schema.ReadonlyMap({ key: Schema.String, value: Schema.Number }),
  renamed: Schema.Struct({ a: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("b")) }),
  sameForm: Schema.transform(Schema.String, Schema.String, { decode: (text) => text, encode: (text) => text }),
  steps: Schema.compose(
    Schema.NumberFromString,
    Schema.transform(Schema.Number, Schema.Boolean, {
      decode: (n) => n > 0,
      encode: Number
    })
  ),
  trim: Schema.Trim,
  url: Schema.URL
}

const found = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, { form: formOf(schema), digest: digestOf(schema) }])
)

describe("digestOf", () => {
  it("has the form and the digest that it always had: they are in records of nodes that run", () => {
    expect(found).toEqual(golden)
  })

  it("[F52] differs where the form of the payload does", () => {
    const digests = Object.values(schemas).map(digestOf)
    expect(new Set(digests).size).toBe(digests.length)
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{8}$/)
  })

  it("knows all nodes and predicates: none has a name of Effect's own", () => {
    const words = Object.values(found).flatMap(({ form }) =>
      form.match(/\w*(?:FromSelf|Keyword|Type\w*|Literal)\b/g) ?? []
    )
    expect(words).toEqual([])
  })

  it("is the same for the same form, whatever it is called and however it is described", () => {
    const fields = { a: withDefault, b: Schema.Int, c: Schema.Option(Schema.String), d: Schema.Literal("x", "y") }
    const digest = digestOf(Schema.Struct(fields))
    const described = (schema: Schema.Annotable.All) =>
      schema.annotations({
        identifier: "Name",
        title: "a title",
        description: "text",
        documentation: "more",
        message: () => "no",
        pretty: () => () => "",
        arbitrary: () => (fc) => fc.constant(0 as never)
      })
    expect(digestOf(Schema.Struct({ ...fields }))).toBe(digest)
    expect(digestOf(described(Schema.Struct(fields)))).toBe(digest)
    expect(digestOf(Schema.Struct({
      a: withDefault,
      b: described(Schema.Int),
      c: described(Schema.Option(described(Schema.String))),
      d: described(Schema.Literal("x", "y"))
    }))).toBe(digest)
    expect(digestOf(Schema.Struct(fields).pipe(Schema.brand("Branded")))).toBe(digest)
    expect(digestOf(Schema.mutable(Schema.Struct(fields)))).toBe(digest)
  })

  it("tells schemas of one name apart", () => {
    const named = (fields: Schema.Struct.Fields) => Schema.Struct(fields).annotations({ identifier: "Same" })
    expect(digestOf(named({ a: Schema.Number }))).not.toBe(digestOf(named({ b: Schema.Number })))
  })

  it("is as in 0.1.0 where nothing is refined or transformed within: equal code goes on as equal", () => {
    const before = {
      struct: "6b84b53d",
      structOptional: "6a6718bd",
      recursive: "9107413f",
      defaults: "94453615",
      literals: "fa2bcc1b",
      tupleWithRest: "930e7817",
      record: "245d9f8b",
      union: "2c9d6359",
      int: "4d98a784",
      uuid: "037cb964"
    }
    const now = Object.fromEntries(Object.keys(before).map((name) => [name, found[name]?.digest]))
    expect(now).toEqual(before)
  })
})
