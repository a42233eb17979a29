/**
 * Draws a plan from a seed.
 */
import { Dice } from "../../src/internal/testing/dice.js"
import type { RegistryConnection } from "../../src/internal/testing/testRegistry.js"
import { withCalls } from "./calls/draw.js"
import { withDirectives } from "./directives/draw.js"
import {
  type Call,
  type Code,
  drift,
  type Event,
  type EventType,
  type Key,
  type KindName,
  kindOf,
  type NodePlan,
  type PlainKind,
  type Plan,
  timing
} from "./plan.js"
import { withRollouts } from "./rollouts/draw.js"
import { withSets } from "./sets/draw.js"
import { withLists } from "./sets/releases.js"
import { withStates } from "./states/draw.js"

const kindWeights: { readonly [K in PlainKind]: number } = {
  Steady: 8,
  Keep: 2,
  Task: 3,
  Once: 2,
  Flaky: 2,
  Standing: 3,
  Stubborn: 2,
  Versioned: 2,
  Sloppy: 1
}

const allKinds = Object.keys(kindWeights) as ReadonlyArray<PlainKind>

/** Faults of the plan itself: copies go with rollbacks; directives, reconciles, releases and rollouts are drawn apart. */
type Fault = Exclude<EventType, "copy" | "direct" | "reconcile" | "release" | "roll" | "surge">

/** Other weights of faults and of kinds than the usual ones. */
export type Weights = { readonly [K in Fault | KindName]?: number }

/** How often each fault is drawn, relative to the others. */
const eventWeights: { readonly [K in Fault]: number } = {
  call: 14,
  crash: 4,
  stop: 3,
  freeze: 4,
  slow: 2,
  cut: 7,
  deaf: 2,
  cordon: 1,
  drain: 1.5,
  twin: 0.7,
  kind: 2.5,
  deploy: 0.7,
  wall: 0.7,
  pause: 2,
  jump: 1.5,
  server: 2,
  lose: 2.5,
  rollback: 2.5,
  key: 2.5
}

/** States are lost where there are any; see `states/draw.ts`. */
const keyWeights: { readonly [K in Exclude<Key, "state">]: number } = {
  meta: 2,
  sess: 2,
  node: 1,
  spec: 1.5,
  tomb: 1.5,
  claim: 2,
  stat: 0.7,
  log: 1
}

const connections: ReadonlyArray<RegistryConnection> = ["tick", "work", "wake"]

/** Which connections are cut, and in which direction. */
const drawCut = (
  dice: Dice
): { requests: ReadonlyArray<RegistryConnection>; replies: ReadonlyArray<RegistryConnection> } => {
  const which = dice.chance(0.6) ? connections : dice.chance(0.4) ? ["tick" as const] : ["work", "wake"] as const
  const direction = dice.between(1, 3)
  return { requests: direction & 1 ? which : [], replies: direction & 2 ? which : [] }
}

/** A duration in which a lease outlasts, or does not, or that ends just then. */
const drawOutage = (dice: Dice): number => {
  const { margin, ttl } = timing
  return dice.pick([
    dice.between(200, 3_000),
    dice.between(3_000, ttl - margin),
    dice.between(ttl - margin - 500, ttl - margin + 1_500),
    dice.between(ttl - margin, ttl + 3_000),
    dice.between(ttl, 35_000)
  ])
}

type Drawing = (dice: Dice, plan: Pick<Plan, "ids" | "nodes">) => object

const node = (dice: Dice, { nodes }: Pick<Plan, "nodes">): number => dice.below(nodes.length)

const calls: { readonly [K in Call]: number } = { start: 4, terminate: 4, replace: 3, restart: 2 }

const drawings: { readonly [K in Fault]: Drawing } = {
  call: (dice, plan) => ({
    call: dice.weighted(calls),
    id: dice.pick(plan.ids),
    node: node(dice, plan),
    content: dice.chance(0.7) ? 1 : dice.between(2, 3)
  }),
  crash: (dice, plan) => ({ node: node(dice, plan), back: dice.between(50, dice.chance(0.5) ? 4_000 : 30_000) }),
  stop: (dice, plan) => ({ node: node(dice, plan), back: dice.between(50, dice.chance(0.5) ? 3_000 : 25_000) }),
  freeze: (dice, plan) => ({ node: node(dice, plan), millis: drawOutage(dice) }),
  slow: (dice, plan) => ({ node: node(dice, plan), millis: dice.between(2_000, 25_000), cost: dice.pick([2, 10, 60]) }),
  cut: (dice, plan) => ({ node: node(dice, plan), millis: drawOutage(dice), ...drawCut(dice) }),
  deaf: (dice, plan) => ({ node: node(dice, plan), millis: dice.between(2_000, 40_000) }),
  cordon: (dice, plan) => ({ node: node(dice, plan), millis: dice.between(300, 20_000) }),
  drain: (dice, plan) => ({ node: node(dice, plan), millis: dice.between(300, 20_000) }),
  twin: (dice, plan) => ({ node: node(dice, plan), millis: dice.between(2_000, 30_000) }),
  kind: (dice, plan) => ({
    node: node(dice, plan),
    kind: kindOf(dice.pick(plan.ids)),
    millis: dice.between(50, dice.chance(0.5) ? 2_000 : 15_000)
  }),
  deploy: (dice) => ({ between: dice.between(200, 6_000), back: dice.between(100, 3_000) }),
  wall: (dice, plan) => ({ node: node(dice, plan), error: dice.pick([-1, 1]) * dice.between(1_000, 4e6) }),
  pause: (dice) => ({ millis: dice.chance(0.6) ? dice.between(500, 6_000) : dice.between(6_000, 30_000) }),
  jump: (dice) => ({ millis: dice.pick([-1, 1]) * dice.between(1_000, dice.chance(0.5) ? 10_000 : 4e6) }),
  server: () => ({}),
  lose: () => ({}),
  rollback: (dice) => ({ sameServer: dice.chance(0.25) }),
  key: (dice) => ({ key: dice.weighted(keyWeights) })
}

const drawEvent = (dice: Dice, plan: Pick<Plan, "ids" | "nodes">, at: number, weights: Weights): Event => {
  const type = dice.weighted(among(eventWeights, weights))
  return { at, type, ...drawings[type](dice, plan) } as Event
}

/** A forward jump spends the one step of the registry's clock that the margin has room for: one per lease. */
const spaced = (events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
  let last = -Infinity
  return events.filter((event) => {
    if (event.type !== "jump" || event.millis < 0) return true
    if (event.at - last < timing.ttl + 5_000) return false
    last = event.at
    return true
  })
}

/** A copy is taken some time before it is restored. */
const withCopies = (dice: Dice, events: ReadonlyArray<Event>): ReadonlyArray<Event> =>
  events.flatMap((event): ReadonlyArray<Event> =>
    event.type === "rollback"
      ? [{ at: Math.max(0, event.at - dice.between(10, dice.chance(0.6) ? 3_000 : 20_000)), type: "copy" }, event]
      : [event]
  )

/** Faults come one by one, or together within a short while. */
const drawEvents = (
  dice: Dice,
  plan: Pick<Plan, "calm" | "ids" | "nodes">,
  weights: Weights
): ReadonlyArray<Event> => {
  const count = dice.between(1, 14)
  const clustered = dice.chance(0.6)
  const begin = dice.between(6_000, plan.calm - 8_000)
  const width = dice.pick([1_500, 6_000, 20_000])
  const events = Array.from({ length: count }, () => {
    const at = clustered && dice.chance(0.7)
      ? Math.min(plan.calm - 1, begin + dice.between(0, width))
      : dice.between(4_000, plan.calm - 1)
    return drawEvent(dice, plan, at, weights)
  })
  const sorted = events.sort((a, b) => a.at - b.at)
  return withCopies(dice, spaced(sorted)).toSorted((a, b) => a.at - b.at)
}

const drawStarts = (dice: Dice, plan: Pick<Plan, "ids" | "initial" | "nodes">): ReadonlyArray<Event> =>
  plan.ids.flatMap((id): ReadonlyArray<Event> => {
    if (plan.initial.includes(id) && dice.chance(0.7)) return []
    const at = dice.between(300, dice.chance(0.8) ? 3_000 : 20_000)
    return [{ at, type: "call", call: "start", id, node: node(dice, plan), content: 1 }]
  })

const drawNode = (dice: Dice, name: string, all: ReadonlyArray<KindName>, code: Code): NodePlan => ({
  name,
  rate: dice.chance(0.02) ? dice.pick([0.7, 1.3]) : 1 + (2 * dice.next() - 1) * drift,
  boot: dice.between(0, dice.chance(0.8) ? 600 : 15_000),
  code,
  kinds: dice.chance(0.85) ? all : all.filter(() => dice.chance(0.6)),
  initial: dice.chance(0.7),
  fate: dice.weighted({ healthy: 7, dead: 1, frozen: 1, cut: 1.2 }),
  ...drawCut(dice)
})

const drawNodes = (dice: Dice, kinds: ReadonlyArray<KindName>): ReadonlyArray<NodePlan> => {
  const count = dice.pick([2, 2, 3, 3, 3, 4, 5])
  const code = dice.chance(0.6) ? 1 : 2
  const mixed = dice.chance(0.2)
  const nodes = Array.from(
    { length: count },
    (_, i) => drawNode(dice, `n${i}`, kinds, mixed && dice.chance(0.5) ? 1 : code)
  )
  const [first, ...others] = nodes
  return [{ ...first!, fate: "healthy", rate: Math.min(Math.max(first!.rate, 0.99), 1.01) }, ...others]
}

const among = <K extends string>(usual: { readonly [name in K]: number }, weights: Weights) =>
  Object.fromEntries(
    Object.entries(usual).map(([name, weight]) => [name, (weights as Record<string, number>)[name] ?? weight])
  ) as { readonly [name in K]: number }

const drawIds = (dice: Dice, weights: Weights): ReadonlyArray<string> => {
  const kinds = among(kindWeights, weights)
  const size = dice.next()
  const count = size < 0.004 ? 230 : size < 0.03 ? 50 : dice.between(1, 6)
  const few = dice.chance(0.3) ? [dice.weighted(kinds)] : undefined
  return Array.from({ length: count }, (_, i) => `${few === undefined ? dice.weighted(kinds) : few[0]!}/${i}`)
}

const drawMachines = (dice: Dice): number => (dice.chance(0.4) ? dice.pick([1, 1, 2]) : 0)

/** The share of histories in which children are called. */
export const callsShare = 0.08

/** The share of histories in which directives are given. */
export const directivesShare = 0.15

/** The share of histories in which sets are reconciled. */
export const setsShare = 0.15

/** The share of histories in which nodes have lists of code that are whole sets. */
export const listsShare = 0.15

/** The share of histories in which children have states. */
export const statesShare = 0.15

/** The share of histories in which revisions are rolled out. */
export const rolloutsShare = 0.15

/** How large a share of histories has what not all have. */
export interface Shares {
  readonly calls: number
  readonly directives: number
  readonly sets: number
  readonly lists: number
  readonly states: number
  readonly rollouts: number
}

const usualShares: Shares = {
  calls: callsShare,
  directives: directivesShare,
  sets: setsShare,
  lists: listsShare,
  states: statesShare,
  rollouts: rolloutsShare
}

/** Children are called in a share of the histories, unless there are so many that it takes long. */
export const draw = (seed: number, weights: Weights = {}, shares: Partial<Shares> = {}): Plan => {
  const { calls, directives, lists, rollouts, sets, states } = { ...usualShares, ...shares }
  const plan = drawPlan(seed, weights)
  const callDice = new Dice(`calls ${seed}`)
  const called = plan.ids.length < 50 && callDice.chance(calls) ? withCalls(plan, callDice) : plan
  const directDice = new Dice(`directives ${seed}`)
  const directed = directDice.chance(directives) ? withDirectives(called, directDice) : called
  const setDice = new Dice(`sets ${seed}`)
  const kept = plan.ids.length < 50 && setDice.chance(sets) ? withSets(directed, setDice) : directed
  const listDice = new Dice(`lists ${seed}`)
  const listed = plan.ids.length < 50 && listDice.chance(lists) ? withLists(kept, listDice) : kept
  const stateDice = new Dice(`states ${seed}`)
  const saved = plan.ids.length < 50 && stateDice.chance(states) ? withStates(listed, stateDice) : listed
  const rolloutDice = new Dice(`rollouts ${seed}`)
  return plan.ids.length < 50 && rolloutDice.chance(rollouts) ? withRollouts(saved, rolloutDice) : saved
}

/** `weights` change how often faults are drawn. */
const drawPlan = (seed: number, weights: Weights): Plan => {
  const dice = new Dice(`plan ${seed}`)
  const ids = drawIds(dice, weights)
  const initial = dice.chance(0.35) ? ids.filter(() => dice.chance(0.4)) : []
  const nodes = drawNodes(dice, allKinds.filter((kind) => ids.some((id) => kindOf(id) === kind)))
  const trust = dice.chance(0.85)
  const calm = dice.between(18_000, 50_000) + (trust ? 0 : timing.ttl)
  const base = { ids, initial, nodes, calm }
  const events = [...drawStarts(dice, base), ...drawEvents(dice, base, weights)].toSorted((a, b) => a.at - b.at)
  return {
    seed,
    machines: drawMachines(dice.stream("machines")),
    disorder: { window: dice.pick([1, 2, 4, 8]), preempt: dice.pick([0, 0, 0.05, 0.3]) },
    noise: dice.pick([0, 0.3, 1, 1, 3]),
    slowStops: dice.pick([0, 0, 0, 0.1, 0.3]),
    registryRate: 1 + (2 * dice.next() - 1) * drift,
    trust,
    syncInterval: dice.chance(0.7) ? 3_600_000 : 30_000,
    ...base,
    events
  }
}
