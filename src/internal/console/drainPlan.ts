/**
 * What would move if a node were drained: by the same rules as placement. A slice at a time, since a node may hold very
 * many children.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { best, whyNot } from "../replica/candidates.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import type { Entry } from "../replica/replica.js"
import type { DrainPlan } from "./answers.js"
import { eachSlice } from "./childIndex.js"
import { manyChildren } from "./childLines.js"
import { nodeMark, plain } from "./marks.js"

type Plan = typeof DrainPlan.Type

/** Scores that are asked for before others have a turn: a few milliseconds of work. */
const scores = 10_000

/** How many nodes a sentence names. */
const named = 6

const textOf = (moves: number, stuck: number, to: Plan["to"]): string => {
  const list = to.slice(0, named).map(({ after, name, now }) =>
    `${nodeMark(name)} (${(after - now).toLocaleString("en")})`
  )
  const more = to.length > named ? ` and ${to.length - named} more` : ""
  const where = list.length === 0 ? "" : ` to ${list.join(", ")}${more}`
  if (moves === 0 && stuck === 0) return "It holds no children."
  const moved = moves === 0 ? "" : `${manyChildren(moves)} ${moves === 1 ? "moves" : "move"}${where}. `
  return stuck === 0
    ? `${moved}All have somewhere to go.`
    : `${moved}${manyChildren(stuck)} can run nowhere else and ${stuck === 1 ? "stops" : "stop"}.`
}

/** What keeps a node from taking any of the children. */
const whyNone = (node: Node, member: ScopeMember, sample: Entry | undefined): string =>
  member.full
    ? "it has as many children as it takes (maxChildren)"
    : sample?.spec === undefined
    ? "none belongs there"
    : plain(whyNot(sample, sample.spec, member, node.score) ?? "none belongs there")

/** The plan for the children of a session. */
export const drainPlanOf = (node: Node, sid: string): Effect.Effect<Plan> =>
  Effect.gen(function*() {
    const { membership } = node.view
    const others = membership.list.filter((member) => member.sid !== sid)
    const takers = new Map<string, number>()
    let [moves, stuck] = [0, 0]
    const held: Array<Entry> = []
    yield* eachSlice(node, Array.from(node.view.entries.values()), 20_000, (entry) => {
      if (entry.claim?.sid === sid && entry.spec !== undefined) held.push(entry)
    })
    yield* eachSlice(node, held, Math.max(1, Math.floor(scores / Math.max(1, others.length))), (entry) => {
      const home = entry.spec === undefined ? undefined : best(entry, entry.spec, others, node.score)
      if (home === undefined || home.full) stuck++
      else {
        moves++
        takers.set(home.sid, (takers.get(home.sid) ?? 0) + 1)
      }
    })
    const to = others
      .filter((member) => takers.has(member.sid))
      .map((member) => {
        const now = node.view.claimsOf(member.sid)
        return { name: member.name, now, after: now + takers.get(member.sid)! }
      })
      .sort((a, b) => b.after - b.now - (a.after - a.now) || (a.name < b.name ? -1 : 1))
    const closed = held.length === 0 ? [] : others
      .filter((member) => !takers.has(member.sid))
      .map((member) => ({ name: member.name, why: whyNone(node, member, held[0]) }))
    return { moves, to, closed, stuck, text: textOf(moves, stuck, to) }
  })
