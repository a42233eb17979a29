/**
 * Processes that die: what a child that ends its process costs, that processes which die by themselves park nobody, and
 * that each rule is needed. Invariants I4 to I7 are checked after every command.
 */
import { describe, expect, it } from "vitest"
import { execute } from "../../src/internal/registry/machine.js"
import { formatTrace, parseTrace } from "../../src/internal/registry/trialRecords.js"
import type { Execute } from "../../src/internal/testing/testRegistry.js"
import { type Outcome, playDeaths, realRules, type Rules, type Story } from "./deaths/model.js"

const seeds = Array.from({ length: 6 }, (_, i) => i + 1)

const minute = 60_000

/** Four processes, forty good children, one that kills its process; the good ones have just started, or have not. */
const oneKiller = (seed: number): Story => ({
  seed,
  processes: 4,
  good: 40,
  killers: [200 + (seed * 137) % 700],
  at: seed % 2 === 0 ? 1_000 : 30_000,
  length: 3 * minute
})

/** Killers that disturb each other's verdicts: there is no bound of deaths, and all other rules hold. */
const fourKillers = (seed: number): Story => ({ ...oneKiller(seed), processes: 2, killers: [300, 500, 700, 900] })

/** Processes that die by themselves; every third story between 1 and 3 s, every third after 13 s. */
const dying = (seed: number): Story => ({
  seed,
  processes: 4,
  good: 40,
  killers: [],
  at: 0,
  length: 3 * minute,
  ends: (dice) =>
    seed % 3 === 0 ? dice.between(1_000, 3_000) : seed % 3 === 1 ? 13_000 : dice.between(10_000, 2 * minute)
})

/** As after a deploy, again and again: processes end on purpose. */
const leaving = (seed: number): Story => ({ ...dying(seed), orderly: true, length: minute })

const stories: ReadonlyArray<readonly [string, (seed: number) => Story]> = [
  ["one killer", oneKiller],
  ["four killers", fourKillers],
  ["processes that die by themselves", dying],
  ["processes that end on purpose", leaving]
]

const problemsOf = (story: Story, { broken, deaths, failed }: Outcome): ReadonlyArray<string> => {
  const problems = [...broken]
  for (const id of failed) if (id.startsWith("good/")) problems.push(`${id} is parked`)
  if (story.killers.length !== 1 || broken.length > 0) return problems
  // I7
  if (!failed.includes("kill/0")) problems.push("the killer is not parked")
  if (deaths.length > 9) problems.push(`${deaths.length} deaths`)
  if (deaths.filter((at) => at < deaths[0]! + 1_000).length > 2) problems.push("more than two deaths within a second")
  return problems
}

const middle = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

describe("with the rules as they are", () => {
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
})

/** Rewrites what is known of sessions before a command. */
const tracing =
  (change: (trace: NonNullable<ReturnType<typeof parseTrace>>) => object): Execute =>
  (state, server, envelope, name, args) => {
    if (name === "claim") {
      for (const [sid, text] of state.sessx) {
        const trace = parseTrace(text)!
        state.sessx.set(sid, formatTrace({ ...trace, ...change(trace) }))
      }
    }
    return execute(state, server, envelope, name, args)
  }

/** The claim of a dead session stays where its child was accused. */
const keepingClaims: Execute = (state, server, envelope, name, args) => {
  const before = new Map(state.claim)
  const reply = execute(state, server, envelope, name, args)
  if (name === "claim" && reply._tag === "OK") {
    for (const [id, claim] of before) if (state.trial.has(id) && !state.claim.has(id)) state.claim.set(id, claim)
    if (state.meta !== undefined) state.meta.claims = state.claim.size
  }
  return reply
}

const everyEndIsDeath: Execute = (state, server, envelope, name, args) =>
  execute(state, server, envelope, name, name === "close" ? { ...args, gone: true } : args)

const broken = (change: Partial<Rules>): Rules => ({ ...realRules(execute), ...change })

/** All that are due at once, and nothing is held. */
const noRounds: Rules["rounds"] = () => ({
  next: (suspects) => {
    const due = suspects.filter(({ wait }) => wait <= 0)
    return due.length === 0 ? { _tag: "Wait", millis: Infinity } : { _tag: "Try", suspects: due }
  },
  began: () => {}
})

/** Rounds that know of no child that has to be alone. */
const neverAlone: Rules["rounds"] = () => {
  const rounds = realRules(execute).rounds()
  return {
    next: (suspects, now) => rounds.next(suspects.map((one) => ({ ...one, deaths: 1 })), now),
    began: (suspects, now) => rounds.began(suspects.map((one) => ({ ...one, deaths: 1 })), now)
  }
}

const mutations: ReadonlyArray<readonly [string, Rules]> = [
  ["a death counts against all children of the process", broken({ execute: tracing(() => ({ floor: 0 })) })],
  ["there are no rounds", broken({ rounds: noRounds })],
  ["a child is never tried alone", broken({ rounds: neverAlone })],
  ["a young process tries, too", broken({ age: () => -1 })],
  ["every death of a round is beyond doubt", broken({ execute: tracing(({ round }) => ({ alone: round > 0 })) })],
  ["a claim that is met again counts again", broken({ execute: keepingClaims })],
  ["an end on purpose counts", broken({ execute: everyEndIsDeath })]
]

describe("a broken rule is noticed", () => {
  for (const [name, rules] of mutations) {
    it(name, () => {
      for (const seed of seeds) {
        for (const [which, make] of stories) {
          const problems = problemsOf(make(seed), playDeaths(make(seed), rules))
          if (problems.length === 0) continue
          process.stdout.write(`    ${name}: noticed by seed ${seed} of ${which}: ${problems[0]}\n`)
          return
        }
      }
      expect.fail(`none of ${seeds.length} seeds shows it`)
    })
  }
})
