/**
 * Accepted and opened connections, whatever carries them: a peer is authenticated within a time limit, and the number of
 * accepted connections is bounded.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import { InvalidConfig } from "../../PogoError.js"
import { logDebug } from "../runtime/userCode.js"
import { authenticateCallee, authenticateCaller } from "./authenticate.js"
import { destroyAfterGrace, FramedConnection } from "./framedConnection.js"
import type { SocketSettings } from "./socketOptions.js"
import { type ConnectFailure, connectFailure, type Connection, type Identity } from "./transport.js"

/** The settings of a connection. */
export type ConnectionSettings = Pick<SocketSettings, "secrets" | "maxFrame" | "authTimeout" | "connections">

/** Serves an authenticated connection, which is closed when this completes. */
export type Serve = (connection: Connection) => Effect.Effect<void>

/** Opens a connection to `address` over the stream that `open` gives, and authenticates both sides. */
export const connectOver = (
  { authTimeout, maxFrame, secrets }: ConnectionSettings,
  self: Identity,
  address: string,
  open: Effect.Effect<Duplex, ConnectFailure, Scope.Scope>
): Effect.Effect<Connection, ConnectFailure, Scope.Scope> =>
  open.pipe(
    Effect.flatMap((stream) => FramedConnection.make(stream, address, maxFrame, false)),
    Effect.tap((connection) => authenticateCaller(connection, self, secrets)),
    Effect.timeoutFail({ duration: authTimeout, onTimeout: () => connectFailure("it did not greet in time") })
  )

/** A connection that was accepted, and is not authenticated yet. */
export interface Incoming {
  /** The peer's address, for logs. */
  readonly remote: string
  readonly socket: Duplex
  /** Turns `socket` into the stream that frames are read from: TLS and HTTP are done here, within the time limit. */
  readonly prepare: Effect.Effect<Duplex, string, Scope.Scope>
}

const authenticateAndServe = (
  { authTimeout, maxFrame, secrets }: ConnectionSettings,
  self: Identity,
  { prepare, remote }: Incoming,
  serve: Serve
): Effect.Effect<void> =>
  prepare.pipe(
    Effect.flatMap((stream) => FramedConnection.make(stream, remote, maxFrame, true)),
    Effect.tap((connection) => authenticateCallee(connection, self, secrets)),
    Effect.timeoutFail({ duration: authTimeout, onTimeout: () => "it did not prove itself in time" }),
    Effect.flatMap(serve),
    Effect.catchAll((reason) => logDebug(`a connection from ${remote} was refused: ${reason}`)),
    Effect.scoped
  )

/** Serves incoming connections, at most `settings.connections` at a time; further ones are closed at once. */
export const makeAcceptor = (
  settings: ConnectionSettings,
  self: Identity,
  serve: Serve
): (incoming: Incoming) => Effect.Effect<void> => {
  let accepted = 0
  return (incoming) =>
    Effect.suspend(() => {
      if (accepted >= settings.connections) return Effect.sync(() => incoming.socket.destroy())
      accepted++
      return Effect.ensuring(
        authenticateAndServe(settings, self, incoming, serve),
        Effect.sync(() => {
          accepted--
          destroyAfterGrace(incoming.socket)
        })
      )
    })
}

const bind = (server: Net.Server, host: string, port: number): Effect.Effect<number, InvalidConfig> =>
  Effect.async((resume) => {
    // Once it is bound, an error of accepting a connection is that connection's loss.
    server.on("error", (error) =>
      resume(Effect.fail(
        new InvalidConfig({
          setting: "host and port",
          value: `${host}:${port}`,
          rule: `an address that can be bound (${String(error)})`,
          remedy: "choose another port, or 0 for any that is free"
        })
      )))
    server.listen({ host, port }, () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/**
 * Listens on a TCP port for as long as the scope lives, and returns its number. `prepare` turns each accepted socket
 * into the stream that frames are read from.
 */
export const listenOnPort = (
  settings: SocketSettings,
  self: Identity,
  serve: Serve,
  prepare: (socket: Net.Socket) => Effect.Effect<Duplex, string, Scope.Scope>
): Effect.Effect<number, InvalidConfig, Scope.Scope> =>
  Effect.gen(function*() {
    const accept = makeAcceptor(settings, self, serve)
    // Closed after the fibers below have ended, and with them their sockets, for which `close` waits.
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => Net.createServer()),
      (server) => Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
    )
    const fork = yield* FiberSet.makeRuntime()
    server.on("connection", (socket) => {
      socket.on("error", () => {})
      const remote = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? 0}`
      fork(accept({ remote, socket, prepare: prepare(socket) }))
    })
    return yield* bind(server, settings.host, settings.port)
  })
