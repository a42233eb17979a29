/**
 * The members of a scope as a node knows them, and what their last change was: enough to re-place a child by looking
 * only at the members that came, unless its own went.
 *
 * @internal
 */
import type { NodeItem } from "../registry/commands.js"
import type { Entry } from "./entry.js"
import { type Member, readMembers } from "./member.js"
import { best, type Score } from "./placement.js"

/** What came and went by one change of the membership. */
export interface MembershipChange {
  readonly joined: ReadonlyArray<Member>
  readonly left: ReadonlyArray<Member>
  /** Whether any child may belong elsewhere now. */
  readonly placement: boolean
}

const samePlacement = (a: Member, b: Member): boolean =>
  a.open === b.open && a.hash === b.hash && a.weight === b.weight &&
  JSON.stringify(a.kinds) === JSON.stringify(b.kinds) && JSON.stringify(a.labels) === JSON.stringify(b.labels)

/** @internal */
export class Membership {
  readonly members = new Map<string, Member>()
  /** Grows whenever placement may have changed. */
  epoch = 0
  private added: ReadonlyArray<Member> = []
  private removed: ReadonlySet<string> = new Set()
  private all: ReadonlyArray<Member> = []

  constructor(private readonly score: Score) {}

  /** All members, in the order of their sessions. */
  get list(): ReadonlyArray<Member> {
    return this.all
  }

  isLive(sid: string): boolean {
    return this.members.has(sid)
  }

  /** Replaces the membership. */
  set(items: ReadonlyArray<NodeItem>): MembershipChange {
    const next = readMembers(items)
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
    const placement = added.length > 0 || left.length > 0
    if (placement) {
      this.epoch++
      this.added = added
      this.removed = new Set([...left, ...added].map(({ sid }) => sid))
    }
    return { joined: added.filter(({ sid }) => !previous.has(sid)), left, placement }
  }

  /** The session where the child belongs; `undefined` when no member can take it. */
  homeOf(entry: Entry): string | undefined {
    const { spec } = entry
    if (spec === undefined) return undefined
    if (entry.homeEpoch === this.epoch) return entry.home
    const kept = entry.homeEpoch === this.epoch - 1 && entry.home !== undefined && !this.removed.has(entry.home)
      ? this.members.get(entry.home)
      : undefined
    entry.home = best(entry, spec, kept === undefined ? this.all : this.added, this.score, kept)?.sid
    entry.homeEpoch = this.epoch
    return entry.home
  }
}
