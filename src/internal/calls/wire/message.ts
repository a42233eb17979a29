/**
 * What nodes say to each other: short arrays, the first number of which tells what they are. A number `n` names a call
 * among those of its connection.
 *
 * @internal
 */

/** From the caller: call, cancel, acknowledge so many messages of a stream, ping. From the callee: the rest. */
export const op = { call: 0, cancel: 1, ack: 2, ping: 3, ok: 10, fail: 11, refuse: 12, began: 13, items: 14, pong: 15 }

/** Trace, span, and whether it is sampled. */
export type Trace = readonly [traceId: string, spanId: string, sampled: boolean]

/** Header names are lower case. */
export type HeaderRecord = { readonly [name: string]: string }

/** @internal */
export type Message = ReadonlyArray<unknown>

/**
 * Why a call is not answered. `notHere`: the child does not run here; it was not executed. `full`: its mailbox is.
 * `late`: it waited in the mailbox until its time was over; was it for a child that is not up, the detail tells why.
 * `unknownRpc` and `unreadable`: the code here is another version's. `ended`: the child's run ended, or its claim was
 * lost, before there was an answer. `tooLarge`: the answer is.
 */
export type RefusalCode = "notHere" | "full" | "late" | "unknownRpc" | "unreadable" | "ended" | "tooLarge"

/** @internal */
export interface CallRefusal {
  readonly code: RefusalCode
  readonly detail: string
  /** Capacity of the mailbox, size of the answer, or `leaving`. */
  readonly size: number
  readonly limit: number
}

/** The size that an `ended` names when the child leaves the node: it will turn up elsewhere. */
export const leaving = 1

const codes: ReadonlyArray<string> = ["notHere", "full", "late", "unknownRpc", "unreadable", "ended", "tooLarge"]

/** @internal */
export const refusal = (code: RefusalCode, detail = "", size = 0, limit = 0): CallRefusal => ({
  code,
  detail,
  size,
  limit
})

/** @internal */
export const refuse = (n: number, { code, detail, limit, size }: CallRefusal): Message => [
  op.refuse,
  n,
  code,
  detail,
  size,
  limit
]

/** Reads a refusal; one of a kind that this version does not know is as good as the end of the child's run. */
export const readRefusal = ([, , code, detail, size, limit]: Message): CallRefusal => ({
  code: codes.includes(String(code)) ? (code as RefusalCode) : "ended",
  detail: String(detail),
  size: Number(size),
  limit: Number(limit)
})

/** A call as it arrived, checked: whatever is at the other end may send anything. */
export interface Asked {
  readonly n: number
  /** The child. */
  readonly id: string
  /** The caller's view of the child's token. */
  readonly token: number
  readonly tag: string
  readonly payload: unknown
  /** Milliseconds that are left for it. */
  readonly left: number
  readonly headers: HeaderRecord
  readonly trace: Trace | undefined
  /** What was turned away before it is back: the child's calls begin anew with this one. */
  readonly again: boolean
}

const isArray: (value: unknown) => value is Message = Array.isArray

/** A message must be an array that begins with a number. */
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

/** Characters of a child's id, or of an Rpc's name: what is longer names nothing here, and would be kept. */
const maxName = 4_096

/** `undefined` if it is none of ours. */
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
