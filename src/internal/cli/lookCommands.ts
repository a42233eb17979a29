/**
 * Commands that only look: `ls`, `get`, `explain`, `nodes`.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type ChildLine, ChildLine as ChildLineSchema, ChildPage, NodeLine } from "../console/answers.js"
import { childTable, explanationLines, factLines, nodeTable, said } from "./childTables.js"
import { NotFound, Usage } from "./failures.js"
import { openSource } from "./openSource.js"
import { tell } from "./output.js"
import type { Output } from "./outputForms.js"
import type { GivenPlace } from "./place.js"
import { many } from "./quantities.js"
import { Shell } from "./shell.js"
import type { ScopeSource } from "./source.js"
import type { TextLine } from "./textTable.js"

/** Rows that are asked for at a time. */
const page = 500

/** Children that match a query, as many as are wanted, and what the first page says of them. */
export const findChildren = (source: ScopeSource, q: string, sort: string | undefined, limit: number) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const first = yield* source.console.children({ q, sort, limit: Math.min(limit, page) })
    if (first.problem !== undefined) return yield* new Usage({ sentence: said(first.problem, now) })
    const rows: Array<ChildLine> = [...first.rows]
    while (rows.length < Math.min(limit, first.total)) {
      const next = yield* source.console.children({
        q,
        sort,
        offset: rows.length,
        limit: Math.min(limit - rows.length, page)
      })
      if (next.rows.length === 0) break
      rows.push(...next.rows)
    }
    return { ...first, rows, now }
  })

/** What is said beside a list that may be old. */
const warnOld = (staleSince: Date | undefined) =>
  Effect.flatMap(Shell, (shell) =>
    staleSince === undefined
      ? Effect.void
      : shell.say(`This may be old: nothing was heard of the scope since ${staleSince.toISOString()}.`))

/** Rows that a terminal shows unless more are asked for; a program gets all. */
const usual = 50

/** `ls` */
export const ls = (
  given: GivenPlace,
  output: Output,
  q: string,
  options: { readonly sort: Option.Option<string>; readonly limit: Option.Option<number> }
) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const source = yield* openSource(given)
    const limit = Option.getOrElse(options.limit, () => (output === "table" && shell.live ? usual : Infinity))
    const found = yield* findChildren(source, q, Option.getOrUndefined(options.sort), limit)
    const { hint, now, rows, staleSince, total } = found
    const encoded = yield* Effect.orDie(Schema.encode(Schema.Array(ChildLineSchema))(rows))
    yield* warnOld(staleSince)
    if (rows.length > 0 || output !== "table") {
      yield* tell(output, { lines: (width) => childTable(rows, now, width), json: encoded, rows: encoded })
    }
    if (output !== "table") return
    if (total === 0) yield* shell.say(hint === undefined ? "No child matches." : said(hint, now))
    else if (rows.length < total) {
      yield* shell.say(`${rows.length} of ${many(total, "child", "children")}; --limit ${total} shows all`)
    }
  }))

/** The page of a child, which must be there. */
export const pageOf = (source: ScopeSource, id: string) =>
  Effect.flatMap(
    source.console.child(id),
    (found) =>
      Effect.mapError(found, () =>
        new NotFound({
          sentence:
            `there is no child "${id}"; \`effect-pogo ls\` lists all, \`effect-pogo history ${id}\` tells whether it was there`
        }))
  )

type Drawing = (page: typeof ChildPage.Type, now: number, width: number) => ReadonlyArray<TextLine>

const showChildren = (given: GivenPlace, output: Output, ids: ReadonlyArray<string>, draw: Drawing) =>
  Effect.scoped(Effect.gen(function*() {
    const source = yield* openSource(given)
    const now = yield* Clock.currentTimeMillis
    const pages = yield* Effect.forEach(ids, (id) => pageOf(source, id))
    const encoded = yield* Effect.orDie(Schema.encode(Schema.Array(ChildPage))(pages))
    yield* warnOld(pages[0]?.staleSince)
    yield* tell(output, {
      lines: (width) => pages.flatMap((one, i) => [...(i === 0 ? [] : [[]]), ...draw(one, now, width)]),
      json: encoded.length === 1 ? encoded[0] : encoded,
      rows: encoded
    })
  }))

/** `get` */
export const get = (given: GivenPlace, output: Output, ids: ReadonlyArray<string>) =>
  showChildren(given, output, ids, factLines)

/** `explain` */
export const explain = (given: GivenPlace, output: Output, ids: ReadonlyArray<string>) =>
  showChildren(given, output, ids, explanationLines)

/** `nodes` */
export const nodes = (given: GivenPlace, output: Output) =>
  Effect.scoped(Effect.gen(function*() {
    const source = yield* openSource(given)
    const { nodes: lines, staleSince } = yield* source.console.overview
    const encoded = yield* Effect.orDie(Schema.encode(Schema.Array(NodeLine))(lines))
    yield* warnOld(staleSince)
    yield* tell(output, { lines: (width) => nodeTable(lines, width), json: encoded, rows: encoded })
  }))
