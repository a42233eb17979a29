/**
 * The events of the last hour: those that match a query, like ones of a burst as one line, and how many there were each
 * minute.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { eachSlice } from "../runtime/slices.js"
import type { EventGroup, EventLine, EventList } from "./answers.js"
import { causeWords, eventLine, type Happening, sentenceOf } from "./eventWords.js"
import { type HistoryFeed, hour } from "./historyFeed.js"
import { plain } from "./marks.js"
import { nameTest, parseQuery, printTerm, type QueryKeys, type Term } from "./query.js"

/** Which events are asked for. */
export interface EventQuestion {
  readonly q?: string | undefined
  /** The beginning of one minute; missing for the last hour. */
  readonly minute?: Date | undefined
  /** How many lines at most. Default 200, at most 1,000. */
  readonly limit?: number | undefined
}

const minute = 60_000

/** Like events so close to each other are one line, milliseconds. */
const burst = 20_000

/** Lines, and events behind a line, that are told at most. */
const usualLines = 200
const maxLines = 1_000
const maxItems = 200

/** What an operator calls what happened: the end of a session without a word is a loss, however it was found. */
const nameOf = ({ what }: Happening): string =>
  what === "leaseLost" || what === "gone" ? "lost" : what === "era" ? "data" : what

/** The names of what happens, most wanted first. */
export const eventNames = [
  "moved",
  "exited",
  "failed",
  "overdue",
  "lost",
  "joined",
  "left",
  "started",
  "restarted",
  "replaced",
  "registered",
  "terminated",
  "ended",
  "refused",
  "cordoned",
  "drained",
  "uncordoned",
  "data",
  "running",
  "claimed",
  "stopped"
] as const

/** Shown only if they are asked for: they are the halves of what is shown. */
const halves: ReadonlySet<string> = new Set(["running", "claimed", "stopped"])

/** The keys of queries about events. */
export const eventKeys: QueryKeys = {
  what: {
    hint: "moved, failed, lost, ...",
    fault: (value) =>
      value === "" || eventNames.some((name) => name.startsWith(value.toLowerCase()))
        ? undefined
        : `There is no event "${value}". There are: ${eventNames.join(", ")}.`
  },
  kind: { hint: "of children" },
  node: { hint: "where it happened" },
  by: { hint: "who asked for it" }
}

type EventTest = (event: Happening) => boolean

const testOf = (key: string, value: string): EventTest => {
  if (key === "what") return (event) => nameOf(event).startsWith(value.toLowerCase())
  const test = nameTest(value)
  const isOne = (name: string | undefined) => name !== undefined && test(name)
  if (key === "kind") return ({ id }) => isOne(id?.slice(0, id.indexOf("/")))
  if (key === "by") return ({ by }) => isOne(by)
  return ({ node, to }) => isOne(node) || isOne(to)
}

const termTest = ({ key, not, values }: Term): EventTest => {
  if (key === undefined) {
    const word = values[0]!.toLowerCase()
    return ({ by, id, node, note, to }) =>
      [id, node, to, note, by].some((text) => text?.toLowerCase().includes(word) === true) !== not
  }
  const written = values.filter((value) => value !== "")
  if (written.length === 0) return () => true
  const tests = written.map((value) => testOf(key, value))
  return (event) => tests.some((test) => test(event)) !== not
}

/** Whether an event is half of another one that is told. A child that was lost has moved, or waits. */
const isHalf = (event: Happening): boolean =>
  halves.has(event.what) || (event.what === "lost" && event.id !== undefined)

const matcher = (terms: ReadonlyArray<Term>): EventTest => {
  const tests = terms.map(termTest)
  const asksWhat = terms.some(({ key, not, values }) => key === "what" && !not && values.length > 0)
  return (event) => (asksWhat || !isHalf(event)) && tests.every((test) => test(event))
}

/** What makes events alike. Events of nodes are told one by one. */
const likeness = (event: Happening): string =>
  event.id === undefined
    ? `${event.position} ${event.what}`
    : `${event.what}\n${causeWords(event)}\n${event.what === "moved" ? event.node : ""}`

/** A single event, with its sentence. */
const single = (event: Happening): EventLine => eventLine(event, sentenceOf([event]))

const groupOf = (events: ReadonlyArray<Happening>): typeof EventGroup.Type => {
  const [newest] = events
  return {
    event: single(newest!),
    count: events.length,
    text: sentenceOf(events),
    more: causeWords(newest!),
    items: events.length === 1 ? [] : events.slice(0, maxItems).map(single)
  }
}

const counted: { readonly [strip: string]: ReadonlySet<string> } = {
  nodes: new Set(["joined", "left", "leaseLost", "gone", "cordoned", "drained", "uncordoned"]),
  moves: new Set(["moved"]),
  failures: new Set(["failed"]),
  restarts: new Set(["exited"])
}

/** Events of each minute of the last hour, by their strips. */
const minutesOf = (events: ReadonlyArray<Happening>, now: number): typeof EventList.Type["minutes"] => {
  const from = Math.floor(now / minute) * minute - hour + minute
  const strips: Record<string, Array<number>> = {}
  for (const name of Object.keys(counted)) strips[name] = Array.from({ length: 60 }, () => 0)
  for (const { at, count, what } of events) {
    const i = Math.floor((at.getTime() - from) / minute)
    if (i < 0 || i >= 60) continue
    for (const [name, whats] of Object.entries(counted)) if (whats.has(what)) strips[name]![i]! += count
  }
  const { failures = [], moves = [], nodes = [], restarts = [] } = strips
  return { from: new Date(from), nodes, moves, failures, restarts }
}

/** Groups like events of a burst, the newest first. `events`: the newest first. */
const grouped = (events: ReadonlyArray<Happening>): ReadonlyArray<ReadonlyArray<Happening>> => {
  const groups: Array<Array<Happening>> = []
  const open = new Map<string, Array<Happening>>()
  for (const event of events) {
    const key = likeness(event)
    const group = open.get(key)
    if (group !== undefined && group.at(-1)!.at.getTime() - event.at.getTime() < burst) group.push(event)
    else {
      const begun = [event]
      open.set(key, begun)
      groups.push(begun)
    }
  }
  return groups
}

const hintOf = (feed: HistoryFeed, terms: ReadonlyArray<Term>): string => {
  for (const [i, term] of terms.entries()) {
    const test = matcher(terms.filter((_, j) => j !== i))
    const without = feed.events.filter(test).length
    if (without > 0) {
      return `Without ${plain(printTerm(term))} there ${
        without === 1 ? "is 1" : `are ${without.toLocaleString("en")}`
      }.`
    }
  }
  return terms.length === 0 ? "The last hour was quiet." : "Take a term out, or clear the query."
}

/** Events of a question. */
export const listEvents = (
  node: Node,
  feed: HistoryFeed,
  { limit = usualLines, minute: of, q = "" }: EventQuestion
): Effect.Effect<typeof EventList.Type> =>
  Effect.gen(function*() {
    yield* feed.refresh
    const { problem, terms } = parseQuery(q, eventKeys)
    const now = node.ambient.wall()
    const test = problem === undefined ? matcher(terms) : () => false
    const found: Array<Happening> = []
    const [from, to] = of === undefined ? [0, Infinity] : [of.getTime(), of.getTime() + minute]
    yield* eachSlice(node, feed.events.toReversed(), 2_000, (event) => {
      const at = event.at.getTime()
      if (at >= from && at < to && test(event)) found.push(event)
    })
    const lines = Math.max(1, Math.min(maxLines, Math.floor(Number.isFinite(limit) ? limit : usualLines)))
    const groups: Array<typeof EventGroup.Type> = []
    yield* eachSlice(node, grouped(found).slice(0, lines), 100, (events) => groups.push(groupOf(events)))
    const wrong = problem ??
      (feed.problem === undefined ? undefined : `The history cannot be read: ${plain(feed.problem)}`)
    return {
      total: found.length,
      groups,
      minutes: minutesOf(feed.events, now),
      truncated: feed.truncated,
      ...(wrong === undefined ? {} : { problem: wrong }),
      ...(found.length > 0 || wrong !== undefined ? {} : { hint: hintOf(feed, terms) })
    }
  })

/** The newest events of a node. */
export const eventsOfNode = (feed: HistoryFeed, name: string, most = 20): ReadonlyArray<EventLine> =>
  feed.events
    .filter((event) => !isHalf(event) && (event.node === name || event.to === name))
    .slice(-most)
    .toReversed()
    .map(single)

/** How often each value of a key is in the last hour. */
export const eventValues = (feed: HistoryFeed, key: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  const add = (name: string | undefined) => {
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const event of feed.events) {
    if (key === "what") add(nameOf(event))
    else if (key === "kind") add(event.id?.slice(0, event.id.indexOf("/")))
    else if (key === "by") add(event.by)
    else if (key === "node") add(event.node)
  }
  return counts
}
