/**
 * The local supervisor: runs the children that this node holds claims on, restarts them by their policies, and stops
 * them. It knows nothing of the registry; it reports to its owner.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type { ChildId } from "../../ChildSpec.js"
import * as PogoEvent from "../../PogoEvent.js"
import type { StateAccess } from "../kind/current.js"
import type { Registration } from "../kind/registration.js"
import type { StatRecord } from "../registry/state.js"
import { deathCause } from "../registry/trialRecords.js"
import { bodyOf, type KnownSpec } from "../replica/replica.js"
import { lastMoment, longSleep, Throttle, type Timer, until } from "../runtime/environment.js"
import { observe, quietFiber } from "../runtime/userCode.js"
import { ChildRun, failedByCheck } from "./childRun.js"
import { Backoff, type ChildHost, describeExit, forkRun, LocalChild, type RunHooks } from "./localChild.js"
import { overdueText } from "./overdueText.js"
import type { AfterRun, Owner } from "./owner.js"
import { RestartClock } from "./restartClock.js"

/** A claim that was granted, and what is known of its child. */
export interface Grant {
  readonly id: ChildId
  readonly spec: KnownSpec
  readonly token: number
  /** The last owner's status of the child. */
  readonly stat: StatRecord | undefined
  /** How many of its processes died soon after it had started. */
  readonly deaths: number
}

/** Children that are restarted, or interrupted, at once; others wait for the next turn of the event loop. */
const burst = 32

/**
 * What a release cannot run: a child whose starts have failed so many times in a row under one claim, each before it had
 * been up for so long. Milliseconds.
 */
const hopeless = { starts: 3, settleTime: 10_000 } as const

/** Time after which a restart schedule that has not answered is told of. Milliseconds. */
const slowStep = 10_000

/** The fields that name a child in events. */
const whichOf = ({ id, node, token }: LocalChild) => ({ id, node, token })

/** The local supervisor of a node. */
export class Supervisor implements ChildHost {
  readonly children = new Map<string, LocalChild>()
  /** Throttles of restarts without delay, and of interruptions. */
  private readonly restarts: Throttle
  private readonly interruptions: Throttle
  /** Runs that ended in this turn, and the end of their grace. */
  private readonly cleaning: Array<{ readonly child: LocalChild; readonly run: ChildRun; readonly until: number }> = []
  /** Listeners to `confirmed`. */
  private readonly confirmations = new Set<() => void>()

  /** One for all runs: there are very many. */
  private readonly hooks: RunHooks = {
    building: (child, run) => this.boundStart(child, run),
    up: (child, run) => this.running(child, run),
    ended: (child, run, exit) => this.codeEnded(child, run, exit)
  }

  constructor(private readonly owner: Owner) {
    this.restarts = new Throttle(owner.ambient.yieldTurn, owner.fork, burst)
    this.interruptions = new Throttle(owner.ambient.yieldTurn, owner.fork, burst)
  }

  get nodeName(): string {
    return this.owner.nodeName
  }

  leaseHolds(): boolean {
    return this.owner.leaseHolds()
  }

  runEnded(run: ChildRun, child: LocalChild): void {
    this.owner.states.runEnded(run, child)
  }

  stateOf(run: ChildRun, child: LocalChild): StateAccess | undefined {
    return this.owner.states.accessOf(run, child)
  }

  /** Starts a child under a claim. A `Left` says why the kind's code cannot read the payload. */
  start(grant: Grant, registration: Registration): Either.Either<LocalChild, string> {
    const prepared = registration.prepare(bodyOf(grant.spec).payload)
    if (Either.isLeft(prepared)) return Either.left(prepared.left)
    const child = new LocalChild(this, grant.id, grant.spec, registration, grant.token, prepared.right)
    this.inherit(child, grant.stat)
    child.formerRestarts = child.restarts
    if (registration.minimumStay > 0) child.stayUntil = this.owner.ambient.now() + registration.minimumStay
    this.children.set(child.id, child)
    if (grant.deaths > 0) this.resume(child, grant.deaths)
    else this.launch(child)
    return Either.right(child)
  }

  /** Begins the first run of a child whose processes died: each death was a restart, which its schedule may not have. */
  private resume(child: LocalChild, deaths: number): void {
    child.restarts = Math.max(child.restarts, deaths)
    child.lastEnd = deathCause(deaths)
    child.stage = "restarting"
    child.since = this.owner.ambient.wall()
    const backoff = child.backoff = new Backoff(child.registration.restart.schedule)
    const replay = backoff.replay(child.restarts, child.since, Exit.die(child.lastEnd))
    const replaying = Runtime.runFork(child.registration.runtime)(replay, { updateRefs: quietFiber })
    this.after(child, replaying, (isLeft) => {
      if (isLeft) this.runAgain(child)
      else this.finish(child, "failed")
    })
    if (child.fiber === replaying) this.watchStep(child, replaying)
  }

  /** Takes over the count of restarts, which travels with the child unless the child was healthy since. */
  private inherit(child: LocalChild, stat: StatRecord | undefined): void {
    if (stat === undefined || stat.state === "failed") return
    const healthy = stat.state === "running" && this.owner.ambient.wall() - stat.since >= this.resetAfter(child)
    child.restarts = healthy ? 0 : stat.restarts
    // Of one that was overdue it says why, which is no end of a run.
    child.lastEnd = stat.state === "overdue" ? "" : stat.cause
  }

  private resetAfter(child: LocalChild): number {
    return Duration.toMillis(child.registration.restart.resetAfter)
  }

  /** Begins a run. */
  private launch(child: LocalChild): void {
    child.attempt++
    child.next = 0
    child.stage = "starting"
    child.since = this.owner.ambient.wall()
    const run = child.run = this.makeRun(child)
    this.owner.observer.began(child)
    const fiber = forkRun(child, run, this.hooks)
    child.fiber = fiber
    observe(fiber, "the end of a run", (exit) => {
      this.owner.observer.ended(child)
      child.run = undefined
      this.guarded(child, () => this.exited(child, run, run.outcome(Exit.flatten(exit))))
    })
  }

  private makeRun(child: LocalChild): ChildRun {
    const run = new ChildRun(child)
    run.startedAt = this.owner.ambient.now()
    return run
  }

  /** Bounds the build of a layer, or of handlers. */
  private boundStart(child: LocalChild, run: ChildRun): void {
    const { startTimeout } = child.registration
    const at = this.owner.ambient.now() + startTimeout
    if (at === Infinity || run.isOver || run.startEnd !== undefined) return
    const tooLong = new Error(`start took longer than ${startTimeout} ms (startTimeout)`)
    run.startEnd = { at, run: () => this.crash(child, run, Cause.fail(tooLong)) }
    this.owner.timers.add(run.startEnd)
  }

  private clearStart(run: ChildRun): void {
    if (run.startEnd === undefined) return
    this.owner.timers.delete(run.startEnd)
    run.startEnd = undefined
  }

  /** The code of a run has ended: what is left are its calls and its finalizers, which have the child's grace. */
  private codeEnded(child: LocalChild, run: ChildRun, end: Exit.Exit<unknown, unknown>): void {
    run.end("its run has ended")
    run.exit = end
    run.settled = this.owner.ambient.now() - run.upAt >= hopeless.settleTime
    this.clearStart(run)
    if (!child.ending) this.awaitCleanup(child, run)
  }

  /**
   * Gives a run that has ended its grace, unless it is over a turn later: most finalizers are done at once, and a timer for
   * each run costs more than they do (bench row: 10,000 crash loops).
   */
  private awaitCleanup(child: LocalChild, run: ChildRun): void {
    this.cleaning.push({ child, run, until: this.owner.ambient.now() + child.cleanupMillis })
    if (this.cleaning.length > 1) return
    this.owner.fork(Effect.zipRight(
      this.owner.ambient.yieldTurn,
      Effect.sync(() => {
        const { now } = this.owner.ambient
        for (const { child, run, until } of this.cleaning.splice(0)) {
          if (child.run === run && !child.ending) this.setGrace(child, until - now())
        }
      })
    ))
  }

  /** Takes a step after a run; where the restart policy's own code throws, the child has failed. */
  private guarded(child: LocalChild, step: () => void): void {
    try {
      step()
    } catch (error) {
      child.lastEnd = `its restart policy threw: ${describeExit(Exit.die(error))}`
      if (child.ending) this.ended(child)
      else this.giveUp(child)
    }
  }

  /** Enters the stage `running`: the child is up. */
  private running(child: LocalChild, run: ChildRun): void {
    this.clearStart(run)
    run.upAt = this.owner.ambient.now()
    if (child.stage !== "starting" || run.isOver) return
    child.notes.began(child.attempt)
    this.enter(child, "running")
    this.owner.emit(() => PogoEvent.ChildStarted({ ...whichOf(child), attempt: child.attempt }))
  }

  /** Enters a stage, and reports it. */
  private enter(child: LocalChild, stage: LocalChild["stage"]): void {
    child.stage = stage
    child.since = this.owner.ambient.wall()
    this.owner.changed(child)
  }

  /** Decides what follows the end of a run. */
  private exited(child: LocalChild, { settled, startedAt }: ChildRun, exit: Exit.Exit<unknown, unknown>): void {
    child.fiber = undefined
    if (child.ending) return this.ended(child)
    this.clearGrace(child)
    if (!child.holds && Exit.isFailure(exit)) {
      if (!child.keepsOnLoss) return this.lapse(child)
      if (failedByCheck(exit.cause)) return this.awaitConfirmation(child)
    }
    child.lastEnd = exit
    if (this.owner.ambient.now() - startedAt >= this.resetAfter(child)) {
      child.restarts = 0
      child.backoff = undefined
      child.restartClock = undefined
    }
    child.failedStarts = Exit.isFailure(exit) && !settled ? child.failedStarts + 1 : 0
    const type = child.spec.restart ?? child.registration.restart.type
    if (type === "temporary" || (type === "transient" && Exit.isSuccess(exit))) return this.finish(child, "ended")
    if (child.failedStarts >= hopeless.starts && this.goesBack(child)) return
    if (this.isTooIntense(child)) return this.giveUp(child)
    this.restart(child, exit)
  }

  /** Ends a child whose run ended because the lease had: no crash, so its policy does not count it. */
  private lapse(child: LocalChild): void {
    child.stopReason = "fenced"
    child.stage = "stopping"
    this.ended(child)
  }

  /** Runs a child again when its unconfirmed claim is confirmed. Should the claim be lost, the child is stopped. */
  private awaitConfirmation(child: LocalChild): void {
    this.enter(child, "restarting")
    const held = until(this.confirmations, () => (child.holds ? true : undefined))
    this.after(child, this.owner.fork(held), () => this.runAgain(child))
  }

  /** Lets children go on that waited for their claims, which are confirmed. */
  confirmed(): void {
    for (const listener of Array.from(this.confirmations)) listener()
  }

  /** Counts a restart; true if it is one more than the kind's intensity allows. */
  private isTooIntense(child: LocalChild): boolean {
    const { intensity } = child.registration
    if (intensity === undefined) return false
    const now = this.owner.ambient.now()
    const begin = now - Duration.toMillis(intensity.within)
    child.crashes = [...(child.crashes ?? []).filter((at) => at > begin), now]
    return child.crashes.length > intensity.maxRestarts
  }

  /** Restarts a child after the delay of its schedule, or lets it fail when the schedule is done. */
  private restart(child: LocalChild, exit: Exit.Exit<unknown, unknown>): void {
    child.stage = "restarting"
    child.since = this.owner.ambient.wall()
    // With the clock and the random numbers of the child's own code. Whoever stops the child interrupts it.
    const stepping = Runtime.runFork(child.registration.runtime)(this.step(child, exit), { updateRefs: quietFiber })
    this.after(child, stepping, (delay) => {
      if (delay === undefined) return this.giveUp(child)
      child.restarts++
      child.next = Math.min(this.owner.ambient.wall() + delay, lastMoment)
      this.reportExit(child, delay)
      this.owner.changed(child)
      if (delay > 0) this.after(child, this.owner.fork(longSleep(delay)), () => this.runAgain(child))
      else this.restarts.run(() => this.runAgain(child))
    })
    // The schedule did not answer at once. It may take as long as it likes, and whoever looks is told.
    if (child.fiber === stepping) {
      this.owner.changed(child)
      this.watchStep(child, stepping)
    }
  }

  /** Tells of a restart schedule that has not answered for a while. */
  private watchStep(child: LocalChild, stepping: Fiber.RuntimeFiber<unknown>): void {
    const { ambient, timers } = this.owner
    const late: Timer = {
      at: ambient.now() + slowStep,
      run: () => this.owner.slow(child, `its restart schedule has not answered for ${slowStep} ms; it is waited for`)
    }
    timers.add(late)
    observe(stepping, "the answer of a restart schedule", () => timers.delete(late))
  }

  /** The delay before the next run, milliseconds; `undefined` when the restart schedule is done. */
  private step(child: LocalChild, exit: Exit.Exit<unknown, unknown>): Effect.Effect<number | undefined> {
    const now = (child.restartClock ??= new RestartClock(this.owner.ambient)).now()
    if (child.backoff !== undefined) return child.backoff.step(now, exit)
    const backoff = child.backoff = new Backoff(child.registration.restart.schedule)
    return Effect.zipRight(backoff.replay(child.restarts, now, exit), backoff.step(now, exit))
  }

  /** Calls `then` when a fiber has ended, unless the child is stopped meanwhile. Most schedules answer at once. */
  private after<A>(child: LocalChild, fiber: Fiber.RuntimeFiber<A>, then: (value: A) => void): void {
    const settle = (outcome: Exit.Exit<A>) => {
      child.fiber = undefined
      if (child.ending) return this.ended(child)
      if (Exit.isSuccess(outcome)) return then(outcome.value)
      child.lastEnd = `its restart schedule died: ${describeExit(outcome)}`
      this.giveUp(child)
    }
    const outcome = fiber.unsafePoll()
    if (outcome !== null) return settle(outcome)
    child.fiber = fiber
    observe(fiber, "the end of a wait", (exit) => this.guarded(child, () => settle(exit)))
  }

  /** Begins the next run: its time, or its turn, has come. */
  private runAgain(child: LocalChild): void {
    // The child was stopped while it waited.
    if (child.stage !== "restarting" || this.children.get(child.id) !== child) return
    // The lease is over, and the node is about to stop all children.
    if (!child.holds && !child.keepsOnLoss) return this.lapse(child)
    this.launch(child)
  }

  private reportExit(child: LocalChild, next: AfterRun): void {
    // JSON has no infinity.
    const restartIn = typeof next === "number" ? Math.min(next, lastMoment) : undefined
    child.notes.exited(child.attempt)
    this.owner.exited(child, next)
    this.owner.emit(() => PogoEvent.ChildExited({ ...whichOf(child), cause: child.cause, restartIn }))
  }

  /** A child's restart policy is spent: it has failed, unless nodes of another release may still run it. */
  private giveUp(child: LocalChild): void {
    if (child.failedStarts === 0 || !this.goesBack(child)) this.finish(child, "failed")
  }

  /** Gives a child back that this release cannot run, if nodes of another one are to. Between two runs. */
  private goesBack(child: LocalChild): boolean {
    if (!child.holds || !this.owner.mayReturn(child)) return false
    this.reportExit(child, "heldBack")
    child.stage = "reportingEnd"
    child.endpoint?.turnAway()
    child.since = this.owner.ambient.wall()
    this.forget(child)
    this.owner.heldBack(child)
    this.owner.stopped(child)
    return true
  }

  /** Ends a child for good: the registry is to know. */
  private finish(child: LocalChild, how: "ended" | "failed"): void {
    this.reportExit(child, how)
    if (how === "failed") this.owner.emit(() => PogoEvent.ChildFailed({ ...whichOf(child), cause: child.cause }))
    child.stage = "reportingEnd"
    child.endpoint?.turnAway()
    child.since = this.owner.ambient.wall()
    this.owner.finished(child, how)
  }

  /** Lets go of a child of whose end the registry knows. */
  forget(child: LocalChild): void {
    if (this.children.get(child.id) === child) this.children.delete(child.id)
    if (child.stayEnd !== undefined) this.owner.timers.delete(child.stayEnd)
  }

  /** Interrupts a child, which stays here until its fiber has ended, however long that takes. `grace`: milliseconds. */
  stop(child: LocalChild, reason: NonNullable<LocalChild["stopReason"]>, grace = child.graceMillis): void {
    if (child.stage === "reportingEnd") return
    if (!child.ending) {
      child.stopReason = reason
      child.run?.end(`it is being stopped (${reason})`)
      if (child.stage !== "overdue") this.enter(child, "stopping")
      child.endpoint?.turnAway()
      // Between two runs, when it only waits for its turn, there is nothing to interrupt.
      if (child.fiber === undefined) return this.ended(child)
      this.interruptions.run(() => child.fiber?.unsafeInterruptAsFork(FiberId.none))
    }
    this.setGrace(child, grace)
  }

  /** Has a child be overdue if it has not ended so many milliseconds from now; an earlier end of its grace stands. */
  private setGrace(child: LocalChild, grace: number): void {
    const at = this.owner.ambient.now() + grace
    if (child.stage === "overdue" || at >= (child.graceEnd?.at ?? Infinity)) return
    this.clearGrace(child)
    child.graceEnd = { at, run: () => this.becomeOverdue(child, grace) }
    this.owner.timers.add(child.graceEnd)
  }

  private clearGrace(child: LocalChild): void {
    if (child.graceEnd === undefined) return
    this.owner.timers.delete(child.graceEnd)
    child.graceEnd = undefined
  }

  /** Marks a child's claim as lost for good. */
  revoke(child: LocalChild): void {
    child.revoked = true
    this.owner.states.mute(child.id, child.claim)
    child.run?.end("the claim is another's, or was given up")
  }

  /** Ends a run as a failure with a cause that came about outside its own code. Of several, the first counts. */
  crash(child: LocalChild, run: ChildRun, cause: Cause.Cause<unknown>): void {
    if (child.ending || child.run !== run) return
    run.crashCause ??= cause
    if (run.isOver) return
    run.end("its run has crashed")
    this.clearStart(run)
    this.setGrace(child, child.cleanupMillis)
    child.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  /** A child that was stopped, or a run that is over, has not ended within its grace. */
  private becomeOverdue(child: LocalChild, grace: number): void {
    if (child.stage === "overdue" || child.fiber === undefined) return
    child.overdue = overdueText(child, grace)
    child.notes.becameOverdue(child.overdue)
    this.enter(child, "overdue")
    const { overdue, stopReason } = child
    this.owner.emit(() => PogoEvent.ChildOverdue({ ...whichOf(child), reason: stopReason ?? "ended", cause: overdue }))
    this.owner.overdue(child)
    if (child.registration.onOverdue === "exit") this.owner.exitProcess(child)
  }

  /** Ends a stop: the child's fiber has ended. */
  private ended(child: LocalChild): void {
    child.endpoint?.turnAway()
    this.clearGrace(child)
    this.forget(child)
    this.owner.emit(() => PogoEvent.ChildStopped({ ...whichOf(child), reason: child.stopReason ?? "shutdown" }))
    this.owner.stopped(child)
  }
}
