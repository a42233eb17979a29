/** Where things stand in the drawings. */
import { describe, expect, it } from "@effect/vitest"
import { laneSizes, layOutLanes } from "../../src/internal/dashboard/laneLayout.js"
import { layOutRuns, spanOfRuns } from "../../src/internal/dashboard/runLayout.js"
import type { RunSent } from "../../src/internal/dashboard/sent.js"
import { hour, minute } from "../../src/internal/dashboard/timeWords.js"

const now = Date.parse("2026-11-30T14:00:00Z")
const ago = (ms: number) => new Date(now - ms).toISOString()
const width = 736

describe("lanes of the last hour", () => {
  const nodes = [
    { name: "a", sessions: [{ session: "a#1" }] },
    {
      name: "b",
      sessions: [
        { session: "b#1", to: ago(30 * minute), end: "left" as const },
        { session: "b#2", from: ago(15 * minute) }
      ]
    },
    { name: "c", sessions: [{ session: "c#1", to: ago(6 * minute), end: "lost" as const }] }
  ]
  const move = (from: string, to: string, count: number, lost = false) => ({
    from,
    to,
    at: ago(30 * minute),
    count,
    lost
  })
  const lay = (
    moves: ReadonlyArray<ReturnType<typeof move>>,
    failures: ReadonlyArray<{ id: string; node: string; at: string }> = []
  ) => layOutLanes(nodes, { moves, failures }, now, width)

  it("put the hour between the margins, and what is older at its begin", () => {
    const { x } = lay([])
    expect([x(now), x(now - hour), x(now - 2 * hour), x(now - hour / 2)]).toEqual(
      [width - laneSizes.right, laneSizes.left, laneSizes.left, laneSizes.left + 350]
    )
  })

  it("draw each session as a bar, and the time without one as a gap", () => {
    const { bars, gaps, texts } = lay([])
    expect(bars).toBe("M16 59H716M16 107H366M541 107H716M16 155H646")
    expect(gaps).toBe("M366 107H541M646 155H716")
    expect(texts.filter(({ text }) => text === "joined")).toEqual([{ x: 541, y: 124, text: "joined" }])
  })

  it("say before its bar that a node joined, where there is no room behind", () => {
    const late = [
      { name: "a", sessions: [{ session: "a#1", from: ago(1_000) }] },
      { name: "b", sessions: [{ session: "b#1" }] }
    ]
    const { texts } = layOutLanes(late, { moves: [], failures: [] }, now, width)
    expect(texts.filter(({ text }) => text === "joined")).toMatchObject([{ x: 715.8, anchor: "end" }])
  })

  it("begin shortly before the first node of a young scope, and show a minute at least", () => {
    const young = (age: number) => {
      const nodes = [
        { name: "a", sessions: [{ session: "a#1", from: ago(age) }] },
        { name: "b", sessions: [{ session: "b#1", from: ago(age / 2) }] }
      ]
      const { from, x } = layOutLanes(nodes, { moves: [], failures: [] }, now, width)
      return [now - from, x(now - age), x(now)]
    }
    expect(young(10 * minute)).toEqual([11 * minute, laneSizes.left + 63.6, width - laneSizes.right])
    expect(young(2 * hour)[0]).toBe(hour)
    expect(young(10_000)[0]).toBe(minute)
  })

  it("mark a loss, and failures below the bar; what left in order has no mark", () => {
    const { marks } = lay([], [{ id: "K/x", node: "a", at: ago(hour / 2) }, { id: "K/y", node: "gone", at: ago(1) }])
    expect(marks.map(({ shape, x, y }) => [shape, x, y])).toEqual([["lost", 646, 155], ["Failed", 366, 73]])
  })

  it("draw moves from lane to lane, wider for more, and leave out those of nodes that are not shown", () => {
    const { curves, texts } = lay([move("b", "a", 1), move("b", "c", 400), move("x", "a", 5)])
    expect(curves.map((curve) => curve.width)).toEqual([1, 5])
    expect(curves[0]?.path).toMatch(/^M366 102C/)
    expect(curves[1]?.path).toMatch(/^M366 112C/)
    expect(curves[1]?.title).toMatch(/^400 children moved from b to c at /)
    // One label for all that left at once.
    expect(texts.filter(({ text }) => /moved/.test(text)).map(({ text }) => text)).toEqual(["401 moved"])
  })

  it("say that a big move was a loss, and nothing of a small one", () => {
    const label = (moves: ReadonlyArray<ReturnType<typeof move>>) =>
      lay(moves).texts.filter(({ text }) => /moved/.test(text)).map(({ text, tone }) => [text, tone])
    expect(label([move("c", "a", 363, true)])).toEqual([["363 moved: lost", "bad"]])
    expect(label([move("c", "a", 20)])).toEqual([])
  })
})

describe("runs of a child", () => {
  const run = (node: string, from: number, to?: number, more: Partial<RunSent> = {}): RunSent => ({
    node,
    token: "7",
    attempt: 1,
    from: ago(from),
    ...(to === undefined ? {} : { to: ago(to) }),
    count: 1,
    ...more
  })

  it("end at the present while one goes on, and at their end when none does", () => {
    expect(spanOfRuns([run("a", hour)], 0, now).to).toBe(now)
    const { from, to } = spanOfRuns([run("a", 5 * hour, 4 * hour), run("a", 3 * hour, 2 * hour)], 0, now)
    expect(to).toBe(now - 2 * hour + 4_000)
    expect(from).toBeGreaterThan(now - 6 * hour)
  })

  it("show what was asked for: an hour, a day, or all", () => {
    const runs = [run("a", 50 * hour, 2 * hour), run("b", hour)]
    expect(spanOfRuns(runs, hour, now).from).toBe(now - hour)
    expect(spanOfRuns(runs, 24 * hour, now).from).toBe(now - 24 * hour)
    expect(spanOfRuns(runs, Infinity, now).from).toBe(now - 50 * hour)
  })

  it("have a lane for each node, in the order of runs, and lines where it moved", () => {
    const runs = [run("b", 3 * hour, 2 * hour), run("a", 2 * hour, hour), run("b", hour)]
    const { bars, moves, nodes, texts } = layOutRuns(runs, { from: now - 4 * hour, to: now }, now, 500)
    expect(nodes).toBe(2)
    expect(texts.slice(0, 2).map(({ text, y }) => [text, y])).toEqual([["b", 38], ["a", 78]])
    expect(bars.map(({ path }) => / (\d+)H/.exec(path)?.[1])).toEqual(["34", "74", "34"])
    expect(moves.match(/M/g)).toHaveLength(2)
  })

  it("are told to go on before what is shown, if they do", () => {
    const runs = [run("a", 3 * hour, 2 * hour), run("b", hour)]
    const earlierOf = (hours: number) => layOutRuns(runs, { from: now - hours * hour, to: now }, now, 500).earlier
    expect([1, 4].map(earlierOf)).toEqual([true, false])
    expect(layOutRuns([], { from: now - hour, to: now }, now, 500).earlier).toBe(false)
  })

  it("count the runs that a bar stands for, and say so", () => {
    const runs = [
      run("a", 4 * minute, 3 * minute, { end: "exited" }),
      run("a", 3 * minute, 2 * minute, { end: "exited", count: 11 })
    ]
    const { bars, count } = layOutRuns(runs, { from: now - 5 * minute, to: now }, now, 500)
    expect(count).toBe(12)
    expect(bars.map(({ tone }) => tone)).toEqual(["", " many"])
    expect(bars[1]?.title).toContain("11 runs up to attempt")
  })

  it("mark what exited, and what failed; a stop in order has no mark", () => {
    const runs = [
      run("a", 4 * minute, 3 * minute, { end: "exited: boom" }),
      run("a", 3 * minute, 2 * minute, { end: "stopped: moved" }),
      run("b", 2 * minute, minute, { end: "lost" })
    ]
    const { marks } = layOutRuns(runs, { from: now - 5 * minute, to: now }, now, 500)
    expect(marks.map(({ shape, title }) => [shape, title])).toEqual([["no", "exited: boom"], ["Failed", "lost"]])
  })

  it("hatch the time in which a run is overdue", () => {
    const { bars } = layOutRuns(
      [run("a", 4 * minute, undefined, { late: ago(minute) })],
      { from: now - 4 * minute, to: now },
      now,
      500
    )
    expect(bars[0]?.late).toMatch(/^M\d+(\.\d+)? 34H484$/)
  })

  it("lose the begin of a name that is too long", () => {
    const { texts } = layOutRuns([run("ingest-workers-7d9f5b6c8-x2k40", hour)], { from: now - hour, to: now }, now, 320)
    expect(texts[0]?.text).toBe("…7d9f5b6c8-x2k40")
  })
})
