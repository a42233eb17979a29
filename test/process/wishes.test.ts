/** What a storm holds against the nodes, and what not. */
import { expect, test } from "vitest"
import type { Line } from "./support/evidence.js"
import { Wishes } from "./support/wishes.js"

const line = (at: number, what: Line["what"]): Line => ({ id: "Probe/x", node: "a", token: "1", what, at })

const absences = (wishes: Wishes, lines: ReadonlyArray<Line>) =>
  wishes.absences(lines).map(({ from, to }) => [from, to])

test("a time without a child counts from its last sign to its next start", () => {
  const wishes = new Wishes()
  wishes.started("Probe/x", 0)
  expect(absences(wishes, [line(5, "start"), line(20, "beat"), line(90, "start"), line(95, "beat")]))
    .toEqual([[0, 5], [20, 90]])
})

test("what follows a call that ends it does not count until it is asked for again, however late it obeys", () => {
  const wishes = new Wishes()
  wishes.started("Probe/x", 0)
  wishes.ending("Probe/x", 30)
  wishes.started("Probe/x", 500)
  expect(absences(wishes, [line(0, "start"), line(60, "stop"), line(510, "start")])).toEqual([[500, 510]])
})

test("one that nobody asked for is missed by nobody", () => {
  expect(absences(new Wishes(), [line(0, "start"), line(60, "stop"), line(510, "start")])).toEqual([])
})
