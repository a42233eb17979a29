/**
 * HTTP servers on loopback ports, and plain requests to them.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import { Context, Effect, Layer, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, request } from "node:http"

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

/** A request with exactly these headers, by Node's own client: `fetch` sets some, and refuses others. */
export const send = (
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string | Buffer } = {}
): Effect.Effect<Sent> =>
  Effect.async((resume) => {
    const { body, headers = {}, method = "GET" } = options
    const asked = request(url, { method, headers, agent: false }, (response) => {
      const parts: Array<Buffer> = []
      response.on("data", (part: Buffer) => parts.push(part))
      response.on("close", () => {
        const text = Buffer.concat(parts).toString()
        resume(Effect.succeed({ status: response.statusCode ?? 0, text, headers: response.headers }))
      })
    })
    asked.on("error", (error) => resume(Effect.succeed({ status: 0, text: error.message, headers: {} })))
    asked.end(body)
    return Effect.sync(() => asked.destroy())
  })

export interface Sent {
  readonly status: number
  readonly text: string
  readonly headers: IncomingHttpHeaders
}

/** A request that a page of the server itself could send. */
export const post = (url: string, body: unknown, headers: Record<string, string> = {}, method = "POST") =>
  send(url, {
    method,
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
    body: JSON.stringify(body)
  })
