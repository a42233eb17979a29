/**
 * The page of one node: what it is, what runs there, and what would move if it were drained.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { listNodes } from "../commands/queries.js"
import type { Node } from "../node/node.js"
import { isReal } from "../replica/nodeRecord.js"
import { eachSlice } from "../runtime/slices.js"
import type { EventLine, NodePage } from "./answers.js"
import type { ChildIndex } from "./childIndex.js"
import { isTrouble } from "./childQuery.js"
import { eventsOfNode } from "./eventList.js"
import type { HistoryFeed } from "./historyFeed.js"
import { type Aftermath, endedParagraphs, endedWords } from "./lanes.js"
import type { EndedNode, NodeRow } from "./nodeLines.js"
import { aftermaths, nodesOf, troubledLines } from "./overview.js"
import { drainSummaryOf } from "./planSummary.js"

/** Children of a node, by their kind. */
const kindsOf = (node: Node, index: ChildIndex, name: string) =>
  Effect.gen(function*() {
    const counts = new Map<string, { count: number; trouble: number }>()
    yield* eachSlice(node, yield* index.lines, 20_000, (line) => {
      if (line.gone || line.node !== name) return
      const known = counts.get(line.kind) ?? { count: 0, trouble: 0 }
      known.count++
      if (isTrouble(line)) known.trouble++
      counts.set(line.kind, known)
    })
    return [...counts].map(([kind, count]) => ({ kind, ...count })).sort((a, b) => b.count - a.count)
  })

/** The page of a node that lives. `line`: its row in the table. */
const livePageOf = (
  node: Node,
  index: ChildIndex,
  line: NodeRow,
  events: ReadonlyArray<EventLine>
): Effect.Effect<typeof NodePage.Type> =>
  Effect.gen(function*() {
    const member = node.view.membership.members.get(line.session)
    const facts = listNodes(node).find(({ session }) => session === line.session)
    const byKind = yield* kindsOf(node, index, line.name)
    const drain = yield* drainSummaryOf(node, [line.name])
    return {
      node: line,
      ...(member === undefined || member.address === "" ? {} : { address: member.address }),
      kinds: { ...facts?.kinds },
      ...(facts?.directive === undefined ? {} : { directive: facts.directive }),
      words: [],
      byKind,
      drain,
      events,
      ...(facts?.staleSince === undefined ? {} : { staleSince: facts.staleSince })
    }
  })

/** The row of a node's name: of several sessions that which stands for the node. */
const rowOfName = (node: Node, rows: ReadonlyArray<NodeRow>, name: string): NodeRow | undefined => {
  const named = rows.filter((row) => row.name === name)
  const isMeant = ({ session }: NodeRow) => {
    const member = node.view.membership.members.get(session)
    return member !== undefined && isReal(member)
  }
  return named.find(isMeant) ?? named[0]
}

/** The page of a node that ended within the last hour. */
const endedPageOf = (
  { after, at, end, line }: EndedNode & { readonly after: Aftermath },
  events: ReadonlyArray<EventLine>
): typeof NodePage.Type => ({
  node: { ...line, words: endedWords(line.name, end, at, after) },
  kinds: {},
  words: endedParagraphs(line.name, end, at, after),
  byKind: [],
  events
})

/** The page of one node; `undefined` for a name that no node has, or had within the last hour. */
export const nodePageOf = (
  node: Node,
  index: ChildIndex,
  feed: HistoryFeed,
  name: string
): Effect.Effect<typeof NodePage.Type | undefined> =>
  Effect.gen(function*() {
    yield* feed.refresh
    const troubled = yield* troubledLines(node, index)
    const { ended, live } = nodesOf(node, index, feed)
    const events = eventsOfNode(feed, name)
    const row = rowOfName(node, live, name)
    if (row !== undefined) return yield* livePageOf(node, index, row, events)
    const [gone] = aftermaths(feed, ended.filter(({ line }) => line.name === name), troubled)
    return gone === undefined ? undefined : endedPageOf(gone, events)
  })
