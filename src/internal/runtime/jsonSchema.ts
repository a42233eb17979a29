/**
 * Schemas between what this package tells and JSON.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * JSON of a value: bigints are decimal text, dates ISO 8601, and fields that are `undefined` are left out.
 *
 * @since 0.1.0
 * @category models
 */
export type Json<A> = A extends bigint | Date ? string
  : A extends string | number | boolean | null ? A
  : A extends ReadonlyArray<infer B> ? ReadonlyArray<Json<B>>
  :
    & { readonly [K in keyof A as undefined extends A[K] ? never : K]: Json<A[K]> }
    & { readonly [K in keyof A as undefined extends A[K] ? K : never]?: Json<Exclude<A[K], undefined>> }

/**
 * A schema that is made when it is first used: most processes never encode what it is for, and making it costs time.
 */
export const lazily = <A>(make: () => Schema.Schema<A, Json<A>>): Schema.Schema<A, Json<A>> => {
  let made: Schema.Schema<A, Json<A>> | undefined
  return Schema.suspend(() => (made ??= make()))
}

/** A field that is `undefined` where the JSON has none. */
export const orUndefined = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalToRequired(schema, Schema.UndefinedOr(Schema.typeSchema(schema)), {
    decode: Option.getOrUndefined,
    encode: Option.fromNullable<A | undefined>
  })

/** A text of a narrower type that is not checked. */
export const textOf = <A extends string>() => Schema.String as unknown as Schema.Schema<A, Json<A>>
