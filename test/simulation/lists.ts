/**
 * Whether what a list says of a child, which it may have made a while ago, is what it would say if it were made now.
 */
import { freshRow, rowOf } from "../../src/internal/node/childStatus.js"
import type { Node } from "../../src/internal/node/node.js"
import type { Entry } from "../../src/internal/replica/replica.js"
import type { Life } from "./life.js"

/** One row is looked at in so many steps. */
const every = 4

const print = (row: object): string =>
  JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))

export class Lists {
  private steps = 0
  private walk: Iterator<readonly [Node, Entry]> | undefined

  constructor(private readonly lives: () => Iterable<Life>) {}

  private *rows(): Generator<readonly [Node, Entry], void> {
    for (const { node } of this.lives()) {
      if (node === undefined) continue
      for (const entry of node.view.entries.values()) yield [node, entry]
    }
  }

  /** Looks at one row, now and then; tells what is wrong with it. */
  look(): string | undefined {
    if (++this.steps % every !== 0) return undefined
    this.walk ??= this.rows()
    const next = this.walk.next()
    if (next.done === true) return void (this.walk = undefined)
    const [node, entry] = next.value
    const [told, now] = [print(rowOf(node, entry)), print(freshRow(node, entry))]
    return told === now ? undefined : `${node.config.name} lists ${told}, now it is ${now}`
  }
}
