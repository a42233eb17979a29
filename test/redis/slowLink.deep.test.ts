/** Very many children behind a way to Redis that takes its time: none stops, or waits for a lease, because of their number. */
import { describe, expect, it } from "@effect/vitest"
import { type Context, Duration, Effect, Exit, Layer, Logger, LogLevel, Scope } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { makeProxy, type Proxy } from "../process/support/proxy.js"
import { measured } from "../support/measured.js"
import type { RedisServer } from "../support/redisServer.js"
import { eventually, server } from "../support/registryLive.js"

const Idle = Child.make("Idle", { payload: {} })

/** What ran, and what runs. */
class Runs {
  starts = 0
  stops = 0
  readonly running = new Map<string, string>()

  readonly live = Idle.toLayer(() =>
    Effect.gen(this, function*() {
      const { id, node } = yield* Child.Current
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          this.starts++
          this.running.set(id, node)
        }),
        () =>
          Effect.sync(() => {
            this.stops++
            if (this.running.get(id) === node) this.running.delete(id)
          })
      )
      return yield* Effect.never
    })
  )

  on(node: string): number {
    return Array.from(this.running.values()).filter((name) => name === node).length
  }
}

/** A way to a server with a round trip of so many milliseconds. */
const slowly = (redis: RedisServer, roundTrip: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.promise(() => makeProxy(redis.port)), (proxy) => Effect.promise(proxy.close)),
    (proxy) => {
      proxy.flow("up", () => roundTrip / 2)
      proxy.flow("down", () => roundTrip / 2)
      return proxy
    }
  )

interface SlowNode {
  readonly pogo: Pogo.Service
  readonly close: Effect.Effect<void>
}

const nodeOn = (proxy: Proxy, runs: Runs, name: string, ttl: Duration.DurationInput) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const registry = GroupRegistryRedis.layer({ url: proxy.url, onEmpty: "trust" })
    const layer = runs.live.pipe(
      Layer.provideMerge(Pogo.layer({ name, ttl, maxChildren: 25_000 })),
      Layer.provide([registry, Logger.minimumLogLevel(LogLevel.Warning)])
    )
    const context: Context.Context<Pogo.Pogo> = yield* Layer.buildWithScope(Layer.orDie(layer), scope)
    const close = Scope.close(scope, Exit.void)
    yield* Effect.addFinalizer(() => close)
    const pogo = yield* Effect.provide(Pogo.Pogo, context)
    return { pogo, close } satisfies SlowNode
  })

const startMany = ({ pogo }: SlowNode, runs: Runs, count: number) =>
  Effect.gen(function*() {
    const specs = Array.from({ length: count }, (_, i) => Idle.spec(`${i}`, {}))
    yield* Effect.orDie(pogo.startChildren(specs))
    yield* eventually(Effect.sync(() => runs.running.size), (size) => size === count)
  })

describe("behind a slow way to Redis", () => {
  it.scopedLive("20,000 children at 40 ms go on when all data is lost", () =>
    Effect.gen(function*() {
      const count = 20_000
      const redis = yield* server()
      const runs = new Runs()
      const node = yield* nodeOn(yield* slowly(redis, 40), runs, "a", "15 seconds")
      yield* startMany(node, runs, count)
      const claims = Effect.promise(() => redis.cli("HLEN", "pogo1:{default}:claim"))
      yield* eventually(claims, (text) => Number(text) === count)
      yield* Effect.promise(() => redis.cli("FLUSHALL"))
      const [took] = yield* Effect.timed(eventually(claims, (text) => Number(text) === count))
      yield* Effect.sleep("20 seconds")
      measured("new era", `${count} claims given back within ${Duration.toMillis(took).toFixed(0)} ms`)
      expect([runs.starts, runs.stops]).toEqual([count, 0])
    }))

  it.scopedLive("3,000 children at 50 ms are handed over, and none is left to the lease", () =>
    Effect.gen(function*() {
      const count = 3_000
      const redis = yield* server()
      const runs = new Runs()
      // A child that waited for the lease would be seen to: it takes far longer than a handover does anywhere.
      const ttl = Duration.minutes(10)
      const leaving = yield* nodeOn(yield* slowly(redis, 50), runs, "a", ttl)
      yield* startMany(leaving, runs, count)
      const staying = yield* nodeOn(yield* slowly(redis, 50), runs, "b", ttl)
      yield* staying.pogo.cordon
      yield* eventually(Effect.sync(() => runs.on("a") + runs.on("b")), (all) => all === count)
      yield* staying.pogo.uncordon
      const began = performance.now()
      yield* leaving.close
      const closed = performance.now() - began
      yield* eventually(Effect.sync(() => runs.on("b")), (all) => all === count)
      const moved = performance.now() - began
      measured(
        "handover",
        `closed after ${closed.toFixed(0)} ms, all ${count} run elsewhere after ${moved.toFixed(0)} ms`
      )
      expect(runs.on("a")).toBe(0)
    }))
})
