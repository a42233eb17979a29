/** Hostile names and a hostile server, on a real Redis; and the least that its user needs. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import { keysOf, makeScripts, parts } from "../../src/internal/redis/scripts.js"
import type { Args, CommandName } from "../../src/internal/registry/commands.js"
import type { Caller } from "../support/registryCaller.js"
import { eventually, Lines, live, server } from "../support/registryLive.js"
import { connect } from "../support/registryScripted.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const hostile: ReadonlyArray<string> = [
  "k/'; redis.call('FLUSHALL') --",
  "k/\"]]; return redis.call('FLUSHALL') --",
  "k/{other}:spec",
  "k/*",
  "k/a|b:c,d",
  "k/__proto__",
  "k/\r\nFLUSHALL\r\n",
  "k/\0",
  "k/🐎 é",
  `k/${"x".repeat(500)}`
]

/** One child through all of its life. */
const life = (caller: Caller, id: string, sid: string) =>
  Effect.gen(function*() {
    const generation = yield* caller.create(id)
    const token = yield* caller.own(sid, id, generation)
    const stat = `${token}:running:0:1:0:${id}`
    yield* caller.ok("report", { sid, items: [{ id, token, stat }] })
    expect((yield* caller.everything).get(id)).toMatchObject({ stat })
    yield* caller.ok("release", { sid, items: [{ id, token, refused: "" }] })
    const del = yield* caller.ok("del", { items: [{ id, op: id.replaceAll("|", ""), generation }] })
    expect(del.value.results[0]?._tag).toBe("GONE")
  })

describe("hostile names", () => {
  it.scopedLive("are data: they reach no key but ours, and no script", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const control = connect(redis.url)
      yield* Effect.addFinalizer(() => Effect.sync(() => control.disconnect()))
      yield* Effect.promise(() => control.set("bystander", "here"))
      const caller = yield* live(redis)
      yield* caller.join("a#1")
      for (const id of hostile) yield* life(caller, id, "a#1")
      const keys = yield* Effect.promise(() => control.keys("*"))
      const ours = new Set(keysOf("", caller.subject.scope))
      expect(keys.filter((key) => !ours.has(key))).toEqual(["bystander"])
    }))

  it("of scopes and prefixes never lead to the keys of others", () => {
    const scopes = [
      "a",
      "a}",
      "{a}",
      "a:spec",
      "a}:spec{",
      "%7ba",
      "{a",
      "",
      "%",
      "%25",
      "a\0",
      "a\n",
      "*",
      "🐎",
      "pogo1:{a}"
    ]
    const prefixes = ["", "p:", "pogo1:", "p:pogo1:"]
    const all = prefixes.flatMap((prefix) => scopes.flatMap((scope) => keysOf(prefix, scope)))
    expect(new Set(all).size).toBe(prefixes.length * scopes.length * parts.length)
    // One pair of braces each: the tag that says in which slot of a cluster it lives.
    for (const key of all) expect(key.match(/[{}]/g)).toHaveLength(2)
  })
})

const filesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts")).map((file) => readFileSync(join(root, folder, file), "utf8"))

describe("code", () => {
  it("is never made of data", () => {
    for (const text of filesOf("src")) {
      expect(text).not.toMatch(
        /new Function|(?<![.\w])eval\(|\bloadstring\b|\bloadfile\b|\bdofile\b|node:vm|setTimeout\("/
      )
    }
  })

  it("of scripts is the same whatever they are called with", () => {
    expect(makeScripts()).toEqual(makeScripts())
    for (const { lua, numberOfKeys } of Object.values(makeScripts())) {
      expect(numberOfKeys).toBe(parts.length)
      expect(lua).not.toMatch(/[^:]\bload\(|loadstring|redis\.p?call\(ARGV/)
    }
  })
})

const garbage = [
  "$2\r\nOK\r\n",
  ":5\r\n",
  "*0\r\n",
  "*1\r\n:1\r\n",
  "*2\r\n$2\r\nOK\r\n*-1\r\n",
  "$-1\r\n",
  "*1\r\n$3\r\nFOO\r\n"
]

/** A server that takes every connection, and answers scripts as it likes. */
const impostor = (answer: () => string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      new Promise<{ readonly port: number; readonly close: () => void }>((resolve) => {
        const server = createServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", (data) => {
            const text = data.toString("latin1")
            for (const command of text.match(/\r\n(evalsha|eval|info|client|subscribe|ping|quit|hello)\r\n/gi) ?? []) {
              if (/eval/i.test(command)) socket.write(answer())
              else if (/info/i.test(command)) socket.write("$11\r\nloading:0\r\n\r\n")
              // ioredis 6 asks for RESP3, and goes on with RESP2.
              else if (/hello/i.test(command)) socket.write("-ERR unknown command 'HELLO'\r\n")
              else socket.write("+OK\r\n")
            }
          })
        }).listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resolve({ port, close: () => void server.close() })
        })
      })
    ),
    ({ close }) => Effect.sync(close)
  )

describe("a server that is not ours", () => {
  it.scopedLive("is found out: every answer of another form is a typed failure", () =>
    Effect.gen(function*() {
      let next = 0
      const { port } = yield* impostor(() => garbage[next++ % garbage.length]!)
      const url = `redis://127.0.0.1:${port}`
      const registry = yield* new Lines().capture(
        GroupRegistryRedis.make({ url, onEmpty: "trust", commandTimeout: 500 })
      )
      const envelope = {
        scope: "s",
        era: "",
        notAfter: Infinity,
        high: 0,
        seconds: 0,
        bits: "b",
        ttl: 15_000,
        maxStep: 2_500
      }
      const ask = Effect.either(registry.execute("tick", envelope, { sid: "" }))
      yield* eventually(ask, (result) => Either.isLeft(result) && result.left.reason === "Refused")
      for (let i = 0; i < 2 * garbage.length; i++) {
        const result = yield* ask
        expect(Either.isLeft(result) && [result.left._tag, result.left.reason, result.left.sent]).toEqual([
          "RegistryUnavailable",
          "Refused",
          true
        ])
      }
    }))
})

const documented = /^ACL SETUSER pogo on >password (.*)$/m.exec(
  readFileSync(join(root, "docs/security.md"), "utf8")
)![1]!

describe("the documented permissions", () => {
  it.scopedLive("are enough for everything, and each of them is needed", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      const rules = documented.split(" ")
      const allow = (...more: ReadonlyArray<string>) =>
        Effect.map(
          Effect.promise(() => redis.cli("ACL", "SETUSER", "pogo", "reset", "on", ">password", ...rules, ...more)),
          (answer) => expect(answer).toBe("OK")
        )
      yield* allow()
      const lines = new Lines()
      const caller = yield* live(redis, { username: "pogo", password: Redacted.make("password") }, lines)
      const heard: Array<number | undefined> = []
      yield* caller.subject.registry.onWake(caller.subject.scope, (log) => heard.push(log))
      yield* caller.join("a#1")
      yield* life(caller, "k/1", "a#1")
      const generation = yield* caller.create("k/2")
      const token = yield* caller.own("a#1", "k/2", generation)
      const rest = {
        finish: { sid: "a#1", items: [{ id: "k/2", generation, token, how: "ended", stat: "" }] },
        merge: { facts: [{ id: "k/3", kind: "spec", value: "1|1|op|||{}" }] },
        update: { sid: "a#1", version: 9, record: "{}" },
        direct: { name: "a", what: "drain", op: "x", by: "b", reason: "", seen: 0 },
        changes: { cursor: caller.high - 1 },
        snap: { cursor: "" },
        nodes: {},
        tick: { sid: "a#1" },
        close: { sid: "a#1" }
      } satisfies { readonly [K in CommandName]?: Args<K> }
      for (const name of Object.keys(rest) as ReadonlyArray<keyof typeof rest>) {
        expect([name, Either.isRight(yield* caller.attempt(name, rest[name] as never))]).toEqual([name, true])
      }
      yield* eventually(Effect.succeed(heard), (all) => all.includes(caller.log))
      const told = yield* caller.ok("history", { id: "k/2", back: true, cursor: "", since: 0, limit: 9 })
      expect(told.value.entries.map(({ what }) => what)).toEqual(["ended", "claimed"])
      expect(lines.matching(/WARN/)).toEqual([])
      // Data without its bookkeeping is read whole.
      yield* caller.subject.hand.remove("meta")
      yield* caller.learn
      expect((yield* caller.directives).size).toBe(1)
      // What no command of ours needs is not there.
      const rights = yield* Effect.promise(() => redis.cli("ACL", "GETUSER", "pogo"))
      expect(rights).not.toMatch(/\+@|\+config|\+keys|\+flush|\+script/)
      yield* allow("-hlen")
      const refused = yield* caller.attempt("tick", { sid: "a#1" })
      expect(Either.isLeft(refused) && refused.left.detail).toContain("lacks a permission")
    }))
})
