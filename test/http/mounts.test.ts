/**
 * The interface where users put it: a server of its own, a path of their router, handlers of web-standard requests, and
 * Node's own server.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { GroupRegistry, Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { createServer } from "node:http"
import { answer } from "../../examples/web-servers/answer.js"
import { serveFor, vaults } from "./scene.js"
import { send } from "./support.js"

const serveRoutes = (pogo: Pogo.Service, routes: Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo.Pogo>) =>
  serveFor(pogo, HttpLayerRouter.serve(routes, { disableListenLog: true, disableLogger: true }))

/** Reads a stream of events. */
const watch = (url: string) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    const more = async (): Promise<boolean> => {
      const { done, value } = await reader.read()
      text += value ?? ""
      return !done
    }
    return {
      type: response.headers.get("content-type"),
      /** All up to something that is waited for, or up to the end. */
      until: (part: string | undefined) =>
        Effect.promise(async () => {
          for (;;) {
            if (part !== undefined && text.includes(part)) return text
            if (!(await more())) return text
          }
        }),
      stop: Effect.promise(() => reader.cancel())
    }
  })

describe("mounted", () => {
  it.scopedLive("below a path of a router, beside other routes", () =>
    Effect.gen(function*() {
      const pogo = yield* vaults
      const url = yield* serveRoutes(
        pogo,
        Layer.mergeAll(
          PogoHttp.mount("/ops/pogo/"),
          HttpLayerRouter.add("GET", "/", HttpServerResponse.text("mine")),
          PogoHttp.health({ supervisor: Layer.succeed(Pogo.Pogo, pogo) })
        )
      )
      expect(yield* send(url)).toMatchObject({ status: 200, text: "mine" })
      expect(yield* send(`${url}/livez`)).toMatchObject({ status: 200 })
      expect(yield* send(`${url}/ops/pogo/livez`)).toMatchObject({ status: 200 })
      expect((yield* send(`${url}/ops/pogo/api/about`)).text).toContain("\"vaults\"")
      expect((yield* send(`${url}/ops/pogo/api/children?q=kind:Vault`)).text).toContain("Vault/a")
      expect((yield* send(`${url}/ops/pogo/metrics`)).text).toContain("pogo_children{")
      // The page's own paths are relative: without the slash they would lead elsewhere.
      const short = yield* send(`${url}/ops/pogo`)
      expect([short.status, short.headers["location"]]).toEqual([308, "./pogo/"])
      expect(new URL(short.headers["location"]!, `${url}/ops/pogo`).pathname).toBe("/ops/pogo/")
      expect((yield* send(`${url}/ops/pogo/nothing`)).text).toContain("\"NotFound\"")
      expect((yield* send(`${url}/ops/pogox/api/about`)).status).toBe(404)
    }))

  it.scopedLive("several times in one process, each for its own callers", () =>
    Effect.gen(function*() {
      const pogo = yield* vaults
      const authorize = PogoHttp.tokens({ alice: Redacted.make("t") })
      const url = yield* serveRoutes(
        pogo,
        Layer.merge(PogoHttp.mount("/open"), PogoHttp.mount("/closed", { authorize, actions: "all" }))
      )
      expect((yield* send(`${url}/open/api/about`)).text).toContain("\"actions\":[]")
      expect((yield* send(`${url}/closed/api/about`)).status).toBe(401)
      const headers = { authorization: "Bearer t" }
      expect((yield* send(`${url}/closed/api/about`, { headers })).text).toContain("\"restart\"")
    }))

  it.scopedLive("for a further supervisor of the process, by its tag", () =>
    Effect.gen(function*() {
      class Billing extends Pogo.Tag("test/Billing")<Billing>() {}
      const routes = Layer.mergeAll(
        PogoHttp.mount("/pogo"),
        Layer.provide(PogoHttp.mount("/billing"), Layer.effect(Pogo.Pogo, Billing))
      )
      const billing = Pogo.layer({ scope: "billing", supervisor: Billing }).pipe(
        Layer.provide(Layer.fresh(GroupRegistry.layerMemory))
      )
      const url = yield* serveFor(
        yield* vaults,
        HttpLayerRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
          Layer.provide(billing),
          Layer.orDie
        )
      )
      expect((yield* send(`${url}/pogo/api/about`)).text).toContain("\"scope\":\"vaults\"")
      expect((yield* send(`${url}/billing/api/about`)).text).toContain("\"scope\":\"billing\"")
    }))

  it.scopedLive("as a handler of web-standard requests, which tell no address by themselves", () =>
    Effect.gen(function*() {
      const pogo = yield* vaults
      const { dispose, handler } = yield* PogoHttp.toWebHandler({ path: "/pogo", actions: "all" }).pipe(
        Effect.provideService(Pogo.Pogo, pogo)
      )
      const ask = (path: string, init?: RequestInit, info?: { readonly remoteAddress?: string }) =>
        Effect.promise(async () => {
          const response = await handler(new Request(`http://localhost${path}`, init), info)
          return [response.status, await response.text()] as const
        })
      const here = { remoteAddress: "::1" }
      expect((yield* ask("/pogo/api/about"))[0]).toBe(403)
      expect((yield* ask("/pogo/api/about", {}, { remoteAddress: "10.0.0.1" }))[0]).toBe(403)
      expect(yield* ask("/pogo/api/about", {}, here)).toMatchObject([200, expect.stringContaining("vaults")])
      expect((yield* ask("/pogo?x", {}, here))[0]).toBe(308)
      expect((yield* ask("/pogox/api/about", {}, here))[0]).toBe(404)
      const post = (body: string, type = "application/json"): RequestInit => ({
        method: "POST",
        body,
        headers: { "content-type": type, "sec-fetch-site": "same-origin" }
      })
      const spec = JSON.stringify({ kind: "Vault", key: "w", payload: { secret: "x" } })
      expect((yield* ask("/pogo/api/children", post(spec), here))[0]).toBe(200)
      // Such a body comes without a length, and is bounded all the same.
      expect((yield* ask("/pogo/api/act", post(`"${"x".repeat(70_000)}"`), here))[0]).toBe(413)
      const watching = yield* Effect.promise(() => handler(new Request("http://localhost/pogo/api/changes"), here))
      const reader = watching.body!.getReader()
      yield* Effect.promise(() => reader.read())
      yield* Effect.promise(dispose)
      const end = Effect.promise(async () => {
        while (!(await reader.read()).done);
      })
      yield* end
    }))

  it.scopedLive("in Node's own server", () =>
    Effect.gen(function*() {
      const pogo = yield* vaults
      const { dispose, handler } = yield* PogoHttp.toWebHandler({ path: "/pogo" }).pipe(
        Effect.provideService(Pogo.Pogo, pogo)
      )
      const server = createServer((incoming, outgoing) => void answer(handler, incoming, outgoing, incoming.url ?? "/"))
      const url = yield* Effect.acquireRelease(
        Effect.async<string>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`))
          })
        }),
        () =>
          Effect.promise(async () => {
            await dispose()
            server.closeAllConnections()
            server.close()
          })
      )
      expect((yield* send(`${url}/pogo/api/about`)).text).toContain("\"vaults\"")
      expect((yield* send(`${url}/pogo/api/about`, { headers: { host: "evil.example" } })).status).toBe(403)
      expect((yield* send(`${url}/pogo/api/about`, { headers: { "x-forwarded-for": "::1" } })).status).toBe(403)
      const watching = yield* watch(`${url}/pogo/api/changes`)
      expect(watching.type).toBe("text/event-stream")
      const text = yield* watching.until("event: change\ndata: ")
      yield* watching.stop
      expect(text).toMatch(/^: welcome\n\nevent: change\ndata: \{"at":"[^"]*","failed":0,"ready":true\b/)
    }))

  it.scopedLive("streams what happens on all nodes, and ends with the server", () =>
    Effect.gen(function*() {
      const pogo = yield* vaults
      const watching = yield* Effect.scoped(
        Effect.gen(function*() {
          const url = yield* serveFor(pogo, PogoHttp.layer())
          const watching = yield* watch(`${url}/api/stream`)
          // What happens before the feed reads is not told.
          yield* Effect.race(
            watching.until("\"restarted\""),
            Effect.forever(Effect.zipRight(pogo.restartChild("Vault/a"), Effect.sleep("100 millis")))
          )
          return watching
        })
      )
      const text = yield* watching.until(undefined)
      expect(text).toMatch(/\nid: \d+\nevent: entry\ndata: \{"at":".*"what":"restarted".*\}\n\n/)
    }))
})
