/**
 * Copies of children on a process that could not run for a while, and what they did when it could again.
 */
import { expect } from "vitest"
import { measured, spread } from "../../support/measured.js"
import { copiesOf, type Line } from "./evidence.js"
import type { Fleet } from "./fleet.js"

/** How long each stale copy went on after the process could run again, and how often it acted unfenced meanwhile. */
const stale = (lines: ReadonlyArray<Line>, ids: ReadonlyArray<string>, node: string, resumed: number) => {
  const copies = copiesOf(lines)
  const tokens = new Map(ids.map((id) => [id, copies.get(id)!.find((copy) => copy.node === node)!.token]))
  const after = lines.filter(({ at, id, token }) => at > resumed && tokens.get(id) === BigInt(token))
  return {
    windows: ids.map((id) => Math.max(0, ...after.filter((line) => line.id === id).map(({ at }) => at - resumed))),
    beats: after.filter(({ what }) => what === "fenced").length,
    unfenced: after.filter(({ what }) => what === "beat").length
  }
}

/** No stale copy acted unfenced; tells how long they went on. */
export const tellStale = (
  row: string,
  fleet: Fleet,
  ids: ReadonlyArray<string>,
  node: string,
  resumed: number
): void => {
  const { beats, unfenced, windows } = stale(fleet.lines(), ids, node, resumed)
  expect(unfenced).toBe(0)
  measured(
    row,
    `stale copies went on for ${spread(windows)}; ${beats} beats, all fenced; writes refused ${fleet.refused()}, ` +
      `accepted ${fleet.wrongly()}`
  )
}
