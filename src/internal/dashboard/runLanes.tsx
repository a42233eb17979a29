/** The runs of a child over time, a lane for each node that it ran on. */
import { useState } from "preact/hooks"
import { Drawing, MarksAndTexts, TimeAxis } from "./drawings.js"
import { useNow } from "./live.js"
import { Panel } from "./panel.js"
import { layOutRuns, runRanges, runSizes, spanOfRuns } from "./runLayout.js"
import { Say } from "./say.js"
import type { ChildPageSent } from "./sent.js"
import { counted } from "./timeWords.js"

/** The panel of runs, with the line that says whether two ever were at once. */
export const RunLanes = ({ page: { proof, runs } }: { readonly page: ChildPageSent }) => {
  const now = useNow()
  const [range, setRange] = useState("Fit")
  const span = spanOfRuns(runs, runRanges[range] ?? 0, now)
  const { count, earlier, height, nodes, said } = layOutRuns(runs, span, now, 0)
  return (
    <Panel
      title="Runs"
      note={
        <>
          {counted(count, "run")} on {counted(nodes, "node")}
          {earlier && ", and earlier ones"}.{" "}
          <span class={proof.ok ? "" : "Failed"}>
            <Say words={proof.text} />
          </span>
        </>
      }
      right={
        <div class="seg" role="group" aria-label="Time range">
          {Object.keys(runRanges).map((each) => (
            <button aria-pressed={each === range} onClick={() => setRange(each)}>{each}</button>
          ))}
        </div>
      }
    >
      {nodes > 0
        ? (
          <Drawing style="runs" height={height + 24} said={said.slice(-20).join("; ")}>
            {(width) => {
              const { bars, lines, marks, moves, texts, x } = layOutRuns(runs, span, now, width)
              return (
                <>
                  <TimeAxis x={x} top={8} bottom={height} {...span} toNow={span.to === now} text={height + 15} />
                  <path class="hair" d={lines} />
                  <path class="edge" d={`M${width - runSizes.right} 8V${height}${moves}`} />
                  {bars.map(({ late, path, title, tone }) => (
                    <g>
                      <title>{title}</title>
                      <path class={"run " + tone} d={path} />
                      {late && <path class="run latebed" d={late} />}
                      {late && <path class="run late" d={late} />}
                    </g>
                  ))}
                  <MarksAndTexts marks={marks} texts={texts} />
                </>
              )
            }}
          </Drawing>
        )
        : <p class="pad muted">No run in this time.</p>}
    </Panel>
  )
}
