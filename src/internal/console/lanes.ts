/**
 * The last hour of nodes, as lanes: sessions, moves between them, failures, and what became of those that ended.
 *
 * @internal
 */
import type { MoveBundle, Overview, SessionBar } from "./answers.js"
import { many, manyChildren } from "./childLines.js"
import type { Happening } from "./eventWords.js"
import { agoMark, findMark, nodeMark } from "./marks.js"
import { quoted } from "./query.js"

type Bar = typeof SessionBar.Type
type OpenBar = { -readonly [K in keyof Bar]: Bar[K] }

/** Moves within so long are one bundle, milliseconds. */
const together = 30_000

/** Bundles, and failures, that are drawn at most. */
const maxBundles = 400
const maxFailures = 200

/** Until so long after a session ended its children are looked for, and from so long before. Milliseconds. */
const before = 120_000

const ends: { readonly [what: string]: "left" | "lost" | "gone" } = { left: "left", leaseLost: "lost", gone: "gone" }

/** The sessions of each node that the last hour tells of. */
export const barsOf = (events: ReadonlyArray<Happening>): ReadonlyMap<string, ReadonlyArray<Bar>> => {
  const bars = new Map<string, Map<string, OpenBar>>()
  for (const { at, node, session, what } of events) {
    const end = ends[what]
    if (node === undefined || session === undefined || (what !== "joined" && end === undefined)) continue
    const of = bars.get(node) ?? new Map<string, OpenBar>()
    bars.set(node, of)
    const bar = of.get(session) ?? { session }
    of.set(session, bar)
    if (what === "joined") bar.from = at
    else if (end !== undefined) Object.assign(bar, { to: at, end })
  }
  return new Map([...bars].map(([name, of]) => [name, [...of.values()]]))
}

/** Moves, by from where, to where, and half minutes. */
export const bundlesOf = (events: ReadonlyArray<Happening>): ReadonlyArray<typeof MoveBundle.Type> => {
  const bundles = new Map<string, { from: string; to: string; at: Date; count: number; lost: boolean }>()
  for (const { at, how, node: from, to, what } of events) {
    if (what !== "moved" || from === undefined || to === undefined) continue
    const key = JSON.stringify([from, to, Math.floor(at.getTime() / together)])
    const bundle = bundles.get(key)
    if (bundle === undefined) bundles.set(key, { from, to, at, count: 1, lost: how === "lost" })
    else {
      bundle.count++
      bundle.lost ||= how === "lost"
    }
  }
  const all = [...bundles.values()]
  if (all.length <= maxBundles) return all
  const kept = new Set(all.toSorted((a, b) => b.count - a.count).slice(0, maxBundles))
  return all.filter((bundle) => kept.has(bundle))
}

/** Children that gave up, the newest of very many. */
export const failuresOf = (events: ReadonlyArray<Happening>): typeof Overview.Type["failures"] =>
  events
    .flatMap(({ at, id, node = "", what }) => (what === "failed" && id !== undefined ? [{ id, node, at }] : []))
    .slice(-maxFailures)

/** What became of the children of a node that has ended. */
export interface Aftermath {
  /** Those that run elsewhere, by node, those with most first. */
  readonly to: ReadonlyArray<readonly [name: string, count: number]>
  readonly moved: number
  /** Those that nobody runs since. */
  readonly waiting: number
}

/**
 * What became of the children of a node's last session, which ended at a time. What earlier sessions of the name had is
 * not among it, and a child counts once, however often it has moved since. `waiting`: those that it ran last, and nobody
 * runs.
 */
export const aftermathOf = (
  events: ReadonlyArray<Happening>,
  name: string,
  { from, to: ended }: Pick<Bar, "from" | "to">,
  waiting: number
): Aftermath => {
  const since = Math.max((ended?.getTime() ?? 0) - before, from?.getTime() ?? 0)
  const places = new Map<string, string>()
  for (const { at, id, node, to, what } of events) {
    if (what === "moved" && node === name && to !== undefined && at.getTime() >= since) places.set(id ?? "", to)
  }
  const counts = new Map<string, number>()
  for (const to of places.values()) counts.set(to, (counts.get(to) ?? 0) + 1)
  const to = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return { to, moved: to.reduce((sum, [, count]) => sum + count, 0), waiting }
}

/** The query of those that a node ran last and nobody runs. */
const waitingQuery = (name: string): string => `status:pending last:${quoted(name)}`

/** Where the children of a node that has ended went, in a sentence that goes on. */
const wentWords = (name: string, { moved, waiting }: Aftermath): string => {
  const all = moved + waiting
  if (all === 0) return ""
  const left = waiting === 0
    ? ""
    : `, ${
      findMark(waitingQuery(name), `${waiting.toLocaleString("en")} ${waiting === 1 ? "has" : "have"} nowhere to go`)
    }`
  const who = waiting === 0
    ? `its ${manyChildren(all)} ${all === 1 ? "runs" : "run"} elsewhere`
    : `${moved.toLocaleString("en")} of its ${manyChildren(all)} ${moved === 1 ? "runs" : "run"} elsewhere`
  return `: ${who}${left}`
}

/** That a node has ended, and where its children went. */
export const endedWords = (name: string, end: Bar["end"], at: Date, after: Aftermath): string =>
  `${nodeMark(name)} ${end === "left" ? "left" : "was lost"} ${agoMark(at)} ago${wentWords(name, after)}.`

/** The paragraphs of a node that has ended. */
export const endedParagraphs = (name: string, end: Bar["end"], at: Date, { moved, to, waiting }: Aftermath) => {
  const how = end === "left"
    ? `It left ${agoMark(at)} ago, in order.`
    : end === "gone"
    ? `Its process ended ${agoMark(at)} ago, as a neighbour on its machine found.`
    : `Its lease ran out ${agoMark(at)} ago: it was not heard of in time.`
  const list = to.slice(0, 8).map(([other, count]) => `${count.toLocaleString("en")} on ${nodeMark(other)}`).join(", ")
  const elsewhere = moved === 0
    ? ""
    : `${moved.toLocaleString("en")} ${moved === 1 ? "runs" : "run"} elsewhere: ${list}${
      to.length > 8 ? ` and ${many(to.length - 8, "more node")}` : ""
    }. `
  const left = waiting === 0
    ? ""
    : `${
      findMark(waitingQuery(name), `${waiting.toLocaleString("en")} ${waiting === 1 ? "has" : "have"} nowhere to go`)
    }.`
  return [
    { label: "Now" as const, text: how },
    { label: "Children" as const, text: `${elsewhere}${left}`.trim() || "It held none, as far as the history tells." },
    {
      label: "Next" as const,
      text: "If the process comes back it joins as a new session and takes children again. Meanwhile its old tokens " +
        "fail every check."
    }
  ]
}
