/**
 * The other end: calls that other nodes make to the children of this one. Whoever is there may send anything; it costs
 * a bounded amount of memory.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as ParseResult from "effect/ParseResult"
import type { Connection } from "../../../NodeTransport.js"
import type { Procedure } from "../../kind/protocol.js"
import type { Node } from "../../node/node.js"
import type { LocalChild } from "../../supervisor/localChild.js"
import { Window } from "../wire/flowWindow.js"
import { type Asked, isMessage, type Message, op, readAsked, refusal, refuse } from "../wire/message.js"
import { type AnyEffect, beginBy, type Receiver, type Work } from "./invocation.js"
import type { Inboxes } from "./mailbox.js"

/** What one connection may ask for at a time. Milliseconds, calls and bytes. */
export const acceptorLimits = { silence: 150_000, calls: 8_192, bytes: 32 * 1024 * 1024 }

/** A message that is ready to be sent. */
class Ready {
  constructor(readonly message: Message) {}
}

interface Running {
  readonly size: number
  readonly window: Window | undefined
  readonly cancel: () => void
}

const describe = (error: ParseResult.ParseError): string => error.message.slice(0, 1_000)

/** One connection. */
class Served {
  private readonly running = new Map<number, Running>()
  /** Children of which the caller has not heard yet that they were not here. */
  private readonly turnedAway = new Set<string>()
  private bytes = 0
  heardAt: number

  constructor(
    private readonly node: Node,
    private readonly inboxOf: Inboxes,
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
        return this.running.get(n)?.cancel()
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

  private enter(n: number, size: number, window: Window | undefined, cancel: () => void): void {
    this.bytes += size
    this.running.set(n, {
      size,
      window,
      cancel: () => {
        this.leave(n)
        cancel()
      }
    })
  }

  private leave(n: number): boolean {
    const running = this.running.get(n)
    if (running === undefined) return false
    this.running.delete(n)
    this.bytes -= running.size
    return true
  }

  /** Answers, unless nobody waits for it any more. */
  private answer(n: number, message: Message): void {
    if (!this.leave(n)) return
    try {
      const size = this.connection.send(message)
      if (size > 0) this.connection.send(refuse(n, refusal("tooLarge", "", size, this.connection.maxFrame)))
    } catch (error) {
      this.connection.send(
        refuse(n, refusal("ended", `its answer is nothing that a message can carry: ${String(error)}`))
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
    const procedure = child.registration.protocol?.procedures.get(asked.tag)
    if (procedure === undefined) {
      const detail = `its code on ${this.node.config.name} has no rpc ${asked.tag}`
      return void this.connection.send(refuse(n, refusal("unknownRpc", detail)))
    }
    const window = procedure.isStream ? new Window() : undefined
    const inbox = this.inboxOf(child)
    const work: Work = {
      procedure,
      token: asked.token,
      beginBy: beginBy(this.node.ambient.now(), asked.left),
      headers: asked.headers,
      trace: asked.trace,
      receiver: this.receiver(asked, child, procedure, window),
      fiber: undefined,
      counted: false,
      cancelled: false,
      died: undefined,
      begun: 0,
      failed: undefined
    }
    this.enter(n, size, window, () => inbox.cancel(work))
    inbox.submit(work)
  }

  /** Calls that follow one that was turned away must not overtake it: they are, too, until it comes again. */
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
      wrap: (handle) => coded(n, procedure, payload, handle),
      began: () => void this.connection.send([op.began, n]),
      emit: (items) =>
        Effect.flatMap(
          Effect.orDie(procedure.encodeItems(items)),
          (encoded) => this.emit(n, child, window!, encoded as ReadonlyArray<unknown>)
        ),
      done: (exit) => this.answer(n, messageOf(n, exit)),
      refused: (why) => {
        if (why.code === "notHere") this.turnsAway(id)
        this.answer(n, refuse(n, why))
      }
    }
  }

  /** Sends some of a stream, in halves if it is too large at once. Much may have happened while it waited. */
  private emit(n: number, child: LocalChild, window: Window, items: ReadonlyArray<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!child.holds) return Effect.interrupt
      const size = this.connection.send([op.items, n, items])
      if (size === 0) return Effect.zipRight(this.connection.ready ?? Effect.void, window.take)
      if (items.length === 1) {
        return Effect.die(new Ready(refuse(n, refusal("tooLarge", "", size, this.connection.maxFrame))))
      }
      const half = items.length >> 1
      return Effect.zipRight(
        this.emit(n, child, window, items.slice(0, half)),
        this.emit(n, child, window, items.slice(half))
      )
    })
  }

  /** Nobody waits any more. */
  end(): void {
    for (const { cancel } of Array.from(this.running.values())) cancel()
  }
}

/** A handler between two codes: what it makes is the message that answers. */
const coded = (
  n: number,
  procedure: Procedure,
  payload: unknown,
  handle: (payload: unknown) => AnyEffect
): AnyEffect =>
  Effect.matchEffect(procedure.decodePayload(payload), {
    onFailure: (error) =>
      Effect.succeed(
        new Ready(refuse(n, refusal("unreadable", `its code cannot read the payload: ${describe(error)}`)))
      ),
    onSuccess: (decoded) =>
      Effect.matchCauseEffect(handle(decoded), {
        onSuccess: (value) =>
          Effect.map(Effect.orDie(procedure.encodeSuccess(value)), (encoded) => new Ready([op.ok, n, encoded])),
        onFailure: (cause) => failed(n, procedure, cause)
      })
  })

/** A defect is told as a text; the child's own interruption is the inbox's to tell. */
const failed = (n: number, procedure: Procedure, cause: Cause.Cause<unknown>): AnyEffect => {
  if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
  for (const defect of Cause.defects(cause)) if (defect instanceof Ready) return Effect.succeed(defect)
  return Effect.map(Effect.orDie(procedure.encodeCause(cause)), (encoded) => new Ready([op.fail, n, encoded]))
}

const messageOf = (n: number, exit: Exit.Exit<unknown, unknown>): Message => {
  if (exit._tag === "Success" && exit.value instanceof Ready) return exit.value.message
  const detail = exit._tag === "Failure" ? Cause.pretty(exit.cause).slice(0, 1_000) : "no answer"
  return refuse(n, refusal("ended", `its answer could not be written: ${detail}`))
}

/** Serves a connection until it ends. */
export const serve = (node: Node, inboxOf: Inboxes) => (connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const served = new Served(node, inboxOf, connection)
    const silent = Effect.sleep(acceptorLimits.silence).pipe(
      Effect.zipRight(Effect.sync(() => node.ambient.now() - served.heardAt)),
      Effect.repeat({ until: (quiet) => quiet >= acceptorLimits.silence })
    )
    return Effect.raceFirst(connection.run(served.receive), silent).pipe(
      Effect.ensuring(Effect.sync(() => served.end())),
      Effect.asVoid
    )
  })
