/**
 * Staying alive: one small renewal per heartbeat, and the alarm that goes off when renewals stay out.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { send } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import type { Value } from "../registry/commands.js"
import { namesakes, warnDuplicate } from "./membershipChange.js"
import { confirmClaims } from "./unconfirmedClaims.js"

/** Renewals in a row at which the registry may count other claims than this node, before everything is read again. */
const toleratedMismatches = 2

/** A grant whose answer was lost leaves a claim that nothing stands behind: the counts show it. */
const compareClaims = (node: Node, session: Session, claims: number): void => {
  const quiet = !session.behind && node.outbox.isSettled
  if (!quiet || claims === node.view.claimsOf(session.sid)) {
    session.mismatches = 0
    return
  }
  session.mismatches++
  if (session.mismatches <= toleratedMismatches) return
  session.mismatches = 0
  session.wantFullRead()
}

/** Publishes that this node's name is a duplicate: a younger session took it, and this node lives. */
const noticeDuplicateName = (node: Node, session: Session): void => {
  if (node.own.duplicateName) return
  const opened = node.view.membership.members.get(session.sid)?.opened ?? Infinity
  const younger = namesakes(node, session).filter((member) => member.opened > opened)
  if (younger.length === 0) return
  node.own.foundDuplicate()
  warnDuplicate(node, [session.sid, ...younger.map(({ sid }) => sid)])
}

const endQuarantine = (node: Node, session: Session, left: number): void => {
  const until = node.ambient.now() + left
  if (left > 0) session.quarantineUntil = Math.max(session.quarantineUntil, until)
  else if (session.quarantineUntil > 0) {
    session.quarantineUntil = 0
    node.workQueue.sweep()
  }
}

const renewed = (node: Node, session: Session, value: Value<"tick">, log: number): void => {
  session.renewed.unsafeOpen()
  session.heardOf(log, false)
  endQuarantine(node, session, value.quarantine)
  if (session.hasUnconfirmed && value.quarantine === 0) confirmClaims(node, session)
  compareClaims(node, session, value.claims)
  noticeDuplicateName(node, session)
}

/** One renewal; `false` when it did not get through. */
const beat = (node: Node, session: Session): Effect.Effect<boolean> =>
  Effect.suspend(() => session.over ? Effect.never : send(node, session.era, "tick", { sid: session.sid })).pipe(
    Effect.map(({ reply, sent }) => {
      if (session.over) return true
      switch (reply._tag) {
        case "OK":
          // An answer that comes after the lease ran out must not bring it back.
          if (!node.lease.holds() || !node.lease.renew(sent)) node.fence("a renewal was answered too late")
          else renewed(node, session, reply.value, reply.log)
          return true
        case "ERA":
          node.meetEra(session, reply.era)
          return true
        case "NOSESSION":
          node.fence("the registry ended this node's session, after it had heard nothing from it for a ttl")
          return true
        default:
          return false
      }
    }),
    Effect.catchAll((error) =>
      Effect.as(
        Effect.logWarning(
          `lease not renewed (${error.reason}: ${error.detail}); children stop in ` +
            `${Math.max(0, Math.round(node.lease.remaining))} ms unless a renewal succeeds`
        ),
        false
      )
    )
  )

/** Renews for as long as the session lasts; sooner again after a failure. */
export const heartbeat = (node: Node, session: Session): Effect.Effect<never> => {
  const { heartbeat: interval } = node.timing
  return Effect.forever(
    Effect.flatMap(beat(node, session), (good) => {
      node.measure()
      if (node.lease.isUseless) node.fence("renewals get through, but nothing else has for too long")
      return Effect.sleep(good ? interval : interval / 4)
    })
  )
}

/** Fences the node at the moment its lease runs out. Runs for the node's whole life, session or not. */
export const alarm = (node: Node): Effect.Effect<never> =>
  Effect.forever(Effect.gen(function*() {
    yield* node.lease.givenLatch.await
    const { remaining } = node.lease
    if (remaining > 0) return yield* Effect.sleep(Math.max(1, remaining))
    node.fence("no renewal was answered in time")
  }))
