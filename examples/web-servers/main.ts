/**
 * A service that has a web server already, and serves the page and the interface of its supervisor with it:
 *
 *     POGO_TOKEN=... PORT=3000 npx tsx examples/web-servers/main.ts express|fastify|hono
 *
 * It ends in order at SIGTERM: first those who watch, then the server, then the children.
 */
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { serveExpress } from "./express.js"
import { serveFastify } from "./fastify.js"
import { serveHono } from "./hono.js"

const servers = new Map([["express", serveExpress], ["fastify", serveFastify], ["hono", serveHono]])

const Poller = Child.make("Poller", { payload: {} })

const AppLive = Poller.toLayer(() => Effect.never).pipe(
  Layer.provideMerge(Pogo.layerMemory({ name: "web-1", children: [Poller.spec("a", {}), Poller.spec("b", {})] }))
)

const [name = "express"] = process.argv.slice(2)
const { POGO_TOKEN: token, PORT: port = "3000" } = process.env
const serve = servers.get(name)
if (serve === undefined) throw new Error(`there are examples for ${[...servers.keys()].join(", ")}, not for ${name}`)
if (token === undefined) throw new Error("POGO_TOKEN is the token of whoever may look and act; give a long random text")

const runtime = ManagedRuntime.make(AppLive)
const { dispose, handler } = await runtime.runPromise(
  PogoHttp.toWebHandler({
    path: "/pogo",
    actions: ["restart"],
    authorize: PogoHttp.tokens({ ops: Redacted.make(token) })
  })
)
const server = await serve(handler, Number(port))
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/pogo/`)

await once(process, "SIGTERM")
await dispose()
server.close()
// Those who have not read the end of their streams by then.
setTimeout(() => server.closeAllConnections(), 2_000).unref()
await once(server, "close")
await runtime.dispose()
