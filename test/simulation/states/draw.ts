/**
 * Draws children with a state, and what happens to them and their data, from a stream of randomness of their own: the rest
 * of the plan stays as it is.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Event, Plan } from "../plan.js"
import { savedKinds } from "./kinds.js"

const moment = (dice: Dice, { calm, events }: Pick<Plan, "calm" | "events">): number => {
  const near = events.length > 0 && dice.chance(0.5) ? dice.pick(events).at : undefined
  const at = near === undefined ? dice.between(2_000, calm) : near + dice.between(-1_500, 4_000)
  return Math.min(Math.max(at, 1_500), calm - 1)
}

/** A child ends, and begins anew at once: its old owner may still be there. */
const anew = (dice: Dice, plan: Plan, id: string): ReadonlyArray<Event> => {
  const at = moment(dice, plan)
  const node = dice.below(plan.nodes.length)
  const call = (call: "start" | "terminate", at: number): Event => ({ at, type: "call", call, id, node, content: 1 })
  return [call("terminate", at), call("start", at + dice.between(1, dice.pick([50, 2_000])))]
}

/** Older data comes back. */
const rollback = (dice: Dice, plan: Plan, id: string): ReadonlyArray<Event> => {
  const at = moment(dice, plan)
  const between = dice.chance(0.5) ? anew(dice, plan, id).map((event, i) => ({ ...event, at: at + 500 + 300 * i })) : []
  const back = at + dice.between(1_500, 8_000)
  return [{ at, type: "copy" }, ...between, { at: back, type: "rollback", sameServer: false }]
}

/** The data is gone while a node is away. */
const lossUnseen = (dice: Dice, plan: Plan): ReadonlyArray<Event> => {
  const at = moment(dice, plan)
  const node = dice.below(plan.nodes.length)
  const all = ["tick", "work", "wake"] as const
  const millis = dice.pick([5_000, 9_000, 14_000, 25_000])
  const away: Event = dice.chance(0.6)
    ? { at, type: "cut", node, millis, requests: all, replies: dice.chance(0.5) ? all : [] }
    : { at, type: "freeze", node, millis }
  return [away, { at: at + dice.between(0, millis), type: "lose" }]
}

const drawMore = (dice: Dice, plan: Plan, id: string): ReadonlyArray<Event> => {
  const at = moment(dice, plan)
  const node = dice.below(plan.nodes.length)
  switch (dice.weighted({ anew: 4, rollback: 3, loss: 4, key: 2, call: 3, drain: 3 })) {
    case "anew":
      return anew(dice, plan, id)
    case "rollback":
      return rollback(dice, plan, id)
    case "loss":
      return lossUnseen(dice, plan)
    case "key":
      return [{ at, type: "key", key: "state" }]
    case "call":
      return [{ at, type: "call", call: dice.pick(["replace", "restart"]), id, node, content: dice.between(1, 2) }]
    case "drain":
      return [{ at, type: "drain", node, millis: dice.between(300, 6_000) }]
  }
}

/** The plan, with such children in it. */
export const withStates = (plan: Plan, dice: Dice): Plan => {
  const ids = Array.from({ length: dice.between(1, 3) }, (_, i) => `${dice.pick(savedKinds)}/${i}`)
  const nodes = plan.nodes.map((node) => ({
    ...node,
    kinds: [...node.kinds, ...savedKinds.filter(() => dice.chance(0.9))]
  }))
  const whole = { ...plan, nodes, ids: [...plan.ids, ...ids] }
  const starts = ids.map((id): Event => ({
    at: dice.between(200, dice.chance(0.8) ? 2_000 : 12_000),
    type: "call",
    call: "start",
    id,
    node: dice.below(nodes.length),
    content: 1
  }))
  const more = Array.from({ length: dice.between(1, 5) }, () => drawMore(dice, whole, dice.pick(ids))).flat()
  const events = [...plan.events, ...starts, ...more].filter(({ at }) => at >= 0 && at < plan.calm)
  return { ...whole, events: events.toSorted((a, b) => a.at - b.at), states: true }
}
