/** The page and the interface below `/pogo` of an Express app. */
import type { WebHandler } from "effect-pogo/PogoHttp"
import express from "express"
import { once } from "node:events"
import type { Server } from "node:http"
import { answer } from "./answer.js"

/** Serves a handler that is made with the path `/pogo`. */
export const serveExpress = async (handler: WebHandler["handler"], port: number): Promise<Server> => {
  const app = express()
  // Before any parser of bodies: the interface reads them itself, within bounds.
  app.use("/pogo", (request, response) => void answer(handler, request, response, request.originalUrl))
  app.use(express.json())
  app.post("/echo", (request, response) => void response.json(request.body))
  const server = app.listen(port, "127.0.0.1")
  await once(server, "listening")
  return server
}
