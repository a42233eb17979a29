/**
 * The log's lines about children: how their runs end, which of them wait for what, which come from other nodes and go
 * there. However much happens, the lines are few: what is beyond them is counted, with the first ids.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import * as PogoEvent from "../../PogoEvent.js"
import { nameOf } from "../registry/sessionNames.js"
import type { View } from "../replica/replica.js"
import { type Ambient, lastMoment } from "../runtime/environment.js"
import { logDebug, logError, logInfo, logWarning } from "../runtime/userCode.js"
import type { LocalChild } from "../supervisor/localChild.js"
import type { AfterRun } from "../supervisor/owner.js"
import type { Ending } from "./outbox.js"

/** Milliseconds between two lines about the crashes of one child, and between two lines of one kind of news. */
const interval = 1_000

/** Lines about single children that a node logs within an interval. */
const maxLines = 20

/** Ids that a line about several children names. */
const named = 5

/** A kind of news: one line tells it of all the children that it concerns. */
interface News {
  readonly log: (line: string) => Effect.Effect<void>
  readonly say: (count: number) => string
}

const children = (count: number): string => (count === 1 ? "1 child" : `${count} children`)

/** News of children beyond the lines that there are for single ones. `what`: good for one, and for several. */
const more = (log: News["log"], what: string): News => ({
  log,
  say: (count) => `${count} more ${count === 1 ? "child" : "children"} ${what}`
})

const moreNews = {
  /** By their runs: a child may crash often within a second. */
  crashed: {
    log: logWarning,
    say: (count: number) => `${count} more ${count === 1 ? "run" : "runs"} ended; their children are restarted`
  },
  ended: more(logWarning, "ended with a failure, and without a restart"),
  failed: more(logError, "failed; restartChild brings back what is mended"),
  heldBack: more(logWarning, "held back from this node's revision, which could not run them"),
  foreign: more(logWarning, "of which what is stored is not readable by this version"),
  overdue: more(logWarning, "overdue, which do not end in time"),
  refused: more(logError, "with a payload that does not decode with this node's version of the kind"),
  slow: more(logWarning, "not restarted yet, whose restart schedules have not answered"),
  unplaced: more(logError, "without a score by the placement")
}

/** The children of one kind of news. */
interface Group {
  count: number
  readonly first: Array<string>
}

const lineOf = ({ log, say }: News, { count, first }: Group): Effect.Effect<void> => {
  const rest = count > first.length ? ", .." : ""
  return log(`${say(count)}: ${first.join(", ")}${rest}`)
}

/** What the log needs of its node. */
export interface Chronicler {
  readonly ambient: Ambient
  readonly fork: (effect: Effect.Effect<void>, options?: Runtime.RunForkOptions) => unknown
  readonly client: boolean
  readonly config: { readonly name: string; readonly revision: string }
  readonly session: { readonly sid: string } | undefined
  readonly supervisor: { readonly children: ReadonlyMap<string, unknown> }
  readonly view: View
}

/** A child without a score on a node, as an event tells it. */
type Unplaced = Parameters<typeof PogoEvent.ChildUnplaced>[0]

type Emit = (event: () => PogoEvent.PogoEvent) => void

const about = (id: string, line: Effect.Effect<void>): Effect.Effect<void> => Effect.annotateLogs(line, "child", id)

/** What one node logs of children. */
export class ChildLog {
  /** Children that became overdue, and have no line yet. */
  private readonly overdue: Array<LocalChild> = []
  /** Children without a score since the membership changed, and what was told of them. */
  private readonly unplaced = new Map<string, string>()
  /** Records that cannot be read, and were told. */
  private readonly unreadable = new Set<string>()
  private lines = { since: -Infinity, count: 0 }
  private groups = new Map<News, Group>()
  /** The news of children that change their nodes, by what they say. */
  private readonly moves = new Map<string, News>()
  /** Time of the last lines about several children. Elapsed milliseconds. */
  private toldAt = -Infinity

  constructor(private readonly node: Chronicler) {}

  private mayLog(): boolean {
    const now = this.node.ambient.now()
    if (now - this.lines.since >= interval) this.lines = { since: now, count: 0 }
    return this.lines.count++ < maxLines
  }

  /** Writes a line about one child, or counts it where there are too many. */
  private write(id: string, line: Effect.Effect<void>, beyond: News): void {
    if (this.mayLog()) this.node.fork(about(id, line))
    else this.gather(beyond, id)
  }

  /** Has a child counted in the next line of a kind of news. */
  private gather(news: News, id: string): void {
    let group = this.groups.get(news)
    if (group === undefined) this.groups.set(news, group = { count: 0, first: [] })
    group.count++
    if (group.first.length < named && !group.first.includes(id)) group.first.push(id)
  }

  /**
   * Writes what has been gathered, once per interval at most; `now`: in any case. Each line is written at once and by a
   * scheduler of its own, so that it takes no turn and no time from what the node does.
   */
  tell(now = false): void {
    const at = this.node.ambient.now()
    if (this.groups.size === 0 || (!now && at - this.toldAt < interval)) return
    const { groups } = this
    this.groups = new Map()
    this.moves.clear()
    this.toldAt = at
    const scheduler = new Scheduler.SyncScheduler()
    for (const [news, group] of groups) this.node.fork(lineOf(news, group), { scheduler })
    scheduler.flush()
  }

  /** A run ended by itself. Crash loops do not flood the log. */
  exited(child: LocalChild, next: AfterRun): void {
    if (typeof next === "number") {
      const now = this.node.ambient.now()
      if (now - child.loggedAt < interval) {
        child.silentCrashes++
        return
      }
      if (!this.mayLog()) {
        child.silentCrashes++
        return this.gather(moreNews.crashed, child.id)
      }
      child.loggedAt = now
    }
    const silent = child.silentCrashes > 0 ? ` (and ${child.silentCrashes} more since the last line)` : ""
    child.silentCrashes = 0
    const line = next === "heldBack"
      ? heldBackLine(child, this.node.config.revision, silent)
      : exitLine(child, next, silent)
    if (typeof next === "number" || (next === "ended" && child.endedWell)) this.node.fork(about(child.id, line))
    else this.write(child.id, line, moreNews[next])
  }

  /** Children are overdue: each has a line by its id, and of very many at a time the rest are counted. */
  becameOverdue(child: LocalChild): void {
    this.overdue.push(child)
    if (this.overdue.length === 1) this.node.fork(Effect.zipRight(this.node.ambient.yieldTurn, this.flushOverdue))
  }

  private readonly flushOverdue: Effect.Effect<void> = Effect.suspend(() => {
    const all = this.overdue.splice(0)
    const single = all.filter((child) => {
      const may = this.mayLog()
      if (!may) this.gather(moreNews.overdue, child.id)
      return may
    })
    return Effect.forEach(single, overdueLine, { discard: true })
  })

  /** The placement has no score for a child: told once while the membership stays. */
  unscored(news: Unplaced, emit: Emit): void {
    const { id, on, reason } = news
    if (this.unplaced.get(id) === reason) return
    this.unplaced.set(id, reason)
    emit(() => PogoEvent.ChildUnplaced(news))
    this.write(id, logError(`child cannot be placed on ${on}: ${reason}`), moreNews.unplaced)
  }

  /** The membership is another: what cannot be placed now is told anew. */
  placementChanged(): void {
    this.unplaced.clear()
  }

  /** A record cannot be read: told once. */
  foreign(id: string, part: string, emit: Emit): void {
    if (this.unreadable.has(`${part} ${id}`)) return
    this.unreadable.add(`${part} ${id}`)
    emit(() => PogoEvent.ForeignData({ id, part }))
    const line = logWarning(
      `the ${part} stored for "${id}" is not readable by this version; it is left alone and its child is not run here`
    )
    this.write(id, line, moreNews.foreign)
  }

  /** A child waits for its own code for long. */
  slow({ id }: LocalChild, what: string): void {
    this.write(id, logWarning(`child is not restarted yet: ${what}`), moreNews.slow)
  }

  /** A child's payload cannot be read by this node's code. */
  refused(id: string, reason: string): void {
    const line = logError(
      `payload does not decode with this node's version of the kind, the child is left to others: ${reason}`
    )
    this.write(id, line, moreNews.refused)
  }

  /** The registry has parked a child, whose owners died too often. */
  parked(id: string, cause: string): void {
    const line = logError(`child failed: ${cause}; restartChild brings it back, when its code is mended`)
    this.write(id, line, moreNews.failed)
  }

  /**
   * A claim is another session's than before; of those that concern this node it is told where they came from, and went.
   * `wasHeld`: whether the former session was not seen to give it back.
   */
  moved(id: string, from: string, to: string, wasHeld: boolean): void {
    const { client, config: { name }, session, supervisor } = this.node
    if (client || session === undefined) return
    const [former, next] = [nameOf(from), nameOf(to)]
    if (to === session.sid) {
      // In a new data set a node has new claims of what it runs all the time.
      if (supervisor.children.has(id)) return
      const how = this.hasDied(id, from, wasHeld) ? "lease ended" : "handed over"
      if (former === name) this.move(id, (count) => `took ${children(count)} again, after this node's lease had ended`)
      else this.move(id, (count) => `took ${children(count)} of ${former} (${how})`)
    } else if (from === session.sid) this.move(id, (count) => `gave ${children(count)} to ${next}`)
    else if (former === name && next !== name) {
      this.move(id, (count) => `${next} took ${children(count)} of this node (lease ended)`)
    }
  }

  /** Whether a claim was free since its session had ended. That of a child on trial is removed before it is granted. */
  private hasDied(id: string, sid: string, wasHeld: boolean): boolean {
    const { entries, membership } = this.node.view
    return !membership.isLive(sid) && (wasHeld || entries.get(id)?.trial !== undefined)
  }

  /** A child stores its state very often. */
  savesOften({ id }: LocalChild): void {
    const line = "child stores its state more than ten times a second: each is a write to the registry; gather them"
    this.node.fork(about(id, logWarning(line)))
  }

  /** A child's state is refused: another owner, with a higher token, has stored one. */
  overtaken({ id }: LocalChild): void {
    const line =
      "another owner has stored this child's state under a higher token: it is stopped, and goes on from that"
    this.node.fork(about(id, logWarning(line)))
  }

  /** The state that a child had stored is lost. */
  stateLost(id: string): void {
    const line = "the state that this child had stored was lost with the registry's data: it begins without one"
    this.node.fork(about(id, logWarning(line)))
  }

  /** A child that had run, nobody knows where, has been claimed by this node. */
  found(id: string): void {
    this.move(id, (count) => `took ${children(count)} that nobody held`)
  }

  private move(id: string, say: News["say"]): void {
    const key = say(0)
    let news = this.moves.get(key)
    if (news === undefined) this.moves.set(key, news = { log: logInfo, say })
    this.gather(news, id)
  }
}

const overdueLine = ({ id, overdue }: LocalChild): Effect.Effect<void> =>
  about(
    id,
    logWarning(
      `child is overdue: ${overdue}; it keeps its claim until it has ended, and nothing but the end of the process ` +
        `(onOverdue: "exit") can end it sooner`
    )
  )

const heldBackLine = ({ cause }: LocalChild, revision: string, silent: string): Effect.Effect<void> =>
  logWarning(
    `child is held back from revision "${revision}", which cannot run it${silent}: nodes of another revision run it as ` +
      `long as there are any; a newer revision tries it by itself, and restartChild has "${revision}" try again: ${cause}`
  )

const exitLine = (child: LocalChild, next: number | Ending, silent: string): Effect.Effect<void> => {
  if (next === "failed") {
    return logError(
      `child failed: its restart policy is spent, restartChild brings it back${silent}: ${child.cause}`
    )
  }
  if (next === "ended") {
    return child.endedWell
      ? logDebug(`child ended${silent}`)
      : logWarning(`child ended, and is not restarted${silent}: ${child.cause}`)
  }
  const then = child.next < lastMoment ? `restart in ${Math.round(next)} ms` : "its restart schedule waits for ever"
  return logWarning(`child ended; ${then}${silent}: ${child.cause}`)
}
