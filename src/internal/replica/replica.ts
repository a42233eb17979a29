/**
 * A node's replica of its scope: the view. Within an era the registry is right, and the view follows it; across a loss of
 * the registry's data the view is the memory from which the registry is filled again.
 *
 * @internal
 */
import type { ChildRow } from "../../ChildInfo.js"
import type { ChildType, Shutdown } from "../../ChildSpec.js"
import type { RestartType } from "../../Restart.js"
import { decodeBody, type SpecBody } from "../kind/specCodec.js"
import { type Item, type KeepEnded, tombstoneCount, tombstoneRetention } from "../registry/commands.js"
import { compareRanks, rankOfStored, type RecordRank } from "../registry/ranks.js"
import {
  type ClaimRecord,
  parseClaim,
  parseSpec,
  parseStat,
  parseTomb,
  type SpecRecord,
  type StatRecord,
  type TombRecord
} from "../registry/state.js"
import { parseTrial, requiredAge, type TrialRecord } from "../registry/trialRecords.js"
import { hashText } from "../runtime/hash.js"
import type { Placed, PlacedSpec, Score } from "./candidates.js"
import { KnownDirectives } from "./knownDirectives.js"
import { Membership } from "./membership.js"

/** A registered spec: what placement and lists need. The payload stays in the text, to keep a child small. */
export interface KnownSpec extends PlacedSpec {
  readonly generation: number
  readonly stamp: number
  readonly initial: boolean
  readonly failed: boolean
  readonly type: ChildType
  readonly restart: RestartType | undefined
  readonly shutdown: Shutdown | undefined
  /** The set that it is a member of; none for its kind's unnamed one. */
  readonly set: string | undefined
  /** The stored record. */
  readonly raw: string
}

/** A child as a node knows it. Lean, since a node knows every child of its scope. */
export interface Entry extends Placed {
  spec: KnownSpec | undefined
  claim: ClaimRecord | undefined
  /** The child's trial, if its owner died soon after it had claimed it. */
  trial: TrialRecord | undefined
  /** Session that held the claim last. */
  holder: string | undefined
  /** The stored status; parsed when it is asked for. */
  stat: string | undefined
  /** Counter values as of which the spec, and the claim with its status, are known: a reply may tell of one alone. */
  specAt: number
  claimAt: number
  /** The child's row in lists; made when it is asked for, dropped when something about the child is new. */
  row: ChildRow | undefined
}

/** Tombstones that are remembered unless a setting says otherwise. */
const usual: KeepEnded = { millis: tombstoneRetention, count: tombstoneCount }

/** A tombstone as a node remembers it. */
export interface KnownTomb {
  readonly stamp: number
  readonly raw: string
  /** Counter value as of which it is known. */
  readonly at: number
  /** Time at which this node learned of it. Elapsed milliseconds. */
  readonly since: number
  /** True if it ends an initial child, and is kept for good. */
  readonly initial: boolean
  /** True if a list ended the child: one that names it brings it back. */
  readonly pruned: boolean
}

/** @internal */
export const makeEntry = (id: string): Entry => ({
  id,
  hash: hashText(id),
  spec: undefined,
  claim: undefined,
  trial: undefined,
  holder: undefined,
  stat: undefined,
  specAt: 0,
  claimAt: 0,
  home: undefined,
  homeEpoch: -1,
  row: undefined
})

const none: ReadonlyArray<string> = []
const kinds = new Map<string, string>()

/** The one string of a kind, or of a set, in place of one per child. */
const intern = (kind: string): string => {
  const known = kinds.get(kind)
  if (known !== undefined) return known
  kinds.set(kind, kind)
  return kind
}

const orUndefined = (labels: SpecBody["requires"]): SpecBody["requires"] | undefined => {
  for (const _ in labels) return labels
  return undefined
}

/** Reads a stored spec; `undefined` when it is not one of ours, or belongs to another id. */
export const readSpec = (id: string, raw: string): KnownSpec | undefined => {
  const record = parseSpec(raw)
  if (record === undefined) return undefined
  const body = decodeBody(record.body)
  if (body === undefined || !id.startsWith(`${body.kind}/`)) return undefined
  return {
    generation: record.generation,
    stamp: record.stamp,
    initial: record.initial,
    failed: record.failed,
    refused: record.refused.length === 0 ? none : record.refused,
    kind: intern(body.kind),
    version: body.version,
    type: body.type,
    restart: body.restart,
    shutdown: body.shutdown,
    set: body.set === undefined ? undefined : intern(body.set),
    requires: orUndefined(body.requires),
    prefers: orUndefined(body.prefers),
    raw
  }
}

/** The decoded content of a known spec. */
export const bodyOf = (spec: KnownSpec): SpecBody => decodeBody(bodyTextOf(spec))!

/** The encoded content of a known spec. */
export const bodyTextOf = (spec: KnownSpec): string => parseSpec(spec.raw)!.body

/** The rank of a known spec. Whether it has a state stands in the text only, to keep a child small. */
export const rankOfSpec = ({ initial, raw, stamp }: KnownSpec): RecordRank => ({
  stamp,
  initial,
  stateful: parseSpec(raw)?.stateful === true
})

/** Reads a stored tombstone. */
export const readTomb = (raw: string, at: number, since: number): KnownTomb | undefined => {
  const record = parseTomb(raw)
  if (record === undefined) return undefined
  const { initial, pruned, stamp } = record
  return { stamp, raw, at, since, initial, pruned }
}

/** The last status that the claim's holder reported of the child. */
export const statOf = (entry: Entry): StatRecord | undefined =>
  entry.stat === undefined ? undefined : parseStat(entry.stat)

/** The trial of a child's present generation: its owner died soon after it had claimed it. */
export const trialOf = ({ spec, trial }: Entry): TrialRecord | undefined =>
  trial !== undefined && trial.generation === spec?.generation ? trial : undefined

/** The trial of a child that waits for the next try: nobody has claimed it. */
export const waitingTrial = (entry: Entry): TrialRecord | undefined =>
  entry.claim === undefined && entry.spec?.failed === false ? trialOf(entry) : undefined

/** The session that is to claim a child which nobody holds, among some members; see `Membership.heirOf`. */
export const heirIn = (
  membership: Membership,
  entry: Entry,
  isAwaited: (sid: string) => boolean = () => false
): string | undefined => {
  const age = requiredAge(waitingTrial(entry)?.deaths ?? 0)
  return age < 0 ? membership.heirOf(entry, isAwaited) : membership.homeOfSuspect(entry, age)
}

/** Callbacks of a view. */
export interface ViewListener {
  /** Something about this child is new. */
  readonly changed: (id: string) => void
  /** A child's claim is held by another session than before; `wasHeld`: which was not seen to give it back. */
  readonly moved: (id: string, from: string, to: ClaimRecord, wasHeld: boolean) => void
  /** The placement has no score for a child on a node. Told whenever the child is looked at. */
  readonly unscored?: (id: string, node: string, why: string) => void
  /** A record cannot be read; it is left alone. */
  readonly foreign: (id: string, part: "spec" | "tombstone" | "claim") => void
}

/** A node's replica of its scope. */
export class View {
  readonly entries = new Map<string, Entry>()
  readonly tombs = new Map<string, KnownTomb>()
  readonly membership: Membership
  readonly directives = new KnownDirectives()
  /** Children on trial, or that wait for one. */
  readonly suspects = new Set<string>()
  /** The number of children of each kind. */
  private readonly ofKind = new Map<string, number>()
  /** The number of claims that each session holds; and its text, once, however many claims name it. */
  private readonly held = new Map<string, { readonly sid: string; count: number }>()
  /** The era that the view was read in. */
  era = ""
  /** Counter value up to which all changes are known. */
  known = 0

  constructor(score: Score, private readonly now: () => number, private readonly listener: ViewListener) {
    this.membership = new Membership(score, listener.unscored)
  }

  /** The number of claims that a session holds, as far as is known. */
  claimsOf(sid: string): number {
    return this.held.get(sid)?.count ?? 0
  }

  /** The number of children of a kind. */
  readonly countOf = (kind: string): number => this.ofKind.get(kind) ?? 0

  /** The session where a child belongs now; `undefined` when no member can take it. */
  homeOf(entry: Entry): string | undefined {
    return this.heirOf(entry, () => false)
  }

  /** The session that is to claim a child which nobody holds; see `heirIn`. */
  heirOf(entry: Entry, isAwaited: (sid: string) => boolean): string | undefined {
    return heirIn(this.membership, entry, isAwaited)
  }

  /** About how many bytes of stored spec a command about this child reads, and may answer with. */
  specSize(id: string): number {
    return this.entries.get(id)?.spec?.raw.length ?? 0
  }

  entry(id: string): Entry {
    let entry = this.entries.get(id)
    if (entry === undefined) this.entries.set(id, entry = makeEntry(id))
    return entry
  }

  /** True if a spec or tombstone of this id is known as of a counter value above `at`. */
  private isSpecStale(id: string, at: number): boolean {
    return at < (this.entries.get(id)?.specAt ?? 0) || at < (this.tombs.get(id)?.at ?? 0)
  }

  /** Takes over a row that was read when the counter stood at `at`. An older row changes nothing. */
  apply(item: Item, at: number): void {
    const { id, spec, tomb } = item
    if (!this.isSpecStale(id, at)) {
      if (tomb !== undefined) this.setTomb(id, tomb, at)
      if (spec !== undefined) this.setSpec(id, spec, at)
    }
    this.setClaim(id, this.readClaim(id, item.claim), item.stat ?? undefined, at)
    this.setTrial(id, item.trial, at)
  }

  /** True if a higher rank is known already: then `record` comes from an older copy of the data, yet to be filled. */
  private isOutranked(id: string, record: SpecRecord | TombRecord | undefined): boolean {
    const spec = this.entries.get(id)?.spec
    const tomb = this.tombs.get(id)
    const rank = rankOfStored(record)
    return (spec !== undefined && compareRanks(rankOfSpec(spec), rank) > 0) ||
      (tomb !== undefined && compareRanks(tomb, rank) > 0)
  }

  /** Takes over a spec that a reply told; the log tells it, too. */
  learnSpec(id: string, raw: string, at: number): void {
    if (this.isSpecStale(id, at) || this.isOutranked(id, parseSpec(raw))) return
    this.tombs.delete(id)
    this.setSpec(id, raw, at)
  }

  /** Takes over a tombstone that a reply told; the log tells it, too. */
  learnTomb(id: string, raw: string, at: number): void {
    if (this.isSpecStale(id, at) || this.isOutranked(id, parseTomb(raw))) return
    this.setTomb(id, raw, at)
    this.setSpec(id, null, at)
  }

  /** Stores or drops a spec. */
  private setSpec(id: string, raw: string | null, at: number): void {
    const entry = this.entry(id)
    this.countKind(entry.spec, -1)
    if (raw === null) {
      entry.spec = undefined
      entry.stat = undefined
    } else if (raw !== entry.spec?.raw) {
      const spec = readSpec(id, raw)
      if (spec === undefined) this.listener.foreign(id, "spec")
      entry.spec = spec
      entry.homeEpoch = -1
    }
    this.countKind(entry.spec, 1)
    entry.specAt = at
    this.touch(entry)
  }

  private countKind(spec: KnownSpec | undefined, by: number): void {
    if (spec !== undefined) this.ofKind.set(spec.kind, this.countOf(spec.kind) + by)
  }

  private setTomb(id: string, raw: string | null, at: number): void {
    if (raw === null) {
      this.tombs.delete(id)
      return
    }
    const tomb = readTomb(raw, at, this.now())
    if (tomb === undefined) this.listener.foreign(id, "tombstone")
    else this.tombs.set(id, tomb)
  }

  private readClaim(id: string, raw: string | null): ClaimRecord | undefined {
    if (raw === null) return undefined
    const claim = parseClaim(raw)
    if (claim === undefined) {
      this.listener.foreign(id, "claim")
      return undefined
    }
    const { generation, sid, token } = claim
    return { token, generation, sid: this.held.get(sid)?.sid ?? sid }
  }

  /** Stores or drops a claim, and the status that goes with it. */
  setClaim(id: string, claim: ClaimRecord | undefined, stat: string | undefined, at: number): void {
    const known = this.entries.get(id)
    // Of a forgotten child no entry is left: news are old up to the counter value as of which its tombstone is known.
    if (at < (known?.claimAt ?? this.tombs.get(id)?.at ?? 0)) return
    if (claim === undefined && known?.claim === undefined && stat === known?.stat) {
      if (known !== undefined) known.claimAt = at
      return
    }
    const entry = this.entry(id)
    this.count(entry.claim, -1)
    this.count(claim, 1)
    const wasHeld = entry.claim !== undefined
    entry.claim = claim
    entry.stat = stat
    if (claim !== undefined && claim.sid !== entry.holder) {
      if (entry.holder !== undefined) this.listener.moved(id, entry.holder, claim, wasHeld)
      entry.holder = claim.sid
    }
    entry.claimAt = at
    this.touch(entry)
  }

  /** Takes over a child's trial, which is always told with its claim. */
  setTrial(id: string, raw: string | null, at: number): void {
    const entry = this.entries.get(id)
    if (entry === undefined || at < entry.claimAt) return
    const trial = raw === null ? undefined : parseTrial(raw)
    if (entry.trial === undefined && trial === undefined) return
    entry.trial = trial
    if (trial === undefined) this.suspects.delete(id)
    else this.suspects.add(id)
    this.touch(entry)
  }

  private count(claim: ClaimRecord | undefined, by: number): void {
    if (claim === undefined) return
    const { sid } = claim
    const held = this.held.get(sid)
    if (held === undefined) this.held.set(sid, { sid, count: by })
    else if ((held.count += by) === 0) this.held.delete(sid)
  }

  /** Reports that something is new, and forgets a child of which nothing is left. */
  private touch(entry: Entry): void {
    if (entry.spec === undefined && entry.claim === undefined) {
      this.entries.delete(entry.id)
      this.suspects.delete(entry.id)
    }
    this.listener.changed(entry.id)
  }

  /** Drops what a complete read, begun when the counter stood at `at`, did not tell. */
  retain(seen: ReadonlySet<string>, at: number): void {
    for (const id of this.entries.keys()) {
      if (seen.has(id)) continue
      this.setClaim(id, undefined, undefined, at)
      if (this.entries.has(id) && !this.isSpecStale(id, at)) this.setSpec(id, null, at)
    }
    for (const [id, tomb] of this.tombs) if (!seen.has(id) && tomb.at <= at) this.tombs.delete(id)
  }

  /** Forgets tombstones as the registry does: the old ones, and the oldest where they are too many. */
  forgetTombs({ count, millis }: KeepEnded = usual): void {
    const before = this.now() - millis
    const kept: Array<readonly [id: string, stamp: number]> = []
    for (const [id, tomb] of this.tombs) {
      if (tomb.initial) continue
      if (tomb.since < before) this.tombs.delete(id)
      else kept.push([id, tomb.stamp])
    }
    if (kept.length <= count) return
    kept.sort(([, a], [, b]) => a - b)
    for (const [id] of kept.slice(0, kept.length - count)) this.tombs.delete(id)
  }

  /** Forgets everything. Whoever still has an entry in hand can see that nothing is left of it. */
  clear(): void {
    for (const entry of Array.from(this.entries.values())) {
      entry.spec = entry.claim = undefined
      this.entries.delete(entry.id)
      this.listener.changed(entry.id)
    }
    this.tombs.clear()
    this.directives.clear()
    this.suspects.clear()
    this.ofKind.clear()
    this.held.clear()
    this.known = 0
  }
}
