/**
 * A node meets a data set that is not the one it knew. Per id the higher stamp wins: what the registry knows better is
 * taken over, what the node knows better is a fact to give back.
 *
 * @internal
 */
import type { Args, Item } from "../registry/protocol.js"
import { parseSpec, parseTomb } from "../registry/records.js"
import type { View } from "./view.js"

/** One thing that a node remembers, and the registry does not. */
export type Fact = Args<"merge">["facts"][number]

interface Known {
  readonly stamp: number
  readonly kind: "spec" | "tomb"
  readonly raw: string
}

const ours = (view: View, id: string): Known | undefined => {
  const spec = view.entries.get(id)?.spec
  const tomb = view.tombs.get(id)
  if (tomb !== undefined && tomb.stamp >= (spec?.stamp ?? 0)) return { stamp: tomb.stamp, kind: "tomb", raw: tomb.raw }
  return spec === undefined ? undefined : { stamp: spec.stamp, kind: "spec", raw: spec.raw }
}

const theirs = (item: Item): number =>
  Math.max(
    typeof item.spec === "string" ? parseSpec(item.spec)?.stamp ?? Infinity : 0,
    typeof item.tomb === "string" ? parseTomb(item.tomb)?.stamp ?? Infinity : 0
  )

/** The comparison of one complete read with the view. */
export class EraMerge {
  readonly seen = new Set<string>()
  private readonly facts = new Set<string>()

  constructor(private readonly view: View) {}

  /** Takes a row over, or notes that the view knows better. */
  meet(item: Item, at: number): void {
    this.seen.add(item.id)
    const known = ours(this.view, item.id)
    if (known === undefined || known.stamp <= theirs(item)) this.view.apply(item, at)
    else {
      this.facts.add(item.id)
      this.view.apply({ ...item, spec: undefined, tomb: undefined }, at)
    }
  }

  /** Ends the read, which began when the counter stood at `at`. */
  end(at: number): void {
    for (const id of [...this.view.entries.keys(), ...this.view.tombs.keys()]) {
      if (this.seen.has(id)) continue
      this.view.setClaim(id, undefined, undefined, at)
      this.facts.add(id)
    }
  }

  /** What is still to be given back, and is in the view as it stands now. */
  pending(mine: (id: string) => boolean): ReadonlyArray<Fact> {
    const facts: Array<Fact> = []
    for (const id of this.facts) {
      const known = mine(id) ? ours(this.view, id) : undefined
      if (known !== undefined) facts.push({ id, kind: known.kind, value: known.raw })
    }
    return facts
  }

  /** How much is still to be given back. */
  get size(): number {
    return this.facts.size
  }

  /** The registry has this id now: merged by this node, or told by another. */
  settle(id: string): void {
    this.facts.delete(id)
  }
}
