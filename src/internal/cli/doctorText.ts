/**
 * The doctor's report for people.
 *
 * @internal
 */
import type { DoctorReport } from "./doctor.js"
import type { Trouble } from "./doctorTrouble.js"
import { bytesText, many, millisText } from "./quantities.js"
import { cell, type TextLine, wrap } from "./textTable.js"

const marks = { error: cell("✗ ", "bad"), warning: cell("! ", "warn") } as const

const indent = "  "

/** The longest line that is pleasant to read. */
const widest = 100

const paragraph = (text: string, width: number): ReadonlyArray<string> => wrap(text, Math.min(width, widest) - 4)

const troubleLines = ({ code, means, remedy, severity, what }: Trouble, width: number): ReadonlyArray<TextLine> => [
  ...paragraph(`${what}. [${code}]`, width).map((text, i): TextLine => [
    i === 0 ? marks[severity] : cell(indent),
    cell(text, "bold")
  ]),
  ...paragraph(`${means}.`, width).map((text): TextLine => [cell(indent), cell(text)]),
  ...paragraph(`${remedy}.`, width).map((
    text,
    i
  ): TextLine => [cell(i === 0 ? `${indent}→ ` : `${indent}  `), cell(text)]),
  []
]

/** The report as lines. */
export const reportLines = (report: DoctorReport, width: number): ReadonlyArray<TextLine> => {
  const { facts, scope, server, troubles, unseen } = report
  const memory = Object.values(facts.memory).reduce((sum, bytes) => sum + bytes, 0)
  const head = [
    server,
    `scope ${scope}`,
    ...(facts.version === undefined ? [] : [facts.version]),
    many(facts.nodes, "node"),
    many(facts.children, "child", "children"),
    ...(facts.roundTrip === undefined ? [] : [`round trip ${millisText(facts.roundTrip)}`]),
    ...(memory === 0 ? [] : [bytesText(memory)])
  ].join(" · ")
  const errors = troubles.filter(({ severity }) => severity === "error").length
  const verdict = troubles.length === 0
    ? "Nothing is wrong."
    : `${many(troubles.length, "trouble")}: ${many(errors, "error")}, ${many(troubles.length - errors, "warning")}.`
  return [
    ...wrap(head, width).map((text) => [cell(text, "dim")]),
    [],
    ...troubles.flatMap((trouble) => troubleLines(trouble, width)),
    [cell(verdict, "bold")],
    ...unseen.flatMap(({ what, why }) => paragraph(`Not looked at: ${what} (${why}).`, width)).map((text) => [
      cell(text, "dim")
    ])
  ]
}
