/**
 * Records of deaths: what a registry remembers of a process that died, and of a child that may have been the cause. The
 * measure is the time from the claim to the death, and no time is kept per child: marks of the counter tell how old a
 * token is.
 *
 * | record | form |
 * |---|---|
 * | trial | `generation:deaths:certain:due:token:at` |
 * | trace of a session | `how:at:floor:round:since:until:left:alone` |
 * | marks | `counter:clock`, oldest first, with commas between |
 *
 * Twin of `lua/shared/trials.lua`.
 *
 * @internal
 */
import { counterOf, maxCounter } from "./bounds.js"

/** A child whose owner died soon after it had claimed it: it is tried again among few others, or alone. */
export interface TrialRecord {
  /** Generation of the spec. */
  readonly generation: number
  /** Deaths of an owner that count against the child. */
  readonly deaths: number
  /** Those of them at which no other child can have been the cause. */
  readonly certain: number
  /** From when on it may be tried again, logical milliseconds. */
  readonly due: number
  /** Token of the claim on trial; 0 while it waits. */
  readonly token: number
  /** When that claim was granted, or the child was accused; logical milliseconds. */
  readonly at: number
}

/** What is known of a session besides its lease: its end, and its last round of trials. Times are logical milliseconds. */
export interface SessionTrace {
  /** `leaving`: it lives, and is about to end on purpose. `gone`: its process is. `reaped`: its lease ended. */
  readonly how: "live" | "leaving" | "gone" | "reaped"
  /** Last proof that it lived; 0 while it does. */
  readonly at: number
  /** Claims with higher tokens were young when it ended. */
  readonly floor: number
  /** First token of its last round of trials; 0 for none. */
  readonly round: number
  /** Begin of that round, and end of its hold: the time in which a death counts against its members only. */
  readonly since: number
  readonly until: number
  /** Members of the round that are still on trial. */
  readonly left: number
  /** Whether the round had one member, and the session no other trial that was younger than the proof time. */
  readonly alone: boolean
}

/** The most marks that are kept: three proof times, since the end of a lease is noticed one and a half after it. */
export const maxMarks = 12

/** Deaths after which a child is parked as failed, and how many of them must be beyond doubt. */
export const fatalDeaths = { all: 5, certain: 2 } as const

/** Deaths from which on a child is tried alone. */
export const lonelyDeaths = 3

/** How long a child has to live under one claim to be above suspicion, milliseconds. `ttl`: the scope's. */
export const proofTime = (ttl: number): number => Math.floor(Math.ceil(ttl) * 2 / 3)

/** How many marks are made within a proof time, and which part of it the first wait and the shortest hold are. */
const markShare = 4
const holdShare = 10

/** Limits of the wait before a trial: as a power of two, and in proof times. */
const maxDoublings = 10
const maxWaits = 6

/** How long a child waits for its next trial, milliseconds: not at all at first, then twice as long each time. */
export const trialDelay = (deaths: number, ttl: number): number => {
  const proof = proofTime(ttl)
  if (deaths < 2) return 0
  return Math.min(Math.floor(proof / holdShare) * 2 ** Math.min(deaths - 2, maxDoublings), maxWaits * proof)
}

/** How long a round is held before the next may begin, milliseconds. */
export const holdOf = (deaths: number, ttl: number): number => {
  const proof = proofTime(ttl)
  return deaths >= lonelyDeaths ? proof : deaths * Math.floor(proof / holdShare)
}

/** What a trial needs of its node: how often its process must have lived a doubled proof time. -1: nothing. */
export const requiredAge = (deaths: number): number => Math.min(deaths - 2, maxDoublings)

/** Why a child that is accused does not run, in words. */
export const deathCause = (deaths: number): string =>
  `its process died ${deaths === 1 ? "once" : `${deaths} times`} soon after it started`

const trialPattern = /^(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16})$/
const tracePattern = /^([lqgr]):(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16}):(\d{1,16}):([01])$/

const numbersOf = (fields: ReadonlyArray<string>): ReadonlyArray<number> | undefined => {
  const numbers = fields.map(Number)
  return numbers.every((n) => counterOf(n) !== undefined) ? numbers : undefined
}

/** Parses a trial; `undefined` for another form. */
export const parseTrial = (value: string): TrialRecord | undefined => {
  const m = trialPattern.exec(value)
  const numbers = m === null ? undefined : numbersOf(m.slice(1))
  if (numbers === undefined) return undefined
  const [generation, deaths, certain, due, token, at] = numbers as [number, number, number, number, number, number]
  return { generation, deaths, certain, due, token, at }
}

/** Formats a trial. */
export const formatTrial = ({ at, certain, deaths, due, generation, token }: TrialRecord): string =>
  `${generation}:${deaths}:${certain}:${due}:${token}:${at}`

const hows = { l: "live", q: "leaving", g: "gone", r: "reaped" } as const
const letters = { live: "l", leaving: "q", gone: "g", reaped: "r" } as const

/** Trace of a session that nothing is known of. */
export const noTrace: SessionTrace = {
  how: "live",
  at: 0,
  floor: 0,
  round: 0,
  since: 0,
  until: 0,
  left: 0,
  alone: false
}

/** Parses the trace of a session; `undefined` for another form. */
export const parseTrace = (value: string): SessionTrace | undefined => {
  const m = tracePattern.exec(value)
  const numbers = m === null ? undefined : numbersOf(m.slice(2, 8))
  if (m === null || numbers === undefined) return undefined
  const [at, floor, round, since, until, left] = numbers as [number, number, number, number, number, number]
  return { how: hows[m[1] as keyof typeof hows], at, floor, round, since, until, left, alone: m[8] === "1" }
}

/** Formats the trace of a session. */
export const formatTrace = ({ alone, at, floor, how, left, round, since, until }: SessionTrace): string =>
  `${letters[how]}:${at}:${floor}:${round}:${since}:${until}:${left}:${alone ? 1 : 0}`

/** Adds a mark if the last one is old enough. */
export const addMark = (marks: string, counter: number, now: number, ttl: number): string => {
  const last = counterOf(Number(/:(\d{1,16})$/.exec(marks)?.[1] ?? Number.NaN))
  if (last === undefined) return `${counter}:${now}`
  if (now < last + Math.max(1, Math.floor(proofTime(ttl) / markShare))) return marks
  return [...marks.split(","), `${counter}:${now}`].slice(-maxMarks).join(",")
}

/**
 * The token above which a claim was young at a time: the newest mark that is older than a proof time then, or else the
 * oldest one. Where there is no mark nothing is known, and nothing is young.
 */
export const floorAt = (marks: string, time: number, ttl: number): number => {
  let floor: number | undefined
  for (const [, counter, clock] of marks.matchAll(/(\d+):(\d+)/g)) {
    const token = counterOf(Number(counter))
    if (token === undefined) continue
    if (floor === undefined || Number(clock) <= time - proofTime(ttl)) floor = token
  }
  return floor ?? maxCounter
}

/**
 * Whether the end of a session counts against a child that it had claimed under `token`. Accused are the first of these
 * that are not empty: the round whose hold was not over; the claims on trial that were younger than the proof time; the
 * young claims. Of a session that ended on purpose, or of which nothing is known, nobody is.
 */
export const isAccused = (
  trace: SessionTrace | undefined,
  token: number,
  record: TrialRecord | undefined,
  ttl: number
): boolean => {
  if (trace === undefined || trace.how === "live" || trace.how === "leaving") return false
  const proof = proofTime(ttl)
  const isHeld = trace.left > 0 && trace.until > trace.at
  if (record?.token === token) return isHeld ? token >= trace.round : trace.at - record.at <= proof
  const isTrying = trace.left > 0 && trace.at - trace.since <= proof
  return !isHeld && !isTrying && token > trace.floor
}

/** A child's record after one more death. */
export const accuse = (
  trace: SessionTrace,
  { generation, token }: { readonly generation: number; readonly token: number },
  record: TrialRecord | undefined,
  now: number,
  ttl: number
): TrialRecord => {
  const isCertain = record?.token === token && trace.alone && token >= trace.round
  const deaths = (record?.deaths ?? 0) + 1
  return {
    generation,
    deaths,
    certain: (record?.certain ?? 0) + (isCertain ? 1 : 0),
    due: now + trialDelay(deaths, ttl),
    token: 0,
    at: now
  }
}
