/**
 * One session of a node: from the moment the registry took it in until its lease is over, its data set is replaced, or
 * it is closed. Loops and calls belong to a session, and a reply that comes after its end is no reply.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { EraMerge } from "../replica/eraMerge.js"

/** How a session ended. */
export type SessionEnd = "fenced" | "era" | "closed"

/** @internal */
export class Session {
  private ending: SessionEnd | undefined
  private readonly signal = Deferred.unsafeMake<SessionEnd>(FiberId.none)
  /** Opened when there may be something to read. */
  readonly news = Effect.unsafeMakeLatch(true)
  /** Whether it was logged that commands wait for the end of the quarantine. */
  loggedWaiting = false
  /** What is to be read concerns this node: it is read at once. */
  pressing = true
  /** Open while it does. */
  readonly pressed = Effect.unsafeMakeLatch(true)
  /** Open once a renewal was answered. */
  readonly renewed = Effect.unsafeMakeLatch(false)
  /** Everything up to this log position has been read. */
  cursor = 0
  /** The newest log position that was heard of. */
  hint = 0
  /** Messages may have been missed: look at the log once. */
  look = false
  /** The log cannot be trusted to tell all: read everything again. */
  resync = false
  /** Elapsed milliseconds until which no claims are granted. */
  quarantineUntil = 0
  /** Live sessions of this name that were warned about. */
  readonly namesakes = new Set<string>()
  /** Some of the claims that it brought along may be another's. */
  inDoubt = false
  /** What this node remembers and the registry did not, until it is given back. */
  merge: EraMerge | undefined
  /** Consecutive renewals at which the registry counted other claims than this node. */
  mismatches = 0

  constructor(readonly sid: string, readonly era: string) {}

  get over(): boolean {
    return this.ending !== undefined
  }

  /** Completes when it ends. */
  get ended(): Effect.Effect<SessionEnd> {
    return Deferred.await(this.signal)
  }

  end(how: SessionEnd): void {
    if (this.ending !== undefined) return
    this.ending = how
    Deferred.unsafeDone(this.signal, Exit.succeed(how))
  }

  /** Whether there may be something to read. */
  get behind(): boolean {
    return this.cursor < this.hint || this.look || this.resync
  }

  /**
   * Hears of a log position; `undefined` when messages may have been missed. News that do not concern this node may wait
   * for others to be read with them.
   */
  hear(log: number | undefined, concerned = true): void {
    if (log === undefined) this.look = true
    else if (log > this.hint) this.hint = log
    if (!this.behind) return
    if (concerned) this.press()
    this.news.unsafeOpen()
  }

  /** What there is to read is read at once. */
  press(): void {
    if (!this.behind) return
    this.pressing = true
    this.pressed.unsafeOpen()
  }

  /** All has been read that was heard of. */
  rest(): void {
    this.pressing = false
    this.pressed.unsafeClose()
    this.news.unsafeClose()
  }

  /** Asks for a complete read. */
  readAgain(): void {
    this.resync = true
    this.press()
    this.news.unsafeOpen()
  }
}
