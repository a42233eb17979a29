/**
 * A connection to one of several nodes, whichever answers, for a process that asks them what others ask a registry for.
 * It is there from the first question on; when it ends, or its node falls silent or loses its own registry, the next
 * node is asked.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ConnectFailure, Connection, Identity, NodeTransport } from "../../NodeTransport.js"
import { RegistryUnavailable } from "../../PogoError.js"
import { isMessage, type Message, op, readRefusal } from "../calls/wire/message.js"
import type { Procedure } from "../calls/wire/procedure.js"
import { until } from "../runtime/waitUntil.js"

/** Milliseconds. A node that says nothing for `ping` and then `silence` while it is asked is left. */
export const contactTiming = { connect: 1_000, ping: 250, silence: 550, idle: 30_000, pause: 100, longest: 1_000 }

/** How an exchange ended. `lost`: the connection did. `down`: all nodes were tried in vain a moment ago. */
export type Answer =
  | { readonly _tag: "answered"; readonly value: unknown }
  | { readonly _tag: "failed"; readonly error: RegistryUnavailable }
  | { readonly _tag: "tooLarge"; readonly size: number; readonly limit: number; readonly sent: boolean }
  | { readonly _tag: "refused"; readonly detail: string }
  | { readonly _tag: "lost"; readonly reason: string; readonly sent: boolean }
  | { readonly _tag: "down"; readonly reason: string }

interface Pending {
  readonly procedure: Procedure
  readonly resume: (answer: Effect.Effect<Answer>) => void
}

export interface ContactParts {
  readonly transport: NodeTransport["Type"]
  readonly self: Identity
  readonly addresses: ReadonlyArray<string>
  readonly fork: (effect: Effect.Effect<void>) => unknown
}

/** @internal */
export class Contact {
  private readonly pending = new Map<number, Pending>()
  private readonly changed = new Set<() => void>()
  private readonly asked = Effect.unsafeMakeLatch(false)
  private readonly leaving = Effect.unsafeMakeLatch(false)
  private connection: Connection | undefined
  /** No node answers: the next try is some time off. */
  private down = false
  private begun = false
  private calls = 0
  /** Nothing was heard since the node was asked. */
  private quiet = false
  /** Something was answered on the connection of now. */
  private served = false
  /** How often the next node was turned to. */
  private turns = 0
  /** Connections in a row on which nothing was answered. */
  private failures = 0
  private problem = "not tried yet"
  /** Runs beside each connection. */
  accompany: Effect.Effect<string> = Effect.never

  constructor(private readonly parts: ContactParts) {}

  /** Connects, if it has not been asked to before. */
  begin(): void {
    if (this.begun) return
    this.begun = true
    this.parts.fork(this.life)
  }

  /** Leaves the node of now. */
  leave(reason: string): void {
    this.problem = reason
    this.leaving.unsafeOpen()
  }

  /** Asks the node of now, or the one that answers soon. */
  ask(procedure: Procedure, payload: unknown, left: number): Effect.Effect<Answer> {
    return Effect.suspend(() => {
      this.begin()
      return until(this.changed, () => this.connection ?? (this.down ? "down" : undefined))
    }).pipe(Effect.flatMap((connection): Effect.Effect<Answer> =>
      connection === "down"
        ? Effect.succeed({ _tag: "down", reason: this.problem })
        : Effect.flatMap(
          Effect.orDie(procedure.encodePayload(payload)),
          (encoded) => this.exchange(connection, procedure, encoded, left)
        )
    ))
  }

  private exchange(
    connection: Connection,
    procedure: Procedure,
    payload: unknown,
    left: number
  ): Effect.Effect<Answer> {
    return Effect.async((resume) => {
      if (connection !== this.connection) {
        return resume(Effect.succeed({ _tag: "lost", reason: this.problem, sent: false }))
      }
      const n = ++this.calls
      const size = connection.send([op.call, n, "", 0, procedure.tag, payload, left])
      if (size > 0) {
        return resume(Effect.succeed({ _tag: "tooLarge", size, limit: connection.maxFrame, sent: false }))
      }
      this.pending.set(n, { procedure, resume })
      this.asked.unsafeOpen()
      return Effect.sync(() => {
        if (this.pending.delete(n)) this.connection?.send([op.cancel, n])
      })
    })
  }

  /** One node after the other; when all have been tried in vain there is a pause. */
  private readonly life: Effect.Effect<void> = Effect.forever(Effect.suspend(() => {
    const { addresses } = this.parts
    this.served = false
    return Effect.zipRight(
      this.once(addresses[this.turns++ % addresses.length]!),
      Effect.suspend(() => this.rest(addresses.length))
    )
  }))

  private rest(all: number): Effect.Effect<void> {
    const { longest, pause } = contactTiming
    if (this.served) this.failures = 0
    else this.failures++
    if (this.failures === 0 || this.failures % all !== 0) return Effect.sleep(pause / 10)
    this.down = true
    this.tell()
    const rounds = Math.min(this.failures / all - 1, 10)
    return Effect.map(Effect.sleep(Math.min(pause * 2 ** rounds, longest)), () => void (this.down = false))
  }

  private once(address: string): Effect.Effect<void> {
    const { self, transport } = this.parts
    return Effect.suspend(() => transport.connect(self, address)).pipe(
      Effect.timeoutFail({
        duration: contactTiming.connect,
        onTimeout: (): ConnectFailure => ({
          _tag: "ConnectFailure",
          reason: `no connection within ${contactTiming.connect} ms`
        })
      }),
      Effect.flatMap((connection) => this.use(connection)),
      Effect.scoped,
      Effect.catchAll(({ reason }) => Effect.succeed(reason)),
      // Whatever a transport dies of: the next node may be reached.
      Effect.catchAllDefect((defect) => Effect.succeed(`it died: ${String(defect)}`)),
      Effect.map((reason) => this.over(`${address}: ${reason}`)),
      Effect.onInterrupt(() => Effect.sync(() => this.over("closed")))
    )
  }

  private use(connection: Connection): Effect.Effect<string, never, Scope.Scope> {
    this.leaving.unsafeClose()
    this.asked.unsafeClose()
    this.connection = connection
    this.tell()
    return Effect.raceAll([
      connection.run((message) => this.receive(message)),
      this.mind(connection),
      this.stayInTouch(connection),
      this.accompany,
      Effect.map(this.leaving.await, () => this.problem)
    ])
  }

  /** A node that was asked gives a sign of life, or is left. Costs nothing while nothing is asked. */
  private mind(connection: Connection): Effect.Effect<string> {
    const { ping, silence } = contactTiming
    return Effect.gen(this, function*() {
      for (;;) {
        yield* this.asked.await
        this.asked.unsafeClose()
        this.quiet = true
        yield* Effect.sleep(ping)
        if (!this.quiet) continue
        connection.send([op.ping])
        yield* Effect.sleep(silence)
        if (this.quiet) return `no sign of life for ${ping + silence} ms`
      }
    })
  }

  private stayInTouch(connection: Connection): Effect.Effect<never> {
    return Effect.forever(Effect.map(Effect.sleep(contactTiming.idle), () => {
      connection.send([op.ping])
      this.asked.unsafeOpen()
    }))
  }

  private receive(message: unknown): void {
    this.quiet = false
    if (!isMessage(message)) return
    const waiting = this.pending.get(message[1] as number)
    if (waiting === undefined) return
    this.pending.delete(message[1] as number)
    waiting.resume(this.read(waiting.procedure, message))
  }

  private read(procedure: Procedure, message: Message): Effect.Effect<Answer> {
    if (message[0] === op.refuse) {
      const { code, detail, limit, size } = readRefusal(message)
      if (code === "tooLarge") return Effect.succeed({ _tag: "tooLarge", size, limit, sent: true })
      if (code === "ended") return Effect.succeed({ _tag: "lost", reason: detail, sent: true })
      return Effect.succeed({ _tag: "refused", detail: `${code}: ${detail}` })
    }
    const unreadable = () => Effect.succeed<Answer>({ _tag: "lost", reason: "its answer cannot be read", sent: true })
    if (message[0] === op.ok) {
      return Effect.matchEffect(procedure.decodeSuccess(message[2]), {
        onFailure: unreadable,
        onSuccess: (value) => {
          this.served = true
          return Effect.succeed<Answer>({ _tag: "answered", value })
        }
      })
    }
    return Effect.matchEffect(procedure.decodeCause(message[2]), {
      onFailure: unreadable,
      onSuccess: (cause) => {
        const error = Option.getOrUndefined(Cause.failureOption(cause as Cause.Cause<unknown>))
        return error instanceof RegistryUnavailable
          ? Effect.succeed<Answer>({ _tag: "failed", error })
          : unreadable()
      }
    })
  }

  private over(reason: string): void {
    this.problem = reason
    this.connection = undefined
    for (const { resume } of this.pending.values()) {
      resume(Effect.succeed({ _tag: "lost", reason, sent: true }))
    }
    this.pending.clear()
  }

  private tell(): void {
    for (const listener of Array.from(this.changed)) listener()
  }
}
