/**
 * Why a child runs or does not, where it belongs, and what comes next, in paragraphs.
 *
 * @internal
 */
import type { ChildStatus, Explanation } from "../../ChildInfo.js"
import type { Labels } from "../../ChildSpec.js"
import { overdueStop } from "../supervisor/overdueText.js"
import type { ChildLine, Paragraph } from "./answers.js"
import { firstLine, lastTry, stopWords } from "./childLines.js"
import { agoMark, inMark, lengthOf, nodeMark, plain } from "./marks.js"

/** What is known of a child. */
export interface ChildFacts {
  readonly line: ChildLine
  readonly status: ChildStatus
  /** Its restart policy is spent. */
  readonly gaveUp: boolean
  readonly explanation: Explanation
  readonly requires: Labels
  /** Since when it does not run, where the history tells. */
  readonly idleSince: Date | undefined
  /** How long a lease lasts, milliseconds. */
  readonly ttl: number
}

type OneParagraph = typeof Paragraph.Type

/** Text that begins with a capital. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Text of a user's as a sentence. */
const sentence = (text: string): string => `${capital(text)}${/[.!?]$/.test(text) ? "" : "."}`

/** Labels in words. */
export const labelWords = (labels: Labels): string =>
  Object.entries(labels).map(([name, value]) => `${plain(name)}=${plain(value)}`).join(", ")

const since = (line: ChildLine, before: string, after: string, without: string): string =>
  line.since === undefined ? without : `${before} ${agoMark(line.since)}${after}`

const whereOf = ({ explanation: { belongs }, line: { node, token } }: ChildFacts, last: string): string => {
  if (node === undefined) {
    return `No node runs it.${last} ${
      belongs === undefined ? "No live node can take it." : `It would start on ${nodeMark(belongs)}.`
    }`
  }
  const home = belongs === node
    ? "It belongs there."
    : belongs === undefined
    ? "No live node could take it over."
    : `It belongs on ${nodeMark(belongs)}.`
  return `${nodeMark(node)} holds its claim${token === undefined ? "" : ` with token ${token}`}. ${home}`
}

const lastOf = ({ explanation: { row }, line: { lastNode } }: ChildFacts): string =>
  lastNode === undefined
    ? ""
    : ` It last ran on ${nodeMark(lastNode)}${row?.lastToken === undefined ? "" : ` with token ${row.lastToken}`}.`

/** What the paragraphs say, but for the place. */
interface ToldOf {
  readonly now: string
  readonly why?: string
  readonly pre?: string
  readonly next?: string
}

const failed = ({ gaveUp, line }: ChildFacts, cause: string): ToldOf =>
  gaveUp
    ? {
      now: since(
        line,
        "It failed",
        " ago and stays so until somebody restarts it.",
        "It failed and stays so until somebody restarts it."
      ),
      why: line.restarts === 0
        ? "Its policy allows no restart. It ended with:"
        : `It was restarted ${
          line.restarts === 1 ? "once" : `${line.restarts} times`
        }, as often as its policy allows, and ended with:`,
      pre: cause,
      next: "Nothing happens by itself. A restart tries it again at once, with its restarts counted from zero."
    }
    : {
      now: "It is failed: no node runs it.",
      why: sentence(plain(cause)),
      next: "It starts by itself as soon as a node joins whose code can read it. To mend it now, replace it."
    }

const pending = ({ explanation: { belongs }, idleSince, requires }: ChildFacts, reason: string): ToldOf => {
  const labels = labelWords(requires)
  return {
    now: idleSince === undefined ? "It does not run." : `It has not run for ${agoMark(idleSince)}.`,
    why: sentence(plain(reason)),
    next: belongs !== undefined
      ? "It starts by itself."
      : labels === ""
      ? "It starts by itself as soon as a node can take it."
      : `It starts by itself as soon as a node with ${labels} can take it. To run it elsewhere, replace it without this requirement.`
  }
}

const overdue = ({ line, ttl }: ChildFacts, reason: string): ToldOf => {
  const stop = overdueStop(reason)
  const on = line.node === undefined ? "its node" : nodeMark(line.node)
  const next =
    `Nobody else may run it until it has ended. If it never does, end the process of ${on}: the child runs ` +
    `elsewhere once that lease is over (${lengthOf(ttl)}).`
  return stop === undefined
    ? {
      now: since(line, "It has been overdue for", ".", "It is overdue."),
      why: "Its end takes too long:",
      pre: reason,
      next
    }
    : {
      now: since(
        line,
        "It was told to end, its time was over",
        " ago, and it still runs.",
        "It was told to end and still runs."
      ),
      why: `It ${stopWords(stop.why)}, and its shutdown allows ${
        lengthOf(stop.allowed)
      }. Most often a finalizer does not return.`,
      next
    }
}

const restarting = ({ line }: ChildFacts, status: ChildStatus & { readonly _tag: "Restarting" }): ToldOf => ({
  now: line.next !== undefined
    ? `It is tried again in ${inMark(line.next)}.`
    : lastTry(status)
    ? "It is not tried again by itself, for its restart schedule waits for ever."
    : "It waits for its restart schedule to say when it is tried again.",
  why: "It ended with:",
  pre: status.cause,
  next: `Attempt ${line.restarts + 1}${
    line.node === undefined ? "" : `, on ${nodeMark(line.node)}`
  }. A restart by hand does not wait, and counts from zero.`
})

const toldOf = (facts: ChildFacts): ToldOf => {
  const { explanation, line, status } = facts
  switch (status._tag) {
    case "Failed":
      return failed(facts, status.cause)
    case "Pending":
      return pending(facts, status.reason)
    case "Overdue":
      return overdue(facts, status.reason)
    case "Restarting":
      return restarting(facts, status)
    case "Starting":
      return { now: since(line, "It has been starting for", ".", "It is starting.") }
    case "Stopping":
      return { now: since(line, "It has been stopping for", ".", "It is stopping.") }
    case "Running": {
      const { lastCause } = explanation
      const now = since(line, "It has run for", ".", "It runs.")
      return lastCause === undefined ? { now } : { now, why: `Before, it ended with: ${plain(firstLine(lastCause))}.` }
    }
  }
}

/** The explanation of a child. */
export const paragraphsOf = (facts: ChildFacts): ReadonlyArray<OneParagraph> => {
  const { next, now, pre, why } = toldOf(facts)
  const paragraphs: Array<OneParagraph> = [{ label: "Now", text: now }]
  if (why !== undefined) paragraphs.push({ label: "Why", text: why, ...(pre === undefined ? {} : { pre }) })
  paragraphs.push({ label: "Where", text: whereOf(facts, lastOf(facts)) })
  if (next !== undefined) paragraphs.push({ label: "Next", text: next })
  return paragraphs
}
