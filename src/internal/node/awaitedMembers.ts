/**
 * Members that are coming back after a lapse of their leases, for whom children without an owner wait a little: when all
 * nodes lose their leases at once, the first one back would otherwise take what the others are about to take again.
 *
 * @internal
 */
import type { ScopeMember } from "../replica/nodeRecord.js"

/** Who is awaited, and until when. Each node goes by its own clock: nodes that differ delay a start, and double none. */
export class AwaitedMembers {
  private readonly until = new Map<string, number>()

  /** `now`: elapsed milliseconds. `patience`: milliseconds that a member is awaited, at most. */
  constructor(private readonly now: () => number, readonly patience: number) {}

  /** Takes over who is coming back. Returns whether there is somebody new: nobody waits for longer than the patience. */
  update(returning: ReadonlyArray<ScopeMember>): boolean {
    const sids = new Set(returning.map(({ sid }) => sid))
    for (const sid of this.until.keys()) if (!sids.has(sid)) this.until.delete(sid)
    const fresh = [...sids].filter((sid) => !this.until.has(sid))
    for (const sid of fresh) this.until.set(sid, this.now() + this.patience)
    return fresh.length > 0
  }

  /** Whether a session is awaited now. */
  readonly has = (sid: string): boolean => this.now() < (this.until.get(sid) ?? -Infinity)
}
