/**
 * The calls of this node to one child, while there are any: those that wait for a place to go, in the order in which
 * they were made, and those that are on their way.
 *
 * @internal
 */
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

/** Names a place and a claim. */
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
  /** Where those that are on their way went. */
  private sentTo = ""
  /** A place that refused, and until when it is not asked again. */
  private avoided = ""
  private avoidUntil = 0
  private refusals = 0
  private retry: Timer | undefined
  private watching = false
  /** Whether the registry's news were read before the child counted as unknown. */
  private looked: "no" | "now" | "yes" = "no"
  private pumping = false
  /** A call was turned away by the place that it was sent to, and none was sent since. */
  private turnedAway = false

  constructor(private readonly router: QueueOwner, readonly id: string) {}

  submit(call: Call): void {
    this.insert(call)
    this.pump()
  }

  /** In the order in which the calls were made. */
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

  /** It may have been registered a moment ago: the registry's news are read once. */
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

  /** Calls that were made later are on their way back: they are turned away, too. */
  private isOvertaken(): boolean {
    const [first] = this.waiting
    if (first!.mayHaveRun) return false
    for (const { seq } of this.sent) if (seq > first!.seq) return true
    return false
  }

  /** Keeps the lane for as long as it has calls, and listens for news while some wait. */
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

  /** A call was answered, or its caller no longer waits. */
  release(call: Call): void {
    if (!this.sent.delete(call)) {
      const index = this.waiting.indexOf(call)
      if (index >= 0) this.waiting.splice(index, 1)
    } else this.refusals = 0
    if (this.waiting.length > 0) this.pump()
    else this.settle()
  }

  /** A stream that runs no longer keeps the order of calls. */
  streams(call: Call): void {
    if (this.sent.delete(call)) this.pump()
  }

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

  /** Whoever was asked does not answer. */
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

  /** The way to the node was lost, or could not be opened. */
  lost(call: Call, target: string, reason: string, sent: boolean): void {
    if (sent) call.mayHaveRun = true
    const error = new NodeUnreachable({ node: target, reason, mayHaveRun: call.mayHaveRun })
    if (sent && (!call.procedure.idempotent || call.streaming)) return this.router.fail(call, error)
    call.trouble = error
    this.again(call, this.nextPause)
  }

  /** Its time is over. `spared`: it is certain that it never began where it was sent. */
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
