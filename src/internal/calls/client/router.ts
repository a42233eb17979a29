/**
 * Sends the calls of this node to where their children run: here, without any codec, or over a connection to another
 * node.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as ParseResult from "effect/ParseResult"
import type { ChildId } from "../../../ChildSpec.js"
import { type CallError, PayloadTooLarge } from "../../../PogoError.js"
import type { Protocol } from "../../kind/protocol.js"
import type { Node } from "../../node/node.js"
import type { Timers } from "../../runtime/environment.js"
import { observe, printError } from "../../runtime/userCode.js"
import type { LocalChild } from "../../supervisor/localChild.js"
import type { CallMetrics } from "../callMetrics.js"
import { beginBy, IncomingCall, type Mailboxes, type Receiver, serverOf } from "../server/mailbox.js"
import { Window, windowSize } from "../wire/flowWindow.js"
import { type Message, op, readRefusal } from "../wire/message.js"
import { Broken, type Call, type CallOptions } from "./call.js"
import { ChildQueue, type QueueOwner } from "./childQueue.js"
import type { Outgoing, Peers } from "./peerConnection.js"
import { mayHaveRun, type Route, unavailable } from "./route.js"

type Remote = Extract<Route, { readonly _tag: "Remote" }>

/** Gives the client of the child with a key. */
export type Clients = (key: string, options?: CallOptions) => unknown

/** The calls of one node. */
export class Router implements QueueOwner {
  private readonly queues = new Map<string, ChildQueue>()
  /** Clients of kinds that need no services of their users. */
  readonly clients = new Map<Protocol, Clients>()
  private seq = 0

  constructor(
    readonly node: Node,
    private readonly peers: Peers | undefined,
    private readonly metrics: CallMetrics,
    readonly timers: Timers,
    private readonly mailboxOf: Mailboxes
  ) {}

  /** Whether this process can reach others at all. */
  get connected(): boolean {
    return this.peers !== undefined
  }

  submit(call: Call): void {
    call.seq = this.seq++
    call.run = () => this.expire(call)
    this.metrics.began(call)
    this.timers.add(call)
    this.queueOf(call.id).submit(call)
  }

  private queueOf(id: ChildId): ChildQueue {
    let queue = this.queues.get(id)
    if (queue === undefined) this.queues.set(id, queue = new ChildQueue(this, id))
    return queue
  }

  drop(queue: ChildQueue): void {
    if (this.queues.get(queue.id) === queue) this.queues.delete(queue.id)
  }

  /** Ends a call whose caller no longer waits. */
  cancel(call: Call): void {
    if (call.settled) return
    this.settle(call)
    this.metrics.ended(call, "Interrupted")
    call.execution?.cancel()
    this.queues.get(call.id)?.release(call)
  }

  private settle(call: Call): void {
    call.settled = true
    this.timers.delete(call)
  }

  /** Ends a call with what its caller is told. */
  finish(call: Call, outcome: Exit.Exit<unknown, unknown>, tag: string): void {
    if (call.settled) return
    this.settle(call)
    this.metrics.ended(call, tag)
    this.queues.get(call.id)?.release(call)
    call.caller.settle(outcome)
  }

  fail(call: Call, error: CallError): void {
    const token = call.streaming ? call.token : undefined
    const told = call.mayHaveRun ? mayHaveRun(this.node, error) : error
    this.finish(call, Exit.fail(token === undefined ? told : new Broken(token, told, call.leaving)), told._tag)
  }

  private expire(call: Call): void {
    const spared = call.execution?.cancel() === true
    this.fail(call, this.queueOf(call.id).expired(call, spared))
  }

  /** Notes that a stream has begun: it has no deadline any more, and later calls need not wait for it. */
  private began(queue: ChildQueue, call: Call, token: number, taken: (count: number) => void): void {
    if (call.settled || call.streaming) return
    call.streaming = true
    call.token = token
    this.timers.delete(call)
    queue.streams(call)
    call.caller.began({ token, taken })
  }

  watch(id: string, listener: () => void): void {
    this.node.watchers.of(id).add(listener)
  }

  unwatch(id: string, listener: () => void): void {
    this.node.watchers.of(id).delete(listener)
  }

  /** Executes a call on this node. */
  executeHere(queue: ChildQueue, call: Call, child: LocalChild): void {
    const procedure = serverOf(child)!.protocol.procedures.get(call.procedure.tag)
    if (procedure === undefined) {
      return this.fail(call, unavailable(this.node, call.id, `its code here has no rpc ${call.procedure.tag}`, false))
    }
    call.trouble = undefined
    const mailbox = this.mailboxOf(child)
    const now = this.node.ambient.now()
    const window = procedure.isStream ? new Window(windowSize.local) : undefined
    const receiver: Receiver = {
      payload: Effect.succeed(call.payload),
      began: () => this.began(queue, call, child.claim, (count) => window!.add(count)),
      emit: (items) =>
        Effect.suspend(() => {
          window!.use()
          call.caller.items(items, false)
          return window!.room
        }),
      prepare: (exit) => Effect.succeed(() => this.finish(call, exit, exit._tag)),
      refused: (refusal) => queue.refused(call, refusal)
    }
    const incoming = new IncomingCall(
      procedure,
      child.claim,
      beginBy(now, call.at - now),
      call.headers,
      call.trace,
      receiver
    )
    call.execution = { cancel: () => mailbox.cancel(incoming) }
    mailbox.submit(incoming)
  }

  /** Executes a call on another node. */
  executeThere(queue: ChildQueue, call: Call, route: Remote): void {
    this.encoded(call, (payload) => {
      if (call.settled) return
      const outgoing: Outgoing = {
        n: 0,
        frame: (n) => {
          // It may run from here on: an earlier failure to reach a node is no longer its outcome.
          call.trouble = undefined
          return this.frame(call, route.token, n, payload, this.peers!.comesAgain(route.address, call.id))
        },
        message: (message) => this.heard(queue, call, route, outgoing, message),
        lost: (reason, sent) => call.settled || queue.lost(call, route.node, reason, sent),
        unsendable: (error) => this.finish(call, Exit.die(error), "Unsendable"),
        tooLarge: (size, limit) =>
          this.fail(call, new PayloadTooLarge({ id: call.id, rpc: call.procedure.tag, part: "request", size, limit }))
      }
      call.execution = {
        cancel: () => {
          this.peers!.cancel(route.address, outgoing)
          return false
        }
      }
      this.peers!.send(route.address, outgoing)
    })
  }

  private frame(call: Call, token: number, n: number, payload: unknown, again: boolean): Message {
    const left = Math.max(1, Math.ceil(call.at - this.node.ambient.now()))
    const { headers, id, procedure, trace } = call
    const message = [op.call, n, id, token, procedure.tag, payload, left]
    const pairs = Object.entries(headers)
    if (pairs.length > 0 || trace !== undefined || again) message.push(pairs)
    if (trace !== undefined || again) message.push(trace)
    if (again) message.push(again)
    return message
  }

  /** Encodes the payload, at once unless its schema takes time. */
  private encoded(call: Call, then: (payload: unknown) => void): void {
    this.whenCoded(call.procedure.encodePayload(call.payload), (exit) => {
      if (exit._tag === "Success") then(exit.value)
      else this.finish(call, Exit.die(Cause.squash(exit.cause)), "Unencodable")
    })
  }

  private heard(queue: ChildQueue, call: Call, route: Remote, outgoing: Outgoing, message: Message): void {
    const { procedure } = call
    switch (message[0]) {
      case op.ok:
        return this.decoded(
          call,
          procedure.decodeSuccess(message[2]),
          (value) => this.finish(call, Exit.succeed(value), "Success")
        )
      case op.fail:
        return this.decoded(
          call,
          procedure.decodeCause(message[2]),
          (cause) => this.finish(call, Exit.failCause(cause as Cause.Cause<unknown>), "Failure")
        )
      case op.refuse: {
        const refusal = readRefusal(message)
        if (refusal.code === "notHere") this.peers!.turnedAway(route.address, call.id)
        return queue.refused(call, refusal)
      }
      case op.began:
        return this.began(
          queue,
          call,
          route.token,
          (count) => this.peers!.say(route.address, outgoing, [op.ack, outgoing.n, count])
        )
      case op.items:
        if (Array.isArray(message[2])) call.caller.items(message[2], true)
    }
  }

  /** Decodes an answer. One that does not decode comes from another version of the kind's code. */
  private decoded(
    call: Call,
    effect: Effect.Effect<unknown, ParseResult.ParseError>,
    then: (value: unknown) => void
  ): void {
    this.whenCoded(effect, (exit) => {
      if (exit._tag === "Success") then(exit.value)
      else this.fail(call, this.unreadable(call.id, Cause.squash(exit.cause)))
    })
  }

  /** Hands over the result of a codec: at once, unless a schema is asynchronous. */
  private whenCoded(
    effect: Effect.Effect<unknown, ParseResult.ParseError>,
    then: (exit: Exit.Exit<unknown, ParseResult.ParseError>) => void
  ): void {
    if (Either.isEither(effect)) {
      const either = effect as Either.Either<unknown, ParseResult.ParseError>
      then(Either.isRight(either) ? Exit.succeed(either.right) : Exit.fail(either.left))
    } else observe(this.node.fork(effect), "a codec's answer", then)
  }

  unreadable(id: ChildId, error: unknown): CallError {
    return unavailable(this.node, id, `this node's code cannot read its answer: ${printError(error)}`, true)
  }
}
