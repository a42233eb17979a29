/**
 * Explaining where a child is, where it should be, and why.
 *
 * @internal
 */
import type { ChildRow, Explanation } from "../../ChildInfo.js"
import type { Node } from "../node/node.js"
import { parseTomb } from "../registry/state.js"
import { type Entry, type KnownSpec, statOf } from "../replica/entry.js"
import { obstacle, ranking } from "../replica/placement.js"
import { rowOf } from "./status.js"

const nodesFor = (node: Node, entry: Entry, spec: KnownSpec): Explanation["nodes"] => {
  const { list } = node.view.membership
  const able = ranking(entry, spec, list, node.score)
  const unable = list.filter((member) => !able.includes(member))
  return [...able, ...unable].map((member) => ({
    name: member.name,
    session: member.sid,
    obstacle: obstacle(spec, member)
  }))
}

const firstLine = (cause: string): string => cause.split("\n", 1)[0]!

const statusText = (row: ChildRow): string => {
  const since = row.since === undefined ? "" : ` since ${row.since.toISOString()}`
  switch (row.status._tag) {
    case "Pending":
      return `It does not run: ${row.status.reason}.`
    case "Failed":
      return `It is failed${since}, and stays so until restartChild: ${firstLine(row.status.cause)}.`
    case "Restarting":
      return `It is tried again at ${row.status.next.toISOString()}; it ended with: ${firstLine(row.status.cause)}.`
    default:
      return `It is ${row.status._tag.toLowerCase()}${since}.`
  }
}

/** What is known may be old while this node hears nothing. */
const staleness = (node: Node): string => {
  if (node.active) return ""
  return `As node ${node.config.name} last knew it (it ${
    node.phase === "closed" ? "is shut down" : "has no lease now"
  }): `
}

const textOf = (explanation: Omit<Explanation, "stale" | "text">): string => {
  const { belongs, ended, id, lastCause, nodes, row } = explanation
  if (row === undefined) {
    return ended === undefined
      ? `"${id}" is not registered.`
      : `"${id}" is not registered: it ${ended === "terminated" ? "was terminated" : "ended by itself"}.`
  }
  const holder = row.node === undefined
    ? "Nobody holds its claim."
    : `${row.node} holds its claim with token ${row.token}.`
  const home = belongs === undefined
    ? `No live node can take it: ${nodes.map((n) => `${n.name}: ${n.obstacle}`).join("; ") || "there is none"}.`
    : row.node === belongs
    ? `It belongs there.`
    : `It belongs on ${belongs}.`
  const restarts = row.restarts === 0 ? "" : ` Restarts since it was last healthy: ${row.restarts}.`
  const died = lastCause === undefined || row.status._tag === "Failed" || row.status._tag === "Restarting"
    ? ""
    : ` It last ended with: ${firstLine(lastCause)}.`
  return `"${id}": ${statusText(row)} ${holder} ${home}${restarts}${died}`
}

/** @internal */
export const explain = (node: Node, id: string): Explanation => {
  const entry = node.view.entries.get(id)
  const tomb = node.view.tombs.get(id)
  const row = entry === undefined ? undefined : rowOf(node, entry)
  const nodes = entry?.spec === undefined ? [] : nodesFor(node, entry, entry.spec)
  const local = node.supervisor.children.get(id)
  const stat = entry === undefined ? undefined : local?.stat() ?? statOf(entry)
  const facts = {
    id,
    row,
    belongs: nodes.find(({ obstacle: why }) => why === undefined)?.name,
    nodes,
    lastCause: stat === undefined || stat.cause === "" ? undefined : stat.cause,
    next: stat === undefined || stat.next === 0 ? undefined : new Date(stat.next),
    ended: row !== undefined || tomb === undefined ? undefined : parseTomb(tomb.raw)?.how
  }
  return { ...facts, stale: !node.active, text: `${staleness(node)}${textOf(facts)}` }
}
