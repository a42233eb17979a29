/**
 * Nodes that reach each other over WebSockets: where a proxy, an ingress or a firewall lets nothing through but HTTP. The
 * port is opened here, or the nodes are found at a path of a server that the process has anyway (`layerMounted`).
 *
 * Everything else is as with `NodeTransportSocket`, over which calls cost less: prefer that where TCP gets through. All
 * nodes of a scope use the same transport. Needs `@effect/platform-node` and `@effect/rpc` beside this package.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { optionalText, overridden } from "./internal/runtime/configOptions.js"
import { failure } from "./internal/transport/authenticate.js"
import { callAt, openPort } from "./internal/transport/listener.js"
import { dial, secured, tune } from "./internal/transport/tcp.js"
import { MountPoint } from "./internal/transport/websocket/mount.js"
import {
  type CallSettings,
  formatUrl,
  readTarget,
  resolveListening,
  resolveMounted,
  type WebSettings
} from "./internal/transport/websocket/options.js"
import { askUpgrade, Reception } from "./internal/transport/websocket/upgrade.js"
import { NodeTransport } from "./NodeTransport.js"
import * as NodeTransportSocket from "./NodeTransportSocket.js"
import type { InvalidConfig } from "./PogoError.js"

/**
 * What any of these transports may be told.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallOptions
  extends Pick<NodeTransportSocket.Options, "secret" | "maxFrame" | "authTimeout" | "connections">
{
  /** Sent with every request, for a proxy that wants to see them. */
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted } | undefined
  /**
   * Authorities, in PEM, that sign the certificates of `wss://` addresses, where a proxy has them. Default: those that
   * the machine trusts.
   */
  readonly trust?: string | undefined
}

/**
 * Options of a port of its own, all optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends CallOptions, Pick<NodeTransportSocket.Options, "host" | "port" | "advertise" | "tls"> {
  /** Where requests are taken. Default `/pogo`. `POGO_RPC_PATH`. */
  readonly path?: string | undefined
  /**
   * The whole url that other nodes are told, `ws://` or `wss://`, where a proxy stands before this node. It must lead to
   * this node only. Default: what is bound or advertised. `POGO_RPC_URL`.
   */
  readonly url?: string | undefined
}

/**
 * Options of a transport in another server.
 *
 * @since 0.1.0
 * @category models
 */
export interface MountedOptions extends CallOptions {
  /** The whole url that other nodes are told, `ws://` or `wss://`. It must lead to this node only. */
  readonly url: string
}

/**
 * Where other nodes come in, in a server of the application. Use one of the two.
 *
 * @since 0.1.0
 * @category tags
 */
export class Mount extends Context.Tag("effect-pogo/NodeTransportWebSocket/Mount")<Mount, {
  /** For a route of a server of `@effect/platform-node`. */
  readonly app: HttpApp.Default
  /** For the `upgrade` event of any server of `node:http`, when its path is the one that was meant for it. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void
}>() {}

const connectWith = (settings: CallSettings): NodeTransport["Type"]["connect"] => (self, address) =>
  Effect.gen(function*() {
    const { node, place, url } = yield* Effect.mapError(readTarget(address, settings), failure)
    const stream = Effect.flatMap(dial(place), (raw) => askUpgrade(raw, { url, headers: settings.headers }))
    const connection = yield* callAt(settings, self, address, stream)
    if (node === undefined || connection.remote === node) return connection
    return yield* Effect.fail(
      failure(`node "${connection.remote}" answers there: the url of a node must lead to that node only`)
    )
  })

const listenWith = (settings: WebSettings): NodeTransport["Type"]["listen"] => (self, serve) =>
  Effect.suspend(() => {
    const reception = new Reception(settings.path)
    return Effect.map(
      openPort(settings, self, serve, (raw) =>
        Effect.flatMap(secured(tune(raw), settings.tls), (stream) =>
          reception.receive(stream))),
      (bound) =>
        formatUrl(settings, bound, self.node)
    )
  })

/**
 * The transport, with a port of its own and its options in code.
 *
 * @example
 * ```ts
 * import { GroupRegistry, PogoLive } from "effect-pogo"
 * import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
 * import { Layer } from "effect"
 *
 * // Other nodes come through a proxy that speaks TLS, and hands on to this port.
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
export const layer = (options: Options = {}): Layer.Layer<NodeTransport, InvalidConfig> =>
  Layer.effect(
    NodeTransport,
    Effect.map(resolveListening(options), (settings) => ({
      listen: listenWith(settings),
      connect: connectWith(settings)
    }))
  )

/**
 * What the environment may give.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.zipWith(
  NodeTransportSocket.config,
  Config.all({ path: optionalText("POGO_RPC_PATH"), url: optionalText("POGO_RPC_URL") }),
  (options, more) => ({ ...options, ...more })
)

/**
 * The transport, with a port of its own, its options from `POGO_RPC_*`, and what is given here.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  overrides: Options = {}
): Layer.Layer<NodeTransport, InvalidConfig | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(config, (options) => layer(overridden(options, overrides))))

/**
 * The transport in a server of the application: other nodes come in through `Mount`. The server's own TLS, limits and
 * port are its own affair; the secret is not.
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
 * // The server is below the supervisor: at the end it outlives it, so that calls that are under way end in order.
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
export const layerMounted = (options: MountedOptions): Layer.Layer<NodeTransport | Mount, InvalidConfig> =>
  Layer.effectContext(Effect.map(resolveMounted(options), (settings) => {
    const point = new MountPoint(settings)
    return Context.make(NodeTransport, {
      listen: point.listen,
      connect: connectWith(settings)
    }).pipe(
      Context.add(Mount, { app: point.app, upgrade: point.upgrade })
    )
  }))
