/**
 * The calls of this node to one child, while there are any: those that wait for a place to go, in the order in which
 * they were made, and those that are on their way.
 *
 * Calls begin in the order in which they were made, also when the child moves while several are on their way. Five rules
 * together see to that:
 *
 * 1. One place at a time: while a call is on its way to one place and claim, none is sent to another (`sentTo`).
 * 2. A node that turns a call away, since the child is not there, turns away all later ones of the same connection and
 *    child too, however the claim changes meanwhile (`turnedAway` in `server.ts`).
 * 3. A call that was turned away is put back in its turn, by its number (`insert`). It is not sent while calls that were
 *    made later are on their way: these are about to be turned away as well (`isOvertaken`).
 * 4. The first call that is sent to a node again after that says so (`again` in its message, `comesAgain` in
 *    `peerConnection.ts`), which ends rule 2.
 * 5. A place that turned a call away is not asked again for a moment, unless the child has another claim (`avoided`).
 *
 * A call that may have run keeps its number, too, but waits for nobody: only an idempotent one is ever sent again.
 *
 * @internal
 */
import type { ChildId } from "../../../ChildSpec.js"
import { type CallError, CallTimeout, MailboxFull, NodeUnreachable, PayloadTooLarge } from "../../../PogoError.js"
import type { Node } from "../../node/node.js"
import type { Timer, Timers } from "../../runtime/environment.js"
import type { LocalChild } from "../../supervisor/localChild.js"
import { type CallRefusal, leaving } from "../wire/message.js"
import type { Call } from "./call.js"
import { notFound, type Route, routeOf, unavailable } from "./route.js"

/** Pauses before a place that refused is tried again, though nothing new is known of it. Milliseconds. */
const pause = { first: 10, most: 500 }

type Reachable = Extract<Route, { readonly _tag: "Local" | "Remote" }>

/** Text that names a place and a claim. */
const keyOf = (route: Reachable): string =>
  route._tag === "Local" ? `#${route.child.claim}` : `${route.address}#${route.token}`

/** The router, as the queues of its children see it. */
export interface QueueOwner {
  readonly node: Node
  readonly timers: Timers
  /** Whether this process can reach other nodes at all. */
  readonly connected: boolean
  readonly executeHere: (queue: ChildQueue, call: Call, child: LocalChild) => void
  readonly executeThere: (queue: ChildQueue, call: Call, route: Extract<Route, { readonly _tag: "Remote" }>) => void
  readonly fail: (call: Call, error: CallError) => void
  readonly watch: (id: string, listener: () => void) => void
  readonly unwatch: (id: string, listener: () => void) => void
  /** Forgets a queue in which nothing is left. */
  readonly drop: (queue: ChildQueue) => void
}

/** The calls of this node to one child. */
export class ChildQueue {
  private readonly waiting: Array<Call> = []
  private readonly sent = new Set<Call>()
  /** Place and claim to which the calls that are on their way went. */
  private sentTo = ""
  /** The place that turned a call away last, and until when it is not asked again. Elapsed milliseconds. */
  private avoided = ""
  private avoidUntil = 0
  private refusals = 0
  private retry: Timer | undefined
  private watching = false
  /** Whether the registry's log has been read since the child was found to be unknown here. */
  private looked: "no" | "now" | "yes" = "no"
  private pumping = false
  /** Whether a call was turned away, and none has been sent since. */
  private turnedAway = false

  constructor(private readonly router: QueueOwner, readonly id: ChildId) {}

  submit(call: Call): void {
    this.insert(call)
    this.pump()
  }

  /** Puts a call among those that wait, in the order in which they were made. */
  private insert(call: Call): void {
    let index = this.waiting.length
    while (index > 0 && this.waiting[index - 1]!.seq > call.seq) index--
    this.waiting.splice(index, 0, call)
  }

  /** Sends what may be sent. */
  readonly pump = (): void => {
    if (this.pumping) return
    this.pumping = true
    while (this.waiting.length > 0 && this.step()) continue
    this.pumping = false
    this.settle()
  }

  /** One decision; `false` when there is nothing to do but to wait. */
  private step(): boolean {
    const { node } = this.router
    if (node.phase === "closed") return this.failAll(unavailable(node, this.id, "this supervisor is shut down", false))
    const route = routeOf(node, this.id, this.router.connected)
    switch (route._tag) {
      case "Refused":
        return this.failAll(route.error)
      case "Absent":
        return this.absent()
      case "Wait":
        return false
      default:
        return this.dispatch(route)
    }
  }

  private failAll(error: CallError): boolean {
    for (const call of this.waiting.splice(0)) this.router.fail(call, error)
    return false
  }

  /** An unknown child may have been registered a moment ago: the registry's log is read once before calls fail. */
  private absent(): boolean {
    if (this.looked === "yes") return this.failAll(notFound(this.id))
    if (this.looked === "no") {
      this.looked = "now"
      this.router.node.afterReading(() => {
        this.looked = "yes"
        this.pump()
      })
    }
    return false
  }

  private dispatch(route: Reachable): boolean {
    const { timers } = this.router
    this.looked = "no"
    const key = keyOf(route)
    if (this.sent.size > 0 && this.sentTo !== key) return false
    const now = this.router.node.ambient.now()
    if (this.avoided === key && now < this.avoidUntil) {
      if (this.retry === undefined) {
        const retry = {
          at: this.avoidUntil,
          run: () => {
            this.retry = undefined
            this.pump()
          }
        }
        this.retry = retry
        timers.add(retry)
      }
      return false
    }
    if (this.turnedAway && this.isOvertaken()) return false
    const call = this.waiting.shift()!
    this.sent.add(call)
    this.sentTo = key
    this.turnedAway = false
    if (route._tag === "Local") this.router.executeHere(this, call, route.child)
    else this.router.executeThere(this, call, route)
    return true
  }

  /** Whether later calls are on their way to where the first that waits was turned away: they will be, too. */
  private isOvertaken(): boolean {
    const [first] = this.waiting
    if (first!.mayHaveRun) return false
    for (const { seq } of this.sent) if (seq > first!.seq) return true
    return false
  }

  /** Listens for news of the child while calls wait, and drops the queue when it is empty. */
  private settle(): void {
    const { router } = this
    if (this.waiting.length > 0) {
      if (!this.watching) {
        this.watching = true
        router.watch(this.id, this.pump)
      }
      return
    }
    if (this.watching) {
      this.watching = false
      router.unwatch(this.id, this.pump)
    }
    if (this.retry !== undefined) {
      router.timers.delete(this.retry)
      this.retry = undefined
    }
    if (this.sent.size === 0) router.drop(this)
  }

  /** Forgets a call that was answered, or whose caller no longer waits. */
  release(call: Call): void {
    if (!this.sent.delete(call)) {
      const index = this.waiting.indexOf(call)
      if (index >= 0) this.waiting.splice(index, 1)
    } else this.refusals = 0
    if (this.waiting.length > 0) this.pump()
    else this.settle()
  }

  /** Lets later calls go on: a stream that has begun keeps nobody waiting. */
  streams(call: Call): void {
    if (this.sent.delete(call)) this.pump()
  }

  /** Puts a call back that was turned away. `pauseFor`: milliseconds for which the place is not asked again. */
  private again(call: Call, pauseFor: number): void {
    this.sent.delete(call)
    call.execution = undefined
    this.avoided = this.sentTo
    this.avoidUntil = this.router.node.ambient.now() + pauseFor
    if (!call.settled) this.insert(call)
    this.pump()
  }

  private get nextPause(): number {
    return Math.min(pause.first * 2 ** this.refusals++, pause.most)
  }

  /** Takes the refusal of a call: it is sent again if it never ran or may run twice, and fails otherwise. */
  refused(call: Call, refusal: CallRefusal): void {
    const { node } = this.router
    const { code, detail } = refusal
    if (code === "notHere") {
      call.trouble = undefined
      this.turnedAway = true
      return this.again(call, this.nextPause)
    }
    if (code === "ended") {
      call.mayHaveRun = true
      call.leaving = refusal.size === leaving
      if (call.procedure.idempotent && !call.procedure.isStream) return this.again(call, this.nextPause)
      return this.router.fail(call, unavailable(node, this.id, detail, true))
    }
    this.router.fail(call, this.errorOf(call, refusal))
  }

  private errorOf(call: Call, { code, detail, limit, size }: CallRefusal): CallError {
    if (code === "full") return new MailboxFull({ id: this.id, capacity: size })
    if (code === "tooLarge") {
      return new PayloadTooLarge({ id: this.id, rpc: call.procedure.tag, part: "answer", size, limit })
    }
    if (code === "late" && detail === "") {
      const { id, mayHaveRun, procedure, timeout } = call
      return new CallTimeout({ id, rpc: procedure.tag, timeout, mayHaveRun })
    }
    return unavailable(this.router.node, this.id, detail, false)
  }

  /** Takes the loss of the connection on which a call was sent, or was to be. */
  lost(call: Call, target: string, reason: string, sent: boolean): void {
    if (sent) call.mayHaveRun = true
    const error = new NodeUnreachable({ node: target, reason, mayHaveRun: call.mayHaveRun })
    if (sent && (!call.procedure.idempotent || call.streaming)) return this.router.fail(call, error)
    call.trouble = error
    this.again(call, this.nextPause)
  }

  /** The error of a call whose time is over. `spared`: it is certain that it never began where it was sent. */
  expired(call: Call, spared: boolean): CallError {
    const { node } = this.router
    if (call.trouble !== undefined) return call.trouble
    if (this.sent.has(call)) {
      const { id, procedure, timeout } = call
      return new CallTimeout({ id, rpc: procedure.tag, timeout, mayHaveRun: call.mayHaveRun || !spared })
    }
    return unavailable(node, this.id, "", call.mayHaveRun)
  }
}
