/**
 * Calls between real processes: nodes that are frozen in the middle of a call, ways that fall silent, and addresses that
 * change hands.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
import { Counter } from "../rpc/support.js"
import { counterScene, end } from "./support/callScene.js"
import { makeProxy, type Proxy } from "./support/proxy.js"
import { freePort, reverseProxy } from "./support/transports.js"

describe("a call to a child of another process", () => {
  it.scopedLive("whose process is frozen fails in its time, a stream some seconds later; thawed, it is called again", () =>
    Effect.gen(function*() {
      const { counters, pogo, start } = yield* counterScene()
      const a = yield* start("a")
      yield* pogo.startChild(Counter.spec("x", {}))
      expect(yield* counters("x").add({ by: 1 })).toBe(1)
      const stream = yield* Effect.fork(Effect.flip(Stream.runDrain(counters("x").ticks({ every: 50 }))))
      yield* Effect.sleep("300 millis")
      a.kill("SIGSTOP")
      const late = yield* Effect.flip(counters("x", { timeout: "700 millis" }).add({ by: 1 }))
      expect(late).toMatchObject({ _tag: "CallTimeout", mayHaveRun: true })
      expect(yield* Effect.timeout(stream, "15 seconds")).toMatchObject({ _tag: "NodeUnreachable", node: "a" })
      a.kill("SIGCONT")
      // It fenced itself meanwhile, and starts the child anew.
      expect(yield* counters("x", { timeout: "20 seconds" }).get()).toBe(0)
    }))

  it.scopedLive("over a way that falls silent without a word is given up, and the next opens another", () =>
    Effect.gen(function*() {
      const { counters, pogo, start } = yield* counterScene()
      const port = yield* freePort
      const proxy: Proxy = yield* Effect.acquireRelease(
        Effect.promise(() => makeProxy(port)),
        (proxy) => Effect.promise(() => proxy.close())
      )
      yield* start("a", { POGO_RPC_PORT: String(port), POGO_RPC_ADVERTISE: `127.0.0.1:${proxy.port}` })
      yield* pogo.startChild(Counter.spec("x", {}))
      expect(yield* counters("x").add({ by: 1 })).toBe(1)
      proxy.flow("up", "drop")
      proxy.flow("down", "drop")
      const short = yield* Effect.flip(counters("x", { timeout: "500 millis" }).add({ by: 1 }))
      expect(short).toMatchObject({ _tag: "CallTimeout", mayHaveRun: true })
      const long = yield* Effect.fork(Effect.flip(counters("x", { timeout: "30 seconds" }).add({ by: 1 })))
      yield* Effect.sleep("100 millis")
      proxy.healNew()
      expect(yield* Effect.timeout(long, "15 seconds")).toMatchObject({ _tag: "NodeUnreachable", mayHaveRun: true })
      expect(yield* counters("x").add({ by: 1 })).toBe(2)
      expect(proxy.made()).toBeGreaterThanOrEqual(2)
    }))

  it.scopedLive("is answered by its own child, though two nodes come back with each other's addresses", () =>
    Effect.gen(function*() {
      const { counters, pogo, start } = yield* counterScene()
      const [one, two] = [String(yield* freePort), String(yield* freePort)]
      const a = yield* start("a", { POGO_RPC_PORT: one })
      const b = yield* start("b", { POGO_RPC_PORT: two })
      const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
      yield* pogo.startChildren(keys.map((key) => Counter.spec(key, {})))
      const homes = () =>
        Effect.forEach(
          keys,
          (key) =>
            Effect.map(counters(key, { timeout: "20 seconds" }).where(), ({ node, token }) => ({ key, node, token })),
          {
            concurrency: "unbounded"
          }
        )
      const before = yield* homes()
      expect(new Set(before.map(({ node }) => node)).size).toBe(2)
      const calling = yield* Effect.fork(homes())
      yield* end(a, "SIGKILL")
      yield* end(b, "SIGKILL")
      yield* start("a", { POGO_RPC_PORT: two })
      yield* start("b", { POGO_RPC_PORT: one })
      yield* Fiber.await(calling)
      yield* Effect.forEach(keys, (key) => pogo.awaitChild(Counter.id(key)))
      yield* Effect.sleep("2 seconds")
      for (const { key, node, token } of yield* homes()) {
        const row = (yield* pogo.whichChildren("global")).find((row) => row.key === key)
        expect({ node: row?.node, token: row?.token }).toEqual({ node, token })
        expect(token).toBeGreaterThan(before.find((other) => other.key === key)!.token)
      }
    }))
})

describe("a call over a WebSocket, through a proxy", () => {
  it.scopedLive("survives the death of a process, and of the proxy's connections", () =>
    Effect.gen(function*() {
      const { counters, pogo, start } = yield* counterScene(NodeTransportWebSocket)
      const begin = (name: string) =>
        Effect.gen(function*() {
          const port = yield* freePort
          const proxy = yield* reverseProxy(port)
          const process = yield* start(name, {
            TEST_TRANSPORT: "WebSocket",
            POGO_RPC_PORT: String(port),
            POGO_RPC_URL: `ws://127.0.0.1:${proxy.port}/outside/nodes`,
            POGO_RPC_PATH: "/nodes"
          })
          return { process, proxy }
        })
      const nodes = { a: yield* begin("a"), b: yield* begin("b") }
      yield* pogo.startChild(Counter.spec("x", {}))
      const { node } = yield* counters("x").where()
      const { process, proxy } = nodes[node as "a" | "b"]
      expect(yield* Stream.runCount(counters("x").range({ to: 2_000 }))).toBe(2_000)
      proxy.reset()
      expect(yield* counters("x").get()).toBe(0)
      const lost = yield* Effect.fork(Effect.flip(counters("x", { timeout: "20 seconds" }).wait({ millis: 15_000 })))
      yield* Effect.sleep("300 millis")
      yield* end(process, "SIGKILL")
      expect(yield* lost).toMatchObject({ _tag: "NodeUnreachable", node, mayHaveRun: true })
      const next = yield* counters("x", { timeout: "20 seconds" }).where()
      expect(next.node).not.toBe(node)
    }))
})
