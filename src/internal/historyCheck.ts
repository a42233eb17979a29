/**
 * A proof after the fact, from the history alone: no child was anybody's twice at once.
 *
 * @internal
 */
import type { HistoryEntry } from "../PogoHistory.js"

/**
 * What a history shows of the rule that a child is one node's at a time.
 *
 * @since 0.2.0
 * @category models
 */
export interface HistoryFindings {
  /** Where the rule was broken, in words. Empty for a registry that keeps it. */
  readonly overlaps: ReadonlyArray<string>
  /**
   * Where a claim was granted, and the history does not say how the one before had ended. Entries are missing there
   * (`pogo_history_dropped` counts them), or nodes of an older version were in the scope, whose commands leave none.
   */
  readonly gaps: ReadonlyArray<string>
}

/** A claim, as far as the history has told. */
interface Held {
  readonly token: bigint
  session: string | undefined
  /** Where its end is told; `undefined` while none is. */
  end: bigint | undefined
  /** Whether its end has to be told: its session is known to have it. */
  isCertain: boolean
}

const givesBack: ReadonlySet<string> = new Set(["stopped", "refused", "ended", "failed"])
const acts: ReadonlySet<string> = new Set([...givesBack, "running", "exited", "overdue"])
const ends: ReadonlySet<string> = new Set(["left", "leaseLost", "gone"])

/** The two entries of a takeover have one place: first the claim is lost. */
const inOrder = (a: HistoryEntry, b: HistoryEntry): number =>
  a.position === b.position ? (a.what === "lost" ? -1 : 1) : a.position < b.position ? -1 : 1

/** A history, entry by entry. */
export class HistoryReading {
  readonly overlaps: Array<string> = []
  readonly gaps: Array<string> = []
  /** The highest token that was granted for a child, over all eras. */
  private readonly granted = new Map<string, bigint>()
  /** The newest claim of each child in this era. */
  private readonly held = new Map<string, Held>()
  /** Sessions whose claims were taken over, and one of those children. */
  private readonly robbed = new Map<string, string>()
  /** Where the sessions of this era joined. */
  private readonly joined = new Map<string, bigint>()
  /** Where this era, or what is told of it, begins: lower tokens are of data before. */
  private begin: bigint | undefined

  read(entry: HistoryEntry): void {
    const { id, position, session, what } = entry
    this.begin ??= position
    if (what === "era") return this.beginEra(position)
    if (what === "joined") return this.join(entry)
    if (ends.has(what) && session !== undefined) return this.endSession(session, position)
    if (id === undefined) return
    if (what === "claimed") this.claimed(id, entry)
    else if (what === "lost") this.lost(id, entry)
    else if (acts.has(what)) this.acted(id, entry)
  }

  private beginEra(position: bigint): void {
    this.begin = position
    this.held.clear()
    this.joined.clear()
  }

  /**
   * A session that replaces another one of its node has those of its claims that it asserted, which no entry tells: the
   * others ended with that session. One that joins again, since its node had not heard that it was open, had ended.
   */
  private join({ note, position, session }: HistoryEntry): void {
    if (session !== undefined) {
      this.joined.set(session, position)
      this.robbed.delete(session)
    }
    if (note === undefined) return
    for (const held of this.held.values()) {
      if (held.end === undefined && held.session === note) Object.assign(held, { session, isCertain: false })
    }
  }

  private endSession(session: string, position: bigint): void {
    const id = this.robbed.get(session)
    if (id !== undefined) this.overlaps.push(`${id}: taken over from ${session}, which ended only later`)
    for (const held of this.held.values()) if (held.session === session) held.end ??= position
  }

  private claimed(id: string, { session, token = 0n }: HistoryEntry): void {
    const highest = this.granted.get(id)
    if (highest !== undefined && token <= highest) {
      this.overlaps.push(`${id}: claimed under ${token}, after ${highest}`)
    }
    const held = this.held.get(id)
    if (held !== undefined && held.end === undefined && held.isCertain) {
      this.gaps.push(`${id}: claimed under ${token}, and of ${held.token} on ${held.session} no end is told`)
    }
    this.granted.set(id, token)
    this.held.set(id, { token, session, end: undefined, isCertain: true })
  }

  private lost(id: string, { position, session, token }: HistoryEntry): void {
    const held = this.held.get(id)
    if (held !== undefined && held.token === token) held.end ??= position
    if (session !== undefined) this.robbed.set(session, id)
  }

  /**
   * Whether a session may have an older claim than the newest: one of data before the loss, which it asserted in the
   * place that was vacant when it joined.
   */
  private isAsserted(token: bigint, session: string | undefined, { end }: Held): boolean {
    const joined = session === undefined ? undefined : this.joined.get(session)
    return end !== undefined && joined !== undefined && joined > end && this.begin !== undefined && token < this.begin
  }

  private acted(id: string, { position, session, token, what }: HistoryEntry): void {
    if (token === undefined) return
    const held = this.held.get(id)
    if (held !== undefined && token < held.token && !this.isAsserted(token, session, held)) {
      this.overlaps.push(`${id}: ${what} under ${token} on ${session}, after ${held.token} was granted`)
      return
    }
    this.held.set(id, { token, session, end: givesBack.has(what) ? position : undefined, isCertain: true })
  }
}

/**
 * Reads the history of a scope (`Pogo.history`), and tells where it shows that a child was two nodes' at once: the proof
 * after the fact, of a test or of a night in production. Ask for all of the history, or for that of one child together
 * with the entries about nodes.
 *
 * @example
 * ```ts
 * import { Pogo } from "effect-pogo"
 * import * as PogoTest from "effect-pogo/PogoTest"
 * import { Effect } from "effect"
 *
 * const neverTwo = Effect.gen(function*() {
 *   const { gaps, overlaps } = PogoTest.checkHistory(yield* Pogo.history(undefined, { limit: 1_000_000 }))
 *   for (const text of overlaps) yield* Effect.logError(text)
 *   yield* Effect.log(`${gaps.length} ends are not told`)
 * })
 * ```
 *
 * @since 0.2.0
 * @category checks
 */
export const checkHistory = (entries: ReadonlyArray<HistoryEntry>): HistoryFindings => {
  const reading = new HistoryReading()
  for (const entry of entries.toSorted(inOrder)) reading.read(entry)
  return { overlaps: reading.overlaps, gaps: reading.gaps }
}
