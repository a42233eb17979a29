/**
 * Completing the view: reading everything, page by page, while the log notes what changes meanwhile; and, in a new data
 * set, giving back what this node remembers and the registry does not.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { type Item, maxBatch } from "../registry/commands.js"
import { EraMerge, type Fact } from "../replica/eraMerge.js"
import { applyMembers } from "./membershipChange.js"

/** How often a read that the registry broke off is begun anew before it counts as failed. */
const restarts = 5

interface Read {
  /** Newest log entry when it began. */
  readonly log: number
  /** Counter value when it began. */
  readonly high: number
}

/** Reads all pages; `undefined` when the registry asked to begin anew. */
const readPages = (
  node: Node,
  session: Session,
  take: (item: Item, at: number) => void
): Effect.Effect<Read | undefined, RegistryUnavailable> =>
  Effect.gen(function*() {
    let read: Read | undefined
    let cursor = ""
    do {
      const reply = yield* request(node, session, "snap", { cursor })
      if (reply._tag !== "OK") return undefined
      read ??= { log: reply.log, high: reply.high }
      for (const item of reply.value.items) take(item, reply.high)
      cursor = reply.value.next
      if (cursor !== "") yield* node.ambient.breathe
    } while (cursor !== "")
    return read
  })

const readMembership = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const reply = yield* request(node, session, "nodes", {})
    if (reply._tag === "OK") applyMembers(node, session, reply.value.nodes)
  })

const finishRead = (node: Node, session: Session, read: Read): Effect.Effect<void, RegistryUnavailable> => {
  node.view.known = read.high
  session.cursor = read.log
  return readMembership(node, session)
}

const begunAnew = <A>(
  attempt: Effect.Effect<A | undefined, RegistryUnavailable>,
  left = restarts
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.flatMap(attempt, (result) =>
    result !== undefined
      ? Effect.succeed(result)
      : left > 0
      ? begunAnew(attempt, left - 1)
      : Effect.die(new Error("the registry broke off every complete read")))

/** Takes over what the registry tells, save for what this node knows better and has not given back yet. */
export const hear = ({ view }: Node, { merge }: Session, item: Item, at: number): void =>
  merge === undefined ? view.apply(item, at) : merge.hear(item, at)

/** Reads everything again: the registry is right about all that was given back to it. */
export const readAgain = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  begunAnew(Effect.suspend(() => {
    const seen = new Set<string>()
    const take = (item: Item, at: number) => {
      seen.add(item.id)
      hear(node, session, item, at)
    }
    return Effect.map(readPages(node, session, take), (read) => {
      for (const id of session.merge?.ids ?? []) seen.add(id)
      if (read !== undefined) node.view.retain(seen, read.high)
      return read
    })
  })).pipe(Effect.flatMap((read) => finishRead(node, session, read)))

/** Reads a data set that the view does not know, and compares. What the comparison found is to be given back. */
export const readEra = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  begunAnew(Effect.suspend(() => {
    const merge = new EraMerge(node.view)
    return Effect.map(readPages(node, session, (item, at) => merge.meet(item, at)), (read) => {
      if (read === undefined) return undefined
      merge.end(read.high)
      return { merge, read }
    })
  })).pipe(Effect.flatMap(({ merge, read }) => {
    session.merge = merge
    return finishRead(node, session, read)
  }))

const send = (
  node: Node,
  session: Session,
  merge: EraMerge,
  facts: ReadonlyArray<Fact>
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    for (let i = 0; i < facts.length; i += maxBatch) {
      const chunk = facts.slice(i, i + maxBatch)
      yield* request(node, session, "merge", { facts: chunk })
      for (const { id } of chunk) merge.settle(id)
      yield* node.ambient.breathe
    }
  })

/** Facts about children that this node runs, or that belong here: the others have theirs. */
const isMine = (node: Node, session: Session) => (id: string): boolean => {
  const entry = node.view.entries.get(id)
  return node.supervisor.children.has(id) ||
    (entry !== undefined && node.view.membership.homeOf(entry) === session.sid)
}

/** Gives back what this node remembers of some ids, so that a call about them is not judged without it. */
export const giveBackFirst = (
  node: Node,
  session: Session,
  items: ReadonlyArray<{ readonly id: string }>
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.suspend(() => {
    const { merge } = session
    const ids = new Set(items.filter(({ id }) => merge?.holds(id) === true).map(({ id }) => id))
    return merge === undefined || ids.size === 0
      ? Effect.void
      : send(node, session, merge, merge.pending((id) => ids.has(id)))
  })

/**
 * Gives back what only this node remembers. First what is its own; the rest only after the other nodes had time to do
 * the same and the log told of it, so that a loss costs about one merge per child, not one per child and node. Only then
 * the view is one of this era: should the session end before, all is compared again.
 */
export const giveBack = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const { merge } = session
    if (merge === undefined) return
    yield* send(node, session, merge, merge.pending(isMine(node, session)))
    if (merge.size > 0) yield* Effect.sleep(node.timing.heartbeat)
    yield* send(node, session, merge, merge.pending(() => true))
    if (session.over) return
    node.view.era = session.era
    session.merge = undefined
  })
