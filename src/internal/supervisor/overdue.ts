/**
 * Tells when children that are being stopped take too long: one sleeping fiber for all of them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Ambient } from "../runtime/environment.js"
import type { LocalChild } from "./child.js"

/** @internal */
export class OverdueWatch {
  private readonly watched = new Set<LocalChild>()
  private sleeper: Fiber.RuntimeFiber<void> | undefined
  private wakeAt = Infinity

  constructor(
    private readonly ambient: Ambient,
    private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>,
    private readonly isOverdue: (child: LocalChild) => void
  ) {}

  /** Watches a child until its `overdueAt`. */
  watch(child: LocalChild): void {
    if (child.overdueAt === Infinity) return
    this.watched.add(child)
    if (child.overdueAt < this.wakeAt) this.sleepUntil(child.overdueAt)
  }

  forget(child: LocalChild): void {
    this.watched.delete(child)
  }

  private sleepUntil(at: number): void {
    this.sleeper?.unsafeInterruptAsFork(FiberId.none)
    this.wakeAt = at
    this.sleeper = this.fork(
      Effect.zipRight(Effect.sleep(Math.max(0, at - this.ambient.now())), Effect.sync(() => this.wake()))
    )
  }

  private wake(): void {
    this.sleeper = undefined
    this.wakeAt = Infinity
    const now = this.ambient.now()
    let next = Infinity
    for (const child of Array.from(this.watched)) {
      if (child.overdueAt <= now) {
        this.watched.delete(child)
        this.isOverdue(child)
      } else next = Math.min(next, child.overdueAt)
    }
    if (next < Infinity) this.sleepUntil(next)
  }
}
