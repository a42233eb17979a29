/**
 * The status and the row of a child, as this node knows them.
 *
 * @internal
 */
import type { ChildRow, ChildStatus } from "../../ChildInfo.js"
import type { ChildId } from "../../ChildSpec.js"
import { digestOfContent } from "../kind/specSets.js"
import { revisionSign } from "../registry/claims.js"
import { nameOf } from "../registry/sessionNames.js"
import type { StatRecord } from "../registry/state.js"
import { deathCause, proofTime, requiredAge, type TrialRecord } from "../registry/trialRecords.js"
import { codeOf, lacks, whyNot } from "../replica/candidates.js"
import { parseHeldBack } from "../replica/heldBackMark.js"
import { bodyTextOf, type Entry, type KnownSpec, statOf, waitingTrial } from "../replica/replica.js"
import { lastMoment } from "../runtime/environment.js"
import { writableAsJson } from "../runtime/plainJson.js"
import type { LocalChild } from "../supervisor/localChild.js"
import type { Node } from "./node.js"

/** Nodes, and reasons, that are named one by one. */
const mostNamed = 5

/** The first of some texts, and how many more there are: a scope may have very many nodes. */
const fewOf = (texts: ReadonlyArray<string>, separator: string): string => {
  const more = texts.length - mostNamed
  const first = texts.slice(0, mostNamed).join(separator)
  return more > 0 ? `${first} and ${more} more` : first
}

/** The reason why no live node can take a child, in words: nodes that have the same one are named together. */
const whyNobody = (node: Node, entry: Entry, spec: KnownSpec): string => {
  const members = node.view.membership.list
  if (members.length === 0) return "no node has joined the scope"
  const having = members.filter(({ kinds }) => Object.hasOwn(kinds, spec.kind))
  if (having.length === 0) return `no node has kind ${spec.kind}`
  const named = new Map<string, Array<string>>()
  for (const member of having) {
    const why = whyNot(entry, spec, member, node.score) ?? "it is about to take it"
    const names = named.get(why) ?? []
    named.set(why, [...names, member.name])
  }
  const [only] = named.keys()
  if (named.size === 1 && only!.startsWith(lacks)) return `no node has ${only!.slice(lacks.length)}`
  return fewOf(Array.from(named, ([why, names]) => `${fewOf(names, ", ")}: ${why}`), "; ")
}

/** The codes that refused a child; what else stands among them are marks of revisions. */
const codesOf = ({ refused }: KnownSpec): ReadonlyArray<string> =>
  refused.filter((code) => !code.startsWith(revisionSign))

/** True if every node that has the kind refused the child: its code could not decode the payload or the state. */
const isRefusedByAll = (node: Node, spec: KnownSpec): boolean => {
  if (spec.refused.length === 0) return false
  const codes = node.view.membership.list.flatMap(({ kinds }) =>
    Object.hasOwn(kinds, spec.kind) ? [kinds[spec.kind]!] : []
  )
  return codes.length > 0 && codes.every((code) => spec.refused.includes(codeOf(code)))
}

/** The status of a child that waits for a trial. */
const onTrial = (node: Node, entry: Entry, { deaths, due }: TrialRecord): ChildStatus => {
  const cause = deathCause(deaths)
  if (node.view.homeOf(entry) !== undefined) {
    const next = node.ambient.wall() + Math.max(0, due - node.clock.now)
    return { _tag: "Restarting", cause, next: dateOf(Math.round(next)) }
  }
  if (node.view.membership.homeOf(entry) === undefined) {
    return { _tag: "Pending", reason: whyNobody(node, entry, entry.spec!) }
  }
  const age = proofTime(node.timing.ttl) * 2 ** requiredAge(deaths) / 1000
  return { _tag: "Pending", reason: `${cause}; it waits for a node that has lived ${Math.round(age)} s` }
}

const pending = (node: Node, entry: Entry, spec: KnownSpec): ChildStatus => {
  const { claim } = entry
  const session = node.session
  if (session !== undefined && node.ambient.now() < session.quarantineUntil) {
    const left = Math.ceil((session.quarantineUntil - node.ambient.now()) / 1000)
    return { _tag: "Pending", reason: `the registry's data is new: nothing is started for another ${left} s` }
  }
  const trial = waitingTrial(entry)
  if (trial !== undefined) return onTrial(node, entry, trial)
  const home = node.heirOf(entry)
  if (home === undefined) {
    return isRefusedByAll(node, spec)
      ? { _tag: "Failed", cause: `no node's code can decode its payload or state (${codesOf(spec).join(", ")})` }
      : { _tag: "Pending", reason: whyNobody(node, entry, spec) }
  }
  if (node.view.membership.members.get(home)?.full === true) return { _tag: "Pending", reason: "no node has room" }
  const whom = nameOf(home)
  if (node.view.membership.members.get(home)?.returning === true) {
    return { _tag: "Pending", reason: `${whom}, where it belongs, is coming back after it lost its lease` }
  }
  return claim === undefined
    ? { _tag: "Pending", reason: `${whom} is about to start it` }
    : { _tag: "Pending", reason: `${nameOf(claim.sid)} is gone; ${whom} is about to take it over` }
}

/** A date by unix milliseconds; the last that there is for what lies beyond. */
export const dateOf = (millis: number): Date => new Date(Math.min(millis, lastMoment))

/** The one status object of all running children: a list may have very many of them. */
const runningStatus: ChildStatus = Object.freeze({ _tag: "Running" })

/** The status of a child whose claim is held, by what its holder last reported. */
const heldStatus = (stat: StatRecord | undefined): ChildStatus => {
  switch (stat?.state) {
    case "running":
      return runningStatus
    case "restarting":
      // No time is known until the restart schedule has answered.
      return { _tag: "Restarting", cause: stat.cause, next: dateOf(stat.next === 0 ? stat.since : stat.next) }
    case "stopping":
      return { _tag: "Stopping" }
    case "overdue":
      return { _tag: "Overdue", reason: stat.cause === "" ? "it does not end" : stat.cause }
    default:
      return { _tag: "Starting" }
  }
}

/** True if this node stopped the child with its lease, and has not heard that the claim is gone. */
const isFenced = (node: Node, { claim, id }: Entry): boolean =>
  claim?.sid === node.era.lastSid && !node.lease.holds() && !node.supervisor.children.has(id)

const statusOf = (node: Node, entry: Entry, stat: StatRecord | undefined): ChildStatus => {
  const { claim, spec } = entry
  if (spec?.failed === true) return { _tag: "Failed", cause: stat?.cause ?? "its restart policy is spent" }
  if (isFenced(node, entry)) {
    return { _tag: "Pending", reason: "this node lost its lease and stopped it; another node may run it by now" }
  }
  if (claim !== undefined && (spec === undefined || node.view.membership.isLive(claim.sid))) {
    // One that was terminated has no spec any more.
    return spec === undefined && stat?.state !== "overdue" ? { _tag: "Stopping" } : heldStatus(stat)
  }
  return pending(node, entry, spec!)
}

/** The status record of the present claim: this node's own child's, or what the holder last reported. */
const currentStat = (entry: Entry, local: LocalChild | undefined): StatRecord | undefined => {
  if (local !== undefined && local.claim === entry.claim?.token) return local.stat()
  const stat = statOf(entry)
  const isCurrent = entry.claim === undefined ? entry.spec?.failed === true : stat?.token === entry.claim.token
  return isCurrent ? stat : undefined
}

/** True while a kept row is: while its holder lives, and, for this node's own children, while its lease holds. */
const stands = (node: Node, { claim }: Entry, holds: boolean): boolean =>
  claim !== undefined && node.view.membership.isLive(claim.sid) && (holds || claim.sid !== node.era.lastSid)

const currentStatus = (node: Node, entry: Entry): ChildStatus =>
  statusOf(node, entry, currentStat(entry, node.supervisor.children.get(entry.id)))

/** What a row tells of a child that nobody runs. Rows of running children, which are kept, have none of it. */
const lastOf = (entry: Entry, status: ChildStatus): Partial<ChildRow> => {
  const { claim, holder, spec } = entry
  if (
    status._tag !== "Failed" && (status._tag !== "Pending" && (status._tag !== "Restarting" || claim !== undefined))
  ) {
    return {}
  }
  const stat = statOf(entry)
  const lastNode = stat?.lastNode ?? (holder === undefined ? undefined : nameOf(holder))
  return {
    ...(lastNode === undefined ? {} : { lastNode }),
    ...(stat === undefined ? {} : { lastToken: BigInt(stat.token) }),
    ...(stat === undefined || stat.cause === "" ? {} : { lastExit: stat.cause }),
    ...(stat === undefined || spec?.failed !== true ? {} : { failedAt: dateOf(stat.since) })
  }
}

/** The revision that a child was held back from last, while live nodes have it, and it is newer than what runs the child. */
const heldBackOf = (node: Node, { claim, spec }: Entry): Partial<ChildRow> => {
  if (spec === undefined || spec.refused.length === 0) return {}
  const { list, members } = node.view.membership
  const ageOf = (name: string) => Math.max(0, ...list.map(({ fresh, revision }) => revision === name ? fresh : 0))
  const running = claim === undefined ? undefined : members.get(claim.sid)?.revision
  const least = running === undefined ? 0 : ageOf(running)
  const held = spec.refused.map(parseHeldBack).findLast((mark) => mark !== undefined && ageOf(mark.revision) > least)
  return held === undefined
    ? {}
    : { heldBack: { revision: held.revision, since: dateOf(held.since), cause: held.cause } }
}

const holderName = (node: Node, { claim }: Entry): string | undefined =>
  claim === undefined ? undefined : node.view.membership.members.get(claim.sid)?.name || nameOf(claim.sid)

/** The revision of the node that holds a child; none where that node is not known, or has none. */
const holderRevision = (node: Node, { claim }: Entry): string | undefined =>
  claim === undefined ? undefined : node.view.membership.members.get(claim.sid)?.revision || undefined

/** What a child is searched, sorted and counted by, where a row would cost too much. Zeros stand for what is not known. */
export interface ChildSketch {
  readonly status: ChildStatus
  /** Names of the node that holds it, and of the one that ran it last, if nobody runs it. */
  readonly node: string | undefined
  readonly last: string | undefined
  readonly revision: string | undefined
  readonly restarts: number
  /** Unix milliseconds. */
  readonly since: number
  readonly token: number
}

/** A known child's sketch. `holds`: whether the node's lease holds. */
export const sketchOf = (node: Node, entry: Entry, holds = node.lease.holds()): ChildSketch => {
  const stat = currentStat(entry, node.supervisor.children.get(entry.id))
  const kept = entry.row !== undefined && stands(node, entry, holds)
  const status = kept ? runningStatus : statusOf(node, entry, stat)
  return {
    status,
    node: holderName(node, entry),
    last: lastOf(entry, status).lastNode,
    revision: holderRevision(node, entry),
    restarts: stat?.restarts ?? waitingTrial(entry)?.deaths ?? 0,
    since: stat?.since ?? 0,
    token: entry.claim?.token ?? 0
  }
}

/** A child's row, made anew. Frozen, since lists share rows. */
export const freshRow = (node: Node, entry: Entry): ChildRow => {
  const { claim, id, spec } = entry
  const stat = currentStat(entry, node.supervisor.children.get(id))
  const slash = id.indexOf("/")
  const status = statusOf(node, entry, stat)
  const revision = holderRevision(node, entry)
  return Object.freeze(writableAsJson({
    id: id as ChildId,
    kind: spec?.kind ?? id.slice(0, slash),
    key: spec === undefined ? id.slice(slash + 1) : id.slice(spec.kind.length + 1),
    type: spec?.type ?? "worker",
    node: holderName(node, entry),
    status,
    token: claim === undefined ? undefined : BigInt(claim.token),
    generation: BigInt(spec?.generation ?? claim?.generation ?? 0),
    restarts: stat?.restarts ?? waitingTrial(entry)?.deaths ?? 0,
    since: stat === undefined ? undefined : dateOf(stat.since),
    set: spec?.set,
    digest: spec === undefined ? undefined : digestOfContent(bodyTextOf(spec)),
    ...(revision === undefined ? {} : { revision }),
    ...lastOf(entry, status),
    ...heldBackOf(node, entry)
  }))
}

/**
 * A known child's row. The row of a running child is kept until something about it is new, so that repeated lists make
 * none anew. `holds`: whether the node's lease holds; who asks for many rows reads it once.
 */
export const rowOf = (node: Node, entry: Entry, holds = node.lease.holds()): ChildRow => {
  if (entry.row !== undefined && stands(node, entry, holds)) return entry.row
  const row = freshRow(node, entry)
  // What it says of revisions changes with the members.
  const isKnown = node.view.membership.members.has(entry.claim?.sid ?? "")
  if (row.status === runningStatus && entry.spec?.refused.length === 0 && isKnown) entry.row = row
  return row
}

/** A known child's status and type, for counting: no row is made. */
export const tallyOf = (node: Node, entry: Entry, holds: boolean): Pick<ChildRow, "status" | "type"> =>
  entry.row !== undefined && stands(node, entry, holds)
    ? entry.row
    : { status: currentStatus(node, entry), type: entry.spec?.type ?? "worker" }

/** A child's status; `undefined` when nothing is known of it. */
export const statusById = (node: Node, id: string): ChildStatus | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : currentStatus(node, entry)
}
