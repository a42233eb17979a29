/** What a storm holds against the nodes, and what not. */
import { expect, test } from "vitest"
import { Desired } from "./support/desired.js"
import type { Line } from "./support/evidence.js"

const line = (at: number, what: Line["what"]): Line => ({ id: "Probe/x", node: "a", token: "1", what, at })

const absences = (desired: Desired, lines: ReadonlyArray<Line>) =>
  desired.absences(lines).map(({ from, to }) => [from, to])

test("a time without a child counts from its last sign to its next start", () => {
  const desired = new Desired()
  desired.started("Probe/x", 0)
  expect(absences(desired, [line(5, "start"), line(20, "beat"), line(90, "start"), line(95, "beat")]))
    .toEqual([[0, 5], [20, 90]])
})

test("what follows a call that ends it does not count until it is asked for again, however late it obeys", () => {
  const desired = new Desired()
  desired.started("Probe/x", 0)
  desired.ending("Probe/x", 30)
  desired.started("Probe/x", 500)
  expect(absences(desired, [line(0, "start"), line(60, "stop"), line(510, "start")])).toEqual([[500, 510]])
})

test("one that nobody asked for is missed by nobody", () => {
  expect(absences(new Desired(), [line(0, "start"), line(60, "stop"), line(510, "start")])).toEqual([])
})
