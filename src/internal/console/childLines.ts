/**
 * A child as a list shows it: its line, and the note that says why it does not run.
 *
 * @internal
 */
import type { ChildStatus } from "../../ChildInfo.js"
import { type ChildSketch, dateOf, sketchOf } from "../node/childStatus.js"
import type { Node } from "../node/node.js"
import type { Entry } from "../replica/replica.js"
import { lastMoment } from "../runtime/environment.js"
import { overdueStop } from "../supervisor/overdueText.js"
import type { ChildLine } from "./answers.js"
import { inMark, lengthOf, plain } from "./marks.js"

/** The first line of a text. */
export const firstLine = (text: string): string => text.split("\n", 1)[0]!

/** A number and what it counts. */
export const many = (count: number, one: string, more = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : more}`

/** Children, counted. */
export const manyChildren = (count: number): string => many(count, "child", "children")

const stops: { readonly [why: string]: string } = {
  terminated: "was terminated",
  replaced: "was replaced",
  moved: "is to move",
  drained: "is to leave a node that drains",
  kindClosed: "is to end with its kind",
  claimLost: "lost its claim",
  fenced: "was stopped since its node lost its lease",
  shutdown: "is to leave a node that shuts down"
}

/** What became of a child that was told to stop, as the end of a sentence about it. */
export const stopWords = (why: string): string =>
  stops[why] ?? (why.startsWith("held back") ? `was ${plain(why)}` : `was told to end (${plain(why)})`)

/** When a child that restarts is tried again; `undefined` where that is not known, or never. */
export const nextTry = (status: ChildStatus, since: number): Date | undefined =>
  status._tag === "Restarting" && status.next.getTime() > since && status.next.getTime() < lastMoment
    ? status.next
    : undefined

/** Whether its restart schedule waits for ever. */
export const lastTry = ({ next }: { readonly next: Date }): boolean => next.getTime() >= lastMoment

/** Why a child does not run, in short. `gaveUp`: its restart policy is spent. */
export const noteOf = ({ restarts, since, status }: ChildSketch, gaveUp: boolean): string => {
  switch (status._tag) {
    case "Failed": {
      const cause = plain(firstLine(status.cause))
      return gaveUp ? `gave up${restarts === 0 ? "" : ` after ${many(restarts, "restart")}`}: ${cause}` : cause
    }
    case "Restarting": {
      const next = nextTry(status, since)
      const when = next === undefined ? "waits for its restart schedule" : `attempt ${restarts + 1} in ${inMark(next)}`
      return `${when}: ${plain(firstLine(status.cause))}`
    }
    case "Overdue": {
      const stop = overdueStop(status.reason)
      return stop === undefined
        ? plain(firstLine(status.reason))
        : `${stopWords(stop.why)} and does not end; its shutdown allows ${lengthOf(stop.allowed)}`
    }
    case "Pending":
      return plain(firstLine(status.reason))
    case "Starting":
      return "being built"
    case "Stopping":
      return "told to end"
    case "Running":
      return ""
  }
}

/** A known child's line. */
export const lineOf = (node: Node, entry: Entry, sketch: ChildSketch = sketchOf(node, entry)): ChildLine => {
  const { id, spec } = entry
  const { last, node: holder, restarts, since, status, token } = sketch
  const kind = spec?.kind ?? id.slice(0, id.indexOf("/"))
  const next = nextTry(status, since)
  return {
    id,
    kind,
    key: id.slice(kind.length + 1),
    status: status._tag,
    note: noteOf(sketch, spec?.failed === true),
    ...(holder === undefined ? {} : { node: holder }),
    ...(last === undefined ? {} : { lastNode: last }),
    ...(spec?.set === undefined ? {} : { set: spec.set }),
    restarts,
    ...(since === 0 ? {} : { since: dateOf(since) }),
    ...(next === undefined ? {} : { next }),
    ...(token === 0 ? {} : { token: BigInt(token) })
  }
}

/** A child's line; `undefined` when nothing is known of it. */
export const lineById = (node: Node, id: string): ChildLine | undefined => {
  const entry = node.view.entries.get(id)
  return entry === undefined ? undefined : lineOf(node, entry)
}
