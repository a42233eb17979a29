/**
 * Serves the calls that other nodes make to the children of this one. Whatever the other end sends costs a bounded amount
 * of memory.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as ParseResult from "effect/ParseResult"
import type { Connection } from "../../../NodeTransport.js"
import type { Procedure } from "../../kind/protocol.js"
import type { Node } from "../../node/node.js"
import { printCause, printError } from "../../runtime/userCode.js"
import type { LocalChild } from "../../supervisor/localChild.js"
import { Window, windowSize } from "../wire/flowWindow.js"
import {
  type Asked,
  type CallRefusal,
  isMessage,
  type Message,
  op,
  readAsked,
  refusal,
  refuse
} from "../wire/message.js"
import { beginBy, IncomingCall, type Mailboxes, type Receiver, serverOf } from "./mailbox.js"

/** Limits of one connection: milliseconds of silence, calls at a time, bytes of payloads at a time. */
export const acceptorLimits = { silence: 150_000, calls: 8_192, bytes: 32 * 1024 * 1024 }

interface Running {
  readonly size: number
  readonly window: Window | undefined
  /** Ends the call: its caller no longer waits. */
  readonly cancel: () => void
}

/** A connection that is served. */
class Served {
  private readonly running = new Map<number, Running>()
  /** Children whose calls are turned away until one says that it comes again: see the rules in `childQueue.ts`. */
  private readonly turnedAway = new Set<string>()
  private bytes = 0
  heardAt: number

  constructor(
    private readonly node: Node,
    private readonly mailboxOf: Mailboxes,
    private readonly connection: Connection
  ) {
    this.heardAt = node.ambient.now()
  }

  readonly receive = (message: unknown, size: number): void => {
    this.heardAt = this.node.ambient.now()
    if (!isMessage(message)) return
    const n = message[1] as number
    switch (message[0]) {
      case op.call: {
        const asked = readAsked(message)
        if (asked !== undefined) this.begin(asked, size)
        return
      }
      case op.cancel:
        return this.cancel(n)
      case op.ack:
        if (typeof message[2] === "number" && message[2] > 0) this.running.get(n)?.window?.add(message[2])
        return
      case op.ping:
        return void this.connection.send([op.pong])
    }
  }

  private begin(asked: Asked, size: number): void {
    const { calls, bytes } = acceptorLimits
    if (this.running.has(asked.n)) return
    if (this.running.size >= calls || this.bytes + size > bytes) {
      return void this.connection.send(refuse(asked.n, refusal("full", "", this.running.size)))
    }
    this.callChild(asked, size)
  }

  private cancel(n: number): void {
    const running = this.running.get(n)
    if (this.leave(n)) running?.cancel()
  }

  private leave(n: number): boolean {
    const running = this.running.get(n)
    if (running === undefined) return false
    this.running.delete(n)
    this.bytes -= running.size
    return true
  }

  /** Sends the answer of a call, unless its caller no longer waits. */
  private answer(n: number, message: Message): void {
    if (!this.leave(n)) return
    try {
      const size = this.connection.send(message)
      if (size > 0) this.connection.send(refuse(n, refusal("tooLarge", "", size, this.connection.maxFrame)))
    } catch (error) {
      this.connection.send(
        refuse(n, refusal("ended", `its answer is nothing that a message can carry: ${printError(error)}`))
      )
    }
  }

  private callChild(asked: Asked, size: number): void {
    const { n } = asked
    const child = this.node.supervisor.children.get(asked.id)
    if (asked.again) this.turnedAway.delete(asked.id)
    const here = child !== undefined && !child.ending && asked.token <= child.claim && child.holds
    if (!here || this.turnedAway.has(asked.id)) {
      this.turnsAway(asked.id)
      return void this.connection.send(refuse(n, refusal("notHere")))
    }
    const procedure = serverOf(child)?.protocol.procedures.get(asked.tag)
    if (procedure === undefined) {
      const detail = `its code on ${this.node.config.name} has no rpc ${asked.tag}`
      return void this.connection.send(refuse(n, refusal("unknownRpc", detail)))
    }
    const window = procedure.isStream ? new Window(windowSize.remote) : undefined
    const mailbox = this.mailboxOf(child)
    const call = new IncomingCall(
      procedure,
      asked.token,
      beginBy(this.node.ambient.now(), asked.left),
      asked.headers,
      asked.trace,
      this.receiver(asked, child, procedure, window)
    )
    this.bytes += size
    this.running.set(n, { size, window, cancel: () => void mailbox.cancel(call) })
    mailbox.submit(call)
  }

  /** Turns away the calls to a child from now on: those that follow one must not overtake it. */
  private turnsAway(id: string): void {
    if (this.turnedAway.size >= acceptorLimits.calls) this.turnedAway.clear()
    this.turnedAway.add(id)
  }

  private receiver(
    { id, n, payload }: Asked,
    child: LocalChild,
    procedure: Procedure,
    window: Window | undefined
  ): Receiver {
    return {
      payload: procedure.decodePayload(payload),
      began: () => void this.connection.send([op.began, n]),
      emit: (items) =>
        Effect.matchCauseEffect(procedure.encodeItems(items), {
          onSuccess: (encoded) => this.emit(n, child, window!, encoded as ReadonlyArray<unknown>),
          onFailure: (cause) => this.breakOff(n, unwritable(cause))
        }),
      prepare: (exit) =>
        Effect.matchCause(encodeExit(n, procedure, exit), {
          onSuccess: (message) => () => this.answer(n, message),
          onFailure: (cause) => () => this.answer(n, refuse(n, unwritable(cause)))
        }),
      refused: (why) => {
        if (why.code === "notHere") this.turnsAway(id)
        this.answer(n, refuse(n, why))
      }
    }
  }

  /** Ends a stream that cannot be sent. */
  private breakOff(n: number, why: CallRefusal): Effect.Effect<never> {
    this.answer(n, refuse(n, why))
    return Effect.interrupt
  }

  /** Sends some of a stream, in halves if it is too large at once. Much may have happened while it waited. */
  private emit(n: number, child: LocalChild, window: Window, items: ReadonlyArray<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!child.holds) return Effect.interrupt
      const size = this.connection.send([op.items, n, items])
      if (size === 0) {
        window.use()
        return Effect.zipRight(this.connection.ready ?? Effect.void, window.room)
      }
      if (items.length === 1) return this.breakOff(n, refusal("tooLarge", "", size, this.connection.maxFrame))
      const half = items.length >> 1
      return Effect.zipRight(
        this.emit(n, child, window, items.slice(0, half)),
        this.emit(n, child, window, items.slice(half))
      )
    })
  }

  /** Ends all calls: the connection is gone. */
  end(): void {
    for (const n of Array.from(this.running.keys())) this.cancel(n)
  }
}

const unwritable = (cause: Cause.Cause<unknown>): CallRefusal =>
  refusal("ended", `its answer could not be written: ${printCause(cause).slice(0, 1_000)}`)

/** Encodes the message that answers. A defect is encoded by the schema that the Rpc has for defects. */
const encodeExit = (
  n: number,
  procedure: Procedure,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<Message, ParseResult.ParseError> =>
  exit._tag === "Success"
    ? Effect.map(procedure.encodeSuccess(exit.value), (encoded) => [op.ok, n, encoded])
    : Effect.map(procedure.encodeCause(exit.cause), (encoded) => [op.fail, n, encoded])

/** Serves a connection until it ends. */
export const serve = (node: Node, mailboxOf: Mailboxes) => (connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const served = new Served(node, mailboxOf, connection)
    const silent = Effect.sleep(acceptorLimits.silence).pipe(
      Effect.zipRight(Effect.sync(() => node.ambient.now() - served.heardAt)),
      Effect.repeat({ until: (quiet) => quiet >= acceptorLimits.silence })
    )
    return Effect.raceFirst(connection.run(served.receive), silent).pipe(
      Effect.ensuring(Effect.sync(() => served.end())),
      Effect.asVoid
    )
  })
