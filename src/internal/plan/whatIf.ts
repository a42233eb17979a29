/**
 * What a change of the nodes would do: the scope as it would be, and where each child would run there. By the rules that
 * placement goes by, on what is published; nothing is changed.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import type { KindVersion } from "../../PogoNode.js"
import type { Membership } from "../replica/membership.js"
import { knowledge, type SessionRecord, unreadable } from "../replica/nodeRecord.js"
import { type Entry, heirIn, trialOf } from "../replica/replica.js"

/** A node that is to join. */
export interface Joiner {
  readonly name: string
  readonly weight: number
  readonly labels: Labels
  readonly kinds: { readonly [kind: string]: KindVersion }
}

/** A change of the nodes, by their names. */
export interface NodeChange {
  readonly drain: ReadonlySet<string>
  readonly remove: ReadonlySet<string>
  readonly add: ReadonlyArray<Joiner>
}

/** The kinds of all sessions, each in the newest code. */
export const kindsOf = (records: Iterable<Pick<SessionRecord, "kinds">>): { readonly [kind: string]: KindVersion } => {
  const kinds: Record<string, KindVersion> = Object.create(null)
  for (const record of records) {
    for (const [kind, code] of Object.entries(record.kinds)) {
      if (code.version >= (kinds[kind]?.version ?? 0)) kinds[kind] = code
    }
  }
  return kinds
}

/** The record of a node that joins: of the newest release, where there is more than one. */
const recordOf = ({ kinds, labels, name, weight }: Joiner, records: ReadonlyArray<SessionRecord>): SessionRecord => {
  const newest = records.reduce<SessionRecord | undefined>((a, b) => (b.fresh > (a?.fresh ?? 0) ? b : a), undefined)
  return {
    ...unreadable,
    name,
    weight,
    labels,
    kinds,
    cordoned: false,
    knows: knowledge,
    sid: `${name}#`,
    opened: Math.max(0, ...records.map(({ opened }) => opened)) + 1,
    version: 0,
    revision: newest?.revision ?? "",
    fresh: newest?.fresh ?? 0,
    settled: newest?.settled ?? 0
  }
}

/** The scope as it would be. */
export const membershipAfter = (now: Membership, { add, drain, remove }: NodeChange): Membership =>
  now.with((records) => [
    ...records
      .filter(({ name }) => !remove.has(name))
      .map((record) => (drain.has(record.name) ? { ...record, draining: true } : record)),
    ...add.map((joiner) => recordOf(joiner, records))
  ])

/** The session that would run a child, which may be its own; `undefined` where none would. */
export const sessionAfter = (entry: Entry, then: Membership): string | undefined => {
  const { claim, spec } = entry
  if (spec === undefined || spec.failed) return undefined
  // A copy: where a child belongs now is kept with it.
  const child = { ...entry, home: undefined, homeEpoch: -1 }
  const holder = claim === undefined ? undefined : then.members.get(claim.sid)
  const stays = claim !== undefined && holder !== undefined && !holder.draining &&
    Object.hasOwn(holder.kinds, spec.kind)
  if (stays && (holder.cordoned || trialOf(entry)?.token === claim.token)) return holder.sid
  const home = stays ? then.homeOfHeld(child, holder.sid, claim.token) : heirIn(then, child)
  const isFull = home !== undefined && then.members.get(home)!.full
  if (stays) return home === undefined || (isFull && home !== holder.sid) ? holder.sid : home
  return isFull ? undefined : home
}
