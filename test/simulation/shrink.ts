/**
 * Makes a failing history smaller: whatever may be left out of its plan without the same check passing, is left out.
 */
import type { Event, NodePlan, Plan } from "./plan.js"
import { type Outcome, play, type PlayOptions } from "./simulation.js"

const withoutCaller = ({ calls }: Plan, index: number): Pick<Plan, "calls"> => {
  if (calls === undefined) return {}
  const moved = (node: number): number => (node > index ? node - 1 : node)
  return {
    calls: {
      ...calls,
      made: calls.made.filter(({ from }) => from !== index).map((call) => ({ ...call, from: moved(call.from) })),
      faults: calls.faults.filter(({ node }) => node !== index).map((fault) => ({ ...fault, node: moved(fault.node) }))
    }
  }
}

const withoutNode = (plan: Plan, index: number): Plan => {
  const nodes = plan.nodes.filter((_, i) => i !== index)
  const events = plan.events.flatMap((event): ReadonlyArray<Event> => {
    if (!("node" in event)) return [event]
    if (event.node === index) return event.type === "call" ? [{ ...event, node: 0 }] : []
    if (event.type === "surge" && event.by === index) return []
    const moved = { ...event, node: event.node > index ? event.node - 1 : event.node }
    if (moved.type === "surge") return [{ ...moved, by: moved.by > index ? moved.by - 1 : moved.by }]
    if (moved.type !== "direct" || moved.from < index) return [moved]
    return [{ ...moved, from: moved.from === index ? -1 : moved.from - 1 }]
  })
  const lists = plan.lists === undefined
    ? {}
    : { lists: { ...plan.lists, begin: plan.lists.begin.filter((_, i) => i !== index) } }
  return { ...plan, nodes, events, ...lists, ...withoutCaller(plan, index) }
}

/** Halves of the calls first, then one after the other. */
const fewerCalls = function*({ calls, ...plan }: Plan): Generator<Plan, void> {
  if (calls === undefined) return
  const { faults, made } = calls
  for (let size = made.length >> 1; size > 0; size >>= 1) {
    for (let from = 0; from < made.length; from += size) {
      yield { ...plan, calls: { ...calls, made: [...made.slice(0, from), ...made.slice(from + size)] } }
    }
  }
  for (let i = 0; i < faults.length; i++) yield { ...plan, calls: { ...calls, faults: faults.toSpliced(i, 1) } }
}

const plain = (node: NodePlan): NodePlan => ({ ...node, rate: 1, fate: "healthy", initial: false })

const withoutCalled = ({ calls }: Plan, id: string): Pick<Plan, "calls"> => {
  if (calls === undefined) return {}
  const made = calls.made.filter((call) => call.id !== id)
  return { calls: { ...calls, ids: calls.ids.filter((other) => other !== id), made } }
}

/** Plans that are a little simpler. */
const simpler = function*(plan: Plan): Generator<Plan, void> {
  for (const id of plan.ids.toReversed()) {
    if (plan.ids.length === 1) break
    const events = plan.events.filter((event) => event.type !== "call" || event.id !== id)
    yield {
      ...plan,
      events,
      ids: plan.ids.filter((other) => other !== id),
      ...withoutCalled(plan, id),
      initial: plan.initial.filter((other) => other !== id)
    }
  }
  yield* fewerCalls(plan)
  for (let i = plan.nodes.length - 1; i > 0; i--) yield withoutNode(plan, i)
  for (let i = plan.events.length - 1; i >= 0; i--) yield { ...plan, events: plan.events.filter((_, j) => j !== i) }
  if (plan.noise > 0) yield { ...plan, noise: 0 }
  if (plan.slowStops > 0) yield { ...plan, slowStops: 0 }
  if (plan.initial.length > 0) yield { ...plan, initial: [] }
  if (plan.disorder.window > 1 || plan.disorder.preempt > 0) yield { ...plan, disorder: { window: 1, preempt: 0 } }
  for (const [i, node] of plan.nodes.entries()) {
    const other = plain(node)
    if (JSON.stringify(other) !== JSON.stringify(node)) {
      yield { ...plan, nodes: plan.nodes.map((one, j) => (i === j ? other : one)) }
    }
  }
}

/** The simplest plan that was found in so many plays, and what it does. */
export const shrink = (failed: Outcome, options: PlayOptions = {}, plays = 300): Outcome => {
  let best = failed
  let left = plays
  const check = failed.failure?.check
  for (let found = true; found && left > 0;) {
    found = false
    for (const plan of simpler(best.plan)) {
      if (left-- <= 0) break
      const outcome = play(plan, options)
      if (outcome.failure === undefined || outcome.failure.check !== check) continue
      best = outcome
      found = true
      break
    }
  }
  return best
}
