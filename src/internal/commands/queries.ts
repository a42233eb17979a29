/**
 * Queries about children and nodes, answered from this node's replica without a registry call: rows, counts, members,
 * waiting for a child to run, and the explanation of where a child is and why.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { ChildCounts, ChildRow, Explanation } from "../../ChildInfo.js"
import { type ChildId, parseId, type StoredSpec } from "../../ChildSpec.js"
import type { InvalidChildId, RegistryUnavailable } from "../../PogoError.js"
import type { Directive, PogoNode } from "../../PogoNode.js"
import { digestOfContent } from "../kind/specSets.js"
import { specOf } from "../kind/storedPayload.js"
import { dateOf, rowOf, tallyOf } from "../node/childStatus.js"
import { isBehind, staleSince } from "../node/freshness.js"
import type { Node } from "../node/node.js"
import { shutDown } from "../node/registryRequest.js"
import { parseTomb } from "../registry/state.js"
import { ranking, whyNot } from "../replica/candidates.js"
import { decodeText } from "../replica/knownDirectives.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import { bodyOf, bodyTextOf, type Entry, type KnownSpec, statOf } from "../replica/replica.js"
import { lastMoment, until } from "../runtime/environment.js"
import { writableAsJson } from "../runtime/plainJson.js"

/**
 * Asks the registry before a client answers, unless it heard of it within a heartbeat: a client at rest hears of changes,
 * but not of a registry that is gone, nor of a scope in which no node is left to write any. Waits for one command timeout
 * at most; what is told after that is marked as stale.
 */
const heardOf = (node: Node): Effect.Effect<void> =>
  Effect.suspend(() =>
    isBehind(node)
      ? Effect.async<void>((resume) => {
        const forget = node.afterReading(() => resume(Effect.void))
        return Effect.sync(forget)
      }).pipe(Effect.timeoutOption(node.timing.commandTimeout), Effect.asVoid)
      : Effect.void
  )

/** Answers a question, after the registry was heard of. */
export const answer = <A>(node: Node, question: () => A): Effect.Effect<A> =>
  Effect.map(heardOf(node), () => question())

/** Since when what a member holds, or all that this node tells, may be untrue; `undefined` while it is up to date. */
const staleDate = (node: Node, member?: ScopeMember): Date | undefined => {
  const since = staleSince(node, member)
  return since === undefined ? undefined : new Date(node.ambient.wall() - (node.ambient.now() - since))
}

const holderOf = (node: Node, { claim }: Entry): ScopeMember | undefined =>
  claim === undefined ? undefined : node.view.membership.members.get(claim.sid)

const marked = <A extends object>(facts: A, staleSince: Date | undefined): A =>
  staleSince === undefined ? facts : Object.freeze(writableAsJson({ ...facts, staleSince }))

/** An entry's row, marked if it may be untrue. `holds`: whether the node's lease holds. */
const markedRow = (node: Node, entry: Entry, holds: boolean): ChildRow => {
  const row = rowOf(node, entry, holds)
  // A node that is up to date shares its rows with all who ask.
  return node.client || !holds || node.phase !== "active" ? marked(row, staleDate(node, holderOf(node, entry))) : row
}

/** A child's row; `undefined` when nothing is known of it. */
export const rowById = (node: Node, id: string): ChildRow | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : markedRow(node, entry, node.lease.holds())
}

/** A registered child's spec; `undefined` when there is none. */
export const specById = (node: Node, id: string): StoredSpec | undefined => {
  const known = node.view.entries.get(id)?.spec
  if (known === undefined) return undefined
  const text = bodyTextOf(known)
  return writableAsJson({
    spec: specOf(id, bodyOf(known)),
    set: known.set,
    digest: digestOfContent(text),
    generation: BigInt(known.generation)
  })
}

/** Rows made before other fibers have a turn: a few milliseconds of work. */
const slice = 2_000

/**
 * Maps entries, a slice at a time. `holds`: whether this node's lease holds. A child that is forgotten meanwhile is
 * left out.
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
  Effect.flatMap(heardOf(node), () =>
    eachEntry(
      node,
      of === "global" ? everyEntry(node) : localEntries(node),
      (entry, holds) => markedRow(node, entry, holds)
    ))

/** Since when anything of the whole may be untrue. */
export const oldestDoubt = (node: Node): Date | undefined =>
  staleDate(node) ??
    node.view.membership.list.map((member) => staleDate(node, member)).find((date) => date !== undefined)

/** Whether this node holds a lease and knows its scope; for a client, whether what it knows is up to date. */
export const isReady = (node: Node): Effect.Effect<boolean> =>
  answer(node, () => node.active && oldestDoubt(node) === undefined)

/** The scope's children by status and type. */
export const countChildren = (node: Node): Effect.Effect<ChildCounts> =>
  Effect.flatMap(heardOf(node), () => {
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
    return Effect.map(eachEntry(node, everyEntry(node), add), () => marked(counts, oldestDoubt(node)))
  })

/** The directive that stands for a member's name. */
const directiveOf = ({ view }: Node, { name, obeys }: ScopeMember): Directive | undefined => {
  const newest = view.directives.of(name)
  if (newest === undefined || newest.what === "undo") return undefined
  const { at, by, reason, stamp, what } = newest
  return { what, by: decodeText(by), reason, at: new Date(at), obeyed: obeys >= stamp }
}

/** The live nodes of the scope. */
export const listNodes = (node: Node): ReadonlyArray<PogoNode> =>
  node.view.membership.list.map((member) => ({
    name: member.name,
    session: member.sid,
    self: member.sid === node.session?.sid,
    weight: member.weight,
    labels: member.labels,
    revision: member.revision,
    kinds: member.kinds,
    cordoned: member.cordoned,
    draining: member.draining,
    directive: directiveOf(node, member),
    lists: member.lists,
    duplicate: node.view.membership.list.filter(({ name }) => name === member.name).length > 1,
    children: node.view.claimsOf(member.sid),
    staleSince: staleDate(node, member)
  }))

/** Has a client hear of the registry once per heartbeat, while somebody waits for a child. */
const keepHearing = (node: Node, id: string): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(
    heardOf(node),
    Effect.suspend(() => {
      node.watchers.notify(id)
      return Effect.sleep(node.timing.heartbeat)
    })
  ))

/**
 * Waits until a child is known to run; fails when the node is closed, and at once for a text that no child can have as
 * its id.
 */
export const awaitRunning = (
  node: Node,
  text: string
): Effect.Effect<RunningRow, InvalidChildId | RegistryUnavailable> =>
  Effect.flatMap(parseId(text), (id) => {
    const running = Effect.flatten(until(node.watchers.of(id), () => {
      if (node.phase === "closed") return Effect.fail(shutDown("awaitChild", false))
      const row = runningRow(node, id)
      return row === undefined ? undefined : Effect.succeed(row)
    }))
    return node.client ? Effect.raceFirst(running, keepHearing(node, id)) : running
  })

const sameRow = (a: Option.Option<ChildRow>, b: Option.Option<ChildRow>): boolean =>
  JSON.stringify(a) === JSON.stringify(b)

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
  if (row === undefined || row.status._tag !== "Running" || row.staleSince !== undefined) return undefined
  return row.node === undefined || row.token === undefined ? undefined : row as RunningRow
}

/** What keeps a full node from taking a child that it does not hold. */
const noRoom = "it has as many children as it takes (maxChildren)"

/**
 * Every live node, and what keeps it from taking the child; those that can take it first, best first. A full one has room
 * for what it has.
 */
const nodesFor = (node: Node, entry: Entry, spec: KnownSpec): Explanation["nodes"] => {
  const holder = entry.claim?.sid
  const members = node.view.membership.list.map((member) =>
    member.full && member.sid === holder ? { ...member, full: false } : member
  )
  const able = ranking(entry, spec, members, node.score)
  const unable = members.filter((member) => !able.includes(member))
  return [...able, ...unable].map((member) => ({
    name: member.name,
    session: member.sid,
    obstacle: whyNot(entry, spec, member, node.score) ?? (member.full ? noRoom : undefined)
  }))
}

/** The first line of a cause. */
const firstLine = (cause: string): string => cause.split("\n", 1)[0]!

/** When a child that ended is tried again. */
const nextText = (next: Date | undefined): string => {
  if (next === undefined) return "It waits for its restart schedule to say when it is tried again"
  return next.getTime() < lastMoment
    ? `It is tried again at ${next.toISOString()}`
    : "It is not tried again by itself, for its restart schedule waits for ever"
}

/** A child's status in a sentence. `next`: when it is tried again, if that is known. */
const statusText = (row: ChildRow, next: Date | undefined): string => {
  const since = row.since === undefined ? "" : ` since ${row.since.toISOString()}`
  switch (row.status._tag) {
    case "Pending":
      return `It does not run: ${row.status.reason}.`
    case "Failed":
      return `It is failed${since}, and stays so until restartChild: ${firstLine(row.status.cause)}.`
    case "Restarting":
      return `${nextText(next)}; it ended with: ${firstLine(row.status.cause)}.`
    case "Overdue":
      return `It is overdue${since}: ${firstLine(row.status.reason)}.`
    default:
      return `It is ${row.status._tag.toLowerCase()}${since}.`
  }
}

/** The reason for which what is known may be untrue. */
export const whyStale = (node: Node): string =>
  node.phase === "closed"
    ? "it is shut down"
    : !node.client
    ? "it has no lease now"
    : isBehind(node) || !node.active
    ? "it does not reach the registry"
    : "nobody renews a lease in this scope"

/** A preface that says so when what is known may be untrue. */
const staleness = (node: Node, since: Date | undefined): string =>
  since === undefined
    ? ""
    : `As ${node.client ? "client" : "node"} ${node.config.name} last knew it at ${since.toISOString()} (${
      whyStale(node)
    }): `

/** The explanation in sentences. */
const textOf = (explanation: Omit<Explanation, "stale" | "staleSince" | "text">): string => {
  const { belongs, ended, id, lastCause, next, nodes, row } = explanation
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
  const full = nodes.filter(({ obstacle: why }) => why === noRoom).map(({ name }) => name)
  const room = belongs === undefined || full.length === 0 ? "" : ` There is no room on ${full.join(", ")}.`
  const restarts = row.restarts === 0 ? "" : ` Restarts since it was last healthy: ${row.restarts}.`
  const died = lastCause === undefined || row.status._tag === "Failed" || row.status._tag === "Restarting"
    ? ""
    : ` It last ended with: ${firstLine(lastCause)}.`
  return `"${id}": ${statusText(row, next)} ${holder} ${home}${room}${restarts}${died}`
}

/** What became of it on a newer revision. `running`: the revision of the node that holds it. */
const heldBackText = (heldBack: ChildRow["heldBack"], running: string | undefined): string => {
  if (heldBack === undefined) return ""
  const { cause, revision, since } = heldBack
  const runs = running === undefined
    ? ""
    : running === ""
    ? "; it runs on a node without one"
    : `; it runs on ${running}`
  return ` It has been held back from revision ${revision} since ${since.toISOString()}, which could not run it ` +
    `(${cause})${runs}. restartChild has ${revision} try it again.`
}

/** Where a child is, where it belongs, and why: `Pogo.explain`. */
export const explain = (node: Node, id: ChildId): Explanation => {
  const invalid = Either.match(parseId(id), { onLeft: ({ message }) => message, onRight: () => undefined })
  const entry = node.view.entries.get(id)
  const tomb = node.view.tombs.get(id)
  const row = rowById(node, id)
  const nodes = entry?.spec === undefined ? [] : nodesFor(node, entry, entry.spec)
  const local = node.supervisor.children.get(id)
  const stat = entry === undefined ? undefined : local?.stat() ?? statOf(entry)
  // The status of one that is overdue says why.
  const lastCause = (stat?.state === "overdue" ? local?.cause : stat?.cause) ?? ""
  const facts = {
    id,
    row,
    belongs: nodes.find(({ obstacle: why }) => why === undefined)?.name,
    nodes,
    lastCause: lastCause === "" ? undefined : lastCause,
    next: stat === undefined || stat.next === 0 ? undefined : dateOf(stat.next),
    ended: row !== undefined || tomb === undefined ? undefined : parseTomb(tomb.raw)?.how
  }
  const holder = entry === undefined ? undefined : holderOf(node, entry)
  const staleSince = staleDate(node, holder)
  return {
    ...facts,
    stale: staleSince !== undefined,
    staleSince,
    text: invalid ?? `${staleness(node, staleSince)}${textOf(facts)}${heldBackText(row?.heldBack, holder?.revision)}`
  }
}
