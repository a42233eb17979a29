/**
 * Counts what happens in plain numbers, and tells the metrics of it once per heartbeat: a metric costs more than most of
 * what it counts.
 *
 * @internal
 */
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Node } from "./node.js"

const counters = {
  starts: PogoMetrics.childStarts,
  restarts: PogoMetrics.childRestarts,
  failures: PogoMetrics.childFailures,
  moves: PogoMetrics.childMoves,
  overdue: PogoMetrics.childOverdue,
  fences: PogoMetrics.leasesLost,
  registryFailures: PogoMetrics.registryFailures
}

/** What is counted. */
export type Counted = keyof typeof counters

/** @internal */
export class Meter {
  private readonly counts = new Map<Counted, number>()
  private readonly labels: ReadonlyArray<MetricLabel.MetricLabel>

  constructor(private readonly node: Node) {
    const { name, scope } = node.config
    this.labels = [MetricLabel.make("scope", scope), MetricLabel.make("node", name)]
  }

  count(what: Counted): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  private set(gauge: Metric.Metric.Gauge<number>, value: number): void {
    gauge.unsafeUpdate(value, this.labels)
  }

  /** Tells the metrics. */
  flush(): void {
    for (const [what, count] of this.counts) counters[what].unsafeUpdate(count, this.labels)
    this.counts.clear()
    const { lease, session, supervisor, view } = this.node
    this.set(PogoMetrics.children, supervisor.children.size)
    this.set(PogoMetrics.scopeChildren, view.entries.size)
    this.set(PogoMetrics.nodes, view.membership.list.length)
    this.set(PogoMetrics.claims, session === undefined ? 0 : view.claimsOf(session.sid))
    this.set(PogoMetrics.leaseRemaining, Math.max(0, lease.given ? lease.remaining : 0))
  }
}
