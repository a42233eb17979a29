/**
 * What many histories add up to, and what there is to say about one that failed.
 */
import type { EventType } from "./plan.js"
import { shrink } from "./shrink.js"
import { type Outcome, play, type PlayOptions } from "./simulation.js"
import { Stats } from "./stats.js"

export class Totals {
  readonly stats = new Stats()
  readonly settled: Array<number> = []
  histories = 0
  failed = 0
  steps = 0
  /** Virtual milliseconds. */
  virtual = 0
  /** Milliseconds of this machine. */
  real = 0

  add({ duration, failure, plan, settled, stats, steps }: Outcome, real: number): void {
    this.histories++
    this.steps += steps
    this.virtual += duration
    this.real += real
    this.settled.push(settled)
    this.stats.add(stats)
    if (failure !== undefined) this.failed++
    const { nodes } = plan
    if (new Set(nodes.map(({ code }) => code)).size > 1) this.stats.count("history: two versions of code at once")
    if (nodes.some(({ rate }) => rate < 0.98 || rate > 1.02)) this.stats.count("history: a clock beyond the assumption")
    if (plan.calls !== undefined) this.stats.count("history: children are called")
    if (plan.directives === true) this.stats.count("history: directives are given")
    if (plan.states === true) this.stats.count("history: children have states")
    if (plan.sets === true) this.stats.count("history: sets are reconciled")
    if (plan.lists !== undefined) this.stats.count("history: lists are whole sets")
    if (plan.rollouts !== undefined) this.stats.count("history: revisions are rolled out")
    if (plan.rollouts?.clean === true) this.stats.count("history: revisions are rolled out, and nothing else happens")
    if (nodes.some(({ unaware }) => unaware === true)) this.stats.count("history: a node does not know revisions")
    if (nodes.some(({ older }) => older === true)) this.stats.count("history: a node does not know directives")
    if (plan.slowStops > 0) this.stats.count("history: stops beyond the budget")
    if (plan.disorder.window > 1) this.stats.count("history: order of tasks shuffled")
    if (plan.ids.length > 200) this.stats.count("history: more children than one batch")
    for (const { fate } of nodes) this.stats.count(`end: a node is ${fate}`)
  }

  lines(): ReadonlyArray<string> {
    const { failed, histories, real, settled, stats, steps, virtual } = this
    const sorted = settled.toSorted((a, b) => a - b)
    const hours = (virtual / 3_600_000).toFixed(1)
    return [
      `${histories} histories, ${steps} steps, ${hours} virtual hours, ${
        (real / histories).toFixed(1)
      } s per 1,000: ${failed} failed`,
      `settled after the last fault: p50 ${sorted[histories >> 1]} ms, slowest ${sorted.at(-1)} ms`,
      ...Object.entries(stats.toJSON()).map(([what, times]) => `  ${what}: ${times}`)
    ]
  }
}

/** Every fault that a plan can name. */
export const faults: ReadonlyArray<Exclude<EventType, "call" | "direct" | "reconcile">> = [
  "crash",
  "stop",
  "freeze",
  "slow",
  "cut",
  "deaf",
  "cordon",
  "drain",
  "twin",
  "kind",
  "deploy",
  "wall",
  "pause",
  "jump",
  "server",
  "lose",
  "copy",
  "rollback",
  "key"
]

const lastLines = 80

/** A failure as people want to read it: how to see it again, and the shortest history that shows it. */
export const explain = (failed: Outcome, options: PlayOptions = {}, plays = 150): string => {
  const { failure, plan } = failed
  const small = shrink(failed, options, plays)
  const { lines } = play(small.plan, { ...options, trace: true })
  const shown = lines.length > lastLines ? ["...", ...lines.slice(-lastLines)] : lines
  return [
    `seed ${plan.seed}: ${failure?.check} (at ${Math.round(failure?.at ?? 0)} ms): ${failure?.message}`,
    `again: npm run simulate -- --seed ${plan.seed}${plan.calls === undefined ? "" : " --calls"}${
      plan.directives === true ? " --directives" : ""
    }${plan.sets === true ? " --sets" : ""}${plan.lists === undefined ? "" : " --lists"}${
      plan.states === true ? " --states" : ""
    }${plan.rollouts === undefined ? "" : " --rollouts"}`,
    `smaller: ${small.plan.nodes.length} nodes, ${small.plan.ids.length} children, ${small.plan.events.length} events:`,
    ...(small.plan.calls?.made ?? []).map((call) => `  ${JSON.stringify(call)}`),
    ...small.plan.events.map((event) => `  ${JSON.stringify(event)}`),
    ...shown.map((line) => line.slice(0, 400))
  ].join("\n")
}
