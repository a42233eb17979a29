/**
 * Draws the reconciles of a history, from a stream of randomness of their own: the rest of its plan stays as it is.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import { type Event, kindOf, type Plan } from "../plan.js"

/** A moment: any, or one when something goes wrong. */
const moment = (dice: Dice, { calm, events }: Pick<Plan, "calm" | "events">): number => {
  const near = events.length > 0 && dice.chance(0.5) ? dice.pick(events).at : undefined
  const at = near === undefined ? dice.between(2_000, calm) : near + dice.between(-1_500, 3_000)
  return Math.min(Math.max(at, 1_000), calm - 1)
}

const drawOne = (dice: Dice, plan: Plan, kind: string, set: string, at: number): Event => ({
  at,
  type: "reconcile",
  kind,
  set,
  listed: plan.ids.filter((id) => kindOf(id) === kind && dice.chance(0.6))
    .map((id) => [id, dice.chance(0.7) ? 1 : dice.between(2, 3)] as const),
  node: dice.between(-1, plan.nodes.length - 1),
  fence: dice.chance(0.5) ? 0 : dice.between(1, 4)
})

/** Some for one set, close together or not, and what may go wrong meanwhile. */
const drawBurst = (dice: Dice, plan: Plan): ReadonlyArray<Event> => {
  const kind = kindOf(dice.pick(plan.ids))
  const set = dice.weighted({ "": 3, eu: 4, us: 2 })
  const begin = moment(dice, plan)
  const width = dice.pick([20, 300, 6_000])
  const events = Array.from(
    { length: dice.between(1, 4) },
    () => drawOne(dice, plan, kind, dice.chance(0.85) ? set : "us", begin + dice.between(0, width))
  )
  const node = dice.below(plan.nodes.length)
  const id = dice.pick(plan.ids)
  const call = dice.pick(["start", "terminate", "replace", "restart"] as const)
  if (dice.chance(0.5)) {
    events.push({ at: begin + dice.between(0, width), type: "call", call, id, node, content: dice.between(1, 3) })
  }
  if (dice.chance(0.2)) events.push({ at: begin + dice.between(0, 500), type: "freeze", node, millis: 20_000 })
  if (dice.chance(0.15)) events.push({ at: begin + dice.between(0, 500), type: "lose" })
  return events
}

/** The plan, with reconciles in it. */
export const withSets = (plan: Plan, dice: Dice): Plan => {
  const bursts = Array.from({ length: dice.between(1, 4) }, () => drawBurst(dice, plan))
  const events = [...plan.events, ...bursts.flat()].filter(({ at }) => at >= 0 && at < plan.calm)
  return { ...plan, events: events.toSorted((a, b) => a.at - b.at), sets: true }
}
