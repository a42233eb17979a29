/**
 * Draws the directives of a history, from a stream of randomness of their own: the rest of its plan stays as it is.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Event, Plan } from "../plan.js"

const whats = { drain: 4, cordon: 2, undo: 4 } as const

/** A moment: any, or one when something goes wrong. */
const moment = (dice: Dice, { calm, events }: Pick<Plan, "calm" | "events">): number => {
  const near = events.length > 0 && dice.chance(0.6) ? dice.pick(events).at : undefined
  const at = near === undefined ? dice.between(1_000, calm) : near + dice.between(-2_000, 3_000)
  return Math.min(Math.max(at, 500), calm - 1)
}

/** One directive, or two that follow each other, and what may become of the node meanwhile. */
const drawBurst = (dice: Dice, plan: Plan): ReadonlyArray<Event> => {
  const node = dice.below(plan.nodes.length)
  const at = moment(dice, plan)
  const from = () => dice.between(-1, plan.nodes.length - 1)
  const first: Event = { at, type: "direct", what: dice.weighted(whats), node, from: from() }
  const later = at + dice.between(0, dice.chance(0.5) ? 500 : 8_000)
  const second: Event = { at: later, type: "direct", what: dice.weighted(whats), node, from: from() }
  const events: Array<Event> = dice.chance(0.6) ? [first, second] : [first]
  if (dice.chance(0.3)) events.push({ at: at + dice.between(-500, 3_000), type: "crash", node, back: 100 })
  if (dice.chance(0.15)) events.push({ at: at + dice.between(0, 6_000), type: "lose" })
  return events
}

/** The plan, with directives in it, and with nodes of a version that does not know them in some. */
export const withDirectives = (plan: Plan, dice: Dice): Plan => {
  const bursts = Array.from({ length: dice.between(1, 5) }, () => drawBurst(dice, plan))
  const events = [...plan.events, ...bursts.flat()].filter(({ at }) => at >= 0 && at < plan.calm)
  const mixed = dice.chance(0.3)
  const nodes = plan.nodes.map((node) => ({ ...node, older: mixed && dice.chance(0.4) }))
  return { ...plan, nodes, events: events.toSorted((a, b) => a.at - b.at), directives: true }
}
