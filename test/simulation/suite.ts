/**
 * Histories as tests: a part of the seeds that `npm test` plays.
 */
import { afterAll, describe, expect, it } from "vitest"
import { draw } from "./draw.js"
import { explain, Totals } from "./report.js"
import { play } from "./simulation.js"

/** The test runner wants to hear of its worker now and then. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Histories of one test: a few seconds. */
const portion = 125

const playOne = (seed: number, totals: Totals): string | undefined => {
  const begin = performance.now()
  const outcome = play(draw(seed))
  totals.add(outcome, performance.now() - begin)
  return outcome.failure === undefined ? undefined : explain(outcome)
}

/** Plays so many seeds, and prints what happened in them; `then` looks at the sums. */
export const histories = (from: number, count: number, then: (totals: Totals) => void): void => {
  const totals = new Totals()

  describe(`histories ${from} to ${from + count - 1}`, () => {
    afterAll(() => void process.stdout.write(`${totals.lines().join("\n")}\n`))

    for (let first = from; first < from + count; first += portion) {
      it(`${first} and the next are as they should be`, { timeout: 300_000 }, async () => {
        for (let seed = first; seed < Math.min(first + portion, from + count); seed++) {
          await turn()
          const problem = playOne(seed, totals)
          if (problem !== undefined) expect.fail(problem)
        }
      })
    }

    it("every fault was among them", () => then(totals))
  })
}
