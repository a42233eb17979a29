/** The first page: how it stands, what does not run and why, the nodes and their last hour. */
import { useState } from "preact/hooks"
import { toFound, toNode } from "./address.js"
import { ChildTable } from "./childTable.js"
import { ShareBar } from "./drawings.js"
import { labelsOf } from "./facts.js"
import { Glyph, StatusCount } from "./glyphs.js"
import { Lanes } from "./lanes.js"
import { useAnswer, useHold, useNow } from "./live.js"
import { endOf, LeaseLeft, NodeTags } from "./nodeState.js"
import { Panel } from "./panel.js"
import { Say } from "./say.js"
import type { NodeSent, OverviewSent } from "./sent.js"
import { Spark } from "./spark.js"
import { EmptyScope, Missing } from "./standIns.js"
import { statuses } from "./statuses.js"
import { counted, grouped, ms } from "./timeWords.js"

/** How many nodes are shown at first. */
const atFirst = 12

const NodeRow = ({ asked, max, node }: {
  readonly node: NodeSent
  readonly max: number
  /** When the server answered, in milliseconds since 1970. */
  readonly asked: number
}) => (
  <tr class={node.live ? "" : "ended"}>
    <td>
      <div class="name">
        <a class="tail" data-row href={toNode(node.name)} title={node.name}>
          <bdi>{node.name}</bdi>
        </a>
        <NodeTags node={node} />
      </div>
      <div class="sub cut">
        {[...(node.revision ? [node.revision] : []), "weight " + node.weight, ...labelsOf(node.labels)].join(" · ")}
        <LeaseLeft before=" · " node={node} asked={asked} />
      </div>
    </td>
    <td>
      {node.live
        ? (
          <div class="share">
            <ShareBar count={node.children} fair={node.fair} max={max} />
            <b>{grouped(node.children)}</b>
          </div>
        )
        : (
          <span class="muted">
            <Say words={node.words} />
          </span>
        )}
    </td>
  </tr>
)

const rank = ({ cordoned, draining, duplicate, live, trouble }: NodeSent) =>
  !live ? 0 : duplicate || draining || cordoned ? 1 : trouble > 0 ? 2 : 3

const Nodes = ({ of: { at, historyProblem, nodes }, of }: { readonly of: OverviewSent }) => {
  const [all, setAll] = useState(false)
  useNow()
  const live = nodes.filter((node) => node.live)
  const lost = nodes.filter((node) => !node.live && endOf(node) === "lost").length
  const many = nodes.length > atFirst
  // Of many, those in trouble are shown at first.
  const shown = many && !all ? nodes.toSorted((a, b) => rank(a) - rank(b)).slice(0, atFirst) : nodes
  const max = Math.max(1, ...nodes.flatMap(({ children, fair }) => [children, fair]))
  return (
    <Panel
      title={counted(live.length, "node") + (lost > 0 ? `, ${lost} lost` : "")}
      note={historyProblem && <Say words={historyProblem} />}
      right={many && (
        <button class="btn" onClick={() => setAll(!all)}>
          Show {all ? atFirst + " of them" : "all " + nodes.length}
        </button>
      )}
    >
      <div class="fleet">
        <table>
          <thead>
            <tr>
              <th class="c-name">Node</th>
              <th>Children, fair share</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((node) => <NodeRow key={node.session} node={node} max={max} asked={ms(at)} />)}
          </tbody>
        </table>
        <Lanes of={of} nodes={shown} />
      </div>
    </Panel>
  )
}

const Verdict = ({ of: { at, byStatus, notices, notRunning, verdict } }: { readonly of: OverviewSent }) => (
  <section class="verdict">
    <div>
      <h1>
        <Say words={verdict} />
      </h1>
      {notices.map((words) => (
        <p>
          <Say words={words} />
        </p>
      ))}
      <nav class="counts" aria-label="Children by status">
        {statuses.map((status) =>
          byStatus[status] && (
            <a class="chip" href={toFound("status:" + status.toLowerCase())}>
              <StatusCount of={status} count={byStatus[status]} />
            </a>
          )
        )}
      </nav>
    </div>
    <Spark values={notRunning} at={ms(at)} />
  </section>
)

const Troubled = ({ text }: { readonly text: string }) => <a class="link" href={toFound("is:trouble")}>{text}</a>

/** The overview. */
export const OverviewPage = () => {
  const { isHeld, listeners } = useHold()
  const shown = useAnswer<OverviewSent>("api/overview", isHeld)
  const of = shown.data
  if (!of) return <Missing of={shown} />
  if (of.total === 0) return <EmptyScope words={of.empty} />
  const troubled = of.total - (of.byStatus["Running"] ?? 0)
  return (
    <>
      <Verdict of={of} />
      <Panel
        title="What does not run, and why"
        right={troubled > 0 && <Troubled text={"All " + counted(troubled, "child", "children")} />}
        {...listeners}
      >
        {of.trouble.length > 0
          ? <ChildTable rows={of.trouble} />
          : (
            <p class="pad muted st">
              <Glyph of="ok" tone="fine" />
              Everything runs.
            </p>
          )}
        {of.more > 0 && (
          <div class="pager">
            <Troubled text={`and ${grouped(of.more)} more`} />
          </div>
        )}
      </Panel>
      <Nodes of={of} />
    </>
  )
}
