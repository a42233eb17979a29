/**
 * A node's life: join, complete the replica, be active until the session ends, and again. And a client's, which only
 * gives commands and makes calls: it follows the registry's log, and is no member of the scope. It has no session that
 * others know of and no lease, and costs them nothing while it is idle.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as PogoEvent from "../../PogoEvent.js"
import type { Node } from "../node/node.js"
import { Session } from "../node/session.js"
import { noneLeft, until, untilSuccess } from "../runtime/environment.js"
import { logDebug, logError, logInfo, printCause, printError } from "../runtime/userCode.js"
import { follow, giveBack, readAgain, readEra } from "./changeFeed.js"
import { heartbeat, probeWork } from "./heartbeat.js"
import { awaitEra, type Fatal, join, unlessRefused } from "./join.js"
import { watchNeighbours } from "./localPeers.js"
import { renewDirective } from "./nodeDirectives.js"
import { reconcile, stopEnded } from "./reconcile.js"
import { ScopeGauges } from "./scopeGauges.js"
import { tryChildren } from "./trials.js"

/** Starts an effect again when it dies, by a defect of ours, and says so. The node's children go on meanwhile. */
const revive = <A>(
  node: Node,
  what: string,
  effect: Effect.Effect<A>,
  died: Effect.Effect<void>
): Effect.Effect<A> =>
  effect.pipe(
    Effect.sandbox,
    Effect.tapError((cause) => {
      if (Cause.isInterruptedOnly(cause)) return Effect.void
      const text = printCause(cause)
      node.emit(() => PogoEvent.LoopRestarted({ node: node.config.name, loop: what, cause: text }))
      return Effect.zipRight(
        logError(`the ${what} loop died and is started again; please report this: ${text}`),
        died
      )
    }),
    Effect.retry({ schedule: node.retries, while: (cause) => !Cause.isInterruptedOnly(cause) }),
    Effect.unsandbox
  )

/** Starts a loop again when it dies. The node's state may be half-way through a change, so everything is looked at. */
export const keepAlive = (node: Node, loop: string, effect: Effect.Effect<never>): Effect.Effect<never> =>
  revive(node, loop, effect, Effect.sync(() => node.workQueue.sweep()))

/** Repeats an effect until it succeeds, and logs why it did not. */
export const persistently = <A>(node: Node, what: string, effect: Effect.Effect<A, { readonly message: string }>) =>
  untilSuccess(Effect.tapError(effect, (error) => logDebug(`${what}: ${printError(error)}`)), node.retries)

/** Completes the replica. What only this node knows is given back in the background. */
const completeView = (node: Node, session: Session): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    if (node.view.era === session.era) {
      node.states.open(session)
      return yield* persistently(node, "read", readAgain(node, session))
    }
    yield* persistently(node, "read", readEra(node, session))
    yield* Effect.forkScoped(persistently(node, "merge", giveBack(node, session)))
  })

/** Begins to take children. */
const activate = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (session.over) return Effect.void
    node.enter("active")
    node.rollout.activates()
    node.own.changed()
    node.workQueue.sweep()
    const { name, scope } = node.config
    node.emit(() => PogoEvent.LeaseAcquired({ node: name, session: session.sid }))
    const left = Math.max(0, Math.round(session.quarantineUntil - node.ambient.now()))
    const wait = left > 0 ? `; the scope's data is new, so nothing is started for ${left} ms` : ""
    return logInfo(`joined scope "${scope}" on ${node.registry.description} as ${session.sid}${wait}`)
  })

/** Looks at everything when the quarantine ends. */
const awaitQuarantine = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = session.quarantineUntil - node.ambient.now()
    return left <= 0
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Math.ceil(left) + 1), Effect.sync(() => node.workQueue.sweep()))
  })

/** The safety net: looks at everything once per `syncInterval`, whatever was or was not heard of. */
const passes = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.sleep(node.timing.syncInterval).pipe(
    Effect.zipRight(Effect.sync(() => {
      node.view.forgetTombs(node.config.keepEnded)
      node.workQueue.sweep()
    })),
    Effect.zipRight(renewDirective(node, session)),
    Effect.forever
  )

/** One session, from its opening to its end; returns how it ended. */
const live = (node: Node, session: Session, whenActive: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* Effect.forkScoped(keepAlive(node, "heartbeat", heartbeat(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "probe", probeWork(node, session)))
    yield* completeView(node, session)
    // Before the first renewal is answered: if none ever is, children that have ended would keep their claims for ever.
    for (const lane of node.outbox.loops(session)) yield* Effect.forkScoped(keepAlive(node, "outbox", lane))
    stopEnded(node)
    // Renewals have a connection of their own: a node whose renewals are not answered must not be given children.
    yield* session.renewed.await
    yield* activate(node, session)
    yield* Effect.forkScoped(keepAlive(node, "follow", follow(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "reconcile", reconcile(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "trials", tryChildren(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "publish", node.own.keepPublished(session)))
    yield* Effect.forkScoped(keepAlive(node, "pass", passes(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "neighbours", watchNeighbours(node, session)))
    yield* Effect.forkScoped(awaitQuarantine(node, session))
    yield* Effect.forkScoped(whenActive)
    return yield* Effect.never
  }).pipe(Effect.raceFirst(session.ended), Effect.scoped)

/** Waits after a fence until its children have ended, one stop budget at most. */
const awaitFenced = (node: Node): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { children } = node.supervisor
    const fenced = Array.from(children.values()).filter(({ stopReason }) => stopReason === "fenced")
    return until(node.onStopped, noneLeft(fenced, (child) => children.get(child.id) === child))
  }).pipe(Effect.timeoutOption(node.timing.stopBudget), Effect.asVoid)

/**
 * Runs a node until it is closed. `whenActive` is forked whenever the node becomes active, for as long as the session
 * lasts; `refused` is told why the node may not join.
 */
export const lifecycle = (
  node: Node,
  whenActive: Effect.Effect<void>,
  refused: (error: Fatal) => Effect.Effect<unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const oneSession = Effect.flatMap(
      unlessRefused(node, join(node), refused),
      (session) => live(node, session, whenActive)
    )
    // What would otherwise be the end of the node: its children are stopped in time, and it begins anew.
    const fence = Effect.sync(() => node.fence("the node's own loop died"))
    for (;;) {
      const end = yield* revive(node, "lifecycle", oneSession, Effect.zipRight(fence, awaitFenced(node)))
      if (end === "closed") return
      if (end === "fenced") yield* awaitFenced(node)
    }
  })

/** Begins in an era. A replica of another data set is dropped: what is lost there, the nodes give back. */
const beginAsClient = (node: Node): Session => {
  const session = new Session(`${node.config.name}#client`, node.era.current)
  if (node.view.era !== session.era) node.view.clear()
  node.view.era = session.era
  node.lease.keep()
  node.begin(session)
  return session
}

/** Forgets old tombstones and sets the gauges, once per heartbeat. Needs no request. */
const upkeep = (node: Node): Effect.Effect<never> => {
  const gauges = new ScopeGauges(node)
  return Effect.forever(Effect.zipRight(
    Effect.sleep(node.timing.heartbeat),
    Effect.sync(() => {
      node.view.forgetTombs(node.config.keepEnded)
      node.measure()
      gauges.measure()
    })
  ))
}

/** One era, from its beginning to its end; returns how it ended. */
const liveAsClient = (node: Node, session: Session, whenActive: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* persistently(node, "read", readAgain(node, session))
    node.enter("active")
    yield* logInfo(`calls scope "${node.config.scope}" on ${node.registry.description}`)
    yield* Effect.forkScoped(keepAlive(node, "follow", follow(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "upkeep", upkeep(node)))
    yield* Effect.forkScoped(whenActive)
    return yield* Effect.never
  }).pipe(Effect.raceFirst(session.ended), Effect.scoped)

/** Runs a client until it is closed; see `lifecycle`. In another data set it begins anew. */
export const clientLife = (
  node: Node,
  whenActive: Effect.Effect<void>,
  refused: (error: Fatal) => Effect.Effect<unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (;;) {
      yield* unlessRefused(node, awaitEra(node), refused)
      const end = yield* liveAsClient(node, beginAsClient(node), whenActive)
      if (end === "closed") return
    }
  })
