/** Where the runs of a child stand in their drawing: a lane for each node, bars over time. */
import { lengthOf } from "../console/marks.js"
import type { DrawnMark, DrawnText } from "./drawn.js"
import type { RunSent } from "./sent.js"
import { clockOf, day, hour, ms } from "./timeWords.js"

/** How much of the past is shown, by the text of the button for it; 0 for what fits. */
export const runRanges: { readonly [text: string]: number } = { Fit: 0, "1 h": hour, "24 h": day, All: Infinity }

/** Heights and margins in pixels. */
export const runSizes = { top: 14, lane: 40, right: 16, letter: 7 } as const

/** How many begins and ends of runs "Fit" shows. */
const recent = 12

/** A stretch of time, in milliseconds since 1970. */
export interface RunSpan {
  readonly from: number
  readonly to: number
}

/**
 * What of the past is shown.
 *
 * @param runs the oldest first
 * @param length of it, in milliseconds: a value of `runRanges`
 * @param now milliseconds since 1970
 */
export const spanOfRuns = (runs: ReadonlyArray<RunSent>, length: number, now: number): RunSpan => {
  const times = runs.flatMap(({ from, late, to }) => [from, late ?? "", to ?? ""]).map((at) => ms(at))
    .filter((at) => at > 0)
  if (length > 0) return { from: Math.max(now - length, times[0] ?? now - hour, now - length), to: now }
  // What ended long ago is shown as it ended.
  const to = runs.every((run) => run.to) ? Math.min(now, (times.at(-1) ?? now) + 4_000) : now
  const shown = times.slice(-recent)
  const begin = shown[1] ?? shown[0] ?? now - hour
  return { from: begin - (to - begin) * 0.3, to }
}

/** The drawing's lanes. */
export interface RunLayout {
  readonly height: number
  readonly x: (at: number) => number
  /** Paths of the lines of lanes, and from one node to the next. */
  readonly lines: string
  readonly moves: string
  readonly bars: ReadonlyArray<{
    readonly path: string
    readonly tone: string
    /** Of the time in which it was overdue, if it was. */
    readonly late: string
    readonly title: string
  }>
  readonly marks: ReadonlyArray<DrawnMark>
  readonly texts: ReadonlyArray<DrawnText>
  /** What the drawing says, run by run. */
  readonly said: ReadonlyArray<string>
  readonly nodes: number
  /** How many runs are shown: a bar may stand for many. And whether there are earlier ones. */
  readonly count: number
  readonly earlier: boolean
}

/** A run's end as a mark: one that is tried again, or a failure. */
const endMark = (end: string): Pick<DrawnMark, "shape" | "tone"> | undefined =>
  end.startsWith("exited")
    ? { shape: "no", tone: "Restarting" }
    : /^(failed|lost|refused)/.test(end)
    ? { shape: "Failed", tone: "Failed" }
    : undefined

/**
 * Lays out the runs of a child.
 *
 * @param all its runs, the oldest first
 * @param span what is shown
 * @param now milliseconds since 1970
 * @param width of the drawing, in pixels
 */
export const layOutRuns = (all: ReadonlyArray<RunSent>, span: RunSpan, now: number, width: number): RunLayout => {
  const endOf = ({ to }: RunSent) => to ? ms(to) : now
  const runs = all.filter((run) => endOf(run) > span.from && ms(run.from) < span.to)
  const nodes = [...new Set(runs.map(({ node }) => node))]
  // A name that is too long loses its beginning: the end tells pods apart.
  const letters = Math.floor(width / 20)
  const names = nodes.map((node) => node.length > letters ? "…" + node.slice(1 - letters) : node)
  const left = Math.max(8, ...names.map((name) => name.length)) * runSizes.letter + 30
  const room = width - left - runSizes.right
  const x = (at: number) => left + Math.max(0, Math.min(1, (at - span.from) / (span.to - span.from || 1))) * room
  const y = (node: string) => runSizes.top + nodes.indexOf(node) * runSizes.lane + 20
  const marks: Array<DrawnMark> = []
  const texts: Array<DrawnText> = names.map((text, i) => ({ x: 16, y: y(nodes[i] ?? "") + 4, text, tone: "strong" }))
  const bars = runs.map((run) => {
    const [begin, lane] = [x(ms(run.from)), y(run.node)]
    const end = Math.max(begin + 3, x(endOf(run)))
    const length = lengthOf(endOf(run) - ms(run.from))
    const until = run.to ? clockOf(endOf(run)) : "now"
    const mark = endMark(run.end ?? "")
    if (mark) marks.push({ ...mark, x: end, y: lane, title: run.end ?? "" })
    const label = `token ${run.token} · ${length}`
    if (end - begin > label.length * runSizes.letter) texts.push({ x: begin + 1, y: lane - 9, text: label })
    return {
      path: `M${begin} ${lane}H${end}`,
      tone: (run.to ? "" : "running") + (run.count > 1 ? " many" : ""),
      late: run.late ? `M${x(ms(run.late))} ${lane}H${end}` : "",
      title: `token ${run.token}, ${run.count > 1 ? `${run.count} runs up to ` : ""}attempt ${run.attempt}: ${
        clockOf(ms(run.from))
      } to ${until}, ${length}`
    }
  })
  return {
    height: runSizes.top + nodes.length * runSizes.lane + 6,
    x,
    lines: nodes.map((node) => `M${left} ${y(node)}H${width - runSizes.right}`).join(""),
    moves: runs.map((run, i) => {
      const next = runs[i + 1]
      return next && next.node !== run.node
        ? `M${x(endOf(run))} ${y(run.node)}L${x(ms(next.from))} ${y(next.node)}`
        : ""
    }).join(""),
    bars,
    marks,
    texts,
    said: runs.map((run, i) => `${run.node}, ${bars[i]?.title}${run.end ? ", " + run.end : ""}`),
    nodes: nodes.length,
    count: runs.reduce((sum, { count }) => sum + count, 0),
    earlier: runs[0] !== all[0]
  }
}
