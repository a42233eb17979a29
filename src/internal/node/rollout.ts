/**
 * What a rollout of another revision means to this node: since when its name has its revision, which children it
 * attracts, how many are its share, and whether the rollout stalls. Others judge by what its record says of these, never
 * by what they have seen themselves: else two of them would place a child differently, and nobody run it.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type { Resolved } from "../../PogoConfig.js"
import type { Registration } from "../kind/registration.js"
import type { Timing } from "../registry/timing.js"
import { newestOf, type NewestRevision } from "../replica/candidates.js"
import type { Membership } from "../replica/membership.js"
import { isReal, type ScopeMember } from "../replica/nodeRecord.js"
import type { Timer, Timers } from "../runtime/environment.js"
import { seconds } from "../runtime/pauses.js"
import { logInfo } from "../runtime/userCode.js"
import { Capacity } from "./capacity.js"

/**
 * What a node of the newest revision takes, at most, of the children, relative to a fair share; or as many as the fullest
 * of the older nodes had, if that is more: one that stands in for it is to take all of them, and none moves twice.
 */
const slack = 1.1

/** Least time between two changes of whether a node has its share: children wait for the news. Milliseconds. */
const patience = 50

/** What it needs of its node. */
export interface RollingNode {
  readonly config: Pick<Resolved, "revision" | "rebalance" | "rolloutPatience" | "weight">
  readonly timing: Pick<Timing, "moveDebounce">
  readonly client: boolean
  readonly ambient: { readonly now: () => number }
  readonly timers: Timers
  readonly kinds: ReadonlyMap<string, Registration>
  readonly session: { readonly sid: string } | undefined
  readonly view: {
    readonly known: number
    readonly membership: Membership
    readonly countOf: (kind: string) => number
    readonly claimsOf: (sid: string) => number
  }
  readonly own: { readonly changed: () => void }
  readonly supervisor: { readonly children: { readonly size: number } }
  readonly fork: (effect: Effect.Effect<void>) => unknown
}

/** This node's part in rollouts. */
export class Rollout {
  private ownFresh = 0
  private ownSettled = 0
  private attracted: number
  private keepsChildren = false
  /** Live sessions that have, or had, a kind of this node's: one that leaves closes its kinds first. */
  private readonly related = new Set<string>()
  /** The newest `fresh` that was seen, 0 without a rollout, and since when that is so. Elapsed milliseconds. */
  private newest = { fresh: 0, since: -Infinity }
  /** The most children that an older node was seen to have in this rollout. */
  private fullest = 0
  private timer: Timer | undefined
  private readonly room: Capacity

  constructor(private readonly node: RollingNode) {
    this.attracted = node.config.rebalance === "onLoss" ? 0 : Infinity
    const { ambient, supervisor, timers } = node
    const capacityChanged = () => node.own.changed()
    this.room = new Capacity(
      { ambient, supervisor, timers, capacityChanged, roomLeft: () => {} },
      () => this.share,
      patience
    )
  }

  /** As `NodeRecord.enough`. */
  get enough(): boolean {
    return this.room.full
  }

  /**
   * How many more children the node asks for. Above its share it asks for none until all know that it has enough: what
   * belongs here even then, nobody else has room for.
   */
  get left(): number {
    const { session, supervisor, view: { membership } } = this.node
    if (membership.members.get(session?.sid ?? "")?.enough === true) return Infinity
    const left = Math.max(0, this.share - supervisor.children.size)
    // The share may have shrunk since the last look.
    if (left === 0) this.room.look()
    return left
  }

  /** As `NodeRecord.fresh`. */
  get fresh(): number {
    return this.ownFresh
  }

  /** As `NodeRecord.settled`. */
  get settled(): number {
    return this.ownSettled
  }

  /** As `NodeRecord.attracts`. */
  get attracts(): number {
    return this.attracted
  }

  /**
   * A session was opened. `fresh`: since when the node's name has its revision; what the first one was told counts.
   * `keepsChildren`: it goes on with all that it had, in a new data set.
   */
  opened(fresh: number, keepsChildren: boolean): void {
    if (this.ownFresh === 0) this.ownFresh = fresh
    this.keepsChildren = keepsChildren
  }

  /**
   * The node is about to take children. One that lost its own to others attracts them; in a new data set, in which all go
   * on, nobody does: after a rollout few children are where their hash would have them.
   */
  activates(): void {
    if (!this.keepsChildren) this.attract()
  }

  /** Attracts, from now on, the running children that belong here, unless a rollout goes on. */
  attract(): void {
    const { config: { rebalance, revision }, view } = this.node
    if (rebalance === "onLoss" || revision === "") return
    this.relate()
    const seen = this.seen
    this.attracted = seen === undefined || seen.settled ? view.known : 0
  }

  /** The number of children here is another. */
  childrenChanged(): void {
    this.room.look()
  }

  /** The members, or the kinds of this node, are others: a rollout may have begun, go on, or be over. */
  look(): void {
    const { ambient, client, config } = this.node
    if (client || config.revision === "") return
    this.relate()
    const { seen } = this
    const now = ambient.now()
    if (seen !== undefined) this.follow(seen)
    else if (this.newest.fresh > 0) this.newest = { fresh: 0, since: now }
    this.room.look()
    if (seen === undefined) {
      if (this.isEnding) this.lookAt(this.newest.since + this.node.timing.moveDebounce)
    } else if (seen.settled) this.joinSettled(seen)
    else if (now >= this.newest.since + config.rolloutPatience) this.settle(seen)
    else this.lookAt(this.newest.since + config.rolloutPatience)
  }

  /** Notes how a rollout goes on. */
  private follow({ fresh, revision }: NewestRevision): void {
    if (fresh !== this.newest.fresh) {
      if (this.newest.fresh === 0) this.fullest = 0
      this.newest = { fresh, since: this.node.ambient.now() }
    }
    for (const other of this.others) {
      if (other.revision !== revision) this.fullest = Math.max(this.fullest, this.node.view.claimsOf(other.sid))
    }
  }

  /** Whether a rollout was over a moment ago: what the last of the older nodes had may not be placed yet. */
  private get isEnding(): boolean {
    const { fresh, since } = this.newest
    return fresh === 0 && this.node.ambient.now() < since + this.node.timing.moveDebounce
  }

  /** How many children are this node's share while a rollout goes on. */
  private get share(): number {
    const { config: { revision, weight }, kinds, view } = this.node
    const { seen } = this
    if (seen === undefined ? !this.isEnding : seen.settled || seen.revision !== revision) return Infinity
    let share = 0
    for (const kind of kinds.keys()) {
      let all = 0
      for (const member of view.membership.list) {
        if (member.open && Object.hasOwn(member.kinds, kind)) all += member.weight
      }
      share += view.countOf(kind) * weight / Math.max(weight, all)
    }
    return Math.max(Math.ceil(slack * share), this.fullest)
  }

  /** Notes which members share a kind with this node. */
  private relate(): void {
    const { kinds, view: { membership } } = this.node
    for (const sid of this.related) if (!membership.isLive(sid)) this.related.delete(sid)
    for (const member of membership.list) {
      if (Object.keys(member.kinds).some((kind) => kinds.has(kind))) this.related.add(member.sid)
    }
  }

  /** The other nodes that share a kind with this one. */
  private get others(): ReadonlyArray<ScopeMember> {
    const { session, view: { membership } } = this.node
    return membership.list.filter((member) =>
      member.sid !== session?.sid && isReal(member) && this.related.has(member.sid)
    )
  }

  /** The rollout among the members that share a kind with this node; `undefined` if there is none. */
  private get seen(): NewestRevision | undefined {
    const { config: { revision }, view: { membership } } = this.node
    if (!membership.isMixed || revision === "") return undefined
    const { others } = this
    if (others.every((member) => member.revision === revision)) return undefined
    return newestOf([...others, { fresh: this.ownFresh, settled: this.ownSettled, revision }])
  }

  /** Looks again at a time. */
  private lookAt(at: number): void {
    if (this.timer !== undefined && this.timer.at <= at) return
    if (at === Infinity) return
    const timer = {
      at,
      run: () => {
        if (this.timer === timer) this.timer = undefined
        this.look()
      }
    }
    this.timer = timer
    this.node.timers.add(timer)
  }

  /** The rollout stalls. Only a node of the newest revision says so. */
  private settle({ fresh, revision }: NewestRevision): void {
    if (revision !== this.node.config.revision) return
    this.ownSettled = fresh
    this.node.fork(logInfo(
      `no new node of revision "${revision}" came for ${
        seconds(this.node.config.rolloutPatience)
      }: its rollout counts ` +
        `as stalled, and children are placed over the nodes of all revisions again`
    ))
    this.spread()
    this.node.own.changed()
  }

  /** Others have said that the rollout stalls. A child for which only nodes of other kinds are there is not told by them. */
  private joinSettled({ fresh, revision }: NewestRevision): void {
    if (revision === this.node.config.revision && this.ownSettled < fresh) {
      this.ownSettled = fresh
      this.node.own.changed()
    }
    this.spread()
  }

  /** Attracts its part of the children, now that placement is over all members again. */
  private spread(): void {
    if (this.attracted !== 0) return
    this.attract()
    if (this.attracted !== 0) this.node.own.changed()
  }
}
