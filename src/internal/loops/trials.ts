/**
 * Trials: starting children again whose processes died soon after they had started, by rounds; saying for how long this
 * node's process has lived, while such a child waits for one that has; and reporting those that have lived for long
 * enough, so that their trials are over.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import { decide } from "../plan/decide.js"
import type { Rounds, Suspect } from "../plan/rounds.js"
import { batchesOf } from "../registry/batches.js"
import { proofTime, requiredAge } from "../registry/trialRecords.js"
import { type Entry, trialOf, waitingTrial } from "../replica/replica.js"
import { untilSuccess } from "../runtime/environment.js"
import { claim } from "./reconcile.js"

/**
 * How long after the proof time a trial is reported as over, and reported again; and how often a node without room looks
 * whether it has some: a share of it.
 */
const reportShare = 10

const suspectsOf = (node: Node): ReadonlyArray<Entry> =>
  Array.from(node.view.suspects).flatMap((id) => node.view.entries.get(id) ?? [])

/** The children that wait here for their next trial. */
const waitingHere = (node: Node, session: Session, entries: ReadonlyArray<Entry>): ReadonlyArray<Suspect> => {
  const condition = node.condition(session)
  return entries.flatMap((entry) => {
    const action = decide(entry, node.supervisor.children.get(entry.id), condition)
    if (action._tag !== "Try") return []
    const { deaths, due, generation } = waitingTrial(entry)!
    const wait = condition.room > 0 ? due - node.clock.now : proofTime(node.timing.ttl) / reportShare
    return { id: entry.id, generation, deaths, wait }
  })
}

/**
 * Publishes for how long the process has lived, while a child waits for that. Returns in how many milliseconds there is
 * something new to say.
 */
const tellAge = (node: Node, entries: ReadonlyArray<Entry>): number => {
  if (!entries.some((entry) => requiredAge(waitingTrial(entry)?.deaths ?? 0) >= 0)) {
    node.own.hasLived(-1)
    return Infinity
  }
  const proof = proofTime(node.timing.ttl)
  const lived = node.ambient.now() - node.trials.joinedAt
  const doublings = lived < proof ? -1 : Math.floor(Math.log2(lived / proof))
  node.own.hasLived(doublings)
  return proof * 2 ** (doublings + 1) - lived
}

/** Reports the children here whose trials are over. Returns in how many milliseconds there is another one. */
const reportOver = (node: Node, entries: ReadonlyArray<Entry>): number => {
  const proof = proofTime(node.timing.ttl)
  let next = Infinity
  for (const entry of entries) {
    const child = node.supervisor.children.get(entry.id)
    const trial = trialOf(entry)
    if (child === undefined || child.ending || trial?.token !== child.claim) continue
    const left = trial.at + proof * (1 + 1 / reportShare) - node.clock.now
    if (left <= 0) node.outbox.report(child)
    next = Math.min(next, left > 0 ? left : proof / reportShare)
  }
  return next
}

/**
 * Asks for the claims of a round. The plan leaves these children alone meanwhile: it would read in the log that a claim is
 * this node's, find nobody who runs under it, and give it back.
 */
const tryAll = (
  node: Node,
  session: Session,
  suspects: ReadonlyArray<Suspect>,
  rounds: Rounds
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.suspend(() => {
    for (const { id } of suspects) session.trying.add(id)
    return Effect.forEach(batchesOf(suspects, ({ id }) => node.view.specSize(id)), (batch, i) => {
      // Held from now on whatever becomes of the command: if its answer is lost, it may have been obeyed.
      rounds.began(suspects, node.ambient.now())
      return claim(node, session, batch, { goesOn: i > 0 })
    }, { discard: true })
  }).pipe(Effect.ensuring(Effect.sync(() => {
    for (const { id } of suspects) {
      session.trying.delete(id)
      node.workQueue.add(id)
    }
  })))

/** Begins the next round, or waits until there may be one. */
const step = (node: Node, session: Session, rounds: Rounds): Effect.Effect<void, RegistryUnavailable> =>
  Effect.suspend(() => {
    node.trials.changed.unsafeClose()
    const entries = suspectsOf(node)
    const now = node.ambient.now()
    const told = Math.min(tellAge(node, entries), reportOver(node, entries))
    const next = rounds.next(waitingHere(node, session, entries), now)
    if (next._tag === "Try") {
      const suspects = next.suspects.slice(0, node.condition(session).room)
      return tryAll(node, session, suspects, rounds)
    }
    const millis = Math.min(told, next.millis)
    return millis === Infinity
      ? node.trials.changed.await
      : Effect.raceFirst(node.trials.changed.await, Effect.sleep(Math.max(1, Math.ceil(millis))))
  })

/** Tries children for as long as the session lasts; costs nothing while there is none. */
export const tryChildren = (node: Node, session: Session): Effect.Effect<never> =>
  untilSuccess(Effect.forever(Effect.suspend(() => step(node, session, node.trials.rounds))), node.retries)
