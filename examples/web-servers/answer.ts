/**
 * Answers requests of Node's own servers, which Express and Fastify are made of, by a handler of web-standard requests.
 */
import type { WebHandler } from "effect-pogo/PogoHttp"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

const toRequest = (incoming: IncomingMessage, url: string): Request => {
  const { headers, method = "GET" } = incoming
  const hasBody = method !== "GET" && method !== "HEAD"
  // The interface looks at the Host header itself: what stands in it need not make a URL.
  return new Request(`http://localhost${url}`, {
    method,
    headers: Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one])
    ),
    ...(hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {})
  })
}

/** Answers a request. `url`: path and query as they were asked for, with what the handler is mounted at. */
export const answer = async (
  handler: WebHandler["handler"],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  url: string
): Promise<void> => {
  try {
    const { remoteAddress } = incoming.socket
    const response = await handler(toRequest(incoming, url), { remoteAddress })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    // Other than `pipe`, a pipeline ends a stream of events when whoever reads it has gone.
    if (response.body === null) outgoing.end()
    else await pipeline(Readable.fromWeb(response.body), outgoing)
  } catch {
    // No request of the web's, such as TRACE; or whoever asked has gone, and is told nothing.
    if (outgoing.headersSent) outgoing.destroy()
    else outgoing.writeHead(400, { connection: "close" }).end()
  }
}
