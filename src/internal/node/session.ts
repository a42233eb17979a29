/**
 * A node's standing with its registry: the lease, which says until when it may be believed alive; the era, which says
 * in what data set; and the session, under which it holds claims. Each class is the only writer of its fields, save
 * where a field of the session says otherwise.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { deadline, type Timing } from "../registry/timing.js"
import type { EraMerge } from "../replica/eraMerge.js"
import type { Ambient } from "../runtime/environment.js"

/**
 * Where a node is in its life. `joining`: no lease. `opening`: the lease holds, and the registry's data set is new and
 * has not taken this node in yet. `syncing`: taken in, and the replica is not complete. `active`: all well. `closed`:
 * for good.
 */
export type Phase = "joining" | "opening" | "syncing" | "active" | "closed"

/** Probes that must fail in a row before a node gives up a work connection whose renewals go on. */
const neededProbes = 3

/**
 * A node's right to be believed alive, as the node itself judges it: until `ttl - margin` after the *sending* of its
 * last answered renewal. Never counted from the answer, which may have come late.
 */
export class Lease {
  private until = -Infinity
  private losses = 0
  private workFailingSince: number | undefined
  private failedProbes = 0
  /** Open while nothing has got through on the work connection since something failed there. */
  readonly workInDoubt = Effect.unsafeMakeLatch(false)
  /** Open while the lease is given; the alarm waits here for the next one. */
  readonly givenLatch = Effect.unsafeMakeLatch(false)

  constructor(private readonly timing: Timing, private readonly ambient: Ambient) {}

  /** Whether the lease holds at the moment of the call. */
  holds(): boolean {
    return this.ambient.now() < this.until
  }

  /** Whether the lease was given, and neither ended nor revoked. It may have run out unnoticed. */
  get given(): boolean {
    return this.until > -Infinity
  }

  /** Milliseconds that are left. */
  get remaining(): number {
    return this.until - this.ambient.now()
  }

  /** How often the lease was revoked: an answer to what was asked before the last time is void. */
  get fences(): number {
    return this.losses
  }

  /** Counts a renewal that was sent at `sent`; `false` when its answer came too late to be of use. */
  renew(sent: number): boolean {
    const until = deadline(this.timing, sent)
    if (this.ambient.now() >= until) return false
    if (until > this.until) this.until = until
    this.givenLatch.unsafeOpen()
    return true
  }

  /** Makes the lease last for ever: of a client, which runs nothing that it could end too late. */
  keep(): void {
    this.until = Infinity
  }

  /** Ends the lease. */
  revoke(): void {
    this.until = -Infinity
    this.losses++
    this.givenLatch.unsafeClose()
  }

  /**
   * Notes that a command other than a renewal was not answered. Renewals have a connection of their own. By itself this
   * says nothing of the time that follows: a connection may be new by then. It only asks for probes.
   */
  workFailed(): void {
    this.workFailingSince ??= this.ambient.now()
    this.workInDoubt.unsafeOpen()
  }

  /** Notes that a command was answered, or that a session begins. */
  workSucceeded(): void {
    this.workFailingSince = undefined
    this.failedProbes = 0
    this.workInDoubt.unsafeClose()
  }

  /** For how long nothing has been answered on the work connection since something failed there. Milliseconds. */
  get workFailingFor(): number {
    return this.workFailingSince === undefined ? 0 : this.ambient.now() - this.workFailingSince
  }

  /** Notes that a probe was not answered, unless something else was meanwhile. */
  probeFailed(): void {
    if (this.workFailingSince !== undefined) this.failedProbes++
  }

  /**
   * Whether nothing but renewals has got through for as long as a lease lasts, and enough was tried: the node would keep
   * its children from all.
   */
  get isUseless(): boolean {
    const { margin, ttl } = this.timing
    return this.failedProbes >= neededProbes && this.workFailingFor > ttl - margin
  }
}

/** What a node knows of the registry's data set. */
export class EraState {
  private known = ""
  private claims = ""
  private sid = ""

  /** The era last heard of; empty when the registry is to be asked. */
  get current(): string {
    return this.known
  }

  /** The era in which the claims of this node's children were last established. */
  get ofClaims(): string {
    return this.claims
  }

  /** The session that the registry knew last; empty before the first. */
  get lastSid(): string {
    return this.sid
  }

  /** The registry named its era. */
  learn(era: string): void {
    this.known = era
  }

  /** The registry could not be asked: whatever was known of its era may be over. */
  forget(): void {
    this.known = ""
  }

  /** A session was opened, and with it the claims that it brought along. */
  established({ era, sid }: Session): void {
    this.claims = era
    this.sid = sid
  }
}

/** How a session ended. */
export type SessionEnd = "fenced" | "era" | "closed"

/**
 * One session of a node: from the moment the registry took it in until its lease is over, its data set is replaced, or
 * it is closed. Loops and commands belong to a session; an answer that comes after its end is no answer.
 */
export class Session {
  private ending: SessionEnd | undefined
  private readonly signal = Deferred.unsafeMake<SessionEnd>(FiberId.none)
  /** Open while there may be something to read. */
  readonly unread = Effect.unsafeMakeLatch(true)
  /** Whether what is to be read concerns this node, and is read at once. */
  private isUrgent = true
  /** Open while `urgent`. */
  readonly urgentLatch = Effect.unsafeMakeLatch(true)
  /** The newest log position that was heard of. */
  private newest = 0
  private missed = false

  /** The log position up to which everything has been read. Written by the change feed. */
  cursor = 0
  /** Whether the log cannot be trusted to tell all, and everything is to be read again. Cleared by the change feed. */
  fullReadWanted = false
  /** What this node remembers and the registry does not, until it is given back. Written by the change feed. */
  merge: EraMerge | undefined
  /** Elapsed milliseconds until which no claims are granted. Written by whoever hears of it. */
  quarantineUntil = 0
  /** Whether claims that the session brought along may be another's. Written by `unconfirmedClaims`. */
  hasUnconfirmed = false
  /** Whether it was logged that commands wait for the end of the quarantine. */
  loggedWaiting = false
  /** Children whose claims are asked for apart from the plan, as trials: it looks at them when the answer has come. */
  readonly trying = new Set<string>()
  /** Live sessions of this node's name that were warned about. */
  readonly namesakes = new Set<string>()
  /** Consecutive renewals at which the registry counted other claims than this node. Written by the heartbeat. */
  mismatches = 0
  /** Whether nothing runs under it any more, and the registry is told of its end. Written by the shutdown. */
  closing = false
  /** Open once a renewal was answered. */
  readonly renewed = Effect.unsafeMakeLatch(false)

  constructor(readonly sid: string, readonly era: string) {}

  /** Whether it has ended. */
  get over(): boolean {
    return this.ending !== undefined
  }

  /** Completes when it ends, with the way in which it did. */
  get ended(): Effect.Effect<SessionEnd> {
    return Deferred.await(this.signal)
  }

  /** Ends it, once. */
  end(how: SessionEnd): void {
    if (this.ending !== undefined) return
    this.ending = how
    Deferred.unsafeDone(this.signal, Exit.succeed(how))
  }

  /** The newest log position that was heard of. */
  get newestKnown(): number {
    return this.newest
  }

  /** Whether messages may have been missed: the log is read once, whatever its position. */
  get mayHaveMissed(): boolean {
    return this.missed
  }

  get urgent(): boolean {
    return this.isUrgent
  }

  /** Whether there may be something to read. */
  get behind(): boolean {
    return this.cursor < this.newest || this.missed || this.fullReadWanted
  }

  /**
   * Notes a log position that was heard of; `undefined` when messages may have been missed. Changes that do not concern
   * this node may wait for others, to be read with them.
   */
  heardOf(log: number | undefined, concernsNode = true): void {
    if (log === undefined) this.missed = true
    else if (log > this.newest) this.newest = log
    if (!this.behind) return
    if (concernsNode) this.readAtOnce()
    this.unread.unsafeOpen()
  }

  /** Has what there is to read read at once. */
  readAtOnce(): void {
    if (!this.behind) return
    this.isUrgent = true
    this.urgentLatch.unsafeOpen()
  }

  /** Notes that the log is being read: what may have been missed is no longer. */
  beginsToRead(): void {
    this.missed = false
  }

  /** Notes that all has been read that was heard of. */
  allRead(): void {
    this.isUrgent = false
    this.urgentLatch.unsafeClose()
    this.unread.unsafeClose()
  }

  /** Asks for a complete read. */
  wantFullRead(): void {
    this.fullReadWanted = true
    this.readAtOnce()
    this.unread.unsafeOpen()
  }
}
