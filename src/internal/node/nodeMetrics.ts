/**
 * When a node's metrics change: those that are counted by its children's stages, and those that are measured.
 *
 * @internal
 */
import type * as Metric from "effect/Metric"
import type * as MetricLabel from "effect/MetricLabel"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { View } from "../replica/replica.js"
import type { LocalChild } from "../supervisor/localChild.js"
import type { Lease, Session } from "./session.js"

/** Counts that a child has entered a stage. */
export const countStage = (child: LocalChild, count: (counter: Metric.Metric.Counter<number>) => void): void => {
  if (child.stage === "running") count(PogoMetrics.childStarts)
  else if (child.stage === "restarting" && child.next > 0) count(PogoMetrics.childRestarts)
  else if (child.stage === "stopping" && child.stopReason === "moved") count(PogoMetrics.childMoves)
  else if (child.stage === "overdue") count(PogoMetrics.childOverdue)
}

/** What is measured of a node. */
interface Measured {
  readonly lease: Lease
  readonly session: Session | undefined
  readonly supervisor: { readonly children: ReadonlyMap<string, unknown> }
  readonly view: View
}

/** Sets the gauges. */
export const measure = (
  { lease, session, supervisor, view }: Measured,
  labels: ReadonlyArray<MetricLabel.MetricLabel>
): void => {
  PogoMetrics.children.unsafeUpdate(supervisor.children.size, labels)
  PogoMetrics.nodes.unsafeUpdate(view.membership.list.length, labels)
  PogoMetrics.claims.unsafeUpdate(session === undefined ? 0 : view.claimsOf(session.sid), labels)
  PogoMetrics.leaseRemaining.unsafeUpdate(Math.max(0, lease.given ? lease.remaining : 0) / 1_000, labels)
}
