/**
 * What nodes say to each other: short arrays, the first number of which tells what they are. A number `n` names a call
 * among those of its connection.
 *
 * @internal
 */

/** From the caller: call, cancel, acknowledge so many messages of a stream, ping. From the callee: the rest. */
export const op = { call: 0, cancel: 1, ack: 2, ping: 3, ok: 10, fail: 11, refuse: 12, began: 13, items: 14, pong: 15 }

/** The caller's span: trace id, span id, and whether it is sampled. */
export type Trace = readonly [traceId: string, spanId: string, sampled: boolean]

/** Headers of a call, by names in lower case. */
export type HeaderRecord = { readonly [name: string]: string }

/** A message, as it is encoded. */
export type Message = ReadonlyArray<unknown>

/**
 * Reason for which a call is not answered.
 *
 * - `notHere`: the child does not run on this node. The call was not executed.
 * - `full`: the child's mailbox is full. Not executed.
 * - `late`: the call waited in the mailbox until its time was over. Not executed. If the child was not up, the detail
 *   says why.
 * - `unknownRpc`, `unreadable`: this node has another version of the kind's code. Not executed.
 * - `ended`: the child's run ended, or its claim was lost, before there was an answer. It may have been executed.
 * - `tooLarge`: the answer is larger than a frame. It was executed.
 */
export type RefusalCode = "notHere" | "full" | "late" | "unknownRpc" | "unreadable" | "ended" | "tooLarge"

/** The refusal of a call. */
export interface CallRefusal {
  readonly code: RefusalCode
  readonly detail: string
  /** Capacity of the mailbox, size of the answer, or `leaving`. */
  readonly size: number
  readonly limit: number
}

/** `size` of the refusal `ended` if the child is leaving the node: it will turn up elsewhere. */
export const leaving = 1

const codes: ReadonlyArray<string> = ["notHere", "full", "late", "unknownRpc", "unreadable", "ended", "tooLarge"]

/** Makes a refusal. */
export const refusal = (code: RefusalCode, detail = "", size = 0, limit = 0): CallRefusal => ({
  code,
  detail,
  size,
  limit
})

/** Message that refuses call `n`. */
export const refuse = (n: number, { code, detail, limit, size }: CallRefusal): Message => [
  op.refuse,
  n,
  code,
  detail,
  size,
  limit
]

/** Reads a refusal. A code that this version does not know is read as `ended`: the call may have been executed. */
export const readRefusal = ([, , code, detail, size, limit]: Message): CallRefusal => ({
  code: codes.includes(String(code)) ? (code as RefusalCode) : "ended",
  detail: String(detail),
  size: Number(size),
  limit: Number(limit)
})

/** A call as it arrived, after its fields were checked. */
export interface Asked {
  /** Number of the call on its connection. */
  readonly n: number
  /** Id of the child. */
  readonly id: string
  /** Token of the claim under which the caller expects the child. */
  readonly token: number
  readonly tag: string
  readonly payload: unknown
  /** Milliseconds for which the caller will wait from now on. */
  readonly left: number
  readonly headers: HeaderRecord
  readonly trace: Trace | undefined
  /** Whether calls to this child that were turned away come again, in order, from this one on. */
  readonly again: boolean
}

const isArray: (value: unknown) => value is Message = Array.isArray

/** Whether a value is a message: an array that begins with a number. */
export const isMessage = (value: unknown): value is Message => isArray(value) && typeof value[0] === "number"

const readHeaders = (value: unknown): HeaderRecord => {
  const headers: Record<string, string> = {}
  if (!isArray(value)) return headers
  for (const pair of value) {
    if (isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "string" && pair[0] !== "__proto__") {
      headers[pair[0]] = pair[1]
    }
  }
  return headers
}

const readTrace = (value: unknown): Trace | undefined => {
  if (!isArray(value)) return undefined
  const [traceId, spanId, sampled] = value
  return typeof traceId === "string" && typeof spanId === "string" ? [traceId, spanId, sampled === true] : undefined
}

/** Longest id of a child, or name of an Rpc, in characters: refused calls must not fill the memory. */
const maxName = 4_096

/** Reads a call; `undefined` if a field is missing or malformed. */
export const readAsked = (message: Message): Asked | undefined => {
  const [, n, id, token, tag, payload, left, headers, trace, again] = message
  if (!Number.isSafeInteger(n) || typeof id !== "string" || typeof tag !== "string") return undefined
  if (id.length > maxName || tag.length > maxName) return undefined
  if (!Number.isSafeInteger(token) || typeof left !== "number" || !(left > 0)) return undefined
  return {
    n: n as number,
    id,
    token: token as number,
    tag,
    payload,
    left,
    headers: readHeaders(headers),
    trace: readTrace(trace),
    again: again === true
  }
}
