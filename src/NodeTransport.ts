/**
 * How nodes reach each other: a port for calls to children of other nodes. Provide one to the supervisor's layer, such
 * as `NodeTransportSocket`; without one a node calls its own children only.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { makeHub } from "./internal/transport/memory.js"
import type { InvalidConfig } from "./PogoError.js"

/**
 * Who opens a port, or a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity {
  readonly scope: string
  readonly node: string
}

/**
 * A connection between two nodes. Messages are arrays of plain values: texts, numbers, big integers, dates, binary, arrays
 * and records.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** The other end, for people. */
  readonly remote: string
  /** Bytes that a message may have. */
  readonly maxFrame: number
  /** Sends a message, in order. If it is larger than `maxFrame` nothing is sent: its size is returned, else 0. Throws what is no plain value. */
  readonly send: (message: ReadonlyArray<unknown>) => number
  /** Completes when what was sent before is on its way, so that more may be made. Missing: at once. */
  readonly ready?: Effect.Effect<void> | undefined
  /**
   * Delivers what comes, with its size in bytes, until the connection ends; tells why it did. `receive` is synchronous
   * and does not throw.
   */
  readonly run: (receive: (message: unknown, size: number) => void) => Effect.Effect<string>
}

/**
 * A connection could not be opened.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectFailure {
  readonly _tag: "ConnectFailure"
  readonly reason: string
}

/**
 * The port.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeTransport extends Context.Tag("effect-pogo/NodeTransport")<
  NodeTransport,
  {
    /**
     * Opens this node's port for as long as the scope lives, and tells the address under which others reach it. `serve`
     * is run for each connection, which ends with it.
     */
    readonly listen: (
      self: Identity,
      serve: (connection: Connection) => Effect.Effect<void>
    ) => Effect.Effect<string, InvalidConfig, Scope.Scope>
    /** Opens a connection that lives as long as the scope. */
    readonly connect: (
      self: Identity,
      address: string
    ) => Effect.Effect<Connection, ConnectFailure, Scope.Scope>
  }
>() {}

/**
 * Connects the nodes of one process, for tests and demonstrations. Provide one value to all of them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<NodeTransport> = Layer.sync(NodeTransport, () => makeHub().transport)
