/**
 * HTTP servers on loopback ports, and plain requests to them.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import { Context, Effect, Layer, type Scope } from "effect"
import { createServer } from "node:http"

/** Serves by a layer that takes a server; succeeds with the address, such as `http://127.0.0.1:4711`. */
export const serve = <A, E, R>(
  layer: Layer.Layer<A, E, HttpServer.HttpServer | R>
): Effect.Effect<string, E, Exclude<R, HttpServer.HttpServer> | Scope.Scope> =>
  Effect.gen(function*() {
    const server = Layer.orDie(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    const context = yield* Layer.build(Layer.provideMerge(layer, server))
    const { address } = Context.get(context, HttpServer.HttpServer)
    return address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}` : ""
  }) as Effect.Effect<string, E, Exclude<R, HttpServer.HttpServer> | Scope.Scope>

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** Asks by `fetch`. */
export const ask = (url: string, init?: RequestInit): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { redirect: "manual", ...init, signal })
    return { status: response.status, text: await response.text(), headers: response.headers }
  })
