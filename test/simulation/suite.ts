/**
 * Histories as tests. Seeds 1 to 40 are played by `npm test`, those up to 2000 by `npm run test:deep`.
 */
import { afterAll, describe, expect, it } from "vitest"
import { draw } from "./draw.js"
import { explain, Totals } from "./report.js"
import { play } from "./simulation.js"
import { turn } from "./turn.js"

/** Histories of one test. */
const portion = 50

const playOne = (seed: number, totals: Totals): string | undefined => {
  const begin = performance.now()
  const outcome = play(draw(seed))
  totals.add(outcome, performance.now() - begin)
  return outcome.failure === undefined ? undefined : explain(outcome)
}

/** Plays the histories of the seeds `from` to `to`, and prints what happened in them; `then` looks at the sums. */
export const histories = (from: number, to: number, then: (totals: Totals) => void): void => {
  const totals = new Totals()

  describe(`histories ${from} to ${to}`, () => {
    afterAll(() => void process.stdout.write(`${totals.lines().join("\n")}\n`))

    for (let first = from; first <= to; first += portion) {
      const last = Math.min(first + portion - 1, to)
      it(`${first} to ${last} are as they should be`, async () => {
        for (let seed = first; seed <= last; seed++) {
          await turn()
          const problem = playOne(seed, totals)
          if (problem !== undefined) expect.fail(problem)
        }
      })
    }

    it("every fault was among them", () => then(totals))
  })
}
