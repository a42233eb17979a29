/**
 * The whole interface as one HTTP app: who asks is judged first, then the body is read within bounds, then the request
 * goes to its handler. What goes wrong is told as a problem, and every answer has the headers that keep browsers strict.
 *
 * @internal
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ConsoleMethods } from "../console/console.js"
import { logError, printCause } from "../runtime/userCode.js"
import type { Service } from "../supervisorTag.js"
import { type AccessRules, admit, isSafe } from "./access.js"
import { httpApi } from "./apiRoutes.js"
import { makeFeeds } from "./feeds.js"
import { CurrentVisitor, handlersLive } from "./handlers.js"
import { Pages } from "./pages.js"
import { Probe, type ProbeName, probesOf } from "./probes.js"
import {
  answerOf,
  InternalError,
  InvalidRequest,
  isProblem,
  MethodNotAllowed,
  Missing,
  type Problem
} from "./problems.js"
import { readBody } from "./requestBody.js"

/** What an interface is made of. */
export interface Application {
  readonly pogo: Service
  readonly console: ConsoleMethods
  readonly rules: AccessRules
  readonly maxWatchers: number
  readonly maxBodyBytes: number
}

type Responding = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Longest path with its query, characters. */
const maxUrl = 8_000

/** Longest list of specs, bytes. */
const maxListBytes = 10_000_000

/** Longest spec, bytes: 64 kB of canonical JSON may be written at more length. */
const maxSpecBytes = 256_000

/** Every answer's headers: nothing is run, framed, guessed or passed on. */
const strict: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
}

const noStore = { "cache-control": "no-store" }

/** Methods by path. */
const methodsByPath = (() => {
  const found = new Map<string, Set<string>>([["/api/changes", new Set(["GET"])], ["/api/stream", new Set(["GET"])]])
  HttpApi.reflect(httpApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint: { method, path } }) => {
      found.set(path, (found.get(path) ?? new Set()).add(method))
    }
  })
  return found
})()

const pathOf = (url: string): string => /^[^?#]*/.exec(url)![0]

/** Methods that a path takes: pages and what is not there are read only. */
const methodsOf = (path: string): ReadonlyArray<string> => {
  const methods = [...methodsByPath.get(path) ?? ["GET"]]
  return methods.includes("GET") ? [...methods, "HEAD"] : methods
}

/** Refuses a method that the path does not take. */
const checkMethod = (path: string, method: string): Effect.Effect<void, MethodNotAllowed> => {
  const methods = methodsOf(path)
  if (methods.includes(method)) return Effect.void
  const message = `${path.slice(0, 100)} does not take ${method.slice(0, 20)}.`
  return Effect.fail(new MethodNotAllowed({ message, remedy: `use ${methods.join(" or ")}` }))
}

/** What a failure is to whoever asked. What is a fault of ours is logged, and not told. */
const problemOf = (cause: Cause.Cause<unknown>): Effect.Effect<Problem> => {
  const failure = Cause.squash(cause)
  if (isProblem(failure)) return Effect.succeed(failure)
  if (failure instanceof HttpApiDecodeError) {
    const [issue] = failure.issues
    const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")}: `
    const message = `${where}${issue?.message ?? "it does not fit"}`.slice(0, 500)
    return Effect.succeed(new InvalidRequest({ message, remedy: "`openapi.json` says what is taken" }))
  }
  if (failure instanceof HttpServerError.RouteNotFound) {
    return Effect.succeed(
      new Missing({ message: "There is no such page.", remedy: "`openapi.json` lists what there is" })
    )
  }
  if (failure instanceof HttpServerError.RequestError) {
    return Effect.succeed(
      new InvalidRequest({ message: "The request cannot be read: is its body JSON?", remedy: "send a body of JSON" })
    )
  }
  return Effect.as(
    logError(`HTTP: a request failed: ${printCause(cause)}`),
    new InternalError({ message: "The request failed.", remedy: "see the log of the process that answers" })
  )
}

/** The endpoints of the interface, as a router. */
const makeRouter = (application: Application) =>
  Effect.gen(function*() {
    // Built apart from the program's own layers: an interface of its own would have the same router.
    const context = yield* Layer.build(
      Layer.mergeAll(Layer.provideMerge(handlersLive(application), HttpApiBuilder.Router.Live), HttpServer.layerContext)
    )
    const router = yield* Context.get(context, HttpApiBuilder.Router).router
    const app = yield* HttpRouter.toHttpApp(router)
    return Effect.mapInputContext(
      app as Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest>,
      (input: Context.Context<HttpServerRequest.HttpServerRequest | Scope.Scope>) => Context.merge(context, input)
    )
  })

/** Sends a browser from `/pogo` to `/pogo/`, below which the page's own paths are. */
const toFolder = (request: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse | undefined => {
  const path = pathOf(request.originalUrl.replace(/^https?:\/\/[^/?#]*/i, ""))
  const last = path.slice(path.lastIndexOf("/") + 1)
  return last === "" ? undefined : HttpServerResponse.empty({ status: 308, headers: { location: `./${last}/` } })
}

/** The interface. */
export const makeApplication = (application: Application): Effect.Effect<HttpApp.Default, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { maxBodyBytes, rules } = application
    const router = yield* makeRouter(application)
    const feeds = yield* makeFeeds(application)
    const pages = new Pages()
    const probe = new Probe()
    yield* Effect.forkScoped(probe.watch(Effect.succeed(application.pogo)))
    const probes = probesOf(probe)

    const limitOf = (path: string): number =>
      path === "/api/reconcile" ? maxListBytes : path === "/api/children" ? maxSpecBytes : maxBodyBytes

    const ask = (path: string, request: HttpServerRequest.HttpServerRequest): Responding => {
      if (path === "/api/changes") return feeds.changes(request)
      if (path === "/api/stream") return feeds.stream(request)
      if (path.startsWith("/api/")) {
        return isSafe(request.method) ?
          router :
          Effect.flatMap(
            readBody(request, limitOf(path)),
            (whole) => Effect.provideService(router, HttpServerRequest.HttpServerRequest, whole)
          )
      }
      if (path === "/openapi.json") return Effect.sync(() => HttpServerResponse.unsafeJson(OpenApi.fromApi(httpApi)))
      if (path === "/metrics") return probes.metrics
      const elsewhere = path === "/" ? toFolder(request) : undefined
      return elsewhere === undefined ? pages.serve(path, request) : Effect.succeed(elsewhere)
    }

    const guarded = (request: HttpServerRequest.HttpServerRequest): Responding =>
      Effect.gen(function*() {
        const path = pathOf(request.url)
        const name = path.slice(1)
        // Whoever keeps processes alive may not have a token; these tell next to nothing.
        if (name === "livez" || name === "readyz" || name === "startupz") return yield* probes[name satisfies ProbeName]
        if (request.url.length > maxUrl) {
          const message = `The path and its query have more than ${maxUrl} characters.`
          return yield* Effect.fail(new InvalidRequest({ message, remedy: "ask for less" }))
        }
        const caller = yield* admit(request, rules)
        yield* checkMethod(path, request.method)
        return yield* Effect.provideService(ask(path, request), CurrentVisitor, caller)
      })

    const refusal = (request: HttpServerRequest.HttpServerRequest, cause: Cause.Cause<unknown>) =>
      Effect.map(problemOf(cause), (found) => {
        const headers: Record<string, string> = {}
        if (found._tag === "Unauthorized") headers["www-authenticate"] = rules.authorize?.challenge ?? "Bearer"
        if (found._tag === "MethodNotAllowed") headers["allow"] = methodsOf(pathOf(request.url)).join(", ")
        if (found._tag === "Unavailable") headers["retry-after"] = "5"
        // What was not read of a body is not waited for.
        if (!isSafe(request.method)) headers["connection"] = "close"
        return answerOf(found, headers)
      })

    return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      guarded(request).pipe(
        Effect.catchAllCause((
          cause
        ) => (Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : refusal(request, cause))),
        Effect.map((response) => {
          const caching = "cache-control" in response.headers ? {} : noStore
          return HttpServerResponse.setHeaders(response, { ...strict, ...caching })
        })
      )) as HttpApp.Default
  })
