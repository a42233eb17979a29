/**
 * A node's replica of its scope. Within an era the registry is right, and the view follows it; across a loss of the
 * registry's data the view is the memory from which the registry is filled again.
 *
 * @internal
 */
import { type Item, tombstoneRetention } from "../registry/commands.js"
import {
  type ClaimRecord,
  parseClaim,
  parseSpec,
  parseTomb,
  rankOf,
  type SpecRecord,
  type TombRecord
} from "../registry/state.js"
import { type Entry, type KnownTomb, makeEntry, readSpec, readTomb } from "./entry.js"
import { Membership } from "./membership.js"
import type { Score } from "./placement.js"

/** @internal */
export interface ViewListener {
  /** Something about this child is new. */
  readonly changed: (id: string) => void
  /** Its claim is held by another session than before. */
  readonly moved: (id: string, from: string, to: ClaimRecord) => void
  /** A record could not be read. It is left alone. */
  readonly foreign: (id: string, part: "spec" | "tombstone" | "claim") => void
}

/** @internal */
export class View {
  readonly entries = new Map<string, Entry>()
  readonly tombs = new Map<string, KnownTomb>()
  readonly membership: Membership
  /** How many claims each session holds; and its name, once, however many claims name it. */
  private readonly held = new Map<string, { readonly sid: string; count: number }>()
  /** The era that this was read in. */
  era = ""
  /** Counter value up to which this is known. */
  known = 0

  constructor(score: Score, private readonly now: () => number, private readonly listener: ViewListener) {
    this.membership = new Membership(score)
  }

  /** How many claims a session holds, as far as is known. */
  claimsOf(sid: string): number {
    return this.held.get(sid)?.count ?? 0
  }

  entry(id: string): Entry {
    let entry = this.entries.get(id)
    if (entry === undefined) this.entries.set(id, entry = makeEntry(id))
    return entry
  }

  /** Whether something newer than `at` is known of this id's spec or tombstone. */
  private isSpecStale(id: string, at: number): boolean {
    return at < (this.entries.get(id)?.specAt ?? 0) || at < (this.tombs.get(id)?.at ?? 0)
  }

  /** Applies a row that was read when the counter stood at `at`. Older news changes nothing. */
  apply(item: Item, at: number): void {
    const { id, spec, tomb } = item
    if (!this.isSpecStale(id, at)) {
      if (tomb !== undefined) this.setTomb(id, tomb, at)
      if (spec !== undefined) this.setSpec(id, spec, at)
    }
    this.setClaim(id, this.readClaim(id, item.claim), item.stat ?? undefined, at)
  }

  /** A register's higher rank is known already: the data set that tells is an older copy, not yet given back to. */
  private isOutranked(id: string, record: SpecRecord | TombRecord | undefined): boolean {
    const spec = this.entries.get(id)?.spec
    const tomb = this.tombs.get(id)
    const rank = record === undefined ? Infinity : rankOf(record)
    return (spec !== undefined && rankOf(spec) > rank) || (tomb !== undefined && rankOf(tomb) > rank)
  }

  /** A spec as a call returned it; the log tells too. */
  learnSpec(id: string, raw: string, at: number): void {
    if (this.isSpecStale(id, at) || this.isOutranked(id, parseSpec(raw))) return
    this.tombs.delete(id)
    this.setSpec(id, raw, at)
  }

  /** A tombstone as a call returned it; the log tells too. */
  learnTomb(id: string, raw: string, at: number): void {
    if (this.isSpecStale(id, at) || this.isOutranked(id, parseTomb(raw))) return
    this.setTomb(id, raw, at)
    this.setSpec(id, null, at)
  }

  /** Stores or drops a spec. */
  private setSpec(id: string, raw: string | null, at: number): void {
    const entry = this.entry(id)
    if (raw === null) {
      entry.spec = undefined
      entry.stat = undefined
    } else if (raw !== entry.spec?.raw) {
      const spec = readSpec(id, raw)
      if (spec === undefined) this.listener.foreign(id, "spec")
      entry.spec = spec
      entry.homeEpoch = -1
    }
    entry.specAt = at
    this.touch(entry)
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
    // Of a child that is forgotten, its tombstone tells when.
    if (at < (known?.claimAt ?? this.tombs.get(id)?.at ?? 0)) return
    if (claim === undefined && known?.claim === undefined && stat === known?.stat) {
      if (known !== undefined) known.claimAt = at
      return
    }
    const entry = this.entry(id)
    this.count(entry.claim, -1)
    this.count(claim, 1)
    entry.claim = claim
    entry.stat = stat
    if (claim !== undefined && claim.sid !== entry.holder) {
      if (entry.holder !== undefined) this.listener.moved(id, entry.holder, claim)
      entry.holder = claim.sid
    }
    entry.claimAt = at
    this.touch(entry)
  }

  private count(claim: ClaimRecord | undefined, by: number): void {
    if (claim === undefined) return
    const { sid } = claim
    const held = this.held.get(sid)
    if (held === undefined) this.held.set(sid, { sid, count: by })
    else if ((held.count += by) === 0) this.held.delete(sid)
  }

  /** Notes the news, and forgets a child of which nothing is left. */
  private touch(entry: Entry): void {
    if (entry.spec === undefined && entry.claim === undefined) this.entries.delete(entry.id)
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

  /** Forgets tombstones that the registry may have swept away long since. */
  forgetTombs(): void {
    const before = this.now() - tombstoneRetention
    for (const [id, tomb] of this.tombs) if (tomb.since < before && !tomb.initial) this.tombs.delete(id)
  }

  /** Forgets everything. Whoever still has an entry in hand can see that nothing is left of it. */
  clear(): void {
    for (const entry of Array.from(this.entries.values())) {
      entry.spec = entry.claim = undefined
      this.entries.delete(entry.id)
      this.listener.changed(entry.id)
    }
    this.tombs.clear()
    this.held.clear()
    this.known = 0
  }
}
