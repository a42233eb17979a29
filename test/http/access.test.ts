/**
 * Who may ask, and what: a test for each request that is refused.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { connect } from "node:net"
import { logged, open } from "./scene.js"
import { post, send, type Sent } from "./support.js"

/** A refusal is JSON with a message and a remedy, and never a stack or a page. */
const expectRefusal = (answer: Sent, status: number, error: string) => {
  expect([answer.status, JSON.parse(answer.text)]).toEqual([
    status,
    { error, message: expect.stringMatching(/^[A-Z].*\.$|./), remedy: expect.stringMatching(/./) }
  ])
  expect(answer.text).not.toMatch(/\bat .*:\d+|node_modules|\n/)
  expect(answer.headers["content-type"]).toMatch(/^application\/json/)
  expect(answer.headers["cache-control"]).toBe("no-store")
}

/** Sends bytes as they are; the answer's first line. */
const raw = (url: string, bytes: string | Buffer): Effect.Effect<string> =>
  Effect.async((resume) => {
    const { hostname, port } = new URL(url)
    let text = ""
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on("data", (data: Buffer) => {
      text += data.toString()
      resume(Effect.succeed(text.slice(0, text.indexOf("\r\n"))))
    })
    socket.on("close", () => resume(Effect.succeed(text.slice(0, text.indexOf("\r\n")))))
    socket.on("error", () => {})
    return Effect.sync(() => socket.destroy())
  })

const restart = { action: "restart", ids: ["Vault/a"], reason: "a test" }

describe("without authorize", () => {
  it.scopedLive("this machine may read, and do nothing", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const about = yield* send(`${url}/api/about`)
      expect(about.status).toBe(200)
      expect(JSON.parse(about.text)).toMatchObject({ scope: "vaults", actions: [], payload: false, state: false })
      expectRefusal(yield* post(`${url}/api/act`, restart), 403, "Forbidden")
    }))

  it.scopedLive("a request by a proxy is refused, whatever header tells of it", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const left: ReadonlyArray<Record<string, string>> = [
        { forwarded: "for=10.0.0.1" },
        { "x-forwarded-for": "127.0.0.1" },
        { "x-forwarded-proto": "https" },
        { "X-Forwarded-Anything": "x" },
        { "x-real-ip": "10.0.0.1" },
        { via: "1.1 proxy" }
      ]
      for (const headers of left) {
        expectRefusal(yield* send(`${url}/api/about`, { headers }), 403, "Forbidden")
        expectRefusal(yield* send(`${url}/`, { headers }), 403, "Forbidden")
      }
    }))

  it.scopedLive("a name that is none of this machine is refused, so that no page can rebind one", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const port = new URL(url).port
      for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "localhost.evil.example"]) {
        expectRefusal(yield* send(`${url}/api/about`, { headers: { host } }), 403, "Forbidden")
      }
      for (const host of ["evil@localhost", "localhost:1:2", "[::1", "a b", "localhost/evil"]) {
        const answer = yield* send(`${url}/api/about`, { headers: { host } })
        expect([400, 403]).toContain(answer.status)
      }
      for (const host of [`localhost:${port}`, "LOCALHOST", "pogo.localhost", "127.0.0.1", "[::1]:80", "127.9.9.9"]) {
        expect((yield* send(`${url}/api/about`, { headers: { host } })).status).toBe(200)
      }
    }))

  it.scopedLive("hosts add names, and no callers", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ hosts: ["Pogo.Internal"] })
      expect((yield* send(`${url}/api/about`, { headers: { host: "pogo.internal:80" } })).status).toBe(200)
      expectRefusal(yield* send(`${url}/api/about`, { headers: { host: "other.internal" } }), 403, "Forbidden")
      const headers = { host: "pogo.internal", "x-forwarded-for": "1.2.3.4" }
      expectRefusal(yield* send(`${url}/api/about`, { headers }), 403, "Forbidden")
    }))

  it.scopedLive("what changes something needs a sign that no other page can give", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ actions: "all" })
      const body = JSON.stringify(restart)
      const json = { "content-type": "application/json" }
      const signs: ReadonlyArray<Record<string, string>> = [
        {},
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { "sec-fetch-site": "none" },
        { origin: url },
        // Nobody knows a token here.
        { authorization: "Bearer x" }
      ]
      for (const sign of signs) {
        const answer = yield* send(`${url}/api/act`, { method: "POST", headers: { ...json, ...sign }, body })
        expectRefusal(answer, 403, "Forbidden")
      }
      const spec = { kind: "Vault", key: "c", payload: { secret: "hush" } }
      expect((yield* post(`${url}/api/children`, spec)).status).toBe(200)
    }))

  it.scopedLive("a page of another site may not even read, but a link may lead here", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const foreign = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }
      expectRefusal(yield* send(`${url}/api/changes`, { headers: foreign }), 403, "Forbidden")
      const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }
      expect((yield* send(`${url}/api/about`, { headers: link })).status).toBe(200)
    }))
})

describe("with authorize", () => {
  const alice = Redacted.make("alice's long token")
  const rose = { token: Redacted.make("rose's long token"), actions: ["restart"] as const }
  const authorize = PogoHttp.tokens({ alice, rose })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  it.scopedLive("nobody without a token, or with another one, gets anything", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ authorize, actions: "all" })
      const wrong: ReadonlyArray<Record<string, string>> = [
        {},
        bearer("alice's long toke"),
        bearer(""),
        { authorization: "Basic !!!" },
        { authorization: `Basic ${Buffer.from("alice:").toString("base64")}` },
        { authorization: `Basic ${Buffer.from("no colon").toString("base64")}` },
        { authorization: "Digest x" }
      ]
      for (const headers of wrong) {
        for (const path of ["/", "/api/about", "/api/changes", "/openapi.json", "/metrics", "/nothing"]) {
          const answer = yield* send(url + path, { headers })
          expectRefusal(answer, 401, "Unauthorized")
          expect(answer.headers["www-authenticate"]).toBe("Basic realm=\"effect-pogo\", charset=\"UTF-8\"")
        }
      }
      expect((yield* send(`${url}/livez`)).status).toBe(200)
      expect((yield* send(`${url}/readyz`)).status).toBe(200)
    }))

  it.scopedLive("a token opens it from anywhere, and a browser's password does for reading", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ authorize, actions: "all" })
      const far = { host: "pogo.example", "x-forwarded-for": "9.9.9.9" }
      const headers = { ...far, authorization: `Bearer ${Redacted.value(alice).replaceAll(" ", "")}` }
      expect((yield* send(`${url}/api/about`, { headers })).status).toBe(401)
      const basic = { ...far, authorization: `Basic ${Buffer.from(`x:${Redacted.value(alice)}`).toString("base64")}` }
      expect((yield* send(`${url}/api/about`, { headers: basic })).status).toBe(200)
      // The browser sends a password by itself, for a page of another site too: that is no sign.
      const json = { ...basic, "content-type": "application/json" }
      const forged = yield* send(`${url}/api/act`, { method: "POST", headers: json, body: JSON.stringify(restart) })
      expectRefusal(forged, 403, "Forbidden")
    }))

  it.scopedLive("a token that was forgotten to be set opens nothing", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ authorize: PogoHttp.tokens({ ghost: Redacted.make("") }) })
      const empty = [`Basic ${Buffer.from("x:").toString("base64")}`, "Bearer ", "Bearer"]
      for (const authorization of empty) {
        expectRefusal(yield* send(`${url}/api/about`, { headers: { authorization } }), 401, "Unauthorized")
      }
    }))

  it.scopedLive("somebody may do less than others, and is told so", () =>
    Effect.gen(function*() {
      const plain = PogoHttp.tokens({ rose: { ...rose, token: Redacted.make("t0") }, lily: Redacted.make("t1") })
      const { url } = yield* open({ authorize: plain, actions: ["restart", "terminate"] })
      const about = yield* send(`${url}/api/about`, { headers: bearer("t0") })
      expect(JSON.parse(about.text)).toMatchObject({ actions: ["restart"] })
      const all = yield* send(`${url}/api/about`, { headers: bearer("t1") })
      expect(JSON.parse(all.text)).toMatchObject({ actions: ["restart", "terminate"] })
      const terminate = { ...restart, action: "terminate" }
      const site = { "sec-fetch-site": "cross-site" }
      expectRefusal(yield* post(`${url}/api/act`, terminate, { ...site, ...bearer("t0") }), 403, "Forbidden")
      const drain = { action: "drain", ids: ["n1"] }
      expectRefusal(yield* post(`${url}/api/act`, drain, { ...site, ...bearer("t1") }), 403, "Forbidden")
    }))

  it.scopedLive("an authorize that throws, fails, hangs up or gives nonsense opens nothing", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const broken: ReadonlyArray<PogoHttp.Authorize> = [
          () => {
            throw new Error("a secret of the database")
          },
          () => Effect.fail("a secret of the database"),
          () => Effect.die(new Error("a secret of the database")),
          () => Promise.reject(new Error("a secret of the database")),
          () => "",
          () => ({ name: "two\nlines" }),
          () => 7 as never
        ]
        for (const one of broken) {
          const { url } = yield* open({ authorize: one })
          const answer = yield* send(`${url}/api/about`)
          expectRefusal(answer, 500, "InternalError")
          expect(answer.text).not.toContain("secret")
        }
        expect(lines.filter((line) => line.startsWith("ERROR HTTP: authorize"))).toHaveLength(broken.length)
      })
    ))

  it.scopedLive("authorize sees what it needs, by a promise or an effect", () =>
    Effect.gen(function*() {
      const seen: Array<PogoHttp.AccessRequest> = []
      const { url } = yield* open({
        authorize: async (request) => {
          await Promise.resolve()
          seen.push(request)
          return { name: "bob", actions: "none" }
        }
      })
      yield* send(`${url}/api/children?q=x`, { headers: { ...bearer("abc"), cookie: "a=b" } })
      expect(seen[0]).toMatchObject({ method: "GET", url: "/api/children?q=x", headers: { cookie: "a=b" } })
      expect(seen[0]?.remoteAddress).toMatch(/127\.0\.0\.1$/)
      expect(seen[0]?.token && Redacted.value(seen[0].token)).toBe("abc")
    }))
})

describe("hostile requests", () => {
  it.scopedLive("other methods than a path's are refused, and tell which it takes", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const own = { "sec-fetch-site": "same-origin" }
      const cases: ReadonlyArray<readonly [string, string, string]> = [
        ["POST", "/api/overview", "GET, HEAD"],
        ["DELETE", "/api/children", "GET, POST, PUT, HEAD"],
        ["GET", "/api/act", "POST"],
        ["PATCH", "/api/act", "POST"],
        ["OPTIONS", "/api/act", "POST"],
        ["PUT", "/", "GET, HEAD"],
        ["POST", "/api/changes", "GET, HEAD"]
      ]
      for (const [method, path, allow] of cases) {
        const answer = yield* send(url + path, { method, headers: own })
        expectRefusal(answer, 405, "MethodNotAllowed")
        expect(answer.headers["allow"]).toBe(allow)
      }
    }))

  it.scopedLive("bodies are bounded, JSON, and come in time", () =>
    Effect.gen(function*() {
      const { url } = yield* open({ actions: "all", maxBodyBytes: 1_000 })
      const own = { "sec-fetch-site": "same-origin", "content-type": "application/json" }
      const large = JSON.stringify({ ...restart, reason: "x".repeat(1_000) })
      expectRefusal(yield* send(`${url}/api/act`, { method: "POST", headers: own, body: large }), 413, "TooLarge")
      // Of a body without a length as much is read as fits.
      const chunked = { ...own, "transfer-encoding": "chunked" }
      expectRefusal(yield* send(`${url}/api/act`, { method: "POST", headers: chunked, body: large }), 413, "TooLarge")
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
        const headers = { ...own, "content-type": type }
        const answer = yield* send(`${url}/api/act`, { method: "POST", headers, body: JSON.stringify(restart) })
        expectRefusal(answer, 415, "WrongType")
      }
      for (const body of ["", "{", "\"text\"", "null", "[]", "{\"action\":\"format\"}", "[".repeat(900), "\u0000"]) {
        const answer = yield* send(`${url}/api/act`, { method: "POST", headers: own, body })
        expectRefusal(answer, 400, "InvalidRequest")
      }
    }))

  it.scopedLive("queries are bounded, and numbers are numbers", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const wrong = [
        `/api/children?q=${"x".repeat(1_001)}`,
        `/api/child?id=${"x".repeat(513)}`,
        "/api/child",
        "/api/child?id=",
        "/api/children?limit=501",
        "/api/children?limit=1e99",
        "/api/children?limit=-1",
        "/api/children?offset=1.5",
        "/api/children?sort=password",
        "/api/children?q=a&q=b",
        "/api/events?minute=yesterday",
        "/api/history?limit=100000",
        "/api/suggest?q=x&where=nowhere",
        "/api/children?q=a%0Ab",
        "/api/child?id=Vault/a%0D%0A",
        "/api/child?id=Vault/%00",
        `/api/children?q=${"x".repeat(9_000)}`
      ]
      for (const path of wrong) expectRefusal(yield* send(url + path), 400, "InvalidRequest")
    }))

  it.scopedLive("paths lead nowhere but to what is there", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const paths = [
        "/../package.json",
        "/%2e%2e/package.json",
        "/..%2fpackage.json",
        "/..%5c..%5cpackage.json",
        "//etc/passwd",
        "/app.js/../../../package.json",
        "/%00",
        "/%ff",
        "/%",
        "/api/%",
        "/api/children/%ff",
        "/api/../package.json",
        "/__proto__",
        "/constructor",
        "/api/__proto__"
      ]
      for (const path of paths) {
        const line = yield* raw(url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
        expect([path, line]).toEqual([path, "HTTP/1.1 404 Not Found"])
      }
      expect(yield* raw(url, "GET http://evil.example/api/about HTTP/1.1\r\nHost: localhost\r\n\r\n")).toMatch(/40[34]/)
      expect(yield* raw(url, "GET /api/about HTTP/1.0\r\n\r\n")).toContain("400")
    }))

  it.scopedLive("a child that is not there is told as text that can do nothing", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      const id = "<script>alert(1)</script>/\""
      const answer = yield* send(`${url}/api/child?id=${encodeURIComponent(id)}`)
      expectRefusal(answer, 404, "NotFound")
      expect(answer.headers["x-content-type-options"]).toBe("nosniff")
    }))

  it.scopedLive("every answer keeps browsers strict", () =>
    Effect.gen(function*() {
      const { url } = yield* open()
      for (const path of ["/", "/api/about", "/api/nothing", "/openapi.json", "/app.js", "/livez"]) {
        const { headers } = yield* send(url + path)
        expect(headers["content-security-policy"]).toContain(
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
        )
        expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'")
        expect(headers["x-content-type-options"]).toBe("nosniff")
        expect(headers["referrer-policy"]).toBe("no-referrer")
        expect(headers["cache-control"]).toMatch(
          path === "/app.js" || path === "/" ? /^no-(store|cache)$/ : /^no-store$/
        )
      }
    }))

  it.scopedLive("payloads are shown to nobody unless they are asked for", () =>
    Effect.gen(function*() {
      for (const payload of [false, true]) {
        const { url } = yield* open({ payload })
        const answer = yield* send(`${url}/api/child?id=Vault/a`)
        expect([answer.status, answer.text.includes("hush")]).toEqual([200, payload])
        const all = yield* Effect.forEach(
          ["overview", "children", "events", "history", "nodes", "node?name=n1"],
          (path) => Effect.map(send(`${url}/api/${path}`), ({ text }) => text)
        )
        expect(all.join("")).not.toContain("hush")
      }
    }))

  it.scopedLive("actions go to the log and the history with who asked", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { pogo, url } = yield* open({ actions: ["restart", "cordon"], authorize: () => "eve" })
        const sign = { "sec-fetch-site": "same-origin" }
        const done = yield* post(`${url}/api/act`, { action: "cordon", ids: ["n1"], reason: "a \"test\"" }, sign)
        expect([done.status, done.text]).toEqual([200, expect.stringContaining("\"ok\":true")])
        yield* post(`${url}/api/act`, restart, sign)
        yield* post(`${url}/api/act`, { action: "restart", ids: ["Vault/none \u2028 <b>"], reason: "why" }, sign)
        const evil = { action: "restart", ids: ["Vault/a"], reason: "because\r\nERROR of this" }
        expectRefusal(yield* post(`${url}/api/act`, evil, sign), 400, "InvalidRequest")
        const told = lines.filter((line) => /eve"? asked/.test(line))
        expect(told).toHaveLength(3)
        expect(told[0]).toMatch(/^INFO eve asked to cordon n1: a "test"; 1 of 1 done$/)
        expect(told[1]).toMatch(/^INFO eve asked to restart Vault\/a: a test; 1 of 1 done$/)
        expect(told[2]).toMatch(/^INFO HTTP: "eve" asked to restart "Vault\/none .*" \("why"\): refused: /)
        for (const line of lines) expect(line).not.toMatch(/[\r\n]/)
        const entry = (yield* pogo.history()).find(({ what }) => what === "cordoned")
        expect(entry).toMatchObject({ by: "eve", node: "n1" })
      })
    ))
})
