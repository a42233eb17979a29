/**
 * Keeping the lease: one small renewal per heartbeat, the alarm that fences the node when none is answered in time, and
 * probes of the connection that renewals do not use.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { request, send } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import type { Value } from "../registry/commands.js"
import { untilSuccess } from "../runtime/environment.js"
import { logWarning } from "../runtime/userCode.js"
import { namesakes, warnDuplicate } from "./changeFeed.js"
import { ScopeGauges } from "./scopeGauges.js"
import { confirmClaims } from "./unconfirmedClaims.js"

/** Renewals in a row at which the registry may count other claims than this node, before everything is read again. */
const toleratedMismatches = 2

/** Compares the count of claims: a grant whose answer was lost leaves a claim that no child stands behind. */
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

/** Takes over what the registry says of the quarantine. `left`: milliseconds, 0 when there is none. */
const noteQuarantine = (node: Node, session: Session, left: number): void => {
  const until = node.ambient.now() + left
  if (left > 0) session.quarantineUntil = Math.max(session.quarantineUntil, until)
  else if (session.quarantineUntil > 0) {
    session.quarantineUntil = 0
    node.workQueue.sweep()
  }
}

/** What an answered renewal means. */
const renewed = (node: Node, session: Session, value: Value<"tick">, log: number): void => {
  session.renewed.unsafeOpen()
  session.heardOf(log, false)
  noteQuarantine(node, session, value.quarantine)
  if (session.hasUnconfirmed && value.quarantine === 0) confirmClaims(node, session)
  compareClaims(node, session, value.claims)
  noticeDuplicateName(node, session)
}

/** Asks for the renewal, unless there is nothing left to renew: a node goes on closing when its lease has run out. */
const tick = (node: Node, session: Session) =>
  Effect.suspend(() => {
    const isPast = session.over || (session.closing && !node.lease.holds())
    return isPast ? Effect.never : send(node, session.era, "tick", { sid: session.sid })
  })

/** One renewal. */
const renew = (node: Node, session: Session): Effect.Effect<void, "not renewed"> =>
  tick(node, session).pipe(
    Effect.tapError((error) =>
      logWarning(
        `lease not renewed (${error.reason}: ${error.detail}); children stop in ` +
          `${Math.max(0, Math.round(node.lease.remaining))} ms unless a renewal succeeds`
      )
    ),
    Effect.mapError(() => "not renewed" as const),
    Effect.flatMap(({ reply, sent }) => {
      if (session.over) return Effect.void
      switch (reply._tag) {
        case "OK":
          // An answer that comes after the lease ran out must not bring it back.
          if (!node.lease.holds() || !node.lease.renew(sent)) node.fence("a renewal was answered too late")
          else renewed(node, session, reply.value, reply.log)
          return Effect.void
        case "ERA":
          return Effect.sync(() => node.meetEra(session, reply.era))
        case "NOSESSION":
          return Effect.sync(() =>
            node.fence("the registry ended this node's session, after it had heard nothing from it for a ttl")
          )
        default:
          return Effect.fail("not renewed" as const)
      }
    })
  )

/** Renews for as long as the session lasts: once per heartbeat, sooner again after a failure. */
export const heartbeat = (node: Node, session: Session): Effect.Effect<never> => {
  const gauges = new ScopeGauges(node)
  const afterwards = Effect.sync(() => {
    node.measure()
    gauges.measure()
  })
  const step = renew(node, session).pipe(
    Effect.tapBoth({ onFailure: () => afterwards, onSuccess: () => afterwards }),
    Effect.zipRight(node.pauses.sleep(node.timing.heartbeat))
  )
  return untilSuccess(Effect.forever(step), node.retries)
}

/**
 * Asks something small, after a failure, until anything is answered on the work connection; fences the node when that
 * takes as long as a lease lasts. Without probes a single failure before a quiet time would look like an outage.
 */
export const probeWork = (node: Node, session: Session): Effect.Effect<never> => {
  const failed = Effect.sync(() => {
    node.lease.probeFailed()
    if (node.lease.isUseless) node.fence("renewals get through, but nothing else has for too long")
  })
  const probe = Effect.suspend(() =>
    request(node, session, "changes", { cursor: Math.max(session.cursor, session.newestKnown) })
  )
  return node.lease.workInDoubt.await.pipe(
    Effect.zipRight(Effect.sleep(node.timing.heartbeat / 4)),
    Effect.zipRight(node.lease.workInDoubt.await),
    Effect.zipRight(Effect.catchAll(probe, () => failed)),
    Effect.forever
  )
}

/** Fences the node at the moment its lease runs out. Runs for the node's whole life, session or not. */
export const alarm = (node: Node): Effect.Effect<never> =>
  Effect.forever(Effect.gen(function*() {
    yield* node.lease.givenLatch.await
    const { remaining } = node.lease
    if (remaining > 0) return yield* node.pauses.sleep(Math.max(1, remaining))
    node.fence("no renewal was answered in time")
  }))
