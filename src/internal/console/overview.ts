/**
 * The first page: how it stands, what does not run and why, and the nodes.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { newestOf } from "../replica/candidates.js"
import { eachSlice } from "../runtime/slices.js"
import { type ChildLine, type Overview, type Status, statuses } from "./answers.js"
import type { ChildIndex, IndexLine } from "./childIndex.js"
import { lineById, many, manyChildren } from "./childLines.js"
import { isTrouble } from "./childQuery.js"
import type { HistoryFeed } from "./historyFeed.js"
import { type Aftermath, aftermathOf, barsOf, bundlesOf, endedWords, failuresOf } from "./lanes.js"
import { agoMark, findMark, nodeMark, plain } from "./marks.js"
import { type EndedNode, endedNodes, liveLines, type NodeRow } from "./nodeLines.js"
import type { NotRunning } from "./notRunning.js"
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

/** What happened so lately is told in a sentence, milliseconds; and how many sentences there are at most. */
const lately = 600_000
const maxNotices = 6

const childrenOf = (lines: ReadonlyArray<NodeRow>): number => lines.reduce((sum, { children }) => sum + children, 0)

/** How a rollout stands, if one goes on. */
const rolloutWords = ({ view: { membership } }: Node, live: ReadonlyArray<NodeRow>): ReadonlyArray<string> => {
  const newest = membership.isMixed ? newestOf(membership.list) : undefined
  if (newest === undefined) return []
  const { revision, settled } = newest
  const its = live.filter((line) => line.revision === revision)
  const has = `${its.length} of ${many(live.length, "node")} ${its.length === 1 ? "has" : "have"} it, with ${
    childrenOf(its).toLocaleString("en")
  } of ${manyChildren(childrenOf(live))}`
  return [
    settled
      ? `The rollout of revision ${plain(revision)} stands still: ${has}; children go to the nodes of all revisions.`
      : `Revision ${plain(revision)} is being rolled out: ${has}.`
  ]
}

/** What happened lately, or goes on. */
const noticesOf = (
  node: Node,
  feed: HistoryFeed,
  live: ReadonlyArray<NodeRow>,
  ended: ReadonlyArray<EndedNode & { readonly after: Aftermath }>
): ReadonlyArray<string> => {
  const since = node.ambient.wall() - lately
  // The first of all is the beginning of the scope.
  const era = feed.events.findLast(({ what }, i) => what === "era" && i > 0)
  const twice = new Set(live.filter(({ duplicate }) => duplicate).map(({ name }) => name))
  return [
    ...(era !== undefined && era.at.getTime() >= since
      ? [`The registry's data was lost, or is another, ${agoMark(era.at)} ago.`]
      : []),
    ...rolloutWords(node, live),
    ...ended
      .filter(({ at }) => at.getTime() >= since)
      .map(({ after, at, end, line }) => endedWords(line.name, end, at, after)),
    ...live
      .filter(({ children, draining }) => draining && children > 0)
      .map(({ children, name }) =>
        `${nodeMark(name)} drains: ${manyChildren(children)} ${children === 1 ? "is" : "are"} left there.`
      ),
    ...[...twice].map((name) => `Several live nodes are named ${nodeMark(name)}.`)
  ].slice(0, maxNotices)
}

/** In an empty scope: how a child is started. */
const emptyWords = ({ view }: Node): string => {
  const members = view.membership.list
  const kinds = [...new Set(members.flatMap((member) => Object.keys(member.kinds)))].sort()
  if (members.length === 0) return "No node has joined the scope yet."
  const ready = `${many(members.length, "node")} ${members.length === 1 ? "is" : "are"} ready`
  const [kind] = kinds
  return kind === undefined
    ? `${ready}, and none has a kind: build the layer of one.`
    : `${ready}, for ${kinds.map(plain).join(", ")}. Code starts a child by ${
      plain(`Pogo.startChild(${kind}.spec("key", { ... }))`)
    }, a terminal by ${plain(`npx effect-pogo start ${kind}/key`)}.`
}

/** What became of the children of nodes that have ended. `troubled`: all children that do not run. */
export const aftermaths = (
  feed: HistoryFeed,
  ended: ReadonlyArray<EndedNode>,
  troubled: ReadonlyArray<IndexLine>
): ReadonlyArray<EndedNode & { readonly after: Aftermath }> => {
  const waiting = new Map<string, number>()
  for (const { last, status } of troubled) {
    if (status === "Pending" && last !== undefined) waiting.set(last, (waiting.get(last) ?? 0) + 1)
  }
  return ended.map((one) => ({
    ...one,
    after: aftermathOf(
      feed.events,
      one.line.name,
      one.line.sessions.at(-1) ?? { to: one.at },
      waiting.get(one.line.name) ?? 0
    )
  }))
}

/** All children that do not run as they should, in the order of ids. */
export const troubledLines = (node: Node, index: ChildIndex): Effect.Effect<ReadonlyArray<IndexLine>> =>
  Effect.gen(function*() {
    const troubled: Array<IndexLine> = []
    yield* eachSlice(node, yield* index.lines, slice, (line) => {
      if (!line.gone && isTrouble(line)) troubled.push(line)
    })
    return troubled
  })

/** The nodes of the table: those that live, and those that ended within the last hour. */
export const nodesOf = (node: Node, index: ChildIndex, feed: HistoryFeed) => {
  const bars = barsOf(feed.events)
  const live = liveLines(node, index.nodes, index.total, bars)
  return { live, ended: endedNodes(live, bars) }
}

/** The first page. */
export const overviewOf = (
  node: Node,
  index: ChildIndex,
  feed: HistoryFeed,
  samples: NotRunning,
  staleSince: Date | undefined
): Effect.Effect<typeof Overview.Type> =>
  Effect.gen(function*() {
    yield* feed.refresh
    const troubled = yield* troubledLines(node, index)
    const { more, trouble } = yield* troubleOf(node, troubled)
    const byStatus: Partial<Record<Status, number>> = {}
    for (const status of statuses) {
      const count = index.counts.get(status) ?? 0
      if (count > 0) byStatus[status] = count
    }
    const { ended, live } = nodesOf(node, index, feed)
    const gone = aftermaths(feed, ended, troubled)
    return {
      at: new Date(node.ambient.wall()),
      verdict: verdictOf(index.total, troubled.length),
      notices: noticesOf(node, feed, live, gone),
      total: index.total,
      byStatus,
      trouble,
      more,
      notRunning: samples.until(troubled.length),
      nodes: [
        ...live,
        ...gone.map(({ after, at, end, line }) => ({ ...line, words: endedWords(line.name, end, at, after) }))
      ],
      moves: bundlesOf(feed.events),
      failures: failuresOf(feed.events),
      ...(feed.problem === undefined ? {} : { historyProblem: `The history cannot be read: ${plain(feed.problem)}` }),
      ...(index.total === 0 ? { empty: emptyWords(node) } : {}),
      ...(staleSince === undefined ? {} : { staleSince })
    }
  })
