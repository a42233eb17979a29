/**
 * Reconciling: asking the plan about every child that something is new about, and doing what it says. Claims are asked
 * for in batches; a child is started as soon as its claim is granted, if the plan would still have it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ChildId } from "../../ChildSpec.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import * as PogoEvent from "../../PogoEvent.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Registration } from "../kind/registration.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import { peekStates, readState } from "../node/storedStates.js"
import { type Action, type Condition, decide, endOf, mayStart } from "../plan/decide.js"
import { batchesOf } from "../registry/batches.js"
import { type ClaimResult, maxBatch } from "../registry/commands.js"
import { parseClaim, parseStat } from "../registry/state.js"
import { codeOf } from "../replica/candidates.js"
import { trialOf } from "../replica/replica.js"
import { longestTurn, untilSuccess } from "../runtime/environment.js"
import type { LocalChild } from "../supervisor/localChild.js"

/** Children looked at before other fibers have a turn: about a millisecond of work. */
const slice = 500

/** Children started before other fibers have a turn: some milliseconds of work. */
const startSlice = 32

/** A claim to ask for. Generation 0 asks for nothing, and only has a dead holder's claim removed. */
export interface Wanted {
  readonly id: string
  readonly generation: number
}

/** Stops a child as the plan says. One that moves is given its slot first. */
const stopFor = (node: Node, child: LocalChild, action: Extract<Action, { readonly _tag: "Stop" }>): void => {
  if (action.moves) node.moves.begin(child.id)
  node.supervisor.stop(child, action.reason)
  // A termination has taken the status away that says so, and the stage is none that is new.
  if (child.stage === "overdue") node.outbox.report(child)
}

/**
 * Stops the children that are terminated or replaced, before the node is active: where its renewals are never answered,
 * those that went on without a lease would do so for ever, and keep their claims from one session to the next.
 */
export const stopEnded = (node: Node): void => {
  for (const child of Array.from(node.supervisor.children.values())) {
    const entry = node.view.entries.get(child.id)
    const action = entry === undefined ? undefined : endOf(entry, child)
    if (action !== undefined) stopFor(node, child, action)
  }
}

/** Has the plan look again at a child that is to move later, when that is. */
const keep = (node: Node, child: LocalChild): void => {
  if (child.stayEnd !== undefined) return
  child.stayEnd = {
    at: child.stayUntil,
    run: () => {
      child.stayEnd = undefined
      node.workQueue.add(child.id)
    }
  }
  node.timers.add(child.stayEnd)
}

/** Stops a child whose claim is another's. */
const revoke = (node: Node, child: LocalChild): void => {
  node.supervisor.revoke(child)
  node.supervisor.stop(child, "claimLost")
}

type Granted = Extract<ClaimResult, { readonly _tag: "GRANTED" }>

/** Does what the plan says about one child; claims to ask for are collected in `wanted`. */
const act = (node: Node, condition: Condition, id: string, wanted: Array<Wanted>): void => {
  if (node.session?.trying.has(id) === true) return
  const child = node.supervisor.children.get(id)
  const entry = node.view.entries.get(id)
  const action = decide(entry, child, condition)
  switch (action._tag) {
    case "Nothing":
    case "Try":
      if (child !== undefined && entry !== undefined) node.outbox.reportIfUnknown(child, entry)
      return
    case "Claim":
      if (wanted.length >= condition.room) return node.capacity.turnAway()
      wanted.push({ id, generation: action.generation })
      return
    case "Purge":
      wanted.push({ id, generation: 0 })
      return
    case "Stop":
      return stopFor(node, child!, action)
    case "Revoke":
      return revoke(node, child!)
    case "Release":
      return node.outbox.release(id, action.token)
    case "Later":
      return node.workQueue.postpone(id)
    case "Stay":
      return keep(node, child!)
  }
}

/** Gives a claim back whose child this node's code cannot read: the child is left to others. */
const refuse = (node: Node, id: string, token: number, code: string, reason: string): void => {
  node.outbox.refuse(id, token, code, reason)
  node.emit(() => PogoEvent.ChildRefused({ id: id as ChildId, node: node.config.name, reason }))
  node.childLog.refused(id, reason)
}

/** Takes the state of a child over, which came with the claim. The result says why this node's code cannot read it. */
const takeState = (
  node: Node,
  id: ChildId,
  { birth, state, token }: Granted,
  registration: Registration
): string | undefined => {
  if (registration.state === undefined) return undefined
  const record = readState(state)
  if (record?.lost === true) {
    node.childLog.stateLost(id)
    node.emit(() => PogoEvent.StateLost({ id, node: node.config.name, token: BigInt(token) }))
  } else if (record !== undefined) {
    const problem = registration.state.problemWith(id, record)
    if (problem !== undefined) return problem
  }
  node.states.begin(id, token, birth, record)
  return undefined
}

/** Starts a child under a claim just granted, if the plan would still have it; gives the claim back if not. */
const start = (
  node: Node,
  condition: Condition,
  { generation, id }: Wanted,
  grant: Granted,
  at: number
): void => {
  const { stat, token, trial } = grant
  const isFound = stat !== null && node.view.entries.get(id)?.holder === undefined
  node.view.setClaim(id, { token, generation, sid: condition.sid }, stat ?? undefined, at)
  node.view.setTrial(id, trial, at)
  const entry = node.view.entries.get(id)
  // The log may have told already of what came after the grant, such as that the claim was given back.
  if (entry?.claim?.token !== token) return
  if (!mayStart(entry, generation, condition) || node.supervisor.children.has(id)) {
    return node.outbox.release(id, token)
  }
  const spec = entry.spec!
  const registration = node.kinds.get(spec.kind)!
  const unreadable = takeState(node, id as ChildId, grant, registration)
  if (unreadable !== undefined) return refuse(node, id, token, codeOf(registration.code), unreadable)
  const result = node.supervisor.start(
    {
      id: id as ChildId,
      spec,
      token,
      stat: stat === null ? undefined : parseStat(stat),
      deaths: trialOf(entry)?.deaths ?? 0
    },
    registration
  )
  if (Either.isLeft(result)) {
    node.states.forget(id)
    refuse(node, id, token, codeOf(registration.code), result.left)
  } else if (isFound) node.childLog.found(id)
}

/** Takes over that the registry has parked a child, whose owners died too often. */
const learnParked = (
  node: Node,
  { id }: Wanted,
  { spec, stat }: Extract<ClaimResult, { readonly _tag: "PARKED" }>,
  at: number
): void => {
  const { cause, token } = parseStat(stat)!
  node.view.setClaim(id, undefined, stat, at)
  node.view.learnSpec(id, spec, at)
  node.view.setTrial(id, null, at)
  node.count(PogoMetrics.childFailures)
  node.emit(() => PogoEvent.ChildFailed({ id: id as ChildId, node: node.config.name, token: BigInt(token), cause }))
  node.childLog.parked(id, cause)
}

/** Takes over the answer about one claim. */
const settle = (node: Node, session: Session, wanted: Wanted, result: ClaimResult, at: number): void => {
  const { id } = wanted
  switch (result._tag) {
    case "GRANTED":
      return start(node, node.condition(session), wanted, result, at)
    case "HELD":
      return node.view.setClaim(id, parseClaim(result.claim), node.view.entries.get(id)?.stat, at)
    case "TRIAL":
      node.view.setClaim(id, undefined, node.view.entries.get(id)?.stat, at)
      return node.view.setTrial(id, result.trial, at)
    case "PARKED":
      return learnParked(node, wanted, result, at)
    case "STALE":
      return node.view.learnSpec(id, result.spec, at)
    case "GONE":
    case "MALFORMED":
      return
  }
}

/** Whether a claim was granted, and the answer has no room for the child's state. */
const isMissing = (result: ClaimResult): result is Granted => result._tag === "GRANTED" && result.state === undefined

const hasState = (node: Node, id: string): boolean =>
  node.kinds.get(node.view.entries.get(id)?.spec?.kind ?? "")?.state !== undefined

/**
 * Reads the states that did not fit into the answer, a few at a time. Where that fails, the children are not started here:
 * their claims are given back.
 */
const withStates = (
  node: Node,
  session: Session,
  wanted: ReadonlyArray<Wanted>,
  results: ReadonlyArray<ClaimResult>
): Effect.Effect<ReadonlyArray<ClaimResult>, RegistryUnavailable> =>
  Effect.gen(function*() {
    const ids = wanted.filter(({ id }, i) => isMissing(results[i]!) && hasState(node, id)).map(({ id }) => id)
    const states = yield* peekStates(node, session, ids)
    return results.map((result, i) =>
      isMissing(result) ? { ...result, state: states.get(wanted[i]!.id) ?? null } : result
    )
  })

/**
 * Asks for a batch of claims, and starts the children whose claims were granted. `trial`: they are children to be tried,
 * as one round, which may go on from the batch before. Where it fails the caller has the plan look at all of them again.
 */
export const claim = (
  node: Node,
  session: Session,
  wanted: ReadonlyArray<Wanted>,
  trial?: { readonly goesOn: boolean }
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    const reply = yield* request(node, session, "claim", {
      sid: session.sid,
      items: wanted,
      trial: trial !== undefined,
      goesOn: trial?.goesOn
    })
    if (reply._tag === "QUARANTINE") {
      session.quarantineUntil = node.ambient.now() + reply.left
      return
    }
    if (reply._tag !== "OK") return
    const results = yield* withStates(node, session, wanted, reply.value.results)
    for (let i = 0; i < wanted.length; i++) {
      settle(node, session, wanted[i]!, results[i]!, reply.high)
      if (i % startSlice === startSlice - 1) yield* node.ambient.yieldTurn
    }
    node.childLog.tell()
  })

/** Asks for claims, in batches that are bounded by the specs that each command reads. */
const claimAll = (
  node: Node,
  session: Session,
  wanted: ReadonlyArray<Wanted>
): Effect.Effect<void, RegistryUnavailable> =>
  Effect.forEach(batchesOf(wanted, ({ id }) => node.view.specSize(id)), (batch) => claim(node, session, batch), {
    discard: true
  }).pipe(
    // Granted or not, nobody knows: the plan looks again when the registry had time to come back. At those of the batches
    // that were not sent, too.
    Effect.tapError(() => Effect.sync(() => wanted.forEach(({ id }) => node.workQueue.add(id))))
  )

/** Does what the plan says about some children. Other fibers have a turn where a placement's scores take long. */
const actOn = (
  node: Node,
  session: Session,
  ids: ReadonlyArray<string>,
  wanted: Array<Wanted>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    let condition = node.condition(session)
    let began = node.ambient.now()
    for (const [i, id] of ids.entries()) {
      act(node, condition, id, wanted)
      if (i % 8 === 7 && node.ambient.now() - began > longestTurn) {
        yield* node.ambient.yieldTurn
        condition = node.condition(session)
        began = node.ambient.now()
      }
    }
  })

/** Goes through the workQueue until nothing is left on it. */
const pass = (node: Node, session: Session): Effect.Effect<void, RegistryUnavailable> =>
  Effect.gen(function*() {
    let wanted: Array<Wanted> = []
    for (;;) {
      const ids = node.workQueue.take(Math.min(slice, maxBatch - wanted.length))
      yield* actOn(node, session, ids, wanted)
      if (wanted.length > 0 && (ids.length === 0 || wanted.length >= maxBatch)) {
        yield* claimAll(node, session, wanted)
        wanted = []
      } else if (ids.length === 0) {
        // Some of those that were looked at again may have no need to move any more: their places are free.
        if (node.moves.isOpen) node.resumeMoves()
        return
      } else yield* node.ambient.yieldTurn
    }
  })

/** Reconciles whenever the workQueue has something, for as long as the session lasts. */
export const reconcile = (node: Node, session: Session): Effect.Effect<never> =>
  untilSuccess(Effect.forever(Effect.zipRight(node.workQueue.wait, pass(node, session))), node.retries)
