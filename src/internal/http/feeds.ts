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
import { followHistory, historySince } from "../commands/historyQueries.js"
import { Change } from "../console/answers.js"
import type { ConsoleMethods } from "../console/console.js"
import { Internals } from "../internals.js"
import type { Service } from "../supervisorTag.js"
import { type Feed, makeFeed, type Seats } from "./feed.js"
import type { Unavailable } from "./problems.js"

type Streamed = Effect.Effect<HttpServerResponse.HttpServerResponse, Unavailable, Scope.Scope>

/** Answers of the paths that stream. */
export interface Feeds {
  readonly changes: (request: HttpServerRequest.HttpServerRequest) => Streamed
  readonly stream: (request: HttpServerRequest.HttpServerRequest) => Streamed
}

/** How many entries one who comes back is told of those that he missed, the newest. */
const maxMissed = 1_000

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
      feed.watch(cutterOf(request), request.headers["last-event-id"]),
      (bytes) => HttpServerResponse.stream(bytes, { contentType: "text/event-stream", headers })
    )

/** The feeds of an interface. */
export const makeFeeds = (
  { console, maxWatchers, pogo }: {
    readonly console: Pick<ConsoleMethods, "changes">
    readonly pogo: Pick<Service, typeof Internals>
    readonly maxWatchers: number
  }
): Effect.Effect<Feeds, never, Scope.Scope> =>
  Effect.gen(function*() {
    const seats: Seats = { max: maxWatchers, taken: 0 }
    const changes = yield* makeFeed(
      { event: "change", items: () => console.changes, encode: Schema.encodeSync(Change), replaysLast: true },
      seats
    )
    const { node } = pogo[Internals]
    const missed = (id: string) =>
      Effect.map(
        historySince(node, BigInt(id), maxMissed),
        ({ complete, entries, newest }) => ({ items: entries, newest, complete })
      )
    const entries = yield* makeFeed(
      {
        event: "entry",
        items: (begun) => followHistory(node, begun),
        encode: Schema.encodeSync(HistoryEntry),
        // The two entries of a takeover have one position: who has read the first alone hears both again.
        id: ({ position, what }) => what === "lost" ? undefined : position.toString(),
        replaysLast: false,
        memory: {
          since: (id) => /^\d{1,16}$/.test(id) ? missed(id) : undefined,
          placeOf: ({ position }) => position
        }
      },
      seats
    )
    return { changes: serve(changes), stream: serve(entries) }
  })
