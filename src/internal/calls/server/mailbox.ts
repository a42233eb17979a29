/**
 * The calls to one child where it runs: those that wait, in order, and those whose handlers run. Made when the first
 * call comes; a child that is not called has none.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type { Serving } from "../../kind/registration.js"
import { type Timer, type Timers, until } from "../../runtime/environment.js"
import { annotate, type CallEndpoint, type LocalChild } from "../../supervisor/localChild.js"
import type { CallMeter, Tally } from "../callMetrics.js"
import { leaving, refusal } from "../wire/message.js"
import { execute, type Work } from "./invocation.js"

/** Why a child answers nobody. */
const describeAbsence = ({ cause, node, stage }: LocalChild): string =>
  `it is ${stage} on ${node}${cause === "" ? "" : `; before that it ended with: ${cause}`}`

/** The inbox of a child that runs here. */
export type Inboxes = (child: LocalChild) => Inbox

/** @internal */
export const inboxes = (now: () => number, meter: CallMeter, timers: Timers): Inboxes => (child) =>
  (child.endpoint ??= new Inbox(child, now, meter.serving(child.kind), timers)) as Inbox

/** @internal */
export class Inbox implements CallEndpoint {
  private readonly waiting: Array<Work> = []
  private readonly running = new Set<Work>()
  /** Those of the running that others wait for. */
  private counted = 0
  private readonly onIdle = new Set<() => void>()
  /** When to look for those that have waited for too long. */
  private alarm: Timer | undefined

  constructor(
    private readonly child: LocalChild,
    private readonly now: () => number,
    private readonly tally: Tally,
    private readonly timers: Timers
  ) {}

  private get serving(): Serving {
    return this.child.registration.serving!
  }

  submit(work: Work): void {
    if (this.waiting.length >= this.serving.mailbox) {
      // The one that would run at once does not wait.
      if (this.waiting.length > 0 || !this.free) return this.refuseFull(work)
    }
    this.waiting.push(work)
    this.pump()
    if (this.waiting.length > 0) this.watch(work.beginBy)
  }

  /** Looks after the waiting at a moment, or before. */
  private watch(at: number): void {
    if (this.alarm !== undefined) {
      if (this.alarm.at <= at) return
      this.timers.delete(this.alarm)
    }
    this.alarm = { at, run: () => this.sift() }
    this.timers.add(this.alarm)
  }

  /** Refuses what has waited for too long. */
  private sift(): void {
    this.alarm = undefined
    const now = this.now()
    for (const work of this.waiting.filter(({ beginBy }) => beginBy <= now)) {
      if (this.withdraw(work)) this.refuseLate(work)
    }
    let next = Infinity
    for (const { beginBy } of this.waiting) next = Math.min(next, beginBy)
    if (next < Infinity) this.watch(next)
  }

  /** Nothing waits any more: what is remembered of the child is not kept for a timer. */
  private rest(): void {
    if (this.alarm === undefined || this.waiting.length > 0) return
    this.timers.delete(this.alarm)
    this.alarm = undefined
  }

  private refuseLate(work: Work): void {
    const why = this.child.handlers === undefined ? describeAbsence(this.child) : ""
    this.tally.count("Late")
    work.receiver.refused(refusal("late", why))
  }

  private refuseFull(work: Work): void {
    this.tally.count("MailboxFull")
    work.receiver.refused(refusal("full", "", this.serving.mailbox))
  }

  private get free(): boolean {
    return this.child.handlers !== undefined && this.counted < this.serving.concurrency
  }

  open(): void {
    this.pump()
  }

  /** Begins what may begin. */
  private pump(): void {
    while (this.waiting.length > 0 && this.free) this.begin(this.waiting.shift()!)
    this.rest()
  }

  private begin(work: Work): void {
    const { child } = this
    if (work.token > child.claim || !child.holds) {
      work.receiver.refused(refusal("notHere"))
      // The claim may be confirmed a moment later: what was made after this call must not overtake it.
      return this.turnAway()
    }
    work.begun = this.now()
    if (work.beginBy <= work.begun) return this.refuseLate(work)
    this.tally.began()
    work.counted = !work.procedure.isStream
    if (work.counted) this.counted++
    this.running.add(work)
    const runtime = child.runtime!
    const effect = execute(work, child, () => this.uncount(work))
    const fiber = Runtime.runFork(runtime)(effect, { immediate: true, updateRefs: annotate(child) })
    work.fiber = fiber
    fiber.addObserver((exit) => this.ended(work, exit))
  }

  private uncount(work: Work): void {
    if (!work.counted) return
    work.counted = false
    this.counted--
    this.pump()
  }

  private ended(work: Work, exit: Exit.Exit<unknown, unknown>): void {
    this.running.delete(work)
    this.count(work, exit)
    if (!work.cancelled) this.answer(work, exit)
    if (work.died !== undefined && this.serving.onDefect === "child") this.child.crash(work.died)
    this.uncount(work)
    if (this.running.size === 0) { for (const listener of this.onIdle) listener() }
  }

  private count(work: Work, exit: Exit.Exit<unknown, unknown>): void {
    const latency = work.procedure.isStream ? undefined : this.now() - work.begun
    // What a handler of another node's call failed with is in its answer, and that is a success.
    const ended = work.failed ?? (exit._tag === "Success" ? "Success" : "Interrupted")
    this.tally.ended(!work.cancelled && !this.child.holds ? "ClaimLost" : ended, latency)
  }

  /** A copy that has lost its claim answers nobody. */
  private answer(work: Work, exit: Exit.Exit<unknown, unknown>): void {
    const { child } = this
    // One that is kept stays where it is.
    const where = child.revoked || !child.keepsOnLoss ? leaving : 0
    if (!child.holds) return work.receiver.refused(refusal("ended", "it lost its claim before it answered", where))
    if (exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)) {
      const why = child.handlers === undefined ? "its run ended before it answered" : "its handler was interrupted"
      return work.receiver.refused(refusal("ended", why, child.ending ? leaving : 0))
    }
    work.receiver.done(exit)
  }

  private withdraw(work: Work): boolean {
    const index = this.waiting.indexOf(work)
    if (index >= 0) this.waiting.splice(index, 1)
    return index >= 0
  }

  /** The caller no longer waits. Tells whether it was still to begin. */
  cancel(work: Work): boolean {
    work.cancelled = true
    const spared = this.withdraw(work)
    if (spared) this.rest()
    else work.fiber?.unsafeInterruptAsFork(FiberId.none)
    return spared
  }

  /** Sends away what has not begun: the child is about to end here. */
  turnAway(): void {
    for (const work of this.waiting.splice(0)) work.receiver.refused(refusal("notHere"))
    this.rest()
  }

  /** Not interruptible: it is waited for by a fiber that is being interrupted. */
  private readonly idle: Effect.Effect<void> = Effect.async((resume) => {
    const look = () => {
      if (this.running.size > 0) return
      this.onIdle.delete(look)
      resume(Effect.void)
    }
    this.onIdle.add(look)
    look()
  })

  /** Ends what runs. In an orderly stop handlers may come to their end first, for a while; streams have none. */
  drain(patience: number): Effect.Effect<void> {
    const interrupt = (which: (work: Work) => boolean) =>
      Effect.sync(() => {
        for (const work of this.running) if (which(work)) work.fiber?.unsafeInterruptAsFork(FiberId.none)
      })
    const patiently = patience === 0 || this.running.size === 0
      ? Effect.void
      : interrupt((work) => work.procedure.isStream).pipe(
        Effect.zipRight(
          Effect.timeoutOption(until(this.onIdle, () => (this.running.size === 0 ? true : undefined)), patience)
        )
      )
    return patiently.pipe(Effect.zipRight(interrupt(() => true)), Effect.zipRight(this.idle))
  }
}
