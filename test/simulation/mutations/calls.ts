/**
 * Rules of calls, broken. What breaks them is put into the code that all nodes share, for the time of one history.
 */
import type { Call } from "../../../src/internal/calls/client/call.js"
import { ChildQueue } from "../../../src/internal/calls/client/childQueue.js"
import { Peer } from "../../../src/internal/calls/client/peerConnection.js"
import { Router } from "../../../src/internal/calls/client/router.js"
import { type IncomingCall, Mailbox } from "../../../src/internal/calls/server/mailbox.js"
import { refusal } from "../../../src/internal/calls/wire/message.js"
import { LocalChild } from "../../../src/internal/supervisor/localChild.js"
import { ChildUnavailable, NodeUnreachable } from "../../../src/PogoError.js"
import type { CallPlan, CallsPlan } from "../calls/plan.js"
import type { Plan } from "../plan.js"
import type { Mutation } from "./mutation.js"

/** Undoes a change. */
type Undo = () => void

/** While it runs, a child believes that it has its claim. */
const believing = (child: LocalChild, run: () => void): void => {
  Object.defineProperty(child, "holds", { configurable: true, value: true })
  run()
  Reflect.deleteProperty(child, "holds")
}

/** While it runs, a call counts as one that may be repeated. */
const repeatable = (call: Call, run: () => void): void => {
  const { procedure } = call
  Object.assign(call, { procedure: { ...procedure, idempotent: true } })
  run()
  Object.assign(call, { procedure })
}

const child = LocalChild.prototype
const mailbox = Mailbox.prototype
const lane = ChildQueue.prototype
const peer = Peer.prototype
const router = Router.prototype

const answersUnseen = (): Undo => {
  const answer = mailbox["answer"]
  mailbox["answer"] = function(this: Mailbox, ...args) {
    believing(this["child"], () => answer.apply(this, args))
  }
  return () => (mailbox["answer"] = answer)
}

const beginsUnseen = (): Undo => {
  const begin = mailbox["begin"]
  mailbox["begin"] = function(this: Mailbox, call) {
    believing(this["child"], () => begin.call(this, call))
  }
  return () => (mailbox["begin"] = begin)
}

const deniesToHaveRun = (): Undo => {
  const answer = mailbox["answer"]
  mailbox["answer"] = function(this: Mailbox, call, deliver) {
    const refused = () => call.receiver.refused(refusal("notHere"))
    answer.call(
      this,
      Object.create(call, { receiver: { value: { ...call.receiver, refused } } }) as IncomingCall,
      deliver
    )
  }
  return () => (mailbox["answer"] = answer)
}

const repeats = (): Undo => {
  const lost = lane["lost"]
  const refused = lane["refused"]
  lane.lost = function(this: ChildQueue, call, ...rest) {
    repeatable(call, () => lost.call(this, call, ...rest))
  }
  lane.refused = function(this: ChildQueue, call, why) {
    repeatable(call, () => refused.call(this, call, why))
  }
  return () => Object.assign(lane, { lost, refused })
}

const runsOn = (): Undo => {
  const endCalls = child["endCalls"]
  child["endCalls"] = (then) => then
  return () => (child["endCalls"] = endCalls)
}

const neverExpires = (): Undo => {
  const expire = router["expire"]
  router["expire"] = () => {}
  return () => (router["expire"] = expire)
}

const fewNumbers = (): Undo => {
  const write = peer["write"]
  peer["write"] = function(this: Peer, connection, outgoing) {
    this["calls"] %= 2
    write.call(this, connection, outgoing)
  }
  return () => (peer["write"] = write)
}

const forgetsCalls = (): Undo => {
  const over = peer["over"]
  peer["over"] = function(this: Peer, reason) {
    this["pending"].clear()
    over.call(this, reason)
  }
  return () => (peer["over"] = over)
}

const disorderly = (): Undo => {
  const insert = lane["insert"]
  lane["insert"] = function(this: ChildQueue, call) {
    this["waiting"].unshift(call)
  }
  return () => (lane["insert"] = insert)
}

const hurried = (): Undo => {
  const dispatch = lane["dispatch"]
  lane["dispatch"] = function(this: ChildQueue, route) {
    this["sent"].clear()
    return dispatch.call(this, route)
  }
  return () => (lane["dispatch"] = dispatch)
}

const allSpared = (): Undo => {
  const fail = router["fail"]
  router.fail = function(this: Router, call, error) {
    call.mayHaveRun = false
    if (error._tag !== "NodeUnreachable" && error._tag !== "ChildUnavailable") return fail.call(this, call, error)
    const spared = error._tag === "NodeUnreachable"
      ? new NodeUnreachable({ node: error.node, reason: error.reason, mayHaveRun: false })
      : new ChildUnavailable({ id: error.id, status: error.status, reason: error.reason, mayHaveRun: false })
    fail.call(this, call, spared)
  }
  return () => (router.fail = fail)
}

/** Calls of a history that are long over before all is calm: every third one. */
const early = ({ made }: CallsPlan, calm: number): CallsPlan["made"] =>
  made.filter(({ at }, i) => at < calm - 30_000 && i % 3 === 0)

/** Calls wait for others, for longer than a lease lasts. */
const patient = (plan: Plan): Plan => {
  const { calls, calm, disorder } = plan
  if (calls === undefined) return plan
  const made = early(calls, calm).flatMap((call) =>
    Array.from({ length: 4 }, (_, i): CallPlan => ({
      ...call,
      rpc: "pay",
      at: call.at + i,
      timeout: 60_000,
      before: 5_000,
      after: 0,
      end: "answer",
      leaves: undefined
    }))
  )
  return { ...plan, disorder: { ...disorder, preempt: 0 }, calls: { ...calls, made } }
}

/** Some handlers work for longer than a lease lasts, and are done before all is calm. */
const laborious = (plan: Plan): Plan => {
  const { calls, calm } = plan
  if (calls === undefined) return plan
  const made = calls.made
    .filter(({ at }) => at < calm - 15_000)
    .map((call, i) => (i % 3 === 0 ? { ...call, timeout: 60_000, before: 6_000 } : call))
  return { ...plan, calls: { ...calls, made } }
}

export const ofCalls: ReadonlyArray<Mutation> = [
  {
    name: "a claim is not looked at before a call is answered",
    shownBy: 407,
    weights: { freeze: 60 },
    shape: laborious,
    patch: answersUnseen
  },
  {
    name: "a claim is not looked at when a call begins",
    shownBy: 454,
    weights: { slow: 40, cut: 60, Account: 10 },
    shape: patient,
    patch: beginsUnseen
  },
  { name: "a call that may have run is sent again", shownBy: 5, patch: repeats },
  { name: "a call that was broken off is refused as if it had not begun", patch: deniesToHaveRun },
  { name: "a call that may have run is said not to have", patch: allSpared },
  { name: "calls go on when the run of their child ends", patch: runsOn },
  { name: "a call has no deadline", patch: neverExpires },
  { name: "two calls of a connection have one number", patch: fewNumbers },
  { name: "a connection that breaks does not end what is on it", shownBy: 29, patch: forgetsCalls },
  { name: "what waits has no order", shownBy: 5, patch: disorderly },
  { name: "a call is sent to a new place while the old one owes an answer", patch: hurried }
]
