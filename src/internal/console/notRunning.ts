/**
 * How many children did not run, every ten seconds of the last hour: sampled from the gauges that are kept up anyway, so
 * that it costs next to nothing while nobody looks.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Node } from "../node/node.js"
import { statuses } from "./answers.js"

/** Time between two samples, and how many are kept. */
const pause = "10 seconds"
const most = 360

/** The samples of one node's scope. */
export class NotRunning {
  private samples: Array<number> = []
  private readonly labels: ReadonlyArray<ReadonlyArray<MetricLabel.MetricLabel>>

  constructor(private readonly node: Pick<Node, "config" | "view" | "phase">) {
    const { name, scope } = node.config
    this.labels = statuses.filter((status) => status !== "Running").map((status) => [
      MetricLabel.make("scope", scope),
      MetricLabel.make("node", name),
      MetricLabel.make("status", status.toLowerCase())
    ])
  }

  private readonly sample: Effect.Effect<void> = Effect.sync(() => {
    // Nothing was counted before it had joined.
    if (this.node.phase !== "active") return
    const count = this.labels.reduce(
      (sum, labels) => sum + PogoMetrics.scopeChildren.unsafeValue(labels).value,
      0
    )
    this.samples.push(Math.min(count, this.node.view.entries.size))
    if (this.samples.length > most) this.samples = this.samples.slice(-most)
  })

  /** Takes samples for as long as the scope lives. */
  readonly follow: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(
    Effect.forkScoped(Effect.repeat(this.sample, Schedule.spaced(pause)))
  )

  /** The samples, the oldest first, and what is the case now. */
  until(now: number): ReadonlyArray<number> {
    return [...this.samples.slice(1 - most), now]
  }
}
