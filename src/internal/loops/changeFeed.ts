/**
 * Following: reading from the log what changed, whenever something may have.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { applyMembers } from "./membershipChange.js"
import { hear, readAgain } from "./snapshot.js"

/** Reads one page. */
const readPage = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    session.look = false
    const reply = yield* request(node, session, "changes", { cursor: session.cursor })
    if (reply._tag !== "OK") {
      session.resync = true
      return
    }
    const { cursor, items, more, nodes } = reply.value
    for (const item of items) hear(node, session, item, reply.high)
    if (nodes !== undefined) applyMembers(node, session, nodes)
    session.cursor = more ? cursor : Math.max(cursor, reply.log)
    if (more) yield* node.ambient.breathe
    else node.view.known = reply.high
  })

const step = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> => {
  if (session.resync) {
    session.resync = false
    return Effect.tapError(
      Effect.tap(readAgain(node, session), () => Effect.sync(() => node.agenda.sweep())),
      () => Effect.sync(() => session.readAgain())
    )
  }
  return readPage(node, session)
}

/** Has the registry's news read, and calls back afterwards. */
export const look = (node: Node, done: () => void): void => {
  const listener = () => {
    node.onLooked.delete(listener)
    done()
  }
  node.onLooked.add(listener)
  node.session?.hear(undefined)
}

/** News that concern others wait a little for more of them, unless somebody here waits for news. */
const gather = (node: Node, session: Session): Effect.Effect<void> => {
  const { newsDelay = 0 } = node.registry
  if (newsDelay === 0 || session.pressing || node.watchers.size > 0 || node.onLooked.size > 0) return Effect.void
  return Effect.zipRight(
    Effect.raceFirst(session.pressed.await, Effect.sleep(newsDelay)),
    Effect.sync(() => session.press())
  )
}

/** Reads until everything that was heard of has been read; then waits for more. */
export const follow = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.forever(Effect.gen(function*() {
    yield* session.news.await
    if (!session.behind) {
      for (const listener of node.onLooked) listener()
      return session.rest()
    }
    yield* gather(node, session)
    yield* Effect.catchAll(step(node, session), () => Effect.sleep(node.timing.heartbeat / 4))
  }))
