/**
 * Compares the forms of schemas (`src/internal/kind/schemaDigest.ts`) with what Effect 4 makes of the same schemas: what
 * a port has to reproduce so that nodes on both majors agree on digests. Installs Effect 4 into a folder of its own.
 */
import { writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { npm, readJson, root, tempFolder } from "./lib.mjs"

const version = "4.1.0"

const folder = tempFolder("pogo-effect-4-")
writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
const { code, output } = await npm(["install", "--no-audit", "--no-fund", `effect@${version}`], {
  cwd: folder,
  capture: true,
  timeout: 300_000
})
if (code !== 0) {
  console.error(output)
  process.exit(1)
}
const entry = createRequire(join(folder, "index.js")).resolve("effect")
const { Schema, SchemaAST } = await import(pathToFileURL(entry).href)

/** @typedef {{ readonly encoded: string; readonly type: string; readonly transformed: boolean }} Form */

/** @param {string} text @returns {Form} */
const plain = (text) => ({ encoded: text, type: text, transformed: false })

/** @param {ReadonlyArray<Form>} parts @param {(texts: ReadonlyArray<string>) => string} write @returns {Form} */
const combine = (parts, write) => ({
  encoded: write(parts.map(({ encoded }) => encoded)),
  type: write(parts.map(({ type }) => type)),
  transformed: parts.some(({ transformed }) => transformed)
})

/** Tags of single nodes that are not their own word in small letters. @type {Record<string, string>} */
const keywords = { ObjectKeyword: "object" }

const single = new Set(
  "Any BigInt Boolean Never Null Number ObjectKeyword String Symbol Undefined Unknown Void".split(" ")
)

/** Words that differ from the name after `is`, which begins with a capital where there are no arguments. */
/** @type {Record<string, string>} */
const renamed = { BetweenLength: "length", EndingWith: "endsWith", Including: "includes", StartingWith: "startsWith" }

/** @type {Record<string, string>} */
const declared = { Date: "Date<>&Valid", Result: "Either" }

/** @param {any} check */
const predicate = ({ annotations = {} }) => {
  const { id = "", payload = null } = annotations.representation ?? {}
  const name = /^effect\/schema\/is(\w+?)(?:(?<!isString)(?:BigInt|BigDecimal|Date))?$/.exec(id)?.[1]
  if (name === undefined) return annotations.identifier ?? annotations.title ?? "filter"
  if (name === "Pattern") return `pattern(/${payload.source}/${payload.flags ?? ""})`
  const isBig = id.endsWith("BigInt")
  const isText = id.endsWith("Date") || id.endsWith("BigDecimal")
  const values = payload === null || name === "UUID"
    ? []
    : Object.values(payload).map((value) => isBig ? `${value}n` : isText ? String(value) : JSON.stringify(value))
  const word = renamed[name] ?? name
  return values.length === 0 ? word : `${word[0]?.toLowerCase()}${word.slice(1)}(${values.join(", ")})`
}

class Walk {
  open = new Map()
  depth = 0

  /** @param {any} ast @returns {Form} */
  formOf(ast) {
    const depth = this.open.get(ast)
    if (depth !== undefined) return plain(`^${this.depth - depth}`)
    if (single.has(ast._tag) && ast.encoding === undefined) return this.checked(ast, this.composite(ast))
    this.open.set(ast, this.depth)
    this.depth++
    const own = this.checked(ast, this.composite(ast))
    this.depth--
    // The last step of a chain is what is stored; the chain is no level of its own.
    const form = ast.encoding === undefined
      ? own
      : { encoded: this.formOf(ast.encoding[0].to).encoded, type: own.type, transformed: true }
    this.open.delete(ast)
    return form
  }

  /** @param {any} ast @param {Form} form @returns {Form} */
  checked(ast, form) {
    return (ast.checks ?? []).reduce((/** @type {Form} */ { encoded, transformed, type }, /** @type {any} */ check) => {
      const refined = `${type}&${predicate(check)}`
      return { encoded: transformed ? encoded : refined, type: refined, transformed }
    }, form)
  }

  /** @param {any} ast @returns {Form} */
  composite(ast) {
    if (single.has(ast._tag)) return plain(keywords[ast._tag] ?? ast._tag.toLowerCase())
    const formsOf = (/** @type {ReadonlyArray<any>} */ asts) => asts.map((one) => this.formOf(one))
    switch (ast._tag) {
      case "Literal":
        return plain(typeof ast.literal === "bigint" ? `${ast.literal}n` : JSON.stringify(ast.literal))
      case "UniqueSymbol":
        return plain(String(ast.symbol))
      case "Enum":
        return plain(
          `<enum ${ast.enums.length} value(s): ${
            ast.enums.map((/** @type {any} */ [, value]) => JSON.stringify(value)).join(" | ")
          }>`
        )
      case "TemplateLiteral":
        return plain(
          `\`${
            ast.parts.map((/** @type {any} */ part) =>
              part._tag === "Literal" ? part.literal : `\${${this.formOf(part).type}}`
            ).join("")
          }\``
        )
      case "Suspend":
        return this.formOf(ast.thunk())
      case "Union":
        return combine(formsOf(ast.types), (texts) => `(${texts.join("|")})`)
      case "Arrays":
        return this.tuple(ast)
      case "Objects":
        return this.struct(ast)
      case "Declaration": {
        const { identifier, representation, title } = ast.annotations ?? {}
        const name = representation?.id.replace("effect/schema/", "") ?? identifier ?? title ?? "declared"
        const word = declared[name] ?? name
        return combine(formsOf(ast.typeParameters), (texts) => word.includes("<") ? word : `${word}<${texts.join()}>`)
      }
      default:
        throw new Error(`no form for ${ast._tag}`)
    }
  }

  /** @param {any} ast */
  tuple({ elements, rest }) {
    return combine([...elements, ...rest].map((one) => this.formOf(one)), (texts) => {
      const fixed = elements.map((/** @type {any} */ one, /** @type {number} */ i) =>
        `${texts[i]}${SchemaAST.isOptional(one) ? "?" : ""}`
      )
      return `[${fixed.join()};${texts.slice(elements.length).join()}]`
    })
  }

  /** Optionality and names belong to the sides too: the stored field of a default may be missing. @param {any} ast */
  struct(ast) {
    const types = ast.propertySignatures.map((/** @type {any} */ { type }) => type)
    const indices = ast.indexSignatures.flatMap((/** @type {any} */ { parameter, type }) => [parameter, type])
    const forms = [...types, ...indices].map((one) => this.formOf(one))
    /** @param {"encoded" | "type"} side */
    const write = (side) => {
      const fields = ast.propertySignatures.map((/** @type {any} */ { name, type }, /** @type {number} */ i) => {
        const own = side === "encoded" && type.encoding !== undefined ? type.encoding[0].to : type
        return `${JSON.stringify(String(name))}${SchemaAST.isOptional(own) ? "?" : ""}:${forms[i]?.[side]}`
      })
      return `{${fields.join()};${forms.slice(fields.length).map((form) => form[side]).join()}}`
    }
    return { encoded: write("encoded"), type: write("type"), transformed: forms.some((form) => form.transformed) }
  }
}

/** @param {{ readonly ast: unknown }} schema */
const formOf = (schema) => {
  const { encoded, transformed, type } = new Walk().formOf(schema.ast)
  return transformed ? `(${encoded}<->${type})` : type
}

const tree = (/** @type {unknown} */ value) => {
  /** @type {any} */
  const node = Schema.Struct({ value, children: Schema.Array(Schema.suspend(() => node)) })
  return node
}

class Branch extends Schema.Class("Branch")({
  value: Schema.NumberFromString,
  children: Schema.Array(Schema.suspend(() => Branch))
}) {}

const withDefault = Schema.Number.pipe(Schema.withDecodingDefault(() => 0))

/** As in the test of the digest, by the same names, in the words of Effect 4. */
const schemas = {
  any: Schema.Any,
  bigint: Schema.BigInt,
  boolean: Schema.Boolean,
  never: Schema.Never,
  null: Schema.Null,
  number: Schema.Number,
  object: Schema.ObjectKeyword,
  string: Schema.String,
  symbol: Schema.Symbol,
  undefined: Schema.Undefined,
  unknown: Schema.Unknown,
  void: Schema.Void,
  enum: Schema.Enum({ Low: 0, High: 1, 0: "Low", 1: "High" }),
  literal: Schema.Literal("a \"quoted\" one"),
  literals: Schema.Literals(["a", 1, true, 2n]),
  template: Schema.TemplateLiteral(["a", Schema.Number, "-", Schema.Literals(["x", "y"])]),
  uniqueSymbol: Schema.UniqueSymbol(Symbol.for("x")),
  array: Schema.Array(Schema.Number),
  empty: Schema.Struct({}),
  nonEmptyArray: Schema.NonEmptyArray(Schema.Number),
  record: Schema.Record(Schema.String, Schema.Number),
  recordOfTemplate: Schema.Record(Schema.TemplateLiteral(["a", Schema.String]), Schema.Number),
  recordOfLiterals: Schema.Record(Schema.Literals(["a", "b"]), Schema.Number),
  struct: Schema.Struct({ a: Schema.Number, b: Schema.Struct({ c: Schema.String }) }),
  structOptional: Schema.Struct({
    a: Schema.Number,
    b: Schema.optional(Schema.String),
    c: Schema.optionalKey(Schema.Number)
  }),
  structWithRest: Schema.StructWithRest(Schema.Struct({ a: Schema.Number }), [
    Schema.Record(Schema.String, Schema.Unknown)
  ]),
  tuple: Schema.Tuple([Schema.String, Schema.Number]),
  tupleOptional: Schema.Tuple([Schema.String, Schema.optionalKey(Schema.Number)]),
  tupleWithRest: Schema.TupleWithRest(Schema.Tuple([Schema.String, Schema.Number]), [Schema.Boolean, Schema.String]),
  union: Schema.Union([Schema.Number, Schema.Union([Schema.String, Schema.Null])]),
  recursive: tree(Schema.Number),
  recursiveBothSides: tree(Schema.NumberFromString),
  recursiveClass: Branch,
  chunk: Schema.Chunk(Schema.Number),
  date: Schema.Date,
  duration: Schema.Duration,
  either: Schema.Result(Schema.Number, Schema.String),
  hashMap: Schema.HashMap(Schema.String, Schema.Number),
  option: Schema.Option(Schema.Number),
  optionOfBothSides: Schema.Option(Schema.NumberFromString),
  readonlyMap: Schema.ReadonlyMap(Schema.String, Schema.Number),
  readonlySet: Schema.ReadonlySet(Schema.Number),
  redacted: Schema.Redacted(Schema.String),
  uint8Array: Schema.Uint8Array,
  between: Schema.Number.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  betweenBigInt: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 5n })),
  dateAfter: Schema.Date.check(Schema.isGreaterThanDate(new Date(0))),
  endsWith: Schema.String.check(Schema.isEndingWith("z")),
  filter: Schema.Number.check(Schema.makeFilter(() => true)),
  filterNamed: Schema.Number.check(
    Schema.makeFilter((/** @type {number} */ n) => n % 2 === 0, { identifier: "Even" })
  ),
  finite: Schema.Finite,
  greaterThan: Schema.Number.check(Schema.isGreaterThan(0)),
  int: Schema.Int,
  items: Schema.Array(Schema.Number).check(Schema.isMinLength(2)),
  length: Schema.String.check(Schema.isBetweenLength(1, 3)),
  lessThan: Schema.Number.check(Schema.isLessThan(5)),
  maxLength: Schema.String.check(Schema.isMaxLength(9)),
  nonEmptyString: Schema.NonEmptyString,
  nonNegative: Schema.Number.check(Schema.isGreaterThanOrEqualTo(0)),
  pattern: Schema.String.check(Schema.isPattern(/^a+$/i)),
  startsWith: Schema.String.check(Schema.isStartingWith("a")),
  trimmed: Schema.Trimmed,
  twoPredicates: Schema.Int.check(Schema.isGreaterThan(0)),
  uuid: Schema.String.check(Schema.isUUID()),
  behindFilter: Schema.Struct({ a: Schema.NumberFromString }).check(Schema.makeFilter(() => true)),
  bigintFromString: Schema.BigIntFromString,
  dateFromString: Schema.DateFromString,
  defaults: Schema.Struct({ a: withDefault, b: Schema.String }),
  defaultsAndMore: Schema.Struct({ a: withDefault, b: Schema.NumberFromString }),
  durationFromMillis: Schema.Struct({ every: Schema.DurationFromMillis, text: Schema.String }),
  json: Schema.fromJsonString(Schema.Struct({ a: Schema.Number })),
  numberFromString: Schema.NumberFromString,
  optionFromNull: Schema.OptionFromNullOr(Schema.Number),
  renamed: Schema.Struct({ a: Schema.Number }).pipe(Schema.encodeKeys({ a: "b" })),
  trim: Schema.Trim,
  url: Schema.URLFromString
}

/** Schemas of one name that accept other values in Effect 4: other forms are right. */
const different = new Set(["bigintFromString", "durationFromMillis"])

/** @type {Record<string, { readonly form: string }>} */
const golden = readJson(join(root, "test", "support", "schemaForms.json"))
const wrong = Object.entries(schemas).filter(([name, schema]) =>
  (formOf(schema) === golden[name]?.form) === different.has(name)
)
for (const [name, schema] of wrong) {
  console.log(`${name}\n  Effect 3: ${golden[name]?.form}\n  Effect 4: ${formOf(schema)}`)
}
const count = Object.keys(schemas).length
const equal = count - different.size - wrong.filter(([name]) => !different.has(name)).length
console.log(
  `${equal} of ${count} schemas have one form in Effect 3 and Effect ${version}; ${different.size} accept other values`
)
process.exit(wrong.length === 0 ? 0 : 1)
