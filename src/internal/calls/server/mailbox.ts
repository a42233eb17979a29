/**
 * The calls to one child where it runs: those that wait, in order, and those whose handlers run. Made when the first
 * call comes; a child that is not called has none.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as ParseResult from "effect/ParseResult"
import * as Runtime from "effect/Runtime"
import type { Procedure } from "../../kind/protocol.js"
import type { CallServer, Serving } from "../../kind/registration.js"
import { type Timer, type Timers, until } from "../../runtime/environment.js"
import { forkUser, printError, soundExit, tagOf } from "../../runtime/userCode.js"
import { failedByCheck } from "../../supervisor/childRun.js"
import { annotate, type CallEndpoint, type LocalChild } from "../../supervisor/localChild.js"
import type { CallMetrics, KindMetrics } from "../callMetrics.js"
import { type CallRefusal, type HeaderRecord, leaving, refusal, type Trace } from "../wire/message.js"

/** The handlers of one run of a child, by the name of the Rpc. */
export type CallHandlers = {
  readonly [tag: string]: (
    payload: unknown,
    options: { readonly clientId: number; readonly headers: HeaderRecord }
  ) => unknown
}

/** What runs the calls to a kind's children on this node. */
export interface KindServer extends CallServer {
  /** Starts a call's handler, on a fiber of its own. */
  readonly run: (call: IncomingCall, payload: unknown, host: HandlerHost) => Effect.Effect<void>
}

/** The callbacks of the server that runs a handler. */
export interface HandlerHost {
  /** The handler is forked (`Rpc.fork`): other calls need not wait for it. */
  readonly forked: (call: IncomingCall) => void
  /** Sends items of a stream. */
  readonly emit: (call: IncomingCall, items: ReadonlyArray<unknown>) => Effect.Effect<void>
  /** Answers: the handler has ended. */
  readonly end: (call: IncomingCall, exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** The server of a child's kind; `undefined` if the kind has no protocol. */
export const serverOf = (child: LocalChild): KindServer | undefined =>
  child.registration.server as KindServer | undefined

/** The caller of a call, as its mailbox sees him. All but the effects are synchronous, and must not throw. */
export interface Receiver {
  /** The payload, decoded. */
  readonly payload: Effect.Effect<unknown, ParseResult.ParseError>
  /** A stream's handler is about to run. */
  readonly began: () => void
  /** Sends items of a stream. Suspends while too many are on their way. */
  readonly emit: (items: ReadonlyArray<unknown>) => Effect.Effect<void>
  /** Encodes an answer; the result sends it. */
  readonly prepare: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<() => void>
  readonly refused: (refusal: CallRefusal) => void
}

/**
 * Elapsed milliseconds until which a call may begin that is waited for `left` milliseconds. A little less: its caller is
 * to hear that it never ran, before he gives up and knows nothing.
 */
export const beginBy = (now: number, left: number): number => now + left - Math.min(100, left / 10)

/** A call on the node where it is executed. */
export class IncomingCall {
  /** Handlers of the run in which it began. */
  handlers: CallHandlers | undefined
  /** Time at which its handler began. Elapsed milliseconds. */
  begun = 0
  /** Whether it counts towards the kind's `concurrency`. */
  counted = false
  /** Whether its caller no longer waits. */
  cancelled = false
  /** The fiber that decodes the payload and asks the kind's server. */
  fiber: Fiber.RuntimeFiber<void> | undefined
  /** Interrupts the handler; nothing before the server was asked to run it. */
  interrupt: Effect.Effect<void> = Effect.void

  constructor(
    readonly procedure: Procedure,
    /** Token of the claim under which the caller expects the child. */
    readonly token: number,
    /** Elapsed milliseconds until which it may begin. */
    readonly beginBy: number,
    readonly headers: HeaderRecord,
    readonly trace: Trace | undefined,
    readonly receiver: Receiver
  ) {}
}

/** The outcome of a failed handler, as the metrics count it. */
const failureOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isDie(cause)) return "Defect"
  const error = Cause.failureOption(cause)
  if (error._tag === "None") return "Interrupted"
  return tagOf(error.value) ?? "Failure"
}

/** Reason for which a child has no handlers at the moment. */
const describeAbsence = ({ cause, node, stage }: LocalChild): string =>
  `it is ${stage} on ${node}${cause === "" ? "" : `; before that it ended with: ${cause}`}`

/** Finds the mailbox of a child that runs on this node, or makes it. */
export type Mailboxes = (child: LocalChild) => Mailbox

/** Makes what finds the mailboxes of a node's children. */
export const mailboxes = (now: () => number, metrics: CallMetrics, timers: Timers): Mailboxes => (child) => {
  const { endpoint } = child
  if (endpoint !== undefined) return endpoint as Mailbox
  const mailbox = new Mailbox(child, serverOf(child)!, now, metrics.serving(child.kind), timers)
  child.endpoint = mailbox
  return mailbox
}

/** The mailbox of one child: at most `concurrency` calls of it run, the others wait in order. */
export class Mailbox implements CallEndpoint, HandlerHost {
  private readonly waiting: Array<IncomingCall> = []
  private readonly running = new Set<IncomingCall>()
  /** How many of the running count towards `concurrency`. */
  private counted = 0
  private readonly onIdle = new Set<() => void>()
  /** Timer that refuses calls that have waited for too long. */
  private alarm: Timer | undefined

  constructor(
    private readonly child: LocalChild,
    private readonly server: KindServer,
    private readonly now: () => number,
    private readonly metrics: KindMetrics,
    private readonly timers: Timers
  ) {}

  private get serving(): Serving {
    return this.server.serving
  }

  submit(call: IncomingCall): void {
    if (this.waiting.length >= this.serving.mailbox) {
      // A call that would run at once does not wait, so a mailbox of size 0 lets it through.
      if (this.waiting.length > 0 || !this.free) return this.refuseFull(call)
    }
    this.waiting.push(call)
    this.pump()
    if (this.waiting.length > 0) this.watch(call.beginBy)
  }

  /** Has `sift` called at a time, or earlier. Elapsed milliseconds. */
  private watch(at: number): void {
    if (this.alarm !== undefined) {
      if (this.alarm.at <= at) return
      this.timers.delete(this.alarm)
    }
    this.alarm = { at, run: () => this.sift() }
    this.timers.add(this.alarm)
  }

  /** Refuses the calls that have waited for too long. */
  private sift(): void {
    this.alarm = undefined
    const now = this.now()
    for (const call of this.waiting.filter(({ beginBy }) => beginBy <= now)) {
      if (this.withdraw(call)) this.refuseLate(call)
    }
    let next = Infinity
    for (const { beginBy } of this.waiting) next = Math.min(next, beginBy)
    if (next < Infinity) this.watch(next)
  }

  /** Drops the timer when nothing waits, so that it keeps no child that is gone in memory. */
  private rest(): void {
    if (this.alarm === undefined || this.waiting.length > 0) return
    this.timers.delete(this.alarm)
    this.alarm = undefined
  }

  private refuseLate(call: IncomingCall): void {
    const why = this.child.run?.handlers === undefined ? describeAbsence(this.child) : ""
    this.metrics.count("Late")
    call.receiver.refused(refusal("late", why))
  }

  private refuseFull(call: IncomingCall): void {
    this.metrics.count("MailboxFull")
    call.receiver.refused(refusal("full", "", this.serving.mailbox))
  }

  private get free(): boolean {
    return this.child.run?.handlers !== undefined && this.counted < this.serving.concurrency
  }

  open(): void {
    this.pump()
  }

  /** Begins calls while there is room. */
  private pump(): void {
    while (this.waiting.length > 0 && this.free) this.begin(this.waiting.shift()!)
    this.rest()
  }

  private begin(call: IncomingCall): void {
    const { child } = this
    if (call.token > child.claim || !child.holds) {
      call.receiver.refused(refusal("notHere"))
      // The claim may be confirmed a moment later: calls that were made after this one must not overtake it.
      return this.turnAway()
    }
    call.begun = this.now()
    if (call.beginBy <= call.begun) return this.refuseLate(call)
    this.metrics.began()
    call.counted = !call.procedure.isStream
    if (call.counted) this.counted++
    this.running.add(call)
    const run = child.run!
    call.handlers = run.handlers as CallHandlers
    // Ends with a failure only if it was interrupted while it decoded, or where the code around its handler threw.
    const onEnd = (exit: Exit.Exit<void>) => {
      if (exit._tag === "Failure") this.ended(call, exit)
    }
    const options = { immediate: true, updateRefs: annotate(child) }
    call.fiber = forkUser(run.runtime!, this.start(call), "the end of a call", onEnd, options)
  }

  /** Decodes the payload, and has the handler run on a fiber of its own. */
  private start(call: IncomingCall): Effect.Effect<void> {
    return Effect.matchCauseEffect(call.receiver.payload, {
      onFailure: (cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause as Cause.Cause<never>)
          : Effect.sync(() => this.unreadable(call, Cause.squash(cause))),
      onSuccess: (payload) => {
        if (call.procedure.isStream) call.receiver.began()
        return this.server.run(call, payload, this)
      }
    })
  }

  private unreadable(call: IncomingCall, error: unknown): void {
    const why = refusal("unreadable", `its code cannot read the payload: ${printError(error)}`)
    this.finish(call, "Unreadable", () => call.receiver.refused(why))
  }

  forked(call: IncomingCall): void {
    this.uncount(call)
  }

  /** Takes a call out of the count of those that run at a time. */
  private uncount(call: IncomingCall): void {
    if (!call.counted) return
    call.counted = false
    this.counted--
    this.pump()
  }

  /** Sends items of a stream, unless the claim is lost; `server.ts` looks once more before they leave. */
  emit(call: IncomingCall, items: ReadonlyArray<unknown>): Effect.Effect<void> {
    return this.child.holds ? call.receiver.emit(items) : Effect.interrupt
  }

  /**
   * Answers. The answer is encoded before the claim is looked at, since encoding may take time. A handler that its run's
   * end made break off, by an interruption or by `check`, has no answer.
   */
  end(call: IncomingCall, ended: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const exit = soundExit(ended)
    return Exit.isFailure(exit) && (Cause.isInterruptedOnly(exit.cause) || this.isBrokenOff(exit.cause))
      ? Effect.sync(() => this.ended(call, exit))
      : Effect.map(call.receiver.prepare(exit), (deliver) => this.ended(call, exit, deliver))
  }

  private isBrokenOff(cause: Cause.Cause<unknown>): boolean {
    return this.child.run?.isOver === true && failedByCheck(cause)
  }

  private ended(call: IncomingCall, exit: Exit.Exit<unknown, unknown>, deliver?: () => void): void {
    const outcome = exit._tag === "Success" ? "Success" : failureOf(exit.cause)
    this.finish(call, !call.cancelled && !this.child.holds ? "ClaimLost" : outcome, () => {
      if (!call.cancelled) this.answer(call, deliver)
      const died = exit._tag === "Failure" && Cause.isDie(exit.cause)
      if (died && this.serving.onDefect === "child") this.child.crash(exit.cause)
    })
  }

  private finish(call: IncomingCall, outcome: string, answer: () => void): void {
    if (!this.running.delete(call)) return
    this.metrics.ended(outcome, call.procedure.isStream ? undefined : this.now() - call.begun)
    answer()
    this.uncount(call)
    if (this.running.size === 0) { for (const listener of this.onIdle) listener() }
  }

  /** Sends the answer, or a refusal if the claim is lost. */
  private answer(call: IncomingCall, deliver: (() => void) | undefined): void {
    const { child } = this
    // A child that is kept over the loss stays on this node: its caller need not look elsewhere.
    const where = child.revoked || !child.keepsOnLoss ? leaving : 0
    if (!child.holds) return call.receiver.refused(refusal("ended", "it lost its claim before it answered", where))
    if (deliver !== undefined) return deliver()
    const why = child.run?.handlers === undefined ? "its run ended before it answered" : "its handler was interrupted"
    call.receiver.refused(refusal("ended", why, child.ending ? leaving : 0))
  }

  private withdraw(call: IncomingCall): boolean {
    const index = this.waiting.indexOf(call)
    if (index >= 0) this.waiting.splice(index, 1)
    return index >= 0
  }

  /** Ends a call whose caller no longer waits. `true` if it had not begun. */
  cancel(call: IncomingCall): boolean {
    call.cancelled = true
    const spared = this.withdraw(call)
    if (spared) this.rest()
    else if (this.running.has(call)) this.interrupt(call)
    return spared
  }

  private interrupt(call: IncomingCall): void {
    call.fiber?.unsafeInterruptAsFork(FiberId.none)
    Runtime.runFork(this.child.run!.runtime!)(call.interrupt)
  }

  /** Refuses all calls that have not begun: the child is about to end here. */
  turnAway(): void {
    for (const call of this.waiting.splice(0)) call.receiver.refused(refusal("notHere"))
    this.rest()
  }

  /** Waits until nothing runs. Cannot be interrupted: the fiber that waits is being interrupted already. */
  private readonly idle: Effect.Effect<void> = Effect.async((resume) => {
    const look = () => {
      if (this.running.size > 0) return
      this.onIdle.delete(look)
      resume(Effect.void)
    }
    this.onIdle.add(look)
    look()
  })

  /** Ends all that runs. Handlers have `patience` milliseconds to end by themselves; streams have none. */
  drain(patience: number): Effect.Effect<void> {
    const interrupt = (which: (call: IncomingCall) => boolean) =>
      Effect.sync(() => {
        for (const call of Array.from(this.running)) if (which(call)) this.interrupt(call)
      })
    const patiently = patience === 0 || this.running.size === 0
      ? Effect.void
      : interrupt((call) => call.procedure.isStream).pipe(
        Effect.zipRight(
          Effect.timeoutOption(until(this.onIdle, () => (this.running.size === 0 ? true : undefined)), patience)
        )
      )
    return patiently.pipe(Effect.zipRight(interrupt(() => true)), Effect.zipRight(this.idle))
  }
}
