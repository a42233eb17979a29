/**
 * Stories of processes that die, as tests.
 */
import { expect, it } from "vitest"
import { execute } from "../../../src/internal/registry/machine.js"
import { playDeaths, realRules } from "./model.js"
import { problemsOf, stories } from "./stories.js"

const middle = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

/** Plays each of the stories with these seeds, and prints what it cost. */
export const playStories = (seeds: ReadonlyArray<number>): void => {
  for (const [name, make] of stories) {
    it(`${name}: nothing is broken`, () => {
      const outcomes = seeds.map((seed) => ({ seed, outcome: playDeaths(make(seed), realRules(execute)) }))
      for (const { outcome, seed } of outcomes) {
        expect(problemsOf(make(seed), outcome), `seed ${seed}`).toEqual([])
      }
      const deaths = outcomes.map(({ outcome }) => outcome.deaths.length)
      const mean = outcomes.map(({ outcome: { down } }) => down.reduce((sum, time) => sum + time, 0) / down.length)
      const worst = outcomes.map(({ outcome: { down } }) => Math.max(...down))
      process.stdout.write(
        `    ${name}: deaths ${middle(deaths)} (at most ${Math.max(...deaths)}); a good child is down ` +
          `${(middle(mean) / 1000).toFixed(1)} s, the worst of a story ${(middle(worst) / 1000).toFixed(1)} s ` +
          `(at most ${(Math.max(...worst) / 1000).toFixed(1)} s)\n`
      )
    })
  }
}
