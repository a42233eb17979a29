/** Terms of the query language, as far as chips and menus write them: everything else is read on the server. */

import { quoted } from "../console/query.js"

/** A word of a query; what stands in quotes is one, with its spaces. */
const word = /(?:"(?:\\.|[^"\\])*"?|\S)+/g

const wordsOf = (query: string): Array<string> => query.match(word) ?? []

const unquoted = (value: string) => /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value

/**
 * A term, such as `node:worker-2`.
 *
 * @param key what is asked about
 * @param value what it must be
 */
export const termOf = (key: string, value: string): string => `${key}:${quoted(value)}`

/**
 * The value that a query wants of a key; empty if it wants none.
 *
 * @param query the whole query
 * @param key what is asked about
 */
export const valueIn = (query: string, key: string): string =>
  unquoted(wordsOf(query).find((each) => each.startsWith(`${key}:`))?.slice(key.length + 1) ?? "")

/**
 * The query with another value of a key, in place of the earlier one.
 *
 * @param query the whole query
 * @param key what is asked about
 * @param value what it must be; empty takes the term out
 */
export const withTerm = (query: string, key: string, value: string): string => {
  const others = wordsOf(query).filter((each) => !each.startsWith(`${key}:`))
  return [...(value === "" ? [] : [termOf(key, value)]), ...others].join(" ")
}

/**
 * The query with its last word, which may be unfinished, replaced by a suggestion.
 *
 * @param query the whole query
 * @param suggestion the whole word; one that ends in `:` wants a value next
 */
export const completed = (query: string, suggestion: string): string => {
  const last = /\s$/.test(query) ? "" : wordsOf(query).at(-1) ?? ""
  const before = query.slice(0, query.length - last.length)
  return `${before}${suggestion}${suggestion.endsWith(":") ? "" : " "}`
}
