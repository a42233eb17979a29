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
import { annotate, type CallEndpoint, type LocalChild } from "../../supervisor/localChild.js"
import type { CallMeter, Tally } from "../callMetrics.js"
import { type CallRefusal, type HeaderRecord, leaving, refusal, type Trace } from "../wire/message.js"

/** What a child answers with, by the name of the Rpc: an effect, a stream, or what `@effect/rpc` wraps. */
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

/** Who is told what a handler does. */
export interface HandlerHost {
  /** It is one that others need not wait for. */
  readonly forked: (call: IncomingCall) => void
  /** Some of a stream. */
  readonly emit: (call: IncomingCall, items: ReadonlyArray<unknown>) => Effect.Effect<void>
  readonly end: (call: IncomingCall, exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** The server of a child's kind; of a kind without a protocol there is none. */
export const serverOf = (child: LocalChild): KindServer | undefined =>
  child.registration.server as KindServer | undefined

/** Whom a call is answered to. All but the effects are synchronous, and must not throw. */
export interface Receiver {
  /** The payload, decoded. */
  readonly payload: Effect.Effect<unknown, ParseResult.ParseError>
  /** A stream's handler is about to run. */
  readonly began: () => void
  /** Some of a stream. Suspends while too much of it is on its way. */
  readonly emit: (items: ReadonlyArray<unknown>) => Effect.Effect<void>
  /** Encodes an answer, and gives what sends it. */
  readonly prepare: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<() => void>
  readonly refused: (refusal: CallRefusal) => void
}

/**
 * Elapsed milliseconds until which a call may begin that is waited for `left` milliseconds. A little less: its caller is
 * to hear that it never ran, before he gives up and knows nothing.
 */
export const beginBy = (now: number, left: number): number => now + left - Math.min(100, left / 10)

/** A call where it is executed. */
export class IncomingCall {
  /** What answers it: the handlers of the run in which it began. */
  handlers: CallHandlers | undefined
  /** Elapsed milliseconds. */
  begun = 0
  /** It counts among those that run at a time. */
  counted = false
  /** Its caller no longer waits. */
  cancelled = false
  /** The fiber that decodes the payload and asks the kind's server. */
  fiber: Fiber.RuntimeFiber<void> | undefined
  /** Interrupts the handler, once it was asked for. */
  interrupt: Effect.Effect<void> = Effect.void

  constructor(
    readonly procedure: Procedure,
    /** The caller's view of the token. */
    readonly token: number,
    /** Elapsed milliseconds until which it may begin. */
    readonly beginBy: number,
    readonly headers: HeaderRecord,
    readonly trace: Trace | undefined,
    readonly receiver: Receiver
  ) {}
}

/** A name for a failure, for those who count. */
const failureOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isDie(cause)) return "Defect"
  const error = Cause.failureOption(cause)
  if (error._tag === "None") return "Interrupted"
  const tag = (error.value as { readonly _tag?: unknown } | undefined | null)?._tag
  return typeof tag === "string" ? tag : "Failure"
}

/** Why a child answers nobody. */
const describeAbsence = ({ cause, node, stage }: LocalChild): string =>
  `it is ${stage} on ${node}${cause === "" ? "" : `; before that it ended with: ${cause}`}`

/** The mailbox of a child that runs here. */
export type Mailboxes = (child: LocalChild) => Mailbox

/** @internal */
export const mailboxes = (now: () => number, meter: CallMeter, timers: Timers): Mailboxes => (child) => {
  const { endpoint } = child
  if (endpoint instanceof Mailbox) return endpoint
  const mailbox = new Mailbox(child, serverOf(child)!, now, meter.serving(child.kind), timers)
  child.endpoint = mailbox
  return mailbox
}

/** @internal */
export class Mailbox implements CallEndpoint, HandlerHost {
  private readonly waiting: Array<IncomingCall> = []
  private readonly running = new Set<IncomingCall>()
  /** Those of the running that others wait for. */
  private counted = 0
  private readonly onIdle = new Set<() => void>()
  /** When to look for those that have waited for too long. */
  private alarm: Timer | undefined

  constructor(
    private readonly child: LocalChild,
    private readonly server: KindServer,
    private readonly now: () => number,
    private readonly tally: Tally,
    private readonly timers: Timers
  ) {}

  private get serving(): Serving {
    return this.server.serving
  }

  submit(call: IncomingCall): void {
    if (this.waiting.length >= this.serving.mailbox) {
      // The one that would run at once does not wait.
      if (this.waiting.length > 0 || !this.free) return this.refuseFull(call)
    }
    this.waiting.push(call)
    this.pump()
    if (this.waiting.length > 0) this.watch(call.beginBy)
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
    for (const call of this.waiting.filter(({ beginBy }) => beginBy <= now)) {
      if (this.withdraw(call)) this.refuseLate(call)
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

  private refuseLate(call: IncomingCall): void {
    const why = this.child.handlers === undefined ? describeAbsence(this.child) : ""
    this.tally.count("Late")
    call.receiver.refused(refusal("late", why))
  }

  private refuseFull(call: IncomingCall): void {
    this.tally.count("MailboxFull")
    call.receiver.refused(refusal("full", "", this.serving.mailbox))
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

  private begin(call: IncomingCall): void {
    const { child } = this
    if (call.token > child.claim || !child.holds) {
      call.receiver.refused(refusal("notHere"))
      // The claim may be confirmed a moment later: what was made after this call must not overtake it.
      return this.turnAway()
    }
    call.begun = this.now()
    if (call.beginBy <= call.begun) return this.refuseLate(call)
    this.tally.began()
    call.counted = !call.procedure.isStream
    if (call.counted) this.counted++
    this.running.add(call)
    call.handlers = child.handlers as CallHandlers
    const fiber = Runtime.runFork(child.runtime!)(this.start(call), { immediate: true, updateRefs: annotate(child) })
    call.fiber = fiber
    // It was interrupted while it decoded.
    fiber.addObserver((exit) => exit._tag === "Failure" && this.ended(call, exit))
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
    const message = error instanceof Error ? error.message : String(error)
    const why = refusal("unreadable", `its code cannot read the payload: ${message.slice(0, 1_000)}`)
    this.finish(call, "Unreadable", () => call.receiver.refused(why))
  }

  forked(call: IncomingCall): void {
    this.uncount(call)
  }

  /** Others need not wait for a call any more. */
  private uncount(call: IncomingCall): void {
    if (!call.counted) return
    call.counted = false
    this.counted--
    this.pump()
  }

  /** A copy that has lost its claim sends no more of a stream; whoever sends it later looks again. */
  emit(call: IncomingCall, items: ReadonlyArray<unknown>): Effect.Effect<void> {
    return this.child.holds ? call.receiver.emit(items) : Effect.interrupt
  }

  /** A handler has ended. Its answer is encoded before the claim is looked at, since that may take time. */
  end(call: IncomingCall, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
      ? Effect.sync(() => this.ended(call, exit))
      : Effect.map(call.receiver.prepare(exit), (deliver) => this.ended(call, exit, deliver))
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
    this.tally.ended(outcome, call.procedure.isStream ? undefined : this.now() - call.begun)
    answer()
    this.uncount(call)
    if (this.running.size === 0) { for (const listener of this.onIdle) listener() }
  }

  /** A copy that has lost its claim answers nobody. */
  private answer(call: IncomingCall, deliver: (() => void) | undefined): void {
    const { child } = this
    // One that is kept stays where it is.
    const where = child.revoked || !child.keepsOnLoss ? leaving : 0
    if (!child.holds) return call.receiver.refused(refusal("ended", "it lost its claim before it answered", where))
    if (deliver !== undefined) return deliver()
    const why = child.handlers === undefined ? "its run ended before it answered" : "its handler was interrupted"
    call.receiver.refused(refusal("ended", why, child.ending ? leaving : 0))
  }

  private withdraw(call: IncomingCall): boolean {
    const index = this.waiting.indexOf(call)
    if (index >= 0) this.waiting.splice(index, 1)
    return index >= 0
  }

  /** The caller no longer waits. Tells whether it was still to begin. */
  cancel(call: IncomingCall): boolean {
    call.cancelled = true
    const spared = this.withdraw(call)
    if (spared) this.rest()
    else if (this.running.has(call)) this.interrupt(call)
    return spared
  }

  private interrupt(call: IncomingCall): void {
    call.fiber?.unsafeInterruptAsFork(FiberId.none)
    Runtime.runFork(this.child.runtime!)(call.interrupt)
  }

  /** Sends away what has not begun: the child is about to end here. */
  turnAway(): void {
    for (const call of this.waiting.splice(0)) call.receiver.refused(refusal("notHere"))
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
