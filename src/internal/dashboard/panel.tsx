/** The box around each part of a page. */
import type { ComponentChildren } from "preact"

/** A part of a page with its title, what is said beside it, and what stands at the end of that line. */
export const Panel = ({ children, note, right, title, ...listeners }: {
  readonly title: string
  readonly note?: ComponentChildren
  readonly right?: ComponentChildren
  readonly children?: ComponentChildren
  readonly [listener: `on${string}`]: () => void
}) => (
  <section class="panel" aria-label={title} {...listeners}>
    <div class="head">
      <h2>{title}</h2>
      {note && <span class="muted">{note}</span>}
      {right && <div class="right">{right}</div>}
    </div>
    {children}
  </section>
)
