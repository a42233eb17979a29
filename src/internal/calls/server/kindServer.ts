/**
 * The server of `@effect/rpc` behind the mailboxes of a kind's children on one node: it applies middleware, and runs
 * handlers and streams.
 *
 * @internal
 */
import * as Headers from "@effect/platform/Headers"
import * as Rpc from "@effect/rpc/Rpc"
import { type FromServer, RequestId } from "@effect/rpc/RpcMessage"
import * as RpcServer from "@effect/rpc/RpcServer"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Protocol } from "../../kind/protocol.js"
import { servingOf } from "../../kind/registration.js"
import type { ServeOptions } from "../../kind/runOptions.js"
import { dies } from "../../runtime/userCode.js"
import type { CallHandlers, HandlerHost, IncomingCall, KindServer } from "./mailbox.js"

type KindRpcServer = RpcServer.RpcServer<Rpc.Any>

type HandlerOptions = Parameters<CallHandlers[string]>[1]

/** Unused client ids of which the server keeps its entry; beyond that it forgets them. */
const keptClients = 64

interface RunningCall {
  readonly id: RequestId
  readonly call: IncomingCall
  readonly host: HandlerHost
}

const noServices = () => Context.empty() as Context.Context<unknown>

/** One server. A call is a client of its own while it runs: the client's id is all that a handler learns of it. */
class Runner {
  private readonly running = new Map<number, RunningCall>()
  private readonly unused: Array<number> = []
  private clients = 0
  private requests = 0n
  private server!: KindRpcServer

  /** The server lives in the scope of the kind's layer; of a child's run it has nothing. */
  make({ group, kind }: Protocol, disableTracing: boolean): Effect.Effect<this, never, Scope.Scope> {
    const handlers = Object.fromEntries(Array.from(group.requests.keys(), (tag) => [tag, this.handler(tag)]))
    // A handler's services are those of the fiber that asks for it.
    const provided: Effect.Effect<Context.Context<never>, never, unknown> = group.toHandlersContext(handlers as never)
    return Effect.flatMap(Effect.mapInputContext(provided, noServices), (context) => {
      const make = RpcServer.makeNoSerialization(group, {
        disableTracing,
        disableFatalDefects: true,
        // A stream waits for its window instead.
        disableClientAcks: true,
        spanPrefix: kind,
        onFromServer: this.answer
      }) as Effect.Effect<KindRpcServer, never, Scope.Scope>
      return Effect.map(
        Effect.mapInputContext(make, (own: Context.Context<Scope.Scope>) => Context.merge(own, context)),
        (server) => {
          this.server = server
          return this
        }
      )
    })
  }

  private handler(tag: string) {
    return (payload: unknown, options: HandlerOptions): unknown => {
      const { call, host } = this.running.get(options.clientId)!
      try {
        const result = call.handlers![tag]!(payload, options)
        const isWrapped = typeof result === "object" && result !== null && Rpc.isWrapper(result)
        if (isWrapped && result.fork) host.forked(call)
        const run = isWrapped ? result.value : result
        if (Effect.isEffect(run) || (call.procedure.isStream && hasProperty(run, Stream.StreamTypeId))) return result
        throw new TypeError(`the handler of "${tag}" returned no ${call.procedure.isStream ? "Stream" : "Effect"}`)
      } catch (defect) {
        // Thrown on, or by the server that is given no Stream, it would be a defect of no call: nobody would be answered.
        return call.procedure.isStream ? Stream.failCause(Cause.die(defect)) : dies(defect)
      }
    }
  }

  private readonly answer = (response: FromServer<Rpc.Any>): Effect.Effect<void> => {
    const { clientId } = response
    const running = this.running.get(clientId)
    if (running === undefined) return Effect.void
    if (response._tag === "Chunk") return running.host.emit(running.call, response.values)
    if (response._tag !== "Exit" || response.requestId !== running.id) return Effect.void
    this.running.delete(clientId)
    return Effect.zipRight(running.host.end(running.call, response.exit), this.release(clientId))
  }

  private release(clientId: number): Effect.Effect<void> {
    if (this.unused.length >= keptClients) return this.server.disconnect(clientId)
    this.unused.push(clientId)
    return Effect.void
  }

  run(call: IncomingCall, payload: unknown, host: HandlerHost): Effect.Effect<void> {
    const { headers, procedure, trace } = call
    const clientId = this.unused.pop() ?? ++this.clients
    const id = RequestId(++this.requests)
    this.running.set(clientId, { id, call, host })
    call.interrupt = this.server.write(clientId, { _tag: "Interrupt", requestId: id, interruptors: [] })
    return this.server.write(clientId, {
      _tag: "Request",
      id,
      tag: procedure.tag as never,
      payload: payload as never,
      headers: Headers.fromInput(headers),
      ...(trace === undefined ? {} : { traceId: trace[0], spanId: trace[1], sampled: trace[2] })
    })
  }
}

/** Makes what runs the calls to a kind's children. Those that belong to a trace have a server that makes spans. */
export const makeKindServer = (
  protocol: Protocol,
  options: ServeOptions
): Effect.Effect<KindServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const plain = yield* new Runner().make(protocol, true)
    const traced = yield* new Runner().make(protocol, false)
    return {
      protocol,
      serving: servingOf(options),
      run: (call, payload, host) => (call.trace === undefined ? plain : traced).run(call, payload, host)
    }
  })
