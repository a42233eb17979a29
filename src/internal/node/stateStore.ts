/**
 * The states of the children that run here, or were last to run here: what their code has submitted, what the registry
 * has stored of it, and who waits for that. Only children whose kind has a state are here.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Metric from "effect/Metric"
import type * as Schedule from "effect/Schedule"
import { type ClaimLost, OutcomeUnknown, type RegistryUnavailable } from "../../PogoError.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import type { StateAccess, StateText } from "../kind/current.js"
import { Batch, batchesOf } from "../registry/batches.js"
import { formatState, type StateRecord } from "../registry/childStates.js"
import type { Fact, SaveResult, StateSave } from "../registry/commands.js"
import { parseSpec } from "../registry/state.js"
import { statOf } from "../replica/replica.js"
import { type Timer, untilSuccess } from "../runtime/environment.js"
import type { ChildRun } from "../supervisor/childRun.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { accepted, request, type Requester, unavailable } from "./registryRequest.js"
import type { Session } from "./session.js"
import { peekStates, readState } from "./storedStates.js"

/** Saves of one child within a second that are worth a warning when there are more. */
const busySaves = 10

/** Why a value is not known to be stored. */
type StoreError = ClaimLost | RegistryUnavailable | OutcomeUnknown

/** Batches of values that are on their way at a time: one child has a value in one of them. */
const batchesInFlight = 4

/** A value, and which of its child's values it is. */
interface Submitted extends StateText {
  readonly version: number
}

/** Who waits for a value to be stored. */
interface Waiter {
  readonly run: ChildRun
  readonly version: number
  readonly timer: Timer
  readonly resume: (result: Effect.Effect<void, StoreError>) => void
}

const bytesOf = (value: StateText | undefined): number => (value === undefined ? 0 : Buffer.byteLength(value.body))

const outcomeUnknown = ({ id, token }: OwnedState, version: number, detail: string): OutcomeUnknown =>
  new OutcomeUnknown({ operation: "state.set", id, op: `${token}.${version}`, detail })

/** The state of a child under one claim. */
export class OwnedState {
  /** What is stored for certain, whoever wrote it. */
  stored: StateRecord | undefined
  /** The newest value that was submitted, or came with the claim. */
  newest: Submitted | undefined
  /** The newest of those that were sent, or came with the claim: what stands when a later one is withdrawn. */
  private sent: Submitted | undefined
  /** Version of the value that was submitted last. */
  private version: number
  /** True once nothing more may be stored: the claim is another's, or another owner has been there. */
  muted = false
  /** True while a value is on its way: the next one waits. */
  inFlight = false
  private readonly waiters = new Set<Waiter>()
  readonly lock = Effect.unsafeMakeSemaphore(1)
  /** Begin of the second in which submissions are counted, elapsed milliseconds; how many; and the last warning. */
  private countedSince = -Infinity
  private counted = 0
  private warnedAt = -Infinity

  constructor(readonly id: string, readonly token: number, readonly birth: number, record: StateRecord | undefined) {
    this.stored = record
    this.newest = this.sent = record
    this.version = record?.version ?? 0
  }

  /** True if the newest value is not known to be stored. */
  get isDirty(): boolean {
    return !this.muted && (this.newest?.version ?? 0) > (this.stored?.version ?? 0)
  }

  /** What the registry is to store. */
  get unsaved(): StateSave | undefined {
    return this.isDirty ? this.save : undefined
  }

  /** The same for a data set that was not given what is stored back: a value of this claim's may be missing there. */
  get missing(): StateSave | undefined {
    return this.isDirty || (!this.muted && this.stored?.token === this.token) ? this.save : undefined
  }

  private get save(): StateSave | undefined {
    const { birth, id, newest, token } = this
    if (newest === undefined) return undefined
    return { id, token, birth, version: newest.version, kindVersion: newest.kindVersion, body: newest.body }
  }

  submit(text: StateText): number {
    this.newest = { ...text, version: ++this.version }
    return this.version
  }

  /** Counts a submission; true if it is time to warn that there are very many. */
  isBusy(now: number): boolean {
    if (now - this.countedSince >= 1_000) [this.countedSince, this.counted] = [now, 0]
    this.counted++
    if (this.counted <= busySaves || now - this.warnedAt < 60_000) return false
    this.warnedAt = now
    return true
  }

  await(waiter: Waiter): void {
    this.waiters.add(waiter)
  }

  leave(waiter: Waiter): void {
    this.waiters.delete(waiter)
  }

  /** Takes those who wait and of whom something is true. */
  take(which: (waiter: Waiter) => boolean): ReadonlyArray<Waiter> {
    const taken = Array.from(this.waiters).filter(which)
    for (const waiter of taken) this.waiters.delete(waiter)
    return taken
  }

  /** The newest value is being sent. Returns what is to be done should it certainly not have arrived. */
  sending(): () => void {
    const before = this.sent
    this.sent = this.newest
    return () => {
      this.sent = before
    }
  }

  /** Whether a value, or a later one, was sent. */
  wasSent(version: number): boolean {
    return (this.sent?.version ?? 0) >= version
  }

  /** Takes a value back that was never sent. Tells whether it was the newest: a later one may have been made from it. */
  withdraw(version: number): boolean {
    const isNewest = this.newest?.version === version
    if (isNewest) this.newest = this.sent
    return isNewest
  }

  /** The registry has stored a value. */
  hasStored({ body, kindVersion, version }: StateSave, at: number, node: string): void {
    if (version <= (this.stored?.version ?? 0)) return
    this.stored = { birth: this.birth, token: this.token, version, at, kindVersion, node, lost: false, body }
  }
}

/** What the states need of their node. */
export interface StateHost extends Requester {
  readonly config: { readonly name: string }
  readonly supervisor: {
    readonly children: ReadonlyMap<string, LocalChild>
    readonly stop: (child: LocalChild, reason: "claimLost") => void
  }
  readonly childLog: {
    readonly savesOften: (child: LocalChild) => void
    readonly overtaken: (child: LocalChild) => void
  }
  readonly retries: Schedule.Schedule<number>
  readonly count: (counter: Metric.Metric.Counter<number>) => void
}

/** The states of the children of one node. */
export class StateStore {
  private readonly owned = new Map<string, OwnedState>()
  /** Those with a value to be stored. */
  private readonly dirty = new Set<OwnedState>()
  private readonly ready = Effect.unsafeMakeLatch(false)
  /** The session under which values may be stored: what this node remembers was given back before. */
  private openFor: Session | undefined

  constructor(private readonly node: StateHost) {}

  /** Begins a claim; `record`: what came with it. */
  begin(id: string, token: number, birth: number, record: StateRecord | undefined): void {
    this.owned.set(id, new OwnedState(id, token, birth, record?.lost === true ? undefined : record))
  }

  /** Forgets a child's state: it has ended, or did not start. */
  forget(id: string): void {
    const state = this.owned.get(id)
    if (state === undefined) return
    this.owned.delete(id)
    this.dirty.delete(state)
  }

  /** Whether something is remembered of a child. */
  has(id: string): boolean {
    return this.owned.has(id)
  }

  private of(id: string, token: number): OwnedState | undefined {
    const state = this.owned.get(id)
    return state?.token === token ? state : undefined
  }

  /** The state of a run's child, for its code. */
  accessOf(run: ChildRun, child: LocalChild): StateAccess | undefined {
    const state = this.of(child.id, child.claim)
    return state === undefined ? undefined : {
      newest: () => state.newest,
      submit: (text) => this.submit(state, run, child, text),
      lock: state.lock
    }
  }

  /** The end of a run is decided: whoever waits in it is told so. */
  runEnded(run: ChildRun, child: LocalChild): void {
    this.of(child.id, child.claim)?.take((waiter) => waiter.run === run).forEach((waiter) =>
      this.resume(waiter, Effect.fail(run.claimLost()))
    )
  }

  /** The claim is lost for good: nothing more is stored under it. */
  mute(id: string, token: number): void {
    const state = this.of(id, token)
    if (state === undefined) return
    state.muted = true
    this.dirty.delete(state)
  }

  /**
   * What is to be stored with the end of a claim. Before this node has given back what it remembers that is also what
   * another data set has stored: with the claim gone, the node may leave before its turn comes.
   */
  unsaved(id: string, token: number): StateSave | undefined {
    const state = this.of(id, token)
    return this.openFor?.over === false ? state?.unsaved : state?.missing
  }

  /** About how many bytes the registry reads and writes for that. */
  unsavedSize(id: string, token: number): number {
    return this.unsaved(id, token) === undefined ? 0 : this.sizeOf(this.owned.get(id)!)
  }

  /** About how many bytes a save costs the registry: it reads the spec and the value of before, and writes the new one. */
  private sizeOf({ id, newest, stored }: OwnedState): number {
    return this.node.view.specSize(id) + bytesOf(stored) + bytesOf(newest)
  }

  /** The registry has stored what came with the end of a claim. */
  carried(saves: ReadonlyArray<StateSave>): void {
    for (const save of saves) {
      const state = this.of(save.id, save.token)
      if (state === undefined) continue
      state.hasStored(save, this.node.ambient.wall(), this.nodeName)
      this.dirty.delete(state)
      this.node.count(PogoMetrics.stateWrites)
    }
  }

  /** Some claims that were in doubt are certain, or a session has given back what is remembered. */
  wake(): void {
    if (this.dirty.size > 0) this.ready.unsafeOpen()
  }

  /** Has values stored under a session from now on. */
  open(session: Session): void {
    this.openFor = session
    this.wake()
  }

  /**
   * Forgets what another owner knows by now, or has known: it may have given the child back since. And what has ended.
   * Called now and then, and not while data is missing.
   */
  sweep(): void {
    const { supervisor, view } = this.node
    for (const { birth, id, token } of this.owned.values()) {
      if (supervisor.children.has(id)) continue
      const entry = view.entries.get(id)
      const isOver = entry?.spec === undefined || (entry.claim?.token ?? 0) > token ||
        (statOf(entry)?.token ?? 0) > token || parseSpec(entry.spec.raw)?.birth !== birth
      if (isOver) this.forget(id)
    }
  }

  private get nodeName(): string {
    return encodeURIComponent(this.node.config.name.toWellFormed())
  }

  private resume(waiter: Waiter, result: Parameters<Waiter["resume"]>[0]): void {
    this.node.timers.delete(waiter.timer)
    waiter.resume(result)
  }

  /** Whether a value may be submitted: another node may hold a claim that is in doubt. */
  private maySubmit(run: ChildRun): boolean {
    return run.holds
  }

  /** Whether a value may be stored. */
  private mayStore(child: LocalChild): boolean {
    return child.holds
  }

  private submit(state: OwnedState, run: ChildRun, child: LocalChild, text: StateText) {
    return Effect.sync((): Effect.Effect<void, StoreError> => {
      if (!this.maySubmit(run) || state.muted) return Effect.fail(run.claimLost())
      const version = state.submit(text)
      const now = this.node.ambient.now()
      const timer: Timer = { at: now + this.node.timing.commandTimeout, run: () => this.expire(state, waiter) }
      const answer = Deferred.unsafeMake<void, StoreError>(FiberId.none)
      const waiter: Waiter = { run, version, timer, resume: (result) => Deferred.unsafeDone(answer, result) }
      state.await(waiter)
      this.node.timers.add(timer)
      this.dirty.add(state)
      this.ready.unsafeOpen()
      if (state.isBusy(now)) this.node.childLog.savesOften(child)
      return Effect.onInterrupt(Deferred.await(answer), () =>
        // Nobody waits any more, and the value stays to be stored.
        Effect.sync(() => {
          state.leave(waiter)
          this.node.timers.delete(timer)
        }))
    })
  }

  /** A value was not stored in time. One that was never sent is taken back; another's outcome its request tells. */
  private expire(state: OwnedState, waiter: Waiter): void {
    const { version } = waiter
    if (state.wasSent(version)) return
    state.leave(waiter)
    const isWithdrawn = state.withdraw(version)
    if (!state.isDirty) this.dirty.delete(state)
    if (isWithdrawn) {
      const detail = "the value could not be sent, and was withdrawn"
      return waiter.resume(Effect.fail(unavailable("state.set", "Timeout", detail, false)))
    }
    const detail = "the value could not be sent; a later one, which may hold it, is yet to be stored"
    waiter.resume(Effect.fail(outcomeUnknown(state, version, detail)))
  }

  /** Loops that store what is submitted, for as long as a session lasts: some batches at a time, of different children. */
  loops(session: Session): ReadonlyArray<Effect.Effect<never>> {
    return Array.from({ length: batchesInFlight }, () => this.loop(session))
  }

  private loop(session: Session): Effect.Effect<never> {
    this.ready.unsafeOpen()
    const step = Effect.gen(this, function*() {
      yield* this.ready.await
      const batch = this.batch(session)
      if (batch.length === 0) return this.ready.unsafeClose()
      yield* this.send(session, batch)
      yield* this.node.ambient.yieldTurn
    })
    return untilSuccess(Effect.forever(step), this.node.retries)
  }

  /** The values that may be stored now: while a claim is in doubt another may hold it, whose value is to win. */
  private batch(session: Session): ReadonlyArray<OwnedState> {
    const batch = new Batch<OwnedState>()
    if (this.openFor !== session || session.over) return batch.items
    const { children } = this.node.supervisor
    for (const state of this.dirty) {
      const child = children.get(state.id)
      if (!state.isDirty || child?.claim !== state.token) this.dirty.delete(state)
      else if (
        !state.inFlight && this.mayStore(child) && !batch.add(state, this.sizeOf(state))
      ) break
    }
    return batch.items
  }

  private send(session: Session, batch: ReadonlyArray<OwnedState>): Effect.Effect<void, RegistryUnavailable> {
    return Effect.suspend(() => {
      const sent = batch.map((state) => ({ state, item: state.unsaved!, unsent: state.sending() }))
      for (const state of batch) state.inFlight = true
      const unanswered = (detail: string) => {
        for (const { item, state } of sent) this.isUnknown(state, item.version, detail)
      }
      return accepted(this.node, session, "save", { sid: session.sid, items: sent.map(({ item }) => item) }).pipe(
        Effect.map(({ value }) => {
          sent.forEach(({ item, state }, i) => this.settle(state, item, value.results[i]!))
        }),
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error.sent) unanswered(error.detail)
            else for (const { state, unsent } of sent) this.wasNotSent(state, unsent)
          })
        ),
        Effect.onInterrupt(() => Effect.sync(() => unanswered("the session ended before the answer came"))),
        Effect.ensuring(Effect.sync(() => {
          for (const state of batch) state.inFlight = false
          this.wake()
        }))
      )
    })
  }

  /** A value certainly did not arrive. Whoever has waited for long enough meanwhile is told so. */
  private wasNotSent(state: OwnedState, unsent: () => void): void {
    unsent()
    const now = this.node.ambient.now()
    for (const waiter of state.take(({ timer }) => timer.at <= now)) this.expire(state, waiter)
  }

  /** A value was sent, and not answered. It stays to be stored. */
  private isUnknown(state: OwnedState, version: number, detail: string): void {
    for (const waiter of state.take((waiter) => waiter.version <= version)) {
      this.resume(waiter, Effect.fail(outcomeUnknown(state, waiter.version, detail)))
    }
  }

  private settle(state: OwnedState, item: StateSave, result: SaveResult): void {
    if (result === "STORED" || result === "OLDER") this.hasStored(state, item)
    else this.hasLost(state, item, result)
  }

  private hasStored(state: OwnedState, item: StateSave): void {
    state.hasStored(item, this.node.ambient.wall(), this.nodeName)
    if (!state.isDirty) this.dirty.delete(state)
    this.node.count(PogoMetrics.stateWrites)
    for (const waiter of state.take((waiter) => waiter.version <= item.version)) {
      this.resume(waiter, waiter.run.holds ? Effect.void : Effect.fail(waiter.run.claimLost()))
    }
  }

  /**
   * The registry refuses the value. Where another owner has been there, with a higher token, its value is the one that
   * counts: the child is stopped, and the next claim brings it.
   */
  private hasLost(state: OwnedState, { version }: StateSave, result: "OVERTAKEN" | "LOST"): void {
    this.dirty.delete(state)
    const child = this.node.supervisor.children.get(state.id)
    if (result === "OVERTAKEN") {
      state.muted = true
      if (child?.claim === state.token) {
        this.node.childLog.overtaken(child)
        this.node.supervisor.stop(child, "claimLost")
      }
    }
    for (const waiter of state.take((waiter) => state.muted || waiter.version <= version)) {
      this.resume(waiter, Effect.fail(waiter.run.claimLost("the registry did not store its state: this life is over")))
    }
  }

  /** What this node remembers: the values that are stored for certain of the children that it runs, or was last to run. */
  private get facts(): ReadonlyArray<Fact> {
    return Array.from(this.owned.values()).flatMap(({ id, stored }): ReadonlyArray<Fact> =>
      stored === undefined ? [] : [{ id, kind: "state", value: formatState(stored) }]
    )
  }

  /**
   * Forgets what a later owner has stored a value after, or was told that it is lost: should that be lost in turn, with
   * all who know it, the older one must not come back. Whoever claimed a child meanwhile may hold no claim any more.
   */
  private forgetOlder(session: Session, asked: ReadonlyArray<string>): Effect.Effect<void, RegistryUnavailable> {
    return Effect.map(peekStates(this.node, session, asked), (states) => {
      for (const [id, text] of states) {
        const [known, own] = [readState(text), this.owned.get(id)]
        const isOlder = known !== undefined && own?.birth === known.birth && own.token < known.token
        if (isOlder && !this.node.supervisor.children.has(id)) this.forget(id)
      }
    })
  }

  /** Gives that back to a new data set, and has values stored from then on. */
  giveBack(session: Session): Effect.Effect<void, RegistryUnavailable> {
    return Effect.gen(this, function*() {
      for (const facts of batchesOf(this.facts, ({ id, value }) => id.length + value.length)) {
        const reply = yield* request(this.node, session, "merge", { facts, sid: session.sid })
        if (reply._tag === "OK" && reply.value.merged < facts.length) {
          yield* this.forgetOlder(session, facts.map(({ id }) => id))
        }
        yield* this.node.ambient.yieldTurn
      }
      this.open(session)
    })
  }
}
