/**
 * The contract between calls and whatever carries them: the types of the public `NodeTransport`.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidConfig } from "../../PogoError.js"

/**
 * The node that listens or connects, as it introduces itself to a peer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity {
  /** The scope of the node. Only nodes and clients of one scope are connected. */
  readonly scope: string
  /** The name of the node. */
  readonly node: string
}

/**
 * An authenticated connection between two nodes. Messages are arrays of plain values: strings, numbers, bigints, dates,
 * binary, arrays and records. They arrive in the order in which they were sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** The peer, for logs and error messages: its node's name, or its address as long as no name is known. */
  readonly remote: string
  /** The largest message, bytes as encoded. */
  readonly maxFrame: number
  /**
   * Queues a message. Returns 0, or the encoded size in bytes of a message above `maxFrame`, of which nothing is sent.
   * Throws for a value that is not plain.
   */
  readonly send: (message: ReadonlyArray<unknown>) => number
  /**
   * Completes as soon as the write backlog is short: a sender of many messages waits for it between them. Default: at
   * once.
   */
  readonly ready?: Effect.Effect<void> | undefined
  /**
   * Delivers each incoming message, with its encoded size in bytes, until the connection ends; returns the reason.
   * `receive` is synchronous and must not throw.
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
  /** The cause, for people. */
  readonly reason: string
}

/**
 * What a transport implements: listening for other nodes, and connecting to them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transport {
  /**
   * Listens for as long as the scope lives, and returns the address that other nodes connect to. `serve` runs once for
   * each accepted connection, which is closed when it completes.
   */
  readonly listen: (
    self: Identity,
    serve: (connection: Connection) => Effect.Effect<void>
  ) => Effect.Effect<string, InvalidConfig, Scope.Scope>
  /** Why an address can't be connected to, as far as its text tells; `undefined` for one that may work. Default: unknown. */
  readonly problemOf?: ((address: string) => string | undefined) | undefined
  /** Connects to the address of another node. The connection is closed with the scope. */
  readonly connect: (
    self: Identity,
    address: string
  ) => Effect.Effect<Connection, ConnectFailure, Scope.Scope>
}

/** @internal */
export const connectFailure = (reason: string): ConnectFailure => ({ _tag: "ConnectFailure", reason })
