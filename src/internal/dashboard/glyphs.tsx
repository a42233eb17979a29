/** Small drawings: each status and each event has a shape of its own, and its word beside it. Colour only repeats it. */
import { grouped } from "./timeWords.js"

/** What is drawn by lines; behind a `|`, what is filled; behind another one, lines on what is filled. */
const shapes: { readonly [name: string]: string } = {
  Running: "|M3.5 7a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
  Starting: "M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0|M7 2a5 5 0 0 1 0 10z",
  Restarting: "M11.8 8.4A5 5 0 1 1 10.6 3.4L12 4.8M12.2 1.6v3.3H8.9",
  Stopping: "M1.6 7a5.4 5.4 0 1 0 10.8 0a5.4 5.4 0 1 0-10.8 0|M4.9 4.9h4.2v4.2H4.9z",
  Overdue: "|M2.5 1.5h9L8 7l3.5 5.5h-9L6 7z",
  Pending:
    "M3 4A5 5 0 0 1 5 2.4M8 2.1A5 5 0 0 1 10.4 3.4M11.7 5.5A5 5 0 0 1 11.7 8.5M10.4 10.6A5 5 0 0 1 8 11.9M5 11.6A5 5 0 0 1 3 10M2 8A5 5 0 0 1 2.1 6",
  Failed: "|M.7 7a6.3 6.3 0 1 0 12.6 0a6.3 6.3 0 1 0-12.6 0|M4.8 4.8l4.4 4.4M9.2 4.8L4.8 9.2",
  lost: "M3 3l8 8M11 3l-8 8",
  joined: "M7 2.5v9M2.5 7h9",
  left: "M2.5 7h9",
  moved: "M2 7h9.5M8 3.5L11.5 7 8 10.5",
  cordoned: "M1.8 7a5.2 5.2 0 1 0 10.4 0a5.2 5.2 0 1 0-10.4 0M3.5 10.5l7-7",
  drained: "M7 2v7M3.8 6L7 9.2 10.2 6M3 12h8",
  ok: "M2.5 7.5l3 3 6-7",
  no: "M3.5 3.5l7 7M10.5 3.5l-7 7",
  find: "M2 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0M9 9l3.5 3.5",
  warn: "M7 1.8l5.6 10.2H1.4zM7 5.8v2.7M7 10.2v.1"
}

/** Events that look like a status or like another event, and the class for the colour of some. */
const events: { readonly [what: string]: readonly [shape: string, tone?: string] } = {
  claimed: ["Starting"],
  running: ["Running", "fine"],
  exited: ["Restarting"],
  overdue: ["Overdue", "Overdue"],
  stopped: ["Stopping"],
  refused: ["Failed", "Failed"],
  ended: ["ok"],
  failed: ["Failed", "Failed"],
  lost: ["lost", "Failed"],
  terminated: ["no"],
  replaced: ["Starting"],
  restarted: ["Restarting"],
  joined: ["joined", "fine"],
  leaseLost: ["lost", "Failed"],
  gone: ["lost", "Failed"],
  uncordoned: ["ok"],
  era: ["warn", "Overdue"]
}

/**
 * The class for the colour of an event; empty for most.
 *
 * @param what as the server names it
 */
export const toneOf = (what: string): string => events[what]?.[1] ?? ""

/** The shape alone, to be placed in another drawing. */
export const Shape = ({ of }: { readonly of: string }) => {
  const [lines, filled, hole] = (shapes[events[of]?.[0] ?? of] ?? shapes["Pending"] ?? "").split("|")
  return (
    <>
      <path class="lines" d={lines} />
      {filled && <path fill="currentColor" d={filled} />}
      {hole && <path class="lines hole" d={hole} />}
    </>
  )
}

/** A drawing of 14 pixels. */
export const Glyph = ({ of, tone }: { readonly of: string; readonly tone?: string }) => (
  <svg class={tone} width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
    <Shape of={of} />
  </svg>
)

/** A status: shape and word. */
export const StatusMark = ({ of }: { readonly of: string }) => (
  <span class={`st ${of}`}>
    <Glyph of={of} />
    <b>{of}</b>
  </span>
)

/** What a chip says: a status and how many have it. */
export const StatusCount = ({ count, of }: { readonly of: string; readonly count: number }) => (
  <>
    <Glyph of={of} tone={of} />
    {of} <b>{grouped(count)}</b>
  </>
)
