/**
 * What the registry is told of this node's children, in batches and until it took it: claims that are given back,
 * children that ended for good, and statuses.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { RegistryUnavailable } from "../../PogoError.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import { Batch } from "../registry/batches.js"
import type { FinishResult } from "../registry/commands.js"
import { nameOf } from "../registry/sessionNames.js"
import { formatStat } from "../registry/state.js"
import type { Entry } from "../replica/replica.js"
import { untilSuccess } from "../runtime/environment.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { noNotes, type TakenNotes } from "../supervisor/runNotes.js"
import { accepted, type Requester } from "./registryRequest.js"
import type { Session } from "./session.js"
import type { StateStore } from "./stateStore.js"

/** Items by id, the newest of each, waiting to be sent. */
export class BatchQueue<A> {
  /** Each offer is a box of its own: one that is made while the same item is being sent counts as new. */
  private readonly items = new Map<string, { readonly item: A }>()
  private readonly ready = Effect.unsafeMakeLatch(false)

  /**
   * `taken`: called when the registry has taken a batch. `sizeOf`: about how many bytes an item makes the registry read
   * or write.
   */
  constructor(
    private readonly taken: () => void = () => {},
    private readonly sizeOf: (id: string, item: A) => number = () => 0
  ) {}

  get size(): number {
    return this.items.size
  }

  get(id: string): A | undefined {
    return this.items.get(id)?.item
  }

  offer(id: string, item: A): void {
    this.items.set(id, { item })
    this.ready.unsafeOpen()
  }

  clear(): void {
    this.items.clear()
  }

  private batch(): ReadonlyArray<readonly [id: string, box: { readonly item: A }]> {
    const batch = new Batch<readonly [string, { readonly item: A }]>()
    for (const entry of this.items) if (!batch.add(entry, this.sizeOf(entry[0], entry[1].item))) break
    return batch.items
  }

  /**
   * Sends what is offered, one batch at a time, for ever. A batch whose sending fails is sent again by the schedule,
   * together with what has come since.
   */
  run<E>(
    send: (batch: ReadonlyArray<readonly [id: string, item: A]>) => Effect.Effect<void, E>,
    retries: Schedule.Schedule<number>
  ): Effect.Effect<never> {
    const step = Effect.gen(this, function*() {
      yield* this.ready.await
      const batch = this.batch()
      if (batch.length === 0) return this.ready.unsafeClose()
      yield* send(batch.map(([id, { item }]) => [id, item] as const))
      for (const [id, box] of batch) if (this.items.get(id) === box) this.items.delete(id)
      this.taken()
    })
    return untilSuccess(Effect.forever(step), retries)
  }
}

/** A claim to be given back; `refused` names the code, or the revision, that could not run the child. */
interface Release {
  readonly token: number
  readonly refused: string
  /** The child's status from then on; the one that was reported if there is none. */
  readonly stat?: string
  /** Why, for the history. */
  readonly why?: string | undefined
  /** The child that ran under the claim, if one did. */
  readonly child?: LocalChild | undefined
}

/** How a child ended for good. */
export type Ending = "ended" | "failed"

/** The end of a child that is to be reported. */
interface Finish {
  readonly child: LocalChild
  readonly how: Ending
}

/** Notes of the history that a command carries. */
interface Carried {
  readonly notes: TakenNotes
}

type ReportBatch<A> = ReadonlyArray<readonly [id: string, item: A]>

/** Milliseconds between two status reports of one child. */
const interval = 1_000

/**
 * Status reports that are put off, per turn, and the pause between turns in milliseconds: where very many children
 * change all the time, at most a thousand reports a second.
 */
const turn = { reports: 100, pause: 100 }

/** What the outbox needs of its node. */
export interface Teller extends Requester {
  readonly supervisor: {
    readonly children: ReadonlyMap<string, LocalChild>
    readonly forget: (child: LocalChild) => void
  }
  readonly touched: (id: string) => void
  readonly states: StateStore
}

/** The outbox of one node. */
export class Outbox {
  /** Called when the registry has taken claims that were given back, or ends. */
  readonly onTaken = new Set<() => void>()
  private readonly taken = () => {
    for (const listener of Array.from(this.onTaken)) listener()
  }
  /** A code that cannot run a child, and the end of one that is parked, are written into its spec, payload included. */
  readonly releases = new BatchQueue<Release>(
    this.taken,
    (id, { refused, token }) =>
      (refused === "" ? 0 : this.node.view.specSize(id)) + this.node.states.unsavedSize(id, token)
  )
  private readonly finishes = new BatchQueue<Finish>(
    this.taken,
    (id, { child }) => this.node.view.specSize(id) + this.node.states.unsavedSize(id, child.claim)
  )
  private readonly statuses = new BatchQueue<LocalChild>()
  /** Children that were stopped, until their claims are given back. */
  private readonly stopped = new Map<string, LocalChild>()
  /** Children whose status is reported a little later. */
  private readonly deferred = new Set<LocalChild>()
  private flushing = false

  constructor(private readonly node: Teller) {}

  /** Whether the registry knows of every claim that is given back, and of every end. */
  get isSettled(): boolean {
    return this.waiting === 0
  }

  /** Number of claims that are given back, and of ends, that the registry does not know of. */
  get waiting(): number {
    return this.releases.size + this.finishes.size
  }

  /** Gives a claim back. */
  release(id: string, token: number): void {
    if (this.releases.get(id)?.token === token) return
    const stopped = this.stopped.get(id)
    this.stopped.delete(id)
    const child = stopped?.claim === token ? stopped : undefined
    this.releases.offer(id, { token, refused: "", why: child?.stopReason ?? "", child })
  }

  /** Gives a claim back that this node's code cannot use; `code` names that code. */
  refuse(id: string, token: number, code: string, why: string): void {
    this.releases.offer(id, { token, refused: code, why, child: undefined })
  }

  /**
   * Gives a claim back whose child this node's release cannot run, with the status that the child came with: its restarts
   * here count for nobody. `mark`: how its spec is to remember that.
   */
  holdBack(child: LocalChild, revision: string, mark: string): void {
    const why = `held back from ${revision}: ${child.cause}`
    this.releases.offer(child.id, {
      token: child.claim,
      refused: mark,
      stat: formatStat(child.returnedStat()),
      why,
      child
    })
  }

  /** A child was stopped; a claim that is lost is not given back. */
  noteStop(child: LocalChild): void {
    if (child.holds && this.releases.get(child.id)?.token !== child.claim) this.stopped.set(child.id, child)
  }

  /** Drops the claims to be given back: their session has ended, and they with it. */
  dropReleases(): void {
    this.releases.clear()
    this.stopped.clear()
  }

  /** Reports that a child ended for good. */
  finish(child: LocalChild, how: Ending): void {
    this.finishes.offer(child.id, { child, how })
  }

  /** Reports a child's new stage: at once, or with others after a while if the last report is young. */
  report(child: LocalChild): void {
    const now = this.node.ambient.now()
    if (child.stage === "stopping" || now - child.reportedAt < interval) return this.defer(child)
    child.reportedAt = now
    this.statuses.offer(child.id, child)
  }

  /** Reports a child's stage again if the registry does not know it, or has lost it. */
  reportIfUnknown(child: LocalChild, entry: Entry): void {
    if (child.stage === "starting" || child.stage === "reportingEnd") return
    if (entry.stat?.startsWith(`${child.claim}:${child.stage}:`) !== true) this.report(child)
  }

  private defer(child: LocalChild): void {
    this.deferred.add(child)
    if (this.flushing) return
    this.flushing = true
    this.node.fork(Effect.zipRight(Effect.sleep(interval), this.flush))
  }

  private readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.node.ambient.now()
    let reports = 0
    for (const child of this.deferred) {
      if (reports === turn.reports) return Effect.zipRight(Effect.sleep(turn.pause), this.flush)
      this.deferred.delete(child)
      if (!this.isHere(child)) continue
      reports++
      child.reportedAt = now
      this.statuses.offer(child.id, child)
    }
    this.flushing = false
    return Effect.void
  })

  private isHere(child: LocalChild): boolean {
    return this.node.supervisor.children.get(child.id) === child
  }

  /** The loops that send all this, for as long as a session lasts. */
  loops(session: Session): ReadonlyArray<Effect.Effect<never>> {
    const { retries } = this.node
    return [
      ...this.node.states.loops(session),
      this.releases.run((batch) => this.sendReleases(session, batch), retries),
      this.finishes.run((batch) => this.sendFinishes(session, batch), retries),
      this.statuses.run((batch) => this.sendStatuses(session, batch), retries)
    ]
  }

  private sendReleases(session: Session, batch: ReportBatch<Release>) {
    const { ambient, view } = this.node
    return Effect.gen(this, function*() {
      const told = batch.map(([id, release]) => ({ id, ...release, notes: this.notesOf(release.child, true) }))
      const items = told.map(({ id, notes, refused, stat = "", token, why }) => ({
        id,
        token,
        refused,
        stat,
        why: why === "moved" ? `moved ${this.nextNodeOf(id)}` : why,
        notes: notes.list
      }))
      const saves = items.flatMap(({ id, token }) => this.node.states.unsaved(id, token) ?? [])
      const sending = accepted(this.node, session, "release", { sid: session.sid, items, saves })
      const reply = yield* this.carrying(told, sending)
      if (reply.value.released === items.length) this.node.states.carried(saves)
      // Where one was not this session's any more, it may be another's: the log tells. Of a refused one it tells together
      // who is to claim it next: this node would claim it again.
      for (const { id, refused, token } of reply.value.released < items.length ? [] : items) {
        if (refused !== "") continue
        const entry = view.entries.get(id)
        if (entry?.claim?.token === token) view.setClaim(id, undefined, entry.stat, reply.high)
      }
      yield* ambient.yieldTurn
    })
  }

  private sendFinishes(session: Session, batch: ReportBatch<Finish>) {
    return Effect.gen(this, function*() {
      const told = batch.map(([id, { child, how }]) => ({ id, child, how, notes: this.notesOf(child, true) }))
      const items = told.map(({ child, how, id, notes }) => ({
        id,
        generation: child.spec.generation,
        token: child.claim,
        how,
        stat: formatStat(child.failedStat()),
        why: child.cause,
        notes: notes.list
      }))
      const saves = batch.flatMap(([id, { child, how }]) =>
        how === "failed" ? this.node.states.unsaved(id, child.claim) ?? [] : []
      )
      const sending = accepted(this.node, session, "finish", { sid: session.sid, items, saves })
      const reply = yield* this.carrying(told, sending)
      this.node.states.carried(
        saves.filter(({ id }) => batch.some(([of], i) => of === id && reply.value.results[i]!._tag !== "FENCED"))
      )
      batch.forEach(([, { child }], i) => this.settleFinish(child, reply.value.results[i]!, reply.high))
      yield* this.node.ambient.yieldTurn
    })
  }

  private settleFinish(child: LocalChild, result: FinishResult, at: number): void {
    const { id } = child
    const { supervisor, view } = this.node
    supervisor.forget(child)
    if (result._tag === "ENDED") {
      this.node.states.forget(id)
      view.setClaim(id, undefined, undefined, at)
      view.learnTomb(id, result.tomb, at)
    } else if (result._tag === "FAILED") {
      view.setClaim(id, undefined, formatStat(child.failedStat()), at)
      view.learnSpec(id, result.spec, at)
    }
    this.node.touched(id)
  }

  /** Sends statuses as they are now; children that are no longer here are left out. */
  private sendStatuses(session: Session, batch: ReportBatch<LocalChild>) {
    return Effect.gen(this, function*() {
      const told = batch
        .filter(([, child]) => this.isHere(child))
        .map(([id, child]) => ({ id, child, notes: this.notesOf(child, false) }))
      if (told.length === 0) return
      const items = told.map(({ child, id, notes }) => ({
        id,
        token: child.claim,
        stat: formatStat(child.stat()),
        notes: notes.list
      }))
      yield* this.carrying(told, accepted(this.node, session, "report", { sid: session.sid, items }))
      yield* this.node.ambient.yieldTurn
    })
  }

  private notesOf(child: LocalChild | undefined, last: boolean): TakenNotes {
    return child?.takeNotes(this.node.ambient.now(), last) ?? noNotes
  }

  /** Name of the node where a child belongs; empty if there is none. */
  private nextNodeOf(id: string): string {
    const { view } = this.node
    const entry = view.entries.get(id)
    const home = entry === undefined ? undefined : view.homeOf(entry)
    return home === undefined ? "" : nameOf(home)
  }

  /**
   * Sends what carries notes. Those of a command that had no effect are told with the next one; those of one whose
   * outcome is unknown are not told again, since the history must not tell anything twice.
   */
  private carrying<A>(
    told: ReadonlyArray<Carried>,
    effect: Effect.Effect<A, RegistryUnavailable>
  ): Effect.Effect<A, RegistryUnavailable> {
    return Effect.onError(effect, (cause) =>
      Effect.sync(() => {
        const hadNone = Option.exists(Cause.failureOption(cause), ({ sent }) => !sent)
        for (const { notes } of told) {
          if (hadNone) notes.putBack()
          else for (const _ of notes.list) this.node.count(PogoMetrics.historyDropped)
        }
      }))
  }
}
