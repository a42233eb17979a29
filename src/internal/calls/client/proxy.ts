/**
 * What a kind's users call: an object of functions for each child, in the form of a client of `@effect/rpc`.
 *
 * @internal
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Procedure, Protocol } from "../../kind/protocol.js"
import { describe } from "../../runtime/describe.js"
import type { AnyEffect } from "../server/invocation.js"
import type { HeaderRecord, Trace } from "../wire/message.js"
import { Call, type Caller } from "./call.js"
import type { Router } from "./router.js"
import { readStream } from "./streamReader.js"

/** What a call may be given besides its payload. */
interface RequestOptions {
  readonly headers?: Iterable<readonly [string, string]> | { readonly [name: string]: string | undefined } | undefined
  readonly discard?: boolean | undefined
  readonly asMailbox?: boolean | undefined
  readonly streamBufferSize?: number | undefined
}

/** Options of a client. */
export interface ClientOptions {
  readonly timeout?: Duration.DurationInput | undefined
}

/** What a client's middleware sees, and may replace. */
interface Request {
  readonly _tag: "Request"
  readonly id: bigint
  readonly tag: string
  readonly payload: unknown
  readonly headers: HeaderRecord
}

type Middleware = (options: { readonly rpc: unknown; readonly request: Request }) => Effect.Effect<Request>

const noHeaders: HeaderRecord = {}

const headersOf = (input: RequestOptions["headers"]): HeaderRecord => {
  if (input === undefined) return noHeaders
  const headers: Record<string, string> = {}
  const pairs = Symbol.iterator in input ? input : Object.entries(input)
  for (const [name, value] of pairs) if (value !== undefined) headers[name.toLowerCase()] = value
  return headers
}

const middlewaresOf = (procedure: Procedure, context: Context.Context<never>): ReadonlyArray<Middleware> => {
  const found: Array<Middleware> = []
  for (const { key } of procedure.rpc.middlewares) {
    const middleware = context.unsafeMap.get(`${key}/Client`)
    if (middleware !== undefined) found.push(middleware as Middleware)
  }
  return found
}

const spanOptions = (id: string): Tracer.SpanOptions => ({
  captureStackTrace: false,
  kind: "client",
  attributes: { child: id }
})

const traceOf = ({ sampled, spanId, traceId }: Tracer.Span): Trace => [traceId, spanId, sampled]

const noCaller = { began: () => {}, items: () => {} }

/** One child's procedure. */
class Method {
  private readonly middlewares: ReadonlyArray<Middleware>

  constructor(
    private readonly router: Router,
    private readonly procedure: Procedure,
    context: Context.Context<never>
  ) {
    this.middlewares = middlewaresOf(procedure, context)
  }

  private begin(
    id: string,
    payload: unknown,
    headers: HeaderRecord,
    timeout: number,
    trace: Trace | undefined,
    caller: Caller
  ): Call {
    const { procedure, router } = this
    const call = new Call(id, procedure, payload, headers, trace, router.node.ambient.now(), timeout, caller)
    router.submit(call)
    return call
  }

  /** Runs the client's middleware, if there is any. */
  private prepared(payload: unknown, headers: HeaderRecord): Effect.Effect<Request> {
    const { rpc, tag } = this.procedure
    let request: Effect.Effect<Request> = Effect.sync(() => ({ _tag: "Request", id: 0n, tag, payload, headers }))
    for (const middleware of this.middlewares) {
      request = Effect.flatMap(request, (request) => middleware({ rpc, request }))
    }
    return request
  }

  private ask(id: string, timeout: number, request: Request, discard: boolean, trace: Trace | undefined): AnyEffect {
    const { headers, payload } = request
    if (discard) {
      return Effect.sync(() => void this.begin(id, payload, headers, timeout, trace, { ...noCaller, resume: () => {} }))
    }
    return Effect.async<unknown, unknown>((resume) => {
      const call = this.begin(id, payload, headers, timeout, trace, { ...noCaller, resume })
      return Effect.sync(() => this.router.cancel(call))
    })
  }

  effect(id: string, timeout: number, payload: unknown, options: RequestOptions | undefined): AnyEffect {
    const { procedure, router } = this
    const headers = headersOf(options?.headers)
    const discard = options?.discard === true
    const send = (trace: Trace | undefined): AnyEffect =>
      Effect.suspend(() => {
        const constructed = procedure.construct(payload)
        if (this.middlewares.length > 0) {
          return Effect.flatMap(
            this.prepared(constructed, headers),
            (request) => this.ask(id, timeout, request, discard, trace)
          )
        }
        const request: Request = { _tag: "Request", id: 0n, tag: procedure.tag, payload: constructed, headers }
        return this.ask(id, timeout, request, discard, trace)
      })
    if (!router.node.config.traceCalls) return send(undefined)
    return Effect.useSpan(
      this.spanOf(id),
      spanOptions(id),
      (span) => Effect.withParentSpan(send(traceOf(span)), span)
    )
  }

  private spanOf(id: string): string {
    return `call ${id.slice(0, id.indexOf("/"))}.${this.procedure.tag}`
  }

  /** A stream that begins whenever it is run. */
  private open(
    id: string,
    timeout: number,
    payload: unknown,
    headers: HeaderRecord,
    trace: Trace | undefined
  ): Stream.Stream<unknown, unknown> {
    const { procedure, router } = this
    const read = (headers: HeaderRecord, first: () => unknown) =>
      readStream(router, (payload, caller) => this.begin(id, payload, headers, timeout, trace, caller), first)
    if (this.middlewares.length === 0) return read(headers, () => procedure.construct(payload))
    const prepared = Effect.suspend(() => this.prepared(procedure.construct(payload), headers))
    return Stream.unwrap(Effect.map(prepared, (request) => read(request.headers, () => request.payload)))
  }

  stream(id: string, timeout: number, payload: unknown, options: RequestOptions | undefined): unknown {
    const headers = headersOf(options?.headers)
    const open = (trace: Trace | undefined) => this.open(id, timeout, payload, headers, trace)
    const stream = this.router.node.config.traceCalls
      ? Stream.unwrapScoped(
        Effect.map(Effect.makeSpanScoped(this.spanOf(id), spanOptions(id)), (span) => open(traceOf(span)))
      )
      : open(undefined)
    return options?.asMailbox === true
      ? Mailbox.fromStream(stream, { capacity: options.streamBufferSize ?? 16 })
      : stream
  }
}

type Function = (payload: unknown, options?: RequestOptions) => unknown

/** Functions by tag; those of `a.b` are found as `.a.b`. */
const makeTarget = (methods: ReadonlyMap<string, Method>, protocol: Protocol, id: string, timeout: number): unknown => {
  const target: Record<string, Function | Record<string, Function>> = {}
  for (const [tag, method] of methods) {
    const call: Function = protocol.procedures.get(tag)!.isStream
      ? (payload, options) => method.stream(id, timeout, payload, options)
      : (payload, options) => method.effect(id, timeout, payload, options)
    const dot = tag.indexOf(".")
    if (dot < 0) target[tag] = call
    else {
      const group = (target[tag.slice(0, dot)] ??= {}) as Record<string, Function>
      group[tag.slice(dot + 1)] = call
    }
  }
  return target
}

/** Throws where it is given: it is the caller's mistake, and no call was made. */
const timeoutOf = (options: ClientOptions | undefined, usual: number): number => {
  if (options?.timeout === undefined) return usual
  const millis = Option.getOrElse(Option.map(Duration.decodeUnknown(options.timeout), Duration.toMillis), () => NaN)
  if (Number.isFinite(millis) && millis > 0) return millis
  throw new RangeError(
    `the timeout of a client is ${describe(options.timeout)}: give a duration above 0, like "5 seconds"`
  )
}

/** @internal */
export const makeClient = (router: Router, kind: string, protocol: Protocol, context: Context.Context<never>) => {
  const methods = new Map<string, Method>()
  for (const [tag, procedure] of protocol.procedures) methods.set(tag, new Method(router, procedure, context))
  return (key: string, options?: ClientOptions): unknown => {
    const timeout = timeoutOf(options, router.node.config.callTimeout)
    return makeTarget(methods, protocol, `${kind}/${key}`, timeout)
  }
}
