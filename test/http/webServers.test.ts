/**
 * The examples of Express, Fastify and Hono, each by real sockets: below their path, beside the server's own routes.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { type AddressInfo, createConnection } from "node:net"
import { serveExpress } from "../../examples/web-servers/express.js"
import { serveFastify } from "../../examples/web-servers/fastify.js"
import { serveHono } from "../../examples/web-servers/hono.js"
import { eventually } from "../support/registryLive.js"
import { vaults } from "./scene.js"
import { post, send } from "./support.js"

const servers = [["Express", serveExpress], ["Fastify", serveFastify], ["Hono", serveHono]] as const

const headers = { authorization: "Bearer t" }

/** A node behind a server. One at a time may watch it. */
const serve = (by: typeof servers[number][1]) =>
  Effect.gen(function*() {
    const pogo = yield* vaults
    const { dispose, handler } = yield* PogoHttp.toWebHandler({
      path: "/pogo",
      actions: "all",
      authorize: PogoHttp.tokens({ alice: Redacted.make("t") }),
      maxWatchers: 1
    }).pipe(Effect.provideService(Pogo.Pogo, pogo))
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => by(handler, 0)),
      (server) =>
        Effect.promise(async () => {
          await dispose()
          server.close()
          server.closeAllConnections()
        })
    )
    const { port } = server.address() as AddressInfo
    return { pogo, port, dispose, url: `http://127.0.0.1:${port}` }
  })

/** Opens a stream of events; the status, what has come so far, and the end of it. */
const watch = (url: string) =>
  Effect.promise(async () => {
    const leaving = new AbortController()
    const response = await fetch(url, { headers, signal: leaving.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    return {
      status: response.status,
      /** Up to something that is waited for, or to the end. */
      until: (part?: string) =>
        Effect.promise(async () => {
          for (;;) {
            if (part !== undefined && text.includes(part)) return text
            const { done, value } = await reader.read()
            if (done) return text
            text += value
          }
        }),
      leave: Effect.sync(() => leaving.abort())
    }
  })

/** Sends bytes as they are; what comes back until the end of the connection. */
const sendRaw = (port: number, text: string, hangUp = false) =>
  Effect.async<string>((resume) => {
    let answer = ""
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.write(text)
      if (hangUp) setImmediate(() => socket.destroy())
    })
    socket.on("data", (part) => (answer += part.toString()))
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })

describe.each(servers)("%s", (_, by) => {
  it.scopedLive("serves page and interface below a path, and leaves the rest to its own routes", () =>
    Effect.gen(function*() {
      const { pogo, url } = yield* serve(by)
      const short = yield* send(`${url}/pogo`, { headers })
      expect([short.status, short.headers["location"]]).toEqual([308, "./pogo/"])
      // Where the page is not built it says so at its place.
      expect((yield* send(`${url}/pogo/`, { headers })).text).toMatch(/^<!doctype html>|The dashboard is not here/i)
      expect(yield* send(`${url}/pogo/livez`)).toMatchObject({ status: 200 })
      expect((yield* send(`${url}/pogo/api/about`)).status).toBe(401)
      expect((yield* send(`${url}/pogo/api/children?q=kind:Vault`, { headers })).text).toContain("Vault/a")
      const missing = yield* send(`${url}/pogo/nothing`, { headers })
      expect([missing.status, missing.headers["content-security-policy"]]).toEqual([404, expect.any(String)])
      const elsewhere = yield* send(`${url}/pogox/livez`, { headers })
      expect([elsewhere.status, elsewhere.text.includes("\"remedy\"")]).toEqual([404, false])
      expect(yield* post(`${url}/echo`, { mine: 1 })).toMatchObject({ status: 200, text: "{\"mine\":1}" })
      const before = yield* Effect.flatten(pogo.getChild("Vault/a"))
      const acted = yield* send(`${url}/pogo/api/act`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ action: "restart", ids: ["Vault/a"], reason: "mended" })
      })
      expect(acted).toMatchObject({ status: 200, text: expect.stringContaining("\"ok\":true") })
      expect((yield* Effect.flatten(pogo.getChild("Vault/a"))).generation).toBeGreaterThan(before.generation)
      const [told] = (yield* pogo.history("Vault/a")).filter(({ what }) => what === "restarted")
      expect(told).toMatchObject({ by: "alice", note: "mended" })
    }))

  it.scopedLive("bounds bodies, and outlives what is no request of the web's", () =>
    Effect.gen(function*() {
      const { port, url } = yield* serve(by)
      const long = JSON.stringify({ action: "restart", ids: ["x".repeat(70_000)] })
      expect(yield* post(`${url}/pogo/api/act`, JSON.parse(long), headers)).toMatchObject({ status: 413 })
      const chunked = `POST /pogo/api/act HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n` +
        `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n` +
        `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`
      expect(yield* sendRaw(port, chunked)).toMatch(/^HTTP\/1\.1 413 /)
      expect(yield* sendRaw(port, "TRACE /pogo/api/about HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        .toMatch(/^HTTP\/1\.1 4\d\d /)
      const host = (name: string) =>
        `GET /pogo/livez HTTP/1.1\r\nHost: ${name}\r\nAuthorization: Bearer t\r\nConnection: close\r\n\r\n`
      expect(yield* sendRaw(port, host("[::"))).toMatch(/^HTTP\/1\.1 /)
      // Gone in the midst of a body.
      yield* sendRaw(port, chunked.slice(0, 400), true)
      yield* sendRaw(port, host("localhost"), true)
      expect(yield* send(`${url}/pogo/livez`)).toMatchObject({ status: 200 })
    }))

  it.scopedLive("streams events for as long as somebody reads them", () =>
    Effect.gen(function*() {
      const { dispose, url } = yield* serve(by)
      const first = yield* watch(`${url}/pogo/api/changes`)
      expect(yield* first.until("event: change\ndata: ")).toMatch(/^: welcome\n\n/)
      expect((yield* send(`${url}/pogo/api/changes`, { headers })).status).toBe(503)
      yield* first.leave
      // The one seat is free again, though no event was written meanwhile.
      const last = yield* eventually(watch(`${url}/pogo/api/changes`), ({ status }) => status === 200)
      yield* Effect.promise(dispose)
      expect(yield* last.until()).toContain(": welcome")
    }))
})
