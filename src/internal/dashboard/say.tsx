/** Words of the server, with their marks as links and running clocks. */
import { lengthOf, plainWords, readWords } from "../console/marks.js"
import { toChild, toFound, toNode, toPage } from "./address.js"
import { now, present, useNow } from "./live.js"
import { ms } from "./timeWords.js"

/** How long ago a time was, or how long it is until then. It runs; while what is shown is old, only if it is `live`. */
export const Ago = ({ ahead, at, live }: {
  readonly at: string
  readonly ahead?: boolean
  readonly live?: boolean | undefined
}) => {
  const shown = useNow()
  const since = (live ? present() : shown) - ms(at)
  return <time dateTime={at} title={at}>{lengthOf(ahead ? -since : since)}</time>
}

/** Where the marks lead that are links. */
const places = {
  node: toNode,
  child: toChild,
  find: toFound,
  events: (q: string) => toPage("events", { q })
}

/** Words with marks; whether their clocks are `live`, as above. */
export const Say = ({ live, words = "" }: { readonly words?: string | undefined; readonly live?: boolean }) => (
  <>
    {readWords(words).map((part) => {
      const { mark, text } = part
      if (!mark) return text
      if (mark === "ago" || mark === "in") return <Ago at={part.target} ahead={mark === "in"} live={live} />
      return <a class={mark === "child" ? "mono" : ""} href={places[mark](part.target)}>{text}</a>
    })}
  </>
)

/**
 * The same as text, for a tooltip.
 *
 * @param words text with marks
 */
export const saidPlainly = (words: string): string => plainWords(words, now())
