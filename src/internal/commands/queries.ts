/**
 * Queries about children and nodes, answered from this node's replica without a registry call: rows, counts, members,
 * waiting for a child to run, and the explanation of where a child is and why.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { ChildCounts, ChildRow, ChildStatus, Explanation } from "../../ChildInfo.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { PogoNode } from "../../PogoNode.js"
import type { Node } from "../node/node.js"
import { shutDown } from "../node/registryRequest.js"
import { parseTomb, type StatRecord } from "../registry/state.js"
import { codeOf, nameOf, obstacle, ranking } from "../replica/membership.js"
import { type Entry, type KnownSpec, statOf } from "../replica/replica.js"
import { until } from "../runtime/environment.js"
import type { LocalChild } from "../supervisor/localChild.js"

/** Why no live node can take the child. */
const whyNobody = (node: Node, spec: KnownSpec): string => {
  const members = node.view.membership.list
  if (members.length === 0) return "no node has joined the scope"
  const having = members.filter(({ kinds }) => Object.hasOwn(kinds, spec.kind))
  if (having.length === 0) return `no node has kind ${spec.kind}`
  return having.map((member) => `${member.name}: ${obstacle(spec, member)}`).join("; ")
}

/** Whether every node that has the kind refused the child: its code could not decode the payload. */
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

/** The one status object of all running children: a list may have very many of them. */
const runningStatus: ChildStatus = Object.freeze({ _tag: "Running" })

/** The status of a child whose claim is held, by what its holder last reported. */
const heldStatus = (stat: StatRecord | undefined): ChildStatus => {
  switch (stat?.state) {
    case "running":
      return runningStatus
    case "restarting":
      // No time is known until the restart schedule has answered.
      return { _tag: "Restarting", cause: stat.cause, next: new Date(stat.next === 0 ? stat.since : stat.next) }
    case "stopping":
      return { _tag: "Stopping" }
    case "overdue":
      return { _tag: "Overdue" }
    default:
      return { _tag: "Starting" }
  }
}

/** Whether this node stopped the child with its lease, and has not heard that the claim is gone. */
const isFenced = (node: Node, { claim, id }: Entry): boolean =>
  claim?.sid === node.era.lastSid && !node.lease.holds() && !node.supervisor.children.has(id)

const statusOf = (node: Node, entry: Entry, stat: StatRecord | undefined): ChildStatus => {
  const { claim, spec } = entry
  if (spec?.failed === true) return { _tag: "Failed", cause: stat?.cause ?? "its restart policy is spent" }
  if (isFenced(node, entry)) {
    return { _tag: "Pending", reason: "this node lost its lease and stopped it; another node may run it by now" }
  }
  if (claim !== undefined && (spec === undefined || node.view.membership.isLive(claim.sid))) {
    return spec === undefined ? { _tag: "Stopping" } : heldStatus(stat)
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

/** Whether a kept row is still true: while its holder lives, and, of this node's own children, while its lease holds. */
const stands = (node: Node, { claim }: Entry, holds: boolean): boolean =>
  claim !== undefined && node.view.membership.isLive(claim.sid) && (holds || claim.sid !== node.era.lastSid)

const currentStatus = (node: Node, entry: Entry): ChildStatus =>
  statusOf(node, entry, currentStat(entry, node.supervisor.children.get(entry.id)))

/** A child's row, made anew. Frozen, since lists share rows. */
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
 * A known child's row. The row of a running child is kept until something about it is new, so that repeated lists make
 * none anew. `holds`: whether the node's lease holds; who asks for many rows reads it once.
 */
export const rowOf = (node: Node, entry: Entry, holds = node.lease.holds()): ChildRow => {
  if (entry.row !== undefined && stands(node, entry, holds)) return entry.row
  const row = freshRow(node, entry)
  if (row.status === runningStatus) entry.row = row
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

/** A child's row; `undefined` when nothing is known of it. */
export const rowById = (node: Node, id: string): ChildRow | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : rowOf(node, entry)
}

/** Rows made before other fibers have a turn: a few milliseconds of work. */
const slice = 2_000

/**
 * Maps entries, a slice at a time. `holds`: whether this node's lease holds. A child that is forgotten meanwhile is left
 * out.
 */
const eachEntry = <A>(
  node: Node,
  entries: ReadonlyArray<Entry>,
  make: (entry: Entry, holds: boolean) => A
): Effect.Effect<ReadonlyArray<A>> =>
  Effect.gen(function*() {
    const all: Array<A> = []
    for (let from = 0; from < entries.length; from += slice) {
      if (from > 0) yield* node.ambient.yieldTurn
      const holds = node.lease.holds()
      for (const one of entries.slice(from, from + slice)) {
        const entry = current(node, one)
        if (entry !== undefined) all.push(make(entry, holds))
      }
    }
    return all
  })

/** The entry as it is now: one of which nothing is left may have a successor. */
const current = (node: Node, entry: Entry): Entry | undefined =>
  entry.spec === undefined && entry.claim === undefined ? node.view.entries.get(entry.id) : entry

const everyEntry = (node: Node): ReadonlyArray<Entry> => Array.from(node.view.entries.values())

const localEntries = (node: Node): ReadonlyArray<Entry> =>
  Array.from(node.supervisor.children.keys()).flatMap((id) => node.view.entries.get(id) ?? [])

/** The rows of this node's children, or of the whole scope's. */
export const rows = (node: Node, of: "local" | "global"): Effect.Effect<ReadonlyArray<ChildRow>> =>
  Effect.suspend(() =>
    eachEntry(
      node,
      of === "global" ? everyEntry(node) : localEntries(node),
      (entry, holds) => rowOf(node, entry, holds)
    )
  )

/** The scope's children by status and type. */
export const countChildren = (node: Node): Effect.Effect<ChildCounts> =>
  Effect.suspend(() => {
    const counts = { specs: 0, running: 0, pending: 0, failed: 0, other: 0, workers: 0, supervisors: 0 }
    const add = (entry: Entry, holds: boolean) => {
      const { status, type } = tallyOf(node, entry, holds)
      counts.specs++
      if (status._tag === "Running") counts.running++
      else if (status._tag === "Pending") counts.pending++
      else if (status._tag === "Failed") counts.failed++
      else counts.other++
      if (type === "worker") counts.workers++
      else counts.supervisors++
    }
    return Effect.as(eachEntry(node, everyEntry(node), add), counts)
  })

/** The live nodes of the scope. */
export const listNodes = (node: Node): ReadonlyArray<PogoNode> =>
  node.view.membership.list.map((member) => ({
    name: member.name,
    session: member.sid,
    self: member.sid === node.session?.sid,
    weight: member.weight,
    labels: member.labels,
    kinds: member.kinds,
    cordoned: member.cordoned,
    draining: member.draining,
    duplicate: node.view.membership.list.filter(({ name }) => name === member.name).length > 1,
    children: node.view.claimsOf(member.sid)
  }))

/** Waits until a child runs; fails when the node is closed. */
export const awaitRunning = (node: Node, id: string): Effect.Effect<RunningRow, RegistryUnavailable> =>
  Effect.flatten(until(node.watchers.of(id), () => {
    if (node.phase === "closed") return Effect.fail(shutDown("awaitChild", false))
    const row = runningRow(node, id)
    return row === undefined ? undefined : Effect.succeed(row)
  }))

const sameRow = (a: Option.Option<ChildRow>, b: Option.Option<ChildRow>): boolean =>
  JSON.stringify(a, printBigint) === JSON.stringify(b, printBigint)

const printBigint = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A child's row now and at every change, until the node is closed. */
export const watchRow = (node: Node, id: string): Stream.Stream<Option.Option<ChildRow>> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const watchers = node.watchers.of(id)
    const news = yield* Queue.sliding<void>(1)
    const notice = () => void news.unsafeOffer(undefined)
    yield* Effect.acquireRelease(
      Effect.sync(() => watchers.add(notice)),
      () => Effect.sync(() => watchers.delete(notice))
    )
    notice()
    return Stream.fromQueue(news).pipe(
      Stream.takeWhile(() => node.phase !== "closed"),
      Stream.map(() => Option.fromNullable(rowById(node, id))),
      Stream.changesWith(sameRow)
    )
  }))

type RunningRow = ChildRow & { readonly node: string; readonly token: bigint }

const runningRow = (node: Node, id: string): RunningRow | undefined => {
  const row = rowById(node, id)
  if (row === undefined || row.status._tag !== "Running") return undefined
  return row.node === undefined || row.token === undefined ? undefined : { ...row, node: row.node, token: row.token }
}

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

/** A preface that says so when what is known may be old: this node has no lease, or is closed. */
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

/** Where a child is, where it belongs, and why: `Pogo.explain`. */
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
