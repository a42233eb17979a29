/**
 * The gauges of the scope's children by status: what should run and does not.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import type { ChildStatus } from "../../ChildInfo.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import { tallyOf } from "../node/childStatus.js"
import type { Node } from "../node/node.js"
import type { Entry } from "../replica/replica.js"

/** Children that are counted before others have a turn: a few milliseconds of work. */
const slice = 2_000

/** Between two counts pass so many times as long as the one took. */
const rest = 50

const tags: ReadonlyArray<ChildStatus["_tag"]> = [
  "Running",
  "Starting",
  "Restarting",
  "Stopping",
  "Overdue",
  "Pending",
  "Failed"
]

/** Counts the children of one node's scope, whenever something has changed. */
export class ScopeGauges {
  private readonly labels: ReadonlyMap<string, ReadonlyArray<MetricLabel.MetricLabel>>
  /** What the last count was of. */
  private counted = ""
  /** Elapsed milliseconds until which there is no other one. */
  private restsUntil = -Infinity

  constructor(private readonly node: Node) {
    const { name, scope } = node.config
    this.labels = new Map(tags.map((tag) => [
      tag,
      [
        MetricLabel.make("scope", scope),
        MetricLabel.make("node", name),
        MetricLabel.make("status", tag.toLowerCase())
      ]
    ]))
  }

  /** Sets the gauges if they may be untrue; of very many children a moment later. */
  measure(): void {
    const { ambient, lease, phase, session, view } = this.node
    const state = `${session?.sid} ${session?.cursor} ${phase} ${lease.holds()} ${view.entries.size}`
    if (state === this.counted || ambient.now() < this.restsUntil) return
    this.counted = state
    const counts = new Map(tags.map((tag) => [tag, 0]))
    const entries = Array.from(view.entries.values())
    if (entries.length <= slice) return this.add(counts, entries, entries.length)
    this.restsUntil = Infinity
    this.node.fork(Effect.gen(this, function*() {
      for (let from = 0; from < entries.length; from += slice) {
        this.add(counts, entries.slice(from, from + slice), entries.length - from)
        yield* ambient.yieldTurn
      }
    }))
  }

  /** Counts some of those that are left. */
  private add(counts: Map<ChildStatus["_tag"], number>, entries: ReadonlyArray<Entry>, left: number): void {
    const begun = this.node.ambient.now()
    const holds = this.node.lease.holds()
    for (const entry of entries) {
      // One that was forgotten since has nothing to be told of.
      if (entry.spec === undefined && entry.claim === undefined) continue
      const { _tag } = tallyOf(this.node, entry, holds).status
      counts.set(_tag, counts.get(_tag)! + 1)
    }
    if (left > entries.length) return
    for (const [tag, labels] of this.labels) {
      PogoMetrics.scopeChildren.unsafeUpdate(counts.get(tag as ChildStatus["_tag"])!, labels)
    }
    const now = this.node.ambient.now()
    this.restsUntil = now + rest * (now - begun) * Math.ceil(this.node.view.entries.size / slice)
  }
}
