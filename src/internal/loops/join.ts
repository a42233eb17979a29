/**
 * Joining: asking for the era, asserting the claims of children that still run, and opening a session.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { LayoutMismatch, type RegistryUnavailable, TimingMismatch } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { send, unavailable } from "../node/registryRequest.js"
import { Session } from "../node/session.js"
import {
  type Args,
  type ClaimAssertion,
  layoutVersion,
  maxBatch,
  type OpenMode,
  type Refusal
} from "../registry/commands.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { settleUnconfirmed } from "./unconfirmedClaims.js"

/** Another version of the code, or of the settings, has the scope: to try again is of no use. */
export type Fatal = TimingMismatch | LayoutMismatch

/** The registry answered, but this try is void: another will do. */
interface NotYet {
  readonly _tag: "NotYet"
  /** The session's name is used up. */
  readonly dead: boolean
}

const notYet = (dead = false): NotYet => ({ _tag: "NotYet", dead })

type Failure = RegistryUnavailable | Fatal | NotYet

const failureOf = (node: Node, reply: Refusal): Failure => {
  switch (reply._tag) {
    case "VERSION":
      return new LayoutMismatch({
        scope: node.config.scope,
        found: reply.layout,
        supported: String(layoutVersion)
      })
    case "TIMING":
      return new TimingMismatch({
        scope: node.config.scope,
        ttl: node.timing.ttl,
        maxStep: node.timing.maxStep,
        scopeTtl: reply.ttl,
        scopeMaxStep: reply.maxStep
      })
    case "WRONGTYPE":
      return unavailable("join", "ForeignData", `the key ${reply.key} holds another type of data than ours`, false)
    case "ERA":
      node.era.learn(reply.era)
      return notYet()
    default:
      return notYet(reply._tag === "DEAD")
  }
}

/** Asks which era is current, if this node has not heard; on the connection that it is about to open its session on. */
const learnEra = (node: Node): Effect.Effect<void, Failure> =>
  Effect.gen(function*() {
    if (node.era.current !== "") return
    const { reply } = yield* send(node, "", "nodes", {})
    if (reply._tag === "ERA") node.era.learn(reply.era)
    else if (reply._tag !== "OK") return yield* Effect.fail(failureOf(node, reply))
  })

/** Claims that a node brings along: of all children whose fibers live, except those that are another's by now. */
const assertions = (node: Node): ReadonlyArray<ClaimAssertion> =>
  Array.from(node.supervisor.children.values())
    .filter((child) => child.stopReason !== "claimLost")
    .map(({ claim, id, spec }) => ({ id, token: claim, generation: spec.generation }))

const chunks = (claims: ReadonlyArray<ClaimAssertion>): ReadonlyArray<ReadonlyArray<ClaimAssertion>> => {
  const all: Array<ReadonlyArray<ClaimAssertion>> = []
  for (let i = 0; i < claims.length; i += maxBatch) all.push(claims.slice(i, i + maxBatch))
  return all.length === 0 ? [[]] : all
}

const newSid = (node: Node): Effect.Effect<string> =>
  Effect.map(node.ambient.randomId, (random) => `${node.config.name}#${random}`)

interface Opening {
  readonly sid: string
  readonly era: string
  readonly mode: OpenMode
  /** Number of fences when it began: a lease that was lost meanwhile voids every answer. */
  readonly fences: number
}

const begin = (node: Node, sid: string): Opening => {
  node.own.beginsSession()
  const mode = node.supervisor.children.size === 0
    ? "fresh"
    : node.era.current === node.era.ofClaims
    ? "carry"
    : "reassert"
  return { sid, era: node.era.current, mode, fences: node.lease.fences }
}

const refusedBy = (node: Node, ids: ReadonlyArray<string>): ReadonlyArray<LocalChild> =>
  ids.flatMap((id) => node.supervisor.children.get(id) ?? [])

/** The claim is another's: the copy here must stop at once. */
const giveUp = (node: Node, children: ReadonlyArray<LocalChild>): void => {
  for (const child of children) {
    node.supervisor.revoke(child)
    if (child.stage === "reportingEnd") node.supervisor.forget(child)
    else {
      child.stopReason = "claimLost"
      node.supervisor.stop(child, "claimLost")
    }
  }
}

interface Chunk {
  readonly refused: ReadonlyArray<string>
  readonly quarantine: number
  readonly collected: number
  readonly sent: number
  readonly log: number
}

const sendChunk = (
  node: Node,
  opening: Opening,
  claims: ReadonlyArray<ClaimAssertion>,
  last: boolean
): Effect.Effect<Chunk, Failure> =>
  Effect.gen(function*() {
    const { era, mode, sid } = opening
    const { record, version } = node.own.encode()
    const args: Args<"open"> = { sid, version, record, mode, claims, last, supersedes: node.era.lastSid }
    const { reply, sent } = yield* send(node, era, "open", args)
    if (node.lease.fences !== opening.fences) return yield* Effect.fail(notYet())
    if (reply._tag !== "OK") return yield* Effect.fail(failureOf(node, reply))
    if (last) node.own.published(version)
    return { ...reply.value, sent, log: reply.log }
  })

/**
 * Opens the session. Into a new data set the claims go first, and the session begins to live with the last of them:
 * nothing is granted there for one ttl. In the same data set, after a lapse, the session lives with the first chunk,
 * since nothing protects the claims until then.
 */
const assertAndOpen = (node: Node, opening: Opening): Effect.Effect<Session, Failure> =>
  Effect.gen(function*() {
    const all = chunks(assertions(node))
    const lastIndex = opening.mode === "carry" ? 0 : all.length - 1
    const refused: Array<string> = []
    let live: Chunk | undefined
    for (let i = 0; i < all.length; i++) {
      const alive = all[i]!.filter(({ id, token }) => node.supervisor.children.get(id)?.claim === token)
      const chunk = yield* sendChunk(node, opening, alive, i === lastIndex)
      refused.push(...chunk.refused)
      if (i === lastIndex) live = chunk
    }
    if (!node.lease.renew(live!.sent)) return yield* Effect.fail(notYet())
    giveUp(node, refusedBy(node, refused))
    return establish(node, opening, live!)
  })

const establish = (node: Node, opening: Opening, { collected, log, quarantine }: Chunk): Session => {
  const session = new Session(opening.sid, opening.era)
  session.heardOf(log)
  session.quarantineUntil = node.ambient.now() + quarantine
  // Tombstones that this memory has never heard of may have been swept away: it must not be given back.
  if (node.view.era !== opening.era && node.view.known < collected) node.view.clear()
  settleUnconfirmed(node, session, opening.mode, quarantine)
  node.era.established(session)
  node.lease.workSucceeded()
  node.begin(session)
  node.enter("syncing")
  return session
}

/** Milliseconds between tries. */
const delays = { first: 100, most: 5_000 }

/** Says what is tried, and how often it has been in vain. Renewed now and then, not at every try. */
const logRetry = (node: Node, error: RegistryUnavailable, tries: number, delay: number): Effect.Effect<void> =>
  tries <= 3 || tries % 10 === 0
    ? Effect.logWarning(
      `cannot join scope "${node.config.scope}" on ${node.registry.description} (${error.reason}: ${error.detail}); ` +
        `try ${tries + 1} in ${Math.round(delay)} ms`
    )
    : Effect.void

const pauseBefore = (node: Node, failure: RegistryUnavailable | NotYet, tries: number): Effect.Effect<void> => {
  if (failure._tag === "NotYet" && tries <= 5) return Effect.yieldNow()
  const delay = Math.min(delays.first * 2 ** (tries - 1), delays.most, node.timing.heartbeat)
  const log = failure._tag === "NotYet" ? Effect.void : logRetry(node, failure, tries, delay)
  return Effect.zipRight(log, Effect.sleep(delay))
}

/** Tries until the registry has taken this node in. */
export const join = (node: Node): Effect.Effect<Session, Fatal> =>
  Effect.gen(function*() {
    let sid = yield* newSid(node)
    for (let tries = 1;; tries++) {
      const result = yield* Effect.either(
        Effect.zipRight(learnEra(node), Effect.suspend(() => assertAndOpen(node, begin(node, sid))))
      )
      if (result._tag === "Right") return result.right
      const failure = result.left
      if (failure._tag === "TimingMismatch" || failure._tag === "LayoutMismatch") return yield* Effect.fail(failure)
      if (failure._tag === "NotYet" && failure.dead) sid = yield* newSid(node)
      // Ask again before anything is opened again: a node that is heard, and hears nothing, would keep its session, and
      // the claims that it brought along, alive for ever.
      if (failure._tag === "RegistryUnavailable") {
        node.era.forget()
        node.joinProblem = `${failure.reason}: ${failure.detail}`
      }
      yield* pauseBefore(node, failure, tries)
    }
  })

/** Tries until it is known which era is current, and nothing more. */
export const awaitEra = (node: Node): Effect.Effect<void, Fatal> =>
  Effect.gen(function*() {
    for (let tries = 1;; tries++) {
      const result = yield* Effect.either(learnEra(node))
      if (result._tag === "Right") return
      const failure = result.left
      if (failure._tag === "TimingMismatch" || failure._tag === "LayoutMismatch") return yield* Effect.fail(failure)
      if (failure._tag === "RegistryUnavailable") node.joinProblem = `${failure.reason}: ${failure.detail}`
      yield* pauseBefore(node, failure, tries)
    }
  })
