/**
 * A call where it is made, from the moment it is asked for until its caller is told.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import type { CallError } from "../../../PogoError.js"
import type { Procedure } from "../../kind/protocol.js"
import type { Timer } from "../../runtime/environment.js"
import type { HeaderRecord, Trace } from "../wire/message.js"

/** Options of a client. */
export interface CallOptions {
  readonly timeout?: Duration.DurationInput | undefined
}

/** What a call to a child, or an item of a stream, is told. Synchronous. */
export interface Caller {
  /** The end of it. */
  readonly resume: (outcome: Exit.Exit<unknown, unknown>) => void
  /** A stream has begun, and has no deadline any more. */
  readonly began: (link: StreamLink) => void
  /** Some of a stream, as it was sent: encoded if it comes from another node. */
  readonly items: (items: ReadonlyArray<unknown>, encoded: boolean) => void
}

/** The way back to a stream's source. */
export interface StreamLink {
  /** Token under which the child ran. */
  readonly token: number
  /** So many messages have been taken. */
  readonly taken: (count: number) => void
}

/** Why a stream broke off; what is told of it depends on where the child turns up. */
export class Broken {
  readonly _tag = "Broken"
  constructor(
    readonly token: number,
    readonly error: CallError,
    /** The child turns up elsewhere before long. */
    readonly leaving: boolean
  ) {}
}

/** Where a call is being executed. */
export interface Execution {
  /** Tells whether it is certain that it never began. */
  readonly cancel: () => boolean
}

/** @internal */
export class Call implements Timer {
  /** Orders the calls of this node. */
  seq = 0
  /** It was given to somebody who may have executed it. */
  mayHaveRun = false
  /** A stream that has begun. */
  streaming = false
  /** Token under which it streams. */
  token: number | undefined
  settled = false
  execution: Execution | undefined
  /** What it waits for, as far as that went wrong. */
  trouble: CallError | undefined
  /** The child told that it leaves its node. */
  leaving = false
  run: () => void = () => {}

  constructor(
    readonly id: string,
    readonly procedure: Procedure,
    readonly payload: unknown,
    readonly headers: HeaderRecord,
    readonly trace: Trace | undefined,
    readonly begun: number,
    /** Milliseconds. */
    readonly timeout: number,
    readonly caller: Caller
  ) {}

  /** Elapsed milliseconds. */
  get at(): number {
    return this.begun + this.timeout
  }
}
