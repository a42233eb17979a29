/**
 * Accessors of `Pogo` about the history.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { InvalidChildId, InvalidConfig, RegistryUnavailable } from "../PogoError.js"
import type { HistoryEntry, HistoryOptions } from "../PogoHistory.js"
import { Pogo } from "./supervisorTag.js"

/**
 * What happened in the scope, or to one child: which node claimed it, when its runs began and how they ended, why it was
 * stopped and where it went, who terminated it; and how nodes joined, left and were lost. From any node or client, the
 * oldest entry first. The registry keeps the last 20,000 entries, or four per child if that is more, for seven days
 * (`maxHistory`, `keepHistory`); it is asked once per 1,000 entries that it has to look through.
 *
 * Fails with `InvalidConfig` for a `since` or a `limit` that is none, and for another option.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import { Effect } from "effect"
 *
 * // What became of a child last night?
 * const night = Effect.gen(function*() {
 *   for (const { at, node, note, to, what } of yield* Pogo.history("Monitor/eu", { since: "12 hours" })) {
 *     yield* Effect.log(`${at.toISOString()} ${what} on ${node} ${note ?? ""} ${to ?? ""}`)
 *   }
 * })
 * ```
 *
 * @since 0.2.0
 * @category accessors
 */
export const history = (
  id?: string,
  options?: HistoryOptions
): Effect.Effect<
  ReadonlyArray<HistoryEntry>,
  InvalidChildId | InvalidConfig | RegistryUnavailable,
  Pogo
> => Effect.flatMap(Pogo, (pogo) => pogo.history(id, options))

/**
 * What happens on all nodes from now on, as entries of the history: from any node or client, in order and without gaps,
 * a moment later than it happens. `events` tells at once what happens on this node alone, and more of it. While nobody
 * listens it costs nothing; each listener reads the registry for himself whenever the scope has changed, ten times a
 * second at most. Waits while the registry cannot be reached, goes on where it was, and ends when this supervisor is
 * closed.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import { Effect, Stream } from "effect"
 *
 * const alarms = Pogo.scopeEvents.pipe(
 *   Stream.filter(({ what }) => what === "failed" || what === "leaseLost" || what === "gone"),
 *   Stream.runForEach(({ id, node, what }) => Effect.logError(`${what}: ${id ?? node}`))
 * )
 * ```
 *
 * @since 0.2.0
 * @category accessors
 */
export const scopeEvents: Stream.Stream<HistoryEntry, never, Pogo> = Stream.unwrap(
  Effect.map(Pogo, (pogo) => pogo.scopeEvents)
)
