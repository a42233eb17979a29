/**
 * Lists of children: those that match a query, sorted, by the page, with counts. One pass over the lines of the index.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { eachSlice, sortInSlices } from "../runtime/slices.js"
import { type ChildLine, type ChildList, statuses } from "./answers.js"
import type { ChildIndex, IndexLine } from "./childIndex.js"
import { lineById } from "./childLines.js"
import { allOf, parseChildQuery, termTest } from "./childQuery.js"
import { eventsMark, plain } from "./marks.js"
import { type ParsedQuery, printTerm, quoted, type Term } from "./query.js"

/** Lines that are compared with a query before others have a turn. */
const slice = 5_000

/** Rows of a page, unless more or fewer are asked for; and at most. */
export const usualPage = 50
export const largestPage = 500

/** What a list is asked for. */
export interface ListQuestion {
  readonly q?: string | undefined
  readonly sort?: string | undefined
  readonly offset?: number | undefined
  readonly limit?: number | undefined
}

type Counts = Record<string, number>

/** Counts, also of names that every object inherits. */
const counts = (): Counts => Object.create(null) as Counts

const add = (to: Counts, name: string): void => {
  to[name] = (to[name] ?? 0) + 1
}

/** Counts in the order of names. */
const byName = (of: Counts): Counts =>
  Object.assign(counts(), Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1))))

const rank = new Map(statuses.map((status, i) => [status, i]))

/** What lines are sorted by; those with the same stay in the order of ids. */
const sorts: { readonly [name: string]: (line: IndexLine) => number | string } = {
  status: ({ status }) => rank.get(status)!,
  id: () => 0,
  node: ({ node }) => (node === undefined ? "\uffff" : node),
  restarts: ({ restarts }) => -restarts,
  since: ({ since }) => -since,
  token: ({ token }) => token
}

const compareKeys = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Those that are sorted by what nearly every line has another of. */
const fine: ReadonlySet<string> = new Set(["since", "token"])

/** Where a page of a list begins and ends. */
type PageBounds = readonly [from: number, to: number]

/** A page of lines in an order that has few keys: they are put together by them first. */
const grouped = (
  node: Node,
  lines: ReadonlyArray<IndexLine>,
  of: (line: IndexLine) => number | string,
  reversed: boolean,
  [from, to]: PageBounds
): Effect.Effect<ReadonlyArray<IndexLine>> =>
  Effect.gen(function*() {
    const groups = new Map<number | string, Array<IndexLine>>()
    yield* eachSlice(node, lines, slice, (line) => {
      const key = of(line)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [line])
      else group.push(line)
    })
    const keys = Array.from(groups.keys()).sort(compareKeys)
    if (reversed) keys.reverse()
    const page: Array<IndexLine> = []
    let passed = 0
    for (const key of keys) {
      const group = groups.get(key)!
      page.push(...group.slice(Math.max(0, from - passed), Math.max(0, to - passed)))
      passed += group.length
      if (passed >= to) break
    }
    return page
  })

/** A page of lines in an order; `-` in front reverses it. Lines with the same key stay in the order of ids. */
const inOrder = (
  node: Node,
  lines: ReadonlyArray<IndexLine>,
  sort: string,
  page: PageBounds
): Effect.Effect<ReadonlyArray<IndexLine>> => {
  const reversed = sort.startsWith("-")
  const asked = reversed ? sort.slice(1) : sort
  const name = Object.hasOwn(sorts, asked) ? asked : "status"
  if (name === "id") return Effect.sync(() => (reversed ? lines.toReversed() : lines).slice(...page))
  const of = sorts[name]!
  if (!fine.has(name)) return grouped(node, lines, of, reversed, page)
  return Effect.map(
    sortInSlices(node, lines, (a, b) => reversed ? compareKeys(of(b), of(a)) : compareKeys(of(a), of(b))),
    (sorted) => sorted.slice(...page)
  )
}

const nothing = (): boolean => false

/** Terms of which the counts by a key take no account: those about it, save what they exclude. */
const about = (key: string) => (term: Term): boolean => term.key === key && !term.not

/** Whole numbers within bounds, whatever was asked for. */
const whole = (value: number | undefined, usual: number, most: number): number =>
  value === undefined || !Number.isFinite(value) ? usual : Math.max(0, Math.min(most, Math.floor(value)))

/** Which term to take out so that something matches, in words. */
const hintOf = (
  node: Node,
  lines: ReadonlyArray<IndexLine>,
  terms: ReadonlyArray<Term>
): Effect.Effect<string> =>
  Effect.gen(function*() {
    const [tests, now] = [terms.map(termTest), node.ambient.wall()]
    const without = terms.map(() => 0)
    yield* eachSlice(node, lines, slice, (line) => {
      let missed = -1
      for (let i = 0; i < tests.length; i++) {
        if (tests[i]!(line, now)) continue
        if (missed >= 0) return
        missed = i
      }
      if (missed >= 0 && !line.gone && terms[missed]!.key !== undefined) without[missed]!++
    })
    const best = without.indexOf(Math.max(...without))
    if (without[best]! > 0) {
      return `Without ${plain(printTerm(terms[best]!))} there ${
        without[best] === 1 ? "is 1" : `are ${without[best]!.toLocaleString("en")}`
      }.`
    }
    const word = terms.find(({ key, not }) => key === undefined && !not)?.values[0]
    return word === undefined
      ? "Take a term out, or clear the query."
      : `No id holds "${plain(word)}". If it was terminated, ${
        eventsMark(quoted(word), "the events")
      } tell when and by whom.`
  })

/** What is counted in the one pass. */
class Tally {
  readonly found: Array<IndexLine> = []
  all = 0
  readonly byStatus = counts()
  readonly byKind = counts()
  readonly byNode = counts()

  private readonly base
  private readonly status
  private readonly kind
  private readonly node

  constructor({ problem, terms }: ParsedQuery, private readonly now: number) {
    const [status, kind, node] = [about("status"), about("kind"), about("node")]
    const rest = terms.filter((term) => !status(term) && !kind(term) && !node(term))
    this.base = problem === undefined ? allOf(rest) : nothing
    this.status = allOf(terms.filter(status))
    this.kind = allOf(terms.filter(kind))
    this.node = allOf(terms.filter(node))
  }

  readonly look = (line: IndexLine): void => {
    if (line.gone) return
    this.all++
    const { now } = this
    if (!this.base(line, now)) return
    const [status, kind, node] = [this.status(line, now), this.kind(line, now), this.node(line, now)]
    if (kind && node) add(this.byStatus, line.status)
    if (status && node) add(this.byKind, line.kind)
    if (status && kind) add(this.byNode, line.node ?? "none")
    if (status && kind && node) this.found.push(line)
  }
}

const optional = <A>(value: A | undefined): ReadonlyArray<A> => (value === undefined ? [] : [value])

/** A page of the children that match a query. `staleSince`: since when that may be untrue. */
export const listChildren = (
  node: Node,
  index: ChildIndex,
  { limit, offset, q = "", sort = "status" }: ListQuestion,
  staleSince: Date | undefined
): Effect.Effect<typeof ChildList.Type> =>
  Effect.gen(function*() {
    const query = parseChildQuery(q)
    const lines = yield* index.lines
    const tally = new Tally(query, node.ambient.wall())
    yield* eachSlice(node, lines, slice, tally.look)
    const { all, byKind, byNode, byStatus, found } = tally
    const from = whole(offset, 0, 1e9)
    const rows = yield* inOrder(node, found, sort, [from, from + whole(limit, usualPage, largestPage)])
    const isEmpty = found.length === 0 && query.problem === undefined && query.terms.length > 0 && all > 0
    const hint = isEmpty ? yield* hintOf(node, lines, query.terms) : undefined
    return {
      total: found.length,
      all,
      offset: from,
      rows: rows.flatMap(({ id }): ReadonlyArray<ChildLine> => optional(lineById(node, id))),
      byStatus,
      byKind: byName(byKind),
      byNode: byName(byNode),
      ...(query.problem === undefined ? {} : { problem: query.problem }),
      ...(hint === undefined ? {} : { hint }),
      ...(staleSince === undefined ? {} : { staleSince })
    }
  })
