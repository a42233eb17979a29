/**
 * Tables of a terminal: aligned columns that fit its width.
 *
 * @internal
 */

/** How a piece of text stands out. What is shown by it alone must not matter. */
export type Tone = "plain" | "bold" | "dim" | "bad" | "warn" | "wait" | "good" | "accent"

/** Text with its tone. */
export interface Cell {
  readonly text: string
  readonly tone: Tone
}

/** A line, piece by piece. */
export type TextLine = ReadonlyArray<Cell>

export const cell = (text: string, tone: Tone = "plain"): Cell => ({ text, tone })

/** A column: how its cells are cut where there is no room. */
export interface Column {
  readonly title: string
  /** Numbers stand right. */
  readonly right?: boolean
  /**
   * What gives way in a narrow terminal. `end`: the text loses its end; `start`: a name loses its beginning, which is
   * what names have in common; missing: it keeps its width.
   */
  readonly cut?: "start" | "end"
  /** Columns that a text keeps while others have more than theirs. Default 6. */
  readonly least?: number
  /** Dropped where there is no room, the highest first. Default: never. */
  readonly dispensable?: number
}

// The width of text

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

const none = /\p{Mark}|\p{Format}/u

const widthOfCharacter = (character: string): number => (none.test(character) ? 0 : wide.test(character) ? 2 : 1)

/** How many columns of a terminal a text takes. */
export const widthOf = (text: string): number => {
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += widthOfCharacter(character)
  return width
}

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A text of somebody else's on one line, without what would move the cursor or turn the line around. */
export const harmless = (text: string): string =>
  text.replace(/\s*\n\s*/g, " ").replace(control, (character) => (character === "\t" ? " " : "\ufffd"))

/** As much of a text's beginning as fits. */
export const fromStart = (text: string, width: number): string => {
  let taken = ""
  let left = width
  for (const character of text) {
    left -= widthOfCharacter(character)
    if (left < 0) break
    taken += character
  }
  return taken
}

const reversed = (text: string): string => Array.from(text).toReversed().join("")

/** Cuts a text to a width, with an ellipsis where something is missing. */
export const cutTo = (text: string, width: number, side: "start" | "end"): string => {
  if (widthOf(text) <= width) return text
  if (width <= 0) return ""
  const kept = width - 1
  return side === "end"
    ? `${fromStart(text, kept).trimEnd()}…`
    : `…${reversed(fromStart(reversed(text), kept))}`
}

const padded = (text: string, width: number, right: boolean): string => {
  const space = " ".repeat(Math.max(0, width - widthOf(text)))
  return right ? space + text : text + space
}

const gap = "  "

/** Fewest columns that are left of a text when nothing else helps. */
const bare = 6

/** The widths of columns that fit. What has most above its least gives way first, then what is widest. */
const fitted = (
  columns: ReadonlyArray<Column>,
  natural: ReadonlyArray<number>,
  width: number
): ReadonlyArray<number> => {
  const widths = [...natural]
  let over = widths.reduce((sum, one) => sum + one, gap.length * (widths.length - 1)) - width
  const shrink = (leastOf: (column: Column) => number) => {
    while (over > 0) {
      const room = widths.map((one, i) => (columns[i]!.cut === undefined ? 0 : one - leastOf(columns[i]!)))
      const most = Math.max(...room)
      if (most <= 0) return
      widths[room.indexOf(most)]!--
      over--
    }
  }
  shrink(({ least = bare }) => least)
  shrink(() => bare)
  return widths
}

/** Leaves out columns, the most dispensable first, until the others fit with their cuts. */
const shown = (
  columns: ReadonlyArray<Column>,
  natural: ReadonlyArray<number>,
  width: number
): ReadonlyArray<number> => {
  let kept = columns.map((_, i) => i)
  const least = () =>
    kept.reduce((sum, i) => {
      const { cut, least = bare } = columns[i]!
      return sum + (cut === undefined ? natural[i]! : Math.min(natural[i]!, least))
    }, gap.length * (kept.length - 1))
  for (;;) {
    if (least() <= width) return kept
    const worst = Math.max(0, ...kept.map((i) => columns[i]!.dispensable ?? 0))
    if (worst === 0) return kept
    kept = kept.filter((i) => columns[i]!.dispensable !== worst)
  }
}

/** A table as lines of a width. Columns that are empty in all rows are left out. */
export const tableLines = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  width: number
): ReadonlyArray<TextLine> => {
  const filled = columns.map((_, i) => i).filter((i) => rows.length === 0 || rows.some((row) => row[i]!.text !== ""))
  const natural = columns.map(({ title }, i) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[i]!.text)), widthOf(title))
  )
  const picked = shown(filled.map((i) => columns[i]!), filled.map((i) => natural[i]!), width).map((i) => filled[i]!)
  const widths = fitted(picked.map((i) => columns[i]!), picked.map((i) => natural[i]!), width)
  const line = (cells: ReadonlyArray<Cell>): TextLine =>
    picked.map((i, at) => {
      const { cut = "end", right = false } = columns[i]!
      const { text, tone } = cells[i]!
      const fit = cutTo(text, widths[at]!, cut)
      const whole = at === picked.length - 1 && !right ? fit : padded(fit, widths[at]!, right)
      return cell(at === 0 ? whole : gap + whole, tone)
    })
  return [line(columns.map(({ title }) => cell(title, "dim"))), ...rows.map(line)]
}

/** Breaks a text between words. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const line = lines.at(-1)
    if (line !== undefined && widthOf(line) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.length === 0 ? [""] : lines
}

const sgr: { readonly [T in Tone]: string } = {
  plain: "",
  bold: "1",
  dim: "2",
  bad: "31",
  warn: "33",
  wait: "35",
  good: "32",
  accent: "36"
}

/** A line as text; with escape sequences where colours are wanted. */
export const lineText = (line: TextLine, coloured: boolean): string =>
  line.map(({ text, tone }) => (coloured && sgr[tone] !== "" ? `\u001b[${sgr[tone]}m${text}\u001b[0m` : text)).join("")
    .trimEnd()
