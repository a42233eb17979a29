/** Where things stand in the drawing of the last hour: a lane for each node, and moves as curves between lanes. */
import type { DrawnMark, DrawnText } from "./drawn.js"
import type { NodeSent, OverviewSent } from "./sent.js"
import { clockOf, counted, grouped, hour, ms } from "./timeWords.js"

/** Heights and margins in pixels: the heights are those of the table beside it. */
export const laneSizes = { head: 34, row: 48, left: 16, right: 20 } as const

/** Moves from one node within so many milliseconds have one label, if they are of so many children. */
const together = 30_000
const big = 20

/** A drawing's lanes. */
export interface LaneLayout {
  /** Where it begins, in milliseconds since 1970. */
  readonly from: number
  readonly x: (at: number) => number
  /** Paths of all sessions, of all times without one, and of the lines between lanes. */
  readonly bars: string
  readonly gaps: string
  readonly lines: string
  readonly curves: ReadonlyArray<{
    readonly path: string
    readonly head: string
    readonly width: number
    readonly title: string
  }>
  readonly marks: ReadonlyArray<DrawnMark>
  readonly texts: ReadonlyArray<DrawnText>
}

const curveOf = (x: number, y1: number, y2: number) => {
  const down = y2 > y1 ? 1 : -1
  const bow = x - Math.min(22, Math.abs(y2 - y1) / 3)
  return {
    path: `M${x} ${y1 + down * 5}C${bow} ${y1 + down * 18} ${bow} ${y2 - down * 18} ${x - 2} ${y2 - down * 8}`,
    head: `M${x - 5.5} ${y2 - down * 9}L${x} ${y2 - down * 5}L${x + 0.5} ${y2 - down * 11}z`
  }
}

/** A text stands behind its place, or before it where there is no room. */
const beside = (late: boolean): Pick<DrawnText, "anchor"> => late ? { anchor: "end" } : {}

/** What moved away from a node at about the same time, in one label. */
const labelsOf = (moves: OverviewSent["moves"], place: (move: OverviewSent["moves"][number]) => DrawnText) => {
  const sums = new Map<string, OverviewSent["moves"][number]>()
  for (const move of moves) {
    const key = move.from + Math.round(ms(move.at) / together)
    const { count = 0, lost = false } = sums.get(key) ?? {}
    sums.set(key, { ...move, count: count + move.count, lost: lost || move.lost })
  }
  return [...sums.values()].filter(({ count }) => count > big).map((sum) => ({
    ...place(sum),
    text: grouped(sum.count) + (sum.lost ? " moved: lost" : " moved"),
    tone: sum.lost ? "bad" : ""
  }))
}

/** Least length of what is shown, in milliseconds. */
const least = 60_000

/** Where the drawing begins: an hour ago, or shortly before the first node where all of them are younger. */
const beginOf = (nodes: ReadonlyArray<Pick<NodeSent, "sessions">>, now: number): number => {
  const first = Math.min(...nodes.flatMap(({ sessions }) => sessions.map(({ from }) => from ? ms(from) : 0)))
  return Math.max(now - hour, Math.min(now - least, first - (now - first) / 10))
}

/**
 * Lays out the last hour of some nodes, or less of a scope that is younger.
 *
 * @param nodes in the order of the table
 * @param of moves between them, and children that gave up there; of other nodes they are left out
 * @param now where it ends, in milliseconds since 1970
 * @param width of the drawing, in pixels
 */
export const layOutLanes = (
  nodes: ReadonlyArray<Pick<NodeSent, "name" | "sessions">>,
  { failures, moves }: Pick<OverviewSent, "moves" | "failures">,
  now: number,
  width: number
): LaneLayout => {
  const from = beginOf(nodes, now)
  const room = width - laneSizes.left - laneSizes.right
  const x = (at: number) =>
    Math.round(10 * (laneSizes.left + Math.max(0, Math.min(1, (at - from) / (now - from))) * room)) / 10
  const y = (name: string) => laneSizes.head + nodes.findIndex((node) => node.name === name) * laneSizes.row + 25
  const isShown = (name: string) => y(name) > laneSizes.head
  const paths = { bars: "", gaps: "", lines: "" }
  const marks: Array<DrawnMark> = []
  const texts: Array<DrawnText> = []
  for (const { name, sessions } of nodes) {
    const lane = y(name)
    paths.lines += `M0 ${lane - 25.5}H${width}`
    texts.push({ x: laneSizes.left, y: lane - 14, text: name, tone: "lname strong" })
    for (const [i, { end, from: begun, to }] of sessions.entries()) {
      const begin = begun ? ms(begun) : 0
      const ended = to ? ms(to) : now
      if (ended < from) continue
      paths.bars += `M${x(begin)} ${lane}H${Math.max(x(begin) + 2, x(ended))}`
      if (begin > from) texts.push({ x: x(begin), y: lane + 17, text: "joined", ...beside(x(begin) > width - 40) })
      if (to) paths.gaps += `M${x(ended)} ${lane}H${x(ms(sessions[i + 1]?.from ?? "") || now)}`
      if (end && end !== "left") marks.push({ x: x(ended), y: lane, shape: "lost", tone: "Failed", title: "lost" })
    }
  }
  for (const { at, id, node } of failures) {
    const title = `${id} failed at ${clockOf(ms(at))}`
    if (isShown(node)) marks.push({ x: x(ms(at)), y: y(node) + 14, shape: "Failed", tone: "Failed", title })
  }
  const shown = moves.filter((move) => isShown(move.from) && isShown(move.to) && ms(move.at) > from)
  const labels = labelsOf(shown, ({ at, from }) => {
    const place = x(ms(at))
    const late = place > width - 150
    return { x: late ? place - 16 : place + 8, y: y(from) - 10, text: "", ...beside(late) }
  })
  return {
    ...paths,
    from,
    x,
    marks,
    texts: width > 440 ? [...texts, ...labels] : texts,
    curves: shown.map((move) => ({
      ...curveOf(x(ms(move.at)), y(move.from), y(move.to)),
      width: Math.max(1, Math.min(5, Math.sqrt(move.count) / 3)),
      title: `${counted(move.count, "child", "children")} moved from ${move.from} to ${move.to} at ${
        clockOf(ms(move.at))
      }`
    }))
  }
}
