/**
 * What a node knows of the registry's counter and clock: enough to say when a command must no longer have an effect.
 *
 * @internal
 */
import type { Envelope, Reply } from "../registry/commands.js"
import type { Ambient } from "../runtime/environment.js"
import type { Concerned } from "./recipients.js"
import type { Timing } from "./timing.js"

/** @internal */
export class Horizon {
  /** The highest counter value seen. */
  high = 0
  /** The registry's clock as of the youngest request that was answered. */
  private base: { readonly now: number; readonly sent: number; readonly era: string } | undefined
  private calls = 0

  constructor(
    private readonly scope: string,
    private readonly timing: Timing,
    private readonly ambient: Ambient,
    private readonly random: string
  ) {}

  /**
   * Makes a command's envelope. Its `notAfter` never refuses a command that comes in time: the registry's clock stood at
   * `base.now` no earlier than `base.sent`, and advances no faster than time. It is late by what the answered request
   * took to arrive, which is below one command timeout. Where nothing is known of an era's clock the command expires at
   * once, and the answer tells the time for the next.
   */
  envelope(era: string, sent: number, concerns?: Concerned): Envelope {
    const { commandTimeout, maxStep, ttl } = this.timing
    return {
      scope: this.scope,
      era,
      notAfter: this.base?.era === era ? Math.floor(this.base.now + (sent - this.base.sent) + commandTimeout) : 0,
      high: this.high,
      seconds: Math.floor(this.ambient.wall() / 1000),
      bits: `${this.random}.${++this.calls}`,
      ttl,
      maxStep,
      concerns
    }
  }

  /** Learns from a reply to a request that was sent at `sent` under `era`. */
  observe(reply: Reply<unknown>, sent: number, era: string): void {
    if (!("now" in reply)) return
    if (reply.high > this.high) this.high = reply.high
    if (this.base === undefined || sent >= this.base.sent) {
      this.base = { now: reply.now, sent, era: reply._tag === "ERA" ? reply.era : era }
    }
  }
}
