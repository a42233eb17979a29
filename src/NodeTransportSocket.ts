/**
 * Nodes that reach one another over TCP, or TLS: one connection each way between two nodes, MessagePack in frames. Both
 * sides of a connection prove that they know the scope's secret before anything is called.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { optional, optionalText, overridden } from "./internal/runtime/userInput.js"
import { resolveSocketOptions, type SocketOptions } from "./internal/transport/socketOptions.js"
import { makeTcpTransport } from "./internal/transport/tcp.js"
import { NodeTransport } from "./NodeTransport.js"
import type { InvalidConfig } from "./PogoError.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  NodeTlsOptions as TlsOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  SocketOptions as Options
} from "./internal/transport/socketOptions.js"

/**
 * The transport, with options in code. Fails with `InvalidConfig`, which names the option, its rule and a remedy.
 *
 * @example
 * ```ts
 * import { GroupRegistry, PogoLive } from "effect-pogo"
 * import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
 * import { Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(NodeTransportSocket.layer({
 *     host: "0.0.0.0",
 *     port: 7600,
 *     secret: "as many random characters as you like"
 *   })),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: SocketOptions = {}): Layer.Layer<NodeTransport, InvalidConfig> =>
  Layer.effect(NodeTransport, Effect.map(resolveSocketOptions(options), makeTcpTransport))

/**
 * The options that are set in the environment: `POGO_RPC_HOST`, `POGO_RPC_PORT`, `POGO_RPC_ADVERTISE`,
 * `POGO_RPC_SECRET` (several, separated by commas) and `POGO_RPC_MAX_FRAME`. An empty `POGO_RPC_SECRET` is an invalid
 * one, not none.
 *
 * @example
 * ```ts
 * import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
 * import { Effect, Layer } from "effect"
 *
 * // The port of the environment, and one above it for others.
 * export const TransportLive = Layer.unwrapEffect(Effect.map(NodeTransportSocket.config, ({ port = 7600, ...options }) =>
 *   NodeTransportSocket.layer({ ...options, port, advertise: `proxy.internal:${port + 1}` })))
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<SocketOptions> = Config.all({
  host: optionalText("POGO_RPC_HOST"),
  port: optional(Config.integer("POGO_RPC_PORT")),
  advertise: optionalText("POGO_RPC_ADVERTISE"),
  secret: optional(Config.map(Config.array(Config.redacted(), "POGO_RPC_SECRET"), (secrets) => {
    const given = secrets.filter((secret) => Redacted.value(secret) !== "")
    // No secret at all is reported as invalid: it must not pass for a node without one.
    return given.length === 0 ? secrets : given
  })),
  maxFrame: optional(Config.integer("POGO_RPC_MAX_FRAME"))
})

/**
 * The transport, with options from the environment (see `config`). `overrides` take precedence.
 *
 * @example
 * ```ts
 * import { PogoLive } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
 * import { Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(NodeTransportSocket.layerConfig({ authTimeout: "2 seconds" })),
 *   Layer.provide(GroupRegistryRedis.layer({ host: "redis.internal" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  overrides: SocketOptions = {}
): Layer.Layer<NodeTransport, InvalidConfig | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(config, (options) => layer(overridden(options, overrides))))
