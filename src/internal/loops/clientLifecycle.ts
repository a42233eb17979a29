/**
 * The life of a node that only calls: it follows the registry's log when something changed, and is no member of the
 * scope. It has no session that others know of, no lease, and costs them nothing while it is idle.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { Session } from "../node/session.js"
import { follow, readAgain } from "./changeFeed.js"
import { awaitEra, type Fatal } from "./join.js"
import { keepAlive } from "./lifecycle.js"

/** Of another data set it keeps nothing: what is lost there, the nodes give back. */
const begin = (node: Node): Session => {
  const session = new Session(`${node.config.name}#client`, node.era.current)
  if (node.view.era !== session.era) node.view.clear()
  node.view.era = session.era
  node.lease.keep()
  node.begin(session)
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
      node.measure()
    })
  ))

const live = (node: Node, session: Session, whenActive: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* read(node, session)
    node.enter("active")
    yield* Effect.logInfo(`calls scope "${node.config.scope}" on ${node.registry.description}`)
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
      yield* awaitEra(node).pipe(
        Effect.catchAll((error) => Effect.zipRight(refused(error), Effect.sleep(node.timing.ttl))),
        Effect.repeat({ until: () => node.era.current !== "" })
      )
      const end = yield* live(node, begin(node), whenActive)
      if (end === "closed") return
    }
  })
