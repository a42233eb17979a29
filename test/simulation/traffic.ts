/**
 * The network of a history: latency, loss, duplicates, and requests that are executed long after their caller gave up.
 */
import type { Dice } from "../../src/internal/testing/dice.js"
import type { Fate, Traffic } from "../../src/internal/testing/testRegistry.js"
import type { World } from "../../src/internal/testing/virtualWorld.js"
import type { Stats } from "./stats.js"

const perfect = (dice: Dice): Fate => ({
  arrives: 1 + dice.next(),
  answers: 1 + dice.next(),
  again: undefined,
  fails: undefined
})

export class Network implements Traffic {
  /** The faults are over. */
  calm = false

  constructor(
    private readonly world: World,
    private readonly dice: Dice,
    private readonly noise: number,
    private readonly stats: Stats
  ) {}

  private delay(): number {
    const { dice, noise } = this
    const x = dice.next()
    if (x < 1 - 0.03 * noise) return 0.2 + 4 * dice.next()
    if (x < 1 - 0.006 * noise) return dice.between(20, 3_500)
    return dice.between(3_000, 35_000)
  }

  private lost(probability: number): boolean {
    return this.dice.chance(probability * this.noise)
  }

  request(): Fate {
    const { dice } = this
    if (this.calm || this.noise === 0) return perfect(dice)
    const arrives = this.lost(0.005) ? undefined : this.delay()
    const fate = {
      arrives,
      answers: this.lost(0.005) ? undefined : this.delay(),
      again: arrives !== undefined && this.lost(0.006)
        ? arrives + dice.between(1, dice.chance(0.5) ? 1_500 : 20_000)
        : undefined,
      fails: this.lost(0.003) ? dice.between(1, 1_000) : undefined
    }
    if (fate.arrives === undefined) this.stats.count("request lost")
    if (fate.answers === undefined) this.stats.count("reply lost")
    if (fate.again !== undefined) this.stats.count("request doubled")
    if (fate.fails !== undefined) this.stats.count("connection reset")
    if (fate.arrives !== undefined && fate.arrives > 2_000) this.stats.count("request late")
    return fate
  }

  wake(): number | undefined {
    if (this.calm) return 1
    return this.lost(0.05) ? undefined : this.delay()
  }

  after(millis: number, run: () => void): void {
    this.world.after(millis, run)
  }
}
