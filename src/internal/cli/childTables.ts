/**
 * Children as tables and paragraphs: the words are the console's, for page and terminal alike.
 *
 * @internal
 */
import type { ChildLine, ChildPage, NodeLine } from "../console/answers.js"
import { lengthOf, plainWords } from "../console/marks.js"
import { countText } from "./quantities.js"
import { type Cell, cell, type Column, harmless, tableLines, type TextLine, type Tone, wrap } from "./textTable.js"

const tones: { readonly [S in ChildLine["status"]]: Tone } = {
  Failed: "bad",
  Overdue: "warn",
  Pending: "wait",
  Restarting: "warn",
  Starting: "accent",
  Stopping: "dim",
  Running: "plain"
}

/** A status: its word, in its colour. */
export const statusCell = (status: ChildLine["status"]): Cell => cell(status, tones[status])

/** Words as one line of text. */
export const said = (words: string, now: number): string => harmless(plainWords(words, now))

const columns: ReadonlyArray<Column> = [
  { title: "STATUS" },
  { title: "CHILD", cut: "end", least: 32 },
  { title: "NODE", cut: "start", least: 14 },
  { title: "FOR", right: true, dispensable: 2 },
  { title: "RESTARTS", right: true, dispensable: 3 },
  { title: "NOTE", cut: "end", least: 24, dispensable: 1 }
]

/** Children, one per line. `now`: unix milliseconds. */
export const childTable = (rows: ReadonlyArray<ChildLine>, now: number, width: number): ReadonlyArray<TextLine> =>
  tableLines(
    columns,
    rows.map(({ id, node, note, restarts, since, status }) => [
      statusCell(status),
      cell(harmless(id)),
      cell(harmless(node ?? "")),
      cell(since === undefined ? "" : lengthOf(now - since.getTime())),
      cell(restarts === 0 ? "" : countText(restarts)),
      cell(said(note, now))
    ]),
    width
  )

const blocks = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"] as const

/** A bar of a length between 0 and 1. */
export const bar = (share: number, width: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const whole = "█".repeat(Math.floor(eighths / 8))
  const rest = eighths % 8
  return `${whole}${rest === 0 ? "" : blocks[rest - 1]!}`.padEnd(width)
}

/** The state of a node in a word or two. */
export const stateOf = (node: typeof NodeLine.Type): Cell => {
  if (!node.live) return cell("gone", "bad")
  const words = [
    ...(node.draining ? [node.children > 0 ? "draining" : "drained"] : node.cordoned ? ["cordoned"] : []),
    ...(node.full ? ["full"] : []),
    ...(node.duplicate ? ["duplicate name"] : [])
  ]
  return words.length === 0 ? cell("open") : cell(words.join(", "), "warn")
}

const labelsOf = (labels: { readonly [name: string]: string }): string =>
  Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(",")

const nodeColumns: ReadonlyArray<Column> = [
  { title: "NODE", cut: "start", least: 20 },
  { title: "STATE" },
  { title: "CHILDREN", right: true },
  { title: "SHARE", dispensable: 4 },
  { title: "FAIR", right: true, dispensable: 3 },
  { title: "TROUBLE", right: true },
  { title: "WEIGHT", right: true, dispensable: 2 }
]

const labelsColumn: Column = { title: "LABELS", cut: "end", dispensable: 1 }
const revisionColumn: Column = { title: "REVISION", cut: "end", dispensable: 5 }

/** Columns of a share bar. */
const shareWidth = 12

/** Nodes, one per line. */
export const nodeTable = (
  nodes: ReadonlyArray<typeof NodeLine.Type>,
  width: number
): ReadonlyArray<TextLine> => {
  const most = Math.max(1, ...nodes.map(({ children, fair }) => Math.max(children, fair)))
  const hasRevisions = nodes.some(({ revision }) => revision !== undefined)
  return tableLines(
    [...nodeColumns, ...(hasRevisions ? [revisionColumn] : []), labelsColumn],
    nodes.map((node) => [
      cell(harmless(node.name), node.live ? "plain" : "dim"),
      stateOf(node),
      cell(countText(node.children)),
      cell(bar(node.children / most, shareWidth)),
      cell(node.fair === 0 ? "" : countText(node.fair)),
      cell(node.trouble === 0 ? "" : countText(node.trouble), "bad"),
      cell(String(node.weight)),
      ...(hasRevisions ? [cell(harmless(node.revision ?? ""))] : []),
      cell(harmless(labelsOf(node.labels)))
    ]),
    width
  )
}

const widest = 100

/** A label and its text, wrapped beside it. */
export const labelled = (label: string, text: string, width: number): ReadonlyArray<TextLine> =>
  wrap(text, Math.min(width, widest) - 11).map((line, i) => [
    cell((i === 0 ? label : "").padEnd(11), "dim"),
    cell(line)
  ])

/** The head of a child's page: its id, its status, and since when. */
export const headOf = ({ line }: typeof ChildPage.Type, now: number): TextLine => [
  cell(harmless(line.id), "bold"),
  cell("  "),
  statusCell(line.status),
  cell(line.since === undefined ? "" : ` for ${lengthOf(now - line.since.getTime())}`)
]

/** The facts of a child. */
export const factLines = (page: typeof ChildPage.Type, now: number, width: number): ReadonlyArray<TextLine> => {
  const { belongs, generation, line, payload, requires, state, type } = page
  const facts: ReadonlyArray<readonly [string, string | undefined]> = [
    ["node", line.node],
    ["last node", line.node === undefined ? line.lastNode : undefined],
    ["belongs on", belongs === line.node ? undefined : belongs],
    ["note", line.note === "" ? undefined : said(line.note, now)],
    ["restarts", countText(line.restarts)],
    ["token", line.token === undefined ? undefined : String(line.token)],
    ["generation", String(generation)],
    ["set", line.set],
    ["type", type],
    ["requires", labelsOf(requires) === "" ? undefined : labelsOf(requires)],
    ["payload", payload === undefined ? undefined : JSON.stringify(payload)],
    ["state", state === undefined ? undefined : JSON.stringify(state.value)]
  ]
  return [
    headOf(page, now),
    ...facts.flatMap(([label, text]) => (text === undefined ? [] : labelled(label, harmless(text), width)))
  ]
}

/** The explanation of a child, in the console's words. */
export const explanationLines = (
  page: typeof ChildPage.Type,
  now: number,
  width: number
): ReadonlyArray<TextLine> => [
  headOf(page, now),
  ...page.words.flatMap(({ label, pre, text }) => [
    ...labelled(label, said(text, now), width),
    ...(pre === undefined ? [] : pre.split("\n").map((line): TextLine => [cell(`           ${harmless(line)}`, "dim")]))
  ]),
  ...page.places.flatMap(({ name, obstacle }, i) =>
    labelled(
      i === 0 ? "Nodes" : "",
      harmless(obstacle === undefined ? `${name}: can run it` : `${name}: ${obstacle}`),
      width
    )
  ),
  ...labelled("Runs", said(page.proof.text, now), width)
]
