/**
 * A node's life: join, complete the view, be active until the session ends, and again.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as PogoEvent from "../../PogoEvent.js"
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import { noneLeft, until } from "../runtime/environment.js"
import { follow, giveBack, readAgain, readEra } from "./changeFeed.js"
import { heartbeat } from "./heartbeat.js"
import { type Fatal, join } from "./join.js"
import { watchNeighbours } from "./localPeers.js"
import { renewDirective } from "./nodeDirectives.js"
import { reconcile } from "./reconcile.js"

/** Starts a loop again when it dies. It shares the node's state, so its children go on meanwhile. */
export const keepAlive = (node: Node, loop: string, effect: Effect.Effect<never>): Effect.Effect<never> =>
  Effect.forever(Effect.catchAllCause(effect, (cause) => {
    if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
    const text = Cause.pretty(cause)
    node.emit(() => PogoEvent.LoopRestarted({ node: node.config.name, loop, cause: text }))
    return Effect.logError(`the ${loop} loop died and is started again; please report this: ${text}`).pipe(
      Effect.zipRight(Effect.sleep(node.timing.heartbeat / 10)),
      Effect.zipRight(Effect.sync(() => node.workQueue.sweep()))
    )
  }))

const persistently = <A>(node: Node, what: string, effect: Effect.Effect<A, { readonly message: string }>) =>
  Effect.retry(
    Effect.tapError(effect, (error) => Effect.logDebug(`${what}: ${error.message}`)),
    { schedule: pauseOf(node) }
  ) as Effect.Effect<A>

const pauseOf = (node: Node) => Schedule.spaced(node.timing.heartbeat / 4)

/** Reads what there is. What only this node knows is given back in the background. */
const completeView = (node: Node, session: Session): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    if (node.view.era === session.era) return yield* persistently(node, "read", readAgain(node, session))
    yield* persistently(node, "read", readEra(node, session))
    yield* Effect.forkScoped(persistently(node, "merge", giveBack(node, session)))
  })

const activate = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (session.over) return Effect.void
    node.enter("active")
    node.own.changed()
    node.workQueue.sweep()
    const { name, scope } = node.config
    node.emit(() => PogoEvent.LeaseAcquired({ node: name, session: session.sid }))
    const left = Math.max(0, Math.round(session.quarantineUntil - node.ambient.now()))
    const wait = left > 0 ? `; the scope's data is new, so nothing is started for ${left} ms` : ""
    return Effect.logInfo(`joined scope "${scope}" on ${node.registry.description} as ${session.sid}${wait}`)
  })

/** The end of a quarantine concerns everything. */
const awaitQuarantine = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = session.quarantineUntil - node.ambient.now()
    return left <= 0
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Math.ceil(left) + 1), Effect.sync(() => node.workQueue.sweep()))
  })

/** The safety net: everything is looked at now and then, whatever was or was not heard. */
const passes = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.sleep(node.timing.syncInterval).pipe(
    Effect.zipRight(Effect.sync(() => {
      node.view.forgetTombs()
      node.workQueue.sweep()
    })),
    Effect.zipRight(renewDirective(node, session)),
    Effect.forever
  )

/** One session, from its opening to its end. */
const live = (node: Node, session: Session, whenActive: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* Effect.forkScoped(keepAlive(node, "heartbeat", heartbeat(node, session)))
    yield* completeView(node, session)
    // The end of a child is told even by a node whose renewals are not answered: it would keep the claim for ever.
    for (const lane of node.outbox.loops(session)) yield* Effect.forkScoped(keepAlive(node, "outbox", lane))
    // Renewals have a connection of their own: a node whose renewals are not answered must not be given children.
    yield* session.renewed.await
    yield* activate(node, session)
    yield* Effect.forkScoped(keepAlive(node, "follow", follow(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "reconcile", reconcile(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "publish", node.own.keepPublished(session)))
    yield* Effect.forkScoped(keepAlive(node, "pass", passes(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "neighbours", watchNeighbours(node, session)))
    yield* Effect.forkScoped(awaitQuarantine(node, session))
    yield* Effect.forkScoped(whenActive)
    return yield* Effect.never
  }).pipe(Effect.raceFirst(session.ended), Effect.scoped)

/** After a fence: until the children have ended, but no longer than they may take. */
const awaitFenced = (node: Node): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { children } = node.supervisor
    const fenced = Array.from(children.values()).filter(({ stopReason }) => stopReason === "fenced")
    return until(node.onStopped, noneLeft(fenced, (child) => children.get(child.id) === child))
  }).pipe(Effect.timeoutOption(node.timing.stopBudget), Effect.asVoid)

/** What would otherwise be the end of the node: its children are stopped in time, and it begins anew. */
const survive = (node: Node, cause: Cause.Cause<never>): Effect.Effect<"fenced"> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
  const text = Cause.pretty(cause)
  node.emit(() => PogoEvent.LoopRestarted({ node: node.config.name, loop: "lifecycle", cause: text }))
  node.fence("the node's own loop died")
  return Effect.logError(`the node's own loop died and is started again; please report this: ${text}`).pipe(
    Effect.zipRight(Effect.sleep(node.timing.heartbeat / 10)),
    Effect.as("fenced" as const)
  )
}

/** Joins; where the scope is another version's, or has other timings, says so and tries again now and then. */
const joinAtLast = (node: Node, refused: (error: Fatal) => Effect.Effect<unknown>): Effect.Effect<Session> =>
  Effect.catchAll(join(node), (error) =>
    Effect.logError(error.message).pipe(
      Effect.zipRight(refused(error)),
      Effect.zipRight(Effect.sleep(node.timing.ttl)),
      Effect.zipRight(Effect.suspend(() => joinAtLast(node, refused)))
    ))

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
    const oneSession = Effect.flatMap(joinAtLast(node, refused), (session) => live(node, session, whenActive))
    for (;;) {
      const end = yield* Effect.catchAllCause(oneSession, (cause) => survive(node, cause))
      if (end === "closed") return
      if (end === "fenced") yield* awaitFenced(node)
    }
  })
