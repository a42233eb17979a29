/**
 * The service that users see, made of a node and its calls.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { ChildCounts, ChildRow } from "../../ChildInfo.js"
import type { Service } from "../../Pogo.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { PogoEvent } from "../../PogoEvent.js"
import type { PogoNode } from "../../PogoNode.js"
import { Internals } from "../internals.js"
import { drain } from "../loops/shutdown.js"
import type { Node } from "../node/node.js"
import { shutDown } from "../node/registryRequest.js"
import type { Entry } from "../replica/entry.js"
import { until } from "../runtime/waitUntil.js"
import type { Calls } from "./commands.js"
import { explain } from "./explain.js"
import { rowOf, tallyOf } from "./status.js"

const rowById = (node: Node, id: string): ChildRow | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : rowOf(node, entry)
}

/** Rows that are made before others have a turn: a few milliseconds. */
const slice = 2_000

/**
 * Makes something of every entry, a slice at a time; `holds` tells whether this node's lease does. A child that is
 * forgotten meanwhile is left out.
 */
const eachEntry = <A>(
  node: Node,
  entries: ReadonlyArray<Entry>,
  make: (entry: Entry, holds: boolean) => A
): Effect.Effect<ReadonlyArray<A>> =>
  Effect.gen(function*() {
    const all: Array<A> = []
    for (let from = 0; from < entries.length; from += slice) {
      if (from > 0) yield* node.ambient.breathe
      const holds = node.lease.holds()
      for (const one of entries.slice(from, from + slice)) {
        const entry = current(node, one)
        if (entry !== undefined) all.push(make(entry, holds))
      }
    }
    return all
  })

/** An entry of which nothing is left may have a successor. */
const current = (node: Node, entry: Entry): Entry | undefined =>
  entry.spec === undefined && entry.claim === undefined ? node.view.entries.get(entry.id) : entry

const everyEntry = (node: Node): ReadonlyArray<Entry> => Array.from(node.view.entries.values())

const localEntries = (node: Node): ReadonlyArray<Entry> =>
  Array.from(node.supervisor.children.keys()).flatMap((id) => node.view.entries.get(id) ?? [])

const rows = (node: Node, of: "local" | "global"): Effect.Effect<ReadonlyArray<ChildRow>> =>
  Effect.suspend(() =>
    eachEntry(
      node,
      of === "global" ? everyEntry(node) : localEntries(node),
      (entry, holds) => rowOf(node, entry, holds)
    )
  )

const count = (node: Node): Effect.Effect<ChildCounts> =>
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

const members = (node: Node): ReadonlyArray<PogoNode> =>
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

/** Waits until a child runs, or the node is closed. */
const awaitRunning = (node: Node, id: string): Effect.Effect<RunningRow, RegistryUnavailable> =>
  Effect.flatten(until(node.watchers.of(id), () => {
    if (node.phase === "closed") return Effect.fail(shutDown("awaitChild", false))
    const row = running(node, id)
    return row === undefined ? undefined : Effect.succeed(row)
  }))

const sameRow = (a: Option.Option<ChildRow>, b: Option.Option<ChildRow>): boolean =>
  JSON.stringify(a, printBigint) === JSON.stringify(b, printBigint)

const printBigint = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** The rows of a child, as they come, until the node is closed. */
const rowsOf = (node: Node, id: string): Stream.Stream<Option.Option<ChildRow>> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const watchers = node.watchers.of(id)
    const news = yield* Queue.sliding<void>(1)
    const tell = () => void news.unsafeOffer(undefined)
    yield* Effect.acquireRelease(
      Effect.sync(() => watchers.add(tell)),
      () => Effect.sync(() => watchers.delete(tell))
    )
    tell()
    return Stream.fromQueue(news).pipe(
      Stream.takeWhile(() => node.phase !== "closed"),
      Stream.map(() => Option.fromNullable(rowById(node, id))),
      Stream.changesWith(sameRow)
    )
  }))

type RunningRow = ChildRow & { readonly node: string; readonly token: bigint }

const running = (node: Node, id: string): RunningRow | undefined => {
  const row = rowById(node, id)
  if (row === undefined || row.status._tag !== "Running") return undefined
  return row.node === undefined || row.token === undefined ? undefined : { ...row, node: row.node, token: row.token }
}

const setCordon = (node: Node, cordoned: boolean): Effect.Effect<void> =>
  Effect.sync(() => {
    node.cordoned = cordoned
    if (!cordoned) node.draining = false
    node.recordIsNew()
    node.agenda.sweep()
  })

/** @internal */
export const makeService = (
  node: Node,
  calls: Calls,
  events: Stream.Stream<PogoEvent>,
  internals: Internals
): Service => ({
  name: node.config.name,
  scope: node.config.scope,
  startChild: calls.start,
  startChildren: calls.startAll,
  replaceChild: calls.replace,
  terminateChild: calls.terminate,
  restartChild: calls.restart,
  awaitChild: (id) => awaitRunning(node, id),
  watchChild: (id) => rowsOf(node, id),
  getChild: (id) => Effect.sync(() => Option.fromNullable(rowById(node, id))),
  whichChildren: (of) => rows(node, of),
  countChildren: count(node),
  nodes: Effect.sync(() => members(node)),
  events,
  drain: drain(node),
  cordon: setCordon(node, true),
  uncordon: setCordon(node, false),
  explain: (id) => Effect.sync(() => explain(node, id)),
  ready: Effect.sync(() => node.active),
  awaitReady: Effect.flatMap(
    until(node.onPhase, () => (node.active || node.phase === "closed" ? node.phase : undefined)),
    (phase) =>
      phase === "closed"
        ? Effect.fail(shutDown("awaitReady", false))
        : Effect.void
  ),
  [Internals]: internals
})
