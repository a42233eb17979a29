/**
 * Joining: learning the era, asserting the claims of children that still run, and opening a session.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
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
import { untilSuccess } from "../runtime/environment.js"
import { logError, logWarning, printError } from "../runtime/userCode.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { settleUnconfirmed } from "./unconfirmedClaims.js"

/** Why a node may not join: the scope belongs to another version of the code, or has other timings. */
export type Fatal = TimingMismatch | LayoutMismatch

/** The registry answered, and this try is void: the next may succeed. */
interface NotYet {
  readonly _tag: "NotYet"
  /** Whether the session's name is used up: the next try needs another. */
  readonly dead: boolean
}

const notYet = (dead = false): NotYet => ({ _tag: "NotYet", dead })

type Failure = RegistryUnavailable | Fatal | NotYet

/** What a refusal means to a node that joins. */
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

/** Learns which era is current, unless that is known; on the connection on which the session is about to be opened. */
const learnEra = (node: Node): Effect.Effect<void, Failure> =>
  Effect.gen(function*() {
    if (node.era.current !== "") return
    const { reply } = yield* send(node, "", "nodes", {})
    if (reply._tag === "ERA") node.era.learn(reply.era)
    else if (reply._tag !== "OK") return yield* Effect.fail(failureOf(node, reply))
  })

/** The claims that the node brings along: of all children whose fibers live, except those that are another's by now. */
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

/** A try to open a session. */
interface Opening {
  readonly sid: string
  readonly era: string
  readonly mode: OpenMode
  /** How often the lease had been lost when the try began: once more, and every answer is void. */
  readonly fences: number
}

/** Begins a try. `mode`: what becomes of the claims that the node brings along. */
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

/** Gives up children whose claims are another's: the copies here must stop at once. */
const giveUp = (node: Node, children: ReadonlyArray<LocalChild>): void => {
  for (const child of children) {
    node.supervisor.revoke(child)
    if (child.stage === "reportingEnd") node.supervisor.forget(child)
    else {
      node.supervisor.stop(child, "claimLost")
      // One that was ending already, for its lease: its claim is not asserted again.
      child.stopReason = "claimLost"
    }
  }
}

/** The answer to one chunk of claims. */
interface Chunk {
  readonly refused: ReadonlyArray<string>
  readonly quarantine: number
  readonly collected: number
  readonly fresh: number
  readonly sent: number
  readonly log: number
}

/** Sends one chunk of claims; with the last one the session is complete. */
const sendChunk = (
  node: Node,
  opening: Opening,
  claims: ReadonlyArray<ClaimAssertion>,
  last: boolean
): Effect.Effect<Chunk, Failure> =>
  Effect.gen(function*() {
    const { era, mode, sid } = opening
    const { record, version } = node.own.encode()
    const list = node.own.list?.what.set
    const { revision } = node.config
    const supersedes = node.era.lastSid
    const { fresh } = node.rollout
    const args: Args<"open"> = { sid, version, record, mode, claims, last, supersedes, list, revision, fresh }
    const { reply, sent } = yield* send(node, era, "open", args)
    if (node.lease.fences !== opening.fences) return yield* Effect.fail(notYet())
    if (reply._tag !== "OK") return yield* Effect.fail(failureOf(node, reply))
    if (last) node.own.published(version)
    return { ...reply.value, sent, log: reply.log }
  })

/** Chunks of claims that are on their way at a time. */
const inFlight = 8

/** Gives up what the registry refused; what still runs here is then asserted, or not yet sent. */
const takeAnswer = (node: Node, { quarantine, refused, sent }: Chunk): void => {
  giveUp(node, refusedBy(node, refused))
  // Nothing is granted before the quarantine ends: the lease is as good as one that was renewed a ttl before that end.
  if (node.lease.holds()) node.lease.renew(sent - (node.timing.ttl - quarantine))
}

/**
 * Opens the session, claims included. Into a new data set the claims go first, and the session begins to live with the
 * last of them, which is sent when all others were answered: one that lived before would let the rest of its claims be
 * taken when the quarantine ends. In the same data set, after a lapse, the session lives with the first chunk, since
 * nothing protects the claims until then.
 */
const assertAndOpen = (node: Node, opening: Opening): Effect.Effect<Session, Failure> =>
  Effect.gen(function*() {
    const all = chunks(assertions(node))
    const livesFirst = opening.mode === "carry"
    const isLast = (i: number) => i === (livesFirst ? 0 : all.length - 1)
    const send = (i: number) =>
      Effect.suspend(() => {
        const alive = all[i]!.filter(({ id, token }) => node.supervisor.children.get(id)?.claim === token)
        return sendChunk(node, opening, alive, isLast(i))
      }).pipe(Effect.tap((chunk) => Effect.sync(() => takeAnswer(node, chunk))))
    const others = Effect.forEach(all.keys(), (i) => isLast(i) ? Effect.void : send(i), {
      concurrency: inFlight,
      discard: true
    })
    const last = send(livesFirst ? 0 : all.length - 1)
    const live = yield* livesFirst ? Effect.zipLeft(last, others) : Effect.zipRight(others, last)
    if (!node.lease.renew(live.sent)) return yield* Effect.fail(notYet())
    return establish(node, opening, live)
  })

/** Makes the session this node's own. */
const establish = (node: Node, opening: Opening, { collected, fresh, log, quarantine }: Chunk): Session => {
  const session = new Session(opening.sid, opening.era)
  session.heardOf(log)
  session.quarantineUntil = node.ambient.now() + quarantine
  // Tombstones that this memory has never heard of may have been swept away: it must not be given back.
  if (node.view.era !== opening.era && node.view.known < collected) node.view.clear()
  settleUnconfirmed(node, session, opening.mode, quarantine)
  node.rollout.opened(fresh, opening.mode === "reassert")
  node.era.established(session)
  node.lease.workSucceeded()
  node.begin(session)
  node.enter("syncing")
  return session
}

/** The schedule of tries to join: after 100 ms, then twice as long each time, up to 5 s or a heartbeat. For ever. */
export const joinTries = (heartbeat: number): Schedule.Schedule<number> =>
  Schedule.addDelay(Schedule.forever, (tries) => Math.min(100 * 2 ** tries, 5_000, heartbeat))

/** How often a try that the registry made void is repeated without a pause. */
const freeTries = 5

const isNotYet = (failure: Failure): failure is NotYet => failure._tag === "NotYet"

const isFatal = (failure: Failure): failure is Fatal =>
  failure._tag === "TimingMismatch" || failure._tag === "LayoutMismatch"

/** Logs that the registry could not be joined: the first three tries, then every tenth. */
const logProblem = (node: Node, error: RegistryUnavailable, tries: number): Effect.Effect<void> =>
  tries <= 3 || tries % 10 === 0
    ? logWarning(
      `cannot join scope "${node.config.scope}" on ${node.registry.description} (${error.reason}: ${error.detail}); ` +
        `try ${tries} failed, others follow`
    )
    : Effect.void

/** Tries until an attempt succeeds, or it is of no use to try again. */
const keepTrying = <A>(node: Node, attempt: Effect.Effect<A, Failure>): Effect.Effect<A, Fatal> =>
  Effect.suspend(() => {
    let tries = 0
    return attempt.pipe(
      Effect.retry({ while: isNotYet, times: freeTries }),
      Effect.tapErrorTag("RegistryUnavailable", (error) => {
        node.joinProblem = `${error.reason}: ${error.detail}`
        return logProblem(node, error, ++tries)
      }),
      Effect.retry({ schedule: joinTries(node.timing.heartbeat), until: isFatal }),
      // The schedule has no end.
      Effect.catchTags({ NotYet: Effect.die, RegistryUnavailable: Effect.die })
    )
  })

/** Tries until the registry has taken this node in. */
export const join = (node: Node): Effect.Effect<Session, Fatal> =>
  Effect.gen(function*() {
    let sid = yield* newSid(node)
    const attempt = Effect.zipRight(
      learnEra(node),
      Effect.suspend(() => assertAndOpen(node, begin(node, sid)))
    ).pipe(
      Effect.tapErrorTag("NotYet", ({ dead }) =>
        dead ? Effect.map(newSid(node), (fresh) => void (sid = fresh)) : Effect.void),
      // Ask again before anything is opened again: a node that is heard, and hears nothing, would keep its session, and
      // the claims that it brought along, alive for ever.
      Effect.tapErrorTag("RegistryUnavailable", () =>
        Effect.sync(() => node.era.forget()))
    )
    return yield* keepTrying(node, attempt)
  })

/** Tries until it is known which era is current, and nothing more. */
export const awaitEra = (node: Node): Effect.Effect<void, Fatal> =>
  keepTrying(node, Effect.filterOrFail(learnEra(node), () => node.era.current !== "", () => notYet()))

/**
 * Where the scope is another version's, or has other timings, says so, and tries again once per ttl: it may be given up
 * by those who have it.
 */
export const unlessRefused = <A>(
  node: Node,
  joining: Effect.Effect<A, Fatal>,
  refused: (error: Fatal) => Effect.Effect<unknown>
): Effect.Effect<A> =>
  joining.pipe(
    Effect.tapError((error) => Effect.zipRight(logError(printError(error)), refused(error))),
    (attempt) => untilSuccess(attempt, Schedule.spaced(node.timing.ttl))
  )
