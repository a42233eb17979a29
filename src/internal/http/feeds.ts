/**
 * The two feeds of the interface: that something has changed, and what happens on all nodes.
 *
 * @internal
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { HistoryEntry } from "../../PogoHistory.js"
import { Change } from "../console/answers.js"
import type { ConsoleMethods } from "../console/console.js"
import type { Service } from "../supervisorTag.js"
import { type Feed, makeFeed, type Seats } from "./feed.js"
import type { Unavailable } from "./problems.js"

type Streamed = Effect.Effect<HttpServerResponse.HttpServerResponse, Unavailable, Scope.Scope>

/** Answers of the paths that stream. */
export interface Feeds {
  readonly changes: (request: HttpServerRequest.HttpServerRequest) => Streamed
  readonly stream: (request: HttpServerRequest.HttpServerRequest) => Streamed
}

/** Ends the connection of a request that does not read its answer, where its server shows the socket. */
const cutterOf = ({ source }: HttpServerRequest.HttpServerRequest) => (): void => {
  const { socket } = source as { readonly socket?: { readonly destroy?: () => void } }
  if (typeof socket?.destroy === "function") socket.destroy()
}

// Proxies such as nginx would otherwise gather some kilobytes before they pass anything on.
const headers = { "cache-control": "no-store, no-transform", "x-accel-buffering": "no" }

const serve = <A>(feed: Feed<A>) => (request: HttpServerRequest.HttpServerRequest): Streamed =>
  request.method === "HEAD"
    ? Effect.succeed(
      HttpServerResponse.empty({ status: 200, headers: { ...headers, "content-type": "text/event-stream" } })
    )
    : Effect.map(
      feed.watch(cutterOf(request)),
      (bytes) => HttpServerResponse.stream(bytes, { contentType: "text/event-stream", headers })
    )

/** The feeds of an interface. */
export const makeFeeds = (
  { console, maxWatchers, pogo }: {
    readonly console: Pick<ConsoleMethods, "changes">
    readonly pogo: Pick<Service, "scopeEvents">
    readonly maxWatchers: number
  }
): Effect.Effect<Feeds, never, Scope.Scope> =>
  Effect.gen(function*() {
    const seats: Seats = { max: maxWatchers, taken: 0 }
    const changes = yield* makeFeed(
      { event: "change", items: console.changes, encode: Schema.encodeSync(Change), replaysLast: true },
      seats
    )
    const entries = yield* makeFeed(
      {
        event: "entry",
        items: pogo.scopeEvents,
        encode: Schema.encodeSync(HistoryEntry),
        id: ({ position }) => position.toString(),
        replaysLast: false
      },
      seats
    )
    return { changes: serve(changes), stream: serve(entries) }
  })
