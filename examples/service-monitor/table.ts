/**
 * Text of a terminal's width: lines made of coloured pieces, and the table of the monitors.
 */
import type { ChildInfo } from "effect-pogo"
import type { History } from "./History.js"

export type Colour = "plain" | "bold" | "dim" | "red" | "green" | "yellow"

/** A piece of a line. */
export interface Piece {
  readonly text: string
  readonly colour: Colour
}

export type TextLine = ReadonlyArray<Piece>

export const piece = (text: string, colour: Colour = "plain"): Piece => ({ text, colour })

/** Lines for a width. */
export type Block = (width: number) => ReadonlyArray<TextLine>

/** Breaks a text between words. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Cuts a line to a width. */
export const cut = (line: TextLine, width: number): TextLine => {
  let left = width
  return line.map(({ colour, text }) => {
    const part = text.length > left ? `${text.slice(0, Math.max(0, left - 1))}${left > 0 ? "~" : ""}` : text
    left -= part.length
    return piece(part, colour)
  })
}

const columns = ["SERVICE", "NODE", "STATUS", "LATENCY", "RESTARTS", "TOKEN"] as const

type Column = typeof columns[number]

export type Row = { readonly [C in Column]: Piece }

/** What a narrow terminal can do without, first of all. */
const dispensable: ReadonlyArray<Column> = ["TOKEN", "RESTARTS", "LATENCY"]

const rightAligned: ReadonlySet<Column> = new Set(["LATENCY", "RESTARTS"])

const seconds = (millis: number): string => `${(millis / 1_000).toFixed(1)} s`

const statusOf = (child: ChildInfo.ChildRow, history: History, now: number): Piece => {
  const orphanedAt = history.orphanedAt(child.id)
  const last = history.lastCheck.get(child.id)
  if (orphanedAt !== undefined) return piece(`unwatched ${seconds(now - orphanedAt)}`, "yellow")
  if (child.status._tag === "Pending") return piece("waits for a node", "yellow")
  if (last === undefined) return piece(child.status._tag.toLowerCase(), "yellow")
  return last.problem === undefined ? piece("up", "green") : piece(`down: ${last.problem}`, "red")
}

/** What a node knows of a child, and what its checks found. */
export const rowOf = (child: ChildInfo.ChildRow, history: History, now: number): Row => {
  const latency = history.lastCheck.get(child.id)?.latency
  return {
    SERVICE: piece(child.key),
    NODE: piece(child.node ?? "-"),
    STATUS: statusOf(child, history, now),
    LATENCY: piece(latency === undefined ? "-" : `${latency.toFixed(0)} ms`),
    RESTARTS: piece(String(child.restarts)),
    TOKEN: piece(child.token === undefined ? "-" : String(child.token), "dim")
  }
}

const gap = "  "

const widthsOf = (rows: ReadonlyArray<Row>): Map<Column, number> =>
  new Map(columns.map((column) => [column, Math.max(column.length, ...rows.map((row) => row[column].text.length))]))

const total = (shown: ReadonlyArray<Column>, widths: Map<Column, number>): number =>
  shown.reduce((sum, column) => sum + widths.get(column)! + gap.length, -gap.length)

/** The columns that there is room for. */
const fitting = (widths: Map<Column, number>, width: number): ReadonlyArray<Column> => {
  let shown: ReadonlyArray<Column> = columns
  for (const column of dispensable) {
    if (total(shown, widths) > width) shown = shown.filter((other) => other !== column)
  }
  return shown
}

/** The table of the monitors. */
export const tableOf = (rows: ReadonlyArray<Row>): Block => (width) => {
  const widths = widthsOf(rows)
  const shown = fitting(widths, width)
  const lineOf = (cell: (column: Column) => Piece): TextLine =>
    shown.map((column, i) => {
      const { colour, text } = cell(column)
      const size = widths.get(column)!
      const padded = rightAligned.has(column) ? text.padStart(size) : text.padEnd(size)
      return piece(i === 0 ? padded : `${gap}${padded}`, colour)
    })
  return [lineOf((column) => piece(column, "bold")), ...rows.map((row) => lineOf((column) => row[column]))]
    .map((line) => cut(line, width))
}
