/**
 * The doctor: judges facts by all checks, and tells what it found.
 *
 * @internal
 */
import type { DoctorFacts } from "./doctorFacts.js"
import { memoryOf, scopeChecks } from "./doctorScope.js"
import { serverChecks } from "./doctorServer.js"
import type { Trouble } from "./doctorTrouble.js"

/** What the doctor tells, as data. */
export interface DoctorReport {
  readonly server: string
  readonly scope: string
  readonly troubles: ReadonlyArray<Trouble>
  /** What could not be looked at. */
  readonly unseen: ReadonlyArray<{ readonly what: string; readonly why: string }>
  readonly facts: {
    readonly version: string | undefined
    readonly nodes: number
    readonly children: number
    /** Milliseconds: the middle of some round trips. */
    readonly roundTrip: number | undefined
    /** Bytes by kind of record. */
    readonly memory: { readonly [kind: string]: number }
  }
}

const rank = { error: 0, warning: 1 } as const

/** Judges the facts. Of several troubles the worst come first. */
export const judge = (facts: DoctorFacts): DoctorReport => {
  const { scope, server, unseen } = facts
  const troubles = [...serverChecks, ...scopeChecks].flatMap((check) => check(facts))
  const sorted = [...server.roundTrips].sort((a, b) => a - b)
  return {
    server: server.description,
    scope: scope.scope,
    troubles: troubles.sort((a, b) => rank[a.severity] - rank[b.severity]),
    unseen,
    facts: {
      version: server.info.get("valkey_version") ?? server.info.get("redis_version"),
      nodes: scope.members.length,
      children: scope.specs.length,
      roundTrip: sorted[Math.floor(sorted.length / 2)],
      memory: Object.fromEntries(memoryOf(scope))
    }
  }
}
