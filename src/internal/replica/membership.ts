/**
 * The members of a scope, and which of them each child belongs to.
 *
 * @internal
 */
import type { NodeItem } from "../registry/commands.js"
import { best, obstacle, type OnUnscored, type Placed, type Score } from "./candidates.js"
import { membersOf, readRecords, type ScopeMember, type SessionRecord } from "./nodeRecord.js"

/** A change of the membership. */
export interface MembershipChange {
  readonly joined: ReadonlyArray<ScopeMember>
  readonly left: ReadonlyArray<ScopeMember>
  /** True if any child may belong elsewhere now. */
  readonly placement: boolean
}

/**
 * True if placement is the same whichever of two records a member has, and who sees to what dead nodes left: the first that
 * has joined, if it is closed as well.
 */
const samePlacement = (a: ScopeMember, b: ScopeMember): boolean =>
  a.open === b.open && a.joining === b.joining && a.full === b.full && a.enough === b.enough && a.fresh === b.fresh &&
  a.settled === b.settled &&
  a.attracts === b.attracts && a.hash === b.hash && a.weight === b.weight &&
  JSON.stringify(a.kinds) === JSON.stringify(b.kinds) && JSON.stringify(a.labels) === JSON.stringify(b.labels)

/** A member that is coming back, as it will be. */
const comingBack = (member: ScopeMember): ReadonlyArray<ScopeMember> =>
  member.returning && member.joining && member.key === member.name && !member.cordoned && !member.draining
    ? [{ ...member, open: true }]
    : []

/** Whether members of different revisions are there: a rollout, or what is left of one. */
const isMixed = (members: ReadonlyArray<ScopeMember>): boolean =>
  members.some(({ revision }) => revision !== members[0]!.revision)

/**
 * The members with what all of them know: an older one would give a child to another home, and nobody would run it, or
 * two would wait for each other. What says nothing is left out, so that placement need not look at it.
 */
const asAgreed = (
  read: ReadonlyArray<ScopeMember>,
  agreed: boolean,
  known: boolean,
  mixed: boolean
): ReadonlyArray<ScopeMember> => {
  const all = agreed ? read : read.map((member) => ({ ...member, full: false }))
  if (known && mixed) return all
  return all.map((member) => ({
    ...member,
    fresh: 0,
    settled: 0,
    enough: known && member.enough,
    mark: known ? member.mark : ""
  }))
}

/**
 * The members as a node knows them, and their last change: enough to re-place a child by looking only at the members
 * that came, unless its own went.
 */
export class Membership {
  readonly members = new Map<string, ScopeMember>()
  /** Number of the changes that may have changed placement. */
  epoch = 0
  private added: ReadonlyArray<ScopeMember> = []
  private removed: ReadonlySet<string> = new Set()
  private all: ReadonlyArray<ScopeMember> = []
  /** What the sessions publish. */
  private records: ReadonlyArray<SessionRecord> = []
  private back: ReadonlyArray<ScopeMember> = []
  private agreed = true
  private known = true
  private mixed = false

  /** `onUnscored`: is told of a child that belongs nowhere, or elsewhere, since it has no score on a member. */
  constructor(
    private readonly score: Score,
    private readonly onUnscored: (id: string, node: string, why: string) => void = () => {}
  ) {}

  /** All members, in the order of their sessions. */
  get list(): ReadonlyArray<ScopeMember> {
    return this.all
  }

  isLive(sid: string): boolean {
    return this.members.has(sid)
  }

  /** Replaces the membership. */
  set(items: ReadonlyArray<NodeItem>): MembershipChange {
    return this.take(readRecords(items))
  }

  /** The membership as it would be with other records, apart from this one. */
  with(change: (records: ReadonlyArray<SessionRecord>) => ReadonlyArray<SessionRecord>): Membership {
    const other = new Membership(this.score)
    other.take(change(this.records))
    return other
  }

  private take(records: ReadonlyArray<SessionRecord>): MembershipChange {
    const read = membersOf(records)
    this.records = records
    const agreed = read.every(({ knows }) => knows.includes("placement"))
    const known = read.every(({ knows }) => knows.includes("revisions"))
    const mixed = isMixed(read)
    const next = asAgreed(read, agreed, known, mixed)
    this.agreed = agreed
    this.known = known
    this.mixed = mixed
    const previous = new Map(this.members)
    const added = next.filter((member) => {
      const old = previous.get(member.sid)
      return old === undefined || !samePlacement(old, member)
    })
    const sids = new Set(next.map(({ sid }) => sid))
    const left = this.all.filter(({ sid }) => !sids.has(sid))
    this.members.clear()
    for (const member of next) this.members.set(member.sid, member)
    this.all = next
    this.back = agreed ? next.flatMap(comingBack) : []
    const placement = added.length > 0 || left.length > 0
    if (placement) {
      this.epoch++
      this.added = added
      this.removed = new Set([...left, ...added].map(({ sid }) => sid))
    }
    return { joined: added.filter(({ sid }) => !previous.has(sid)), left, placement }
  }

  /** The members that are coming back after a lapse, as they will be; none while a member does not know of that. */
  get returning(): ReadonlyArray<ScopeMember> {
    return this.back
  }

  /**
   * The session that is to claim a child which nobody holds: its home, or a member that is coming back and will be its
   * home then, for as long as that is awaited.
   */
  heirOf(child: Placed, isAwaited: (sid: string) => boolean): string | undefined {
    const home = this.homeOf(child)
    const { spec } = child
    if (spec === undefined || this.back.length === 0) return home
    const awaited = this.back.filter(({ sid }) => isAwaited(sid))
    return best(child, spec, awaited, this.score, home === undefined ? undefined : this.members.get(home))?.sid
  }

  /** Whether members of different revisions are there, and all of them know what that means: a rollout, or its rest. */
  get isMixed(): boolean {
    return this.known && this.mixed
  }

  /** Whether all members know of members that come back, and of such as have no room. */
  get allAgree(): boolean {
    return this.agreed
  }

  /**
   * The session where a child belongs that a member holds under `token`. A full member has room for what it has: otherwise
   * all of its children would leave it as soon as it is full, and come back when it is not. And a child goes only where it
   * is attracted: else most would move a second time when a rollout is over.
   */
  homeOfHeld(child: Placed, sid: string, token: number): string | undefined {
    const home = this.homeOf(child)
    const { spec } = child
    const holder = this.members.get(sid)
    if (spec === undefined || holder === undefined || home === sid || obstacle(spec, holder) !== undefined) return home
    const other = home === undefined ? undefined : this.members.get(home)
    if (other !== undefined && other.attracts <= token) return sid
    if (!holder.full && !holder.enough) return home
    const roomy = { ...holder, full: false, enough: false }
    return best(child, spec, other === undefined ? [] : [other], this.score, roomy)?.sid
  }

  /**
   * The session where a child belongs whose processes died soon after it had started: of the members whose processes have
   * lived for long enough. `age`: as `lived`. Not kept, since there are few such children. A member that does not know of
   * this would place it as any other child, and nobody would run it: while there is one, all do.
   */
  homeOfSuspect(child: Placed, age: number): string | undefined {
    if (child.spec === undefined) return undefined
    if (!this.all.every(({ knows }) => knows.includes("trials"))) return this.homeOf(child)
    return best(child, child.spec, this.all.filter(({ lived }) => lived >= age), this.score)?.sid
  }

  /** The session where the child belongs; `undefined` when no member can take it. */
  homeOf(child: Placed): string | undefined {
    const { spec } = child
    if (spec === undefined) return undefined
    if (child.homeEpoch === this.epoch) return child.home
    // In a rollout members that have not changed may have changed places.
    const mayKeep = !this.mixed && child.homeEpoch === this.epoch - 1
    const kept = mayKeep && child.home !== undefined && !this.removed.has(child.home)
      ? this.members.get(child.home)
      : undefined
    let scored = true
    const onUnscored: OnUnscored = ({ name }, why) => {
      scored = false
      this.onUnscored(child.id, name, why)
    }
    child.home = best(child, spec, kept === undefined ? this.all : this.added, this.score, kept, onUnscored)?.sid
    // A score that threw once may not throw again: it is asked anew whenever the child is looked at.
    child.homeEpoch = scored ? this.epoch : -1
    return child.home
  }
}
