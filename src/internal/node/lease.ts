/**
 * A node's right to be believed alive, as it judges itself: until some time after the *sending* of its last renewal that
 * was answered. Never counted from the answer, which may have come late.
 *
 * @internal
 */
import type { Ambient } from "../runtime/environment.js"
import { deadline, type Timing } from "./timing.js"

/** @internal */
export class Lease {
  private until = -Infinity

  constructor(private readonly timing: Timing, private readonly ambient: Ambient) {}

  /** Judged at the moment of the call. */
  holds(): boolean {
    return this.ambient.now() < this.until
  }

  /** It was given, and neither ended nor revoked; it may have run out unnoticed. */
  get given(): boolean {
    return this.until > -Infinity
  }

  /** Milliseconds that are left. */
  get remaining(): number {
    return this.until - this.ambient.now()
  }

  /** Counts a renewal that was sent at `sent`; `false` when it came back too late to be of use. */
  renew(sent: number): boolean {
    const until = deadline(this.timing, sent)
    if (this.ambient.now() >= until) return false
    if (until > this.until) this.until = until
    return true
  }

  /** Of a node that runs nothing: there is nothing that it could end too late. */
  keep(): void {
    this.until = Infinity
  }

  revoke(): void {
    this.until = -Infinity
  }
}
