/**
 * A call where it is made, from the moment it is asked for until its caller is told.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type { ChildId } from "../../../ChildSpec.js"
import type { CallError } from "../../../PogoError.js"
import type { Procedure } from "../../kind/protocol.js"
import type { Timer } from "../../runtime/environment.js"
import type { HeaderRecord, Trace } from "../wire/message.js"

/** Options of a client. */
export interface CallOptions {
  readonly timeout?: Duration.DurationInput | undefined
}

/** The callbacks of whoever made a call. Synchronous; they must not throw. */
export interface Caller {
  /** The call has ended. */
  readonly settle: (outcome: Exit.Exit<unknown, unknown>) => void
  /** A stream has begun: from here on it has no deadline. */
  readonly began: (link: StreamLink) => void
  /** Items of a stream have come; `encoded` if they come from another node. */
  readonly items: (items: ReadonlyArray<unknown>, encoded: boolean) => void
}

/** What a stream's reader tells its source. */
export interface StreamLink {
  /** Token of the claim under which the child runs that is the source. */
  readonly token: number
  /** The reader has taken `count` more messages. */
  readonly taken: (count: number) => void
}

/** Key that marks a `Broken`, by whatever copy of this package that was made: a client may use another copy's router. */
const BrokenKey: unique symbol = Symbol.for("effect-pogo/internal/Broken")

/** The failure of a stream that broke off. Its reader is told where the child is now, once that is known. */
export class Broken {
  readonly [BrokenKey] = true
  readonly _tag = "Broken"
  constructor(
    /** Token of the claim under which the source ran. */
    readonly token: number,
    /** What is told if the child does not turn up elsewhere. */
    readonly error: CallError,
    /** Whether the child was leaving its node in order, so that it turns up elsewhere before long. */
    readonly leaving: boolean
  ) {}
}

/** True of a stream's failure that is no error of its protocol, which may have any tag. */
export const isBroken = (error: unknown): error is Broken => Predicate.hasProperty(error, BrokenKey)

/** A call that was handed to a mailbox or a connection. */
export interface Execution {
  /** Withdraws it. `true` if it is certain that it never began. */
  readonly cancel: () => boolean
}

/** A call on the side of its caller; also the timer that ends it. */
export class Call implements Timer {
  /** Number of the call among those of this node, which orders them. */
  seq = 0
  /** Whether a node that was asked may have executed it. */
  mayHaveRun = false
  /** Whether it is a stream that has begun. */
  streaming = false
  /** Token of the claim under which a stream's source runs. */
  token: number | undefined
  /** Whether its caller has been told the end. */
  settled = false
  execution: Execution | undefined
  /** The failure of the last attempt to reach a node, while it waits for another. */
  trouble: CallError | undefined
  /** Whether the refusal said that the child was leaving its node. */
  leaving = false
  run: () => void = () => {}

  constructor(
    readonly id: ChildId,
    readonly procedure: Procedure,
    readonly payload: unknown,
    readonly headers: HeaderRecord,
    readonly trace: Trace | undefined,
    /** Time at which it was made. Elapsed milliseconds. */
    readonly begun: number,
    /** Longest wait for the answer. Milliseconds. */
    readonly timeout: number,
    readonly caller: Caller
  ) {}

  /** Time at which it fails if there is no answer. Elapsed milliseconds. */
  get at(): number {
    return this.begun + this.timeout
  }
}
