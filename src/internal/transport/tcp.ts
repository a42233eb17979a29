/**
 * Connections over TCP, or TLS on top of it.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import { destroyAfterGrace } from "./framedConnection.js"
import { connectOver, listenOnPort } from "./listener.js"
import {
  formatAddress,
  type NodeTlsOptions,
  parseAddress,
  type SocketEndpoint,
  type SocketSettings,
  textOf
} from "./socketOptions.js"
import { type ConnectFailure, connectFailure, type Transport } from "./transport.js"

/** Sends small writes at once, and has the system find out about a peer that is gone. */
export const configureSocket = <A extends Duplex>(socket: A): A => {
  if (socket instanceof Net.Socket) {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 10_000)
  }
  return socket
}

/** The name to ask for in a TLS handshake (SNI): none for an IP address. */
const serverNameOf = (host: string): string => (Net.isIP(host) === 0 ? host : "")

const open = ({ host, port, tls }: SocketEndpoint): Net.Socket =>
  tls === undefined
    ? Net.connect({ host, port })
    : Tls.connect({
      host,
      port,
      key: tls.key === undefined ? undefined : textOf(tls.key),
      cert: tls.cert,
      ca: tls.ca,
      servername: tls.servername ?? serverNameOf(host)
    })

const beginToOpen = (endpoint: SocketEndpoint) => {
  const socket = open(endpoint)
  const opened = Deferred.unsafeMake<Net.Socket, ConnectFailure>(FiberId.none)
  socket.on("error", (error) => Deferred.unsafeDone(opened, Exit.fail(connectFailure(error.message))))
  socket.once(
    endpoint.tls === undefined ? "connect" : "secureConnect",
    () => Deferred.unsafeDone(opened, Exit.succeed(configureSocket(socket)))
  )
  return { socket, opened }
}

/**
 * Opens a socket that is closed with the scope: after `closeGrace`, so that what uses it can end in order. The wait for it
 * can be interrupted.
 */
export const dial = (endpoint: SocketEndpoint): Effect.Effect<Net.Socket, ConnectFailure, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.sync(() => beginToOpen(endpoint)),
      ({ socket }) => Effect.sync(() => void (socket.connecting ? socket.destroy() : destroyAfterGrace(socket)))
    ),
    ({ opened }) => Deferred.await(opened)
  )

/**
 * The TLS stream over an accepted socket; the socket itself without `tls`. The TLS server listens nowhere: it does the
 * handshake, and checks the peer's certificate if there is a `ca`.
 */
export const acceptTls = (socket: Net.Socket, tls: NodeTlsOptions | undefined): Effect.Effect<Duplex, string> => {
  if (tls === undefined) return Effect.succeed(socket)
  const mutual = tls.ca !== undefined
  return Effect.async((resume) => {
    const server = Tls.createServer({
      key: textOf(tls.key),
      cert: tls.cert,
      ca: tls.ca,
      requestCert: mutual,
      rejectUnauthorized: mutual
    }, (secured) => {
      secured.on("error", () => {})
      resume(Effect.succeed(secured))
    })
    server.on("tlsClientError", (error) => resume(Effect.fail(error.message)))
    server.emit("connection", socket)
  })
}

/** The transport over TCP or TLS. */
export const makeTcpTransport = (settings: SocketSettings): Transport => {
  const { advertiseHost, advertisePort, tls } = settings
  return {
    listen: (self, serve) =>
      Effect.map(
        listenOnPort(settings, self, serve, (socket) => acceptTls(configureSocket(socket), tls)),
        (port) => formatAddress(advertiseHost, advertisePort || port, tls !== undefined)
      ),
    problemOf: (address) => Option.getOrUndefined(Either.getLeft(parseAddress(address, tls))),
    connect: (self, address) =>
      Either.match(parseAddress(address, tls), {
        onLeft: (problem) => Effect.fail(connectFailure(problem)),
        onRight: (endpoint) => connectOver(settings, self, address, dial(endpoint))
      })
  }
}
