/**
 * The stream of bytes over a WebSocket: how it is cut into messages, and how it ends when the peer does not play along.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { createHash } from "node:crypto"
import * as Http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as WS from "ws"
import { dial } from "../../../src/internal/transport/tcp.js"
import { requestUpgrade } from "../../../src/internal/transport/websocket.js"

/** A server that answers each request for an upgrade with `onUpgrade`; a stream to it, and the socket below that. */
const connectTo = (onUpgrade: (request: Http.IncomingMessage, socket: Socket, head: Buffer) => void) =>
  Effect.gen(function*() {
    const server = yield* Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const server = Http.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        server.on("upgrade", onUpgrade)
      }),
      (server) => Effect.sync(() => void server.close())
    )
    const { port } = server.address() as AddressInfo
    const socket = yield* dial({ host: "127.0.0.1", port, tls: undefined })
    const stream = yield* requestUpgrade(socket, new URL(`ws://127.0.0.1:${port}/`), {})
    return { socket, stream }
  })

/** Another endpoint of the same library, which notes the messages that it receives. */
const receiver = () => {
  const messages: Array<Buffer> = []
  const server = new WS.WebSocketServer({ noServer: true })
  const onUpgrade = (request: Http.IncomingMessage, socket: Socket, head: Buffer) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("message", (data) => messages.push(data as Buffer))
    })
  return { messages, onUpgrade }
}

/** A peer that agrees to the upgrade, says `bytes`, and takes part in nothing else: it neither closes nor ends. */
const stubborn = (bytes: ReadonlyArray<number> = []) => (request: Http.IncomingMessage, socket: Socket) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash("sha1").update(key).digest("base64")
  const headers = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`
  socket.allowHalfOpen = true
  socket.on("error", () => {}).resume()
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n\r\n`)
  socket.write(Buffer.from(bytes))
}

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.sleep("10 millis").pipe(Effect.repeat({ until: condition }), Effect.timeout("5 seconds"), Effect.orDie)

const ended = ({ socket }: { readonly socket: Socket }): Effect.Effect<void, never, Scope.Scope> =>
  until(() => socket.destroyed)

describe("a stream over a WebSocket", () => {
  it.scopedLive("writes what waits as one message, a frame's header with its body", () =>
    Effect.gen(function*() {
      const { messages, onUpgrade } = receiver()
      const { stream } = yield* connectTo(onUpgrade)
      stream.cork()
      for (const text of ["header", "body", "header", "body"]) stream.write(text)
      stream.uncork()
      yield* until(() => messages.length > 0)
      expect(messages.map(String)).toEqual(["headerbodyheaderbody"])
    }))

  it.scopedLive("cuts it into messages of 64 KiB at most, and keeps the order", () =>
    Effect.gen(function*() {
      const { messages, onUpgrade } = receiver()
      const { stream } = yield* connectTo(onUpgrade)
      const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => i % 251))
      stream.write(bytes)
      stream.write(bytes.subarray(0, 65_536))
      stream.write("end")
      yield* until(() => String(messages.at(-1)).endsWith("end"))
      expect(messages.map(({ length }) => length).every((length) => length <= 65_536)).toBe(true)
      expect(Buffer.concat(messages)).toEqual(Buffer.concat([bytes, bytes.subarray(0, 65_536), Buffer.from("end")]))
      expect(messages.slice(0, 4).map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 3_392])
    }))

  it.scopedLive("ends in time though its peer neither closes nor ends", () =>
    Effect.gen(function*() {
      const connected = yield* connectTo(stubborn())
      connected.stream.end()
      yield* ended(connected)
    }))

  it.scopedLive("is destroyed with the socket below it", () =>
    Effect.gen(function*() {
      const connected = yield* connectTo(stubborn())
      connected.stream.destroy()
      yield* ended(connected)
    }))

  it.scopedLive("ends at a frame that breaks the protocol, at text, and at a message above 64 KiB", () =>
    Effect.gen(function*() {
      const broken = {
        "a masked frame from a server": [0x82, 0x81, 1, 2, 3, 4, 5],
        "an extension": [0xc2, 0x01, 1],
        "a continuation of nothing": [0x80, 0x01, 1],
        "a control frame in parts": [0x09, 0x00],
        "an unknown kind": [0x8b, 0x00],
        "text": [0x81, 0x01, 0x61],
        "65,537 bytes": [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 1],
        "33 parts": [0x02, 0x01, 1, ...Array.from({ length: 32 }, () => [0x00, 0x01, 1]).flat()]
      }
      for (const [what, bytes] of Object.entries(broken)) {
        const connected = yield* connectTo(stubborn(bytes))
        const received: Array<Buffer> = []
        connected.stream.on("data", (data: Buffer) => received.push(data))
        yield* ended(connected)
        expect([what, received]).toEqual([what, []])
      }
    }))

  it.scopedLive("ends when a message comes in more than 1,024 chunks", () =>
    Effect.gen(function*() {
      const connected = yield* connectTo(stubborn([0x82, 0x7e, 0x07, 0xd0]))
      yield* Effect.sleep("50 millis")
      for (let i = 0; i < 1_030; i++) connected.socket.push(Buffer.of(7))
      yield* ended(connected)
    }))

  it.scopedLive("ends when its peer reads no answers to its pings", () =>
    Effect.gen(function*() {
      const pings = Array.from({ length: 100 }, () => [0x89, 0x00]).flat()
      const connected = yield* connectTo(stubborn())
      connected.stream.resume()
      // What is written waits: the answers do, too.
      connected.socket.cork()
      connected.socket.push(Buffer.from(pings))
      yield* ended(connected)
    }))
})
