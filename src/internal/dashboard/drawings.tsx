/** What drawings share: their width, an axis of time, marks and texts. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import type { DrawnMark, DrawnText } from "./drawn.js"
import { Shape } from "./glyphs.js"
import { ticksOf } from "./timeWords.js"

/** A drawing as wide as there is room. */
export const Drawing = ({ children, height, onClick, said, style }: {
  readonly style: string
  readonly height: number
  /** What it says to those who do not see it. */
  readonly said: string
  readonly children: (width: number) => ComponentChildren
  readonly onClick?: (x: number, width: number) => void
}) => {
  const [width, set] = useState(0)
  const [ref] = useState(() => {
    // It tells of the first size, too, before anything is painted.
    const observer = new ResizeObserver((sizes) => set(sizes.at(-1)?.target.clientWidth ?? 0))
    return (box: HTMLElement | null) => box ? observer.observe(box) : observer.disconnect()
  })
  return (
    <div class={style}>
      <div ref={ref}>
        <svg width={width} height={height} role="img" aria-label={said} onClick={(e) => onClick?.(e.offsetX, width)}>
          {width > 0 && children(width)}
        </svg>
      </div>
    </div>
  )
}

/** Marks and texts of a drawing. */
export const MarksAndTexts = ({ marks, texts }: {
  readonly marks: ReadonlyArray<DrawnMark>
  readonly texts: ReadonlyArray<DrawnText>
}) => (
  <>
    {texts.map(({ anchor, text, tone, x, y }) => <text x={x} y={y} text-anchor={anchor} class={tone}>{text}</text>)}
    {marks.map(({ shape, title, tone, x, y }) => (
      <g class={tone} transform={`translate(${x - 7} ${y - 7})`}>
        <title>{title}</title>
        <circle cx="7" cy="7" r="8" class="under" />
        <Shape of={shape} />
      </g>
    ))}
  </>
)

/** Room for a mark's text, in pixels. */
const markRoom = 84

/** Round times along a drawing, by lines and texts; one that ends at the present says so. */
export const TimeAxis = ({ bottom, from, text, to, toNow, top, x }: {
  readonly x: (at: number) => number
  readonly from: number
  readonly to: number
  readonly toNow: boolean
  readonly top: number
  readonly bottom: number
  /** Where the texts stand. */
  readonly text: number
}) => {
  const [begin, end] = [x(from), x(to)]
  return (
    <>
      {ticksOf(from, to, (end - begin) / markRoom).map(({ at, text: said }) =>
        x(at) > begin + 18 && x(at) < end - (toNow ? 44 : 24) && (
          <>
            <path class="hair" d={`M${x(at)} ${top}V${bottom}`} />
            <text x={x(at)} y={text} text-anchor="middle">{said}</text>
          </>
        )
      )}
      {toNow && <text x={end} y={text} text-anchor="end" class="strong">now</text>}
    </>
  )
}

/** How many children a node has beside its fair share, and how many it would get. */
export const ShareBar = ({ count, extra = 0, fair = 0, max }: {
  readonly count: number
  readonly max: number
  readonly fair?: number
  readonly extra?: number
}) => {
  const part = (value: number) => (value / max) * 100 + "%"
  const said = count + " children" + (fair > 0 ? "; its fair share by weight is " + Math.round(fair) : "") +
    (extra > 0 ? `; ${extra} more would come` : "")
  return (
    <svg width="100%" height="16" role="img" aria-label={said}>
      <title>{said}</title>
      <rect y="4" width="100%" height="8" rx="2" class="trough" />
      <rect y="4" width={part(count)} height="8" rx="2" class="bar" />
      {extra > 0 && <line x1={part(count)} x2={part(count + extra)} y1="8" y2="8" class="coming" />}
      {fair > 0 && <line x1={part(fair)} x2={part(fair)} y1="1" y2="15" class="tick" />}
    </svg>
  )
}
