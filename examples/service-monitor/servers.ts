/**
 * Services to be monitored, served on loopback under free ports: some that work, and some that do not always.
 */
import { Effect, Schema, type Scope } from "effect"
import { createServer as createHttpServer, type RequestListener } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net"

export const Service = Schema.Struct({
  name: Schema.String,
  protocol: Schema.Literal("http", "tcp"),
  behaviour: Schema.Literal("steady", "slow", "flaky", "outages"),
  /** How often it is checked. Milliseconds in the file. */
  every: Schema.DurationFromMillis
})

type Behaviour = typeof Service.Type["behaviour"]

/** Out of order for two seconds of every seven. */
const isOut = (since: number): boolean => (Date.now() - since) % 7_000 >= 5_000

/** How each behaviour answers its n-th request: after how long, and with which status. */
const answer = (
  behaviour: Behaviour,
  n: number,
  since: number
): { readonly after: number; readonly status: number } => {
  switch (behaviour) {
    case "steady":
      return { after: 0, status: 200 }
    case "slow":
      return { after: 400, status: 200 }
    case "flaky":
      return { after: 0, status: n % 3 === 0 ? 500 : 200 }
    case "outages":
      return { after: 0, status: isOut(since) ? 503 : 200 }
  }
}

const respond = (behaviour: Behaviour): RequestListener => {
  const since = Date.now()
  let n = 0
  return (_, response) => {
    const { after, status } = answer(behaviour, ++n, since)
    setTimeout(() => response.writeHead(status).end(), after)
  }
}

const listen = (server: Server): Effect.Effect<number> =>
  Effect.async((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

/** Serves one service until the scope is closed, and tells its URL. */
export const serve = ({ behaviour, protocol }: typeof Service.Type): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const http = protocol === "http" ? createHttpServer(respond(behaviour)) : undefined
    const server: Server = http ?? createTcpServer((socket) => socket.on("error", () => {}).end())
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        http?.closeAllConnections()
      })
    )
    return `${protocol}://127.0.0.1:${yield* listen(server)}`
  })
