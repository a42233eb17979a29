/**
 * Makes a failing history smaller: whatever may be left out of its plan without the same check passing, is left out.
 */
import type { Event, NodePlan, Plan } from "./plan.js"
import { type Outcome, play, type PlayOptions } from "./simulation.js"

const withoutNode = (plan: Plan, index: number): Plan => {
  const nodes = plan.nodes.filter((_, i) => i !== index)
  const events = plan.events.flatMap((event): ReadonlyArray<Event> => {
    if (!("node" in event)) return [event]
    if (event.node === index) return event.type === "call" ? [{ ...event, node: 0 }] : []
    return [{ ...event, node: event.node > index ? event.node - 1 : event.node }]
  })
  return { ...plan, nodes, events }
}

const plain = (node: NodePlan): NodePlan => ({ ...node, rate: 1, fate: "healthy", initial: false })

/** Plans that are a little simpler. */
const simpler = function*(plan: Plan): Generator<Plan, void> {
  for (const id of plan.ids.toReversed()) {
    if (plan.ids.length === 1) break
    const events = plan.events.filter((event) => event.type !== "call" || event.id !== id)
    yield {
      ...plan,
      events,
      ids: plan.ids.filter((other) => other !== id),
      initial: plan.initial.filter((other) => other !== id)
    }
  }
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
