/**
 * Draws releases whose nodes have different lists of code, and how they are rolled out: node by node, half of them, back,
 * and a lone node that goes back and forth. From a stream of randomness of its own: the rest of the plan stays as it is.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Event, Plan } from "../plan.js"

export type Release = ReadonlyArray<readonly [id: string, content: number]>

/** A first list, and others that leave out, add and change some of it. */
const drawReleases = (dice: Dice, ids: ReadonlyArray<string>): ReadonlyArray<Release> => {
  const first = ids.filter(() => dice.chance(0.75)).map((id) => [id, 1] as const)
  const others = Array.from({ length: dice.between(1, 2) }, () =>
    ids.flatMap((id): Release => {
      const before = first.find(([known]) => known === id)
      if (before === undefined) return dice.chance(0.5) ? [[id, 1]] : []
      return dice.chance(0.4) ? [] : [[id, dice.chance(0.75) ? 1 : 2]]
    }))
  return [first, ...others]
}

/** Every node in turn, or some of them, gets a release. */
const rollOut = (dice: Dice, plan: Plan, release: number, begin: number, share: number): ReadonlyArray<Event> => {
  const between = dice.pick([200, 1_500, 8_000])
  return plan.nodes.flatMap((_, node): ReadonlyArray<Event> =>
    dice.chance(share)
      ? [{
        at: begin + node * between,
        type: "release",
        node,
        release,
        back: dice.between(50, dice.chance(0.8) ? 2_000 : 20_000),
        crash: dice.chance(0.3)
      }]
      : []
  )
}

/** One node goes back and forth. */
const flap = (dice: Dice, plan: Plan, releases: number, begin: number): ReadonlyArray<Event> => {
  const node = dice.below(plan.nodes.length)
  const between = dice.pick([1_500, 6_000, 18_000])
  return Array.from({ length: dice.between(2, 4) }, (_, i) => ({
    at: begin + i * between,
    type: "release",
    node,
    release: i % 2 === 0 ? dice.below(releases) : 0,
    back: dice.between(50, 3_000),
    crash: dice.chance(0.5)
  }))
}

/** The plan, with lists of code in it. */
export const withLists = (plan: Plan, dice: Dice): Plan => {
  const releases = drawReleases(dice, plan.ids)
  const last = releases.length - 1
  const begin = dice.between(5_000, Math.max(6_000, plan.calm - 15_000))
  // Back as soon as it has begun, or when the first release is forgotten.
  const back = dice.chance(0.6) ? dice.pick([dice.between(2_000, 20_000), dice.between(20_000, 45_000)]) : undefined
  const calm = back === undefined ? plan.calm : Math.max(plan.calm, begin + back + 10_000)
  const events: Array<Event> = [...rollOut(dice, plan, dice.between(1, last), begin, dice.chance(0.7) ? 1 : 0.5)]
  if (back !== undefined) events.push(...rollOut(dice, plan, 0, begin + back, 1))
  if (dice.chance(0.3)) events.push(...flap(dice, plan, releases.length, dice.between(4_000, plan.calm)))
  if (dice.chance(0.15)) events.push({ at: begin + dice.between(0, 10_000), type: "lose" })
  const node = dice.below(plan.nodes.length)
  if (dice.chance(0.2)) events.push({ at: begin + dice.between(0, 9_000), type: "freeze", node, millis: 20_000 })
  return {
    ...plan,
    calm,
    events: [...plan.events, ...events.filter(({ at }) => at >= 0 && at < calm)].toSorted((a, b) => a.at - b.at),
    lists: { releases, begin: plan.nodes.map(() => (dice.chance(0.85) ? 0 : dice.between(-1, last))) }
  }
}
