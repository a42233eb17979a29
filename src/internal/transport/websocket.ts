/**
 * Connections over WebSockets, by the package `ws`: a port that takes HTTP upgrades, a place in a server of the
 * application, and the side that asks for the upgrade. The messages of a WebSocket carry a stream of bytes, cut anywhere,
 * over which frames are read and written as over TCP.
 *
 * @internal
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import * as WS from "ws"
import { InvalidConfig } from "../../PogoError.js"
import { closeGrace } from "./framedConnection.js"
import { connectOver, listenOnPort, makeAcceptor, type Serve } from "./listener.js"
import { formatUrl, parseUrl, type WebSocketCallSettings, type WebSocketSettings } from "./socketOptions.js"
import { acceptTls, configureSocket, dial } from "./tcp.js"
import { type ConnectFailure, connectFailure, type Identity, type Transport } from "./transport.js"

/** The longest message, bytes, either way. `ws` buffers a whole one, from peers that are not authenticated too. */
const messageLimit = 64 * 1024

/** The longest headers of a request or a response, bytes. */
const headerLimit = 16 * 1024

/**
 * Options of `ws`. A fragment may hold the 64 KiB that were read with it, and a chunk costs some 100 bytes of its own, so
 * both are counted: an unauthenticated peer has at most about 2 MiB buffered. Pings are answered by `ws` itself, which
 * ends the connection of a peer that reads no answers. A peer that does not take part in closing is cut off in time.
 */
const limits = {
  maxPayload: messageLimit,
  maxFragments: 32,
  maxBufferedChunks: 1_024,
  perMessageDeflate: false,
  closeTimeout: closeGrace
}

const closeCode = { normal: 1_000, protocolError: 1_002 }

const server = new WS.WebSocketServer({ ...limits, noServer: true, clientTracking: false })

type Done = (error?: Error | null) => void

/**
 * The stream of bytes over an open WebSocket on `socket`. All that waits to be written goes out together, in messages of
 * at most `messageLimit`: a header and its body would be two otherwise.
 */
const byteStream = (webSocket: WS.WebSocket, socket: Duplex): Duplex => {
  const write = (chunks: ReadonlyArray<Uint8Array>, done: Done) => {
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    let at = 0
    socket.cork()
    for (; bytes.length - at > messageLimit; at += messageLimit) {
      webSocket.send(bytes.subarray(at, at + messageLimit))
    }
    webSocket.send(bytes.subarray(at), done)
    socket.uncork()
  }
  // Before the listener of the stream, which would take text for bytes.
  webSocket.on("message", (_, isBinary) => {
    if (isBinary) return
    webSocket.close(closeCode.protocolError)
    stream.destroy(new Error("a message of text"))
  })
  const stream = WS.createWebSocketStream(webSocket, {
    writev: (chunks, done) => write(chunks.map(({ chunk }) => chunk as Uint8Array), done)
  })
  stream._write = (chunk: Uint8Array, _encoding, done) => write([chunk], done)
  const finish = stream._final.bind(stream)
  stream._final = (done) => {
    webSocket.close(closeCode.normal)
    finish(done)
  }
  // It ends when the WebSocket is closed: nothing can be written any more.
  stream.on("end", () => stream.destroy())
  // A connection listens for errors of its own; one that comes before must not become an uncaught exception.
  return stream.on("error", () => {})
}

/** Why a request is not upgraded, and the response to it. */
interface UpgradeRefusal {
  readonly status: number
  readonly reason: string
  readonly headers: { readonly [name: string]: string }
}

const keyPattern = /^[A-Za-z0-9+/]{22}==$/

const tokensOf = (header = ""): ReadonlyArray<string> => header.toLowerCase().split(",").map((token) => token.trim())

const refusal = (status: number, reason: string, headers = {}): UpgradeRefusal => ({ status, reason, headers })

const notListening = refusal(503, "no supervisor listens")

const noUpgrade = refusal(426, "it asked for no WebSocket", { Upgrade: "websocket" })

/** Why a request is refused, if it is. `path`: the only one that is served; `undefined` where a router has chosen already. */
const refusalOf = (
  { headers, method, url }: Http.IncomingMessage,
  path: string | undefined
): UpgradeRefusal | undefined => {
  if (path !== undefined && (url ?? "").split("?")[0] !== path) return refusal(404, "it asked for another path")
  if (!tokensOf(headers.connection).includes("upgrade") || !tokensOf(headers.upgrade).includes("websocket")) {
    return noUpgrade
  }
  // A page of any site may have a browser connect to a port of its own machine. The browser says so.
  if (headers.origin !== undefined) return refusal(403, "it is a browser")
  if (headers["sec-websocket-version"] !== "13") {
    return refusal(426, "it asked for another version of WebSocket", { "Sec-WebSocket-Version": "13" })
  }
  return method === "GET" && keyPattern.test(headers["sec-websocket-key"] ?? "")
    ? undefined
    : refusal(400, "it is no handshake of a WebSocket")
}

const responseOf = ({ headers, reason, status }: UpgradeRefusal): string => {
  const lines = Object.entries({
    ...headers,
    Connection: "close",
    "Content-Type": "text/plain",
    "Content-Length": String(reason.length)
  }).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${Http.STATUS_CODES[status]}`, ...lines, "", reason].join("\r\n")
}

/** Upgrades a request that was not refused. Returns `undefined` where `ws` refuses it: then it has responded itself. */
const upgrade = (request: Http.IncomingMessage, socket: Duplex, head: Uint8Array): Duplex | undefined => {
  const streams: Array<Duplex> = []
  server.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => streams.push(byteStream(webSocket, socket)))
  return streams[0]
}

const noHead = new Uint8Array(0)

/** The HTTP side of a port of our own. Its server listens nowhere: it reads requests from sockets that it is given. */
class UpgradeServer {
  private readonly pending = new Map<Duplex, (result: Effect.Effect<Duplex, string>) => void>()
  private readonly http: Http.Server

  constructor(path: string) {
    const respond = (request: Http.IncomingMessage, socket: Duplex, head: Uint8Array) => {
      const refused = refusalOf(request, path)
      if (refused !== undefined) socket.end(responseOf(refused))
      const stream = refused === undefined ? upgrade(request, socket, head) : undefined
      this.pending.get(socket)?.(
        stream === undefined ? Effect.fail(refused?.reason ?? "it asked for what ws refuses") : Effect.succeed(stream)
      )
    }
    this.http = Http.createServer(
      { maxHeaderSize: headerLimit },
      (request) => respond(request, request.socket, noHead)
    )
    this.http.on("upgrade", respond)
  }

  /** The stream over a socket, once its peer has asked for the upgrade. */
  accept(socket: Duplex): Effect.Effect<Duplex, string> {
    return Effect.async<Duplex, string>((resume) => {
      const left = () => resume(Effect.fail("it left before it asked for a WebSocket"))
      this.pending.set(socket, resume)
      socket.once("close", left)
      this.http.emit("connection", socket)
      return Effect.sync(() => void socket.off("close", left))
    }).pipe(Effect.ensuring(Effect.sync(() => this.pending.delete(socket))))
  }
}

/** Asks for the upgrade of a connected socket, whose owner closes it. */
export const requestUpgrade = (
  socket: Duplex,
  url: URL,
  headers: { readonly [name: string]: string }
): Effect.Effect<Duplex, ConnectFailure> =>
  Effect.async((resume) => {
    const fail = (reason: string) => resume(Effect.fail(connectFailure(reason)))
    // TLS, if any, is done by the socket. A fragment or a user name in the url is not for the server.
    const options = {
      ...limits,
      createConnection: () => socket as Socket,
      headers: { ...headers, Host: url.host },
      maxHeaderSize: headerLimit
    }
    const webSocket = new WS.WebSocket(`ws://${url.host}${url.pathname}${url.search}`, options)
    webSocket.on("error", (error) => fail(`it opened no WebSocket: ${error.message}`))
    webSocket.on("unexpected-response", (_, response) => {
      response.resume()
      fail(`it answered HTTP ${response.statusCode}, and opened no WebSocket: is the url right?`)
    })
    webSocket.once("open", () => resume(Effect.succeed(byteStream(webSocket, socket))))
    return Effect.sync(() => webSocket.terminate())
  })

const connectWith = (settings: WebSocketCallSettings): Pick<Transport, "connect" | "problemOf"> => ({
  problemOf: (address) => Option.getOrUndefined(Either.getLeft(parseUrl(address, settings))),
  connect: (self, address) =>
    Effect.gen(function*() {
      const { endpoint, node, url } = yield* Effect.mapError(parseUrl(address, settings), connectFailure)
      const open = Effect.flatMap(dial(endpoint), (socket) => requestUpgrade(socket, url, settings.headers))
      const connection = yield* connectOver(settings, self, address, open)
      if (node === undefined || connection.remote === node) return connection
      return yield* Effect.fail(
        connectFailure(`node "${connection.remote}" answers there: the url of a node must lead to that node only`)
      )
    })
})

/** The transport over WebSockets with a port of its own. */
export const makeWebSocketTransport = (settings: WebSocketSettings): Transport => ({
  ...connectWith(settings),
  listen: (self, serve) =>
    Effect.suspend(() => {
      const upgrades = new UpgradeServer(settings.path)
      const prepare = (socket: Socket) =>
        Effect.flatMap(acceptTls(configureSocket(socket), settings.tls), (stream) => upgrades.accept(stream))
      return Effect.map(
        listenOnPort(settings, self, serve, prepare),
        (port) => formatUrl(settings, port, self.node)
      )
    })
})

/** The transport over WebSockets in a server of the application. */
export class MountedTransport implements Transport {
  readonly connect: Transport["connect"]
  readonly problemOf: Transport["problemOf"]
  /** Takes over an upgraded connection; `undefined` while no supervisor listens. */
  private serve: ((remote: string, stream: Duplex) => void) | undefined

  constructor(private readonly settings: WebSocketSettings) {
    const { connect, problemOf } = connectWith(settings)
    this.connect = connect
    this.problemOf = problemOf
  }

  readonly listen = (self: Identity, serve: Serve): Effect.Effect<string, InvalidConfig, Scope.Scope> =>
    Effect.gen(this, function*() {
      if (this.serve !== undefined) {
        return yield* Effect.fail(
          new InvalidConfig({
            setting: "mount",
            value: this.settings.url,
            rule: "one supervisor behind each",
            remedy: "give each supervisor a transport of its own, at a path of its own"
          })
        )
      }
      const accept = makeAcceptor(this.settings, self, serve)
      const fork = yield* FiberSet.makeRuntime()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          this.serve = (remote, stream) => {
            fork(accept({ remote, socket: stream, prepare: Effect.succeed(stream) }))
          }
        }),
        () => Effect.sync(() => (this.serve = undefined))
      )
      return formatUrl(this.settings, 0, self.node)
    })

  /** Handles the `upgrade` event of a server. A connection whose upgrade is refused is closed. */
  readonly upgrade = (request: Http.IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    const { serve } = this
    socket.on("error", () => {})
    const refused = serve === undefined ? notListening : refusalOf(request, undefined)
    if (serve === undefined || refused !== undefined) {
      return void socket.end(responseOf(refused ?? notListening), () => socket.destroy())
    }
    const stream = upgrade(request, configureSocket(socket), head)
    if (stream !== undefined) serve(`${request.socket.remoteAddress ?? "?"}:${request.socket.remotePort ?? 0}`, stream)
  }

  /** Handles a request of a server of `@effect/platform-node`. An upgraded one is over when its connection is closed. */
  readonly app: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest
  > = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ source }) =>
    Effect.async((resume) => {
      const request = source as Http.IncomingMessage
      if (!(request.socket instanceof Socket)) return resume(HttpServerResponse.empty({ status: 501 }))
      if (request.headers.upgrade === undefined) {
        const { headers, reason, status } = this.serve === undefined ? notListening : noUpgrade
        return resume(HttpServerResponse.text(reason, { status, headers }))
      }
      request.socket.once("close", () => resume(HttpServerResponse.empty()))
      this.upgrade(request, request.socket, noHead)
    }))
}
