/**
 * The probes and the metrics, asked over real sockets.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schedule } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { Internals } from "../../src/internal/internals.js"
import { type Answer, ask, serve } from "./support.js"

const Idle = Child.make("Idle", { payload: {} })
const IdleLive = Idle.toLayer(() => Effect.never)

const healthOf = <A, E, R>(layer: Layer.Layer<A, E, R>) => HttpLayerRouter.serve(layer, { disableListenLog: true })

/** Asks until the status is as expected. */
const untilStatus = (url: string, status: number) =>
  Effect.repeat(
    ask(url),
    Schedule.spaced("20 millis").pipe(
      Schedule.zipRight(Schedule.identity<Answer>()),
      Schedule.untilInput((answer) => answer.status === status)
    )
  )

/** A registry that answers nothing until the gate is opened. */
const behind = (gate: Deferred.Deferred<void>) =>
  Layer.effect(
    GroupRegistry.GroupRegistry,
    Effect.map(GroupRegistry.makeMemory(), (registry) => ({
      ...registry,
      execute: ((...args: Parameters<typeof registry.execute>) =>
        Effect.zipRight(Deferred.await(gate), registry.execute(...args))) as typeof registry.execute
    }))
  )

describe("health", () => {
  it.scopedLive("answers before the registry does, and tells what it waits for", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const supervisor = Pogo.layer({ name: "one", children: [Idle.spec("a", {})] }).pipe(Layer.provide(behind(gate)))
      const url = yield* serve(healthOf(PogoHttp.health({ supervisor })))
      expect(yield* ask(`${url}/livez`)).toMatchObject({ status: 200, text: "alive\n" })
      const waiting = yield* ask(`${url}/readyz`)
      expect(waiting).toMatchObject({ status: 503 })
      expect(waiting.text).toBe("not ready: the supervisor is being built; it waits for the registry\n")
      expect(yield* ask(`${url}/startupz`)).toMatchObject({ status: 503 })
      expect((yield* ask(`${url}/metrics`)).status).toBe(200)
      yield* Deferred.succeed(gate, undefined)
      expect((yield* untilStatus(`${url}/readyz`, 200)).text).toBe("ready\n")
      expect((yield* untilStatus(`${url}/startupz`, 200)).text).toBe("started\n")
    }))

  it.scopedLive("has the supervisor of the program, built once for both", () =>
    Effect.gen(function*() {
      let built = 0
      const supervisor = Layer.tap(
        Pogo.layerMemory({ name: "once" }),
        () => Effect.sync(() => built++)
      )
      const url = yield* serve(
        Layer.merge(healthOf(PogoHttp.health({ supervisor })), Layer.provide(IdleLive, supervisor))
      )
      yield* untilStatus(`${url}/readyz`, 200)
      expect(built).toBe(1)
    }))

  it.scopedLive("says why the supervisor could not be built, and why it is ready no more", () =>
    Effect.gen(function*() {
      const broken = Layer.fail(new Error("no such host")) as Layer.Layer<Pogo.Pogo, Error>
      const url = yield* serve(healthOf(PogoHttp.health({ supervisor: broken, path: "/internal" })))
      const refused = yield* ask(`${url}/internal/readyz`)
      expect(refused.status).toBe(503)
      expect(refused.text).toContain("could not be built: Error: no such host")
      expect((yield* ask(`${url}/internal/livez`)).status).toBe(200)
    }))

  it.scopedLive("keeps having started when the node is ready no more", () =>
    Effect.gen(function*() {
      const pogo = yield* Pogo.make({ name: "closing" }).pipe(Effect.provide(GroupRegistry.layerMemory))
      const url = yield* serve(healthOf(PogoHttp.health({ supervisor: Layer.succeed(Pogo.Pogo, pogo) })))
      yield* untilStatus(`${url}/startupz`, 200)
      yield* pogo[Internals].crash
      const gone = yield* ask(`${url}/readyz`)
      expect(gone).toMatchObject({ status: 503, text: "not ready: it is shut down\n" })
      expect(yield* ask(`${url}/startupz`)).toMatchObject({ status: 200 })
    }))

  it.scopedLive("takes HEAD as GET, and refuses other methods", () =>
    Effect.gen(function*() {
      const url = yield* serve(healthOf(PogoHttp.health()).pipe(Layer.provide(Pogo.layerMemory())))
      yield* untilStatus(`${url}/readyz`, 200)
      expect(yield* ask(`${url}/readyz`, { method: "HEAD" })).toMatchObject({ status: 200, text: "" })
      const refused = yield* ask(`${url}/livez`, { method: "POST" })
      expect(refused.status).toBe(405)
      expect(refused.headers.get("allow")).toBe("GET, HEAD")
    }))
})
