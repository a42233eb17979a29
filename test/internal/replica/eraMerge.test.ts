import { describe, expect, it } from "@effect/vitest"
import type { Fact } from "../../../src/internal/registry/commands.js"
import type { RecordRank } from "../../../src/internal/registry/ranks.js"
import {
  cloneState,
  emptyState,
  formatTomb,
  parseSpec,
  parseTomb,
  type RegistryState
} from "../../../src/internal/registry/state.js"
import { EraMerge } from "../../../src/internal/replica/eraMerge.js"
import { View } from "../../../src/internal/replica/replica.js"
import { rendezvous } from "../../../src/Placement.js"
import { History, holds, names, random, row, specText } from "../../support/arbitrary.js"

const ids = names(8, "K/c")
const id = "K/x"

const makeView = (foreign: (id: string, part: string) => void = () => {}): View =>
  new View(rendezvous, () => 0, { changed: () => {}, moved: () => {}, foreign })

/** A view that knows all of a data set. */
const viewOf = (history: History): View => {
  const view = makeView()
  for (const known of ids) view.apply(history.row(known), history.high)
  return view
}

/** A rank as a number: those of these histories are small enough for that. */
const rankOf = ({ initial, stamp, stateful = false }: RecordRank): number =>
  stamp + (initial ? 0.5 : 0) + (stateful ? 0.25 : 0)

const rankIn = (spec: string | null | undefined, tomb: string | null | undefined): number =>
  Math.max(...[parseSpec(spec ?? ""), parseTomb(tomb ?? "")].map((one) => (one === undefined ? 0 : rankOf(one))))

const rankStored = (state: RegistryState, known: string): number => rankIn(state.spec.get(known), state.tomb.get(known))

const rankKnown = (view: View, known: string): number =>
  rankIn(view.entries.get(known)?.spec?.raw, view.tombs.get(known)?.raw)

/** What is registered and what is ended, without claims. */
const registered = ({ spec, tomb }: RegistryState) => ({
  spec: Object.fromEntries(spec),
  tomb: Object.fromEntries(tomb)
})

/** Compares a view with the whole of a data set. */
const meetAll = (view: View, history: History): EraMerge => {
  const merge = new EraMerge(view)
  const at = history.high
  for (const known of ids) {
    const item = history.row(known)
    if (item.spec !== null || item.tomb !== null || item.claim !== null) merge.take(item, at)
  }
  merge.end(at)
  return merge
}

interface Loss {
  /** What two nodes remember. */
  readonly a: View
  readonly b: View
  /** The data set that they meet: empty, or an old copy. */
  readonly registry: History
}

/** Two nodes heard of a history up to different moments; then its data was replaced by less. */
const lose = (make: Parameters<Parameters<typeof random.map>[0]>[0]): Loss => {
  const history = new History(make(), ids)
  const { random: dice } = history
  let copy = emptyState()
  const [a, b, c] = [dice.below(80), dice.below(80), dice.below(80)]
  let views: ReadonlyArray<View> = []
  for (let i = 0; i < 80; i++) {
    history.step()
    if (i === c && dice.chance(0.6)) copy = cloneState(history.state)
    if (i === a || i === b) views = [...views, viewOf(history)]
  }
  const [first, second = viewOf(history)] = views
  return {
    a: dice.chance(0.5) ? first! : second,
    b: dice.chance(0.5) ? second : first!,
    registry: new History(dice, ids, copy, "restarted", history.high + 1)
  }
}

const giveBack = (registry: History, facts: ReadonlyArray<Fact>): number => registry.call("merge", { facts }).merged

describe("EraMerge", () => {
  holds("finds exactly what the registry does not know, or knows an older word of", [random], (make) => {
    const { a, registry } = lose(make)
    const expected = ids.filter((known) => rankKnown(a, known) > rankStored(registry.state, known)).map((known) => {
      const tomb = a.tombs.get(known)
      const spec = a.entries.get(known)?.spec
      return tomb !== undefined && tomb.stamp > (spec?.stamp ?? 0)
        ? { id: known, kind: "tomb", value: tomb.raw }
        : { id: known, kind: "spec", value: spec!.raw }
    })
    const facts = meetAll(a, registry).pending(() => true)
    expect([...facts].sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual(expected)
  }, 300)

  holds("leaves the higher stamp of each child, in the registry and in the view", [random], (make) => {
    const { a, registry } = lose(make)
    const highest = ids.map((known) => Math.max(rankKnown(a, known), rankStored(registry.state, known)))
    const facts = meetAll(a, registry).pending(() => true)
    expect(ids.map((known) => rankKnown(a, known))).toEqual(highest)
    expect(giveBack(registry, facts)).toBe(facts.length)
    expect(ids.map((known) => rankStored(registry.state, known))).toEqual(highest)
    for (const known of ids) {
      expect(a.entries.get(known)?.spec?.raw).toBe(registry.state.spec.get(known))
      expect(a.tombs.get(known)?.raw).toBe(registry.state.tomb.get(known))
    }
  }, 300)

  holds("comes to the same, whichever of two nodes is first, and however often they repeat it", [random], (make) => {
    const one = lose(make)
    const other = lose(make)
    const facts = (view: View, registry: History) => meetAll(view, registry).pending(() => true)
    giveBack(one.registry, facts(one.a, one.registry))
    giveBack(one.registry, facts(one.b, one.registry))
    giveBack(other.registry, facts(other.b, other.registry))
    giveBack(other.registry, facts(other.a, other.registry))
    expect(registered(one.registry.state)).toEqual(registered(other.registry.state))
    const third = lose(make)
    // Both compare before either gives anything back.
    const [a, b] = [facts(third.a, third.registry), facts(third.b, third.registry)]
    giveBack(third.registry, b)
    giveBack(third.registry, a)
    expect(registered(third.registry.state)).toEqual(registered(one.registry.state))
    expect(giveBack(third.registry, a) + giveBack(third.registry, b)).toBe(0)
    expect(meetAll(third.a, third.registry).pending(() => true)).toEqual([])
    expect(meetAll(third.b, third.registry).pending(() => true)).toEqual([])
    expect(registered(third.registry.state)).toEqual(registered(one.registry.state))
  }, 300)

  holds("takes claims over as the registry tells them", [random], (make) => {
    const { a, registry } = lose(make)
    meetAll(a, registry)
    for (const known of ids) {
      const claim = registry.state.claim.get(known)
      expect(a.entries.get(known)?.claim?.token).toBe(claim === undefined ? undefined : Number(claim.split(":")[0]))
    }
  })

  it("gives back first what is a node's own, and nothing that another gave back meanwhile", () => {
    const view = makeView()
    for (const key of ["a", "b", "c"]) view.learnSpec(`K/${key}`, specText(`K/${key}`), 1)
    const merge = new EraMerge(view)
    merge.end(2)
    expect(merge.size).toBe(3)
    const own = merge.pending((known) => known === "K/a")
    expect(own.map((fact) => fact.id)).toEqual(["K/a"])
    merge.settle("K/a")
    merge.settle("K/c")
    expect(merge.size).toBe(1)
    expect(merge.pending(() => true).map((fact) => fact.id)).toEqual(["K/b"])
  })

  it("gives back what the view knows when it is asked, not what it knew at first", () => {
    const view = makeView()
    view.learnSpec(id, specText(id), 1)
    const merge = new EraMerge(view)
    merge.end(2)
    const tomb = formatTomb({
      stamp: 9,
      generation: 1,
      op: "o",
      endOp: "b",
      how: "terminated",
      initial: false,
      pruned: false
    })
    view.learnTomb(id, tomb, 9)
    expect(merge.pending(() => true)).toEqual([{ id, kind: "tomb", value: tomb }])
  })

  it("keeps giving back what is heard of in an older word meanwhile, and stops at a newer one", () => {
    const view = makeView()
    view.learnSpec(id, specText(id, { generation: 5 }), 5)
    const merge = new EraMerge(view)
    merge.end(10)
    merge.update(row(id, { spec: specText(id, { generation: 4 }), claim: "11:4:a#1" }), 11)
    expect(merge.pending(() => true)).toEqual([{ id, kind: "spec", value: specText(id, { generation: 5 }) }])
    expect(Array.from(merge.ids)).toEqual([id])
    expect(view.entries.get(id)?.claim?.token).toBe(11)
    // A row that tells nothing of the spec settles nothing.
    merge.update(row(id, { spec: undefined, tomb: undefined }), 12)
    expect([merge.size, view.entries.get(id)?.claim]).toEqual([1, undefined])
    merge.update(row(id, { spec: specText(id, { generation: 13 }) }), 13)
    expect(merge.pending(() => true)).toEqual([])
    expect(view.entries.get(id)?.spec?.generation).toBe(13)
  })

  it("reports an unreadable record once, and neither overwrites it nor gives it back", () => {
    const foreign: Array<string> = []
    const view = makeView((known, part) => foreign.push(`${part} ${known}`))
    view.learnSpec(id, specText(id, { generation: 5 }), 5)
    const merge = new EraMerge(view)
    merge.take(row(id, { spec: "something else" }), 10)
    merge.end(10)
    expect(foreign).toEqual([`spec ${id}`])
    expect(merge.pending(() => true)).toEqual([])
  })

  it("gives nothing back of a child that only a claim was known of", () => {
    const view = makeView()
    view.apply(row(id, { claim: "5:1:a#1" }), 5)
    const merge = new EraMerge(view)
    merge.end(10)
    expect(merge.pending(() => true)).toEqual([])
    expect(view.entries.has(id)).toBe(false)
    expect(view.claimsOf("a#1")).toBe(0)
  })

  it("takes a tombstone for the later word where stamps are equal", () => {
    const view = makeView()
    const tomb = formatTomb({
      stamp: 5,
      generation: 1,
      op: "o",
      endOp: "b",
      how: "ended",
      initial: false,
      pruned: false
    })
    view.apply(row(id, { spec: specText(id, { stamp: 5 }), tomb }), 5)
    const merge = new EraMerge(view)
    merge.end(6)
    expect(merge.pending(() => true)).toEqual([{ id, kind: "tomb", value: tomb }])
  })
})
