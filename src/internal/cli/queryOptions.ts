/**
 * Options of the command line that write into a query.
 *
 * @internal
 */
import * as Option from "effect/Option"
import { quoted } from "../console/query.js"

/** Options that stand for terms of the query language. */
export interface QueryOptions {
  readonly kind: Option.Option<string>
  readonly status: Option.Option<string>
  readonly node: Option.Option<string>
}

/** The query that words and options write together. */
export const queryOf = (words: ReadonlyArray<string>, options: QueryOptions): string =>
  [
    ...words,
    ...(["kind", "status", "node"] as const).flatMap((key) =>
      Option.match(options[key], {
        onNone: () => [],
        onSome: (value) => [`${key}:${value.split(",").map(quoted).join(",")}`]
      })
    )
  ].join(" ")
