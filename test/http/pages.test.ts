/**
 * The files of the dashboard: found by their names alone, sent once, and told apart by their content.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { findDashboard, Pages } from "../../src/internal/http/pages.js"

const files = {
  "index.html": "<!doctype html><title>pogo</title>",
  "app.js": "// code\n".repeat(500),
  "app-3f9a81c2.css": "body{}"
}

/** A folder with a dashboard in it. */
const built = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "pogo-pages-"))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    mkdirSync(join(folder, "deeper"))
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const request = (headers: Record<string, string> = {}) =>
  HttpServerRequest.fromWeb(new Request("http://localhost/", { headers }))

const bytesOf = ({ body }: HttpServerResponse.HttpServerResponse) =>
  Buffer.from(body._tag === "Uint8Array" ? body.body : [])

describe("pages", () => {
  it.scoped("are sent with their types, compressed for whoever takes that", () =>
    Effect.gen(function*() {
      const pages = new Pages(yield* built)
      const page = yield* pages.serve("/", request())
      expect([page.status, page.body.contentType, bytesOf(page).toString()]).toEqual([
        200,
        "text/html; charset=utf-8",
        files["index.html"]
      ])
      const code = yield* pages.serve("/app.js", request({ "accept-encoding": "br, gzip;q=0.8" }))
      expect(code.headers["content-encoding"]).toBe("gzip")
      expect(bytesOf(code).length).toBeLessThan(200)
      expect(gunzipSync(bytesOf(code)).toString()).toBe(files["app.js"])
      for (const coding of ["", "br", "gzip;q=0"]) {
        const plain = yield* pages.serve("/app.js", request({ "accept-encoding": coding }))
        expect([plain.headers["content-encoding"], plain.headers["vary"]]).toEqual([undefined, "accept-encoding"])
        expect(bytesOf(plain).toString()).toBe(files["app.js"])
      }
    }))

  it.scoped("are not sent again to whoever has them, until they change", () =>
    Effect.gen(function*() {
      const folder = yield* built
      const pages = new Pages(folder)
      const { headers } = yield* pages.serve("/app.js", request())
      const etag = headers["etag"]!
      expect(headers["cache-control"]).toBe("no-cache")
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
        const again = yield* pages.serve("/app.js", request({ "if-none-match": known }))
        expect([again.status, again.headers["etag"], bytesOf(again).length]).toEqual([304, etag, 0])
      }
      writeFileSync(join(folder, "app.js"), "other")
      utimesSync(join(folder, "app.js"), new Date(), new Date(Date.now() + 5_000))
      const newer = yield* pages.serve("/app.js", request({ "if-none-match": etag }))
      expect([newer.status, bytesOf(newer).toString()]).toEqual([200, "other"])
      const hashed = yield* pages.serve("/app-3f9a81c2.css", request())
      expect(hashed.headers["cache-control"]).toBe("public, max-age=31536000, immutable")
    }))

  it.scoped("are those of one folder, and nothing else", () =>
    Effect.gen(function*() {
      const folder = yield* built
      const pages = new Pages(join(folder))
      for (
        const path of [
          "/../app.js",
          "/deeper/../app.js",
          `/${folder}/app.js`,
          "/APP.JS",
          "/app.js/",
          "/.",
          "/..",
          "/deeper/x"
        ]
      ) {
        expect(yield* Effect.flip(pages.serve(path, request()))).toMatchObject({ message: "There is no such page." })
      }
    }))

  it.scoped("have no icon, which is no error", () =>
    Effect.gen(function*() {
      const icon = yield* new Pages(yield* built).serve("/favicon.ico", request())
      expect(icon.status).toBe(204)
    }))

  it.scoped("say so when they are not built", () =>
    Effect.gen(function*() {
      const folder = yield* built
      rmSync(join(folder, "index.html"))
      for (const pages of [new Pages(folder), new Pages(join(folder, "none"))]) {
        const refused = yield* Effect.flip(pages.serve("/", request()))
        expect(refused).toMatchObject({ error: "NotFound", remedy: expect.stringContaining("npm run build") })
      }
    }))

  it.scoped("are looked for in this package, and in nobody else's", () =>
    Effect.gen(function*() {
      const folder = yield* built
      const inside = join(folder, "node_modules", "effect-pogo", "dist", "internal", "hash.js")
      expect(findDashboard()).toMatch(/dist.dashboard$/)
      writeFileSync(join(folder, "package.json"), "{\"name\":\"somebody-else\"}")
      expect(findDashboard(join(folder, "dist", "bundle.js"))).toBeUndefined()
      mkdirSync(join(folder, "node_modules", "effect-pogo"), { recursive: true })
      writeFileSync(join(folder, "node_modules", "effect-pogo", "package.json"), "{\"name\":\"effect-pogo\"}")
      expect(findDashboard(inside)).toBe(join(folder, "node_modules", "effect-pogo", "dist", "dashboard"))
    }))
})
