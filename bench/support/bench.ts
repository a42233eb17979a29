/**
 * What a row of the benchmark is, and how rows are collected, judged and shown.
 */
import { writeFileSync } from "node:fs"
import { spreadOf } from "./numbers.js"

/** What a figure is to reach. */
export interface Target {
  readonly is: "<=" | ">=" | "="
  readonly value: number
}

export const atMost = (value: number): Target => ({ is: "<=", value })
export const atLeast = (value: number): Target => ({ is: ">=", value })
export const exactly = (value: number): Target => ({ is: "=", value })

/** One figure as it was measured. */
export interface Figure {
  /** One measurement, or those of all rounds: their median counts. */
  readonly value: number | ReadonlyArray<number>
  readonly unit: string
  readonly target?: Target
  /** Which way is better. Default: as the target says, and lower where there is none. */
  readonly better?: "higher" | "lower"
  /** The bare building block in the same run: what was measured, and the figure in the unit given, or the row's. */
  readonly raw?: { readonly what: string; readonly value: number; readonly unit?: string }
  readonly note?: string
}

/** One row of `results.json`. `met` is null where there is no target. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly target: string | null
  readonly met: boolean | null
  readonly spread: readonly [number, number]
  readonly rounds: number
  /** What the rounds measured. */
  readonly values: ReadonlyArray<number>
  readonly better: "higher" | "lower"
  readonly raw?: Figure["raw"]
  readonly note?: string
}

/** Rows that are measured together, since they share what has to be set up for them. */
export interface Group {
  readonly title: string
  /** The names of all rows that `run` may tell. */
  readonly rows: ReadonlyArray<string>
  readonly run: (bench: Bench) => Promise<void>
}

const meets = (value: number, { is, value: limit }: Target): boolean =>
  is === "<=" ? value <= limit : is === ">=" ? value >= limit : value === limit

/** Three significant digits. */
export const short = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1_000
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)))

/** What a run of the benchmark was asked for, and what it has found so far. */
export class Bench {
  readonly rows: Array<Row> = []

  constructor(readonly quick: boolean, private readonly only: ReadonlyArray<string>) {}

  /** A size, or a tenth of it in a quick run. */
  size(full: number): number {
    return this.quick ? Math.max(1, Math.round(full / 10)) : full
  }

  /** A number of rounds, or fewer in a quick run. */
  rounds(full: number): number {
    return this.quick ? Math.max(1, Math.ceil(full / 3)) : full
  }

  /** Whether any of these rows was asked for. */
  wants(...names: ReadonlyArray<string>): boolean {
    return this.only.length === 0 || names.some((name) => this.only.some((prefix) => name.startsWith(prefix)))
  }

  /** Says what is being done. */
  say(text: string): void {
    process.stderr.write(`  ${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}\n`)
  }

  /** Tells a figure. */
  tell(name: string, { better, note, raw, target, unit, value }: Figure): void {
    if (!this.wants(name)) return
    const values = typeof value === "number" ? [value] : value
    const { max, median, min } = spreadOf(values)
    const row: Row = {
      name,
      value: median,
      unit,
      target: target === undefined ? null : `${target.is} ${short(target.value)}`,
      met: target === undefined ? null : meets(median, target),
      spread: [min, max],
      rounds: values.length,
      values,
      better: better ?? (target?.is === ">=" ? "higher" : "lower"),
      ...(raw === undefined ? {} : { raw }),
      ...(note === undefined ? {} : { note })
    }
    this.rows.push(row)
    this.say(lineOf(row))
  }

  /** Writes everything down for programs. */
  save(file: string): void {
    writeFileSync(file, JSON.stringify(this.rows, undefined, 2) + "\n")
  }
}

const began = performance.now()

const verdict = ({ met }: Row): string => (met === null ? " " : met ? "✓" : "✗")

const rawOf = ({ raw, unit }: Row): string =>
  raw === undefined ? "" : `${raw.what} ${short(raw.value)} ${raw.unit ?? unit}`

const lineOf = (row: Row): string =>
  `${verdict(row)} ${row.name}: ${short(row.value)} ${row.unit}${row.target === null ? "" : ` (${row.target})`}`

/** The table for people. */
export const tableOf = (rows: ReadonlyArray<Row>): string => {
  const cells = rows.map((row) => [
    verdict(row),
    row.name,
    short(row.value),
    row.unit,
    row.target ?? "",
    row.rounds > 1 ? `${short(row.spread[0])} .. ${short(row.spread[1])}` : "",
    [rawOf(row), row.note ?? ""].filter((text) => text !== "").join("; ")
  ])
  const head = ["", "row", "value", "unit", "target", "spread", "in the same run"]
  const widths = head.map((_, i) => Math.max(...[head, ...cells].map((line) => line[i]!.length)))
  const print = (line: ReadonlyArray<string>) =>
    line.map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  ").trimEnd()
  return [head, ...cells].map(print).join("\n")
}
