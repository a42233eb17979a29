/** All children: a query, chips and menus that write into it, and pages of rows. */
import { ActionButton } from "./actions.js"
import { toPage } from "./address.js"
import { ChildTable, rowsOf } from "./childTable.js"
import { StatusCount } from "./glyphs.js"
import { useAnswer, useHold } from "./live.js"
import { QueryBox } from "./queryBox.js"
import { valueIn, withTerm } from "./queryTerms.js"
import { question } from "./requests.js"
import { Say } from "./say.js"
import type { ChildrenSent, OverviewSent } from "./sent.js"
import { EmptyScope, Missing } from "./standIns.js"
import { statuses } from "./statuses.js"
import { grouped } from "./timeWords.js"

const pageSize = 50

/** More children than these are not restarted at once. */
const mostAtOnce = 500

const StatusChips = ({ change, of: { byStatus }, query }: {
  readonly of: ChildrenSent
  readonly query: string
  readonly change: (query: string) => void
}) => {
  const chosen = valueIn(query, "status").toLowerCase()
  const all = Object.values(byStatus).reduce((sum, count) => sum + count, 0)
  return (
    <>
      <button
        class="chip"
        aria-pressed={chosen === ""}
        onClick={() => change(withTerm(query, "status", ""))}
      >
        All <b>{grouped(all)}</b>
      </button>
      {statuses.map((status) => {
        const value = status.toLowerCase()
        const count = byStatus[status] ?? 0
        const pressed = chosen.split(",").includes(value)
        return (count > 0 || pressed) && (
          <button
            class="chip"
            aria-pressed={pressed}
            onClick={() => change(withTerm(query, "status", chosen === value ? "" : value))}
          >
            <StatusCount of={status} count={count} />
          </button>
        )
      })}
    </>
  )
}

const Menu = ({ change, counts, name, query }: {
  readonly name: "kind" | "node"
  readonly counts: { readonly [value: string]: number }
  readonly query: string
  readonly change: (query: string) => void
}) => {
  const chosen = valueIn(query, name)
  const values = Object.entries(chosen === "" ? counts : { [chosen]: 0, ...counts })
  return (
    <select
      aria-label={name}
      value={chosen}
      onChange={(event) => change(withTerm(query, name, event.currentTarget.value))}
    >
      <option value="">Any {name}</option>
      {values.sort(([a], [b]) => a < b ? -1 : 1).map(([value, count]) => (
        <option key={value} value={value}>{value} ({grouped(count)})</option>
      ))}
    </select>
  )
}

const Pager = ({ go, of: { all, offset, total } }: {
  readonly of: ChildrenSent
  readonly go: (page: number) => void
}) => {
  const page = Math.floor(offset / pageSize)
  const end = Math.min(total, offset + pageSize)
  return (
    <div class="pager">
      <span aria-live="polite">
        {grouped(offset + 1)}–{grouped(end)} of {grouped(total)}
        {total < all && ` (${grouped(all)} in all)`}
      </span>
      <div class="right">
        <button id="prev" class="btn" disabled={page === 0} onClick={() => go(page - 1)}>Previous</button>
        <button id="next" class="btn" disabled={end >= total} onClick={() => go(page + 1)}>Next</button>
      </div>
    </div>
  )
}

const NoMatch = ({ clear, of }: { readonly of: ChildrenSent; readonly clear: () => void }) => (
  <div class="none-box">
    <h2>No child matches</h2>
    <p>
      <Say words={of.hint} />
    </p>
    <button class="btn" onClick={clear}>Clear the query</button>
  </div>
)

const Empty = () => {
  const { data } = useAnswer<OverviewSent>("api/overview")
  return data === undefined ? null : <EmptyScope words={data.empty} />
}

/** The children that match the query of the address. */
export const ChildrenPage = ({ params }: { readonly params: URLSearchParams }) => {
  const { isHeld, listeners } = useHold()
  const query = params.get("q") ?? ""
  const sort = params.get("sort") ?? "status"
  const page = Number(params.get("page") ?? 0)
  const shown = useAnswer<ChildrenSent>(
    question("children", { q: query, sort, offset: page * pageSize, limit: pageSize }),
    isHeld
  )
  const of = shown.data
  const to = (next: { readonly q?: string; readonly sort?: string; readonly page?: number }) => {
    const asked = { q: query, sort, page: 0, ...next }
    return toPage("children", { ...asked, sort: asked.sort === "status" ? "" : asked.sort })
  }
  const change = (q: string) => {
    location.hash = to({ q })
  }
  if (of?.all === 0) return <Empty />
  return (
    <>
      <h1 class="sr">Children</h1>
      <div class="stack">
        <QueryBox
          query={query}
          change={(q) => location.replace(to({ q }))}
          where="children"
          placeholder="Find by id, or status:failed kind:Poller node:worker-2"
        />
        {of !== undefined && (
          <div class="filters" role="group" aria-label="Filters">
            <StatusChips of={of} query={query} change={change} />
            <div class="right">
              <Menu name="kind" counts={of.byKind} query={query} change={change} />
              <Menu name="node" counts={of.byNode} query={query} change={change} />
              {query !== "" && of.total > 1 && of.total <= mostAtOnce && (
                <ActionButton action="restart" query={query} label={`Restart all ${grouped(of.total)}…`} />
              )}
            </div>
          </div>
        )}
      </div>
      {of?.problem !== undefined && (
        <p class="notice">
          <Say words={of.problem} />
        </p>
      )}
      {of === undefined ? <Missing of={shown} /> : (
        <section class="panel" {...listeners}>
          {of.total === 0 ? <NoMatch of={of} clear={() => change("")} /> : (
            <>
              <ChildTable
                rows={rowsOf(of.rows)}
                sort={sort}
                onSort={(next) => location.replace(to({ sort: next }))}
              />
              <Pager of={of} go={(next) => (location.hash = to({ page: next }))} />
            </>
          )}
        </section>
      )}
    </>
  )
}
