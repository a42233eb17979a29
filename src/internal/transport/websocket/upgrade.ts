/**
 * How a connection becomes a WebSocket: the request of HTTP that asks for it, and its answer.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { createHash, randomBytes } from "node:crypto"
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import type { ConnectFailure } from "../../../NodeTransport.js"
import { failure } from "../authenticate.js"
import { WebSocketStream } from "./stream.js"

/** Bytes that the headers of a request or an answer may have. */
const headerLimit = 16 * 1024

const acceptOf = (key: string): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")

/** Why a request is not granted. */
export interface Refused {
  readonly status: number
  readonly reason: string
  readonly headers: { readonly [name: string]: string }
}

const keyPattern = /^[A-Za-z0-9+/]{22}==$/

const names = (header = ""): ReadonlyArray<string> => header.toLowerCase().split(",").map((name) => name.trim())

const refuse = (status: number, reason: string, headers = {}) => Either.left({ status, reason, headers })

/** The key of a request that a node would make. `path`: the only one that is looked at, if there is one. */
export const examine = (request: Http.IncomingMessage, path: string | undefined): Either.Either<string, Refused> => {
  const { headers, method, url } = request
  const wanted = names(headers.connection).includes("upgrade") && names(headers.upgrade).includes("websocket")
  const key = headers["sec-websocket-key"] ?? ""
  if (path !== undefined && (url ?? "").split("?")[0] !== path) return refuse(404, "nobody asks for this path")
  if (!wanted) return refuse(426, "it asked for no WebSocket", { Upgrade: "websocket" })
  // Pages of any site may have a browser connect to a port of its own machine; the browser says so.
  if (headers.origin !== undefined) return refuse(403, "it is a browser")
  if (headers["sec-websocket-version"] !== "13") return refuse(426, "its version", { "Sec-WebSocket-Version": "13" })
  return method === "GET" && keyPattern.test(key) ? Either.right(key) : refuse(400, "it is no handshake")
}

/** The answer to a request that is refused, as it is sent. */
export const plainAnswer = ({ headers, status }: Refused): string =>
  `HTTP/1.1 ${status} ${Http.STATUS_CODES[status]}\r\n` +
  Object.entries({ ...headers, Connection: "close", "Content-Length": "0" }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  ).join("") + "\r\n"

/** Answers a request to upgrade the connection `socket`, and makes a stream of it. */
export const grant = (key: string, socket: Duplex, head: Uint8Array): Duplex => {
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`
  )
  return new WebSocketStream(socket, false, head)
}

/**
 * Reads the requests of connections that others have taken. The server listens nowhere; it is there because it reads
 * HTTP.
 */
export class Reception {
  private readonly waiting = new Map<Duplex, (result: Either.Either<Duplex, string>) => void>()
  private readonly server: Http.Server

  constructor(path: string) {
    const reject = (refused: Refused, socket: Duplex) => {
      socket.end(plainAnswer(refused))
      this.waiting.get(socket)?.(Either.left(refused.reason))
    }
    this.server = Http.createServer({ maxHeaderSize: headerLimit }, (request) => {
      const asked = examine(request, path)
      if (Either.isLeft(asked)) reject(asked.left, request.socket)
    })
    this.server.on("upgrade", (request, socket, head) => {
      const asked = examine(request, path)
      if (Either.isLeft(asked)) reject(asked.left, socket)
      else this.waiting.get(socket)?.(Either.right(grant(asked.right, socket, head)))
    })
  }

  /** Makes a WebSocket of a connection as soon as it asks for it. */
  receive(connection: Duplex): Effect.Effect<Duplex, string> {
    return Effect.async<Duplex, string>((resume) => {
      const left = () => resume(Effect.fail("it left before it asked for a WebSocket"))
      this.waiting.set(connection, resume)
      connection.once("close", left)
      this.server.emit("connection", connection)
      return Effect.sync(() => connection.off("close", left))
    }).pipe(Effect.ensuring(Effect.sync(() => this.waiting.delete(connection))))
  }
}

/** What a caller asks for. */
export interface Asked {
  readonly url: URL
  readonly headers: { readonly [name: string]: string }
}

/** Asks what listens at the other end of a connection to make it a WebSocket. Whoever opened the connection ends it. */
export const askUpgrade = (raw: Duplex, { headers, url }: Asked): Effect.Effect<Duplex, ConnectFailure> =>
  Effect.async((resume) => {
    const key = randomBytes(16).toString("base64")
    const fail = (reason: string) => resume(Effect.fail(failure(reason)))
    const request = Http.request({
      createConnection: () => raw,
      path: `${url.pathname}${url.search}`,
      maxHeaderSize: headerLimit,
      headers: {
        ...headers,
        Host: url.host,
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key
      }
    })
    request.on("error", (error) => fail(error.message))
    request.on("response", (response) => {
      response.resume()
      fail(`it answered HTTP ${response.statusCode}, and opened no WebSocket: is the url right?`)
    })
    request.on("upgrade", (response, socket, head) => {
      if (response.headers["sec-websocket-accept"] !== acceptOf(key)) return fail("what answers there is no WebSocket")
      resume(Effect.succeed(new WebSocketStream(socket, true, head)))
    })
    request.end()
  })
