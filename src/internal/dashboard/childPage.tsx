/** One child: why it stands as it does, its runs, its history, and where it can run. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { ActionButton, tell } from "./actions.js"
import { toFound, toPage } from "./address.js"
import { Facts, InWords, labelsOf, NodeLink } from "./facts.js"
import { Glyph, StatusMark, toneOf } from "./glyphs.js"
import { about, useAnswer, useNow } from "./live.js"
import { Panel } from "./panel.js"
import { termOf } from "./queryTerms.js"
import { question } from "./requests.js"
import { RunLanes } from "./runLanes.js"
import { Ago, Say } from "./say.js"
import type { ChildPageSent, EventSent } from "./sent.js"
import { Gone, Missing } from "./standIns.js"
import { counted, grouped, momentOf, ms } from "./timeWords.js"

/** How many entries of the history are shown at first. */
const newest = 12

const Entry = ({ of: { at, attempt, count, node, text, token, what } }: { readonly of: EventSent }) => (
  <tr>
    <td class="nowrap">
      <time title={at}>{momentOf(ms(at), useNow(), 12)}</time>
    </td>
    <td>
      <span class={"st " + toneOf(what)}>
        <Glyph of={what} />
        {what}
        {count > 1 && " ×" + count}
      </span>
    </td>
    <td class="nowrap">{node && <NodeLink name={node} />}</td>
    <td class="num muted">{token}</td>
    <td class="num muted">{attempt}</td>
    <td class="c-cause muted">
      <Say words={text} />
    </td>
  </tr>
)

const History = ({ of: { history, historyProblem } }: { readonly of: ChildPageSent }) => {
  const [all, setAll] = useState(false)
  return (
    <Panel
      title="History"
      note={historyProblem
        ? <Say words={historyProblem} />
        : counted(history.length, "entry", "entries") + ", newest first"}
    >
      {history.length > 0 && (
        <table class="hist">
          <thead>
            <tr>
              {["At", "What", "Node"].map((name) => <th>{name}</th>)}
              {["Token", "Attempt"].map((name) => <th class="num">{name}</th>)}
              <th>Cause</th>
            </tr>
          </thead>
          <tbody>
            {history.slice(0, all ? history.length : newest).map((entry) => <Entry key={entry.position} of={entry} />)}
          </tbody>
        </table>
      )}
      {history.length > newest && (
        <div class="pager">
          <button class="btn" onClick={() => setAll(!all)}>
            Show {all ? "the last " + newest : "all " + history.length}
          </button>
        </div>
      )}
    </Panel>
  )
}

const Places = ({ of: { line, places } }: { readonly of: ChildPageSent }) => (
  <Panel title="Where it can run">
    <ol class="places">
      {places.map(({ name, obstacle }, i) => (
        <li>
          <Glyph of={obstacle ? "no" : "ok"} tone={obstacle ? "muted" : "fine"} />
          <NodeLink name={name} />
          <span class="muted">{obstacle ?? (name === line.node ? "runs here" : i === 0 && "first choice")}</span>
        </li>
      ))}
      {places.length === 0 && <li class="muted">No node is live.</li>}
    </ol>
  </Panel>
)

const Data = ({ children, title, value }: {
  readonly title: string
  readonly value: unknown
  readonly children?: ComponentChildren
}) => (
  <Panel title={title}>
    <div class="pad">
      <pre>{JSON.stringify(value, null, 2)}</pre>
      {children}
    </div>
  </Panel>
)

const Aside = ({ of, of: { line, state } }: { readonly of: ChildPageSent }) => (
  <div>
    <Facts
      right={
        <button
          class="btn"
          onClick={() => void navigator.clipboard?.writeText(line.id).then(() => tell("Copied."))}
        >
          Copy id
        </button>
      }
      of={{
        Id: <span class="mono">{line.id}</span>,
        Node: line.node ? <NodeLink name={line.node} /> : (
          <>
            none{line.lastNode && (
              <>
                ; last <NodeLink name={line.lastNode} />
              </>
            )}
          </>
        ),
        Token: line.token ?? "none",
        Generation: of.generation,
        Restarts: line.restarts,
        Type: of.type,
        Set: line.set,
        Requires: labelsOf(of.requires).join(" "),
        Digest: of.digest && <span class="mono">{of.digest}</span>
      }}
    />
    <Places of={of} />
    {of.payload !== undefined && <Data title="Payload" value={of.payload} />}
    {state && (
      <Data title="State" value={state.value}>
        <p class="muted after">
          Saved <Ago at={state.at} /> ago by <NodeLink name={state.node} />, token {state.token}, version{" "}
          {grouped(+state.version)}.
        </p>
      </Data>
    )}
    {of.hidden && (
      <p class="muted">
        <Say words={of.hidden} />
      </p>
    )}
  </div>
)

/** The page of a child. */
export const ChildDetail = ({ id }: { readonly id: string }) => {
  const shown = useAnswer<ChildPageSent>(question("child", { id }))
  const actions = about.use()?.actions
  if (shown.refused?.status === 404) return <Gone what="child" name={id} query={id.split("/").at(-1) ?? id} />
  const of = shown.data
  if (!of) return <Missing of={shown} />
  const { key, kind, since, status } = of.line
  return (
    <>
      <div class="title">
        <div>
          <nav class="crumbs" aria-label="Path">
            <a href={toPage("children")}>Children</a>/<a href={toFound(termOf("kind", kind))}>{kind}</a>
          </nav>
          <h1 class="mono">{key}</h1>
          <div class="meta">
            <StatusMark of={status} />
            {since && (
              <span>
                for <Ago at={since} />
              </span>
            )}
          </div>
        </div>
        <div class="acts">
          <ActionButton action="terminate" style="danger" ids={[id]} label="Terminate…" />
          <ActionButton action="restart" style={status === "Failed" ? "main" : ""} ids={[id]} label="Restart…" />
          {actions?.length === 0 && <span class="muted">Actions are off on this server</span>}
        </div>
      </div>
      <div class="two">
        <div>
          <InWords of={of.words} />
          <RunLanes page={of} />
          <History of={of} />
        </div>
        <Aside of={of} />
      </div>
    </>
  )
}
