/**
 * One node: the parts that its loops share, put together, and the synchronous steps that several loops take.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { ChildId } from "../../ChildSpec.js"
import type { GroupRegistry } from "../../GroupRegistry.js"
import type { Resolved } from "../../PogoConfig.js"
import * as PogoEvent from "../../PogoEvent.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { Registration } from "../kind/registration.js"
import type { Condition } from "../plan/decide.js"
import { Moves } from "../plan/rebalance.js"
import { WorkQueue } from "../plan/workQueue.js"
import { nameOf } from "../registry/sessionNames.js"
import type { ClaimRecord } from "../registry/state.js"
import type { Timing } from "../registry/timing.js"
import type { Score } from "../replica/candidates.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import { type Entry, View } from "../replica/replica.js"
import { type Ambient, makeRetries, Timers, Watchers } from "../runtime/environment.js"
import { Pauses, seconds, Sparing } from "../runtime/pauses.js"
import type { Watch } from "../runtime/processTable.js"
import { logWarning } from "../runtime/userCode.js"
import type { LocalChild } from "../supervisor/localChild.js"
import type { Owner, RunObserver } from "../supervisor/owner.js"
import { Supervisor } from "../supervisor/supervisor.js"
import { AwaitedMembers } from "./awaitedMembers.js"
import { Capacity } from "./capacity.js"
import { ChildLog } from "./childLog.js"
import { ClosingTime } from "./closingTime.js"
import { Freshness } from "./freshness.js"
import { returning } from "./heldBack.js"
import { countStage, measure } from "./nodeMetrics.js"
import { Outbox } from "./outbox.js"
import { OwnRecord } from "./ownRecord.js"
import { RegistryClock } from "./registryRequest.js"
import { Rollout } from "./rollout.js"
import { EraState, Lease, type Phase, type Session, type SessionEnd } from "./session.js"
import { StateStore } from "./stateStore.js"
import { exitOnPurpose, TrialState } from "./trialState.js"

/** What counts as a pause of the process, as a share of `ttl`: what the margin allows for. */
const toleratedPause = 1 / 15

/** Least time between two lines about commands that timed out. Milliseconds. */
const timeoutLines = 10_000

/** What a node is made of. */
export interface Parts {
  readonly config: Resolved
  readonly ambient: Ambient
  readonly registry: GroupRegistry["Type"]
  readonly score: Score
  /** Random text that names this node's requests. */
  readonly random: string
  readonly fork: <A, E>(effect: Effect.Effect<A, E>, options?: Runtime.RunForkOptions) => Fiber.RuntimeFiber<A, E>
  readonly events: PubSub.PubSub<PogoEvent.PogoEvent>
  readonly exitProcess: (child: LocalChild) => void
  readonly observer: RunObserver
  /** Whether the node only gives commands: it runs no children, and is no member of the scope. */
  readonly client: boolean
  readonly processes: Watch
}

/** The first value, now or later, of which `meets` is true. */
const firstOf = <A>(ref: SubscriptionRef.SubscriptionRef<A>, meets: (value: A) => boolean): Effect.Effect<A> =>
  ref.changes.pipe(Stream.filter(meets), Stream.runHead, Effect.map(Option.getOrThrow), Effect.interruptible)

/** One node of a scope, or a client. */
export class Node {
  readonly config: Resolved
  readonly timing: Timing
  readonly ambient: Ambient
  readonly registry: GroupRegistry["Type"]
  readonly fork: Parts["fork"]
  readonly score: Score
  readonly processes: Watch
  readonly client: boolean

  /** Until when the node may be believed alive. */
  readonly lease: Lease
  /** In which data set its claims stand. */
  readonly era = new EraState()
  /** What it says of itself. */
  readonly own: OwnRecord
  /** How old its news are. */
  readonly freshness: Freshness
  /** Until when its requests may take effect. */
  readonly clock: RegistryClock
  /** What it knows of the scope. */
  readonly view: View
  /** Children that the plan is to look at. */
  readonly workQueue: WorkQueue
  /** Trials of children whose processes died soon after they had started. */
  readonly trials: TrialState
  /** Children on their way to other nodes. */
  readonly moves: Moves
  /** The children that run here. */
  readonly supervisor: Supervisor
  /** How many children it takes. */
  readonly capacity: Capacity
  /** Its part in rollouts of other revisions. */
  readonly rollout: Rollout
  /** The kinds whose layers are built here. */
  readonly kinds = new Map<string, Registration>()
  /** Further registrations of those kinds, by the same layers built again, in order. */
  readonly spareKinds = new Map<string, ReadonlyArray<Registration>>()
  /** What the registry is still to be told of the children here. */
  readonly outbox: Outbox
  /** The states of the children here. */
  readonly states: StateStore
  /** What the log says of children. */
  readonly childLog: ChildLog
  readonly timers: Timers
  /** Members for whom children without an owner wait. */
  private readonly awaited: AwaitedMembers
  /** What is known of pauses of the process. */
  readonly pauses: Pauses
  private readonly timeouts: Sparing
  /** How long its closing may take. */
  readonly closingTime: ClosingTime
  /** How its loops try again what failed. */
  readonly retries: ReturnType<typeof makeRetries>

  private currentPhase: Phase = "joining"
  /** The phase, for those who wait for another. */
  private readonly phases = Effect.runSync(SubscriptionRef.make<Phase>("joining"))
  /** The live nodes of the scope, for those who follow their changes. */
  readonly members = Effect.runSync(SubscriptionRef.make<ReadonlyArray<ScopeMember>>([]))
  private currentSession: Session | undefined
  /** Elapsed milliseconds of the last change of the membership that may move children. */
  private placementChangedAt = -Infinity
  /** Whether a fiber waits for the membership to be quiet. */
  private debouncing = false
  private readonly hub: PubSub.PubSub<PogoEvent.PogoEvent>
  /** How many subscribe to events. */
  private subscribers = 0
  private readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  /** Why the registry could not be joined last; empty if it could. Written by `join`. */
  joinProblem = ""

  /** Called when something about a child is new, the phase and the membership included. */
  readonly watchers = new Watchers(() => this.session?.readAtOnce())
  /** Called when a child's fiber has ended after a stop. */
  readonly onStopped = new Set<() => void>()
  /** Called when the log has been read up to what was heard of. */
  readonly onRead = new Set<() => void>()

  constructor(parts: Parts) {
    this.config = parts.config
    this.timing = parts.config.timing
    this.ambient = parts.ambient
    this.registry = parts.registry
    this.fork = parts.fork
    this.hub = parts.events
    this.score = parts.score
    this.client = parts.client
    this.processes = parts.processes
    this.labels = [MetricLabel.make("scope", this.config.scope), MetricLabel.make("node", this.config.name)]
    this.lease = new Lease(this.timing, parts.ambient)
    this.own = new OwnRecord(this)
    this.freshness = new Freshness(this.timing, parts.ambient.now())
    this.clock = new RegistryClock(parts.config.scope, this.timing, parts.ambient, parts.random, parts.config)
    this.view = new View(parts.score, parts.ambient.now, {
      changed: (id) => this.touched(id),
      moved: (id, from, claim, wasHeld) => this.moved(id, from, claim, wasHeld),
      foreign: (id, part) => this.childLog.foreign(id, part, this.emit),
      unscored: (id, on, reason) =>
        this.childLog.unscored({ id: id as ChildId, node: this.config.name, on, reason }, this.emit)
    })
    this.workQueue = new WorkQueue(() => this.everything())
    this.moves = new Moves(
      this.config.moveParallel,
      this.timing.moveDebounce,
      this.ambient,
      (effect) => void this.fork(effect),
      () => this.workQueue.postponed,
      () => this.resumeMoves()
    )
    this.trials = new TrialState(this.timing.ttl)
    this.outbox = new Outbox(this)
    this.states = new StateStore(this)
    this.childLog = new ChildLog(this)
    this.capacity = new Capacity(this, () => parts.config.maxChildren)
    this.awaited = new AwaitedMembers(this.ambient.now, 2 * this.timing.commandTimeout)
    this.pauses = new Pauses(this.ambient.now, this.timing.ttl * toleratedPause, (length) => this.paused(length))
    this.timeouts = new Sparing(this.ambient.now, timeoutLines)
    this.timers = new Timers(this.ambient.now, this.fork, (late) => this.pauses.late(late))
    this.closingTime = new ClosingTime(this.config.drainTimeout, parts.ambient.now)
    this.retries = makeRetries(this.timing.heartbeat)
    this.supervisor = new Supervisor(this.owner(parts))
    this.rollout = new Rollout(this)
  }

  private owner(parts: Parts): Owner {
    return {
      nodeName: parts.config.name,
      ambient: parts.ambient,
      leaseHolds: () => this.lease.holds(),
      fork: parts.fork,
      emit: this.emit,
      exitProcess: (child) => exitOnPurpose(this, () => parts.exitProcess(child)),
      observer: parts.observer,
      timers: this.timers,
      states: this.states,
      changed: (child) => {
        countStage(child, (counter) => this.count(counter))
        this.outbox.report(child)
        this.notify(child.id)
        this.capacity.look()
        this.rollout.childrenChanged()
      },
      stopped: (child) => {
        this.outbox.noteStop(child)
        this.capacity.look()
        this.rollout.childrenChanged()
        this.moves.ended(child.id)
        this.touched(child.id)
        for (const listener of this.onStopped) listener()
      },
      finished: (child, how) => {
        if (how === "failed") this.count(PogoMetrics.childFailures)
        this.outbox.finish(child, how)
        this.notify(child.id)
      },
      ...returning(this),
      exited: (child, next) => this.childLog.exited(child, next),
      overdue: (child) => this.childLog.becameOverdue(child),
      slow: (child, what) => this.childLog.slow(child, what)
    }
  }

  /** Emits an event, which is made only while somebody subscribes. */
  readonly emit = (event: () => PogoEvent.PogoEvent): void => {
    if (this.subscribers > 0) this.hub.unsafeOffer(event())
  }

  /** The events from now on. A subscriber that is slow misses the oldest. */
  readonly events: Stream.Stream<PogoEvent.PogoEvent> = Stream.unwrapScoped(
    Effect.acquireRelease(
      Effect.sync(() => this.subscribers++),
      () => Effect.sync(() => this.subscribers--)
    ).pipe(
      Effect.zipRight(Effect.suspend(() => PubSub.subscribe(this.hub))),
      Effect.map((queue) => Stream.fromQueue(queue))
    )
  )

  /** Counts one. Metrics find their counter by the identity of the labels, so these are kept. */
  count(counter: Metric.Metric.Counter<number>): void {
    counter.unsafeUpdate(1, this.labels)
  }

  /** Sets the gauges, has the log tell what it has gathered, and forgets what others know; once per heartbeat. */
  measure(): void {
    this.childLog.tell()
    measure(this, this.labels)
    const { session } = this
    const isComplete = session !== undefined && session.merge === undefined && this.phase === "active"
    if (isComplete && this.ambient.now() >= session.quarantineUntil) this.states.sweep()
  }

  /** The ids of all children that there is anything to decide about. */
  private *everything(): Generator<string, void> {
    yield* this.supervisor.children.keys()
    yield* this.view.entries.keys()
  }

  /** Something about a child is new: the plan is to look at it, and whoever waits for it is called. */
  touched(id: string): void {
    if (!this.client) this.workQueue.add(id)
    this.own.list?.touched(id, this.view.entries.get(id)?.spec?.set)
    if (this.view.suspects.has(id)) this.trials.changed.unsafeOpen()
    this.notify(id)
    this.moves.touched(id, () => this.hasArrived(id))
  }

  /** Whether a child runs here, or is claimed by another, or has nothing left to claim. */
  private hasArrived(id: string): boolean {
    const child = this.supervisor.children.get(id)
    if (child !== undefined) return !child.ending
    const { claim, spec } = this.view.entries.get(id) ?? {}
    return spec === undefined || (claim !== undefined && claim.sid !== this.session?.sid)
  }

  private notify(id: string): void {
    const entry = this.view.entries.get(id)
    if (entry !== undefined) entry.row = undefined
    this.watchers.notify(id)
  }

  private moved(id: string, former: string, { sid, token }: ClaimRecord, wasHeld: boolean): void {
    this.childLog.moved(id, former, sid, wasHeld)
    const [from, to] = [nameOf(former), nameOf(sid)]
    if (from !== to) this.emit(() => PogoEvent.ChildMoved({ id: id as ChildId, from, to, token: BigInt(token) }))
  }

  get phase(): Phase {
    return this.currentPhase
  }

  /** Enters a phase, at once: a fence waits for nobody. */
  enter(phase: Phase): void {
    this.currentPhase = phase
    this.fork(SubscriptionRef.set(this.phases, phase))
    this.watchers.notifyAll()
  }

  /** Waits until `meets` is true of the phase. Interruptible even in a finalizer, so that a time limit is one. */
  awaitPhase(meets: (phase: Phase) => boolean): Effect.Effect<Phase> {
    return firstOf(this.phases, meets)
  }

  /** It became full, or has room again. */
  capacityChanged(): void {
    this.own.changed()
  }

  /** There is room again for children that were turned away, and others were not told that there was none. */
  roomLeft(): void {
    this.workQueue.sweep()
  }

  /** The session that is to claim a child which nobody holds. */
  readonly heirOf = (entry: Entry): string | undefined => this.view.heirOf(entry, this.awaited.has)

  /** The membership is another. */
  membersChanged(): void {
    this.trials.changed.unsafeOpen()
    this.rollout.look()
    if (this.awaited.update(this.view.membership.returning)) {
      // Whoever has not come back by then is not waited for any more.
      this.fork(Effect.delay(Effect.sync(() => this.workQueue.sweep()), Math.ceil(this.awaited.patience) + 1))
    }
    this.fork(SubscriptionRef.set(this.members, this.view.membership.list))
    this.watchers.notifyAll()
  }

  /** Waits until `meets` is true of the membership. Interruptible even in a finalizer, so that a time limit is one. */
  awaitMembers(meets: (members: ReadonlyArray<ScopeMember>) => boolean): Effect.Effect<ReadonlyArray<ScopeMember>> {
    return firstOf(this.members, meets)
  }

  /** The session, while there is one. */
  get session(): Session | undefined {
    return this.currentSession
  }

  /** Begins a session. */
  begin(session: Session): void {
    this.currentSession = session
    this.trials.begins(this.ambient.now())
  }

  /** Has the log read up to its end, and calls back then, once; the result makes it do so no more. */
  afterReading(done: () => void): () => void {
    const forget = () => void this.onRead.delete(listener)
    const listener = () => {
      forget()
      done()
    }
    this.onRead.add(listener)
    this.session?.heardOf(undefined)
    return forget
  }

  /** Whether the lease holds, and the replica is complete. */
  get active(): boolean {
    return this.phase === "active" && this.lease.holds()
  }

  /** Whether running children may move away now. */
  get movesOpen(): boolean {
    const quiet = this.ambient.now() >= this.placementChangedAt + this.timing.moveDebounce
    return this.moves.free > 0 && (quiet || this.moves.leaving || this.own.draining)
  }

  /** Looks at as many children that are to move as may move now. */
  resumeMoves(): void {
    if (this.workQueue.postponed === 0) return
    this.moves.adjust()
    if (this.movesOpen) this.workQueue.resume(this.moves.free)
  }

  /** The membership changed so that children may belong elsewhere. Moves wait until it is quiet; orphans do not. */
  placementChanged(): void {
    this.placementChangedAt = this.ambient.now()
    this.childLog.placementChanged()
    if (!this.debouncing) this.debounceMoves()
    this.workQueue.sweep()
  }

  private debounceMoves(): void {
    this.debouncing = true
    this.fork(Effect.zipRight(
      this.awaitQuiet,
      Effect.sync(() => {
        this.debouncing = false
        this.resumeMoves()
      })
    ))
  }

  /** Sleeps until the membership has been quiet for long enough, however often it changes meanwhile. */
  private readonly awaitQuiet: Effect.Effect<void> = Effect.suspend(() => {
    const left = this.placementChangedAt + this.timing.moveDebounce - this.ambient.now()
    return left <= 0 ? Effect.void : Effect.zipRight(Effect.sleep(Math.ceil(left)), this.awaitQuiet)
  })

  /** What the plan needs to know of this node, as of now. */
  condition(session: Session): Condition {
    const open = () => this.movesOpen
    return {
      sid: session.sid,
      now: this.ambient.now(),
      active: this.active && this.session === session,
      cordoned: this.own.cordoned,
      draining: this.own.draining,
      quarantined: this.ambient.now() < session.quarantineUntil,
      get movesOpen() {
        return open()
      },
      hasKind: (kind) => this.kinds.has(kind),
      isLive: (sid) => this.view.membership.isLive(sid),
      homeOf: (entry) => this.view.membership.homeOfHeld(entry, session.sid, entry.claim?.token ?? 0),
      heirOf: this.heirOf,
      room: this.view.membership.allAgree ? Math.min(this.capacity.left, this.rollout.left) : Infinity,
      // One that is still joining may never get further, and meanwhile does nothing.
      keeper: this.view.membership.list.find(({ joining }) => !joining)?.sid
    }
  }

  /** The registry's data set is another one. Claims are asserted anew if the lease holds, else all children stop. */
  meetEra(session: Session, era: string): void {
    if (session.over) return
    this.era.learn(era)
    if (!this.lease.holds()) return this.fence("the registry's data set changed, and the lease had run out")
    this.enter("opening")
    this.leave(session, "era")
    this.emit(() => PogoEvent.EraChanged({ node: this.config.name, session: session.sid }))
  }

  private paused(length: number): void {
    this.fork(logWarning(
      `this process did not run for ${seconds(length)}: it was stopped or suspended, or its event loop ` +
        `was blocked; what it waited for meanwhile counts as not answered`
    ))
  }

  /** A command was not answered in time. */
  timedOut(name: string, detail: string): void {
    const line = this.timeouts.line(`the registry command "${name}" timed out: ${detail}`)
    if (line !== undefined) this.fork(logWarning(line))
  }

  /** The lease is over: no child may go on as the holder of a claim. */
  fence(why: string): void {
    if (!this.lease.given) return
    const pause = this.pauses.within(this.timing.ttl)
    const reason = pause === undefined ? why : `${pause}, and then: ${why}`
    this.lease.revoke()
    // Nothing runs any more, and the end of the session was asked for: whoever hears of it first has lost nothing.
    if (this.session?.closing === true) return
    this.count(PogoMetrics.leasesLost)
    for (const child of Array.from(this.supervisor.children.values())) this.fenceChild(child)
    if (this.phase !== "closed") this.enter("joining")
    this.emit(() => PogoEvent.LeaseLost({ node: this.config.name, session: this.era.lastSid, reason }))
    this.fork(logWarning(
      `lease lost: ${reason}; this node's children are stopped, and run elsewhere or here again as soon as a node can ` +
        `reach the registry`
    ))
    if (this.session !== undefined) this.leave(this.session, "fenced")
  }

  private fenceChild(child: LocalChild): void {
    if (child.keepsOnLoss && !child.ending) {
      child.unconfirmed = true
      return
    }
    this.supervisor.revoke(child)
    this.supervisor.stop(child, "fenced", Math.min(this.timing.stopBudget, child.graceMillis))
  }

  /** Ends a session. The claims that were to be given back under it are void. */
  leave(session: Session, how: SessionEnd): void {
    if (this.currentSession === session) this.currentSession = undefined
    this.outbox.dropReleases()
    session.end(how)
  }
}
