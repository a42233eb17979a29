/**
 * Draws rollouts of revisions, and what goes wrong meanwhile, from a stream of randomness of its own: the rest of the plan
 * stays as it is, but for those in which nothing else happens.
 */
import type { Dice } from "../../../src/internal/testing/dice.js"
import { drift, type Event, type KindName, kindOf, type NodePlan, type Plan } from "../plan.js"

/** The nodes of one service, by their numbers, and the revisions that it has one after the other. */
interface Fleet {
  readonly prefix: string
  readonly nodes: ReadonlyArray<number>
}

/** What is drawn of a plan, as far as it has come. */
interface Drawn {
  readonly dice: Dice
  readonly clean: boolean
  readonly nodes: Array<NodePlan>
  readonly events: Array<Event>
}

/** How a node is replaced: it has a successor first; it ends first; it comes back under its name. */
type Way = "surge" | "gap" | "same"

/** A node of another name that is to take the place of one. */
const successor = ({ dice, nodes }: Drawn, index: number): number => {
  const before = nodes[index]!
  // The first node stays healthy whatever its name is.
  const rate = before.rate >= 0.99 && before.rate <= 1.01 ? 1 + (2 * dice.next() - 1) * drift : before.rate
  nodes.push({
    ...before,
    name: `n${nodes.length}`,
    rate,
    boot: 0,
    absent: true,
    unaware: before.unaware === true && dice.chance(0.3)
  })
  return nodes.length - 1
}

/** Replaces one node; its number from then on. */
const replace = (drawn: Drawn, way: Way, node: number, revision: string, at: number): number => {
  const { clean, dice, events } = drawn
  const crash = !clean && dice.chance(0.2)
  const back = dice.between(50, dice.chance(0.8) ? 3_000 : 20_000)
  if (way === "same") {
    events.push({ at, type: "roll", how: "replace", node, revision, back, crash })
    return node
  }
  const by = successor(drawn, node)
  if (way === "surge") {
    events.push({ at, type: "surge", node, by, revision, ready: clean ? 4_000 : dice.between(0, 4_000), crash })
  } else {
    events.push({ at, type: "roll", how: "leave", node, revision: "", back: 0, crash })
    events.push({ at: at + back, type: "roll", how: "join", node: by, revision, back: 0, crash })
  }
  return by
}

/** Replaces so many nodes of a fleet, one by one. The time when that is over. */
const rollOut = (drawn: Drawn, fleet: Array<number>, count: number, revision: string, begin: number): number => {
  const { clean, dice } = drawn
  const way: Way = clean ? "surge" : dice.weighted({ surge: 5, gap: 2, same: 4 })
  const between = clean ? 12_000 : dice.pick([1_500, 5_000, 12_000])
  for (let i = 0; i < count; i++) {
    fleet[i] = replace(drawn, way, fleet[i]!, revision, begin + i * between)
  }
  return begin + count * between
}

/** Rollouts of one service, one after the other: in full or halfway, then on, or back. The time when they are over. */
const rollOuts = (drawn: Drawn, { nodes, prefix }: Fleet, begin: number): number => {
  const { clean, dice } = drawn
  const fleet = [...nodes]
  const isFull = dice.chance(0.6)
  const count = isFull ? fleet.length : dice.between(1, fleet.length)
  let end = rollOut(drawn, fleet, count, `${prefix}2`, begin)
  if (!dice.chance(0.5)) return end
  const pause = clean ? 12_000 : dice.pick([0, 5_000, 20_000])
  // Back: those that have the new one. On: all.
  const isBack = dice.chance(0.6)
  end = rollOut(drawn, fleet, isBack ? count : fleet.length, isBack ? `${prefix}1` : `${prefix}3`, end + pause)
  return end
}

/** What goes wrong while nodes are replaced. */
const drawTroubles = ({ dice, events, nodes }: Drawn, begin: number, end: number): void => {
  const at = () => dice.between(begin, end)
  const node = () => dice.below(nodes.length)
  if (dice.chance(0.5)) {
    events.push({ at: at(), type: "crash", node: node(), back: dice.between(50, dice.chance(0.6) ? 3_000 : 20_000) })
  }
  if (dice.chance(0.25)) events.push({ at: at(), type: "freeze", node: node(), millis: dice.between(3_000, 25_000) })
  if (dice.chance(0.15)) events.push({ at: at(), type: "lose" })
  if (dice.chance(0.15)) events.push({ at: at(), type: "server" })
  if (dice.chance(0.1)) events.push({ at: at(), type: "key", key: dice.pick(["sess", "node", "meta", "claim"]) })
  if (dice.chance(0.2)) events.push({ at: at(), type: "drain", node: node(), millis: dice.between(1_000, 9_000) })
}

/** More children, so that nodes have shares of them. */
const drawChildren = (dice: Dice, nodes: number, isDouble: boolean): readonly [Array<string>, Array<Event>] => {
  const kinds: ReadonlyArray<KindName> = isDouble ? ["Steady", "Keep"] : ["Steady"]
  const ids = isDouble || dice.chance(0.7)
    ? Array.from({ length: dice.between(4, 20) }, (_, i) => `${kinds[i % kinds.length]}/r${i}`)
    : []
  return [
    ids,
    ids.map((id) => ({
      at: dice.between(300, 3_000),
      type: "call",
      call: "start",
      id,
      node: dice.below(nodes),
      content: 1
    }))
  ]
}

/** The plan, with nothing in it but what nodes and children do by themselves. */
const quiet = (plan: Plan, dice: Dice): Plan => ({
  ...plan,
  noise: 0,
  slowStops: 0,
  trust: true,
  initial: [],
  calm: 20_000,
  nodes: plan.nodes.map((node) => ({
    ...node,
    rate: 1 + (2 * dice.next() - 1) * drift,
    boot: dice.between(0, 600),
    code: 1,
    kinds: Array.from(new Set(plan.ids.map(kindOf))),
    initial: false,
    fate: "healthy"
  })),
  events: plan.ids.map((id) => ({
    at: dice.between(300, 3_000),
    type: "call",
    call: "start",
    id,
    node: 0,
    content: 1
  }))
})

const isPlain = ({ calls, directives, lists, sets, states }: Plan): boolean =>
  calls === undefined && directives !== true && lists === undefined && sets !== true && states !== true

/** Two services: all of one kind, and all others. Nodes of even and of odd numbers. */
const splitKinds = (kinds: ReadonlyArray<KindName>, index: number): ReadonlyArray<KindName> =>
  index % 2 === 0
    ? Array.from(new Set([...kinds.filter((kind) => kind !== "Keep"), "Steady" as const]))
    : ["Keep"]

const withRevision = (dice: Dice, node: NodePlan, prefix: string, clean: boolean, some: boolean): NodePlan => ({
  ...node,
  revision: !clean && some && dice.chance(0.35) ? "" : `${prefix}1`
})

/** The plan, with rollouts in it. */
export const withRollouts = (whole: Plan, dice: Dice): Plan => {
  const clean = isPlain(whole) && dice.chance(0.4)
  const isDouble = whole.nodes.length > 2 && dice.chance(0.3)
  const [ids, starts] = drawChildren(dice, whole.nodes.length, isDouble)
  const grown = {
    ...whole,
    ids: [...whole.ids, ...ids],
    nodes: whole.nodes.map((node) => ({ ...node, kinds: Array.from(new Set([...node.kinds, ...ids.map(kindOf)])) })),
    events: [...whole.events, ...starts]
  }
  const plan = clean ? quiet(grown, dice) : grown
  const [some, mixed] = [dice.chance(0.2), !clean && dice.chance(0.2)]
  const prefixOf = (index: number) => (isDouble ? "ab"[index % 2]! : "v")
  const nodes = plan.nodes.map((node, i) => ({
    ...withRevision(dice, node, prefixOf(i), clean, some),
    unaware: mixed && dice.chance(0.4),
    kinds: isDouble ? splitKinds(node.kinds, i) : node.kinds
  }))
  const drawn: Drawn = { dice, clean, nodes, events: [] }
  const begin = clean ? 15_000 : dice.between(5_000, Math.max(6_000, plan.calm - 10_000))
  const all = nodes.map((_, i) => i)
  const fleets = (isDouble ? [0, 1] : [0]).map((one): Fleet => ({
    prefix: prefixOf(one),
    nodes: isDouble ? all.filter((i) => i % 2 === one) : all
  }))
  // The other service may be quiet meanwhile.
  const ends = fleets.map((fleet, i) =>
    i > 0 && dice.chance(0.4) ? begin : rollOuts(drawn, fleet, begin + i * dice.between(0, 8_000))
  )
  const end = Math.max(...ends)
  if (!clean) drawTroubles(drawn, begin - 2_000, end + 4_000)
  const calm = Math.max(plan.calm, end + (clean ? 25_000 : dice.between(2_000, 12_000)))
  return {
    ...plan,
    ids: plan.ids,
    nodes: drawn.nodes,
    calm,
    events: [...plan.events, ...drawn.events.filter(({ at }) => at >= 0 && at < calm)].toSorted((a, b) => a.at - b.at),
    rollouts: { patience: clean ? 600_000 : dice.pick([3_000, 10_000, 30_000, 300_000]), clean }
  }
}
