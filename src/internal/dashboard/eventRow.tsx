/** What happened, as a line; a burst of like events is one line that opens. */
import type { ComponentChildren } from "preact"
import { toChild } from "./address.js"
import { Glyph, toneOf } from "./glyphs.js"
import { useNow } from "./live.js"
import { Say } from "./say.js"
import type { EventSent } from "./sent.js"
import { grouped, momentOf, ms } from "./timeWords.js"

/** A line about an event. */
export const EventRow = ({ children, event: { at, what }, more = "", text }: {
  readonly event: EventSent
  readonly text: string
  readonly more?: string
  readonly children?: ComponentChildren
}) => (
  <div class="ev">
    <time class="muted" dateTime={at} title={at}>{momentOf(ms(at), useNow())}</time>
    <span class={toneOf(what) === "" ? "muted" : toneOf(what)}>
      <Glyph of={what} />
    </span>
    <div>
      <Say words={text} />
    </div>
    <div class="muted">
      <Say words={more} />
    </div>
    {children}
  </div>
)

/** The events of a burst, shown on demand. */
export const BurstItems = ({ count, items }: { readonly items: ReadonlyArray<EventSent>; readonly count: number }) => (
  <details>
    <summary>
      Show {count > items.length ? `${grouped(items.length)} of ${grouped(count)}` : `all ${grouped(count)}`}
    </summary>
    <ul>
      {items.map(({ id, node, position }) => (
        <li class="cut" key={position}>{id === undefined ? node : <a class="mono" href={toChild(id)}>{id}</a>}</li>
      ))}
      {count > items.length && <li class="muted">and {grouped(count - items.length)} more</li>}
    </ul>
  </details>
)
