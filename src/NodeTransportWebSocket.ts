/**
 * Nodes that reach one another over WebSockets, where a proxy, an ingress or a firewall lets nothing through but HTTP.
 * `layer` opens a port of its own; `layerMounted` takes a path of a server that the application has anyway.
 *
 * Authentication and limits are those of `NodeTransportSocket`, over which calls cost less: prefer that where TCP gets
 * through. Needs `@effect/platform` beside this package.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { optionalText, overridden } from "./internal/runtime/userInput.js"
import {
  resolveMountOptions,
  resolveWebSocketOptions,
  type WebSocketMountOptions,
  type WebSocketOptions
} from "./internal/transport/socketOptions.js"
import { makeWebSocketTransport, MountedTransport } from "./internal/transport/websocket.js"
import { NodeTransport } from "./NodeTransport.js"
import * as NodeTransportSocket from "./NodeTransportSocket.js"
import type { InvalidConfig } from "./PogoError.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  WebSocketCallOptions as CallOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  WebSocketMountOptions as MountedOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  WebSocketOptions as Options
} from "./internal/transport/socketOptions.js"

/**
 * The place in a server of the application where other nodes connect. Use either `app` or `upgrade`.
 *
 * @example
 * ```ts
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Effect, Layer } from "effect"
 * import { createServer } from "node:http"
 *
 * // A server of node:http, whose other upgrades are refused.
 * export const ServerLive = Layer.scopedDiscard(Effect.flatMap(NodeTransportWebSocket.Mount, ({ upgrade }) =>
 *   Effect.acquireRelease(
 *     Effect.sync(() =>
 *       createServer((_, response) => response.end("hello"))
 *         .on("upgrade", (request, socket, head) =>
 *           request.url === "/pogo" ? upgrade(request, socket, head) : socket.destroy())
 *         .listen(8080)
 *     ),
 *     (server) => Effect.sync(() => server.close())
 *   )))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Mount extends Context.Tag("effect-pogo/NodeTransportWebSocket/Mount")<Mount, {
  /** The handler of a GET route of a server of `@effect/platform-node`. */
  readonly app: HttpApp.Default
  /** The handler of the `upgrade` event of a server of `node:http`. It takes every request that it is given: choose by path. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void
}>() {}

/**
 * The transport with a port of its own, and options in code. Fails with `InvalidConfig`, which names the option, its rule
 * and a remedy.
 *
 * @example
 * ```ts
 * import { GroupRegistry, PogoLive } from "effect-pogo"
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Layer } from "effect"
 *
 * // Other nodes connect to a proxy that ends TLS and forwards to this port.
 * const TransportLive = NodeTransportWebSocket.layer({
 *   host: "0.0.0.0",
 *   port: 7600,
 *   url: "wss://node-a.example.org/pogo",
 *   secret: "as many random characters as you like"
 * })
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(TransportLive),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: WebSocketOptions = {}): Layer.Layer<NodeTransport, InvalidConfig> =>
  Layer.effect(NodeTransport, Effect.map(resolveWebSocketOptions(options), makeWebSocketTransport))

/**
 * The options that are set in the environment: those of `NodeTransportSocket.config`, `POGO_RPC_PATH` and
 * `POGO_RPC_URL`.
 *
 * @example
 * ```ts
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Effect, Layer } from "effect"
 *
 * export const TransportLive = Layer.unwrapEffect(Effect.map(NodeTransportWebSocket.config, (options) =>
 *   NodeTransportWebSocket.layer({ ...options, path: `/internal${options.path ?? "/pogo"}` })))
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<WebSocketOptions> = Config.zipWith(
  NodeTransportSocket.config,
  Config.all({ path: optionalText("POGO_RPC_PATH"), url: optionalText("POGO_RPC_URL") }),
  (options, more) => ({ ...options, ...more })
)

/**
 * The transport with a port of its own, and options from the environment (see `config`). `overrides` take precedence.
 *
 * @example
 * ```ts
 * import { PogoLive } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Config, Effect, Layer } from "effect"
 *
 * // A proxy that asks for a header of each request.
 * const TransportLive = Layer.unwrapEffect(Effect.map(Config.redacted("PROXY_TOKEN"), (token) =>
 *   NodeTransportWebSocket.layerConfig({ headers: { "X-Proxy-Token": token } })))
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(TransportLive),
 *   Layer.provide(GroupRegistryRedis.layer({ host: "redis.internal" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  overrides: WebSocketOptions = {}
): Layer.Layer<NodeTransport, InvalidConfig | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(config, (options) => layer(overridden(options, overrides))))

/**
 * The transport in a server of the application, in which other nodes connect at `Mount`. TLS, the port and its limits are
 * the server's; the secret and the limits of connections are this transport's.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServer } from "@effect/platform"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { GroupRegistry, PogoLive } from "effect-pogo"
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Effect, Layer } from "effect"
 * import { createServer } from "node:http"
 *
 * const TransportLive = NodeTransportWebSocket.layerMounted({
 *   url: "ws://10.0.0.7:8080/pogo",
 *   secret: "as many random characters as you like"
 * })
 * const HttpLive = Layer.unwrapEffect(Effect.map(NodeTransportWebSocket.Mount, ({ app }) =>
 *   HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.get("/pogo", app))))).pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { port: 8080 }))
 * )
 * // The supervisor is built on top of the server, and so is closed before it: running calls end in order.
 * export const AppLive = PogoLive.pipe(
 *   Layer.provide(HttpLive),
 *   Layer.provide(TransportLive),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMounted = (options: WebSocketMountOptions): Layer.Layer<NodeTransport | Mount, InvalidConfig> =>
  Layer.effectContext(Effect.map(resolveMountOptions(options), (settings) => {
    const transport = new MountedTransport(settings)
    return Context.make(NodeTransport, transport).pipe(
      Context.add(Mount, { app: transport.app, upgrade: transport.upgrade })
    )
  }))
