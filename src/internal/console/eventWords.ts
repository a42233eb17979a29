/**
 * What an entry of the history says, in words.
 *
 * @internal
 */
import type { HistoryEntry } from "../../PogoHistory.js"
import type { EventLine } from "./answers.js"
import { firstLine, stopWords } from "./childLines.js"
import { nodeMark, plain } from "./marks.js"

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
