/**
 * Processes that die: what a child that ends its process costs, that processes which die by themselves park nobody, and
 * that each rule is needed. Invariants I4 to I7 are checked after every command.
 */
import { describe, expect, it } from "vitest"
import { execute } from "../../src/internal/registry/machine.js"
import { formatTrace, parseTrace } from "../../src/internal/registry/trialRecords.js"
import type { Execute } from "../../src/internal/testing/testRegistry.js"
import { playDeaths, realRules, type Rules } from "./deaths/model.js"
import { problemsOf, stories } from "./deaths/stories.js"
import { playStories } from "./deaths/suite.js"

const seeds = [1, 2, 3, 4, 5, 6]

playStories(seeds)

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
