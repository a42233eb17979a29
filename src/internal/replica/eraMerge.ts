/**
 * The merge of a node's view with a data set that is not the one it knew. Per id the higher rank wins: what the registry
 * knows better is taken over, what the node knows better is a fact to give back.
 *
 * @internal
 */
import type { Fact, Item } from "../registry/commands.js"
import { compareRanks, maxRank, noRank, rankOfStored, type RecordRank } from "../registry/ranks.js"
import { parseSpec, parseTomb } from "../registry/state.js"
import { rankOfSpec, type View } from "./replica.js"

/** The record of higher rank that a view has of an id. */
interface Known {
  readonly rank: RecordRank
  readonly kind: "spec" | "tomb"
  readonly raw: string
}

const ours = (view: View, id: string): Known | undefined => {
  const spec = view.entries.get(id)?.spec
  const tomb = view.tombs.get(id)
  if (tomb !== undefined && tomb.stamp >= (spec?.stamp ?? 0)) return { rank: tomb, kind: "tomb", raw: tomb.raw }
  return spec === undefined ? undefined : { rank: rankOfSpec(spec), kind: "spec", raw: spec.raw }
}

const theirs = (item: Item): RecordRank =>
  maxRank(
    typeof item.spec === "string" ? rankOfStored(parseSpec(item.spec)) : noRank,
    typeof item.tomb === "string" ? rankOfStored(parseTomb(item.tomb)) : noRank
  )

/** The merge of one complete read into the view. */
export class EraMerge {
  readonly seen = new Set<string>()
  private readonly facts = new Set<string>()

  constructor(private readonly view: View) {}

  /** Takes a row of the read, of its pages or of the log behind them. */
  take(item: Item, at: number): void {
    if (this.seen.has(item.id)) this.update(item, at)
    else this.read(item, at)
  }

  /** Takes over a row, or notes that the view knows better. */
  private read(item: Item, at: number): void {
    this.seen.add(item.id)
    const known = ours(this.view, item.id)
    if (known === undefined || compareRanks(known.rank, theirs(item)) <= 0) this.view.apply(item, at)
    else {
      this.facts.add(item.id)
      this.view.apply({ ...item, spec: undefined, tomb: undefined }, at)
    }
  }

  /** Takes a row of the log. Where the view still knows better, the fact stays to be given back; else it is dropped. */
  update(item: Item, at: number): void {
    if (item.spec === undefined || !this.facts.delete(item.id)) this.view.apply(item, at)
    else this.read(item, at)
  }

  /** Ends the read, which tells how it stood when the counter was at `at`: what it lacks is to be given back. */
  end(at: number): void {
    for (const id of [...this.view.entries.keys(), ...this.view.tombs.keys()]) {
      if (this.seen.has(id)) continue
      this.view.setClaim(id, undefined, undefined, at)
      this.facts.add(id)
    }
  }

  /** The facts still to be given back about ids that `mine` accepts, as the view has them now. */
  pending(mine: (id: string) => boolean): ReadonlyArray<Fact> {
    const facts: Array<Fact> = []
    for (const id of this.facts) {
      const known = mine(id) ? ours(this.view, id) : undefined
      if (known !== undefined) facts.push({ id, kind: known.kind, value: known.raw })
    }
    return facts
  }

  /** Ids of the facts still to be given back. */
  get ids(): Iterable<string> {
    return this.facts
  }

  /** True if something about an id is still to be given back. */
  holds(id: string): boolean {
    return this.facts.has(id)
  }

  /** Number of the facts still to be given back. */
  get size(): number {
    return this.facts.size
  }

  /** Drops the fact about an id that the registry has now: merged by this node, or by another. */
  settle(id: string): void {
    this.facts.delete(id)
  }
}
