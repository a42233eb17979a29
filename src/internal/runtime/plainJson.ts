/**
 * What `JSON.stringify` makes of values with bigints, which it refuses: text.
 *
 * @internal
 */

/** The fields of a value, with bigints as decimal text. */
export const plainFields = (value: object): object =>
  Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, typeof field === "bigint" ? String(field) : field])
  )

/** Prototype of values that `JSON.stringify` writes though they hold bigints. */
const writable = {
  toJSON(): object {
    return plainFields(this)
  }
}

/** A value with the fields of another, that `JSON.stringify` writes. */
export const writableAsJson = <const A extends object>(fields: A): A =>
  Object.assign(Object.create(writable) as object, fields)
