/**
 * What would move if nodes were drained, gone, or new, in numbers and words.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { eachPlanned } from "../commands/placementPlans.js"
import type { Node } from "../node/node.js"
import { membershipAfter, type NodeChange } from "../plan/whatIf.js"
import { whyNot } from "../replica/candidates.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import type { Entry } from "../replica/replica.js"
import type { PlanSummary } from "./answers.js"
import { manyChildren } from "./childLines.js"
import { nodeMark, plain } from "./marks.js"

type Summary = typeof PlanSummary.Type

/** How many nodes a sentence names. */
const named = 6

/** Numbers of children: those that move, of which so many leave their nodes, those that wait and would start, and the rest. */
interface Sum {
  readonly moves: number
  readonly starts: number
  readonly stuck: number
}

const textOf = ({ moves, starts, stuck }: Sum, to: Summary["to"], leaving: boolean): string => {
  const list = to.slice(0, named).map(({ after, name, now }) =>
    `${nodeMark(name)} (${(after - now).toLocaleString("en")})`
  )
  const more = to.length > named ? ` and ${to.length - named} more` : ""
  const where = list.length === 0 ? "" : ` to ${list.join(", ")}${more}`
  if (moves === 0 && stuck === 0 && starts === 0) return leaving ? "No child runs there." : "No child moves."
  return [
    ...(moves === 0 ? [] : [`${manyChildren(moves)} ${moves === 1 ? "moves" : "move"}${where}.`]),
    ...(starts === 0 ? [] : [`${manyChildren(starts)} that ${starts === 1 ? "waits" : "wait"} now can start.`]),
    ...(!leaving
      ? []
      : stuck === 0
      ? ["All have somewhere to go."]
      : [`${manyChildren(stuck)} can run nowhere else and ${stuck === 1 ? "stops" : "stop"}.`])
  ].join(" ")
}

/** What keeps a node from taking any of the children. */
const whyNone = (node: Node, member: ScopeMember, sample: Entry | undefined): string =>
  member.full
    ? "it has as many children as it takes (maxChildren)"
    : sample?.spec === undefined
    ? "none belongs there"
    : plain(whyNot(sample, sample.spec, member, node.score) ?? "none belongs there")

/** What a change of the nodes would do. */
export const planSummaryOf = (node: Node, change: NodeChange): Effect.Effect<Summary> =>
  Effect.gen(function*() {
    const then = membershipAfter(node.view.membership, change)
    const leaving = change.drain.size + change.remove.size > 0
    const takers = new Map<string, number>()
    const sum = { moves: 0, starts: 0, stuck: 0 }
    let sample: Entry | undefined
    yield* eachPlanned(node, then, (entry, from, to) => {
      if (from === to) return
      if (from !== undefined) sample ??= entry
      if (to === undefined) sum.stuck++
      else {
        takers.set(to, (takers.get(to) ?? 0) + 1)
        sum[from === undefined ? "starts" : "moves"]++
      }
    })
    const others = then.list.filter(({ name }) => !change.drain.has(name))
    const to = others
      .filter(({ sid }) => takers.has(sid))
      .map(({ name, sid }) => {
        const now = node.view.claimsOf(sid)
        return { name, now, after: now + takers.get(sid)! }
      })
      .sort((a, b) => b.after - b.now - (a.after - a.now) || (a.name < b.name ? -1 : 1))
    const closed = !leaving || sample === undefined ? [] : others
      .filter(({ sid }) => !takers.has(sid))
      .map((member) => ({ name: member.name, why: whyNone(node, member, sample) }))
    return { ...sum, to, closed, text: textOf(sum, to, leaving) }
  })

/** What would move if nodes of some names were drained. */
export const drainSummaryOf = (node: Node, names: Iterable<string>): Effect.Effect<Summary> =>
  planSummaryOf(node, { drain: new Set(names), remove: new Set(), add: [] })
