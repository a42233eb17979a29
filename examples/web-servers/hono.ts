/** The page and the interface below `/pogo` of a Hono app. */
import { serve } from "@hono/node-server"
import { getConnInfo } from "@hono/node-server/conninfo"
import type { WebHandler } from "effect-pogo/PogoHttp"
import { Hono } from "hono"
import { once } from "node:events"
import type { Server } from "node:http"

/** Serves a handler that is made with the path `/pogo`. */
export const serveHono = async (handler: WebHandler["handler"], port: number): Promise<Server> => {
  const app = new Hono()
  app.all("/pogo/*", (c) => handler(c.req.raw, { remoteAddress: getConnInfo(c).remote.address }))
  app.post("/echo", async (c) => c.json(await c.req.json()))
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }) as Server
  await once(server, "listening")
  return server
}
