/**
 * The calls of a history: who calls which child, when, and what its handler is to do. Plain data, like the rest of a plan.
 */

/** What is called: at most once, repeatable, a stream, a stream that is resumed. */
export type CalledRpc = "pay" | "note" | "watch" | "follow"

export interface CallPlan {
  readonly at: number
  /** A node's number; below zero a client's: -1 is the first. */
  readonly from: number
  readonly id: string
  readonly rpc: CalledRpc
  /** Milliseconds, all of them. */
  readonly timeout: number
  /** The handler's work before its effect, and after. */
  readonly before: number
  readonly after: number
  /** How the handler ends. */
  readonly end: "answer" | "refuse" | "die"
  /** The caller gives up after so long. */
  readonly leaves: number | undefined
}

/** What goes wrong between nodes. */
export interface WireFault {
  readonly at: number
  readonly node: number
  readonly what: "break" | "block"
  readonly directions: ReadonlyArray<"<" | ">">
  readonly millis: number
}

export interface CallsPlan {
  readonly clients: number
  readonly ids: ReadonlyArray<string>
  readonly made: ReadonlyArray<CallPlan>
  readonly faults: ReadonlyArray<WireFault>
}
