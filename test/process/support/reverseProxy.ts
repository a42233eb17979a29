/**
 * A reverse proxy as it stands before many applications: it speaks HTTP, hands on requests and upgrades to one server,
 * under another path, and may speak TLS towards the world.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"

export interface ReverseProxy {
  readonly port: number
  /** Paths and headers of what was asked for. */
  readonly seen: ReadonlyArray<{ readonly url: string; readonly headers: Http.IncomingHttpHeaders }>
  /** Ends all connections; new ones may be made. */
  readonly reset: () => void
  /** Answers everything with this status from now on; 0 to hand on again. */
  readonly refuse: (status: number) => void
  readonly close: () => Promise<void>
}

const headOf = (message: Http.IncomingMessage): string => {
  const lines = [`HTTP/1.1 ${message.statusCode} ${message.statusMessage}`]
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    lines.push(`${message.rawHeaders[i]}: ${message.rawHeaders[i + 1]}`)
  }
  return `${lines.join("\r\n")}\r\n\r\n`
}

/** Leads `/outside/...` to `/...` of the server at `target`. */
export const makeReverseProxy = (
  target: number,
  tls?: { readonly key: string; readonly cert: string }
): Promise<ReverseProxy> => {
  const sockets = new Set<Duplex>()
  const seen: Array<ReverseProxy["seen"][number]> = []
  let refusing = 0
  const forwarded = (request: Http.IncomingMessage) => {
    seen.push({ url: request.url ?? "", headers: request.headers })
    return Http.request({
      port: target,
      host: "127.0.0.1",
      method: request.method,
      path: (request.url ?? "").replace(/^\/outside/, ""),
      headers: { ...request.headers, "x-forwarded-for": request.socket.remoteAddress ?? "" }
    })
  }
  const server = tls === undefined ? Http.createServer() : Https.createServer(tls)
  server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const onward = forwarded(request)
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on("error", () => response.writeHead(502).end())
    request.pipe(onward)
  })
  server.on("upgrade", (request: Http.IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket)
    socket.on("error", () => {}).on("close", () => sockets.delete(socket))
    if (refusing > 0) return void socket.end(`HTTP/1.1 ${refusing} No\r\nConnection: close\r\n\r\n`)
    const onward = forwarded(request)
    onward.on("upgrade", (answer, upstream, first) => {
      upstream.on("error", () => socket.destroy())
      socket.on("error", () => upstream.destroy()).on("close", () => upstream.destroy())
      socket.write(headOf(answer))
      if (first.length > 0) socket.write(first)
      if (head.length > 0) upstream.write(head)
      upstream.pipe(socket).pipe(upstream)
    })
    onward.on("response", (answer) => {
      socket.write(headOf(answer))
      answer.pipe(socket)
    })
    onward.on("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n"))
    onward.end()
  })
  const reset = () => {
    for (const socket of sockets) socket.destroy()
  }
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        seen,
        reset,
        refuse: (status) => (refusing = status),
        close: () => {
          reset()
          return new Promise((done) => server.close(() => done()))
        }
      }))
  )
}
