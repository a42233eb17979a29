/**
 * Counts calls in plain numbers, on both ends, and tells the metrics of it once per heartbeat.
 *
 * @internal
 */
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Node } from "../node/node.js"
import type { Call } from "./client/call.js"

/** Latencies that are kept of a kind between two heartbeats; beyond that every call has the same chance. */
const kept = 256

/** What is counted of one kind, at one end. */
export class Tally {
  private outcomes = new Map<string, number>()
  private latencies: Array<number> = []
  private seen = 0
  inFlight = 0
  /** Nothing was counted since it was told. */
  private told = true

  began(): void {
    this.inFlight++
    this.told = false
  }

  /** `latency`: milliseconds; of a stream there is none. */
  ended(outcome: string, latency: number | undefined): void {
    this.inFlight--
    this.count(outcome)
    if (latency === undefined) return
    if (this.latencies.length < kept) this.latencies.push(latency)
    else {
      const place = this.seen % (kept * 7)
      if (place < kept) this.latencies[place] = latency
    }
    this.seen++
  }

  /** Something that was over as soon as it came. */
  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    this.told = false
  }

  tell({ counts, inFlight, latency }: Gauges, labels: ReadonlyArray<MetricLabel.MetricLabel>): void {
    if (this.told && this.inFlight === 0) return
    this.told = true
    for (const [outcome, count] of this.outcomes) {
      counts.unsafeUpdate(count, [...labels, MetricLabel.make("outcome", outcome)])
    }
    for (const millis of this.latencies) latency.unsafeUpdate(millis, labels)
    inFlight.unsafeUpdate(this.inFlight, labels)
    this.outcomes = new Map()
    this.latencies = []
    this.seen = 0
  }
}

interface Gauges {
  readonly counts: Metric.Metric.Counter<number>
  readonly latency: Metric.Metric.Histogram<number>
  readonly inFlight: Metric.Metric.Gauge<number>
}

const made: Gauges = {
  counts: PogoMetrics.calls,
  latency: PogoMetrics.callLatency,
  inFlight: PogoMetrics.callsInFlight
}

const served: Gauges = {
  counts: PogoMetrics.callsServed,
  latency: PogoMetrics.serveLatency,
  inFlight: PogoMetrics.callsServing
}

const tallyOf = (tallies: Map<string, Tally>, kind: string): Tally => {
  let tally = tallies.get(kind)
  if (tally === undefined) tallies.set(kind, tally = new Tally())
  return tally
}

/** @internal */
export class CallMeter {
  private readonly made = new Map<string, Tally>()
  private readonly served = new Map<string, Tally>()
  private connects = 0

  constructor(private readonly node: Node) {}

  private of({ id }: Call): Tally {
    return tallyOf(this.made, id.slice(0, id.indexOf("/")))
  }

  began(call: Call): void {
    this.of(call).began()
  }

  ended(call: Call, outcome: string): void {
    const latency = call.procedure.isStream ? undefined : this.node.ambient.now() - call.begun
    this.of(call).ended(outcome, latency)
  }

  /** Of the calls that children of a kind answer here. */
  serving(kind: string): Tally {
    return tallyOf(this.served, kind)
  }

  connected(): void {
    this.connects++
  }

  /** Tells the metrics. */
  flush(): void {
    const { name, scope } = this.node.config
    const labels = [MetricLabel.make("scope", scope), MetricLabel.make("node", name)]
    if (this.connects > 0) PogoMetrics.connections.unsafeUpdate(this.connects, labels)
    this.connects = 0
    for (const [kind, tally] of this.made) tally.tell(made, [...labels, MetricLabel.make("kind", kind)])
    for (const [kind, tally] of this.served) tally.tell(served, [...labels, MetricLabel.make("kind", kind)])
  }
}
