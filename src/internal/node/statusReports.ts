/**
 * What the registry, and the log, are told of the stages of this node's children: at most once a second per child, and
 * nothing at all of stages that pass at once.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { formatStat } from "../registry/state.js"
import type { Entry } from "../replica/entry.js"
import type { LocalChild } from "../supervisor/child.js"
import { Lane } from "./batchSender.js"
import type { Node } from "./node.js"

/** Milliseconds between two reports, or two log lines, of one child. */
const interval = 1_000

/**
 * When very many children change all the time, so many are told of per turn, and after this pause in milliseconds the
 * next. It is one thousand a second: what they are worth to a reader.
 */
const turn = { reports: 100, pause: 100 }

/** Lines about crashes that a node logs within an interval, besides those of children that are not restarted. */
const maxLines = 20

/** @internal */
export class Reports {
  readonly lane = new Lane<LocalChild>()
  private readonly deferred = new Set<LocalChild>()
  private lines = { since: -Infinity, count: 0 }
  private waiting = false

  constructor(private readonly node: Node) {}

  /** A child is in another stage. */
  offer(child: LocalChild): void {
    const now = this.node.ambient.now()
    const urgent = child.stage !== "stopping" && now - child.reportedAt >= interval
    if (!urgent) return this.defer(child)
    child.reportedAt = now
    this.lane.offer(child.id, child)
  }

  /** Reports again what the registry does not know, or has lost. */
  ensure(child: LocalChild, entry: Entry): void {
    if (child.stage === "starting" || child.stage === "telling") return
    if (entry.stat?.startsWith(`${child.claim}:${child.stage}:`) !== true) this.offer(child)
  }

  private defer(child: LocalChild): void {
    this.deferred.add(child)
    if (this.waiting) return
    this.waiting = true
    this.node.fork(Effect.zipRight(Effect.sleep(interval), this.flush))
  }

  private readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.node.ambient.now()
    let told = 0
    for (const child of this.deferred) {
      if (told === turn.reports) return Effect.zipRight(Effect.sleep(turn.pause), this.flush)
      this.deferred.delete(child)
      if (this.node.supervisor.children.get(child.id) !== child) continue
      told++
      child.reportedAt = now
      this.lane.offer(child.id, child)
    }
    this.waiting = false
    return Effect.void
  })

  /** The statuses of a batch, as they are now; children that are no longer here are left out. */
  stats(batch: ReadonlyArray<readonly [id: string, child: LocalChild]>) {
    return batch
      .filter(([id, child]) => this.node.supervisor.children.get(id) === child)
      .map(([id, child]) => ({ id, token: child.claim, stat: formatStat(child.stat()) }))
  }

  /** Another line about a crash may be logged now. */
  private mayLog(now: number): boolean {
    if (now - this.lines.since >= interval) this.lines = { since: now, count: 0 }
    return this.lines.count++ < maxLines
  }

  /** Logs that a run has ended by itself. Children that crash all the time do not flood the log. */
  logExit(child: LocalChild, next: number | "ended" | "failed"): void {
    const now = this.node.ambient.now()
    if (typeof next === "number" && (now - child.loggedAt < interval || !this.mayLog(now))) {
      child.silentCrashes++
      return
    }
    const more = child.silentCrashes > 0 ? ` (and ${child.silentCrashes} more since the last line)` : ""
    child.loggedAt = now
    child.silentCrashes = 0
    this.node.fork(Effect.annotateLogs(exitLine(child, next, more), "child", child.id))
  }
}

const exitLine = (child: LocalChild, next: number | "ended" | "failed", more: string): Effect.Effect<void> => {
  if (next === "failed") {
    return Effect.logError(
      `child failed: its restart policy is spent, restartChild brings it back${more}: ${child.cause}`
    )
  }
  if (next === "ended") {
    return child.endedWell
      ? Effect.logDebug(`child ended${more}`)
      : Effect.logWarning(`child ended, and is not restarted${more}: ${child.cause}`)
  }
  return Effect.logWarning(`child ended; restart in ${Math.round(next)} ms${more}: ${child.cause}`)
}
