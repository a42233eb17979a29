/** What is not the Redis that is needed: each is named in one sentence, with what is needed, in the error and at join. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, type Scope } from "effect"
import * as http from "node:http"
import { createServer, type Socket } from "node:net"
import * as tls from "node:tls"
import { GroupRegistry } from "../../src/GroupRegistry.js"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import * as Pogo from "../../src/Pogo.js"
import type { RegistryUnavailable } from "../../src/PogoError.js"
import { freePort } from "../support/redisServer.js"
import { eventually, Lines, server } from "../support/registryLive.js"
import { makeCertificates } from "../support/tls.js"

interface Listening {
  readonly listen: (port: number, host: string, done: () => void) => unknown
  readonly close: () => unknown
  readonly address: () => unknown
}

/** A server of the test's own; its port. */
const listening = (made: Listening): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => void made.listen(0, "127.0.0.1", resolve))),
      () => Effect.sync(() => made.close())
    ),
    () => (made.address() as { readonly port: number }).port
  )

const tcp = (serve: (socket: Socket) => void) =>
  Effect.suspend(() => {
    const sockets = new Set<Socket>()
    const made = createServer((socket) => {
      sockets.add(socket.on("error", () => {}))
      serve(socket)
    })
    return Effect.zipLeft(
      listening(made),
      Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
    )
  })

/** A server of Redis' protocol that answers by the name of the command. */
const answering = (answers: { readonly [command: string]: string }) =>
  tcp((socket) => {
    socket.on("data", (data) => {
      for (const [, name] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        socket.write(answers[name!.toLowerCase()] ?? "+OK\r\n")
      }
    })
  })

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`

interface Told {
  readonly detail: string
  readonly lines: ReadonlyArray<string>
}

/** What a caller is told in the end, and what the log of a node that joins says within its time limit. */
const told = (options: GroupRegistryRedis.Options, says: RegExp) =>
  Effect.gen(function*() {
    const lines = new Lines()
    const registry = yield* lines.capture(
      GroupRegistryRedis.make({ commandTimeout: "2 seconds", connectTimeout: "1 second", ...options })
    )
    const tick = registry.tick({
      scope: "s",
      era: "",
      notAfter: Infinity,
      high: 0,
      seconds: 0,
      bits: "b",
      ttl: 15_000,
      maxStep: 2_500
    }, { sid: "" })
    const failing = Effect.map(
      Effect.either(tick),
      Either.match({ onLeft: (error: RegistryUnavailable) => error.detail, onRight: ({ _tag }) => _tag as string })
    )
    const detail = yield* eventually(failing, (text) => says.test(text))
    const joined = yield* Effect.either(lines.capture(
      Effect.scoped(Effect.provideService(Pogo.make({ name: "a", joinTimeout: "2 seconds" }), GroupRegistry, registry))
    ))
    expect(Either.isLeft(joined) && joined.left.message).toMatch(says)
    expect(lines.matching(/WARN cannot join/).some((line) => says.test(line))).toBe(true)
    const all = [detail, ...lines.all].join("\n")
    expect(all).not.toMatch(/report (it|this)/i)
    return { detail, lines: lines.all } satisfies Told
  })

const at = (port: number) => ({ host: "127.0.0.1", port })

describe("a server that is none of Redis", () => {
  it.scopedLive("but of HTTP", () =>
    Effect.gen(function*() {
      const port = yield* listening(http.createServer((_, response) => response.end("hello")))
      yield* told(at(port), /an HTTP server answers there: Redis 6\.2 or newer/)
      yield* told({ ...at(port), tls: true }, /the port does not speak TLS/)
    }))

  it.scopedLive("but of some other protocol", () =>
    Effect.gen(function*() {
      yield* told(at(yield* tcp((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"))), /does not speak Redis' protocol/)
    }))

  it.scopedLive("or closes every connection", () =>
    Effect.gen(function*() {
      yield* told(
        at(yield* tcp((socket) => socket.once("data", () => socket.end()))),
        /closed it before it answered.*set `tls: true`/
      )
    }))

  it.scopedLive("or never says a word", () =>
    Effect.gen(function*() {
      const port = yield* tcp(() => {})
      yield* told({ ...at(port), tls: true }, /nothing answered in time/)
    }))
})

describe("encryption", () => {
  it.scopedLive("towards a plain port", () =>
    Effect.gen(function*() {
      const redis = yield* server()
      yield* told({ ...at(redis.port), tls: true }, /does not speak TLS|nothing answered in time/)
    }))

  it.scopedLive("that a port wants", () =>
    Effect.gen(function*() {
      const certificates = yield* Effect.acquireRelease(
        Effect.sync(() => makeCertificates()),
        ({ remove }) => Effect.sync(remove)
      )
      const port = yield* Effect.promise(freePort)
      yield* server({ args: certificates.args(port) })
      yield* told(at(port), /set `tls: true`/)
      yield* told({ ...at(port), tls: true }, /certificate is not trusted/)
    }))

  it.scopedLive("of a server that is none of Redis", () =>
    Effect.gen(function*() {
      const port = yield* listening(tls.createServer({}))
      yield* told(at(port), /set `tls: true`/)
    }))
})

describe("a server of Redis", () => {
  it.scopedLive("that is too old", () =>
    Effect.gen(function*() {
      for (const version of ["2.8.24", "5.0.14", "6.0.20"]) {
        const port = yield* answering({
          info: bulk(`# Server\r\nredis_version:${version}\r\nrun_id:x\r\n`),
          evalsha: "-ERR Error running script\r\n"
        })
        const { lines } = yield* told(at(port), new RegExp(`this is Redis ${version}: Redis 6\\.2 or newer`))
        expect(lines.filter((line) => line.includes("WARN the registry"))).toHaveLength(1)
      }
    }))

  it.scopedLive("whose version says nothing against it", () =>
    Effect.gen(function*() {
      for (const version of ["6.2.0", "7.4.1", "10.0.0", "unstable"]) {
        const port = yield* answering({
          info: bulk(`# Server\r\nredis_version:${version}\r\nrun_id:x\r\n`),
          evalsha: "-ERR odd\r\n"
        })
        yield* told(at(port), /answered "ERR odd"; no Redis of today refuses this: Redis 6\.2 or newer/)
      }
    }))

  for (const command of ["EVAL", "EVALSHA", "XADD"]) {
    it.scopedLive(`that does not offer ${command}`, () =>
      Effect.gen(function*() {
        const redis = yield* server({ config: `rename-command ${command} ""\n` })
        const name = command === "XADD" ? "a command that scripts use" : command
        yield* told(at(redis.port), new RegExp(`it does not offer ${name} \\(.*Redis 6\\.2 or newer`))
      }))
  }

  it.scopedLive("that does not offer INFO", () =>
    Effect.gen(function*() {
      const port = yield* answering({ info: "-ERR unknown command 'info', with args beginning with: \r\n" })
      yield* told(at(port), /it does not offer INFO \(.*Redis 6\.2 or newer/)
    }))

  it.scopedLive("that is a replica", () =>
    Effect.gen(function*() {
      const primary = yield* server()
      const redis = yield* server({ args: ["--replicaof", "127.0.0.1", String(primary.port)] })
      yield* told(at(redis.port), /this server is a replica.*connect to the primary/)
    }))

  it.scopedLive("that wants another password, or one at all, or none of this user", () =>
    Effect.gen(function*() {
      const redis = yield* server({ args: ["--requirepass", "s3cret"] })
      yield* told(at(redis.port), /the server wants a password: set `password`/)
      yield* told({ ...at(redis.port), password: "wr0ng" }, /does not know this username and password/)
      yield* told({ ...at(redis.port), username: "who", password: "wr0ng" }, /does not know this username and password/)
    }))
})
