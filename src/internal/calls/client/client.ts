/**
 * What a kind's users call: the client of `@effect/rpc`, whose requests are routed to where their child runs.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { FromClient, FromServer, RequestId } from "@effect/rpc/RpcMessage"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ChildId } from "../../../ChildSpec.js"
import type { Protocol } from "../../kind/protocol.js"
import { describe } from "../../runtime/userInput.js"
import { Call, type Caller, type CallOptions } from "./call.js"
import type { Clients, Router } from "./router.js"
import { Demand, StreamReader } from "./streamReader.js"

/** The child that a request is for, and how long it may take. Milliseconds. */
class Target extends Context.Tag("effect-pogo/internal/Target")<
  Target,
  { readonly id: ChildId; readonly timeout: number }
>() {}

/** How far the reader of a stream is, where its buffer does not tell. */
class ReaderDemand extends Context.Tag("effect-pogo/internal/ReaderDemand")<ReaderDemand, Demand>() {}

/** Hands a message to the client of `@effect/rpc`. */
export type Respond = (message: FromServer<Rpc.Any>) => Effect.Effect<void>

/** A request that the client has made, and that is not over. */
interface Pending {
  readonly cancel: () => void
  /** A chunk was taken. */
  readonly acknowledge: () => void
}

const nothing = () => {}

/** Routes the requests of one client. */
class Requests {
  private readonly pending = new Map<RequestId, Pending>()
  respond: Respond = () => Effect.void

  constructor(private readonly router: Router, private readonly protocol: Protocol) {}

  /** Takes a message of the client's. An answer may be given before this returns. */
  receive(message: FromClient<Rpc.Any>, context: Context.Context<never>, discard: boolean): void {
    switch (message._tag) {
      case "Request":
        return this.request(message, context, discard)
      case "Ack":
        return this.pending.get(message.requestId)?.acknowledge()
      case "Interrupt": {
        const pending = this.pending.get(message.requestId)
        this.pending.delete(message.requestId)
        return pending?.cancel()
      }
    }
  }

  private request(
    message: Extract<FromClient<Rpc.Any>, { readonly _tag: "Request" }>,
    context: Context.Context<never>,
    discard: boolean
  ): void {
    const { router } = this
    const { id, timeout } = Context.unsafeGet(context, Target)
    const { headers, id: requestId, sampled, spanId, traceId } = message
    const procedure = this.protocol.procedures.get(message.tag)!
    const trace = traceId === undefined || spanId === undefined
      ? undefined
      : [traceId, spanId, sampled === true] as const
    const begin = (payload: unknown, caller: Caller): Call => {
      const call = new Call(id, procedure, payload, headers, trace, router.node.ambient.now(), timeout, caller)
      router.submit(call)
      return call
    }
    const unread = { began: nothing, items: nothing }
    if (discard) return void begin(message.payload, { ...unread, settle: nothing })
    const end = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
      this.pending.delete(requestId)
      return this.respond({ _tag: "Exit", clientId: 0, requestId, exit: exit as never })
    }
    if (procedure.isStream) {
      const demand = Option.getOrUndefined(Context.getOption(context, ReaderDemand))
      const reader = new StreamReader(router, message.payload, begin, {
        chunk: (values) => {
          demand?.handed(values.length)
          return this.respond({ _tag: "Chunk", clientId: 0, requestId, values: values as never })
        },
        end
      })
      const acknowledge = () => reader.acknowledge()
      if (demand !== undefined) demand.onChunk = acknowledge
      this.pending.set(requestId, {
        cancel: () => reader.cancel(),
        acknowledge: demand === undefined ? acknowledge : nothing
      })
      return reader.open()
    }
    let call: Call | undefined
    this.pending.set(requestId, { cancel: () => call && router.cancel(call), acknowledge: nothing })
    call = begin(message.payload, { ...unread, settle: (exit) => this.run(end(exit)) })
  }

  /** What is left to do once the client knows, which mostly is nothing. */
  private run(effect: Effect.Effect<void>): void {
    if (!Exit.isExit(effect)) this.router.node.fork(effect)
  }
}

type Ask = (tag: string, payload: unknown, options: object) => unknown

interface StreamOptions {
  readonly asMailbox?: boolean | undefined
  readonly streamBufferSize?: number | undefined
}

type Function = (payload: unknown, options?: StreamOptions) => unknown

type Items = Effect.Effect<Mailbox.ReadonlyMailbox<unknown, unknown>, never, Scope.Scope>

/**
 * Reads a stream for which the caller gave no buffer size. The buffer of `@effect/rpc` is bounded in items, and would cut
 * chunks into small ones, which costs more than to send them (bench row: stream items per second). So the buffer has no
 * bound; what is on its way is bounded in chunks, by `windowSize`, and `Demand` tells when the reader has taken one.
 */
const readByChunk = (
  ask: Ask,
  tag: string,
  payload: unknown,
  options: StreamOptions | undefined,
  context: Context.Context<Target>
): Stream.Stream<unknown, unknown> =>
  Stream.unwrapScoped(Effect.suspend(() => {
    const demand = new Demand()
    const items = ask(tag, payload, {
      ...options,
      asMailbox: true,
      streamBufferSize: Infinity,
      context: Context.add(context, ReaderDemand, demand)
    }) as Items
    return Effect.map(items, (mailbox) =>
      Stream.mapChunks(Mailbox.toStream(mailbox), (chunk) => {
        demand.take(chunk.length)
        return chunk
      }))
  }))

/** The object of a child: one function for each Rpc, and one object for each prefix, made when they are asked for. */
interface Proxy {
  readonly context: Context.Context<Target>
}

/** Functions by name; those of `a.b` are found as `.a.b`. */
const makePrototype = (ask: Ask, procedures: Protocol["procedures"], prefix = ""): object => {
  const prototype = {}
  const define = (name: string, get: (proxy: Proxy) => unknown) =>
    Object.defineProperty(prototype, name, {
      enumerable: true,
      get(this: Proxy) {
        return get(this)
      }
    })
  for (const [tag, { isStream }] of procedures) {
    if (!tag.startsWith(prefix)) continue
    const name = tag.slice(prefix.length)
    const dot = name.indexOf(".")
    if (dot < 0 || prefix !== "") {
      define(
        name,
        ({ context }): Function => (payload, options) =>
          isStream && options?.asMailbox !== true && options?.streamBufferSize === undefined
            ? readByChunk(ask, tag, payload, options, context)
            : ask(tag, payload, { ...options, context })
      )
    } else if (!(name.slice(0, dot) in prototype)) {
      const group = makePrototype(ask, procedures, name.slice(0, dot + 1))
      define(name.slice(0, dot), ({ context }) => Object.create(group, { context: { value: context } }))
    }
  }
  return prototype
}

/** Throws where it is given: it is the caller's mistake, and no call was made. */
const timeoutOf = (options: CallOptions | undefined, usual: number): number => {
  if (options?.timeout === undefined) return usual
  const millis = Option.getOrElse(Option.map(Duration.decodeUnknown(options.timeout), Duration.toMillis), () => NaN)
  if (Number.isFinite(millis) && millis > 0) return millis
  throw new RangeError(
    `the timeout of a client is ${describe(options.timeout)}: give a duration above 0, like "5 seconds"`
  )
}

const make = (router: Router, protocol: Protocol): Effect.Effect<Clients> =>
  Effect.gen(function*() {
    const { group, kind, procedures } = protocol
    const { config } = router.node
    const requests = new Requests(router, protocol)
    // It holds nothing but requests that are not over, and the router ends each: there is nothing to close.
    const scope = yield* Scope.make()
    const { client, write } = yield* RpcClient.makeNoSerialization(group, {
      disableTracing: !config.traceCalls,
      spanPrefix: `call ${kind}`,
      flatten: true,
      supportsAck: true,
      onFromClient: ({ context, discard, message }) => Effect.sync(() => requests.receive(message, context, discard))
    }).pipe(Scope.extend(scope)) as Effect.Effect<{ readonly client: Ask; readonly write: Respond }>
    requests.respond = write
    const prototype = makePrototype(client, procedures)
    return (key, options) => {
      const timeout = timeoutOf(options, config.callTimeout)
      const context = Context.make(Target, { id: `${kind}/${key}`, timeout })
      return Object.create(prototype, { context: { value: context } })
    }
  })

/** The client of a kind. There is one, unless middleware makes it another's with each set of services. */
export const makeClient = (router: Router, protocol: Protocol): Effect.Effect<Clients> =>
  Effect.suspend(() => {
    const found = router.clients.get(protocol)
    if (found !== undefined) return Effect.succeed(found)
    return Effect.tap(make(router, protocol), (clients) => {
      const rpcs = Array.from(protocol.group.requests.values()) as unknown as ReadonlyArray<Rpc.AnyWithProps>
      if (rpcs.every(({ middlewares }) => middlewares.size === 0)) router.clients.set(protocol, clients)
    })
  })
