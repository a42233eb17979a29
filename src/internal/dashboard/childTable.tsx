/** Children in rows: with all columns and sorting on their own page, with four of them elsewhere. */
import { ActionButton } from "./actions.js"
import { toChild, toFound } from "./address.js"
import { StatusMark } from "./glyphs.js"
import { about } from "./live.js"
import { Ago, saidPlainly, Say } from "./say.js"
import type { ChildSent, OverviewSent } from "./sent.js"
import { counted } from "./timeWords.js"

/** A child, or several that do not run for the same reason. */
type TableRow = OverviewSent["trouble"][number]

const columns = [
  ["status", "Status", "c-status"],
  ["id", "Child", "c-id"],
  ["", "Note", "c-note"],
  ["node", "Node", "c-node x"],
  ["restarts", "Restarts", "c-n num x"],
  ["since", "For", "c-age num"],
  ["token", "Token", "c-tok num x"]
] as const

const Head = ({ act, onSort, sort }: {
  readonly sort: string
  readonly onSort: ((sort: string) => void) | undefined
  readonly act: boolean
}) => (
  <thead>
    <tr>
      {columns.map(([key, text, style]) => {
        const up = sort === key
        const down = sort === `-${key}`
        const marked = key !== "" && (up || down)
        return (
          <th class={style} {...(marked ? { "aria-sort": up ? "ascending" : "descending" } as const : {})}>
            {onSort === undefined || key === "" ? text : (
              <button onClick={() => onSort(up ? `-${key}` : key)}>
                {text}
                {marked && <i aria-hidden="true">{up ? "↓" : "↑"}</i>}
              </button>
            )}
          </th>
        )
      })}
      {act && <th class="c-act">Action</th>}
    </tr>
  </thead>
)

const Name = ({ row: { count, query, row: line } }: { readonly row: TableRow }) => (
  <td class="c-id">
    <a class="row cut" data-row href={count > 1 ? toFound(query) : toChild(line.id)}>
      {count > 1 ? <b>{counted(count, line.kind)}</b> : (
        <span class="id" title={line.id}>
          <i>{line.kind}/</i>
          {line.key}
        </span>
      )}
    </a>
    <div class="line2">
      <span>{line.node ?? (line.lastNode === undefined ? "no node" : `last on ${line.lastNode}`)}</span>
      {line.since !== undefined && (
        <span>
          for <Ago at={line.since} />
        </span>
      )}
      {line.restarts > 0 && <span>{counted(line.restarts, "restart")}</span>}
    </div>
  </td>
)

const Row = ({ act, row }: { readonly row: TableRow; readonly act: boolean }) => {
  const { row: line } = row
  const where = line.node ?? (line.lastNode === undefined ? "" : `was ${line.lastNode}`)
  return (
    <tr>
      <td class="c-status">
        <StatusMark of={line.status} />
      </td>
      <Name row={row} />
      <td class="c-note cut" title={saidPlainly(line.note)}>
        {line.note !== "" && <Say words={line.note} />}
      </td>
      <td class={`tail wide x${line.node === undefined ? " muted" : ""}`} title={where}>
        <bdi>{where}</bdi>
      </td>
      <td class={`num wide x${line.restarts > 0 ? "" : " muted"}`}>{line.restarts}</td>
      <td class="num wide muted">{line.since !== undefined && <Ago at={line.since} />}</td>
      <td class="num wide x c-tok muted">{line.token}</td>
      {act && (
        <td class="c-act num">
          {line.status === "Failed" && (
            <ActionButton
              action="restart"
              label="Restart…"
              {...(row.count > 1 ? { query: row.query } : { ids: [line.id] })}
            />
          )}
        </td>
      )}
    </tr>
  )
}

/**
 * A table of children. With `onSort` it has all columns; without, those that say why something does not run, and a
 * button to restart what failed.
 */
export const ChildTable = ({ onSort, rows, sort = "" }: {
  readonly rows: ReadonlyArray<TableRow>
  readonly sort?: string
  readonly onSort?: (sort: string) => void
}) => {
  const mayRestart = about.use()?.actions.includes("restart") ?? false
  const act = onSort === undefined && mayRestart && rows.some(({ row }) => row.status === "Failed")
  return (
    <table class={onSort === undefined ? "list slim" : "list"}>
      <Head sort={sort} onSort={onSort} act={act} />
      <tbody>{rows.map((row) => <Row key={row.row.id} row={row} act={act} />)}</tbody>
    </table>
  )
}

/**
 * Rows of children, one each.
 *
 * @param lines as the server sends them
 */
export const rowsOf = (lines: ReadonlyArray<ChildSent>): ReadonlyArray<TableRow> =>
  lines.map((row) => ({ row, count: 1, query: "" }))
