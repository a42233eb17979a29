/**
 * What Kubernetes and Prometheus ask a process: whether it lives, has started, and is ready, and its metrics. A
 * supervisor is asked as soon as there is one: these answer while it is being built.
 *
 * @internal
 */
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { Internals } from "../internals.js"
import type { Node } from "../node/node.js"
import { printCause } from "../runtime/userCode.js"
import type { Service } from "../supervisorTag.js"
import { metricsText, metricsType } from "./prometheus.js"

/** What is known of a supervisor: it is being built, could not be, or is there. */
type Found =
  | { readonly _tag: "Building" }
  | { readonly _tag: "Failed"; readonly why: string }
  | { readonly _tag: "Built"; readonly pogo: Service }

/** A verdict, and why, in words. */
interface Health {
  readonly ok: boolean
  readonly text: string
}

/** Why a supervisor is not ready, in words. */
const whyNotReady = (node: Node): string => {
  const { client, config, joinProblem, phase } = node
  const scope = `the scope ${JSON.stringify(config.scope)}`
  switch (phase) {
    case "closed":
      return "it is shut down"
    case "joining":
      return `it has not joined ${scope}${joinProblem === "" ? "" : ` (${joinProblem})`}; it goes on trying`
    case "opening":
      return "the registry's data is new: nothing is granted until one ttl is over"
    case "syncing":
      return `it still reads what ${scope} holds`
    case "active":
      if (client) return "it does not reach the registry, or nobody renews a lease in its scope"
      return "its lease has ended, since the registry does not answer in time"
  }
}

/** A supervisor, as its probes see it. */
export class Probe {
  private found: Found = { _tag: "Building" }
  private started = false

  /** Builds the supervisor, or waits for it, and notes that it has started when it was ready once. */
  watch<E, R>(build: Effect.Effect<Service, E, R>): Effect.Effect<void, never, R> {
    return build.pipe(
      Effect.tap((pogo) =>
        Effect.sync(() => {
          this.found = { _tag: "Built", pogo }
        })
      ),
      Effect.flatMap((pogo) => Effect.either(pogo.awaitReady)),
      Effect.map(({ _tag }) => {
        this.started ||= _tag === "Right"
      }),
      Effect.catchAllCause((cause: Cause.Cause<E>) =>
        Effect.sync(() => {
          this.found = { _tag: "Failed", why: printCause(cause, 300) }
        })
      )
    )
  }

  readonly ready: Effect.Effect<Health> = Effect.suspend(() => {
    const { found } = this
    if (found._tag === "Building") {
      return Effect.succeed({ ok: false, text: "not ready: the supervisor is being built; it waits for the registry" })
    }
    if (found._tag === "Failed") {
      return Effect.succeed({ ok: false, text: `not ready: the supervisor could not be built: ${found.why}` })
    }
    const { node } = found.pogo[Internals]
    return Effect.map(
      found.pogo.ready,
      (ok) => ({ ok, text: ok ? "ready" : `not ready: ${whyNotReady(node)}` })
    )
  })

  readonly startup: Effect.Effect<Health> = Effect.suspend(() =>
    this.started
      ? Effect.succeed({ ok: true, text: "started" })
      : Effect.map(
        this.ready,
        ({ ok, text }) => ({ ok, text: ok ? "started" : text.replace(/^not ready/, "not started") })
      )
  )
}

const plain = ({ ok, text }: Health) =>
  HttpServerResponse.text(`${text}\n`, { status: ok ? 200 : 503, headers: quietHeaders })

/** Probes are never cached, and what they say is no page. */
const quietHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

/** The metrics of the process, as Prometheus reads them. */
const metrics: Effect.Effect<HttpServerResponse.HttpServerResponse> = Effect.map(
  Metric.snapshot,
  (pairs) => HttpServerResponse.text(metricsText(pairs), { contentType: metricsType, headers: quietHeaders })
)

/** Names of the probes, and what answers there. */
export type ProbeName = "livez" | "readyz" | "startupz" | "metrics"

type ProbeAnswer = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Answers to GET and HEAD; other methods are refused. They leave no line in the log. */
const reading = (answer: Effect.Effect<HttpServerResponse.HttpServerResponse>): ProbeAnswer =>
  HttpMiddleware.withLoggerDisabled(
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method }) =>
      method === "GET" || method === "HEAD"
        ? answer
        : Effect.succeed(
          HttpServerResponse.text("use GET\n", { status: 405, headers: { ...quietHeaders, allow: "GET, HEAD" } })
        ))
  )

/** The answers of a supervisor's probes. */
export const probesOf = (probe: Probe): Readonly<Record<ProbeName, ProbeAnswer>> => ({
  // The process alone: not the registry, or all processes are killed when that is away.
  livez: reading(Effect.succeed(plain({ ok: true, text: "alive" }))),
  readyz: reading(Effect.map(probe.ready, plain)),
  startupz: reading(Effect.map(probe.startup, plain)),
  metrics: reading(metrics)
})
