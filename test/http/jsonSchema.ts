/**
 * Whether a value fits a schema of an OpenAPI page: the words that such pages of ours use, and no others.
 */

export type JsonSchema = Readonly<Record<string, unknown>>

const known = new Set([
  "$ref",
  "additionalProperties",
  "allOf",
  "anyOf",
  "description",
  "enum",
  "exclusiveMinimum",
  "format",
  "items",
  "maxItems",
  "maxLength",
  "maximum",
  "minItems",
  "minLength",
  "minimum",
  "pattern",
  "properties",
  "required",
  "title",
  "type"
])

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "number" ? "number" : typeof value

/** What does not fit, by paths. */
export const misfits = (
  value: unknown,
  schema: JsonSchema,
  schemas: Readonly<Record<string, JsonSchema>>,
  path = "$"
): ReadonlyArray<string> => {
  for (const word of Object.keys(schema)) {
    if (!known.has(word) && word !== "$id") throw new Error(`${path}: the schema says ${word}`)
  }
  const found: Array<string> = []
  const { $ref: ref, anyOf, enum: values, items, properties = {}, required = [], type } = schema as {
    readonly $ref?: string
    readonly anyOf?: ReadonlyArray<JsonSchema>
    readonly enum?: ReadonlyArray<unknown>
    readonly items?: JsonSchema
    readonly properties?: Readonly<Record<string, JsonSchema>>
    readonly required?: ReadonlyArray<string>
    readonly type?: string
  }
  if (ref !== undefined) {
    const target = schemas[ref.slice(ref.lastIndexOf("/") + 1)]
    return target === undefined ? [`${path}: no ${ref}`] : misfits(value, target, schemas, path)
  }
  if (anyOf !== undefined) {
    return anyOf.some((one) => misfits(value, one, schemas, path).length === 0) ? [] : [`${path}: fits none`]
  }
  if (values !== undefined && !values.includes(value)) found.push(`${path}: ${JSON.stringify(value)} is none of them`)
  if (type !== undefined && typeOf(value) !== (type === "integer" ? "number" : type)) {
    found.push(`${path}: is ${typeOf(value)}, not ${type}`)
  }
  if (Array.isArray(value) && items !== undefined) {
    value.forEach((one, i) => found.push(...misfits(one, items, schemas, `${path}[${i}]`)))
  }
  if (typeOf(value) === "object") {
    const { additionalProperties: others = true } = schema
    for (const name of required) if (!(name in (value as object))) found.push(`${path}: ${name} is missing`)
    for (const [name, one] of Object.entries(value as object)) {
      const own = properties[name]
      if (own !== undefined) found.push(...misfits(one, own, schemas, `${path}.${name}`))
      else if (others === false) found.push(`${path}: ${name} is not told of`)
      else if (typeof others === "object") found.push(...misfits(one, others as JsonSchema, schemas, `${path}.${name}`))
    }
  }
  return found
}
