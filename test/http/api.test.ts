/**
 * The interface as data: what OpenAPI says of it, what it answers, and the client that is derived from it.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { type JsonSchema, misfits } from "./jsonSchema.js"
import { logged, open, serveFor, Vault } from "./scene.js"
import { ask, post, send } from "./support.js"

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema: JsonSchema }>> }>>
}

interface OpenApiPage {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

const pageOf = (url: string) => Effect.map(send(`${url}/openapi.json`), ({ text }) => JSON.parse(text) as OpenApiPage)

/** What an answer has that the page does not tell of. */
const differs = (page: OpenApiPage, method: string, path: string, status: number, text: string) => {
  const schema = page.paths[path]?.[method]?.responses[status]?.content["application/json"]?.schema
  return schema === undefined
    ? [`${method} ${path}: ${status} is not told of`]
    : misfits(JSON.parse(text), schema, page.components.schemas)
}

describe("the interface", () => {
  it.scopedLive("answers as OpenAPI says, refusals as well", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ actions: "all", payload: true })
      const page = yield* pageOf(url)
      expect(page.openapi).toMatch(/^3\.1/)
      const asked: ReadonlyArray<readonly [string, number]> = [
        ["/api/about", 200],
        ["/api/overview", 200],
        ["/api/children", 200],
        ["/api/children?q=kind:Vault&sort=-id&offset=0&limit=1", 200],
        ["/api/children?q=nonsense:x", 200],
        ["/api/children?limit=x", 400],
        ["/api/child?id=Vault/a", 200],
        ["/api/child?id=Vault/none", 404],
        ["/api/node?name=n1", 200],
        ["/api/node?name=none", 404],
        ["/api/events", 200],
        ["/api/suggest?q=sta&where=children", 200],
        ["/api/history?limit=5", 200],
        ["/api/history?id=x", 400],
        ["/api/nodes", 200],
        ["/api/directives", 200]
      ]
      for (const [path, status] of asked) {
        const answer = yield* send(url + path)
        expect([path, answer.status]).toEqual([path, status])
        expect(differs(page, "get", path.replace(/\?.*/, ""), status, answer.text)).toEqual([])
      }
      const done: ReadonlyArray<readonly [string, string, unknown, number]> = [
        ["post", "/api/children", { kind: "Vault", key: "c", payload: { secret: "x" } }, 200],
        ["post", "/api/children", { kind: "Vault", key: "c", payload: { secret: "y" } }, 409],
        ["post", "/api/children", { kind: "Va/ult", key: "c" }, 400],
        ["put", "/api/children", { kind: "Vault", key: "c", payload: { secret: "y" } }, 200],
        ["put", "/api/children", { kind: "Vault", key: "none" }, 404],
        ["post", "/api/reconcile", { kind: "Vault", specs: [{ kind: "Vault", key: "d" }] }, 200],
        ["post", "/api/preview", { action: "restart", ids: ["Vault/a"] }, 200],
        ["post", "/api/preview", { action: "drain", ids: ["n1"] }, 200],
        ["post", "/api/preview", { action: "restart", query: "kind:Vault" }, 200],
        ["post", "/api/plan", { drain: ["n1"], add: [{ name: "n9", weight: 2, labels: { zone: "b" } }] }, 200],
        ["post", "/api/plan", { remove: ["nobody"] }, 404],
        ["post", "/api/plan", { add: [{ name: "n1" }] }, 400],
        ["post", "/api/plan", { add: [{ name: "n9", weight: 0 }] }, 400],
        ["post", "/api/act", { action: "restart", ids: ["Vault/a"], reason: "a test" }, 200],
        ["post", "/api/act", { action: "cordon", ids: ["n1"] }, 200],
        ["post", "/api/act", { action: "restart" }, 400],
        ["post", "/api/act", { action: "restart", ids: ["Vault/none"] }, 404]
      ]
      for (const [method, path, body, status] of done) {
        const answer = yield* post(url + path, body, {}, method.toUpperCase())
        expect([method, path, answer.status, answer.text]).toEqual([method, path, status, answer.text])
        expect(differs(page, method, path, status, answer.text)).toEqual([])
      }
    }))

  it.scopedLive("tells of every path, of streams as well, and of no form but its own", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const page = yield* pageOf(url)
      expect(
        Object.entries(page.paths).flatMap(([path, methods]) => Object.keys(methods).map((one) => `${one} ${path}`))
          .sort()
      )
        .toEqual([
          "get /api/about",
          "get /api/changes",
          "get /api/child",
          "get /api/children",
          "get /api/directives",
          "get /api/events",
          "get /api/history",
          "get /api/node",
          "get /api/nodes",
          "get /api/overview",
          "get /api/stream",
          "get /api/suggest",
          "post /api/act",
          "post /api/children",
          "post /api/plan",
          "post /api/preview",
          "post /api/reconcile",
          "put /api/children"
        ])
      const text = JSON.stringify(page)
      expect(text).not.toContain("HttpApiDecodeError")
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]*)"/g)) {
        expect(page.components.schemas).toHaveProperty(name!)
      }
    }))

  it.scopedLive("a dry run of a reconcile takes a long list, and changes nothing", () =>
    Effect.gen(function*() {
      const { pogo, url } = yield* open({ actions: ["reconcile"] })
      const specs = Array.from({ length: 2_000 }, (_, i) => ({ kind: "Vault", key: `k${i}`, payload: { secret: "x" } }))
      const answer = yield* post(`${url}/api/reconcile`, { kind: "Vault", specs })
      expect(answer.status).toBe(200)
      const plan = JSON.parse(answer.text) as {
        readonly create: ReadonlyArray<unknown>
        terminate: ReadonlyArray<unknown>
      }
      expect([plan.create.length, plan.terminate.length]).toEqual([2_000, 2])
      expect((yield* pogo.countChildren).specs).toBe(2)
    }))

  it.scopedLive("starts and replaces children for whom it is allowed, and says so in the log", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { pogo, url } = yield* open({ actions: ["start", "replace"], authorize: () => "alice" })
        const token = Redacted.make("any")
        const client = yield* PogoHttp.client(url, { token })
        const payload = { kind: "Vault", key: "new", payload: { secret: "x" } }
        expect(yield* client.startChild({ payload })).toMatchObject({ result: "Created", id: "Vault/new" })
        expect(yield* client.startChild({ payload })).toMatchObject({ result: "AlreadyStarted" })
        yield* pogo.awaitChild(Vault.id("new"))
        yield* client.startChild({ payload: { ...payload, key: "told", reason: "a new door" } })
        yield* client.replaceChild({ payload: { ...payload, key: "told", reason: "a new lock" } })
        const readOnly = yield* PogoHttp.client(yield* serveFor(pogo, PogoHttp.layer()))
        const refused = yield* Effect.flip(readOnly.replaceChild({ payload }))
        expect(refused).toMatchObject({ _tag: "Forbidden", message: "localhost may not replace here." })
        expect(lines.filter((line) => line.includes("HTTP: "))).toEqual([
          "INFO HTTP: \"alice\" asked to start \"Vault/new\": Created",
          "INFO HTTP: \"alice\" asked to start \"Vault/new\": AlreadyStarted",
          "INFO HTTP: \"alice\" asked to start \"Vault/told\" (\"a new door\"): Created",
          "INFO HTTP: \"alice\" asked to replace \"Vault/told\" (\"a new lock\"): Replaced"
        ])
        const told = (yield* pogo.history()).filter(({ by }) => by === "alice")
        expect(told.map(({ id, note, what }) => [what, id, note])).toEqual([
          ["registered", "Vault/new", undefined],
          ["registered", "Vault/told", "a new door"],
          ["replaced", "Vault/told", "a new lock"]
        ])
      }).pipe(Effect.provide(FetchHttpClient.layer))
    ))

  it.scopedLive("has a typed client, whose answers have dates and bigints", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ actions: "all" })
      const client = yield* PogoHttp.client(url)
      const { rows, total } = yield* client.children({ urlParams: { q: "kind:Vault", sort: "id" } })
      expect([total, rows.map(({ id }) => id)]).toEqual([2, ["Vault/a", "Vault/b"]])
      expect(rows[0]?.token).toBeTypeOf("bigint")
      expect(rows[0]?.since).toBeInstanceOf(Date)
      const entries = yield* client.history({ urlParams: { id: "Vault/a" } })
      expect(entries.map(({ what }) => what)).toContain("claimed")
      const missing = yield* Effect.flip(client.child({ urlParams: { id: "Vault/none" } }))
      expect(missing).toBeInstanceOf(Object)
      expect(missing).toMatchObject({ _tag: "NotFound", error: "NotFound" })
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.scopedLive("answers HEAD as GET, without a body", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      for (const path of ["/api/about", "/openapi.json", "/api/changes"]) {
        expect(yield* ask(url + path, { method: "HEAD" })).toMatchObject({ status: 200, text: "" })
      }
    }))
})
