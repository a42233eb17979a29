/**
 * Words with marks: writing what comes from users so that it is no mark, reading the marks, and plain text of them. Imports
 * nothing, so that a page can have it, too.
 *
 * @internal
 */

/** What a mark stands for. */
export type MarkKind = "node" | "child" | "find" | "events" | "ago" | "in"

/** A piece of words: text, or a mark with what it points to, and the text to show for it. */
export type WordPart =
  | { readonly mark: undefined; readonly text: string }
  | { readonly mark: MarkKind; readonly target: string; readonly text: string }

const kinds: ReadonlySet<string> = new Set<MarkKind>(["node", "child", "find", "events", "ago", "in"])

/** Text of a user's, so that no reader of words takes any of it for a mark. */
export const plain = (text: string): string => text.replace(/[\\{}|]/g, "\\$&")

/** A link to a node. */
export const nodeMark = (name: string): string => `{node ${plain(name)}}`

/** A link to a child. */
export const childMark = (id: string): string => `{child ${plain(id)}}`

/** A link to the children of a query. `text` is no words, but text. */
export const findMark = (query: string, text: string): string => `{find ${plain(query)}|${plain(text)}}`

/** A link to the events of a query. */
export const eventsMark = (query: string, text: string): string => `{events ${plain(query)}|${plain(text)}}`

/** The time since a moment, as it runs. */
export const agoMark = (at: Date): string => `{ago ${at.toISOString()}}`

/** The time until a moment, as it runs. */
export const inMark = (at: Date): string => `{in ${at.toISOString()}}`

const bare = (text: string): string => text.replace(/\\([^])/g, "$1")

/** The mark in a pair of braces; `undefined` where there is none that is known. */
const markOf = (inside: string): WordPart | undefined => {
  const blank = inside.indexOf(" ")
  const mark = inside.slice(0, Math.max(0, blank))
  if (!kinds.has(mark)) return undefined
  const rest = inside.slice(blank + 1)
  const bar = /^((?:\\[^]|[^\\|])*)\|([^]*)$/.exec(rest)
  const [target, text] = bar === null ? [bare(rest), bare(rest)] : [bare(bar[1]!), bare(bar[2]!)]
  return { mark: mark as MarkKind, target, text }
}

/** The pieces of words, in order. What is no whole mark is text. */
export const readWords = (words: string): ReadonlyArray<WordPart> => {
  const parts: Array<WordPart> = []
  let text = ""
  const add = (part: WordPart) => {
    if (text !== "") parts.push({ mark: undefined, text })
    text = ""
    parts.push(part)
  }
  const pattern = /\{((?:\\[^]|[^\\{}])*)\}|\\([^])|[^]/g
  for (const [whole, inside, escaped] of words.matchAll(pattern)) {
    const part = inside === undefined ? undefined : markOf(inside)
    if (part === undefined) text += escaped ?? (inside === undefined ? whole : bare(whole))
    else add(part)
  }
  if (text !== "") parts.push({ mark: undefined, text })
  return parts
}

/** A length of time in its largest unit that matters: `40 s`, `12 min`, `3 h 12 min`, `6 d`. Milliseconds. */
export const lengthOf = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (seconds < 60) return `${seconds} s`
  if (minutes < 60) return `${minutes} min`
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

/** Words as a terminal shows them: marks are their texts, times are lengths as of `now` (unix milliseconds). */
export const plainWords = (words: string, now: number): string =>
  readWords(words).map((part) => {
    if (part.mark !== "ago" && part.mark !== "in") return part.text
    const at = Date.parse(part.target)
    return Number.isNaN(at) ? part.text : lengthOf(part.mark === "ago" ? now - at : at - now)
  }).join("")
