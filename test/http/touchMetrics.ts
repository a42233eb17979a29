/**
 * Metrics that have a value.
 */
import { Effect, MetricLabel } from "effect"
import { PogoMetrics } from "effect-pogo"

/** Has each metric of this package a series of its own. */
export const touchAll = (scope: string) =>
  Effect.sync(() => {
    const labels = [MetricLabel.make("scope", scope), MetricLabel.make("node", "n")]
    for (const metric of Object.values(PogoMetrics)) metric.unsafeUpdate(1, labels)
  })
