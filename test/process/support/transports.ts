/**
 * The ways in which nodes may reach each other over real sockets: what one of them does, all of them have to do.
 */
import { HttpRouter, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, type Scope } from "effect"
import type { NodeTransport, PogoError } from "effect-pogo"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
import { createServer } from "node:http"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import { requestUpgrade } from "../../../src/internal/transport/websocket.js"
import * as redisServer from "../../support/redisServer.js"
import { makeReverseProxy, type ReverseProxy } from "./reverseProxy.js"

export interface Transport {
  readonly name: string
  readonly layer: (
    options: NodeTransportSocket.Options
  ) => Layer.Layer<NodeTransport.NodeTransport, PogoError.InvalidConfig>
  /** It is open to others than this machine, as far as it knows. */
  readonly exposed: boolean
}

/** A port that was free a moment ago. */
export const freePort = Effect.promise(redisServer.freePort)

/** A reverse proxy before a port of this machine. */
export const reverseProxy = (
  target: number,
  tls?: { readonly key: string; readonly cert: string }
): Effect.Effect<ReverseProxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => makeReverseProxy(target, tls)),
    (proxy) => Effect.promise(() => proxy.close())
  )

const proxied: Transport["layer"] = (options) =>
  Layer.unwrapScoped(Effect.gen(function*() {
    const port = yield* freePort
    const proxy = yield* reverseProxy(port)
    return NodeTransportWebSocket.layer({ ...options, port, url: `ws://127.0.0.1:${proxy.port}/outside/pogo` })
  }))

/** In a server of `@effect/platform-node`, beside a route of its own. */
const routed: Transport["layer"] = (options) =>
  Layer.unwrapEffect(Effect.map(freePort, (port) => {
    const http = Layer.unwrapEffect(Effect.map(NodeTransportWebSocket.Mount, ({ app }) =>
      HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.get("/inside/pogo", app)))))
    const mounted = NodeTransportWebSocket.layerMounted({ ...options, url: `ws://127.0.0.1:${port}/inside/pogo` })
    return http.pipe(
      Layer.provide(Layer.orDie(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }))),
      Layer.provideMerge(mounted)
    )
  }))

/** In a server of `node:http`. */
const hooked: Transport["layer"] = (options) =>
  Layer.unwrapScoped(Effect.gen(function*() {
    const port = yield* freePort
    const layer = NodeTransportWebSocket.layerMounted({ ...options, url: `ws://127.0.0.1:${port}/pogo` })
    return Layer.tap(layer, (context) =>
      Effect.acquireRelease(
        Effect.async<ReturnType<typeof createServer>>((resume) => {
          const server = createServer().on("upgrade", Context.get(context, NodeTransportWebSocket.Mount).upgrade)
          server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      ))
  })) as never

export const transports: ReadonlyArray<Transport> = [
  { name: "TCP", layer: NodeTransportSocket.layer, exposed: false },
  { name: "WebSocket", layer: NodeTransportWebSocket.layer, exposed: false },
  { name: "WebSocket through a proxy", layer: proxied, exposed: false },
  { name: "WebSocket in a server of platform-node", layer: routed, exposed: true },
  { name: "WebSocket in a server of node:http", layer: hooked, exposed: true }
]

/** Connects to a node's port, and no more. */
export const rawTo = (address: string): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Net.Socket>((resume) => {
      const { hostname, port } = new URL(address)
      const socket = Net.connect(Number(port), hostname)
      socket.on("error", () => {})
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Opens a stream of bytes to a node, as anybody could. */
export const streamTo = (address: string): Effect.Effect<Duplex, never, Scope.Scope> =>
  Effect.flatMap(rawTo(address), (raw) => {
    const url = new URL(address)
    return url.protocol === "ws:" ? Effect.orDie(requestUpgrade(raw, url, {})) : Effect.succeed(raw)
  })
