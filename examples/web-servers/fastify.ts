/** The page and the interface below `/pogo` of a Fastify app. */
import type { WebHandler } from "effect-pogo/PogoHttp"
import { fastify, type FastifyReply, type FastifyRequest } from "fastify"
import type { Server } from "node:http"
import { answer } from "./answer.js"

/** Serves a handler that is made with the path `/pogo`. */
export const serveFastify = async (handler: WebHandler["handler"], port: number): Promise<Server> => {
  const app = fastify()
  const respond = ({ raw }: FastifyRequest, reply: FastifyReply) => {
    reply.hijack()
    void answer(handler, raw, reply.raw, raw.url ?? "/")
  }
  // A plugin has parsers of its own: here none, since the interface reads bodies itself, within bounds.
  await app.register((plugin, _options, done) => {
    plugin.removeAllContentTypeParsers()
    plugin.addContentTypeParser("*", (_request, _body, parsed) => parsed(null))
    plugin.all("/pogo", respond)
    plugin.all("/pogo/*", respond)
    done()
  })
  app.post("/echo", (request) => request.body)
  await app.listen({ port, host: "127.0.0.1" })
  return app.server
}
