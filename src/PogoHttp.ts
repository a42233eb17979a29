/**
 * What a process tells over HTTP: whether it lives and is ready, and its metrics.
 *
 * Needs `@effect/platform`, and is no part of the index: a program that does not import it does not load it.
 *
 * @since 0.2.0
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import { Probe, probesOf } from "./internal/http/probes.js"
import { Pogo } from "./internal/supervisorTag.js"

/**
 * Options of the probes.
 *
 * @since 0.2.0
 * @category models
 */
export interface HealthOptions {
  /** Path below which they are served. Default `/`: `/livez`, `/readyz`, `/startupz`, `/metrics`. */
  readonly path?: `/${string}` | undefined
}

const addProbes = <E, R>(options: HealthOptions, supervisor: Layer.Layer<Pogo, E, R>) =>
  Layer.scopedDiscard(
    Effect.gen(function*() {
      const [router, memoMap, scope] = [
        yield* HttpLayerRouter.HttpRouter,
        yield* Layer.CurrentMemoMap,
        yield* Effect.scope
      ]
      const probe = new Probe()
      const prefix = (options.path ?? "").replace(/\/+$/, "")
      for (const [name, answer] of Object.entries(probesOf(probe))) {
        yield* router.add("*", `${prefix as "/"}/${name}`, answer)
      }
      // As a part of another layer, since those alone are shared.
      const build = Layer.buildWithMemoMap(Layer.map(supervisor, identity), memoMap, scope)
      yield* Effect.forkScoped(probe.watch(Effect.map(build, (context) => Context.get(context, Pogo))))
    })
  )

/**
 * Probes for Kubernetes, and metrics for Prometheus, as routes of your own router: no page, no actions, usable alone.
 * They answer as soon as the server listens, also while the registry is away.
 *
 * | path        | answers 200 when                                                                   |
 * | ----------- | ---------------------------------------------------------------------------------- |
 * | `/livez`    | the process answers at all: the registry plays no part                             |
 * | `/readyz`   | `Pogo.ready`; else 503, with the reason in words                                   |
 * | `/startupz` | the node was ready once                                                            |
 * | `/metrics`  | always: all metrics of the process as Prometheus' text, with seconds as the unit   |
 *
 * Whoever reaches the port may ask them. They tell names of nodes and kinds, and what the registry's connection fails
 * with, so keep the port inside.
 *
 * Without a `supervisor` it is that of the context, and the routes are there once it is built. Give its layer to have them
 * at once: it is built beside the server, and only once if the rest of the program is given the same layer.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter } from "@effect/platform"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Child, Pogo } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { Config, Effect, Layer } from "effect"
 * import { createServer } from "node:http"
 *
 * const Ticker = Child.make("Ticker", { payload: {} })
 * const TickerLive = Ticker.toLayer(() => Effect.never)
 *
 * const SupervisorLive = Pogo.layerConfig({ children: [Ticker.spec("one", {})] }).pipe(
 *   Layer.provide(GroupRegistryRedis.layerConfig({ url: Config.redacted("REDIS_URL") }))
 * )
 *
 * const HealthLive = HttpLayerRouter.serve(PogoHttp.health({ supervisor: SupervisorLive })).pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { port: 9_090 }))
 * )
 *
 * Layer.launch(Layer.merge(HealthLive, Layer.provide(TickerLive, SupervisorLive)))
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const health: {
  (options?: HealthOptions): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo>
  <E, R>(
    options: HealthOptions & { readonly supervisor: Layer.Layer<Pogo, E, R> }
  ): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | R>
} = <E, R>(
  options: HealthOptions & { readonly supervisor?: Layer.Layer<Pogo, E, R> } = {}
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo | R> =>
  options.supervisor === undefined
    ? addProbes(options, Layer.context<Pogo>())
    : addProbes(options, options.supervisor)
