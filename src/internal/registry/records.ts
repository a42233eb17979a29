/**
 * Codecs of the strings that a registry stores. A registry reads only the short header of a record; the JSON behind
 * it belongs to the nodes. Numbers are plain decimal integers below 2^53.
 *
 * | record | form |
 * |---|---|
 * | spec | `generation\|stamp\|op\|flags\|refused\|body` |
 * | tombstone | `stamp\|generation\|op\|by\|how\|flags` |
 * | claim | `token:generation:sid` |
 * | status | `token:state:restarts:since:next:cause` |
 * | node | `version\|opened\|json` |
 *
 * @internal
 */

/** A spec's header and its opaque body. */
export interface SpecRecord {
  readonly generation: number
  readonly stamp: number
  /** The call that wrote it. */
  readonly op: string
  /** It comes from a list of initial children. */
  readonly initial: boolean
  /** Its restart policy is spent: nobody runs it until it is restarted by a call. */
  readonly failed: boolean
  /** Code versions that cannot run this generation. */
  readonly refused: ReadonlyArray<string>
  readonly body: string
}

/** What remains of an ended spec. */
export interface TombRecord {
  readonly stamp: number
  readonly generation: number
  /** The call that had written the spec. */
  readonly op: string
  /** The call that ended it; empty when the child ended by itself. */
  readonly by: string
  readonly how: "terminated" | "ended"
  readonly initial: boolean
}

/** A claim and its holder. */
export interface ClaimRecord {
  readonly token: number
  readonly generation: number
  readonly sid: string
}

/** States that an owner reports. */
export type StatState = "starting" | "running" | "restarting" | "stopping" | "overdue" | "failed" | "refused"

/** What the owner of a child last said of it. Times are unix milliseconds; `next` is 0 when nothing is due. */
export interface StatRecord {
  readonly token: number
  readonly state: StatState
  readonly restarts: number
  readonly since: number
  readonly next: number
  readonly cause: string
}

/** A node's stored record. */
export interface NodeHeader {
  readonly version: number
  /** Counter value of the moment it opened: orders sessions by age. */
  readonly opened: number
  readonly json: string
}

const specPattern = /^(\d{1,16})\|(\d{1,16})\|([^|]*)\|([^|]*)\|([^|]*)\|([\s\S]*)$/
const tombPattern = /^(\d{1,16})\|(\d{1,16})\|([^|]*)\|([^|]*)\|([de])\|([^|]*)$/
const claimPattern = /^(\d{1,16}):(\d{1,16}):([\s\S]+)$/
const statPattern = /^(\d{1,16}):([a-z]+):(\d{1,16}):(\d{1,16}):(\d{1,16}):([\s\S]*)$/
const nodePattern = /^(\d{1,16})\|(\d{1,16})\|([\s\S]*)$/

const states: ReadonlySet<string> = new Set<StatState>([
  "starting",
  "running",
  "restarting",
  "stopping",
  "overdue",
  "failed",
  "refused"
])

/** What the higher one of wins where two data sets disagree: a child that a list came to name is known better. */
export const rankOf = ({ initial, stamp }: Pick<SpecRecord, "initial" | "stamp">): number =>
  initial ? stamp + 0.5 : stamp

/** Of a record as it was read: what is there and cannot be understood yields to nothing. */
export const rankOfStored = (record: SpecRecord | TombRecord | undefined): number =>
  record === undefined ? Infinity : rankOf(record)

/** The most code versions that a spec remembers as refusing it. */
export const maxRefused = 16

/** The most characters of a cause that are stored. */
export const maxCause = 1000

/** Larger numbers have the digits, and would lose some. */
const areExact = (...numbers: ReadonlyArray<number>): boolean => numbers.every(Number.isSafeInteger)

/** @internal */
export const parseSpec = (value: string): SpecRecord | undefined => {
  const m = specPattern.exec(value)
  if (m === null) return undefined
  const [generation, stamp] = [Number(m[1]), Number(m[2])]
  if (!areExact(generation, stamp)) return undefined
  return {
    generation,
    stamp,
    op: m[3]!,
    initial: m[4]!.includes("i"),
    failed: m[4]!.includes("f"),
    refused: m[5] === "" ? [] : m[5]!.split(","),
    body: m[6]!
  }
}

/** @internal */
export const formatSpec = (spec: SpecRecord): string =>
  `${spec.generation}|${spec.stamp}|${spec.op}|${spec.initial ? "i" : ""}${spec.failed ? "f" : ""}|${
    spec.refused.join(",")
  }|${spec.body}`

/** @internal */
export const parseTomb = (value: string): TombRecord | undefined => {
  const m = tombPattern.exec(value)
  if (m === null) return undefined
  const [stamp, generation] = [Number(m[1]), Number(m[2])]
  if (!areExact(stamp, generation)) return undefined
  return {
    stamp,
    generation,
    op: m[3]!,
    by: m[4]!,
    how: m[5] === "d" ? "terminated" : "ended",
    initial: m[6]!.includes("i")
  }
}

/** @internal */
export const formatTomb = (tomb: TombRecord): string =>
  `${tomb.stamp}|${tomb.generation}|${tomb.op}|${tomb.by}|${tomb.how === "terminated" ? "d" : "e"}|${
    tomb.initial ? "i" : ""
  }`

/** @internal */
export const parseClaim = (value: string): ClaimRecord | undefined => {
  const m = claimPattern.exec(value)
  if (m === null) return undefined
  const [token, generation] = [Number(m[1]), Number(m[2])]
  return areExact(token, generation) ? { token, generation, sid: m[3]! } : undefined
}

/** @internal */
export const formatClaim = (claim: ClaimRecord): string => `${claim.token}:${claim.generation}:${claim.sid}`

/** @internal */
export const parseStat = (value: string): StatRecord | undefined => {
  const m = statPattern.exec(value)
  if (m === null || !states.has(m[2]!)) return undefined
  const [token, restarts, since, next] = [Number(m[1]), Number(m[3]), Number(m[4]), Number(m[5])]
  if (!areExact(token, restarts, since, next)) return undefined
  return { token, state: m[2] as StatState, restarts, since, next, cause: m[6]! }
}

/** @internal */
export const formatStat = (stat: StatRecord): string =>
  `${stat.token}:${stat.state}:${stat.restarts}:${Math.floor(stat.since)}:${Math.floor(stat.next)}:${
    stat.cause.slice(0, maxCause)
  }`

/** @internal */
export const parseNode = (value: string): NodeHeader | undefined => {
  const m = nodePattern.exec(value)
  if (m === null) return undefined
  const [version, opened] = [Number(m[1]), Number(m[2])]
  return areExact(version, opened) ? { version, opened, json: m[3]! } : undefined
}

/** @internal */
export const formatNode = (node: NodeHeader): string => `${node.version}|${node.opened}|${node.json}`
