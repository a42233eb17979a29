/**
 * A resource that compares fencing tokens, and remembers which requests it has served. It is somewhere else: what was
 * sent to it arrives, whatever becomes of the sender.
 */
import { Effect } from "effect"
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Process, World } from "../../../src/internal/testing/virtualWorld.js"

export class Vault {
  private readonly tokens = new Map<string, bigint>()
  private readonly served = new Map<string, number>()

  constructor(private readonly world: World, private readonly dice: Dice) {}

  /** How often a request has had its effect. */
  times(request: string): number {
    return this.served.get(request) ?? 0
  }

  private apply(id: string, token: bigint, request: string): boolean {
    if (token < (this.tokens.get(id) ?? 0n)) return false
    this.tokens.set(id, token)
    this.served.set(request, this.times(request) + 1)
    return true
  }

  private delay(): number {
    return this.dice.chance(0.02) ? this.dice.between(50, 2_000) : 0.1 + this.dice.next()
  }

  /** Tells whether the token was good enough. */
  write(process: Process, id: string, token: bigint, request: string): Effect.Effect<boolean> {
    return Effect.async((resume) => {
      this.world.after(this.delay(), () => {
        const done = this.apply(id, token, request)
        this.world.after(this.delay(), () => process.post(() => resume(Effect.succeed(done))))
      })
    })
  }
}
