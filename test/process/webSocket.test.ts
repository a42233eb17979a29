/**
 * What only WebSockets have: requests of HTTP, proxies on the way, others that speak the same protocol, and browsers.
 */
import { HttpRouter, HttpServer, HttpServerResponse, Socket } from "@effect/platform"
import { NodeHttpServer, NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Layer, Logger, LogLevel, Redacted, Scope, Stream } from "effect"
import { GroupRegistry, NodeTransport, Pogo } from "effect-pogo"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import { clientOf, Counter, counterLive, Notes } from "../rpc/support.js"
import { makeCertificate } from "../support/tls.js"
import { freePort, reverseProxy, streamTo } from "./support/transports.js"

const secret = "0123456789abcdef0123456789abcdef"
const self = (node: string) => ({ scope: "s", node })

const transportOf = <R, E>(layer: Layer.Layer<NodeTransport.NodeTransport | R, E>) =>
  Effect.map(Effect.orDie(Layer.build(layer)), (context) => Context.get(context, NodeTransport.NodeTransport))

/** A node in this process. */
const nodeOf = (
  registry: GroupRegistry.Service,
  name: string,
  transport: Layer.Layer<NodeTransport.NodeTransport, unknown>,
  kinds: Layer.Layer<never, unknown, Pogo.Pogo> = Layer.empty
) =>
  Effect.gen(function*() {
    const own = yield* Effect.scope
    const layer = kinds.pipe(
      Layer.provideMerge(Pogo.layer({ name, ttl: "1 minute" })),
      Layer.provide(transport),
      Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    const pogo = Context.get(yield* Effect.orDie(Layer.buildWithScope(layer, own)), Pogo.Pogo)
    return { name, pogo, stop: Effect.void, crash: Effect.void }
  })

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
}

/** The answer to a request; one without a status if there is none. */
const answerOf = (url: string, options: Http.RequestOptions = {}) =>
  Effect.async<Answer>((resume) => {
    const request = Http.request(url.replace(/^ws/, "http"), { agent: false, ...options })
    const answered = (response: Http.IncomingMessage | undefined, text: string) =>
      resume(Effect.succeed({ status: response?.statusCode ?? 0, headers: response?.headers ?? {}, text }))
    request.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => (text += part))
      response.on("end", () => answered(response, text))
    })
    request.on("upgrade", (response, socket) => {
      socket.destroy()
      answered(response, "")
    })
    request.on("error", () => answered(undefined, ""))
    request.end()
  })

const ask = (url: string, options?: Http.RequestOptions) => Effect.map(answerOf(url, options), ({ status }) => status)

/** Says something on a connection, and waits for the other side to end it. */
const untilClosed = (port: number, text: string) =>
  Effect.async<void>((resume) => {
    const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.write(text))
    socket.resume().once("end", () => socket.destroy()).once("close", () => resume(Effect.void))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeout("2 minutes"))

const upgrade = {
  Connection: "keep-alive, Upgrade",
  Upgrade: "WebSocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="
}

describe("a port for WebSockets", () => {
  it.scopedLive("takes upgrades at its path only, none of browsers, and answers what HTTP has for the others", () =>
    Effect.gen(function*() {
      const transport = yield* transportOf(NodeTransportWebSocket.layer({ path: "/nodes" }))
      const address = yield* transport.listen(self("a"), () => Effect.never)
      expect(address).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/nodes#a$/)
      expect(yield* ask(address, { headers: upgrade })).toBe(101)
      expect(yield* ask(address)).toBe(426)
      expect(yield* ask(address, { headers: { Upgrade: "websocket" } })).toBe(426)
      expect(yield* ask(address.replace("/nodes", "/other"), { headers: upgrade })).toBe(404)
      expect(yield* ask(address.replace("/nodes", "/nodes?x=1"), { headers: upgrade })).toBe(101)
      expect(yield* ask(address, { headers: { ...upgrade, Origin: "https://evil.example" } })).toBe(403)
      expect(yield* ask(address, { headers: { ...upgrade, "Sec-WebSocket-Version": "8" } })).toBe(426)
      expect(yield* ask(address, { headers: { ...upgrade, "Sec-WebSocket-Key": "short" } })).toBe(400)
      expect(yield* ask(address, { method: "POST", headers: upgrade })).toBe(400)
    }))

  it.scopedLive("tells a client that asks for another version which one it may ask for, and others why they are refused", () =>
    Effect.gen(function*() {
      const transport = yield* transportOf(NodeTransportWebSocket.layer({}))
      const address = yield* transport.listen(self("a"), () => Effect.never)
      for (const version of ["8", "14", "13, 8", "x"]) {
        const answer = yield* answerOf(address, { headers: { ...upgrade, "Sec-WebSocket-Version": version } })
        expect(answer).toMatchObject({ status: 426, headers: { "sec-websocket-version": "13" } })
        expect(answer.text).toContain("version")
      }
      expect(yield* answerOf(address)).toMatchObject({
        headers: { upgrade: "websocket" },
        text: "it asked for no WebSocket"
      })
      const browser = yield* answerOf(address, { headers: { ...upgrade, Origin: "https://evil.example" } })
      expect(browser.text).toContain("browser")
    }))

  it.scopedLive("speaks with another client of the same standard: it greets first, and closes in order", () =>
    Effect.gen(function*() {
      const transport = yield* transportOf(NodeTransportWebSocket.layer({}))
      const address = yield* transport.listen(self("a"), () => Effect.never)
      const socket = yield* Socket.makeWebSocket(address.replace(/#.*/, ""), { closeCodeIsError: () => true }).pipe(
        Effect.provide(NodeSocket.layerWebSocketConstructor)
      )
      const greeting = yield* Deferred.make<string>()
      const end = yield* Effect.fork(
        Effect.flip(
          socket.runRaw((data) => Deferred.succeed(greeting, Buffer.from(data as Uint8Array).toString("utf8")))
        )
      )
      expect(yield* Deferred.await(greeting)).toContain("nonce")
      const write = yield* socket.writer
      yield* write(Uint8Array.of(0, 0, 0, 2, 0x7b, 0x7d))
      expect(yield* Effect.timeout(end, "2 minutes")).toMatchObject({ reason: "Close", code: 1_000 })
    }))

  it.scopedLive("answers pings; a broken frame is the end", () =>
    Effect.gen(function*() {
      const transport = yield* transportOf(NodeTransportWebSocket.layer({}))
      const { port } = new URL(yield* transport.listen(self("a"), () => Effect.never))
      const seen: Array<Buffer> = []
      const socket = yield* Effect.acquireRelease(
        Effect.async<Duplex>((resume) => {
          const request = Http.request({ port, path: "/pogo", headers: upgrade })
          request.on("upgrade", (_, socket) => resume(Effect.succeed(socket)))
          request.end()
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      socket.on("error", () => {}).on("data", (data: Buffer) => seen.push(data))
      const has = (bytes: ReadonlyArray<number>) => Buffer.concat(seen).includes(Buffer.from(bytes))
      const until = (condition: () => boolean) =>
        Effect.timeout(Effect.repeat(Effect.sleep("10 millis"), { until: condition }), "2 minutes")
      socket.write(Buffer.from([0x89, 0x82, 0, 0, 0, 0, 0x61, 0x62]))
      yield* until(() => has([0x8a, 0x02, 0x61, 0x62]))
      socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]))
      yield* until(() => socket.destroyed)
      expect(has([0x88, 0x02, 0x03, 0xea])).toBe(true)
    }))

  it.scopedLive("calls another server of the same standard, and says so when that is no node", () =>
    Effect.gen(function*() {
      const server = yield* NodeSocketServer.makeWebSocket({ port: 0, host: "127.0.0.1" })
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.flatMap(
            socket.writer,
            (write) => socket.runRaw(() => {}, { onOpen: Effect.orDie(write(Buffer.from("\0\0\0\u0004null"))) })
          )
        )
      )
      const port = server.address._tag === "TcpAddress" ? server.address.port : 0
      const transport = yield* transportOf(NodeTransportWebSocket.layer({}))
      const failure = yield* Effect.flip(transport.connect(self("b"), `ws://127.0.0.1:${port}/`))
      expect(failure.reason).toContain("no node")
      const web = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer((_, response) => response.writeHead(200).end("hello"))
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const at = web.address()
      const url = `ws://127.0.0.1:${typeof at === "object" ? at?.port : 0}/pogo`
      expect((yield* Effect.flip(transport.connect(self("b"), url))).reason).toContain("HTTP 200")
      const tcp = yield* transportOf(NodeTransportSocket.layer({ authTimeout: "500 millis" }))
      const raw = yield* tcp.listen(self("c"), () => Effect.never)
      const mixed = yield* Effect.flip(transport.connect(self("b"), raw.replace("tcp:", "ws:")))
      expect(mixed._tag).toBe("ConnectFailure")
      expect((yield* Effect.flip(transport.connect(self("b"), raw))).reason).toContain("no address of this transport")
    }))
})

describe("behind a proxy", () => {
  it.scopedLive("that speaks TLS and wants to see a header: the nodes reach each other by its url", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const { certificate, key } = makeCertificate()
      const port = yield* freePort
      const proxy = yield* reverseProxy(port, { key, cert: certificate })
      const options = { secret, trust: certificate, headers: { "X-Api-Key": Redacted.make("let me in") } }
      const url = `wss://127.0.0.1:${proxy.port}/outside/pogo`
      const a = NodeTransportWebSocket.layer({ ...options, port, url })
      yield* nodeOf(registry, "a", a, counterLive(new Notes()))
      const b = yield* nodeOf(registry, "b", NodeTransportWebSocket.layer(options))
      yield* b.pogo.startChild(Counter.spec("x", {}))
      const counters = yield* clientOf(b)
      expect(yield* counters("x").add({ by: 1 })).toBe(1)
      expect(proxy.seen.map(({ url }) => url)).toEqual(["/outside/pogo"])
      expect(proxy.seen[0]!.headers["x-api-key"]).toBe("let me in")
      // Without that authority there is no way.
      const stranger = yield* transportOf(NodeTransportWebSocket.layer({ secret }))
      expect((yield* Effect.flip(stranger.connect(self("c"), url))).reason).toMatch(/certificate/)
    }))

  it.scopedLive("that ends connections and then refuses them: calls are typed, and go on when it takes them again", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const port = yield* freePort
      const proxy = yield* reverseProxy(port)
      const url = `ws://127.0.0.1:${proxy.port}/pogo`
      yield* nodeOf(registry, "a", NodeTransportWebSocket.layer({ secret, port, url }), counterLive(new Notes()))
      const b = yield* nodeOf(registry, "b", NodeTransportWebSocket.layer({ secret }))
      yield* b.pogo.startChild(Counter.spec("x", {}))
      const counters = yield* clientOf(b)
      expect(yield* counters("x").add({ by: 1 })).toBe(1)
      const stream = yield* Effect.fork(Effect.flip(Stream.runDrain(counters("x").ticks({ every: 20 }))))
      const lost = yield* Effect.fork(Effect.flip(counters("x").wait({ millis: 5_000 })))
      yield* Effect.sleep("200 millis")
      proxy.refuse(503)
      proxy.reset()
      expect(yield* lost).toMatchObject({ _tag: "NodeUnreachable", node: "a", mayHaveRun: true })
      expect(yield* stream).toMatchObject({ _tag: "NodeUnreachable" })
      const refused = yield* Effect.flip(counters("x", { timeout: "500 millis" }).add({ by: 1 }))
      expect(refused).toMatchObject({ _tag: "NodeUnreachable", mayHaveRun: false })
      expect(refused.message).toContain("503")
      proxy.refuse(0)
      expect(yield* counters("x").echo("again")).toBe("again")
    }))

  it.scopedLive("that leads to another node than the one that was meant: nobody is called there", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const a = yield* transportOf(NodeTransportWebSocket.layer({ secret, port }))
      const address = yield* a.listen(self("a"), () => Effect.never)
      expect((yield* a.connect(self("c"), address)).remote).toBe("a")
      expect((yield* a.connect(self("c"), address.replace("#a", ""))).remote).toBe("a")
      const failure = yield* Effect.flip(a.connect(self("c"), address.replace("#a", "#b")))
      expect(failure.reason).toContain("node \"a\" answers there")
    }))
})

describe("in a server of the application", () => {
  const url = (port: number) => `ws://127.0.0.1:${port}/inside/pogo`

  it.scopedLive("its other routes go on as they were; while no supervisor listens there is nobody", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const transport = yield* Layer.build(NodeTransportWebSocket.layerMounted({ url: url(port), secret }))
      const { app } = Context.get(transport, NodeTransportWebSocket.Mount)
      const routes = HttpRouter.empty.pipe(
        HttpRouter.get("/inside/pogo", app),
        HttpRouter.get("/health", HttpServerResponse.text("fine"))
      )
      yield* Layer.build(
        HttpServer.serve(routes).pipe(
          Layer.provide(NodeHttpServer.layer(Http.createServer, { port, host: "127.0.0.1" }))
        )
      )
      expect(yield* ask(url(port), { headers: upgrade })).toBe(503)
      const listening = yield* Scope.make()
      const { connect, listen } = Context.get(transport, NodeTransport.NodeTransport)
      const address = yield* Scope.extend(listen(self("a"), (connection) => connection.run(() => {})), listening)
      expect(address).toBe(`${url(port)}#a`)
      const second = yield* Effect.flip(listen(self("b"), () => Effect.void))
      expect(second).toMatchObject({ _tag: "InvalidConfig", setting: "mount" })
      const connection = yield* connect(self("b"), address)
      expect(connection.remote).toBe("a")
      expect(yield* ask(url(port), { headers: { ...upgrade, Origin: "https://evil.example" } })).toBe(403)
      expect(yield* ask(url(port))).toBe(426)
      // A refused upgrade holds no connection.
      const lines = Object.entries({ ...upgrade, Host: "x", Origin: "https://evil.example" }).map(([k, v]) =>
        `${k}: ${v}`
      )
      yield* untilClosed(port, ["GET /inside/pogo HTTP/1.1", ...lines, "", ""].join("\r\n"))
      expect(yield* ask(`http://127.0.0.1:${port}/health`)).toBe(200)
      const ended = yield* Effect.fork(connection.run(() => {}))
      yield* Scope.close(listening, Exit.void)
      expect(yield* Effect.timeout(ended, "2 minutes")).toContain("closed")
      expect(yield* ask(url(port), { headers: upgrade })).toBe(503)
      expect(yield* ask(`http://127.0.0.1:${port}/health`)).toBe(200)
    }))

  it.scopedLive("a stranger there is gone in time too", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const transport = yield* Layer.build(
        NodeTransportWebSocket.layerMounted({ url: url(port), secret, authTimeout: "300 millis", connections: 1 })
      )
      const { app } = Context.get(transport, NodeTransportWebSocket.Mount)
      yield* Layer.build(
        HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.get("/inside/pogo", app))).pipe(
          Layer.provide(NodeHttpServer.layer(Http.createServer, { port, host: "127.0.0.1" }))
        )
      )
      const { connect, listen } = Context.get(transport, NodeTransport.NodeTransport)
      const address = yield* listen(self("a"), () => Effect.never)
      const stranger = yield* streamTo(address)
      const gone = Effect.async<void>((resume) => void stranger.resume().once("close", () => resume(Effect.void)))
      expect((yield* Effect.flip(connect(self("b"), address)))._tag).toBe("ConnectFailure")
      yield* Effect.timeout(gone, "2 minutes")
      // One of ours has as little time to greet: on a busy machine it may take more than one try.
      const belongs = Effect.retry(connect(self("b"), address), { times: 100 })
      expect((yield* belongs).remote).toBe("a")
    }))
})

describe("options of NodeTransportWebSocket", () => {
  const refused = (options: NodeTransportWebSocket.Options) =>
    Effect.flip(Effect.scoped(Layer.build(NodeTransportWebSocket.layer(options))))

  it.effect("are checked, and name what is wrong without showing a secret", () =>
    Effect.gen(function*() {
      expect(yield* refused({ host: "0.0.0.0" })).toMatchObject({ _tag: "InvalidConfig", setting: "host" })
      expect(yield* refused({ secret: "short" })).toMatchObject({ setting: "secret" })
      expect(yield* refused({ trust: "ca.pem" })).toMatchObject({ setting: "trust" })
      expect(yield* refused({ path: "pogo" })).toMatchObject({ setting: "path" })
      expect(yield* refused({ path: "/pogo?x" })).toMatchObject({ setting: "path" })
      expect(yield* refused({ headers: { "a b": "c" } })).toMatchObject({ setting: "headers", value: "a b" })
      expect(yield* refused({ headers: { a: "line\nbreak" } })).toMatchObject({ setting: "headers", value: "a" })
      for (const url of ["http://x/", "x", "ws://x/#y", "wss://user:password@x/"]) {
        const error = yield* refused({ url })
        expect(error).toMatchObject({ _tag: "InvalidConfig", setting: "url" })
        expect(error.message).not.toContain("password@")
      }
      const open = Layer.build(NodeTransportWebSocket.layerMounted({ url: "ws://x/" }))
      expect(yield* Effect.flip(Effect.scoped(open))).toMatchObject({ _tag: "InvalidConfig", setting: "secret" })
    }))

  it.scopedLive("what is advertised is what is told", () =>
    Effect.gen(function*() {
      const told = (options: NodeTransportWebSocket.Options) =>
        Effect.flatMap(transportOf(NodeTransportWebSocket.layer(options)), ({ listen }) =>
          listen(self("a b"), () => Effect.void))
      expect(yield* told({ advertise: "node-a.example:5" })).toBe("ws://node-a.example:5/pogo#a%20b")
      expect(yield* told({ advertise: "[::1]:5", path: "/p" })).toBe("ws://[::1]:5/p#a%20b")
      expect(yield* told({ url: "wss://x.example/a", path: "/p" })).toBe("wss://x.example/a#a%20b")
    }))
})
