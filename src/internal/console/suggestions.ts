/**
 * What may follow in a query: keys, and behind a key its values with their counts.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { eachSlice } from "../runtime/slices.js"
import type { Suggestions } from "./answers.js"
import type { ChildIndex, IndexLine } from "./childIndex.js"
import { allOf, childKeys, isTrouble, parseChildQuery } from "./childQuery.js"
import { type QueryKeys, quoted } from "./query.js"

type List = typeof Suggestions.Type

/** How many are suggested. */
const most = 12

/** The piece of a query that is being written, and what stands before it. */
const pieceOf = (q: string): { readonly piece: string; readonly rest: string } => {
  const piece = /(?:"[^"]*"?|[^\s"])*$/.exec(q)?.[0] ?? ""
  return { piece, rest: q.slice(0, q.length - piece.length) }
}

/** Keys that begin with what is written. */
const keysFor = (piece: string, keys: QueryKeys): List => {
  const [, minus = "", begun = ""] = /^(-?)([^]*)$/.exec(piece) ?? []
  return Object.entries(keys)
    .filter(([key]) => key.startsWith(begun.toLowerCase()))
    .map(([key, { hint }]) => ({ text: `${minus}${key}:`, hint }))
}

/** What a value is counted by. */
const fields: { readonly [key: string]: (line: IndexLine) => string | undefined } = {
  status: ({ status }) => status.toLowerCase(),
  kind: ({ kind }) => kind,
  node: ({ node }) => node ?? "none",
  last: ({ last }) => last,
  set: ({ set }) => set ?? "none",
  revision: ({ revision }) => revision ?? "none",
  is: (line) => (isTrouble(line) ? "trouble" : undefined)
}

/** Values with their counts, those with most first, as they complete what is written. */
export const completing = (
  piece: string,
  values: ReadonlyMap<string, number | string>
): List => {
  const [, before = "", begun = ""] = /^(-?[A-Za-z]+:(?:[^,]*,)*)([^,]*)$/.exec(piece) ?? []
  const wanted = begun.replaceAll("\"", "").toLowerCase()
  return [...values]
    .filter(([value]) => value.toLowerCase().startsWith(wanted) && value !== begun)
    .sort(([a, x], [b, y]) => (typeof x === "number" && typeof y === "number" ? y - x : 0) || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([value, count]) => ({
      text: `${before}${quoted(value)}`,
      hint: typeof count === "number" ? count.toLocaleString("en") : count
    }))
}

/** The key of what is written, if one is. */
const keyOf = (piece: string): string | undefined => /^-?([A-Za-z]+):/.exec(piece)?.[1]?.toLowerCase()

/** What may follow in a query about children. */
export const suggestChildren = (node: Node, index: ChildIndex, q: string): Effect.Effect<List> =>
  Effect.gen(function*() {
    const { piece, rest } = pieceOf(q)
    const key = keyOf(piece)
    if (key === undefined) return keysFor(piece, childKeys)
    const of = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (of === undefined) return []
    const [test, now] = [allOf(parseChildQuery(rest).terms), node.ambient.wall()]
    const counts = new Map<string, number>()
    yield* eachSlice(node, yield* index.lines, 5_000, (line) => {
      const value = line.gone || !test(line, now) ? undefined : of(line)
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1)
    })
    return completing(piece, counts)
  })

/** What may follow in a query about events. `values`: of each key, with what they mean or how many there are. */
export const suggestEvents = (
  q: string,
  keys: QueryKeys,
  values: (key: string) => ReadonlyMap<string, number | string>
): List => {
  const { piece } = pieceOf(q)
  const key = keyOf(piece)
  return key === undefined ? keysFor(piece, keys) : completing(piece, values(key))
}
