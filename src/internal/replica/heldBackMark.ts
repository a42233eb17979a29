/**
 * The mark by which a spec remembers that the code of a revision could not run its child. It stands among the codes that
 * refused the spec; where those exclude a node, this is a preference.
 *
 * The form is `@hash:since:revision:cause`; revision and cause are percent-encoded, and placement looks at the hash alone.
 *
 * @internal
 */
import { revisionSign } from "../registry/claims.js"
import { cutNote } from "../registry/historyRecords.js"
import { hashText } from "../runtime/hash.js"
import { decodeText } from "./knownDirectives.js"

/** A revision that could not run a child, and why. */
export interface HeldBackMark {
  readonly revision: string
  /** Unix milliseconds. */
  readonly since: number
  readonly cause: string
}

/** How the mark of a revision begins. */
export const heldBackMark = (revision: string): string => `${revisionSign}${hashText(revision).toString(36)}`

/** Whether one of these refusals is the mark of a revision. `mark`: how it begins; an empty one is nobody's. */
export const hasMark = (refused: ReadonlyArray<string>, mark: string): boolean =>
  refused.length > 0 && mark !== "" && refused.some((entry) => entry === mark || entry.startsWith(`${mark}:`))

const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

/** Formats a mark; the cause is cut as a note of the history is. */
export const formatHeldBack = ({ cause, revision, since }: HeldBackMark): string =>
  `${heldBackMark(revision)}:${Math.floor(since)}:${encode(revision)}:${encode(cutNote(cause))}`

const pattern = /^@[0-9a-z]+:(\d{1,16}):([^:]*):([^:]*)$/

/** Parses a mark; `undefined` for another form, as that of a code. */
export const parseHeldBack = (refusal: string): HeldBackMark | undefined => {
  const m = pattern.exec(refusal)
  return m === null ? undefined : { since: Number(m[1]), revision: decodeText(m[2]!), cause: decodeText(m[3]!) }
}
