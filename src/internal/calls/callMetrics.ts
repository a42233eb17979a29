/**
 * The metrics of calls on one node, at both ends.
 *
 * @internal
 */
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Node } from "../node/node.js"
import type { Call } from "./client/call.js"

type MetricLabels = ReadonlyArray<MetricLabel.MetricLabel>

/** What is measured at one end. */
interface Measures {
  readonly outcomes: Metric.Metric.Counter<number>
  readonly latency: Metric.Metric.Histogram<number>
  readonly inFlight: Metric.Metric.Gauge<number>
}

const made: Measures = {
  outcomes: PogoMetrics.calls,
  latency: PogoMetrics.callLatency,
  inFlight: PogoMetrics.callsInFlight
}

const served: Measures = {
  outcomes: PogoMetrics.callsServed,
  latency: PogoMetrics.serveLatency,
  inFlight: PogoMetrics.callsServing
}

/**
 * The metrics of one kind, at one end. A metric finds its state by the identity of the labels that it is given, so these
 * are made once.
 */
export class KindMetrics {
  private readonly byOutcome = new Map<string, MetricLabels>()

  constructor(private readonly measures: Measures, private readonly labels: MetricLabels) {}

  began(): void {
    this.measures.inFlight.unsafeModify(1, this.labels)
  }

  /** `latency`: milliseconds; of a stream there is none. */
  ended(outcome: string, latency: number | undefined): void {
    this.measures.inFlight.unsafeModify(-1, this.labels)
    this.count(outcome)
    if (latency !== undefined) this.measures.latency.unsafeUpdate(latency / 1_000, this.labels)
  }

  /** Counts a call that was over as soon as it came. */
  count(outcome: string): void {
    let labels = this.byOutcome.get(outcome)
    if (labels === undefined) {
      labels = [...this.labels, MetricLabel.make("outcome", outcome)]
      this.byOutcome.set(outcome, labels)
    }
    this.measures.outcomes.unsafeUpdate(1, labels)
  }
}

/** The metrics of all calls that a node makes and serves. */
export class CallMetrics {
  private readonly made = new Map<string, KindMetrics>()
  private readonly served = new Map<string, KindMetrics>()
  private readonly labels: MetricLabels

  constructor(private readonly node: Node) {
    const { name, scope } = node.config
    this.labels = [MetricLabel.make("scope", scope), MetricLabel.make("node", name)]
  }

  private of(kinds: Map<string, KindMetrics>, measures: Measures, kind: string): KindMetrics {
    let metrics = kinds.get(kind)
    if (metrics === undefined) {
      metrics = new KindMetrics(measures, [...this.labels, MetricLabel.make("kind", kind)])
      kinds.set(kind, metrics)
    }
    return metrics
  }

  /** Of the calls that are made here to children of a kind. */
  private making({ id }: Call): KindMetrics {
    return this.of(this.made, made, id.slice(0, id.indexOf("/")))
  }

  /** Of the calls that children of a kind answer here. */
  serving(kind: string): KindMetrics {
    return this.of(this.served, served, kind)
  }

  began(call: Call): void {
    this.making(call).began()
  }

  ended(call: Call, outcome: string): void {
    const latency = call.procedure.isStream ? undefined : this.node.ambient.now() - call.begun
    this.making(call).ended(outcome, latency)
  }

  connected(): void {
    PogoMetrics.connections.unsafeUpdate(1, this.labels)
  }
}
