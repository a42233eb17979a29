/**
 * What tells codes of one version apart: the form of their payload, written out. A schema's own text will not do: it is
 * the name where there is one, and the same few words for every struct with a default.
 *
 * @internal
 */
import type * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import { hashText } from "../runtime/hash.js"

const fieldOf = ({ isOptional, name, type }: AST.PropertySignature, outer: ReadonlyArray<AST.AST>): string =>
  `${JSON.stringify(String(name))}${isOptional ? "?" : ""}:${formOf(type, outer)}`

/** `outer` are those inside of which this one is met: a schema may contain itself. */
const formOf = (ast: AST.AST, outer: ReadonlyArray<AST.AST>): string => {
  const depth = outer.indexOf(ast)
  if (depth >= 0) return `^${outer.length - depth}`
  const inner = [...outer, ast]
  const all = (asts: ReadonlyArray<AST.AST>) => asts.map((one) => formOf(one, inner)).join()
  switch (ast._tag) {
    case "Transformation":
      return `(${formOf(ast.from, inner)}<->${formOf(ast.to, inner)})`
    case "Refinement":
      return `${formOf(ast.from, inner)}&${String(ast)}`
    case "Suspend":
      return formOf(ast.f(), inner)
    case "Union":
      return `(${ast.types.map((type) => formOf(type, inner)).join("|")})`
    case "TupleType":
      return `[${ast.elements.map(({ isOptional, type }) => `${formOf(type, inner)}${isOptional ? "?" : ""}`).join()};${
        all(ast.rest.map(({ type }) => type))
      }]`
    case "TypeLiteral":
      return `{${ast.propertySignatures.map((field) => fieldOf(field, inner)).join()};${
        all(ast.indexSignatures.flatMap(({ parameter, type }) => [parameter, type]))
      }}`
    case "Declaration":
      return `${String(ast)}<${all(ast.typeParameters)}>`
    default:
      return String(ast)
  }
}

/** Eight hexadecimal digits. */
export const digestOf = (schema: Schema.Schema.Any): string =>
  hashText(formOf(schema.ast, [])).toString(16).padStart(8, "0")
