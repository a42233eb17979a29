/**
 * What an entry of the history says, in words.
 *
 * @internal
 */
import type { HistoryEntry } from "../../PogoHistory.js"
import type { EventLine } from "./answers.js"
import { firstLine, many, manyChildren, stopWords } from "./childLines.js"
import { childMark, nodeMark, plain } from "./marks.js"

/** An entry, or what follows from several: a move from one node to another. */
export interface Happening extends Omit<HistoryEntry, "what"> {
  readonly what: HistoryEntry["what"] | "moved" | "started"
  /** Of a move: how the child left the node before. */
  readonly how?: string | undefined
}

const oneLine = (text: string | undefined): string => (text === undefined ? "" : plain(firstLine(text)))

/** Who asked for it, and why. */
const asked = ({ by, note }: Happening): string =>
  by === undefined ? oneLine(note) : `by ${plain(by)}${note === undefined ? "" : `: ${oneLine(note)}`}`

const movedBy: { readonly [how: string]: string } = {
  lost: "its node was lost",
  moved: "it belongs there",
  drained: "its node was drained",
  shutdown: "its node was shut down",
  fenced: "its node lost its lease",
  kindClosed: "its kind was closed there",
  refused: "the code there could not read it"
}

/** Why it happened, or how, where there is more to say. */
export const causeWords = (event: Happening): string => {
  const { how, note, to, what } = event
  switch (what) {
    case "moved":
      return how === undefined ? "" : movedBy[how] ?? oneLine(how)
    case "stopped":
      return note === undefined
        ? ""
        : note === "moved" && to !== undefined
        ? `it belongs on ${nodeMark(to)}`
        : `it ${stopWords(firstLine(note))}`
    case "joined":
      return note === undefined ? "" : `in the place of session ${oneLine(note)}`
    case "leaseLost":
      return "its lease ran out: it was not heard of in time"
    case "gone":
      return "its process has ended"
    case "overdue":
      return oneLine(note)
    case "registered":
    case "terminated":
    case "replaced":
    case "restarted":
    case "cordoned":
    case "drained":
    case "uncordoned":
      return asked(event)
    default:
      return oneLine(note)
  }
}

const tally = (names: ReadonlyArray<string | undefined>): ReadonlyArray<readonly [name: string, count: number]> => {
  const counts = new Map<string, number>()
  for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)
}

/** How many nodes are named in a sentence. */
const named = 4

/** Nodes in a sentence, with numbers where there are several. */
const nodesOf = (counts: ReadonlyArray<readonly [name: string, count: number]>): string =>
  counts.length === 1
    ? nodeMark(counts[0]![0])
    : counts.length > named
    ? many(counts.length, "node")
    : counts.map(([name, count]) => `${nodeMark(name)} (${count.toLocaleString("en")})`).join(", ")

const verbs: { readonly [what in Happening["what"]]: readonly [one: string, more: string] } = {
  claimed: ["was claimed", "were claimed"],
  running: ["runs", "run"],
  exited: ["exited", "exited"],
  overdue: ["does not end", "do not end"],
  stopped: ["was stopped", "were stopped"],
  refused: ["was refused: the code could not read it", "were refused: the code could not read them"],
  ended: ["ended for good, by itself", "ended for good, by themselves"],
  failed: ["gave up", "gave up"],
  lost: ["lost its node", "lost their node"],
  registered: ["was registered", "were registered"],
  terminated: ["was terminated", "were terminated"],
  replaced: ["was replaced", "were replaced"],
  restarted: ["was restarted", "were restarted"],
  joined: ["joined", "joined"],
  left: ["left", "left"],
  leaseLost: ["was lost", "were lost"],
  gone: ["was lost", "were lost"],
  cordoned: ["was cordoned", "were cordoned"],
  drained: ["was told to drain", "were told to drain"],
  uncordoned: ["was uncordoned", "were uncordoned"],
  era: ["", ""],
  moved: ["moved", "moved"],
  started: ["started", "started"]
}

/** Whether it matters on which node it happened. */
const placed: ReadonlySet<string> = new Set(["claimed", "running", "exited", "overdue", "failed", "refused", "started"])

/** One sentence for like events. `events`: at least one, of the same `what`. */
export const sentenceOf = (events: ReadonlyArray<Happening>): string => {
  const [first] = events
  const { id, node, what } = first!
  const ids = new Set(events.map((event) => event.id))
  const total = events.reduce((sum, { count }) => sum + count, 0)
  if (what === "era") return "A new data set began: the registry was empty, or had lost its data"
  const isMany = events.length > 1
  const who = id === undefined
    ? isMany ? many(new Set(events.map((event) => event.node)).size, "node") : nodeMark(node ?? "")
    : ids.size > 1
    ? manyChildren(ids.size)
    : childMark(id)
  const verb = verbs[what][ids.size > 1 ? 1 : 0]
  if (what === "moved") {
    const to = tally(events.map((event) => event.to))
    return `${who} moved from ${nodesOf(tally(events.map((event) => event.node)))} to ${nodesOf(to)}`
  }
  const nodes = tally(events.map((event) => event.node))
  const where = placed.has(what) && nodes.length > 0
    ? ` on ${nodes.length === 1 ? nodeMark(nodes[0]![0]) : many(nodes.length, "node")}`
    : ""
  const often = total > ids.size && (what === "exited" || what === "running") ? `, ${many(total, "time")}` : ""
  return `${who} ${verb}${where}${often}`
}

/** An event, as it is listed. `text`: what is said of it. */
export const eventLine = (event: Happening, text: string): EventLine => {
  const { at, attempt, count, id, node, position, to, token, what } = event
  return {
    position,
    at,
    what,
    ...(id === undefined ? {} : { id }),
    ...(node === undefined ? {} : { node }),
    ...(to === undefined ? {} : { to }),
    ...(token === undefined ? {} : { token }),
    ...(attempt === undefined ? {} : { attempt }),
    count,
    text
  }
}
