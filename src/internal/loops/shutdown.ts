/**
 * Registering kinds, and leaving in order: giving up the children of a kind, or of the whole node, and closing the
 * session.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { KindConflict } from "../../PogoError.js"
import type { Registration } from "../kind/registration.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { noneLeft, until } from "../runtime/environment.js"
import { logInfo, logWarning } from "../runtime/userCode.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { giveBackAtOnce } from "./changeFeed.js"

const childrenOf = (node: Node, belongs: (child: LocalChild) => boolean): ReadonlyArray<LocalChild> =>
  Array.from(node.supervisor.children.values()).filter(belongs)

const isAlive = (child: LocalChild): boolean => child.fiber !== undefined

/** Children interrupted before other fibers have a turn. */
const slice = 500

/** Share of the time of a closing in which children leave at the pace of moves. Those that end slowly need the rest. */
const turns = 1 / 10

/**
 * Has children that others take over leave as they do in a move: a few at a time, since all that go together wait for each
 * other, and each would be away for longer. Those that have not gone when the time for it is over are left to the caller,
 * and so are all where no registry gives them to others now.
 */
const leaveByTurns = (node: Node, belongs: (child: LocalChild) => boolean, time: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { session } = node
    if (!node.active || session === undefined || node.lease.workFailingFor > 0) return Effect.void
    if (node.ambient.now() < session.quarantineUntil) return Effect.void
    const children = childrenOf(node, belongs)
    const within = turns * time
    const gone = until(node.onStopped, noneLeft(children, (child) => isAlive(child) && !child.ending))
    const leaving = Effect.suspend(() => {
      for (const { id } of children) node.workQueue.add(id)
      return Effect.raceFirst(gone, Effect.interruptible(session.ended))
    })
    return node.moves.whileLeaving(within / 2, Effect.timeoutOption(leaving, within))
  })

/** Stops the children that belong to what closes. */
const stopAll = (node: Node, belongs: (child: LocalChild) => boolean, reason: "kindClosed" | "drained") =>
  Effect.gen(function*() {
    for (const [i, child] of childrenOf(node, belongs).entries()) {
      node.supervisor.stop(child, reason)
      if (i % slice === slice - 1) yield* node.ambient.yieldTurn
    }
  })

/** Waits until the children have ended, `time` milliseconds at most. Returns how many are left. */
const awaitEnded = (node: Node, belongs: (child: LocalChild) => boolean, time: number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const children = childrenOf(node, belongs)
    return until(node.onStopped, noneLeft(children, isAlive)).pipe(
      Effect.timeoutOption(time),
      Effect.map(() => children.filter(isAlive).length)
    )
  })

/** Warns of children that are left. They keep their claims until the lease ends: nobody starts a second copy before. */
const warnLeft = (node: Node, what: string, left: number): Effect.Effect<void> =>
  left === 0 ? Effect.void : logWarning(
    `${left} children did not end in time while ${what} closed (drainTimeout: ${node.config.drainTimeout} ms for all): ` +
      childrenOf(node, isAlive).slice(0, 5).map(({ id }) => id).join(", ")
  )

/** Publishes the record before children are given up, so that others take them over at once. */
const publishFirst = (node: Node): Effect.Effect<void> => {
  if (node.client) return Effect.void
  node.own.changed()
  return node.session === undefined ? Effect.void : Effect.ignore(node.own.publish(node.session))
}

/** Gives up a kind: publishes that it is gone, and stops its children. */
const unregister = (node: Node, registration: Registration): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (node.phase === "closed") return
    const { kind } = registration
    const belongs = (child: LocalChild) => child.registration === registration
    const begun = node.ambient.now()
    const time = node.closingTime.begin(childrenOf(node, (child) => !belongs(child)).some(isAlive))
    if (node.kinds.get(kind) === registration) node.kinds.delete(kind)
    yield* publishFirst(node)
    yield* leaveByTurns(node, belongs, time - (node.ambient.now() - begun))
    yield* stopAll(node, belongs, "kindClosed")
    const left = yield* awaitEnded(node, belongs, time - (node.ambient.now() - begun))
    node.closingTime.end()
    yield* warnLeft(node, `kind ${kind}`, left)
  })

/**
 * Waits until the scope knows that this node has the kind, so that a child started next may be placed here; one command
 * timeout at most. A node that is not active does not wait: it publishes its kinds when it joins.
 */
const awaitKnown = (node: Node, { code, kind }: Registration): Effect.Effect<void> =>
  node.awaitMembers(() => {
    if (node.client || !node.active || node.session === undefined) return true
    const self = node.view.membership.members.get(node.session.sid)
    return self?.kinds[kind]?.digest === code.digest && !self.joining
  }).pipe(Effect.timeoutOption(node.timing.commandTimeout), Effect.asVoid)

/**
 * Registers a kind for as long as the scope lives. When it closes, the kind's children here are stopped and handed over
 * before anything that was acquired earlier is released.
 */
export const register = (node: Node) => (registration: Registration): Effect.Effect<void, KindConflict, Scope.Scope> =>
  Effect.zipRight(hold(node, registration), awaitKnown(node, registration))

/** Warns of a kind whose children other processes cannot call. In one process, as a registry in memory is, none has to. */
const warnUnreachable = (node: Node, { kind, server }: Registration): void => {
  if (server === undefined || node.own.address !== "" || node.client || node.registry.description === "memory") return
  node.fork(logWarning(
    `the children of kind ${kind} answer calls, but no other process reaches them: this supervisor has no ` +
      `NodeTransport, and calls from elsewhere fail with NodeUnreachable; provide NodeTransportSocket.layerConfig()`
  ))
}

/** Has the node run children of a kind. */
const takeUp = (node: Node, registration: Registration): void => {
  warnUnreachable(node, registration)
  node.kinds.set(registration.kind, registration)
  node.own.takesAgain()
  node.rollout.look()
  node.workQueue.sweep()
}

const sparesOf = (node: Node, kind: string): ReadonlyArray<Registration> => node.spareKinds.get(kind) ?? []

/**
 * Has the kind on this node for as long as the scope lives. A layer value that is built again while its first
 * registration stands is registered already: the second one stands by, and comes into force when the first is closed,
 * whose services are gone then.
 */
const hold = (node: Node, registration: Registration) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const { kind, layer } = registration
      const known = node.kinds.get(kind)
      if (known !== undefined && known.layer !== layer) {
        return Effect.fail(new KindConflict({ kind, node: node.config.name }))
      }
      const own = { ...registration, intensity: registration.intensity ?? node.config.intensity }
      node.closingTime.reset()
      if (known === undefined) takeUp(node, own)
      else node.spareKinds.set(kind, [...sparesOf(node, kind), own])
      return Effect.succeed(own)
    }),
    (own) => letGo(node, own)
  )

/** Ends a registration. The children of one that is in force are handed over first. */
const letGo = (node: Node, own: Registration): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { kind } = own
    const inForce = !sparesOf(node, kind).includes(own)
    const ended = inForce ? unregister(node, own) : Effect.void
    return Effect.map(ended, () => {
      const left = sparesOf(node, kind).filter((spare) => spare !== own)
      const [next, ...others] = left
      const takesOver = inForce && next !== undefined && node.phase !== "closed" && !node.kinds.has(kind)
      node.spareKinds.set(kind, takesOver ? others : left)
      if (takesOver) takeUp(node, next)
    })
  })

/** Gives up all children, and takes no new ones, within `time` milliseconds. Returns how many are left. */
const giveUpAll = (node: Node, time: number): Effect.Effect<number> =>
  Effect.gen(function*() {
    const begun = node.ambient.now()
    node.own.drain()
    yield* publishFirst(node)
    yield* leaveByTurns(node, () => true, time - (node.ambient.now() - begun))
    yield* stopAll(node, () => true, "drained")
    return yield* awaitEnded(node, () => true, time - (node.ambient.now() - begun))
  })

/** Gives up all children, and takes no new ones. Returns how many are left after the drain timeout. */
export const drain = (node: Node): Effect.Effect<number> => giveUpAll(node, node.config.drainTimeout)

/** Makes this node take no new children, or take them again; the latter ends a drain too. */
export const setCordon = (node: Node, cordoned: boolean): Effect.Effect<void> =>
  Effect.sync(() => {
    if (cordoned) node.own.cordon()
    else node.own.uncordon()
    node.workQueue.sweep()
  })

/** Takes the node's proof off its machine: with its session closed, there is nothing left to prove. */
const removeProof = ({ own, processes }: Node): void => {
  if (own.proof !== undefined) processes.proofs.remove(own.proof)
}

/** Number of claims and ends that the registry is still to hear of: sent, waiting, or not yet looked at by the plan. */
const unsent = ({ outbox, supervisor, view }: Node, session: Session): number =>
  Math.max(outbox.waiting, view.claimsOf(session.sid) - supervisor.children.size)

/**
 * Waits until the registry knows of everything that ended, for as long as it takes something in at least once per command
 * timeout, and `time` milliseconds at most.
 */
const handOver = (node: Node, session: Session, time: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { commandTimeout } = node.timing
    const left = unsent(node, session)
    const patience = Math.min(time, commandTimeout - node.lease.workFailingFor)
    if (left <= 0 || session.over || patience <= 0) return Effect.void
    const begun = node.ambient.now()
    return until(node.outbox.onTaken, () => (unsent(node, session) < left ? true : undefined)).pipe(
      Effect.raceFirst(session.ended),
      Effect.timeoutOption(patience),
      Effect.flatMap(Option.match({
        onNone: () => Effect.void,
        onSome: () => handOver(node, session, time - (node.ambient.now() - begun))
      }))
    )
  })

/**
 * Waits until this node is in the scope again, if its session has ended: it may be the last that knows what another data
 * set lacks. Not where the registry does not answer, and one command timeout at most.
 */
const awaitBack = (node: Node, time: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const patience = Math.min(time, node.timing.commandTimeout - node.lease.workFailingFor)
    const isIn = node.active || node.era.lastSid === ""
    return isIn || patience <= 0
      ? Effect.void
      : node.awaitPhase((phase) => node.active || phase === "closed").pipe(
        Effect.timeoutOption(patience),
        Effect.asVoid
      )
  })

/**
 * Gives back what another data set lacks, and waits until the registry knows of all that ended. A session whose end shows
 * only then, as that of a registry that has just been restarted, has a next one: what it owed is done under that.
 */
const settle = (node: Node, time: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const begun = node.ambient.now()
    const left = () => time - (node.ambient.now() - begun)
    yield* awaitBack(node, time)
    const { session } = node
    if (session === undefined || session.over) return
    yield* giveBackAtOnce(node, session).pipe(
      Effect.raceFirst(session.ended),
      Effect.ignore,
      Effect.timeoutOption(Math.max(0, left()))
    )
    yield* handOver(node, session, left())
    if (session.over) yield* settle(node, left())
  })

/**
 * Closes the session; its end frees all of its claims, so only when nothing runs under it. Returns whether the registry
 * knows. Asks twice, unless nothing was answered before either. One that turns out to have ended already is left as it is.
 */
const closeSession = (node: Node, session: Session): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    session.closing = true
    const times = node.lease.workFailingFor > 0 ? 0 : 1
    return Effect.retry(request(node, session, "close", { sid: session.sid }), { times, while: () => !session.over })
  }).pipe(
    Effect.tap(() => Effect.sync(() => removeProof(node))),
    Effect.isSuccess
  )

/**
 * Hands over what has ended, and closes the session if nothing runs, within `time` milliseconds. Returns what became of it,
 * for the log. A session that turns out to have ended while it is closed has a next one, which is to be closed.
 */
const leaveScope = (node: Node, running: number, time: number): Effect.Effect<string> =>
  Effect.gen(function*() {
    if (node.client) return "left the scope"
    const begun = node.ambient.now()
    // On a fiber of its own: this one may have been interrupted, as by a signal, and must not end here.
    yield* Effect.flatMap(Effect.fork(Effect.interruptible(settle(node, time))), Fiber.join)
    const { session } = node
    if (running > 0) return `closed while ${running} children still run: their claims end with the lease`
    if (node.era.lastSid === "") return "closed before it had joined the scope"
    if (session === undefined || session.over) return "closed without a lease: what it held ends with its last session"
    const confirmed = yield* closeSession(node, session)
    const left = time - (node.ambient.now() - begun)
    if (session.over && left > 0) return yield* leaveScope(node, running, left)
    node.leave(session, "closed")
    return confirmed
      ? "left the scope"
      : "closed, but the registry did not confirm it: what it has not heard of ends with the lease"
  })

/** Hands everything over, and leaves the scope. */
export const closeNode = (node: Node, life: Fiber.RuntimeFiber<void, unknown>): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (node.phase === "closed") return
    node.own.leaves()
    const begun = node.ambient.now()
    const time = node.closingTime.begin(false)
    const left = yield* giveUpAll(node, time)
    yield* warnLeft(node, "the supervisor", left)
    const rest = Math.max(time - (node.ambient.now() - begun), node.timing.commandTimeout)
    const outcome = yield* leaveScope(node, left, rest)
    node.childLog.tell(true)
    node.enter("closed")
    node.lease.revoke()
    yield* Fiber.interrupt(life)
    yield* logInfo(outcome)
  })

/** Ends everything at once, as if the process had died: nothing is handed over, nobody is told. */
export const crash = (node: Node, life: Fiber.RuntimeFiber<void, unknown>): Effect.Effect<void> =>
  Effect.gen(function*() {
    node.enter("closed")
    node.lease.revoke()
    if (node.session !== undefined) node.leave(node.session, "closed")
    for (const child of childrenOf(node, () => true)) node.supervisor.stop(child, "shutdown")
    yield* Fiber.interruptFork(life)
  })
