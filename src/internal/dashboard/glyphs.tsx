/** Small drawings: each status and each event has a shape of its own, and its word beside it. Colour only repeats it. */
import { grouped } from "./timeWords.js"

/**
 * What is drawn by lines; behind a `|`, what is filled; behind another one, lines on what is filled. `o` is a circle around
 * the middle, with its radius.
 */
const shapes: { readonly [name: string]: string } = {
  Running: "|o3.5",
  Starting: "o5|M7 2a5 5 0 0 1 0 10z",
  Restarting: "M11.8 8.4A5 5 0 1 1 10.6 3.4L12 4.8M12.2 1.6v3.3H8.9",
  Stopping: "o5.4|M5 5h4v4H5z",
  Overdue: "|M2.5 1.5h9L8 7l3.5 5.5h-9L6 7z",
  Pending: "o5",
  Failed: "|o6.3|M5 5l4 4M9 5L5 9",
  lost: "M3 3l8 8M11 3l-8 8",
  joined: "M7 2.5v9M2.5 7h9",
  left: "M2.5 7h9",
  moved: "M2 7h9.5M8 3.5L11.5 7 8 10.5",
  cordoned: "o5.2M3.5 10.5l7-7",
  drained: "M7 2v7M4 6l3 3 3-3M3 12h8",
  ok: "M2.5 7.5l3 3 6-7",
  no: "M3.5 3.5l7 7M10.5 3.5l-7 7",
  find: "o4.5M10 10l3 3",
  warn: "M7 1.8l5.6 10.2H1.4zM7 5.8v2.7M7 10.2v.1"
}

/** Events that look like a status or like another event, and the class for the colour of some. */
const events: { readonly [what: string]: string } = {
  claimed: "Starting",
  running: "Running fine",
  started: "Running fine",
  exited: "Restarting",
  overdue: "Overdue Overdue",
  stopped: "Stopping",
  refused: "Failed Failed",
  ended: "ok",
  failed: "Failed Failed",
  lost: "lost Failed",
  registered: "Starting",
  terminated: "no",
  replaced: "Starting",
  restarted: "Restarting",
  joined: "joined fine",
  leaseLost: "lost Failed",
  gone: "lost Failed",
  uncordoned: "ok",
  era: "warn Overdue"
}

const looksOf = (what: string) => (events[what] ?? what).split(" ")

/**
 * The class for the colour of an event; empty for most.
 *
 * @param what as the server names it
 */
export const toneOf = (what: string): string => looksOf(what)[1] ?? ""

/** The shape alone, to be placed in another drawing. */
export const Shape = ({ of }: { readonly of: string }) => (
  <>
    {(shapes[looksOf(of)[0] ?? ""] ?? "o5").split("|").map((part, i) => {
      const [, r, d] = /^(?:o([\d.]+))?(.*)/.exec(part) ?? []
      const style = ["lines", "filled", "lines hole"][i]
      return (
        <>
          {r && <circle class={style} cx="7" cy="7" r={r} />}
          {d && <path class={style} d={d} />}
        </>
      )
    })}
  </>
)

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
