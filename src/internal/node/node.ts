/**
 * The state of one node: what its loops share. Each loop lives in a file of its own; the synchronous steps that several
 * of them take are here.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { GroupRegistry } from "../../GroupRegistry.js"
import type { Resolved } from "../../PogoConfig.js"
import * as PogoEvent from "../../PogoEvent.js"
import type { Watching } from "../observer.js"
import type { Condition } from "../plan/decide.js"
import { Moves } from "../plan/rebalance.js"
import { Agenda } from "../plan/workQueue.js"
import { nameOf, type NodeRecord } from "../replica/member.js"
import type { Score } from "../replica/placement.js"
import { View } from "../replica/replica.js"
import { Timers } from "../runtime/deadlines.js"
import type { Ambient } from "../runtime/environment.js"
import { Watchers } from "../runtime/listeners.js"
import type { Watch } from "../runtime/processTable.js"
import type { LocalChild } from "../supervisor/child.js"
import type { Registration } from "../supervisor/kindRegistration.js"
import { type Owner, Supervisor } from "../supervisor/supervisor.js"
import { Lane } from "./batchSender.js"
import { Lease } from "./lease.js"
import { Meter } from "./nodeMetrics.js"
import { Horizon } from "./registryClock.js"
import type { Session, SessionEnd } from "./session.js"
import { Reports } from "./statusReports.js"
import type { Timing } from "./timing.js"

/** What a node is made of. */
export interface Parts {
  readonly config: Resolved
  readonly ambient: Ambient
  readonly registry: GroupRegistry["Type"]
  readonly score: Score
  readonly random: string
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  readonly emit: (event: () => PogoEvent.PogoEvent) => void
  readonly exitProcess: (child: LocalChild) => void
  readonly observer: Watching
  /** It only calls, and runs no children. */
  readonly client: boolean
  readonly processes: Watch
}

/**
 * `joining`: no lease. `opening`: the lease holds, the registry's data set is new and has not taken this node in yet.
 * `syncing`: taken in, the view is not complete. `active`: all well. `closed`: no more.
 */
export type Phase = "joining" | "opening" | "syncing" | "active" | "closed"

/** A claim to be given back; `refused` names the code that could not run the child. */
export interface Release {
  readonly token: number
  readonly refused: string
}

/** The end of a child, to be told. */
export interface Finish {
  readonly child: LocalChild
  readonly how: "ended" | "failed"
}

/** @internal */
export class Node {
  readonly config: Resolved
  readonly timing: Timing
  readonly ambient: Ambient
  readonly registry: GroupRegistry["Type"]
  readonly fork: Parts["fork"]
  readonly emit: Parts["emit"]
  readonly score: Score
  readonly processes: Watch

  readonly lease: Lease
  readonly horizon: Horizon
  readonly view: View
  readonly agenda: Agenda
  readonly supervisor: Supervisor
  readonly kinds = new Map<string, Registration>()
  readonly releases = new Lane<Release>()
  readonly finishes = new Lane<Finish>()
  readonly moves: Moves
  readonly reports: Reports
  readonly meter: Meter
  readonly timers: Timers

  /** It only calls, and is no member of the scope. */
  readonly client: boolean
  private currentPhase: Phase = "joining"
  /** Unreadable records that were reported. */
  private readonly reported = new Set<string>()
  session: Session | undefined
  /** The era that was last heard of. */
  era = ""
  /** The era in which the claims of this node's children were last established. */
  claimsEra = ""
  /** The session that the registry knew last. */
  lastSid = ""
  /** What was wrong when the registry could not be joined last. */
  joinProblem = ""
  /** How often the lease was lost. */
  fences = 0
  cordoned = false
  draining = false
  twin = false
  /** Where others reach this node; empty if they cannot. */
  address = ""
  /** Version of this node's record, and the version that the registry has. */
  recordVersion = 1
  publishedVersion = 0
  readonly recordChanged = Effect.unsafeMakeLatch(false)
  /** Opened while the lease is given, for whoever waits for its end. */
  readonly leaseGiven = Effect.unsafeMakeLatch(false)
  /** Elapsed milliseconds of the last change of the membership that may move children. */
  placementChangedAt = -Infinity
  /** A fiber waits for the membership to be quiet. */
  debouncing = false
  /** Elapsed milliseconds since when no work of this node has got through, though renewals may have. */
  workFailingSince: number | undefined
  /** Called when something about a child is new. */
  readonly watchers = new Watchers(() => this.session?.press())
  /** Called when a child's fiber has ended after a stop. */
  readonly onStopped = new Set<() => void>()
  /** Called when the membership is another. */
  readonly onMembers = new Set<() => void>()
  /** Called when the log has been read up to what was heard of. */
  readonly onLooked = new Set<() => void>()
  /** Called once per heartbeat, for metrics. */
  readonly onFlush = new Set<() => void>()
  /** Called when the phase is another. */
  readonly onPhase = new Set<() => void>()

  constructor(parts: Parts) {
    this.config = parts.config
    this.timing = parts.config.timing
    this.ambient = parts.ambient
    this.registry = parts.registry
    this.fork = parts.fork
    this.emit = parts.emit
    this.score = parts.score
    this.client = parts.client
    this.processes = parts.processes
    this.lease = new Lease(this.timing, parts.ambient)
    this.horizon = new Horizon(parts.config.scope, this.timing, parts.ambient, parts.random)
    this.view = new View(parts.score, parts.ambient.now, {
      changed: (id) => this.touched(id),
      moved: (id, from, { sid, token }) => this.moved(id, nameOf(from), nameOf(sid), token),
      foreign: (id, part) => this.foreign(id, part)
    })
    this.agenda = new Agenda(() => this.everything())
    this.moves = new Moves(
      this.config.moveParallel,
      this.timing.moveDebounce,
      this.ambient,
      (effect) => void this.fork(effect),
      () => this.agenda.postponed,
      () => this.resumeMoves()
    )
    this.reports = new Reports(this)
    this.meter = new Meter(this)
    this.timers = new Timers(this.ambient.now, this.fork)
    this.supervisor = new Supervisor(this.owner(parts))
  }

  private owner(parts: Parts): Owner {
    return {
      nodeName: parts.config.name,
      ambient: parts.ambient,
      leaseHolds: () => this.lease.holds(),
      fork: parts.fork,
      emit: parts.emit,
      exitProcess: parts.exitProcess,
      observer: parts.observer,
      changed: (child) => {
        this.meterStage(child)
        this.reports.offer(child)
        this.notify(child.id)
      },
      stopped: (child) => {
        this.moves.ended(child.id)
        this.touched(child.id)
        for (const listener of this.onStopped) listener()
      },
      finished: (child, how) => {
        if (how === "failed") this.meter.count("failures")
        this.finishes.offer(child.id, { child, how })
        this.notify(child.id)
      },
      exited: (child, next) => this.reports.logExit(child, next)
    }
  }

  private meterStage(child: LocalChild): void {
    if (child.stage === "running") this.meter.count("starts")
    else if (child.stage === "restarting" && child.next > 0) this.meter.count("restarts")
    else if (child.stage === "stopping" && child.stopReason === "moved") this.meter.count("moves")
    else if (child.stage === "overdue") this.meter.count("overdue")
  }

  /** All ids that there is anything to decide about. */
  private *everything(): Generator<string, void> {
    yield* this.supervisor.children.keys()
    yield* this.view.entries.keys()
  }

  /** Something about a child is new: the plan is to look at it, and so is whoever waits for it. */
  touched(id: string): void {
    if (!this.client) this.agenda.add(id)
    this.notify(id)
    this.moves.touched(id, () => this.hasArrived(id))
  }

  /** It runs here, or another has claimed it, or there is nothing to claim any more. */
  private hasArrived(id: string): boolean {
    const child = this.supervisor.children.get(id)
    if (child !== undefined) return !child.ending
    const entry = this.view.entries.get(id)
    const { claim, spec } = entry ?? {}
    return spec === undefined || (claim !== undefined && claim.sid !== this.session?.sid)
  }

  private notify(id: string): void {
    const entry = this.view.entries.get(id)
    if (entry !== undefined) entry.row = undefined
    this.watchers.tell(id)
  }

  private moved(id: string, from: string, to: string, token: number): void {
    if (from !== to) this.emit(() => PogoEvent.ChildMoved({ id, from, to, token: BigInt(token) }))
  }

  private foreign(id: string, part: string): void {
    if (this.reported.has(`${part} ${id}`)) return
    this.reported.add(`${part} ${id}`)
    this.emit(() => PogoEvent.ForeignData({ id, part }))
    this.fork(Effect.logWarning(
      `the ${part} stored for "${id}" is not readable by this version; it is left alone and its child is not run here`
    ))
  }

  get phase(): Phase {
    return this.currentPhase
  }

  enter(phase: Phase): void {
    this.currentPhase = phase
    for (const listener of this.onPhase) listener()
    if (phase === "closed") this.watchers.tellAll()
  }

  /** Running children may move away now. */
  get movesOpen(): boolean {
    return this.moves.free > 0 &&
      this.ambient.now() >= this.placementChangedAt + this.timing.moveDebounce
  }

  /** Looks at as many children that are to move as may move now. */
  resumeMoves(): void {
    if (this.agenda.postponed === 0) return
    this.moves.adjust()
    if (this.movesOpen) this.agenda.resume(this.moves.free)
  }

  /** The lease holds, and the view is complete. */
  get active(): boolean {
    return this.phase === "active" && this.lease.holds()
  }

  /** What the plan needs to know, as of now. */
  condition(session: Session): Condition {
    const { list } = this.view.membership
    const open = () => this.movesOpen
    return {
      sid: session.sid,
      active: this.active && this.session === session,
      cordoned: this.cordoned,
      draining: this.draining,
      quarantined: this.ambient.now() < session.quarantineUntil,
      get movesOpen() {
        return open()
      },
      hasKind: (kind) => this.kinds.has(kind),
      isLive: (sid) => this.view.membership.isLive(sid),
      homeOf: (entry) => this.view.membership.homeOf(entry),
      keeper: list[0]?.sid
    }
  }

  /** What this node says of itself. */
  record(): NodeRecord {
    const kinds = Object.fromEntries(Array.from(this.kinds, ([kind, { code }]) => [kind, code]))
    const { labels, name, watchProcesses, weight } = this.config
    const { address, cordoned, draining, twin } = this
    const process = watchProcesses ? this.processes.self : undefined
    return { name, weight, labels, kinds, cordoned, draining, joining: this.phase !== "active", twin, process, address }
  }

  /** The record is another: it is to be published. */
  recordIsNew(): void {
    this.recordVersion++
    this.recordChanged.unsafeOpen()
  }

  /** The registry's data set is another one. Claims are asserted anew if the lease holds, else all stops. */
  meetEra(session: Session, era: string): void {
    if (session.over) return
    this.era = era
    if (!this.lease.holds()) return this.fence("the registry's data set changed, and the lease had run out")
    this.enter("opening")
    this.leave(session, "era")
    this.emit(() => PogoEvent.EraChanged({ node: this.config.name, session: session.sid }))
  }

  /** The lease is over: no child may go on as the holder of a claim. */
  fence(reason: string): void {
    if (!this.lease.given) return
    this.lease.revoke()
    this.leaseGiven.unsafeClose()
    this.fences++
    this.meter.count("fences")
    for (const child of Array.from(this.supervisor.children.values())) this.fenceChild(child)
    if (this.phase !== "closed") this.enter("joining")
    this.emit(() => PogoEvent.LeaseLost({ node: this.config.name, session: this.lastSid, reason }))
    this.fork(Effect.logWarning(
      `lease lost: ${reason}; this node's children are stopped, and run elsewhere or here again as soon as a node can ` +
        `reach the registry`
    ))
    if (this.session !== undefined) this.leave(this.session, "fenced")
  }

  private fenceChild(child: LocalChild): void {
    if (child.staysOnLoss && !child.ending) {
      child.unverified = true
      return
    }
    this.supervisor.revoke(child)
    this.supervisor.stop(child, "fenced", Math.min(this.timing.stopBudget, child.graceMillis))
  }

  /** Ends a session. What was to be given back under it is void. */
  leave(session: Session, how: SessionEnd): void {
    if (this.session === session) this.session = undefined
    this.releases.clear()
    session.end(how)
  }
}
