/**
 * What is told of processes that die, and what must not come of it.
 */
import type { Outcome, Story } from "./model.js"

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

export const stories: ReadonlyArray<readonly [string, (seed: number) => Story]> = [
  ["one killer", oneKiller],
  ["four killers", fourKillers],
  ["processes that die by themselves", dying],
  ["processes that end on purpose", leaving]
]

/** What is wrong with how a story ended. */
export const problemsOf = (story: Story, { broken, deaths, failed }: Outcome): ReadonlyArray<string> => {
  const problems = [...broken]
  for (const id of failed) if (id.startsWith("good/")) problems.push(`${id} is parked`)
  if (story.killers.length !== 1 || broken.length > 0) return problems
  // I7
  if (!failed.includes("kill/0")) problems.push("the killer is not parked")
  if (deaths.length > 9) problems.push(`${deaths.length} deaths`)
  if (deaths.filter((at) => at < deaths[0]! + 1_000).length > 2) problems.push("more than two deaths within a second")
  return problems
}
