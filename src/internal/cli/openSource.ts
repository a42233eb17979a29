/**
 * Reaching the scope that is meant.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Usage } from "./failures.js"
import { type GivenPlace, placeOf } from "./place.js"
import type { ScopeSource, SourceFailure } from "./source.js"

/** Reaches the scope that is meant. */
export const openSource = (given: GivenPlace): Effect.Effect<ScopeSource, SourceFailure, Scope.Scope> =>
  Effect.flatMap(placeOf(given), (place) =>
    place._tag === "Redis"
      // Loaded now and not before: a client of Redis takes a while.
      ? Effect.flatMap(Effect.promise(() => import("./redisSource.js")), ({ openRedis }) => openRedis(place))
      : Effect.flatMap(Effect.promise(() => import("./httpSource.js")), ({ openHttp }) => openHttp(place)))

/** Serves the dashboard of a scope in a Redis. */
export const ui = (given: GivenPlace, options: { readonly port: number; readonly readOnly: boolean }) =>
  Effect.gen(function*() {
    const place = yield* placeOf(given)
    if (place._tag === "Http") return yield* new Usage({ sentence: `open ${place.url}/ itself, or give --redis` })
    const { serveUi } = yield* Effect.promise(() => import("./uiCommand.js"))
    return yield* serveUi(place, options)
  })
