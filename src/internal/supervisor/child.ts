/**
 * One child on the node that holds its claim.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Runtime from "effect/Runtime"
import type { Shutdown } from "../../ChildSpec.js"
import { ClaimLost } from "../../PogoError.js"
import type { Handlers } from "../calls/server/invocation.js"
import type { Inbox } from "../calls/server/mailbox.js"
import type { Current } from "../kind/current.js"
import type { Running, StopReason } from "../plan/decide.js"
import { maxCause, type StatRecord, type StatState } from "../registry/state.js"
import type { KnownSpec } from "../replica/entry.js"
import type { Annotations } from "./annotate.js"
import { type Body, defaultShutdown, graceOf, type Registration } from "./kindRegistration.js"
import type { Backoff } from "./restartSchedule.js"

/** What a child asks of the node that it runs on. */
export interface Host {
  readonly nodeName: string
  /** Whether the node's lease holds at this moment. */
  readonly leaseHolds: () => boolean
  /** The signal that the child's claim is lost. */
  readonly lostSignal: (child: LocalChild) => Deferred.Deferred<ClaimLost>
}

/** Lines of a stack that tell of Effect's own code, not of the child's. */
const isInner = (line: string): boolean => /^\s+at .*[/\\]node_modules[/\\]effect[/\\]/.test(line)

/** Whole lines, as many as there is room for. */
const shorten = (text: string): string => {
  const lines = text.split("\n").filter((line) => !isInner(line))
  let length = 0
  const kept = lines.filter((line) => (length += line.length + 1) <= maxCause)
  return kept.length > 0 ? kept.join("\n") : text.slice(0, maxCause)
}

/** How a run ended, in words. */
export const describeExit = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "it ended" : shorten(Cause.pretty(exit.cause))

/** How long a child that is stopped waits for its handlers, at most. Milliseconds. */
const patience = 60_000

/** A child's stages on a node. `reportingEnd`: its fiber has ended for good, and the registry is being told. */
export type Stage = "starting" | "running" | "restarting" | "stopping" | "overdue" | "reportingEnd"

/** Also the service that the child's own code sees. */
export class LocalChild implements Current, Running {
  stage: Stage = "starting"
  /** The run, or the wait for the next one. */
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** Starts since this node took it over. */
  attempt = 0
  /** Restarts since it was last healthy, wherever they happened. */
  restarts = 0
  backoff: Backoff | undefined
  /** Times of restarts, kept only when an intensity is set. Elapsed milliseconds. */
  crashes: Array<number> | undefined
  /** Begin of the stage, in unix and in elapsed milliseconds. */
  since = 0
  startedAt = 0
  /** Unix milliseconds of the next try; 0 when none is due. */
  next = 0
  /** How its last run ended, or what another node told of that. Rendered when asked for. */
  lastEnd: Exit.Exit<unknown, unknown> | string = ""
  stopReason: StopReason | "fenced" | "shutdown" | undefined
  /** Elapsed milliseconds at which it becomes overdue. */
  overdueAt = Infinity
  /** Its claim is lost, for good. */
  revoked = false
  /** Whether its claim could not be confirmed since the lease lapsed. */
  unconfirmed = false
  /** Elapsed milliseconds of the last report. */
  reportedAt = -Infinity
  /** Elapsed milliseconds of the last log line about a crash, and how many crashes had none since. */
  loggedAt = -Infinity
  silentCrashes = 0
  lostSignal: Deferred.Deferred<ClaimLost> | undefined
  annotations: Annotations | undefined
  /** Context and more of its present run. */
  runtime: Runtime.Runtime<never> | undefined
  /** What it answers with, while it is up. */
  handlers: Handlers | undefined
  /** Calls to it, once there was one. */
  inbox: Inbox | undefined
  /** Why its run is being ended by itself. */
  private crashCause: Cause.Cause<unknown> | undefined

  constructor(
    readonly host: Host,
    readonly id: string,
    readonly spec: KnownSpec,
    readonly registration: Registration,
    readonly claim: number,
    /** Its code, with its payload decoded. */
    readonly body: () => Body
  ) {}

  get kind(): string {
    return this.spec.kind
  }

  get key(): string {
    return this.id.slice(this.spec.kind.length + 1)
  }

  get node(): string {
    return this.host.nodeName
  }

  get token(): bigint {
    return BigInt(this.claim)
  }

  get generation(): bigint {
    return BigInt(this.spec.generation)
  }

  /** What it last died of. */
  get cause(): string {
    if (typeof this.lastEnd !== "string") this.lastEnd = describeExit(this.lastEnd)
    return this.lastEnd
  }

  /** Its last run, here, ended with a success. */
  get endedWell(): boolean {
    return typeof this.lastEnd !== "string" && Exit.isSuccess(this.lastEnd)
  }

  get ending(): boolean {
    return this.stage === "stopping" || this.stage === "overdue" || this.stage === "reportingEnd"
  }

  get holds(): boolean {
    return !this.revoked && !this.unconfirmed && this.host.leaseHolds()
  }

  /** Whether it goes on while its claim is unconfirmed. */
  get keepsOnLoss(): boolean {
    return this.registration.onRegistryLoss === "keep"
  }

  get shutdown(): Shutdown {
    return this.spec.shutdown ?? this.registration.shutdown ?? defaultShutdown(this.spec.type)
  }

  /** Ends its run as a failure. */
  crash(cause: Cause.Cause<unknown>): void {
    if (this.ending || this.fiber === undefined || (this.stage !== "running" && this.stage !== "starting")) return
    this.crashCause ??= cause
    this.fiber.unsafeInterruptAsFork(FiberId.none)
  }

  /** How its run ended, whatever the way. */
  outcome(exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> {
    const cause = this.crashCause
    this.crashCause = undefined
    return cause === undefined ? exit : Exit.failCause(cause)
  }

  /** To be called when its run has ended: takes no more calls at once, and ends those that run before it goes on. */
  quiesce(then: Effect.Effect<void>): Effect.Effect<void> {
    this.handlers = undefined
    if (this.inbox === undefined) return then
    const orderly = this.ending && this.holds && this.stopReason !== "fenced" && this.stopReason !== "claimLost"
    return Effect.zipRight(this.inbox.quiesce(orderly ? Math.min(this.graceMillis / 2, patience) : 0), then)
  }

  /** How long it may take to end. Milliseconds. */
  get graceMillis(): number {
    return graceOf(this.shutdown)
  }

  claimLost(): ClaimLost {
    return new ClaimLost({
      id: this.id,
      node: this.node,
      token: this.token,
      reason: this.revoked ? "the claim is another's, or was given up" : "the node's lease is over, or in doubt"
    })
  }

  get check(): Effect.Effect<void, ClaimLost> {
    return Effect.suspend(() => (this.holds ? Effect.void : Effect.fail(this.claimLost())))
  }

  get lost(): Effect.Effect<ClaimLost> {
    return Effect.suspend(() => this.host.lostSignal(this))
  }

  /** What the registry is told. */
  stat(): StatRecord {
    return {
      token: this.claim,
      state: this.stage === "reportingEnd" ? "stopping" : this.stage satisfies StatState,
      restarts: this.restarts,
      since: this.since,
      next: this.next,
      cause: this.cause
    }
  }
}
