/**
 * Reading the history: what happened, and what happens from now on. Each reader asks the registry for himself, page by
 * page, and nobody does while nobody reads.
 *
 * @internal
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { parseId } from "../../ChildSpec.js"
import { type InvalidChildId, InvalidConfig, type RegistryUnavailable } from "../../PogoError.js"
import type { HistoryEntry, HistoryOptions } from "../../PogoHistory.js"
import type { Node } from "../node/node.js"
import { requestWhenActive } from "../node/registryRequest.js"
import { historyPage, type HistoryRecord, parseHistoryKey } from "../registry/historyRecords.js"
import { entriesOf } from "../replica/historyEntries.js"
import { describe, unknownOption } from "../runtime/userInput.js"

/** How often one who follows looks whether there is news, milliseconds. It costs no request. */
const look = 100

const wrong = (setting: string, value: unknown, rule: string, remedy: string) =>
  new InvalidConfig({ setting: `history ${setting}`, value: describe(value), rule, remedy })

/** Options by their names: a misspelt `since` would otherwise tell of all times. */
const known: ReadonlySet<string> = new Set<keyof HistoryOptions>(["limit", "since"])

/** What is wrong with the options as a whole. */
const faultOf = (options: unknown): InvalidConfig | undefined => {
  if (typeof options !== "object" || options === null) {
    return wrong("options", options, "an object", `give { limit, since }, or leave it out`)
  }
  const unknown = unknownOption(options, known)
  return unknown === undefined
    ? undefined
    : wrong("options", unknown, "an option of the history", `there are ${[...known].join(", ")}`)
}

/** The unix milliseconds from which on entries are asked for. */
const sinceOf = (node: Node, since: HistoryOptions["since"]): Either.Either<number, InvalidConfig> => {
  if (since === undefined) return Either.right(0)
  const millis = since instanceof Date
    ? Option.some(since.getTime())
    : Option.map(Duration.decodeUnknown(since), (ago) => node.ambient.wall() - Duration.toMillis(ago))
  return Option.match(Option.filter(millis, (time) => !Number.isNaN(time)), {
    onNone: () =>
      Either.left(wrong("since", since, "a date, or a duration that has passed since", "write it like \"12 hours\"")),
    onSome: (time) => Either.right(Math.max(0, Math.floor(time)))
  })
}

const limitOf = (limit: number): Either.Either<number, InvalidConfig> =>
  Number.isSafeInteger(limit) && limit >= 1
    ? Either.right(limit)
    : Either.left(wrong("limit", limit, "a whole number from 1 on", "leave it out for 1000"))

/** What happened, the oldest first. */
export const readHistory = (
  node: Node,
  text: string | undefined,
  options: HistoryOptions = {}
): Effect.Effect<ReadonlyArray<HistoryEntry>, InvalidChildId | InvalidConfig | RegistryUnavailable> =>
  Effect.gen(function*() {
    const fault = faultOf(options)
    if (fault !== undefined) return yield* Effect.fail(fault)
    const { limit: asked = 1_000, since: from } = options
    const id = text === undefined ? "" : yield* parseId(text)
    const since = yield* sinceOf(node, from)
    const limit = yield* limitOf(asked)
    const found: Array<HistoryRecord> = []
    for (let cursor = "", more = true; more && found.length < limit;) {
      const args = { id, back: true, cursor, since, limit: limit - found.length }
      const { value } = yield* requestWhenActive(node, "history", args)
      found.push(...value.entries)
      cursor = value.cursor
      more = value.more
    }
    return found.toReversed().flatMap(entriesOf).slice(-limit)
  })

/** How many entries are read at first to find where somebody was: most often it is not long ago. */
const sincePage = 100

/** What somebody has missed who had read as far as a position. */
export interface MissedEntries {
  /** The oldest first. */
  readonly entries: ReadonlyArray<HistoryEntry>
  /** Position of the newest entry there is; 0 for none. Whatever comes later has a higher one. */
  readonly newest: bigint
  /** Whether these are all. Others may be missing where they are too many, or no longer kept. */
  readonly complete: boolean
}

/** What happened since an entry, and at most so many entries of it, the newest. */
export const historySince = (
  node: Node,
  position: bigint,
  limit: number
): Effect.Effect<MissedEntries, RegistryUnavailable> =>
  Effect.gen(function*() {
    const found: Array<HistoryRecord> = []
    let newest = 0n
    let reached = false
    for (let cursor = "", more = true; more && !reached && found.length <= limit;) {
      const args = { id: "", back: true, cursor, since: 0, limit: cursor === "" ? sincePage : historyPage }
      const { value } = yield* requestWhenActive(node, "history", args)
      for (const record of value.entries) {
        if (newest === 0n) newest = BigInt(record.at)
        if (record.at <= position) reached = true
        else found.push(record)
      }
      cursor = value.cursor
      more = value.more
    }
    const entries = found.slice(0, limit).toReversed().flatMap(entriesOf)
    return { entries, newest, complete: reached && found.length <= limit }
  })

/** How far somebody has read. */
interface Place {
  readonly cursor: string
  /** The era, and the newest position of the log, when that was read. */
  readonly era: string
  readonly log: number
  /** Counter of the last entry that was told. */
  readonly last: number
}

const knownLog = ({ session }: Node): number =>
  session === undefined ? 0 : Math.max(session.cursor, session.newestKnown)

/** Waits until the scope has changed since, or the session is another, or this node is closed. */
const news = (node: Node, { era, log }: Place): Effect.Effect<void> =>
  Effect.suspend(() =>
    node.phase === "closed" || (node.session !== undefined && node.session.era !== era) || knownLog(node) > log
      ? Effect.void
      : Effect.zipRight(Effect.sleep(look), news(node, { era, log, cursor: "", last: 0 }))
  )

/** Tries again for as long as the registry does not answer. */
const patiently = <A>(node: Node, effect: Effect.Effect<A, RegistryUnavailable>): Effect.Effect<Option.Option<A>> =>
  Effect.catchAll(Effect.asSome(effect), () =>
    Effect.suspend(() =>
      node.phase === "closed"
        ? Effect.succeedNone
        : Effect.zipRight(Effect.sleep(node.timing.heartbeat), patiently(node, effect))
    ))

type EntriesPage = readonly [entries: Chunk.Chunk<HistoryEntry>, next: Option.Option<Place>]

const end: EntriesPage = [Chunk.empty(), Option.none()]

/** The next page: at once if there is more, or as soon as something has changed. */
const nextPage = (node: Node, place: Place): Effect.Effect<EntriesPage> =>
  Effect.gen(function*() {
    yield* news(node, place)
    const log = knownLog(node)
    const era = node.session?.era ?? place.era
    // Another data set may have another history: it is read from its beginning, save for what was told.
    const cursor = era === place.era || place.era === "" ? place.cursor : "0-0"
    const args = { id: "", back: false, cursor, since: 0, limit: historyPage }
    const answer = yield* patiently(node, requestWhenActive(node, "history", args))
    if (Option.isNone(answer)) return end
    const { high, value: { cursor: reached, entries, more } } = answer.value
    const told = entries.map(({ at }) => at).concat(cursor === "" ? parseHistoryKey(reached)?.at ?? 0 : [])
    // What counts higher than the registry does is none of its entries, and must not hide those to come.
    const last = told.reduce((most, at) => (at > high ? most : Math.max(most, at)), 0)
    return [
      Chunk.fromIterable(entries.filter(({ at }) => at > place.last).flatMap(entriesOf)),
      Option.some({ cursor: reached, era, log: more ? -1 : log, last: Math.max(place.last, last) })
    ]
  })

/**
 * What happens in the scope from now on, until this node is closed. `begun` is run when that now is settled: whatever is
 * written later is told.
 */
export const followHistory = (node: Node, begun: Effect.Effect<unknown> = Effect.void): Stream.Stream<HistoryEntry> =>
  Stream.paginateChunkEffect(
    { cursor: "", era: "", log: -1, last: 0 },
    (place: Place) => place.cursor === "" ? Effect.tap(nextPage(node, place), begun) : nextPage(node, place)
  )
