/**
 * The local supervisor: runs the children that this node holds claims on, restarts them by their policies, and stops
 * them. It knows nothing of the registry; it tells its owner what happened.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import { ClaimLost } from "../../PogoError.js"
import * as PogoEvent from "../../PogoEvent.js"
import type { Watching } from "../observer.js"
import type { StatRecord } from "../registry/state.js"
import { bodyOf, type KnownSpec } from "../replica/entry.js"
import type { Ambient } from "../runtime/environment.js"
import { Turnstile } from "../runtime/throttle.js"
import { until } from "../runtime/waitUntil.js"
import { describeExit, type Host, LocalChild } from "./child.js"
import type { Registration } from "./kindRegistration.js"
import { OverdueWatch } from "./overdue.js"
import { Backoff } from "./restartSchedule.js"
import { forkAttempt } from "./run.js"

/** What the supervisor tells its owner. All are synchronous, and must not throw. */
export interface Owner {
  readonly nodeName: string
  readonly ambient: Ambient
  readonly leaseHolds: () => boolean
  /** Forks into the node's own scope. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  readonly observer: Watching
  /** A child is in another stage. */
  readonly changed: (child: LocalChild) => void
  /** A child's fiber has ended after a stop; it is no longer here. */
  readonly stopped: (child: LocalChild) => void
  /** A child's fiber has ended for good, or its policy is spent: the registry is to be told. It is still here. */
  readonly finished: (child: LocalChild, how: "ended" | "failed") => void
  /** The event is made only if somebody listens. */
  readonly emit: (event: () => PogoEvent.PogoEvent) => void
  /** A run ended by itself; for the log. It is restarted in so many milliseconds, or that was the end of it. */
  readonly exited: (child: LocalChild, next: number | "ended" | "failed") => void
  /** A child does not end, and its kind asks for the process to end instead. */
  readonly exitProcess: (child: LocalChild) => void
}

/** What comes with a claim. */
export interface Grant {
  readonly id: string
  readonly spec: KnownSpec
  readonly token: number
  readonly stat: StatRecord | undefined
}

/** Whether a run ended since it had lost its claim, as `check` tells it. */
const isLoss = (exit: Exit.Failure<unknown, unknown>): boolean =>
  Chunk.some(
    Chunk.appendAll(Cause.failures(exit.cause), Cause.defects(exit.cause)),
    (error) => error instanceof ClaimLost
  )

/** How many children are restarted, or interrupted, at once, before others wait for the next turn of the event loop. */
const burst = 32

const whichOf = ({ id, node, token }: LocalChild) => ({ id, node, token })

/** @internal */
export class Supervisor implements Host {
  readonly children = new Map<string, LocalChild>()
  /** Restarts without delay, and interruptions, each have their turns. */
  private readonly restarts: Turnstile
  private readonly interruptions: Turnstile
  private readonly overdue: OverdueWatch
  private readonly confirmations = new Set<() => void>()

  constructor(private readonly owner: Owner) {
    this.restarts = new Turnstile(owner.ambient.yieldTurn, owner.fork, burst)
    this.interruptions = new Turnstile(owner.ambient.yieldTurn, owner.fork, burst)
    this.overdue = new OverdueWatch(owner.ambient, owner.fork, (child) => this.becomeOverdue(child))
  }

  get nodeName(): string {
    return this.owner.nodeName
  }

  leaseHolds(): boolean {
    return this.owner.leaseHolds()
  }

  lostSignal(child: LocalChild): Deferred.Deferred<ClaimLost> {
    if (child.lostSignal === undefined) {
      child.lostSignal = Deferred.unsafeMake(FiberId.none)
      if (child.revoked) this.signalLost(child)
    }
    return child.lostSignal
  }

  /** Starts a child under a claim. A `Left` says why its code cannot read its payload. */
  start(grant: Grant, registration: Registration): Either.Either<LocalChild, string> {
    const prepared = registration.prepare(bodyOf(grant.spec).payload)
    if (Either.isLeft(prepared)) return Either.left(prepared.left)
    const child = new LocalChild(this, grant.id, grant.spec, registration, grant.token, prepared.right)
    this.inherit(child, grant.stat)
    this.children.set(child.id, child)
    this.launch(child)
    return Either.right(child)
  }

  /** The count of restarts travels with the child, unless it was healthy since. */
  private inherit(child: LocalChild, stat: StatRecord | undefined): void {
    if (stat === undefined || stat.state === "failed") return
    const healthy = stat.state === "running" && this.owner.ambient.wall() - stat.since >= this.resetAfter(child)
    child.restarts = healthy ? 0 : stat.restarts
    child.lastEnd = stat.cause
  }

  private resetAfter(child: LocalChild): number {
    return Duration.toMillis(child.registration.restart.resetAfter)
  }

  private launch(child: LocalChild): void {
    child.attempt++
    child.next = 0
    child.startedAt = this.owner.ambient.now()
    child.stage = "starting"
    child.since = this.owner.ambient.wall()
    this.owner.observer.began(child)
    const fiber = forkAttempt(child, child.body, () => this.running(child))
    child.fiber = fiber
    fiber.addObserver((exit) => {
      this.owner.observer.ended(child)
      this.surely(child, () => this.exited(child, child.outcome(exit)))
    })
  }

  /** What happens when a run ends must not end with the run: where the policy's own code throws, the child is failed. */
  private surely(child: LocalChild, step: () => void): void {
    try {
      step()
    } catch (error) {
      child.lastEnd = `its restart policy threw: ${describeExit(Exit.die(error))}`
      if (child.ending) this.ended(child)
      else this.finish(child, "failed")
    }
  }

  private running(child: LocalChild): void {
    if (child.stage !== "starting") return
    this.enter(child, "running")
    this.owner.emit(() => PogoEvent.ChildStarted({ ...whichOf(child), attempt: child.attempt }))
  }

  private enter(child: LocalChild, stage: LocalChild["stage"]): void {
    child.stage = stage
    child.since = this.owner.ambient.wall()
    this.owner.changed(child)
  }

  private exited(child: LocalChild, exit: Exit.Exit<unknown, unknown>): void {
    child.fiber = undefined
    child.runtime = undefined
    if (child.ending) return this.ended(child)
    if (!child.holds && Exit.isFailure(exit)) {
      if (!child.keepsOnLoss) return this.lapse(child)
      if (isLoss(exit)) return this.awaitConfirmation(child)
    }
    child.lastEnd = exit
    if (this.owner.ambient.now() - child.startedAt >= this.resetAfter(child)) {
      child.restarts = 0
      child.backoff = undefined
    }
    const type = child.spec.restart ?? child.registration.restart.type
    if (type === "temporary" || (type === "transient" && Exit.isSuccess(exit))) return this.finish(child, "ended")
    if (this.isTooIntense(child)) return this.finish(child, "failed")
    this.restart(child, exit)
  }

  /** It ended since the lease had: no fault of its own, and nothing that its policy should hear of. */
  private lapse(child: LocalChild): void {
    child.stopReason = "fenced"
    child.stage = "stopping"
    this.ended(child)
  }

  /** Waits until the claim is confirmed; whoever loses it stops the wait. */
  private awaitConfirmation(child: LocalChild): void {
    this.enter(child, "restarting")
    const held = until(this.confirmations, () => (child.holds ? true : undefined))
    this.after(child, this.owner.fork(held), () => this.runAgain(child))
  }

  /** Claims that were unconfirmed are confirmed. */
  confirmed(): void {
    for (const listener of Array.from(this.confirmations)) listener()
  }

  private isTooIntense(child: LocalChild): boolean {
    const { intensity } = child.registration
    if (intensity === undefined) return false
    const now = this.owner.ambient.now()
    const begin = now - Duration.toMillis(intensity.within)
    child.crashes = [...(child.crashes ?? []).filter((at) => at > begin), now]
    return child.crashes.length > intensity.maxRestarts
  }

  private restart(child: LocalChild, exit: Exit.Exit<unknown, unknown>): void {
    child.stage = "restarting"
    child.since = this.owner.ambient.wall()
    // As the child's own code has it: its clock, its random numbers. Whoever stops the child interrupts it.
    const stepping = Runtime.runFork(child.registration.runtime)(this.step(child, exit))
    this.after(child, stepping, (delay) => {
      if (delay === undefined) return this.finish(child, "failed")
      child.restarts++
      child.next = this.owner.ambient.wall() + delay
      this.tellExit(child, delay)
      this.owner.changed(child)
      if (delay > 0) this.after(child, this.owner.fork(Effect.sleep(delay)), () => this.runAgain(child))
      else this.restarts.enter(() => this.runAgain(child))
    })
    // Its schedule takes its time.
    if (child.fiber === stepping) this.owner.changed(child)
  }

  /** What the schedule says: the delay before the next run, or that it is done. */
  private step(child: LocalChild, exit: Exit.Exit<unknown, unknown>): Effect.Effect<number | undefined> {
    const now = this.owner.ambient.wall()
    if (child.backoff !== undefined) return child.backoff.step(now, exit)
    const backoff = child.backoff = new Backoff(child.registration.restart.schedule)
    return Effect.zipRight(backoff.replay(child.restarts, now, exit), backoff.step(now, exit))
  }

  /** Goes on when a fiber has ended, unless the child is stopped meanwhile. Most schedules answer at once. */
  private after<A>(child: LocalChild, fiber: Fiber.RuntimeFiber<A>, then: (value: A) => void): void {
    const settle = (outcome: Exit.Exit<A>) => {
      child.fiber = undefined
      if (child.ending) return this.ended(child)
      if (Exit.isSuccess(outcome)) return then(outcome.value)
      child.lastEnd = `its restart schedule died: ${describeExit(outcome)}`
      this.finish(child, "failed")
    }
    const outcome = fiber.unsafePoll()
    if (outcome !== null) return settle(outcome)
    child.fiber = fiber
    fiber.addObserver(settle)
  }

  /** Its time, or its turn, has come. */
  private runAgain(child: LocalChild): void {
    // It was stopped while it waited.
    if (child.stage !== "restarting" || this.children.get(child.id) !== child) return
    // The lease is over, and the fence about to fall.
    if (!child.holds && !child.keepsOnLoss) return this.lapse(child)
    this.launch(child)
  }

  private tellExit(child: LocalChild, next: number | "ended" | "failed"): void {
    const restartIn = typeof next === "number" ? next : undefined
    this.owner.exited(child, next)
    this.owner.emit(() => PogoEvent.ChildExited({ ...whichOf(child), cause: child.cause, restartIn }))
  }

  private finish(child: LocalChild, how: "ended" | "failed"): void {
    this.tellExit(child, how)
    if (how === "failed") this.owner.emit(() => PogoEvent.ChildFailed({ ...whichOf(child), cause: child.cause }))
    child.stage = "reportingEnd"
    child.inbox?.turnAway()
    child.since = this.owner.ambient.wall()
    this.owner.finished(child, how)
  }

  /** The registry knows of the end. */
  forget(child: LocalChild): void {
    if (this.children.get(child.id) === child) this.children.delete(child.id)
  }

  /** Interrupts a child. It stays here until its fiber has ended, however long that takes. */
  stop(child: LocalChild, reason: NonNullable<LocalChild["stopReason"]>, grace = child.graceMillis): void {
    if (child.stage === "reportingEnd") return
    const overdueAt = this.owner.ambient.now() + grace
    if (!child.ending) {
      child.stopReason = reason
      this.enter(child, "stopping")
      child.inbox?.turnAway()
      // Between two runs, with its turn still to come, there is nothing to interrupt.
      if (child.fiber === undefined) return this.ended(child)
      this.interruptions.enter(() => child.fiber?.unsafeInterruptAsFork(FiberId.none))
    }
    if (child.stage === "stopping" && overdueAt < child.overdueAt) {
      child.overdueAt = overdueAt
      this.overdue.watch(child)
    }
  }

  /** Marks a child's claim as lost for good. */
  revoke(child: LocalChild): void {
    if (child.revoked) return
    child.revoked = true
    this.signalLost(child)
  }

  private signalLost(child: LocalChild): void {
    if (child.lostSignal !== undefined) Deferred.unsafeDone(child.lostSignal, Exit.succeed(child.claimLost()))
  }

  private becomeOverdue(child: LocalChild): void {
    if (child.stage !== "stopping") return
    this.enter(child, "overdue")
    this.owner.emit(() => PogoEvent.ChildOverdue({ ...whichOf(child), reason: child.stopReason ?? "shutdown" }))
    if (child.registration.onOverdue === "exit") this.owner.exitProcess(child)
  }

  private ended(child: LocalChild): void {
    child.inbox?.turnAway()
    this.overdue.forget(child)
    this.forget(child)
    this.owner.emit(() => PogoEvent.ChildStopped({ ...whichOf(child), reason: child.stopReason ?? "shutdown" }))
    this.owner.stopped(child)
  }
}
