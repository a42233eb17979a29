/**
 * Forms of output: a table for people, JSON for programs.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { Shell } from "./shell.js"
import type { TextLine } from "./textTable.js"

/** The forms, the usual one first. */
export const outputs = ["table", "json", "jsonl"] as const

export type Output = (typeof outputs)[number]

/** What a command tells, in all forms. */
export interface CommandOutput {
  /** Lines for a width. */
  readonly lines: (width: number) => ReadonlyArray<TextLine>
  /** All of it as one value. */
  readonly json: unknown
  /** Its rows, each a line of its own. */
  readonly rows: ReadonlyArray<unknown>
}

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A value as JSON; bigints as text. */
export const jsonOf = (value: unknown, space?: number): string => JSON.stringify(value, plain, space)

/** Writes what a command tells. */
export const tell = (output: Output, { json, lines, rows }: CommandOutput): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, (shell) => {
    switch (output) {
      case "table":
        return shell.print(lines(shell.width))
      case "json":
        return shell.write(`${jsonOf(json, 2)}\n`)
      case "jsonl":
        return shell.write(rows.map((row) => `${jsonOf(row)}\n`).join(""))
    }
  })
