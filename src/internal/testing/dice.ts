/**
 * Repeatable chance: everything that a history leaves to chance comes from its seed.
 *
 * @internal
 */
import { hashText } from "../runtime/hash.js"

/** A stream of random numbers (sfc32, Chris Doty-Humphrey). */
export class Dice {
  private a: number
  private b: number
  private c: number
  private d = 1

  constructor(readonly seed: string) {
    this.a = hashText(seed)
    this.b = hashText(`${seed}.b`)
    this.c = hashText(`${seed}.c`)
    for (let i = 0; i < 12; i++) this.bits()
  }

  private bits(): number {
    const t = (this.a + this.b + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + t | 0
    return t >>> 0
  }

  /** Another stream. It depends on the seed and the name only, not on what was drawn from this one. */
  stream(name: string): Dice {
    return new Dice(`${this.seed}/${name}`)
  }

  /** The next number, of at least 0 and below 1. */
  next(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number of at least 0, and below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** A whole number between the two, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Picks one of the items, all as likely. */
  pick<A>(items: ReadonlyArray<A>): A {
    return items[this.below(items.length)]!
  }

  /** Picks one of the names, each as likely as its weight says. */
  weighted<K extends string>(weights: { readonly [name in K]: number }): K {
    const entries = Object.entries(weights) as Array<[K, number]>
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return entries[0]![0]
  }
}
