/**
 * What a process tells over HTTP: whether it lives and is ready, its metrics, and an interface by which operators see and
 * steer the scope, with a page for browsers. Safe by default: read only, from this machine only.
 *
 * Needs `@effect/platform`, and is no part of the index: a program that does not import it does not load it.
 *
 * @since 0.2.0
 */
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { makeConsole } from "./internal/console/console.js"
import {
  type AccessRequest,
  type Actions,
  actionsOf,
  type Authorize,
  type Operator,
  RemoteAddress,
  tokens
} from "./internal/http/access.js"
import { httpApi } from "./internal/http/apiRoutes.js"
import { makeApplication } from "./internal/http/application.js"
import { Probe, probesOf } from "./internal/http/probes.js"
import { Pogo } from "./internal/supervisorTag.js"

export type { AccessRequest, Actions, Authorize, Operator }

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
  /** Probes and metrics of the supervisor of the context. The routes are there once that is built. */
  (options?: HealthOptions): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo>
  /**
   * Probes and metrics of the supervisor that this layer makes. The routes are there at once, and it is built beside them:
   * only once, if the rest of the program is given the same layer.
   */
  <E, R>(
    options: HealthOptions & { readonly supervisor: Layer.Layer<Pogo, E, R> }
  ): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | R>
} = <E, R>(
  options: HealthOptions & { readonly supervisor?: Layer.Layer<Pogo, E, R> } = {}
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo | R> =>
  options.supervisor === undefined
    ? addProbes(options, Layer.context<Pogo>())
    : addProbes(options, options.supervisor)

/**
 * Options of the interface. Its supervisor is that of the context; of several in one process give it another one by
 * `Layer.provide(Layer.effect(Pogo.Pogo, Billing))`, where `Billing` is the tag of that.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** What may be done by it. Default `"none"`: it is read only. */
  readonly actions?: Actions | undefined
  /** Whether payloads of children are shown. Default false: they may hold what not everybody is to see. */
  readonly payload?: boolean | undefined
  /** Whether states of children are shown. Default false. */
  readonly state?: boolean | undefined
  /**
   * Says who asks, for every request. Without it only this machine may ask, directly: not by a proxy, and by a loopback
   * name. `tokens` makes one.
   */
  readonly authorize?: Authorize | undefined
  /**
   * Names of this server, as they stand in the `Host` header, without ports; loopback names are always taken. Default:
   * those alone, or any where there is an `authorize`.
   */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** How many may watch events at a time. More are answered 503. Default 100. */
  readonly maxWatchers?: number | undefined
  /** Longest body of a request, bytes. Default 64 kB; a child's spec may have 256 kB, and a list of them 10 MB. */
  readonly maxBodyBytes?: number | undefined
}

/**
 * The interface as an app of `@effect/platform`, for routers and servers that `layer`, `mount` and `toWebHandler` do not
 * serve. It takes paths that begin where it is mounted.
 *
 * @since 0.2.0
 * @category constructors
 */
export const app = (options: Options = {}): Effect.Effect<HttpApp.Default, never, Pogo | Scope.Scope> =>
  Effect.gen(function*() {
    const pogo = yield* Pogo
    const actions = actionsOf(options.actions ?? "none")
    const [payload, state] = [options.payload ?? false, options.state ?? false]
    const console = yield* makeConsole(pogo, { actions: [...actions], payload, state })
    return yield* makeApplication({
      pogo,
      console,
      rules: {
        actions,
        authorize: options.authorize,
        hosts: options.hosts === undefined ? undefined : new Set(options.hosts.map((host) => host.toLowerCase()))
      },
      maxWatchers: options.maxWatchers ?? 100,
      maxBodyBytes: options.maxBodyBytes ?? 64_000
    })
  })

/**
 * The interface and its page in a server of their own.
 *
 * @example
 * ```ts
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { GroupRegistry, Pogo } from "effect-pogo"
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { Layer } from "effect"
 * import { createServer } from "node:http"
 *
 * // http://localhost:4710, for this machine alone.
 * const ConsoleLive = PogoHttp.layer({ actions: "all" }).pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 4_710 }))
 * )
 *
 * const AppLive = ConsoleLive.pipe(
 *   Layer.provide(Pogo.PogoLive),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * Layer.launch(AppLive)
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<never, never, HttpServer.HttpServer | Pogo> =>
  Layer.unwrapScoped(Effect.map(app(options), (app) => HttpServer.serve(app)))

/**
 * The interface and its page below a path of your own router, such as `/pogo`. All that the page asks for is relative, so
 * that a proxy may serve it under any other path.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Pogo } from "effect-pogo"
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { Layer, Redacted } from "effect"
 * import { createServer } from "node:http"
 *
 * const RoutesLive = Layer.mergeAll(
 *   HttpLayerRouter.add("GET", "/", HttpServerResponse.text("the service itself")),
 *   PogoHttp.mount("/pogo", {
 *     actions: ["restart", "drain", "uncordon"],
 *     authorize: PogoHttp.tokens({ alice: Redacted.make("a long random text") })
 *   })
 * )
 *
 * const ServerLive = HttpLayerRouter.serve(RoutesLive).pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { port: 3_000 })),
 *   Layer.provide(Pogo.layerMemory())
 * )
 * Layer.launch(ServerLive)
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const mount = (
  path: `/${string}`,
  options: Options = {}
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Pogo> =>
  Layer.scopedDiscard(
    Effect.gen(function*() {
      const handler = yield* app(options)
      const prefix = path.replace(/\/+$/, "")
      const router = yield* HttpLayerRouter.HttpRouter
      const below = prefix === "" ? router : router.prefixed(prefix)
      yield* below.add("*", "/", handler)
      yield* below.add("*", "/*", handler)
    })
  )

/**
 * A handler of web-standard requests, and its end.
 *
 * @since 0.2.0
 * @category models
 */
export interface WebHandler {
  /**
   * Answers a request. `remoteAddress` is that of the other end of the connection: without it, and without `authorize`,
   * every request is refused, since nobody knows where it comes from.
   */
  readonly handler: (request: Request, info?: { readonly remoteAddress?: string | undefined }) => Promise<Response>
  /** Ends the streams of those who watch, and the work for them. */
  readonly dispose: () => Promise<void>
}

/**
 * The interface and its page as a handler of web-standard requests: for Hono, Fastify, Express, Bun, Deno, and every other
 * server that has a `Request` to give. `path` is where it is mounted, if the requests' URLs have that before them. The
 * package's `examples/web-servers` have Express, Fastify and Hono.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { ManagedRuntime, Redacted } from "effect"
 *
 * const runtime = ManagedRuntime.make(Pogo.layerMemory())
 * const { handler } = await runtime.runPromise(
 *   PogoHttp.toWebHandler({
 *     path: "/pogo",
 *     authorize: PogoHttp.tokens({ alice: Redacted.make("a long random text") })
 *   })
 * )
 * // Hono: app.all("/pogo/*", (c) => handler(c.req.raw))
 * const response = await handler(new Request("http://localhost/pogo/api/about"))
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const toWebHandler = (
  options: Options & { readonly path?: `/${string}` | undefined } = {}
): Effect.Effect<WebHandler, never, Pogo> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const handler = yield* Scope.extend(app(options), scope)
    const handle = HttpApp.toWebHandlerRuntime(yield* Effect.runtime())(withoutPrefix(handler, options.path ?? "/"))
    return {
      handler: (request, { remoteAddress } = {}) =>
        handle(request, remoteAddress === undefined ? undefined : withAddress(remoteAddress)),
      dispose: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
  })

/** Requests outside of the path stay as they are, and find nothing. */
const withoutPrefix = (handler: HttpApp.Default, path: string): HttpApp.Default => {
  const prefix = path.replace(/\/+$/, "")
  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const rest = request.url.slice(prefix.length)
    if (!request.url.startsWith(prefix) || !/^(?:$|[/?#])/.test(rest)) return handler
    const url = rest.startsWith("/") ? rest : `/${rest}`
    return Effect.provideService(handler, HttpServerRequest.HttpServerRequest, request.modify({ url }))
  })
}

const withAddress = (address: string) => Context.make(RemoteAddress, address) as Context.Context<never>

/**
 * An `authorize` for people and programs with tokens, by their names; what somebody may do can be less than `actions`
 * allow. Programs send `Authorization: Bearer`; browsers ask for a name, which does not matter, and a password, which is
 * the token. Tokens are compared in constant time; make them long and random, and serve them over TLS.
 *
 * @example
 * ```ts
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { Redacted } from "effect"
 *
 * const authorize = PogoHttp.tokens({
 *   alice: Redacted.make(process.env.ALICE_TOKEN ?? ""),
 *   prometheus: { token: Redacted.make(process.env.SCRAPE_TOKEN ?? ""), actions: "none" }
 * })
 * authorize satisfies PogoHttp.Authorize
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export { tokens }

/**
 * The interface as an `HttpApi`: what it takes and answers, of which OpenAPI (at `openapi.json`) and `client` are made.
 *
 * @since 0.2.0
 * @category api
 */
export const api = httpApi

/**
 * A typed client of the interface that is served at a URL.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import * as PogoHttp from "effect-pogo/PogoHttp"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* PogoHttp.client("https://internal.example.com/pogo", { token: Redacted.make("...") })
 *   const failed = yield* client.children({ urlParams: { q: "status:failed" } })
 *   return failed.rows.map(({ id, note }) => `${id}: ${note}`)
 * })
 * Effect.provide(program, FetchHttpClient.layer) satisfies Effect.Effect<ReadonlyArray<string>, unknown>
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const client = (url: string | URL, options: { readonly token?: Redacted.Redacted | undefined } = {}) =>
  HttpApiClient.make(httpApi, {
    baseUrl: url,
    transformClient: HttpClient.mapRequest((request) => {
      // A program says by itself that no page of another site has it ask; a browser sets this header alone.
      const own = HttpClientRequest.setHeader(request, "sec-fetch-site", "same-origin")
      return options.token === undefined ? own : HttpClientRequest.bearerToken(own, options.token)
    })
  })
