/**
 * What the doctor knows when it judges: facts about a server and about a scope in it, gathered elsewhere. What could not
 * be asked is missing, and named in `unseen`.
 *
 * @internal
 */
import type { ScopeMember } from "../replica/nodeRecord.js"
import type { KnownSpec } from "../replica/replica.js"

/** A question that the server refused, or that was not put. */
export interface Unseen {
  /** What is not known, in words. */
  readonly what: string
  /** Why. */
  readonly why: string
}

/** The server, as it tells of itself. */
export interface ServerFacts {
  /** Where it is; never a secret. */
  readonly description: string
  /** Fields of INFO. */
  readonly info: ReadonlyMap<string, string>
  /** Settings by name, as far as CONFIG GET is allowed. */
  readonly config: ReadonlyMap<string, string>
  /** Round trips of small commands, milliseconds. */
  readonly roundTrips: ReadonlyArray<number>
  /** By how much the server's clock is ahead of this machine's, milliseconds; `undefined` where it was not told. */
  readonly ahead: number | undefined
  /** Commands that nodes need and that this user may not give, with what the server said. */
  readonly refused: ReadonlyArray<{ readonly command: string; readonly said: string }>
  /** Whether a failover can happen: Sentinel, or Cluster. */
  readonly canFailOver: boolean
}

/** A kind of record of a scope: one key of the registry. */
export interface PartFacts {
  readonly part: string
  readonly key: string
  /** Type of the key; `none` where there is none. */
  readonly type: string
  readonly count: number
  /** `undefined` where MEMORY USAGE is not allowed. */
  readonly bytes: number | undefined
}

/** A registered child; `spec` is missing where its record cannot be read. */
export interface SpecFacts {
  readonly id: string
  readonly spec: KnownSpec | undefined
}

/** A scope, as its records tell of it. */
export interface ScopeFacts {
  readonly scope: string
  /** Whether it has any data. */
  readonly exists: boolean
  /** Layouts that its keys name: its own word, and that of its bookkeeping. */
  readonly layouts: ReadonlyArray<string>
  /** Layout of which this version is. */
  readonly layout: string
  /** Milliseconds; `undefined` where there is no bookkeeping. */
  readonly ttl: number | undefined
  readonly maxStep: number | undefined
  /** Milliseconds since the scope's last command, by the server's clock. */
  readonly idle: number | undefined
  /** Live sessions. */
  readonly members: ReadonlyArray<ScopeMember>

  readonly specs: ReadonlyArray<SpecFacts>
  /** Whether there are more specs than were looked at. */
  readonly truncated: boolean
  /** Names of nodes that a directive stands for. */
  readonly directives: ReadonlyArray<{ readonly name: string; readonly what: string }>
  readonly parts: ReadonlyArray<PartFacts>
  /** Keys within the scope's name, or of its bookkeeping, that are not ours. */
  readonly strangers: ReadonlyArray<{ readonly key: string; readonly type: string; readonly expected: string }>
}

/** What a node started with this environment would have, as far as it is set; all in milliseconds. */
export interface OwnSettings {
  readonly ttl: number | undefined
  readonly maxStep: number | undefined
  /** How long a call may take, and how much of a lease is kept in hand. */
  readonly commandTimeout: number
  readonly margin: number
  readonly heartbeat: number
}

/** All that the doctor judges by. */
export interface DoctorFacts {
  readonly server: ServerFacts
  readonly scope: ScopeFacts
  readonly own: OwnSettings
  readonly unseen: ReadonlyArray<Unseen>
}
