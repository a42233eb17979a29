/**
 * The commands that a node sends to a registry, and their replies.
 *
 * Every command is atomic. Every command carries an {@link Envelope}, by which the registry advances its logical
 * clock, notices the loss of data, and refuses what comes too late or from another era. Records travel as strings
 * (see `state.ts`), so that a registry never needs a schema.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { AskedBy } from "./asked.js"
import type { HistoryRecord, KeepHistory, OwnerNotes } from "./historyRecords.js"
import type {
  BeginResult,
  ClaimResult,
  DelResult,
  DirectResult,
  FinishResult,
  PutResult,
  SaveResult
} from "./outcomes.js"

export type {
  BeginResult,
  ClaimResult,
  DelResult,
  DirectResult,
  FinishResult,
  PutResult,
  SaveResult
} from "./outcomes.js"

/** Version of the stored layout, of the placement hash, and of the rules. Part of every key. */
export const layoutVersion = 1

/** The most ids that one command may name: a batch of this size keeps a script well under 5 ms. */
export const maxBatch = 100

/** The most bytes of records that one page of `changes` or `snap` carries, save for a single larger record. */
export const maxPageBytes = 256 * 1024

/**
 * For how long nodes gather news of others where each reading costs something: some changes come together in that time
 * while there is work, and nobody notices. Milliseconds.
 */
export const newsDelay = 20

/** How long a tombstone is kept unless a caller says otherwise, logical milliseconds. */
export const tombstoneRetention = 24 * 3600 * 1000

/**
 * What is added to the time of an end where it is stored, logical milliseconds. It is part of the record's form: the
 * clock is found by it when all else is lost, and older versions read it so. It stays when the retention changes.
 */
export const tombstoneTerm = 24 * 3600 * 1000

/** How many tombstones are kept unless a caller says otherwise. Those of initial children are not among them. */
export const tombstoneCount = 50_000

/** How many reaped sessions are remembered. */
export const maxDead = 1000

/** Fewest entries of the change log that are kept. */
export const minLog = 20_000

/** Tombstones that each new tombstone sweeps away, at most: as many come as go, and one more. */
export const tombstoneSweep = 2

/** Tombstones that each renewal of a lease sweeps away, at most: 20 are a tenth of a millisecond. */
export const tombstoneSweepAtRest = 20

/** Limit of the stored directives: one per node name. */
export const maxDirectives = 1000

/** Least time that a directive is kept, logical milliseconds. The node that it names renews it at half of that. */
export const directiveRetention = 24 * 3600 * 1000

/** Expired directives that each new one sweeps away. */
export const directiveSweep = 2

/** Limit of the rounds of sets that are remembered: one per set. The oldest goes. */
export const maxSetRounds = 1000

/** How long, and how many, tombstones are kept. */
export interface KeepEnded {
  readonly millis: number
  readonly count: number
}

/** What every command carries. Times are milliseconds of the registry's logical clock, unless named otherwise. */
export interface Envelope {
  readonly scope: string
  /** The era that the caller believes in; empty when it knows none. */
  readonly era: string
  /** The logical time after which the command must have no effect. */
  readonly notAfter: number
  /** The highest counter value that the caller has seen. */
  readonly high: number
  /** The caller's unix time in seconds: seeds the counter of a new era. */
  readonly seconds: number
  /** Fresh random text: the name of the next era, should this command have to begin one. */
  readonly bits: string
  readonly ttl: number
  readonly maxStep: number
  /** Which tombstones this caller's commands leave: of the last logical `millis`, and the last `count`. */
  readonly keepEnded?: KeepEnded | undefined
  /** Which entries of the history this caller's commands leave. Missing: the usual ones. */
  readonly keepHistory?: KeepHistory | undefined
  /** Who sends the command, percent-encoded: the name of the node or client. For the history alone. */
  readonly by?: string | undefined
  /** Why it is sent, for the history: behind `by` of what somebody asked for. */
  readonly reason?: string | undefined
  /** Sessions that have to act on what the command changes: they are woken to read of it at once. Missing: all. */
  readonly concerns?: ReadonlyArray<string> | undefined
}

/** A claim as its owner asserts it. */
export interface ClaimAssertion {
  readonly id: string
  readonly token: number
  readonly generation: number
}

/**
 * How `open` treats the claims that it is given. `fresh`: there are none. `carry`: the era is the one they were granted
 * in, so each must still stand as it was. `reassert`: the data set is another one, so a vacant place may be taken.
 */
export type OpenMode = "fresh" | "carry" | "reassert"

/**
 * Mode of `put`. `ensure`: registers a spec unless the id has one. `start`: so, with an entry of the history by whom.
 * `ensureInitial`: `ensure`, unless the child was ended on purpose. `replace`: puts other content in the place of a
 * generation. `bump`: a new generation of the same content. `retag`: another set under the same generation, no restart.
 */
export type PutMode = "ensure" | "start" | "ensureInitial" | "replace" | "bump" | "retag"

/** A round of reconciling a set (`setRounds.ts`): of several that were begun the youngest alone may change anything. */
export interface SetRound {
  /** The set, `kind/set`. */
  readonly key: string
  /** What `begin` answered. */
  readonly round: number
}

/** One row of `changes` or `snap`. `undefined` means that this part is not told, `null` that there is none. */
export interface Item {
  readonly id: string
  readonly spec: string | null | undefined
  readonly tomb: string | null | undefined
  readonly claim: string | null
  readonly stat: string | null
  /** The child's trial, if its owner died soon after it had claimed it. */
  readonly trial: string | null
}

/** A live session and its stored record. */
export interface NodeItem {
  readonly sid: string
  readonly record: string
}

/** What a directive tells the node of a name to do. `undo` lifts the one before; it is a record like the others. */
export type DirectiveWhat = "cordon" | "drain" | "undo"

/** A node name and the directive stored for it. */
export interface DirectiveItem {
  readonly name: string
  readonly record: string
}

/** A value of a child's state that its owner stores. `birth`: of the life that it belongs to. */
export interface StateSave {
  readonly id: string
  readonly token: number
  readonly birth: number
  /** Rises with each value, and goes on from that of the value which came with the claim. At least 1. */
  readonly version: number
  /** Version of the kind whose code wrote it. */
  readonly kindVersion: number
  readonly body: string
}

/** Record that a node gives back to a new era. `direct`: a directive, whose id is a node's name. */
export interface Fact {
  readonly id: string
  readonly kind: "spec" | "tomb" | "direct" | "state"
  readonly value: string
}

/** Arguments and reply value of every command. */
export interface Commands {
  /** Renews a session. With an empty `sid` it only asks for the era and the time. */
  tick: [
    { readonly sid: string },
    { readonly claims: number; readonly quarantine: number }
  ]
  /** Makes a session live, after it asserted its claims. */
  open: [
    {
      readonly sid: string
      readonly version: number
      readonly record: string
      readonly mode: OpenMode
      readonly claims: ReadonlyArray<ClaimAssertion>
      readonly last: boolean
      readonly supersedes: string
      /** The set of the list that the node keeps: a round of it that was begun before the session lived is over. */
      readonly list?: string | undefined
      /** The revision of the node's release, if it has one; `fresh`: since when its name has that, as it was told before. */
      readonly revision?: string | undefined
      readonly fresh?: number | undefined
    },
    {
      readonly refused: ReadonlyArray<string>
      readonly quarantine: number
      readonly collected: number
      /** Counter value since when the session's name has its revision: a restart changes nothing. 0 for none. */
      readonly fresh: number
    }
  ]
  /**
   * Replaces the record of a live session, unless the stored one has a higher version. `leaving`: its process is about
   * to end on purpose, so its end counts against no child.
   */
  update: [
    { readonly sid: string; readonly version: number; readonly record: string; readonly leaving?: boolean | undefined },
    Record<string, never>
  ]
  /** Ends a session. `gone`: its process is gone, as a neighbour attests; otherwise it ends on purpose. */
  close: [{ readonly sid: string; readonly gone?: boolean | undefined }, Record<string, never>]
  /**
   * Registers specs. `round`: refused as `SUPERSEDED` unless that round is the set's youngest. `stamp`: of the record
   * that the caller saw; `replace` and `retag` touch no other. 0 for any.
   */
  put: [
    {
      readonly mode: PutMode
      readonly items: ReadonlyArray<{
        readonly id: string
        readonly op: string
        readonly generation: number
        readonly body: string
        readonly stamp?: number | undefined
      }>
      readonly round?: SetRound | undefined
      readonly asked?: AskedBy | undefined
    },
    { readonly results: ReadonlyArray<PutResult> }
  ]
  /**
   * Ends specs, each of the generation that the caller saw. `round` and `stamp`: as in `put`. `prune`: because no list
   * names them; one that does brings them back.
   */
  del: [
    {
      readonly items: ReadonlyArray<{
        readonly id: string
        readonly op: string
        readonly generation: number
        readonly stamp?: number | undefined
      }>
      readonly round?: SetRound | undefined
      readonly prune?: boolean | undefined
      readonly asked?: AskedBy | undefined
    },
    { readonly results: ReadonlyArray<DelResult> }
  ]
  /**
   * Begins a round of reconciling a set: those that were begun before may change nothing any more. `fence`: the token of
   * the child that makes it; a round with a lower one than the set has seen is refused. 0 for none. `seen`: the caller's
   * session, and the round that it has read of, 0 for none; refused where that session is not live, or another round has
   * begun. `quarantine`: milliseconds until the registry knows what exists.
   */
  begin: [
    {
      readonly key: string
      readonly op: string
      readonly fence: number
      readonly seen?: { readonly sid: string; readonly round: number } | undefined
    },
    { readonly result: BeginResult; readonly quarantine: number }
  ]
  /**
   * Merges specs, tombstones, directives and states from a node's memory into a new era. The highest rank wins. `sid`: the
   * sender's session, for states: whose child is held by another is not changed after the quarantine.
   */
  merge: [{ readonly facts: ReadonlyArray<Fact>; readonly sid?: string | undefined }, { readonly merged: number }]
  /**
   * Asks for the exclusive right to run children. `trial`: those on trial too, all of them as one round; `goesOn`: as part
   * of the round before.
   */
  claim: [
    {
      readonly sid: string
      readonly trial?: boolean | undefined
      readonly goesOn?: boolean | undefined
      readonly items: ReadonlyArray<{ readonly id: string; readonly generation: number }>
    },
    { readonly results: ReadonlyArray<ClaimResult> }
  ]
  /**
   * Gives claims back. `refused` names a code, or a revision, that cannot run the child. `stat`: its status from then on;
   * empty for the one that it has. `saves`: values of these children that are not stored yet, as in `save`.
   */
  release: [
    {
      readonly sid: string
      readonly items: ReadonlyArray<
        OwnerNotes & { readonly id: string; readonly token: number; readonly refused: string; readonly stat?: string }
      >
      readonly saves?: ReadonlyArray<StateSave> | undefined
    },
    { readonly released: number }
  ]
  /**
   * Stores the states of children that the session owns. Neither its session nor its lease need live: whoever claims a
   * child next reads what was stored before.
   */
  save: [
    { readonly sid: string; readonly items: ReadonlyArray<StateSave> },
    { readonly results: ReadonlyArray<SaveResult> }
  ]
  /** Reads the states of children: the records, `null` for none, `undefined` where it did not fit. */
  peek: [
    { readonly ids: ReadonlyArray<string> },
    { readonly states: ReadonlyArray<string | null | undefined>; readonly quarantine: number }
  ]
  /** Stores the status of children. */
  report: [
    {
      readonly sid: string
      readonly items: ReadonlyArray<OwnerNotes & { readonly id: string; readonly token: number; readonly stat: string }>
    },
    { readonly stored: number }
  ]
  /** Ends (`ended`) or parks (`failed`) children, and gives their claims back. `saves`: as in `release`. */
  finish: [
    {
      readonly sid: string
      readonly items: ReadonlyArray<
        {
          readonly id: string
          readonly generation: number
          readonly token: number
          readonly how: "ended" | "failed"
          readonly stat: string
        } & OwnerNotes
      >
      readonly saves?: ReadonlyArray<StateSave> | undefined
    },
    { readonly results: ReadonlyArray<FinishResult> }
  ]
  /** What changed after a cursor of the log. */
  changes: [
    { readonly cursor: number },
    {
      readonly items: ReadonlyArray<Item>
      /** Present when the membership changed. */
      readonly nodes: ReadonlyArray<NodeItem> | undefined
      /** All directives. Present when the membership or a directive changed. */
      readonly directives: ReadonlyArray<DirectiveItem> | undefined
      readonly cursor: number
      readonly more: boolean
    }
  ]
  /** One page of everything; an empty cursor begins, an empty `next` ends. */
  snap: [{ readonly cursor: string }, { readonly items: ReadonlyArray<Item>; readonly next: string }]
  /** The live sessions, and all directives. */
  nodes: [
    Record<string, never>,
    { readonly nodes: ReadonlyArray<NodeItem>; readonly directives: ReadonlyArray<DirectiveItem> }
  ]
  /**
   * Tells the node of a name to cordon or drain itself, or undoes that. `op` and `by` come percent-encoded. `seen`: the
   * highest counter value that the caller had seen when the call began; a directive that was given since is not
   * replaced, so that a late duplicate of this command undoes nothing.
   */
  direct: [
    {
      readonly name: string
      readonly what: DirectiveWhat
      readonly op: string
      readonly by: string
      readonly reason: string
      readonly seen: number
    },
    { readonly result: DirectResult }
  ]
  /**
   * One page of the history: of one child, or of everything with an empty `id`. `back`: from the newest entry, or from
   * before the cursor, down to the time `since` (unix milliseconds). Otherwise on from the cursor; with an empty one it
   * tells only where the end is. `more`: there are entries that this page has not looked at.
   */
  history: [
    {
      readonly id: string
      readonly back: boolean
      readonly cursor: string
      readonly since: number
      readonly limit: number
    },
    { readonly entries: ReadonlyArray<HistoryRecord>; readonly cursor: string; readonly more: boolean }
  ]
}

/** Name of a command. */
export type CommandName = keyof Commands

/** Arguments of a command. */
export type Args<K extends CommandName> = Commands[K][0]

/** Value that a command replies with when it had its effect. */
export type Value<K extends CommandName> = Commands[K][1]

/** Why a command had no effect. */
export type Refusal =
  /** Another era is current (or one has just begun). */
  | {
    readonly _tag: "ERA"
    readonly era: string
    readonly now: number
    readonly high: number
    /** See `Ok`. */
    readonly idle?: number | undefined
  }
  /** The command came after its `notAfter`. */
  | { readonly _tag: "EXPIRED"; readonly now: number; readonly high: number }
  /** The session is not live. */
  | { readonly _tag: "NOSESSION"; readonly now: number; readonly high: number }
  /** The session was reaped or superseded, and can never be opened again. */
  | { readonly _tag: "DEAD"; readonly now: number; readonly high: number }
  /** No claims are granted yet: `left` more milliseconds. */
  | { readonly _tag: "QUARANTINE"; readonly left: number; readonly now: number; readonly high: number }
  /** Another round of this set was begun since, or an era: the command had no effect. */
  | { readonly _tag: "SUPERSEDED"; readonly now: number; readonly high: number }
  /** The log no longer reaches back to the cursor. */
  | { readonly _tag: "RESYNC"; readonly now: number; readonly high: number }
  /** Live nodes of this scope use other timings. */
  | {
    readonly _tag: "TIMING"
    readonly ttl: number
    readonly maxStep: number
    readonly now: number
    readonly high: number
  }
  /** The data was written by another version of the layout. */
  | { readonly _tag: "VERSION"; readonly layout: string }
  /** A key holds another type of data than ours. */
  | { readonly _tag: "WRONGTYPE"; readonly key: string }

/**
 * The command took effect. `log` is the newest entry of the change log. `idle`: milliseconds for which the scope had no
 * command before this one, which tells whether any node is alive; missing where that is not known.
 */
export interface Ok<A> {
  readonly _tag: "OK"
  readonly now: number
  readonly high: number
  readonly log: number
  readonly idle?: number | undefined
  /** Entries of the history that the command could not write. */
  readonly lost?: number | undefined
  readonly value: A
}

/** Reply of the registry: the command's value, or why it had no effect. */
export type Reply<A> = Ok<A> | Refusal

/** One spec of a `put`. */
export type PutItem = Args<"put">["items"][number]

/**
 * All that a backend has to provide: one atomic operation, and a way to be woken. `makeEncoded` does the rest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoded {
  /** What it is and where, for logs. Never a secret. */
  readonly description: string
  /** For how long a node may gather news that concern others before it reads them. Milliseconds; default 0. */
  readonly newsDelay?: number | undefined
  /** Runs one command atomically. A reply that does not come in time is a failure with `sent: true`. */
  readonly execute: <K extends CommandName>(
    name: K,
    envelope: Envelope,
    args: Args<K>
  ) => Effect.Effect<Reply<Value<K>>, RegistryUnavailable>
  /**
   * Calls the listener with the newest log position, or with nothing when messages may have been missed. A lost
   * message costs latency only: every `tick` tells the position too. `concerns`: the sessions that have to act on the
   * news, as the envelope named them; missing for all.
   */
  readonly onWake: (
    scope: string,
    listener: (log: number | undefined, concerns?: ReadonlyArray<string>) => void
  ) => Effect.Effect<void, RegistryUnavailable, Scope.Scope>
}
