/**
 * The first page: how it stands, what does not run and why, and the nodes.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { type ChildLine, type Overview, type Status, statuses } from "./answers.js"
import { type ChildIndex, eachSlice, type IndexLine } from "./childIndex.js"
import { lineById, manyChildren } from "./childLines.js"
import { isTrouble } from "./childQuery.js"
import { findMark } from "./marks.js"
import { liveLines } from "./nodeLines.js"
import { printTerms, quoted, type Term } from "./query.js"

/** Lines that are looked at before others have a turn. */
const slice = 10_000

/** Reasons that are told of one by one. Of more, all with the same status and kind are one. */
const maxReasons = 2_000

/** How many reasons the first page has room for. */
const shown = 8

/** How it stands, in a sentence. */
const verdictOf = (total: number, troubled: number): string => {
  if (total === 0) return "No child is registered."
  if (troubled === 0) return total === 1 ? "The one child is running." : `All ${manyChildren(total)} are running.`
  const who = findMark("is:trouble", troubled.toLocaleString("en"))
  return `${who} of ${manyChildren(total)} ${troubled === 1 ? "is" : "are"} not running.`
}

const rank = new Map(statuses.map((status, i) => [status, i]))

/** Worst first, and of the same status that which lasts longest. What has no time comes first. */
const worstFirst = (a: IndexLine, b: IndexLine): number =>
  rank.get(a.status)! - rank.get(b.status)! || a.since - b.since || (a.id < b.id ? -1 : 1)

/** Children that do not run for the same reason. */
interface TroubleGroup {
  worst: IndexLine
  count: number
}

/** What makes children one line: status, kind and reason. A time in the reason is none. */
const groupKey = (line: IndexLine, note: string): string =>
  `${line.status}\n${line.kind}\n${note.replace(/\{in [^}]*\}|attempt \d+/g, "")}`

const queryOf = (worst: ChildLine, count: number): string => {
  if (count === 1) return quoted(worst.id)
  const terms: ReadonlyArray<Term> = [
    { not: false, key: "status", values: [worst.status.toLowerCase()] },
    { not: false, key: "kind", values: [worst.kind] }
  ]
  return printTerms(terms)
}

/** What does not run, by reason, worst first. */
const troubleOf = (node: Node, troubled: ReadonlyArray<IndexLine>) =>
  Effect.gen(function*() {
    const groups = new Map<string, TroubleGroup>()
    const isMuch = troubled.length > maxReasons
    yield* eachSlice(node, troubled, 500, (line) => {
      const note = isMuch ? "" : lineById(node, line.id)?.note ?? ""
      const key = groupKey(line, note)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { worst: line, count: 1 })
      else {
        group.count++
        if (worstFirst(line, group.worst) < 0) group.worst = line
      }
    })
    const first = Array.from(groups.values()).sort((a, b) => worstFirst(a.worst, b.worst)).slice(0, shown)
    const trouble = first.flatMap(({ count, worst }) => {
      const row = lineById(node, worst.id)
      return row === undefined ? [] : [{ row, count, query: queryOf(row, count) }]
    })
    return { trouble, more: troubled.length - trouble.reduce((sum, { count }) => sum + count, 0) }
  })

/** The first page. */
export const overviewOf = (
  node: Node,
  index: ChildIndex,
  staleSince: Date | undefined
): Effect.Effect<typeof Overview.Type> =>
  Effect.gen(function*() {
    const lines = yield* index.lines
    const troubled: Array<IndexLine> = []
    yield* eachSlice(node, lines, slice, (line) => {
      if (!line.gone && isTrouble(line)) troubled.push(line)
    })
    const { more, trouble } = yield* troubleOf(node, troubled)
    const byStatus: Partial<Record<Status, number>> = {}
    for (const status of statuses) {
      const count = index.counts.get(status) ?? 0
      if (count > 0) byStatus[status] = count
    }
    const total = Array.from(index.counts.values()).reduce((sum, count) => sum + count, 0)
    return {
      at: new Date(node.ambient.wall()),
      verdict: verdictOf(total, troubled.length),
      notices: [],
      total,
      byStatus,
      trouble,
      more,
      notRunning: [],
      nodes: liveLines(node, index.nodes, total),
      moves: [],
      failures: [],
      ...(staleSince === undefined ? {} : { staleSince })
    }
  })
