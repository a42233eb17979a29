/**
 * How nodes reach one another, for calls to children that run on other nodes. Provide one of these layers to the
 * supervisor's: `NodeTransportSocket` (TCP or TLS), `NodeTransportWebSocket` (where only HTTP gets through), or
 * `layerMemory` (all nodes in one process). Without any, a node calls its own children only.
 *
 * All nodes and clients of a scope use the same transport.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { makeHub } from "./internal/transport/hub.js"
import type { Transport } from "./internal/transport/transport.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  ConnectFailure,
  /**
   * @since 0.1.0
   * @category models
   */
  Connection,
  /**
   * @since 0.1.0
   * @category models
   */
  Identity,
  /**
   * @since 0.1.0
   * @category models
   */
  Transport
} from "./internal/transport/transport.js"

/**
 * The transport of a node or client. Implement `Transport` for a way of your own.
 *
 * @example
 * ```ts
 * import { NodeTransport } from "effect-pogo"
 * import { Effect, Layer } from "effect"
 *
 * // A node that is called by nobody, and calls nobody.
 * export const Unreachable = Layer.succeed(NodeTransport.NodeTransport, {
 *   listen: ({ node }) => Effect.succeed(`nowhere:${node}`),
 *   connect: (_self, address) => Effect.fail({ _tag: "ConnectFailure", reason: `${address} is not connected` })
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeTransport extends Context.Tag("effect-pogo/NodeTransport")<NodeTransport, Transport>() {}

/**
 * Connects the nodes of one process with each other, for tests and demonstrations. All of them need the same layer
 * value, built once.
 *
 * @example
 * ```ts
 * import { GroupRegistry, NodeTransport, PogoLive } from "effect-pogo"
 * import { Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(NodeTransport.layerMemory),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<NodeTransport> = Layer.sync(NodeTransport, () => makeHub().transport)
