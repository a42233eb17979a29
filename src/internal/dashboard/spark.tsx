/** How many children did not run, over the last hour: the one figure that says how bad it was. */
import { Drawing } from "./drawings.js"
import { clockOf, grouped } from "./timeWords.js"

/** A value stands for so many milliseconds, and an hour has so many of them. */
const step = 10_000
const most = 360

/** A line by square roots, so that 9 and 350 both show. */
export const Spark = ({ at, values }: { readonly values: ReadonlyArray<number>; readonly at: number }) => {
  const peak = Math.max(0, ...values)
  const top = values.lastIndexOf(peak)
  return (
    <div class="spark">
      <div>
        <span>Not running, last hour</span>
        {peak > 0 && <span>peak {grouped(peak)} at {clockOf(at - (values.length - top) * step, 5)}</span>}
      </div>
      <Drawing
        style=""
        height={44}
        said={`Children not running over the last hour: at most ${peak}, now ${values.at(-1) ?? 0}`}
      >
        {(width) => {
          const x = (i: number) => 2 + ((i + most - values.length) / (most - 1)) * (width - 4)
          const y = (value: number) => 41 - Math.sqrt(value / (peak || 1)) * 34
          const path = values.map((value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("")
          return (
            <>
              {path && <path class="under-line" d={`${path}V43H${x(0)}Z`} />}
              <path class="data-line" d={path} />
              {peak > 0 && <circle class="dot" cx={x(top)} cy={y(peak)} r="2.5" />}
              <path class="edge" d={`M0 43.5H${width}`} />
            </>
          )
        }}
      </Drawing>
    </div>
  )
}
