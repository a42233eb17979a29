/**
 * Digest of a payload's schema: tells codes of one version apart, in the records of nodes and in the refusals of specs.
 *
 * The digest is the hash of the schema's *form*, a text in words of our own. Effect's names of nodes, predicates and
 * declared types are translated first, because they change between its major versions: equal schemas of Effect 3 and of
 * Effect 4 shall have one form. `docs/effect-4.md` has the grammar. The words are part of what nodes of different
 * versions exchange; golden values in the tests pin them.
 *
 * @internal
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { hashText } from "../runtime/hash.js"

/**
 * Form of one node. A schema has two sides: `encoded` is what is stored, `type` what code sees. Both are kept whole, and
 * not step by step: Effect 3 has transformations as nodes of their own, Effect 4 as chains at the nodes.
 */
interface Form {
  readonly encoded: string
  readonly type: string
  /** Whether a transformation stands somewhere between the sides, though they may read the same. */
  readonly transformed: boolean
}

const plain = (text: string): Form => ({ encoded: text, type: text, transformed: false })

/** Joins the forms of a node's parts. */
const combine = (parts: ReadonlyArray<Form>, write: (texts: ReadonlyArray<string>) => string): Form => ({
  encoded: write(parts.map(({ encoded }) => encoded)),
  type: write(parts.map(({ type }) => type)),
  transformed: parts.some(({ transformed }) => transformed)
})

const keywords = {
  AnyKeyword: "any",
  BigIntKeyword: "bigint",
  BooleanKeyword: "boolean",
  NeverKeyword: "never",
  NumberKeyword: "number",
  ObjectKeyword: "object",
  StringKeyword: "string",
  SymbolKeyword: "symbol",
  UndefinedKeyword: "undefined",
  UnknownKeyword: "unknown",
  VoidKeyword: "void"
} as const

type Keyword = Extract<AST.AST, { readonly _tag: keyof typeof keywords }>

const isKeyword = (ast: AST.AST): ast is Keyword => ast._tag in keywords

/**
 * Predicates of Effect's own by their names there, without the type that they are for: our word, and its arguments. Words
 * with arguments begin with a small letter.
 */
const predicates: { readonly [name: string]: readonly [word: string, ...values: ReadonlyArray<PredicateValue>] } = {
  Between: ["between", "lower", "upper"],
  Capitalized: ["Capitalized"],
  EndsWith: ["endsWith", "endsWith"],
  Finite: ["Finite"],
  GreaterThan: ["greaterThan", "lower"],
  GreaterThanOrEqualTo: ["greaterThanOrEqualTo", "lower"],
  Includes: ["includes", "includes"],
  Int: ["Int"],
  ItemsCount: ["length", "lower", "upper"],
  JsonNumber: ["Finite"],
  Length: ["length", "lower", "upper"],
  LessThan: ["lessThan", "upper"],
  LessThanOrEqualTo: ["lessThanOrEqualTo", "upper"],
  Lowercased: ["Lowercased"],
  MaxItems: ["maxLength", "upper"],
  MaxLength: ["maxLength", "upper"],
  MinItems: ["minLength", "lower"],
  MinLength: ["minLength", "lower"],
  MultipleOf: ["multipleOf", "multipleOf"],
  Negative: ["Negative"],
  NonNaN: ["NonNaN"],
  NonNegative: ["NonNegative"],
  NonPositive: ["NonPositive"],
  Pattern: ["pattern", "regex"],
  Positive: ["Positive"],
  StartsWith: ["startsWith", "startsWith"],
  Trimmed: ["Trimmed"],
  ULID: ["ULID"],
  UUID: ["UUID"],
  Uncapitalized: ["Uncapitalized"],
  Uppercased: ["Uppercased"],
  Valid: ["Valid"]
}

type PredicateValue = "lower" | "upper" | "multipleOf" | "regex" | "startsWith" | "endsWith" | "includes"

/** Where Effect keeps a predicate's values, by their names there. */
const values: { readonly [name: string]: PredicateValue } = {
  endsWith: "endsWith",
  exclusiveMaximum: "upper",
  exclusiveMinimum: "lower",
  includes: "includes",
  max: "upper",
  maxItems: "upper",
  maxLength: "upper",
  maximum: "upper",
  min: "lower",
  minItems: "lower",
  minLength: "lower",
  minimum: "lower",
  multipleOf: "multipleOf",
  regex: "regex",
  startsWith: "startsWith"
}

const predicateName = /^effect\/(?:SchemaId|schema)\/(\w+?)(?:Bigint|BigDecimal|Date|Duration)?$/

const nameOf = (id: unknown): string | undefined =>
  typeof id === "symbol" ? predicateName.exec(id.description ?? "")?.[1] : undefined

/** Numbers and texts as JSON, the rest in forms of our own: durations in milliseconds, dates as in ISO 8601. */
const writeValue = (value: unknown, isDuration: boolean): string => {
  if (isDuration) return `${Duration.toMillis(value as Duration.DurationInput)}ms`
  if (typeof value === "bigint") return `${value}n`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid" : value.toISOString()
  if (BigDecimal.isBigDecimal(value)) return BigDecimal.format(value)
  return value instanceof RegExp ? String(value) : JSON.stringify(value)
}

/** Values of a predicate: some are in its JSON schema only, and some under the symbol of the predicate. */
const valuesOf = (annotations: AST.Annotations): ReadonlyMap<PredicateValue, unknown> => {
  const found = new Map<PredicateValue, unknown>()
  const places: ReadonlyArray<unknown> = [
    annotations[AST.JSONSchemaAnnotationId],
    ...Object.getOwnPropertySymbols(annotations).filter((symbol) => nameOf(symbol) !== undefined).map((symbol) =>
      annotations[symbol]
    )
  ]
  for (const place of places) {
    if (typeof place !== "object" || place === null) continue
    for (const [name, value] of Object.entries(place)) {
      if (Object.hasOwn(values, name)) found.set(values[name]!, value)
    }
  }
  return found
}

/** Name that a user gave; titles, descriptions and examples of what has a word of its own do not matter. */
const givenName = (ast: AST.Annotated): Option.Option<string> =>
  Option.orElse(AST.getIdentifierAnnotation(ast), () => AST.getTitleAnnotation(ast))

const writePredicate = (ast: AST.Refinement): string => {
  const id = Option.getOrUndefined(AST.getSchemaIdAnnotation(ast))
  const name = nameOf(id)
  const [word, ...wanted] = (name !== undefined && Object.hasOwn(predicates, name) ? predicates[name] : undefined) ?? []
  if (word === undefined) return Option.getOrElse(givenName(ast), () => "filter")
  const known = valuesOf(ast.annotations)
  const isDuration = typeof id === "symbol" && id.description?.endsWith("Duration") === true
  return wanted.length === 0
    ? word
    : `${word}(${wanted.map((one) => writeValue(known.get(one), isDuration)).join(", ")})`
}

/** A type of Effect's own by its bare name, a class by its identifier. */
const writeDeclared = (ast: AST.Declaration): string =>
  Option.match(AST.getTypeConstructorAnnotation(ast), {
    onSome: ({ _tag }) => _tag.replace(/^effect\//, ""),
    onNone: () => Option.getOrElse(givenName(ast), () => "declared")
  })

const writeLiteral = (literal: AST.LiteralValue): string =>
  typeof literal === "bigint" ? `${literal}n` : JSON.stringify(literal)

/**
 * The schemas inside of which a node is met, each with its depth. A schema may contain itself; `^n` then stands for the
 * one that is `n` levels further out. Refinements and transformations are no levels: Effect 4 has no nodes for them.
 */
class Walk {
  private readonly open = new Map<AST.AST, number>()
  private depth = 0

  formOf(ast: AST.AST): Form {
    const depth = this.open.get(ast)
    if (depth !== undefined) return plain(`^${this.depth - depth}`)
    if (isKeyword(ast)) return plain(keywords[ast._tag])
    this.open.set(ast, this.depth)
    const isLevel = ast._tag !== "Refinement" && ast._tag !== "Transformation"
    if (isLevel) this.depth++
    const form = this.composite(ast)
    if (isLevel) this.depth--
    this.open.delete(ast)
    return form
  }

  private composite(ast: Exclude<AST.AST, Keyword>): Form {
    switch (ast._tag) {
      case "Literal":
        return plain(writeLiteral(ast.literal))
      case "UniqueSymbol":
        return plain(String(ast.symbol))
      case "Enums":
        return plain(`<enum ${ast.enums.length} value(s): ${ast.enums.map(([, v]) => JSON.stringify(v)).join(" | ")}>`)
      case "TemplateLiteral":
        return combine(
          ast.spans.map(({ type }) => this.formOf(type)),
          (texts) => `\`${ast.head}${texts.map((text, i) => `\${${text}}${ast.spans[i]!.literal}`).join("")}\``
        )
      case "Suspend":
        return this.formOf(ast.f())
      case "Union":
        return combine(ast.types.map((type) => this.formOf(type)), (texts) => `(${texts.join("|")})`)
      case "TupleType":
        return this.tuple(ast)
      case "TypeLiteral":
        return this.struct(ast)
      case "Declaration":
        return combine(
          ast.typeParameters.map((type) => this.formOf(type)),
          (texts) => `${writeDeclared(ast)}<${texts.join()}>`
        )
      case "Refinement":
        return this.refinement(ast)
      case "Transformation":
        return { encoded: this.formOf(ast.from).encoded, type: this.formOf(ast.to).type, transformed: true }
    }
  }

  private tuple({ elements, rest }: AST.TupleType): Form {
    return combine(
      [...elements, ...rest].map(({ type }) => this.formOf(type)),
      (texts) => {
        const fixed = elements.map(({ isOptional }, i) => `${texts[i]}${isOptional ? "?" : ""}`)
        return `[${fixed.join()};${texts.slice(elements.length).join()}]`
      }
    )
  }

  private struct({ indexSignatures, propertySignatures }: AST.TypeLiteral): Form {
    return combine(
      [...propertySignatures, ...indexSignatures.flatMap(({ parameter, type }) => [{ type: parameter }, { type }])]
        .map(({ type }) => this.formOf(type)),
      (texts) => {
        const fields = propertySignatures.map(({ isOptional, name }, i) =>
          `${JSON.stringify(String(name))}${isOptional ? "?" : ""}:${texts[i]}`
        )
        return `{${fields.join()};${texts.slice(fields.length).join()}}`
      }
    )
  }

  /** A predicate behind a transformation is about what code sees, and else about both sides. */
  private refinement(ast: AST.Refinement): Form {
    const { encoded, transformed, type } = this.formOf(ast.from)
    const refined = `${type}&${writePredicate(ast)}`
    return { encoded: transformed ? encoded : refined, type: refined, transformed }
  }
}

/** The form of a schema: one side, or both where code sees something else than what is stored. */
export const formOf = (schema: Schema.Schema.All): string => {
  const { encoded, transformed, type } = new Walk().formOf(schema.ast)
  return transformed ? `(${encoded}<->${type})` : type
}

/** The digest of a schema: eight hexadecimal digits. */
export const digestOf = (schema: Schema.Schema.All): string => hashText(formOf(schema)).toString(16).padStart(8, "0")
