/**
 * A rollout as a picture: a bar for each child over time, in the colour of the node that it runs on. White is the time in
 * which it does not run.
 */
import type { RolledOut } from "./rolling.js"

/** Children that are drawn: a share of all, so that each bar can be seen. */
const shown = 120

const [left, top, width, row] = [64, 44, 760, 3]

/** Old nodes are grey, from dark to light; new ones blue. */
const colourOf = (node: string): string => {
  const n = Number(node.slice(node.indexOf("-") + 1))
  return node.startsWith("old") ? `hsl(30 8% ${34 + 7 * n}%)` : `hsl(${222 - 9 * n} 72% ${38 + 5 * n}%)`
}

const number = (value: number): string => value.toFixed(1)

/** The picture as SVG. `title`: what was rolled out, and how. */
export const rolloutPicture = ({ began, ended, runs }: RolledOut, title: string): string => {
  const [from, to] = [began - 1_500, ended]
  const x = (at: number) => left + width * (Math.min(to, Math.max(from, at)) - from) / (to - from)
  const all = [...runs].sort(([, a], [, b]) => (a[0]!.node < b[0]!.node ? -1 : a[0]!.node > b[0]!.node ? 1 : 0))
  const step = Math.max(1, Math.floor(all.length / shown))
  const drawn = all.filter((_, i) => i % step === 0)
  const bars = drawn.flatMap(([, own], i) =>
    own.filter((run) => run.to > from && run.from < to).map((run) => {
      const [a, b] = [x(run.from), x(run.to)]
      const y = top + row * i
      return `<rect x="${number(a)}" y="${y}" width="${number(Math.max(0.4, b - a))}" height="${row - 0.6}" fill="${
        colourOf(run.node)
      }"/>`
    })
  )
  const height = top + row * drawn.length
  const every = ended - began > 60_000 ? 10 : 5
  const ticks = Array.from({ length: Math.floor((ended - began) / (1_000 * every)) + 1 }, (_, i) => {
    const at = number(x(began + 1_000 * every * i))
    return `<path d="M${at} ${height}v5" stroke="#777"/><text x="${at}" y="${height + 18}" text-anchor="middle">${
      every * i
    } s</text>`
  })
  const names = [...new Set(drawn.map(([, own]) => own[0]!.node))].map((node) => {
    const first = drawn.findIndex(([, own]) => own[0]!.node === node)
    return `<text x="${left - 6}" y="${top + row * first + 9}" text-anchor="end">${node}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 16} ${height + 28}" role="img" ` +
    `aria-label="${title}" font-family="system-ui, sans-serif" font-size="11" fill="#333">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${left}" y="18" font-size="13" font-weight="600">${title}</text>`,
    `<text x="${left}" y="34" fill="#666">Every ${step === 1 ? "" : `${step}th `}child over time. ` +
    `Grey: on an old node. Blue: on a new one. White: it does not run.</text>`,
    ...names,
    ...bars,
    ...ticks,
    "</svg>",
    ""
  ].join("\n")
}
