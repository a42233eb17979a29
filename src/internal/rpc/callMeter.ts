/**
 * Counts calls in plain numbers, and tells the metrics of it once per heartbeat.
 *
 * @internal
 */
import * as MetricLabel from "effect/MetricLabel"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Node } from "../node/node.js"
import type { Call } from "./call.js"

/** Latencies that are kept of a kind between two heartbeats; beyond that every call has the same chance. */
const kept = 256

interface Counts {
  readonly outcomes: Map<string, number>
  readonly latencies: Array<number>
  seen: number
  inFlight: number
}

const kindOf = (id: string): string => id.slice(0, id.indexOf("/"))

/** @internal */
export class CallMeter {
  private readonly kinds = new Map<string, Counts>()
  private connects = 0

  constructor(private readonly node: Node) {}

  private of(id: string): Counts {
    const kind = kindOf(id)
    let counts = this.kinds.get(kind)
    if (counts === undefined) {
      this.kinds.set(kind, counts = { outcomes: new Map(), latencies: [], seen: 0, inFlight: 0 })
    }
    return counts
  }

  began(call: Call): void {
    this.of(call.id).inFlight++
  }

  ended(call: Call, outcome: string): void {
    const counts = this.of(call.id)
    counts.inFlight--
    counts.outcomes.set(outcome, (counts.outcomes.get(outcome) ?? 0) + 1)
    const latency = this.node.ambient.now() - call.begun
    if (counts.latencies.length < kept) counts.latencies.push(latency)
    else {
      const place = counts.seen % (kept * 7)
      if (place < kept) counts.latencies[place] = latency
    }
    counts.seen++
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
    for (const [kind, counts] of this.kinds) {
      const ofKind = [...labels, MetricLabel.make("kind", kind)]
      for (const [outcome, count] of counts.outcomes) {
        PogoMetrics.calls.unsafeUpdate(count, [...ofKind, MetricLabel.make("outcome", outcome)])
      }
      for (const latency of counts.latencies) PogoMetrics.callLatency.unsafeUpdate(latency, ofKind)
      PogoMetrics.callsInFlight.unsafeUpdate(counts.inFlight, ofKind)
      if (counts.inFlight === 0) this.kinds.delete(kind)
      else Object.assign(counts, { outcomes: new Map(), latencies: [], seen: 0 })
    }
  }
}
