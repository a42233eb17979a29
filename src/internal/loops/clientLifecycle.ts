/**
 * The life of a node that only calls: it follows the registry's log when something changed, and is no member of the
 * scope. It has no session that others know of, no lease, and costs them nothing while it is idle.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Calls } from "../commands/commands.js"
import type { Node } from "../node/node.js"
import { Session } from "../node/session.js"
import { follow } from "./changeFeed.js"
import { ensureInitialOnce, type Initial } from "./initialChildren.js"
import { awaitEra, type Fatal } from "./join.js"
import { keepAlive } from "./lifecycle.js"
import { readAgain } from "./snapshot.js"

/** Of another data set it keeps nothing: what is lost there, the nodes give back. */
const begin = (node: Node): Session => {
  const session = new Session(`${node.config.name}#client`, node.era)
  if (node.view.era !== session.era) node.view.clear()
  node.view.era = session.era
  node.lease.keep()
  node.session = session
  return session
}

const read = (node: Node, session: Session): Effect.Effect<void> =>
  Effect.catchAll(readAgain(node, session), (error) =>
    Effect.logDebug(`read: ${error.message}`).pipe(
      Effect.zipRight(Effect.sleep(node.timing.heartbeat / 4)),
      Effect.zipRight(Effect.suspend(() => read(node, session)))
    ))

/** What needs to be done now and then costs nobody else anything. */
const upkeep = (node: Node): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(
    Effect.sleep(node.timing.heartbeat),
    Effect.sync(() => {
      node.view.forgetTombs()
      node.meter.flush()
      for (const flush of node.onFlush) flush()
    })
  ))

const live = (node: Node, session: Session, beginnings: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* read(node, session)
    node.enter("active")
    yield* Effect.logInfo(`calls scope "${node.config.scope}" on ${node.registry.description}`)
    yield* Effect.forkScoped(keepAlive(node, "follow", follow(node, session)))
    yield* Effect.forkScoped(keepAlive(node, "upkeep", upkeep(node)))
    yield* Effect.forkScoped(beginnings)
    return yield* Effect.never
  }).pipe(Effect.raceFirst(session.ended), Effect.scoped)

/** Follows until it is closed; again from the beginning when the registry's data set is another. */
export const clientLife = (
  node: Node,
  calls: Calls,
  initial: ReadonlyArray<Initial>,
  refused: (error: Fatal) => Effect.Effect<unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const beginnings = ensureInitialOnce(node, calls, initial)
    for (;;) {
      yield* awaitEra(node).pipe(
        Effect.catchAll((error) => Effect.zipRight(refused(error), Effect.sleep(node.timing.ttl))),
        Effect.repeat({ until: () => node.era !== "" })
      )
      const end = yield* live(node, begin(node), beginnings)
      if (end === "closed") return
    }
  })
