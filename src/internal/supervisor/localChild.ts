/**
 * One child on the node that holds its claim: its state, and its runs. A run is a fiber of its own under a scope of its
 * own.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import * as Scope from "effect/Scope"
import type { ChildId, Shutdown } from "../../ChildSpec.js"
import type { StopReason } from "../../PogoEvent.js"
import type { RestartSchedule } from "../../Restart.js"
import { Current, type StateAccess } from "../kind/current.js"
import { type Body, defaultShutdown, graceOf, type Registration } from "../kind/registration.js"
import type { Made } from "../kind/specCodec.js"
import { maxCause, type StatRecord, type StatState } from "../registry/state.js"
import type { KnownSpec } from "../replica/replica.js"
import type { Timer } from "../runtime/environment.js"
import { effectBy, printCause, soundExit } from "../runtime/userCode.js"
import type { ChildRun, RunOwner } from "./childRun.js"
import type { RestartClock } from "./restartClock.js"
import { RunNotes, type TakenNotes } from "./runNotes.js"

/** The node, as a child needs it. */
export interface ChildHost {
  readonly nodeName: string
  /** True while the node's lease holds. */
  readonly leaseHolds: () => boolean
  /** Ends a run as a failure with this cause. */
  readonly crash: (child: LocalChild, run: ChildRun, cause: Cause.Cause<unknown>) => void
  /** The end of a run of a child with a state is decided. */
  readonly runEnded: (run: ChildRun, child: LocalChild) => void
  /** The state of a child, as a run's code reaches it. */
  readonly stateOf: (run: ChildRun, child: LocalChild) => StateAccess | undefined
}

/** The calls to one child, as the supervisor needs them. The room `calls` makes one when the first call comes. */
export interface CallEndpoint {
  /** Begins the calls that wait: the handlers of a run are up. */
  readonly open: () => void
  /** Refuses the calls that have not begun: the child is about to end here, and callers are to look elsewhere. */
  readonly turnAway: () => void
  /** Ends the calls whose handlers run. For up to `grace` milliseconds they may end by themselves. */
  readonly drain: (grace: number) => Effect.Effect<void>
}

/** The end of a run, in words. */
export const describeExit = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "it ended" : printCause(exit.cause, maxCause)

/** Steps of its restart schedule that a child is made to catch up on when it comes from another node, at most. */
const maxReplay = 1_000

/** The restart schedule of one child, stepped by hand: the supervisor wants to know a delay, not to sleep it. */
export class Backoff {
  private state: unknown

  constructor(private readonly schedule: RestartSchedule) {
    this.state = schedule.initial
  }

  /**
   * The delay before the next run, milliseconds; `undefined` when the schedule is done. It may be infinite. What is no
   * number counts as none, as to Effect itself. `now`: unix milliseconds, of a `RestartClock`.
   */
  step(now: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<number | undefined> {
    return Effect.map(
      Effect.suspend(() => effectBy(() => this.schedule.step(now, exit, this.state))),
      ([state, , decision]) => {
        this.state = state
        return ScheduleDecision.isDone(decision)
          ? undefined
          : Math.max(0, ScheduleIntervals.start(decision.intervals) - now) || 0
      }
    )
  }

  /** Takes the steps that a child took on other nodes, without sleeping. False if the schedule does not have them all. */
  replay(times: number, now: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<boolean> {
    return Effect.gen(this, function*() {
      let at = now
      for (let i = 0; i < Math.min(times, maxReplay); i++) {
        const delay = yield* this.step(at, exit)
        if (delay === undefined) return false
        if (!Number.isSafeInteger(Math.floor(at + delay))) return true
        at += delay
      }
      return true
    })
  }
}

/** Longest wait of a child that is stopped for its handlers. Milliseconds. */
const maxCallGrace = 60_000

/** Annotations of log lines. */
type Annotations = HashMap.HashMap<string, unknown>

/**
 * A child's stages on its node. `reportingEnd` is the last: the fiber has ended for good, and the registry is yet to
 * confirm that it knows.
 */
export type Stage = "starting" | "running" | "restarting" | "stopping" | "overdue" | "reportingEnd"

/** A child on this node. */
export class LocalChild implements RunOwner {
  stage: Stage = "starting"
  /** The fiber of the run, or of the wait for the next one. */
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** The present run, until its finalizers have ended. */
  run: ChildRun | undefined
  /** Runs since this node took the child over. */
  attempt = 0
  /** Restarts since the child was last healthy, on whatever node. */
  restarts = 0
  /** The same when the claim was granted: what is told to the next owner where this release cannot run the child. */
  formerRestarts = 0
  /** The last starts in a row under this claim that failed. */
  failedStarts = 0
  backoff: Backoff | undefined
  /** The time that the restart schedule is shown, from its first step. */
  restartClock: RestartClock | undefined
  /** Times of the crashes within the kind's intensity, if it has one. Elapsed milliseconds. */
  crashes: Array<number> | undefined
  /** Begin of the stage. Unix milliseconds. */
  since = 0
  /** Time of the next run; 0 when none is due. Unix milliseconds. */
  next = 0
  /** End of the last run here, or what another node reported of one. Rendered when asked for. */
  lastEnd: Exit.Exit<unknown, unknown> | string = ""
  stopReason: StopReason | undefined
  /** Why the child is overdue, if it is. */
  overdue = ""
  /** The end of the grace of a child that is being stopped, or whose run is to end. */
  graceEnd: Timer | undefined
  /** Time until which it is not moved. Elapsed milliseconds. */
  stayUntil = 0
  /** Has the plan look at it when that is over: it belongs elsewhere. */
  stayEnd: Timer | undefined
  /** The claim is lost for good. */
  revoked = false
  /** The claim has not been confirmed since the node's lease lapsed. */
  unconfirmed = false
  /** Time of the last status report. Elapsed milliseconds. */
  reportedAt = -Infinity
  /** Time of the last log line about a crash, elapsed milliseconds, and the crashes since that had none. */
  loggedAt = -Infinity
  silentCrashes = 0
  /** Annotations of the log lines of the child's own code; made with the first run. */
  annotations: Annotations | undefined
  /** The calls to the child; `undefined` until the first one. */
  endpoint: CallEndpoint | undefined
  /** What the history is to be told of its runs. */
  readonly notes = new RunNotes()

  constructor(
    readonly host: ChildHost,
    readonly id: ChildId,
    readonly spec: KnownSpec,
    readonly registration: Registration,
    /** Token of the claim. */
    readonly claim: number,
    /** Makes the child's code; its payload is decoded. */
    readonly body: Made<Body>
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

  /** End of the last run, in words. */
  get cause(): string {
    if (typeof this.lastEnd !== "string") this.lastEnd = describeExit(this.lastEnd)
    return this.lastEnd
  }

  /** True if the last run, on this node, ended with a success. */
  get endedWell(): boolean {
    return typeof this.lastEnd !== "string" && Exit.isSuccess(this.lastEnd)
  }

  /** True once the child is being stopped, or has ended for good. */
  get ending(): boolean {
    return this.stopReason !== undefined || this.stage === "reportingEnd"
  }

  /** True while the claim is certain to be this copy's. */
  get holds(): boolean {
    return !this.revoked && !this.unconfirmed && this.host.leaseHolds()
  }

  /** True if the child goes on, with an unconfirmed claim, when the node's lease ends. */
  get keepsOnLoss(): boolean {
    return this.registration.onRegistryLoss === "keep"
  }

  get shutdown(): Shutdown {
    return this.spec.shutdown ?? this.registration.shutdown ?? defaultShutdown(this.spec.type)
  }

  /** The time that the child may take to end. Milliseconds. */
  get graceMillis(): number {
    return graceOf(this.shutdown)
  }

  runEnded(run: ChildRun): void {
    if (this.registration.state !== undefined) this.host.runEnded(run, this)
  }

  stateOf(run: ChildRun): StateAccess | undefined {
    return this.registration.state === undefined ? undefined : this.host.stateOf(run, this)
  }

  crashRun(run: ChildRun, cause: Cause.Cause<unknown>): void {
    this.host.crash(this, run, cause)
  }

  /**
   * The time that a run may take to end when nobody stopped the child. Milliseconds. `brutalKill` is for stops: what
   * crashes may clean up in the time that is the default.
   */
  get cleanupMillis(): number {
    return this.shutdown === "brutalKill" ? graceOf(defaultShutdown(this.spec.type)) : this.graceMillis
  }

  /** Ends the present run as a failure with this cause. */
  crash(cause: Cause.Cause<unknown>): void {
    if (this.run !== undefined) this.crashRun(this.run, cause)
  }

  /**
   * Ends the calls of a run that has ended, then goes on with `then`. No call begins from this moment on; those whose
   * handlers run have half of the child's grace in an orderly stop, and none otherwise.
   */
  endCalls(then: Effect.Effect<void>): Effect.Effect<void> {
    if (this.endpoint === undefined) return then
    const orderly = this.ending && this.holds && this.stopReason !== "fenced" && this.stopReason !== "claimLost"
    return Effect.zipRight(this.endpoint.drain(orderly ? Math.min(this.graceMillis / 2, maxCallGrace) : 0), then)
  }

  /** Takes what the history is to be told; `last`: with the claim, which is given up. */
  takeNotes(now: number, last = false): TakenNotes {
    return this.notes.take(this.attempt, now, () => this.cause, last)
  }

  /** The status of a child that is given back as it came, since this release cannot run it. */
  returnedStat(): StatRecord {
    return { ...this.stat(), state: "stopping", restarts: this.formerRestarts, next: 0 }
  }

  /** The status of a child that is parked. */
  failedStat(): StatRecord {
    return { ...this.stat(), state: "failed", lastNode: this.node }
  }

  /** The child's status as the registry stores it. */
  stat(): StatRecord {
    return {
      token: this.claim,
      state: this.stage === "reportingEnd" ? "stopping" : this.stage satisfies StatState,
      restarts: this.restarts,
      since: this.since,
      next: this.next,
      cause: this.stage === "overdue" ? this.overdue : this.cause
    }
  }
}

/**
 * Has the log lines of a fiber name the child. It changes the refs that it is given, so these must be those of a fiber
 * that is about to be made: cheaper by far than annotating the effect (bench row: 10,000 crash loops).
 */
export const annotate =
  (child: LocalChild) => (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs => {
    child.annotations ??= HashMap.set(FiberRefs.getOrDefault(refs, FiberRef.currentLogAnnotations), "child", child.id)
    refs.locals.set(FiberRef.currentLogAnnotations, [[fiberId, child.annotations]])
    return refs
  }

const isLayer = (body: Body): body is Layer.Layer<never, unknown, unknown> => Layer.isLayer(body)

/** What the supervisor is told of a run. Synchronous, and must not throw. */
export interface RunHooks {
  /** A layer, or handlers, are about to be built. */
  readonly building: (child: LocalChild, run: ChildRun) => void
  /** The child is up: at once for an effect, after the build for a layer or for handlers. */
  readonly up: (child: LocalChild, run: ChildRun) => void
  /** The child's own code has ended. Its calls and its finalizers have not. */
  readonly ended: (child: LocalChild, run: ChildRun, exit: Exit.Exit<unknown, unknown>) => void
}

/** The run of a layer: built, then standing until it is stopped. */
const layerRun = (
  layer: Layer.Layer<never, unknown, unknown>,
  scope: Scope.Scope,
  up: () => void
): Effect.Effect<unknown, unknown, unknown> =>
  Layer.buildWithScope(layer, scope).pipe(
    Effect.zipRight(Effect.sync(up)),
    Effect.zipRight(Effect.never)
  )

/** The run of a child with a protocol: its handlers are built, then it stands until it is stopped. */
const handlersRun = (
  child: LocalChild,
  run: ChildRun,
  build: Effect.Effect<unknown, unknown, unknown>,
  hooks: RunHooks
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(build, (handlers) => {
    if (!run.isOver) run.handlers = handlers
    hooks.up(child, run)
    child.endpoint?.open()
    return Effect.never
  })

const codeOf = (child: LocalChild, run: ChildRun, body: Body, scope: Scope.Scope, hooks: RunHooks) => {
  const { server } = child.registration
  if (!isLayer(body) && server === undefined) {
    hooks.up(child, run)
    return body
  }
  hooks.building(child, run)
  return isLayer(body)
    ? layerRun(body, scope, () => hooks.up(child, run))
    : handlersRun(child, run, body, hooks)
}

/** Makes scopes in stock: making one takes a fiber, which costs more than the scope (bench row: 10,000 crash loops). */
const makeScopes = Effect.replicateEffect(Scope.make(), 32)
let scopes: Array<Scope.CloseableScope> = []

const takeScope = (): Scope.CloseableScope => {
  if (scopes.length === 0) scopes = Effect.runSync(makeScopes)
  return scopes.pop()!
}

/**
 * The kind's services, and the run's own. `forEach`, since to copy a map by its constructor makes twice as much garbage
 * (bench row: 10,000 crash loops).
 */
const contextOf = (child: LocalChild, run: ChildRun, scope: Scope.Scope): Context.Context<unknown> => {
  const services = new Map<string, unknown>()
  child.registration.runtime.context.unsafeMap.forEach((service, key) => services.set(key, service))
  return Context.unsafeMake(services.set(Scope.Scope.key, scope).set(Current.key, run))
}

/**
 * An effect that ends, after it and what is to be done then, with its exit: always with a success. A fiber that fails logs
 * that before it calls those who observe it, and they would never hear of its end if a user's logger threw.
 */
const endedBy = <A, E, R>(
  code: Effect.Effect<A, E, R>,
  close: (exit: Exit.Exit<A, E>) => Effect.Effect<void>
): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.map(Effect.exit(restore(code)), soundExit),
      (exit) => Effect.map(Effect.exit(close(exit)), (closed) => Exit.zipLeft(exit, closed))
    )
  )

/**
 * Forks a run. Its fiber ends when the child's code, its calls and all finalizers of its scope have ended, with the exit of
 * them all; it fails only if it was interrupted before it began.
 */
export const forkRun = (
  child: LocalChild,
  run: ChildRun,
  hooks: RunHooks
): Fiber.RuntimeFiber<Exit.Exit<unknown, unknown>> => {
  const { registration } = child
  const scope = takeScope()
  const runtime = Runtime.make({
    context: contextOf(child, run, scope),
    fiberRefs: registration.runtime.fiberRefs,
    runtimeFlags: registration.runtime.runtimeFlags
  })
  run.runtime = runtime
  const { body } = child
  const code = Effect.suspend(() => {
    // The process may have been frozen since the claim was granted.
    if (!child.holds && !child.keepsOnLoss) return Effect.interrupt
    if (body._tag === "Now") return effectBy(() => codeOf(child, run, body.make(), scope, hooks))
    hooks.building(child, run)
    return Effect.flatMap(body.make, (made) => codeOf(child, run, made, scope, hooks))
  })
  const close = (exit: Exit.Exit<unknown, unknown>) => {
    hooks.ended(child, run, exit)
    return child.endCalls(Scope.close(scope, exit))
  }
  return Runtime.runFork(runtime)(endedBy(code, close), {
    immediate: false,
    updateRefs: annotate(child)
  })
}
