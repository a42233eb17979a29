/**
 * Draws the calls of a history, from a stream of randomness of their own: the rest of its plan stays as it is.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Event, Plan } from "../plan.js"
import { calledKinds } from "./kinds.js"
import type { CalledRpc, CallPlan, CallsPlan, WireFault } from "./plan.js"

const rpcWeights: { readonly [K in CalledRpc]: number } = { pay: 6, note: 3, watch: 1, follow: 1 }

/** A moment: any, or one when something goes wrong. */
const moment = (dice: Dice, { calm, events }: Pick<Plan, "calm" | "events">): number => {
  const near = events.length > 0 && dice.chance(0.6) ? dice.pick(events).at : undefined
  const at = near === undefined ? dice.between(1_000, calm) : near + dice.between(-1_500, 4_000)
  return Math.min(Math.max(at, 500), calm + 2_000)
}

const drawTimeout = (dice: Dice): number =>
  dice.pick([dice.between(100, 1_000), dice.between(1_000, 5_000), 5_000, 5_000, dice.between(8_000, 20_000)])

const drawWork = (
  dice: Dice
): number => (dice.chance(0.7) ? dice.between(0, 20) : dice.between(20, dice.pick([500, 3_000, 9_000])))

const drawBurst = (dice: Dice, plan: Plan, ids: ReadonlyArray<string>, clients: number): ReadonlyArray<CallPlan> => {
  const at = moment(dice, plan)
  const from = dice.between(-clients, plan.nodes.length - 1)
  const id = dice.pick(ids)
  return Array.from({ length: dice.pick([1, 1, 2, 4]) }, (_, i): CallPlan => ({
    at: at + i * dice.between(0, 30),
    from,
    id,
    rpc: dice.weighted(rpcWeights),
    timeout: drawTimeout(dice),
    before: drawWork(dice),
    after: drawWork(dice),
    end: dice.weighted({ answer: 12, refuse: 2, die: 1 }),
    leaves: dice.chance(0.06) ? dice.between(1, 2_000) : undefined
  }))
}

const drawFault = (dice: Dice, plan: Plan): WireFault => ({
  at: moment(dice, plan),
  node: dice.below(plan.nodes.length),
  what: dice.chance(0.4) ? "break" : "block",
  directions: dice.pick([["<"], [">"], ["<", ">"]] as const),
  millis: dice.between(50, dice.chance(0.6) ? 2_500 : 12_000)
})

/** What becomes of the children that are called, besides what becomes of their nodes. */
const drawEvents = (dice: Dice, plan: Plan, ids: ReadonlyArray<string>): ReadonlyArray<Event> => {
  const starts = ids.map((id): Event => ({
    at: dice.between(200, dice.chance(0.8) ? 2_000 : 12_000),
    type: "call",
    call: "start",
    id,
    node: dice.below(plan.nodes.length),
    content: 1
  }))
  const more = Array.from({ length: dice.between(0, 5) }, (): Event => {
    const at = moment(dice, plan)
    const node = dice.below(plan.nodes.length)
    const id = dice.pick(ids)
    const what = dice.weighted({ cordon: 4, freeze: 2, start: 2, terminate: 1, replace: 1, restart: 1 })
    if (what === "cordon") return { at, type: "drain", node, millis: dice.between(300, 6_000) }
    if (what === "freeze") return { at, type: "freeze", node, millis: dice.between(6_000, 20_000) }
    return { at, type: "call", call: what, id, node, content: dice.between(1, 2) }
  })
  return [...starts, ...more].filter(({ at }) => at < plan.calm)
}

/** The plan, with calls in it. */
export const withCalls = (plan: Plan, dice: Dice): Plan => {
  const ids = Array.from({ length: dice.between(1, 3) }, (_, i) => `${dice.pick(calledKinds)}/${i}`)
  const events = [...plan.events, ...drawEvents(dice, plan, ids)].toSorted((a, b) => a.at - b.at)
  const nodes = plan.nodes.map((node) => ({
    ...node,
    kinds: [...node.kinds, ...calledKinds.filter(() => dice.chance(0.9))]
  }))
  const whole = { ...plan, ids: [...plan.ids, ...ids], nodes, events }
  const clients = dice.pick([0, 1, 1, 2])
  const bursts = Array.from({ length: dice.between(6, 30) }, () => drawBurst(dice, whole, ids, clients))
  const calls: CallsPlan = {
    clients,
    ids,
    made: bursts.flat(),
    faults: Array.from({ length: dice.between(0, 4) }, () => drawFault(dice, whole))
  }
  return { ...whole, calls }
}
