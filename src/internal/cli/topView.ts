/**
 * The live picture of a scope: what it shows, and what keys do to it. Pure.
 *
 * @internal
 */
import type { ChildLine, ChildPage, Overview } from "../console/answers.js"
import { lengthOf } from "../console/marks.js"
import { explanationLines, nodeTable, said, statusCell } from "./childTables.js"
import { countText, many } from "./quantities.js"
import { type Cell, cell, cutTo, harmless, tableLines, type TextLine, widthOf, wrap } from "./textTable.js"

/** What whoever looks has chosen. */
export interface TopState {
  /** Query of the list; empty for what does not run. */
  readonly query: string
  /** A query that is being typed; `undefined` while none is. */
  readonly typing: string | undefined
  /** ListedRow that is chosen, from 0. */
  readonly row: number
  /** The child whose explanation is open. */
  readonly open: string | undefined
  readonly over: boolean
}

export const initialTop: TopState = { query: "", typing: undefined, row: 0, open: undefined, over: false }

/** A key of the terminal: its name, or the text that was typed. */
export interface TopKey {
  readonly name: string
  readonly text: string
}

const typed = (state: TopState, query: string, { name, text }: TopKey): TopState => {
  switch (name) {
    case "return":
      return { ...state, query: query.trim(), typing: undefined, row: 0 }
    case "escape":
      return { ...state, typing: undefined }
    case "backspace":
      return query === "" ? { ...state, typing: undefined } : { ...state, typing: query.slice(0, -1) }
    default:
      return { ...state, typing: query + harmless(text).replace(/\ufffd/g, "") }
  }
}

/** What a key does. `rows`: the children that are listed now. */
export const pressed = (state: TopState, key: TopKey, rows: ReadonlyArray<string>): TopState => {
  if (key.name === "interrupt") return { ...state, over: true }
  if (state.typing !== undefined) return typed(state, state.typing, key)
  const to = (row: number): TopState => ({ ...state, row: Math.max(0, Math.min(rows.length - 1, row)) })
  switch (key.name) {
    case "q":
      return state.open === undefined ? { ...state, over: true } : { ...state, open: undefined }
    case "j":
    case "down":
      return to(state.row + 1)
    case "k":
    case "up":
      return to(state.row - 1)
    case "/":
      return { ...state, typing: state.query, open: undefined }
    case "return":
      return { ...state, open: rows[state.row] }
    case "escape":
      return state.open === undefined ? { ...state, query: "", row: 0 } : { ...state, open: undefined }
    default:
      return state
  }
}

/** What the picture is drawn of. */
export interface TopData {
  readonly overview: typeof Overview.Type
  /** Children that match the query; `undefined` without one. */
  readonly found: {
    readonly rows: ReadonlyArray<ChildLine>
    readonly total: number
    readonly problem?: string | undefined
  } | undefined
  /** The child that is open; missing where it is gone. */
  readonly page: typeof ChildPage.Type | undefined
  /** Unix milliseconds. */
  readonly now: number
}

/** One line of the list: a child, or several that do not run for the same reason. */
interface ListedRow {
  readonly id: string
  readonly line: ChildLine
  readonly count: number
}

const rowsOf = ({ found, overview }: TopData): ReadonlyArray<ListedRow> =>
  found === undefined
    ? overview.trouble.map(({ count, row }) => ({ id: row.id, line: row, count }))
    : found.rows.map((line) => ({ id: line.id, line, count: 1 }))

/** The ids that the list shows, in order. */
export const listedIds = (data: TopData): ReadonlyArray<string> => rowsOf(data).map(({ id }) => id)

const counts = ({ byStatus }: typeof Overview.Type): TextLine =>
  Object.entries(byStatus).filter(([, count]) => count > 0).flatMap(([status, count], i) => [
    cell(i === 0 ? "" : "  "),
    statusCell(status as ChildLine["status"]),
    cell(` ${countText(count)}`)
  ])

const titled = (left: string, right: string, width: number): TextLine => {
  const space = width - widthOf(left) - widthOf(right)
  return space < 2 ? [cell(left, "bold")] : [cell(left, "bold"), cell(" ".repeat(space)), cell(right, "dim")]
}

const listLines = (data: TopData, state: TopState, width: number): ReadonlyArray<TextLine> => {
  const rows = rowsOf(data)
  if (rows.length === 0) return [[cell(data.found === undefined ? "Everything runs." : "No child matches.", "dim")]]
  return tableLines(
    [
      { title: "  STATUS" },
      { title: "CHILD", cut: "end", least: 28 },
      { title: "NODE", cut: "start", least: 12, dispensable: 2 },
      { title: "FOR", right: true, dispensable: 3 },
      { title: "NOTE", cut: "end", least: 24, dispensable: 1 }
    ],
    rows.map(({ count, id, line }, i) => [
      { ...statusCell(line.status), text: `${i === state.row ? "▸" : " "} ${line.status}` },
      cell(count === 1 ? harmless(id) : `${countText(count)} ${line.kind}s`, i === state.row ? "bold" : "plain"),
      cell(harmless(line.node ?? line.lastNode ?? "")),
      cell(line.since === undefined ? "" : lengthOf(data.now - line.since.getTime())),
      cell(said(line.note, data.now))
    ]),
    width
  )
}

const keys: TextLine = [
  cell("j k", "bold"),
  cell(" move  ", "dim"),
  cell("enter", "bold"),
  cell(" explain  ", "dim"),
  cell("/", "bold"),
  cell(" find  ", "dim"),
  cell("esc", "bold"),
  cell(" back  ", "dim"),
  cell("q", "bold"),
  cell(" quit", "dim")
]

const footOf = ({ found, overview }: TopData, { typing }: TopState): TextLine =>
  typing !== undefined
    ? [cell("/", "bold"), cell(typing), cell("▏", "accent")]
    : found === undefined && overview.more > 0
    ? [...keys, cell(`   ${countText(overview.more)} more do not run`, "dim")]
    : keys

const cutLine = (line: TextLine, width: number): TextLine => {
  let left = width
  return line.map((piece): Cell => {
    const text = cutTo(piece.text, Math.max(0, left), "end")
    left -= widthOf(text)
    return { ...piece, text }
  })
}

/** The part of the list around the chosen row that fits. */
const around = (lines: ReadonlyArray<TextLine>, row: number, height: number): ReadonlyArray<TextLine> => {
  if (lines.length <= height) return lines
  const [head, ...rest] = lines
  const room = Math.max(1, height - 1)
  const from = Math.max(0, Math.min(rest.length - room, row - Math.floor(room / 2)))
  return [head!, ...rest.slice(from, from + room)]
}

/** The picture: as many lines, at most, as the terminal has, none wider than it is. */
export const topLines = (
  data: TopData,
  state: TopState,
  scope: string,
  size: { readonly width: number; readonly height: number }
): ReadonlyArray<TextLine> => {
  const { width } = size
  const { now, overview, page } = data
  const clock = new Date(now).toISOString().slice(11, 19)
  const title = titled(
    `${scope} · ${many(overview.nodes.length, "node")} · ${many(overview.total, "child", "children")}`,
    `${clock} UTC`,
    width
  )
  const verdict = wrap(said(overview.verdict, now), width).map((text): TextLine => [cell(text, "bold")])
  const notices = overview.notices.flatMap((words) => wrap(said(words, now), width)).map((
    text
  ): TextLine => [cell(text)])
  const stale: ReadonlyArray<TextLine> = overview.staleSince === undefined ? [] : [[
    cell(`Stale for ${lengthOf(now - overview.staleSince.getTime())}: nothing is heard of the scope.`, "warn")
  ]]
  const head = [title, ...stale, ...verdict, ...notices, counts(overview), []]
  const foot = [[], footOf(data, state)]
  const room = Math.max(2, size.height - head.length - foot.length)
  const nodes = nodeTable(overview.nodes, width)
  const nodeRoom = Math.min(nodes.length, Math.max(2, Math.floor(room / 2)))
  const shownNodes = nodes.length <= nodeRoom
    ? nodes
    : [...nodes.slice(0, nodeRoom - 1), [cell(`… ${nodes.length - nodeRoom} more`, "dim")]]
  const below = room - shownNodes.length - 1
  const caption = data.found === undefined ? [] : [[
    cell(`/${state.query}  `, "bold"),
    cell(
      data.found.problem === undefined ? many(data.found.total, "child", "children") : said(data.found.problem, now),
      data.found.problem === undefined ? "dim" : "bad"
    )
  ]]
  const body = state.open !== undefined
    ? page === undefined
      ? [[cell(`There is no child ${harmless(state.open)} any more.`)]]
      : explanationLines(page, now, width).slice(0, room)
    : [...shownNodes, [], ...caption, ...around(listLines(data, state, width), state.row, below - caption.length)]
  return [...head, ...body.slice(0, room), ...foot].slice(0, size.height).map((line) => cutLine(line, width))
}
