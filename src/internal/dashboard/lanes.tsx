/** The last hour of each node: sessions as bars, moves as curves, losses and failures as marks. */
import { Drawing, MarksAndTexts, TimeAxis } from "./drawings.js"
import { laneSizes, layOutLanes } from "./laneLayout.js"
import { now } from "./live.js"
import type { NodeSent, OverviewSent } from "./sent.js"
import { clockOf, ms } from "./timeWords.js"

/** The lanes beside the table of nodes, whose rows have the same heights. */
export const Lanes = ({ nodes, of }: { readonly of: OverviewSent; readonly nodes: ReadonlyArray<NodeSent> }) => {
  const end = now()
  const height = laneSizes.head + nodes.length * laneSizes.row
  const moves = of.moves.map(({ at, count, from, to }) => `${clockOf(ms(at))}: ${count} from ${from} to ${to}`)
  return (
    <Drawing
      style="lanes"
      height={height}
      said={"The nodes over time. Moves: " + (moves.join("; ") || "none")}
    >
      {(width) => {
        const { bars, curves, from, gaps, lines, marks, texts, x } = layOutLanes(nodes, of, end, width)
        return (
          <>
            <TimeAxis x={x} top={laneSizes.head} bottom={height} from={from} to={end} toNow text={21} />
            <path class="hair" d={lines} />
            <path class="gap" d={gaps} />
            <path class="session" d={bars} />
            {curves.map(({ head, path, title, width }) => (
              <g class="curve">
                <title>{title}</title>
                <path d={path} stroke-width={width} />
                <path d={head} class="point" />
              </g>
            ))}
            <MarksAndTexts marks={marks} texts={texts} />
          </>
        )
      }}
    </Drawing>
  )
}
