/**
 * How old the news of a node are. A node that holds its lease hears of everything in time. One without may tell what
 * was true before; and so may a client, which sends nothing while nobody asks, whenever no node of the scope is alive:
 * sessions of nodes that are gone end only as commands arrive, since these move the registry's clock.
 *
 * @internal
 */
import type { Reply } from "../registry/commands.js"
import type { Timing } from "../registry/timing.js"

/** A scope found without commands. Times are elapsed milliseconds, `until` is the registry's own clock. */
interface Abandoned {
  readonly since: number
  readonly until: number
  /** The registry's counter then: sessions that were opened later are of nodes that were alive later. */
  readonly high: number
}

/** What the replies that a node has had tell of the age of its news. Times are elapsed milliseconds. */
export class Freshness {
  private heard: number
  private abandoned: Abandoned | undefined

  constructor(private readonly timing: Pick<Timing, "heartbeat" | "commandTimeout" | "ttl">, now: number) {
    this.heard = now
  }

  /** The sending of the youngest request that was answered; before the first, the beginning of the node. */
  get heardAt(): number {
    return this.heard
  }

  /**
   * Since when the node of a session may be gone, though the session is live; `undefined` if it was alive just now. A
   * scope with a live node has a command per heartbeat. Once it had none for longer than a renewal may take, the sessions
   * of that time are in doubt, until the registry's clock has gone on for a lease: whichever is live then is alive.
   */
  doubtfulSince({ opened }: { readonly opened: number }): number | undefined {
    return this.abandoned !== undefined && opened <= this.abandoned.high ? this.abandoned.since : undefined
  }

  /** Learns from a reply to a request that was sent at `sent`. */
  observe(reply: Reply<unknown>, sent: number): void {
    if (!("now" in reply)) return
    this.heard = Math.max(this.heard, sent)
    const { commandTimeout, heartbeat, ttl } = this.timing
    const { high, now } = reply
    const idle = reply._tag === "OK" || reply._tag === "ERA" ? reply.idle ?? 0 : 0
    if (idle > heartbeat + commandTimeout) this.abandoned = { since: sent - idle, until: now + ttl, high }
    else if (this.abandoned !== undefined && now >= this.abandoned.until) this.abandoned = undefined
  }
}

/** A node, as far as the age of its news goes. */
interface Informed {
  readonly active: boolean
  readonly client: boolean
  readonly ambient: { readonly now: () => number }
  readonly timing: Pick<Timing, "heartbeat">
  readonly freshness: Freshness
}

/** Whether a client has heard nothing for a while, which by itself may only mean that it asked nothing. */
export const isBehind = ({ ambient, client, freshness, timing }: Informed): boolean =>
  client && ambient.now() - freshness.heardAt > timing.heartbeat

/**
 * Since when what a node tells of children and nodes may be untrue; `undefined` while it is up to date. `member`: of what
 * a member holds. Of a client this is as of its last question. Elapsed milliseconds.
 */
export const staleSince = (node: Informed, member?: { readonly opened: number }): number | undefined => {
  if (!node.active || isBehind(node)) return node.freshness.heardAt
  return node.client && member !== undefined ? node.freshness.doubtfulSince(member) : undefined
}
