/** The last hour by minute: four strips, each with its own scale and total. */
import { Drawing, TimeAxis } from "./drawings.js"
import type { EventsSent } from "./sent.js"
import { grouped, minute, ms } from "./timeWords.js"

const names = ["nodes", "moves", "failures", "restarts"] as const

const titles = ["Nodes", "Moves", "Failures", "Restarts"]

const sizes = { left: 76, right: 52, row: 26 }

const sum = (values: ReadonlyArray<number>) => values.reduce((all, value) => all + value, 0)

/** How many events a minute had. */
export const inMinute = (minutes: EventsSent["minutes"], i: number): number =>
  sum(names.map((name) => minutes[name][i] ?? 0))

/** The strips; a click on a minute picks it. */
export const Strips = ({ chosen, minutes, pick }: {
  readonly minutes: EventsSent["minutes"]
  /** The minute that is shown alone, counted from the oldest; less than 0 for none. */
  readonly chosen: number
  readonly pick: (minute: number) => void
}) => {
  const from = ms(minutes.from)
  const count = minutes.nodes.length
  const bottom = names.length * sizes.row + 4
  const stepOf = (width: number) => (width - sizes.left - sizes.right) / count
  return (
    <Drawing
      style="strips"
      height={bottom + 22}
      said={"Events per minute: " + names.map((name) => name + " " + sum(minutes[name])).join(", ")}
      onClick={(x, width) => {
        const i = Math.floor((x - sizes.left) / stepOf(width))
        if (i >= 0 && i < count) pick(i)
      }}
    >
      {(width) => {
        const step = stepOf(width)
        const x = (at: number) => sizes.left + ((at - from) / minute) * step
        return (
          <>
            <TimeAxis x={x} top={0} bottom={bottom} from={from} to={from + count * minute} toNow text={bottom + 14} />
            {chosen >= 0 && <rect class="chosen" x={sizes.left + chosen * step} width={step} height={bottom} />}
            {names.map((name, row) => {
              const values = minutes[name]
              const y = (row + 1) * sizes.row - 2
              const scale = (sizes.row - 7) / Math.max(1, ...values)
              return (
                <>
                  <text y={y - 5} class="strong">{titles[row]}</text>
                  <path class="hair" d={`M${sizes.left} ${y + 0.5}H${width - sizes.right}`} />
                  <path
                    class={"strip " + name}
                    stroke-width={Math.max(1.5, step - 2)}
                    d={values.map((value, i) =>
                      value ? `M${sizes.left + (i + 0.5) * step} ${y}v${-Math.max(3, value * scale)}` : ""
                    ).join("")}
                  />
                  <text x={width - sizes.right + 8} y={y - 5}>{grouped(sum(values))}</text>
                </>
              )
            })}
          </>
        )
      }}
    </Drawing>
  )
}
