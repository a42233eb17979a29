/**
 * What a node can say of a child: its row, and why it does not run.
 *
 * @internal
 */
import type { ChildRow, ChildStatus } from "../../ChildInfo.js"
import type { Node } from "../node/node.js"
import type { StatRecord } from "../registry/state.js"
import { type Entry, type KnownSpec, statOf } from "../replica/entry.js"
import { nameOf } from "../replica/member.js"
import { codeOf, obstacle } from "../replica/placement.js"
import type { LocalChild } from "../supervisor/child.js"

/** Why no live node can take the child. */
const whyNobody = (node: Node, spec: KnownSpec): string => {
  const members = node.view.membership.list
  if (members.length === 0) return "no node has joined the scope"
  const having = members.filter(({ kinds }) => Object.hasOwn(kinds, spec.kind))
  if (having.length === 0) return `no node has kind ${spec.kind}`
  return having.map((member) => `${member.name}: ${obstacle(spec, member)}`).join("; ")
}

/** Every node that has the kind could not decode the payload. */
const isRefusedByAll = (node: Node, spec: KnownSpec): boolean => {
  if (spec.refused.length === 0) return false
  const codes = node.view.membership.list.flatMap(({ kinds }) =>
    Object.hasOwn(kinds, spec.kind) ? [kinds[spec.kind]!] : []
  )
  return codes.length > 0 && codes.every((code) => spec.refused.includes(codeOf(code)))
}

const pending = (node: Node, entry: Entry, spec: KnownSpec): ChildStatus => {
  const { claim } = entry
  const session = node.session
  if (session !== undefined && node.ambient.now() < session.quarantineUntil) {
    const left = Math.ceil((session.quarantineUntil - node.ambient.now()) / 1000)
    return { _tag: "Pending", reason: `the registry's data is new: nothing is started for another ${left} s` }
  }
  const home = node.view.membership.homeOf(entry)
  if (home === undefined) {
    return isRefusedByAll(node, spec)
      ? { _tag: "Failed", cause: `no node's code can decode its payload (${spec.refused.join(", ")})` }
      : { _tag: "Pending", reason: whyNobody(node, spec) }
  }
  const whom = nameOf(home)
  return claim === undefined
    ? { _tag: "Pending", reason: `${whom} is about to start it` }
    : { _tag: "Pending", reason: `${nameOf(claim.sid)} is gone; ${whom} is about to take it over` }
}

/** One object for all that run: a list may have very many of them. */
const running: ChildStatus = Object.freeze({ _tag: "Running" })

const held = (stat: StatRecord | undefined): ChildStatus => {
  switch (stat?.state) {
    case "running":
      return running
    case "restarting":
      // Until its schedule has said when, it is at once.
      return { _tag: "Restarting", cause: stat.cause, next: new Date(stat.next === 0 ? stat.since : stat.next) }
    case "stopping":
      return { _tag: "Stopping" }
    case "overdue":
      return { _tag: "Overdue" }
    default:
      return { _tag: "Starting" }
  }
}

/** It was stopped here, and its claim stands as far as this node has heard. */
const isFenced = (node: Node, { claim, id }: Entry): boolean =>
  claim?.sid === node.lastSid && !node.lease.holds() && !node.supervisor.children.has(id)

const statusOf = (node: Node, entry: Entry, stat: StatRecord | undefined): ChildStatus => {
  const { claim, spec } = entry
  if (spec?.failed === true) return { _tag: "Failed", cause: stat?.cause ?? "its restart policy is spent" }
  if (isFenced(node, entry)) {
    return { _tag: "Pending", reason: "this node lost its lease and stopped it; another node may run it by now" }
  }
  if (claim !== undefined && (spec === undefined || node.view.membership.isLive(claim.sid))) {
    return spec === undefined ? { _tag: "Stopping" } : held(stat)
  }
  return pending(node, entry, spec!)
}

/** What the registry says of the current holder, or this node itself when it is the holder. */
const currentStat = (entry: Entry, local: LocalChild | undefined): StatRecord | undefined => {
  if (local !== undefined && local.claim === entry.claim?.token) return local.stat()
  const stat = statOf(entry)
  const isCurrent = entry.claim === undefined ? entry.spec?.failed === true : stat?.token === entry.claim.token
  return isCurrent ? stat : undefined
}

/** A kept row tells the truth while its holder lives; of this node's own children also while its lease holds. */
const stands = (node: Node, { claim }: Entry, holds: boolean): boolean =>
  claim !== undefined && node.view.membership.isLive(claim.sid) && (holds || claim.sid !== node.lastSid)

const currentStatus = (node: Node, entry: Entry): ChildStatus =>
  statusOf(node, entry, currentStat(entry, node.supervisor.children.get(entry.id)))

/** Its row as it is at this moment. Frozen, since lists may share it. */
export const freshRow = (node: Node, entry: Entry): ChildRow => {
  const { claim, id, spec } = entry
  const stat = currentStat(entry, node.supervisor.children.get(id))
  const slash = id.indexOf("/")
  return Object.freeze({
    id,
    kind: spec?.kind ?? id.slice(0, slash),
    key: spec === undefined ? id.slice(slash + 1) : id.slice(spec.kind.length + 1),
    type: spec?.type ?? "worker",
    node: claim === undefined ? undefined : node.view.membership.members.get(claim.sid)?.name || nameOf(claim.sid),
    status: statusOf(node, entry, stat),
    token: claim === undefined ? undefined : BigInt(claim.token),
    generation: BigInt(spec?.generation ?? claim?.generation ?? 0),
    restarts: stat?.restarts ?? 0,
    since: stat === undefined ? undefined : new Date(stat.since)
  })
}

/**
 * The row of a known child. That of one that runs is kept: whoever lists again and again makes none anew. Whether the
 * node's lease holds may be told by whoever asks for many rows.
 */
export const rowOf = (node: Node, entry: Entry, holds = node.lease.holds()): ChildRow => {
  if (entry.row !== undefined && stands(node, entry, holds)) return entry.row
  const row = freshRow(node, entry)
  if (row.status === running) entry.row = row
  return row
}

/** How a known child is doing, and what it is. */
export const tallyOf = (node: Node, entry: Entry, holds: boolean): Pick<ChildRow, "status" | "type"> =>
  entry.row !== undefined && stands(node, entry, holds)
    ? entry.row
    : { status: currentStatus(node, entry), type: entry.spec?.type ?? "worker" }

/** The status that a caller is told; a child of which nothing is left has none. */
export const statusById = (node: Node, id: string): ChildStatus | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : currentStatus(node, entry)
}
