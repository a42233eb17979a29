/**
 * Forms of output: a table for people, JSON for programs.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { plainWords } from "../console/marks.js"
import type { Output } from "./outputForms.js"
import { Shell } from "./shell.js"
import type { TextLine } from "./textTable.js"

/** What a command tells, in all forms. */
export interface CommandOutput {
  /** Lines for a width. */
  readonly lines: (width: number) => ReadonlyArray<TextLine>
  /** All of it as one value. */
  readonly json: unknown
  /** Its rows, each a line of its own. */
  readonly rows: ReadonlyArray<unknown>
}

/** Fields that hold words of the console, with marks in them. */
const wordy: ReadonlySet<string> = new Set([
  "hidden",
  "hint",
  "more",
  "note",
  "notices",
  "problem",
  "text",
  "verdict",
  "why"
])

/** An answer of the console with its words as plain text, which is what a program wants. */
export const withoutMarks = (answer: unknown, now: number): unknown => {
  if (Array.isArray(answer)) return answer.map((one: unknown) => withoutMarks(one, now))
  if (typeof answer !== "object" || answer === null) return answer
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]: [string, unknown]) => [name, plainField(name, value, now)])
  )
}

const plainField = (name: string, value: unknown, now: number): unknown => {
  if (!wordy.has(name)) return name === "payload" || name === "value" ? value : withoutMarks(value, now)
  if (typeof value === "string") return plainWords(value, now)
  return Array.isArray(value)
    ? value.map((one: unknown) => (typeof one === "string" ? plainWords(one, now) : withoutMarks(one, now)))
    : withoutMarks(value, now)
}

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A value as JSON; bigints as text. */
export const jsonOf = (value: unknown, space?: number): string => JSON.stringify(value, plain, space)

/** Writes what a command tells. */
export const tell = (output: Output, { json, lines, rows }: CommandOutput): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Effect.zip(Shell, Clock.currentTimeMillis), ([shell, now]) => {
    switch (output) {
      case "table":
        return shell.print(lines(shell.width))
      case "json":
        return shell.write(`${jsonOf(withoutMarks(json, now), 2)}\n`)
      case "jsonl":
        return shell.write(rows.map((row) => `${jsonOf(withoutMarks(row, now))}\n`).join(""))
    }
  })
