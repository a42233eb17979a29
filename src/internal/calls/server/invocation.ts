/**
 * A call where it is executed, and the running of its handler.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { Procedure } from "../../kind/protocol.js"
import type { LocalChild } from "../../supervisor/localChild.js"
import type { HeaderRecord, Refusal, Trace } from "../wire/message.js"

/** An effect of which the types were checked where it was declared. */
export type AnyEffect = Effect.Effect<unknown, unknown>

/** What a child answers with, by tag. */
export type Handlers = {
  readonly [tag: string]: (
    payload: unknown,
    options: { readonly clientId: number; readonly headers: HeaderRecord }
  ) => unknown
}

/** Whom a call is answered to. All but `wrap` and `emit` are synchronous, and must not throw. */
export interface Receiver {
  /** Runs the handler on the payload, and makes of it what `done` is told. */
  readonly wrap: (handle: (payload: unknown) => AnyEffect) => AnyEffect
  /** A stream's handler runs. */
  readonly began: () => void
  /** Some of a stream. Suspends while too much of it is on its way. */
  readonly emit: (items: ReadonlyArray<unknown>) => Effect.Effect<void>
  readonly done: (exit: Exit.Exit<unknown, unknown>) => void
  readonly refused: (refusal: Refusal) => void
}

/** @internal */
export interface Work {
  readonly procedure: Procedure
  /** The caller's view of the token. */
  readonly token: number
  /** Elapsed milliseconds until which it may begin. */
  readonly beginBy: number
  readonly headers: HeaderRecord
  readonly trace: Trace | undefined
  readonly receiver: Receiver
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** It counts among those that run at a time. */
  counted: boolean
  /** Its caller no longer waits. */
  cancelled: boolean
  /** What its handler died of. */
  died: Cause.Cause<unknown> | undefined
  /** When its handler began, and how that failed. */
  begun: number
  failed: string | undefined
}

/**
 * Until when a call may begin that is waited for so long. A little less: its caller is to hear that it never ran, before
 * he gives up and knows nothing. Milliseconds.
 */
export const beginBy = (now: number, left: number): number => now + left - Math.min(100, left / 10)

const wrapper = Symbol.for("@effect/rpc/Rpc/Wrapper")

interface Result {
  readonly value: AnyEffect | Stream.Stream<unknown, unknown>
  readonly fork: boolean
  readonly uninterruptible: boolean
}

const resultOf = (returned: unknown): Result =>
  typeof returned === "object" && returned !== null && wrapper in returned
    ? (returned as unknown as Result)
    : { value: returned as Result["value"], fork: false, uninterruptible: false }

const fromMailbox = (
  mailbox: Effect.Effect<Mailbox.ReadonlyMailbox<unknown, unknown>, unknown>
): Stream.Stream<unknown, unknown> =>
  Stream.unwrapScoped(
    Effect.map(mailbox, (items) =>
      Stream.repeatEffectChunkOption(
        Effect.flatMap(
          Effect.mapError(items.takeAll, (error) => ({ _tag: "Some", value: error }) as never),
          ([chunk, done]) =>
            done && Chunk.isEmpty(chunk) ? Effect.fail({ _tag: "None" } as never) : Effect.succeed(chunk)
        )
      ))
  )

const streamOf = (value: Result["value"]): Stream.Stream<unknown, unknown> =>
  Effect.isEffect(value)
    ? fromMailbox(value as Effect.Effect<Mailbox.ReadonlyMailbox<unknown, unknown>, unknown>)
    : value

/** The middleware of one procedure, as `RpcServer` applies it. */
const withMiddleware = (
  work: Work,
  payload: unknown,
  context: Context.Context<never>,
  handler: AnyEffect
): AnyEffect => {
  const { headers, procedure: { rpc } } = work
  const options = { rpc, payload, headers, clientId: 0 }
  let effect = handler
  for (const tag of rpc.middlewares) {
    const service = Context.unsafeGet(context, tag as unknown as Context.Tag<never, unknown>) as (
      options: unknown
    ) => AnyEffect
    const inner = effect
    const provide = (value: unknown) =>
      tag.provides === undefined
        ? inner
        : Effect.provideService(inner, tag.provides as unknown as Context.Tag<never, unknown>, value)
    if (tag.wrap) effect = service({ ...options, next: inner })
    else if (tag.optional) effect = Effect.matchEffect(service(options), { onFailure: () => inner, onSuccess: provide })
    else effect = Effect.flatMap(service(options), provide)
  }
  return effect
}

const withTrace = (work: Work, name: string, effect: AnyEffect): AnyEffect => {
  if (work.trace === undefined) return effect
  const [traceId, spanId, sampled] = work.trace
  const parent = Tracer.externalSpan({ traceId, spanId, sampled })
  return Effect.withSpan(effect, name, { parent, kind: "server", captureStackTrace: false })
}

/** A name for a failure, for those who count. */
const failureOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isDie(cause)) return "Defect"
  const error = Cause.failureOption(cause)
  if (error._tag === "None") return "Interrupted"
  const tag = (error.value as { readonly _tag?: unknown } | undefined | null)?._tag
  return typeof tag === "string" ? tag : "Failure"
}

/** A copy that has lost its claim sends no more of a stream; whoever sends it later looks again. */
const emit = ({ receiver }: Work, child: LocalChild, items: Chunk.Chunk<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (Chunk.isEmpty(items)) return Effect.void
    return child.holds ? receiver.emit(Chunk.toReadonlyArray(items)) : Effect.interrupt
  })

/** The run of a call's handler. `uncount` is called when others need not wait for it. */
export const execute = (work: Work, child: LocalChild, uncount: () => void): AnyEffect => {
  const { procedure, receiver } = work
  const handlers = child.handlers as Handlers
  const { context } = child.runtime!
  const handle = (payload: unknown): AnyEffect =>
    Effect.suspend(() => {
      const { fork, uninterruptible, value } = resultOf(
        handlers[procedure.tag]!(payload, { clientId: 0, headers: work.headers })
      )
      if (fork) uncount()
      if (procedure.isStream) receiver.began()
      const answer = procedure.isStream
        ? Stream.runForEachChunk(streamOf(value), (items) => emit(work, child, items))
        : (value as AnyEffect)
      const whole = procedure.rpc.middlewares.size === 0 ? answer : withMiddleware(work, payload, context, answer)
      const noted = Effect.tapErrorCause(whole, (cause) => {
        if (Cause.isDie(cause)) {
          work.died = cause
        }
        work.failed = failureOf(cause)
        return Effect.void
      })
      return uninterruptible ? Effect.uninterruptible(noted) : noted
    })
  return withTrace(work, `${child.kind}.${procedure.tag}`, receiver.wrap(handle))
}
