/**
 * Streams of bytes to and from other machines: TCP, or TLS over it.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import type { ConnectFailure } from "../../NodeTransport.js"
import type { TlsOptions } from "../../NodeTransportSocket.js"
import { failure } from "./authenticate.js"

/** @internal */
export const keyOf = (key: string | Redacted.Redacted): string => (typeof key === "string" ? key : Redacted.value(key))

/** Closes gently, then for good. */
export const release = (duplex: Duplex): void => {
  if (duplex.destroyed) return
  if (duplex instanceof Net.Socket && duplex.connecting) duplex.destroy()
  else duplex.end(() => duplex.destroy())
}

/** @internal */
export const tune = <A extends Duplex>(socket: A): A => {
  if (socket instanceof Net.Socket) {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 10_000)
  }
  return socket
}

/** An address of numbers is no name. */
const nameOf = (host: string): string => (Net.isIP(host) === 0 ? host : "")

/** Where to connect to, and how: `tls` only if it is to be encrypted. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly tls: Partial<TlsOptions> | undefined
}

const open = ({ host, port, tls }: Place): Net.Socket =>
  tls === undefined
    ? Net.connect({ host, port })
    : Tls.connect({
      host,
      port,
      key: tls.key === undefined ? undefined : keyOf(tls.key),
      cert: tls.cert,
      ca: tls.ca,
      servername: tls.servername ?? nameOf(host)
    })

const openNow = (place: Place) => {
  const socket = open(place)
  const opened = Deferred.unsafeMake<Net.Socket, ConnectFailure>(FiberId.none)
  socket.on("error", (error) => Deferred.unsafeDone(opened, Exit.fail(failure(error.message))))
  socket.once(
    place.tls === undefined ? "connect" : "secureConnect",
    () => Deferred.unsafeDone(opened, Exit.succeed(tune(socket)))
  )
  return { socket, opened }
}

/** Opens a stream that lives as long as the scope. The wait for it can be interrupted: it may take for ever. */
export const dial = (place: Place): Effect.Effect<Net.Socket, ConnectFailure, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(Effect.sync(() => openNow(place)), ({ socket }) => Effect.sync(() => release(socket))),
    ({ opened }) => Deferred.await(opened)
  )

/**
 * The stream of bytes of a connection that was taken: encrypted, if there are such options. The TLS server listens
 * nowhere; it is there because it checks certificates. Whoever took the connection ends it.
 */
export const secured = (raw: Net.Socket, tls: TlsOptions | undefined): Effect.Effect<Duplex, string> => {
  if (tls === undefined) return Effect.succeed(raw)
  const mutual = tls.ca !== undefined
  return Effect.async((resume) => {
    const server = Tls.createServer({
      key: keyOf(tls.key),
      cert: tls.cert,
      ca: tls.ca,
      requestCert: mutual,
      rejectUnauthorized: mutual
    }, (socket) => {
      socket.on("error", () => {})
      resume(Effect.succeed(socket))
    })
    server.on("tlsClientError", (error) => resume(Effect.fail(error.message)))
    server.emit("connection", raw)
  })
}
