/** One node: the children there that need a look, and what would move if it were drained. */
import { lengthOf } from "../console/marks.js"
import { ActionButton } from "./actions.js"
import { toFound, toPage } from "./address.js"
import { ChildTable, rowsOf } from "./childTable.js"
import { ShareBar } from "./drawings.js"
import { EventRow } from "./eventRow.js"
import { Facts, InWords, labelsOf, NodeLink } from "./facts.js"
import { Glyph } from "./glyphs.js"
import { useAnswer, useHold, useNow } from "./live.js"
import { LeaseLeft, NodeTags } from "./nodeState.js"
import { Panel } from "./panel.js"
import { termOf } from "./queryTerms.js"
import { question } from "./requests.js"
import { Ago, Say } from "./say.js"
import type { ChildrenSent, NodePageSent } from "./sent.js"
import { Gone, Missing } from "./standIns.js"
import { grouped, momentOf, ms } from "./timeWords.js"

/** How many children in trouble, and how many events, are shown here. */
const here = { children: 10, events: 8 }

const Hosted = ({ of: { byKind, node: { children, fair, name } } }: { readonly of: NodePageSent }) => {
  const { isHeld, listeners } = useHold()
  const term = termOf("node", name)
  const troubled = term + " is:trouble"
  const { data } = useAnswer<ChildrenSent>(question("children", { q: troubled, limit: here.children }), isHeld)
  const more = data ? data.total - data.rows.length : 0
  return (
    <Panel
      title="Children here"
      note={grouped(children) + (fair > 0 ? `; fair share ${grouped(fair)}` : "")}
      right={<a class="link" href={toFound(term)}>All {grouped(children)}</a>}
      {...listeners}
    >
      {byKind.length > 0 && (
        <div class="pad counts line">
          {byKind.map(({ count, kind, trouble }) => (
            <a class="chip" href={toFound(termOf("kind", kind) + " " + term)}>
              {kind} <b>{grouped(count)}</b>
              {trouble > 0 && (
                <span class="st Overdue">
                  <Glyph of="warn" />
                  {trouble}
                  <span class="sr">in trouble</span>
                </span>
              )}
            </a>
          ))}
        </div>
      )}
      {data && data.total > 0
        ? <ChildTable rows={rowsOf(data.rows)} />
        : <p class="pad muted">{children > 0 ? "All of them run." : "None at the moment."}</p>}
      {more > 0 && (
        <div class="pager">
          <a class="link" href={toFound(troubled)}>and {grouped(more)} more</a>
        </div>
      )}
    </Panel>
  )
}

const Drain = ({ plan: { closed, text, to } }: { readonly plan: NonNullable<NodePageSent["drain"]> }) => {
  const max = Math.max(1, ...to.map(({ after }) => after))
  return (
    <Panel title="If it were drained">
      <div class="pad">
        <p class="muted before">
          <Say words={text} />
        </p>
        {to.map(({ after, name, now }) => (
          <div class="move">
            <NodeLink name={name} />
            <ShareBar count={now} max={max} extra={after - now} />
            <span class="num nowrap">
              {grouped(now)} → <b>{grouped(after)}</b>
            </span>
          </div>
        ))}
        {closed.map(({ name, why }) => (
          <div class="move closed">
            <NodeLink name={name} />
            <span class="muted">
              takes none: <Say words={why} />
            </span>
          </div>
        ))}
      </div>
    </Panel>
  )
}

const Directive = ({ of: { directive } }: { readonly of: NodePageSent }) => (
  <Panel title="Directives">
    <div class="pad">
      {directive
        ? (
          <>
            <b>{directive.what}</b>, <Ago at={directive.at} /> ago{directive.by && ", by " + directive.by}
            <div class="muted">{directive.reason || "no reason given"}</div>
            {!directive.obeyed && <div class="Overdue">The node has not obeyed it yet.</div>}
          </>
        )
        : <span class="muted">None: it takes children as its weight says.</span>}
    </div>
  </Panel>
)

const State = ({ asked, node }: { readonly node: NodePageSent["node"]; readonly asked: number }) => {
  const now = useNow()
  const { joined, live, self } = node
  return (
    <div class="meta">
      {live && (
        <span class="st Running">
          <Glyph of="Running" />
          Live
        </span>
      )}
      <NodeTags node={{ ...node, trouble: 0 }} />
      {live && joined && <span>up {lengthOf(now - ms(joined))}</span>}
      <LeaseLeft node={node} asked={asked} />
      {self && <span class="tag">serves this page</span>}
    </div>
  )
}

const NodeFacts = ({ of: { address, kinds, node } }: { readonly of: NodePageSent }) => {
  const now = useNow()
  return (
    <Facts
      of={{
        Session: <span class="mono">{node.session}</span>,
        Address: address && <span class="mono">{address}</span>,
        Weight: node.weight,
        Revision: node.revision,
        Labels: labelsOf(node.labels).join(" ") || "none",
        Kinds: Object.entries(kinds).map(([kind, { version }]) => (
          <div>
            {kind} <span class="muted">version {version}</span>
          </div>
        )),
        Joined: node.joined && momentOf(ms(node.joined), now)
      }}
    />
  )
}

/** The page of a node. */
export const NodeDetail = ({ name }: { readonly name: string }) => {
  const shown = useAnswer<NodePageSent>(question("node", { name }))
  if (shown.refused?.status === 404) return <Gone what="node" name={name} query={termOf("node", name)} />
  const of = shown.data
  if (!of) return <Missing of={shown} />
  const { drain, events, node: { cordoned, draining, live }, words } = of
  return (
    <>
      <div class="title">
        <div>
          <nav class="crumbs" aria-label="Path">
            <a href={toPage("")}>Overview</a>/<span>Nodes</span>
          </nav>
          <h1>{name}</h1>
          <State node={of.node} asked={shown.asked} />
        </div>
        {live && (
          <div class="acts">
            {cordoned || draining
              ? <ActionButton action="uncordon" ids={[name]} label="Uncordon…" />
              : <ActionButton action="cordon" ids={[name]} label="Cordon…" />}
            {!draining && <ActionButton action="drain" style="danger" ids={[name]} label="Drain…" />}
          </div>
        )}
      </div>
      <div class="two">
        <div>
          {words.length > 0 && <InWords of={words} />}
          {live && <Hosted of={of} />}
          {drain && <Drain plan={drain} />}
          <Panel
            title="Last hour"
            right={<a class="link" href={toPage("events", { q: termOf("node", name) })}>All events</a>}
          >
            {events.slice(0, here.events).map((event) => <EventRow event={event} text={event.text} />)}
            {events.length === 0 && <p class="pad muted">Nothing happened there.</p>}
          </Panel>
        </div>
        <div>
          <NodeFacts of={of} />
          {live && <Directive of={of} />}
        </div>
      </div>
    </>
  )
}
