/** Parts of the pages about one child or one node. */
import type { ComponentChildren } from "preact"
import { toNode } from "./address.js"
import { Panel } from "./panel.js"
import { Say } from "./say.js"
import type { ChildPageSent } from "./sent.js"

/** An explanation, paragraph by paragraph. */
export const InWords = ({ of }: { readonly of: ChildPageSent["words"] }) => (
  <section class="panel" aria-label="In words">
    <dl class="words">
      {of.map(({ label, pre, text }) => (
        <>
          <dt>{label}</dt>
          <dd>
            <Say words={text} />
            {pre && <pre>{pre}</pre>}
          </dd>
        </>
      ))}
    </dl>
  </section>
)

/** Names and values; those without a value are left out. */
export const Facts = ({ of, right }: {
  readonly of: { readonly [name: string]: ComponentChildren }
  readonly right?: ComponentChildren
}) => (
  <Panel title="Facts" right={right}>
    <dl class="facts">
      {Object.entries(of).map(([name, value]) =>
        value !== undefined && value !== "" && (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        )
      )}
    </dl>
  </Panel>
)

/** A node's name, as a link to its page. */
export const NodeLink = ({ name }: { readonly name: string }) => <a href={toNode(name)}>{name}</a>

/** Labels as `zone=eu-1a`. */
export const labelsOf = (labels: { readonly [name: string]: string }): ReadonlyArray<string> =>
  Object.entries(labels).map((label) => label.join("="))
