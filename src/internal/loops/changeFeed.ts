/**
 * Keeping the replica current: reading the log whenever something may have changed; reading everything, page by page,
 * where the log does not suffice; and, in a new data set, giving back what this node remembers and the registry does
 * not. Also what a change of the membership means to this node.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RegistryUnavailable } from "../../PogoError.js"
import * as PogoEvent from "../../PogoEvent.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { batchesOf } from "../registry/batches.js"
import type { DirectiveItem, Fact, Item, NodeItem } from "../registry/commands.js"
import { EraMerge } from "../replica/eraMerge.js"
import type { MembershipChange } from "../replica/membership.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import { untilSuccess } from "../runtime/environment.js"
import { logDebug, logWarning, printError } from "../runtime/userCode.js"
import { applyDirectives, giveBackDirectives } from "./nodeDirectives.js"

/** Takes a wake-up from the registry: the log reached `log`; `concerns`: the sessions that have to act, if known. */
const wake = ({ session }: Node, log: number | undefined, concerns: ReadonlyArray<string> | undefined): void =>
  session?.heardOf(log, concerns === undefined || concerns.includes(session.sid))

/** Subscribes to the registry's wake-ups, for ever. Without them changes are noticed with the next renewal. */
export const listen = (node: Node): Effect.Effect<never, never, Scope.Scope> =>
  node.registry.onWake(node.config.scope, (log, concerns) => wake(node, log, concerns)).pipe(
    Effect.zipRight(Effect.never),
    Effect.tapError((error) => logDebug(printError(error))),
    (subscribed) => untilSuccess(subscribed, node.retries)
  )

/** Emits who joined and who left. */
const emitChange = (node: Node, { joined, left }: MembershipChange): void => {
  for (const { name, sid } of joined) node.emit(() => PogoEvent.NodeJoined({ node: name, session: sid }))
  for (const { name, sid } of left) node.emit(() => PogoEvent.NodeLeft({ node: name, session: sid }))
}

/** Live sessions of this node's own name, apart from its own. */
export const namesakes = (node: Node, session: Session): ReadonlyArray<ScopeMember> =>
  node.view.membership.list.filter(({ name, sid }) => name === node.config.name && sid !== session.sid)

/** Warns that two live nodes share a name. */
export const warnDuplicate = (node: Node, sessions: ReadonlyArray<string>): void => {
  const { name } = node.config
  node.emit(() => PogoEvent.DuplicateNode({ node: name, sessions }))
  node.fork(logWarning(
    `two live nodes are called "${name}": ${sessions.join(", ")}; children still run once, but give each node a name ` +
      `of its own (POGO_NODE_NAME)`
  ))
}

/** Members and directives, which the registry tells together. */
interface ToldMembers {
  readonly nodes: ReadonlyArray<NodeItem>
  readonly directives: ReadonlyArray<DirectiveItem>
}

/** Takes over the membership and the directives, as they were when the registry's counter stood at `at`. */
const applyMembers = (
  node: Node,
  session: Session,
  { directives, nodes: items }: ToldMembers,
  at: number
): void => {
  applyDirectives(node, session, directives, at)
  const first = node.view.membership.list.length === 0
  const change = node.view.membership.set(items)
  node.membersChanged()
  if (!first) emitChange(node, change)
  if (change.placement) node.placementChanged()
  // A namesake that proved to live says so in its record: both warn.
  const duplicates = namesakes(node, session).filter(({ duplicateName }) => duplicateName)
  const fresh = duplicates.filter(({ sid }) => !session.namesakes.has(sid))
  for (const { sid } of fresh) session.namesakes.add(sid)
  if (fresh.length > 0) warnDuplicate(node, [session.sid, ...fresh.map(({ sid }) => sid)])
}

/** How often a complete read that the registry broke off is begun anew before it counts as failed. */
const restarts = 5

/** A complete read, made. */
interface Read {
  /** The log position up to which it tells. */
  readonly log: number
  /** The registry's counter value there. */
  readonly high: number
}

/** Reads the log from `cursor` to at least `end`; `undefined` when it does not reach back so far. */
const readTail = (
  node: Node,
  session: Session,
  cursor: number,
  end: number,
  take: (item: Item, at: number) => void
): Effect.Effect<Read | undefined, RegistryUnavailable> =>
  Effect.gen(function*() {
    for (let from = cursor;;) {
      const reply = yield* request(node, session, "changes", { cursor: from })
      if (reply._tag !== "OK") return undefined
      const { cursor: next, items, more } = reply.value
      for (const item of items) take(item, reply.high)
      if (!more) return { log: Math.max(next, reply.log), high: reply.high }
      if (next >= end) return { log: next, high: reply.high }
      from = next
      yield* node.ambient.yieldTurn
    }
  })

/**
 * Reads all pages, and then what the log tells of the time in between: a row that changes while the pages are read may be
 * in none of them, such as a claim whose child's spec comes after the page of specs and before that of claims. `undefined`
 * when the registry broke the read off.
 */
const readPages = (
  node: Node,
  session: Session,
  take: (item: Item, at: number) => void
): Effect.Effect<Read | undefined, RegistryUnavailable> =>
  Effect.gen(function*() {
    let [begin, end]: [number | undefined, number] = [undefined, 0]
    let cursor = ""
    do {
      const reply = yield* request(node, session, "snap", { cursor })
      if (reply._tag !== "OK") return undefined
      begin ??= reply.log
      end = reply.log
      for (const item of reply.value.items) take(item, reply.high)
      cursor = reply.value.next
      if (cursor !== "") yield* node.ambient.yieldTurn
    } while (cursor !== "")
    return yield* readTail(node, session, begin, end, take)
  })

const readMembership = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const reply = yield* request(node, session, "nodes", {})
    if (reply._tag === "OK") applyMembers(node, session, reply.value, reply.high)
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

/** Applies a row to the replica, save for what this node knows better and has not given back yet. */
const applyItem = ({ view }: Node, { merge }: Session, item: Item, at: number): void =>
  merge === undefined ? view.apply(item, at) : merge.update(item, at)

/** Reads everything again, in the era that the replica knows: the registry is right about all that was given back. */
export const readAgain = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  begunAnew(Effect.suspend(() => {
    const seen = new Set<string>()
    const take = (item: Item, at: number) => {
      seen.add(item.id)
      applyItem(node, session, item, at)
    }
    return Effect.map(readPages(node, session, take), (read) => {
      for (const id of session.merge?.ids ?? []) seen.add(id)
      if (read !== undefined) node.view.retain(seen, read.high)
      return read
    })
  })).pipe(Effect.flatMap((read) => finishRead(node, session, read)))

/** Reads a data set of another era, and compares: what only this node knows is then to be given back. */
export const readEra = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  begunAnew(Effect.suspend(() => {
    const merge = new EraMerge(node.view)
    return Effect.map(readPages(node, session, (item, at) => merge.take(item, at)), (read) => {
      if (read === undefined) return undefined
      merge.end(read.high)
      return { merge, read }
    })
  })).pipe(Effect.flatMap(({ merge, read }) => {
    session.merge = merge
    return finishRead(node, session, read)
  }))

/** Gives facts back to the registry, batch by batch. */
const sendFacts = (
  node: Node,
  session: Session,
  merge: EraMerge,
  facts: ReadonlyArray<Fact>,
  left?: () => number
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    for (const chunk of batchesOf(facts, ({ id, value }) => id.length + value.length)) {
      yield* request(node, session, "merge", { facts: chunk }, left?.())
      for (const { id } of chunk) merge.settle(id)
      yield* node.ambient.yieldTurn
    }
  })

/** Whether a child runs here, or belongs here: the other nodes give back what they know of theirs. */
const isMine = (node: Node, session: Session) => (id: string): boolean => {
  const entry = node.view.entries.get(id)
  return node.supervisor.children.has(id) ||
    (entry !== undefined && node.view.homeOf(entry) === session.sid)
}

/**
 * Gives back what this node remembers of some ids, so that a command about them is not judged without it. `left`:
 * milliseconds that it may take.
 */
export const giveBackFirst = (
  node: Node,
  session: Session,
  items: ReadonlyArray<{ readonly id: string }>,
  left: () => number
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.suspend(() => {
    const { merge } = session
    const ids = new Set(items.filter(({ id }) => merge?.holds(id) === true).map(({ id }) => id))
    return merge === undefined || ids.size === 0
      ? Effect.void
      : sendFacts(node, session, merge, merge.pending((id) => ids.has(id)), left)
  })

/**
 * Gives back what only this node remembers. First what is its own; the rest only after the other nodes had time to do
 * the same and the log told of it, so that a loss costs about one merge per child, not one per child and node. Only
 * then the view is one of this era: should the session end before, all is compared again.
 */
export const giveBack = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const { merge } = session
    if (merge === undefined) return
    yield* giveBackDirectives(node, session)
    const isOwn = isMine(node, session)
    yield* sendFacts(node, session, merge, merge.pending((id) => isOwn(id) || node.states.has(id)))
    // A state is taken for a child that is there.
    yield* node.states.giveBack(session)
    if (merge.size > 0) yield* Effect.sleep(node.timing.heartbeat)
    yield* sendFacts(node, session, merge, merge.pending(() => true))
    yield* giveBackDirectives(node, session)
    if (session.over) return
    node.view.era = session.era
    session.merge = undefined
  })

/**
 * Gives back all that this node remembers and the registry has not, without waiting for others to do so: it is about to
 * leave, and may be the last that knows.
 */
export const giveBackAtOnce = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.suspend(() => {
    const { merge } = session
    return merge === undefined
      ? Effect.void
      : giveBackDirectives(node, session).pipe(
        Effect.zipRight(sendFacts(node, session, merge, merge.pending(() => true))),
        Effect.zipRight(node.states.giveBack(session))
      )
  })

/** Reads one page of the log. */
const readPage = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    session.beginsToRead()
    const reply = yield* request(node, session, "changes", { cursor: session.cursor })
    if (reply._tag !== "OK") {
      session.fullReadWanted = true
      return
    }
    const { cursor, directives = [], items, more, nodes } = reply.value
    for (const item of items) applyItem(node, session, item, reply.high)
    if (nodes !== undefined) applyMembers(node, session, { nodes, directives }, reply.high)
    node.childLog.tell()
    session.cursor = more ? cursor : Math.max(cursor, reply.log)
    if (more) yield* node.ambient.yieldTurn
    else node.view.known = reply.high
  })

/** Reads one page, or everything again where that was asked for. */
const step = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> => {
  if (session.fullReadWanted) {
    session.fullReadWanted = false
    return Effect.tapError(
      Effect.tap(readAgain(node, session), () => Effect.sync(() => node.workQueue.sweep())),
      () => Effect.sync(() => session.wantFullRead())
    )
  }
  return readPage(node, session)
}

/** Waits a little for more changes to read with those that concern others, unless somebody here waits for news. */
const gather = (node: Node, session: Session): Effect.Effect<void> => {
  const { newsDelay = 0 } = node.registry
  const awaited = session.urgent || node.watchers.size > 0 || node.onRead.size > 0 || node.moves.leaving
  if (newsDelay === 0 || awaited) return Effect.void
  return Effect.zipRight(
    Effect.raceFirst(session.urgentLatch.await, Effect.sleep(newsDelay)),
    Effect.sync(() => session.readAtOnce())
  )
}

/** Reads whenever there may be something to read, for ever. */
export const follow = (node: Node, session: Session): Effect.Effect<never> =>
  untilSuccess(
    Effect.forever(Effect.gen(function*() {
      yield* session.unread.await
      if (!session.behind) {
        for (const listener of node.onRead) listener()
        return session.allRead()
      }
      yield* gather(node, session)
      yield* step(node, session)
    })),
    node.retries
  )
