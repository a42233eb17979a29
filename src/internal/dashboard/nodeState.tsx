/** What a node's state is, in tags and figures. */
import { Glyph } from "./glyphs.js"
import { useNow } from "./live.js"
import { Ago } from "./say.js"
import type { NodeSent } from "./sent.js"

/** How a node ended: `left` in order, or lost. */
export const endOf = ({ sessions }: NodeSent): "left" | "lost" => sessions.at(-1)?.end === "left" ? "left" : "lost"

/** What is out of the ordinary about a node; nothing is, most of the time. */
export const NodeTags = ({ node, node: { cordoned, draining, duplicate, ended, full, live, trouble } }: {
  readonly node: NodeSent
}) => {
  const end = endOf(node)
  const tags: ReadonlyArray<readonly [shown: unknown, glyph: string, tone: string, text: string]> = live
    ? [
      [draining, "drained", "warn", node.children > 0 ? "draining" : "drained"],
      [cordoned && !draining, "cordoned", "warn", "cordoned"],
      [full, "cordoned", "warn", "full"],
      [duplicate, "warn", "bad", "name taken"],
      [trouble > 0, "warn", "", trouble + " in trouble"]
    ]
    : [[true, end, end === "lost" ? "bad" : "", end]]
  return (
    <>
      {tags.map(([shown, glyph, tone, text]) =>
        shown && (
          <span class={"tag " + tone}>
            <Glyph of={glyph} tone="" />
            <span>
              {text}
              {!live && ended && (
                <>
                  {" "}
                  <Ago at={ended} /> ago
                </>
              )}
            </span>
          </span>
        )
      )}
    </>
  )
}

/** Below this, a lease is short: it should have been renewed. In milliseconds. */
const short = 3_000

/**
 * How much of its lease a node has left; it runs, and is asked anew while it does. Nothing where that is not known: a node
 * knows its own, and a client none.
 */
export const LeaseLeft = ({ asked, before, node: { leaseLeft = NaN } }: {
  readonly node: NodeSent
  /** When the server answered, in milliseconds since 1970. */
  readonly asked: number
  readonly before?: string
}) => {
  const left = Math.max(0, leaseLeft - useNow() + asked)
  return left >= 0
    ? <span class={left < short ? "Overdue" : ""}>{before}lease {(left / 1_000).toFixed(1)} s</span>
    : null
}
