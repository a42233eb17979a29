import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import type { Labels } from "../../../src/ChildSpec.js"
import type { NodeItem } from "../../../src/internal/registry/commands.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import { knowledge, type NodeRecord } from "../../../src/internal/replica/nodeRecord.js"
import type { Entry } from "../../../src/internal/replica/replica.js"
import { hashText } from "../../../src/internal/runtime/hash.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, holds, names, nodeItem, random } from "../../support/arbitrary.js"

const children = (count: number): ReadonlyArray<Entry> => names(count, "c").map((key) => entryOf(`K/${key}`))

const items = (all: ReadonlyArray<string>, record: Partial<NodeRecord> = {}) =>
  all.map((name) => nodeItem(`${name}#1`, record))

const sids = (members: ReadonlyArray<{ readonly sid: string }>) => members.map(({ sid }) => sid)

interface Seat {
  readonly session: number
  readonly record: Partial<NodeRecord>
}

interface Change {
  readonly node: number
  readonly what: "leave" | "join" | "return" | Partial<NodeRecord>
}

/** What may happen to one of six nodes. */
const change: FastCheck.Arbitrary<Change> = FastCheck.record({
  node: FastCheck.nat(5),
  what: FastCheck.oneof(
    FastCheck.constantFrom<"leave" | "join" | "return">("leave", "join", "return"),
    FastCheck.record(
      {
        weight: FastCheck.constantFrom(0.3, 1, 4),
        labels: FastCheck.constantFrom<Labels>({}, { zone: "a" }, { zone: "b" }, { zone: "a", disk: "ssd" }),
        kinds: FastCheck.constantFrom<NodeRecord["kinds"]>(
          {},
          { K: { version: 1, digest: "d" } },
          { K: { version: 2, digest: "d" } },
          { K: { version: 2, digest: "e" }, L: { version: 1, digest: "d" } }
        ),
        cordoned: FastCheck.boolean(),
        draining: FastCheck.boolean(),
        joining: FastCheck.boolean(),
        full: FastCheck.boolean(),
        enough: FastCheck.boolean(),
        fresh: FastCheck.nat(4),
        settled: FastCheck.nat(4),
        knows: FastCheck.constantFrom(knowledge, knowledge, knowledge.filter((part) => part !== "revisions")),
        duplicateName: FastCheck.boolean()
      },
      { requiredKeys: [] }
    )
  )
})

const applyChange = (seats: Map<string, Seat>, { node, what }: Change): void => {
  const name = `n${node}`
  const seat = seats.get(name)
  if (what === "leave") seats.delete(name)
  else if (what === "join") seats.set(name, seat ?? { session: 0, record: { revision: `v${node % 2}`, fresh: node } })
  // The same name under a younger session, while the older one may still be listed.
  else if (what === "return") seats.set(`${name}'`, { session: (seat?.session ?? 0) + 1, record: { name } })
  else if (seat !== undefined) seats.set(name, { ...seat, record: { ...seat.record, ...what } })
}

const listOf = (seats: Map<string, Seat>): ReadonlyArray<NodeItem> =>
  Array.from(seats, ([name, { record, session }]) => nodeItem(`${name}#${session}`, record, { opened: session + 1 }))

/** Children of all sorts. */
const assorted = (): ReadonlyArray<Entry> => [
  ...children(12),
  entryOf("K/new", {}, { version: 2 }),
  entryOf("K/picky", {}, { requires: { zone: "a" } }),
  entryOf("K/fond", {}, { prefers: { zone: "b", disk: "ssd" } }),
  entryOf("K/refused", { refused: ["1.d", "2.e"] }),
  entryOf("L/other")
]

describe("Membership", () => {
  holds(
    "knows the same homes after any changes as if it had just learned the members",
    [
      FastCheck.array(FastCheck.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
      random
    ],
    (steps, makeDice) => {
      const dice = makeDice()
      const membership = new Membership(rendezvous)
      const seats = new Map<string, Seat>()
      const entries = assorted()
      for (const step of steps) {
        for (const one of step) applyChange(seats, one)
        const list = listOf(seats)
        membership.set(list)
        const fresh = new Membership(rendezvous)
        fresh.set(list)
        for (const entry of entries) {
          // Now and then a child is not looked at, and misses an epoch or several.
          if (dice.chance(0.25)) continue
          const unseen = { ...entry, home: undefined, homeEpoch: -1 }
          expect(membership.homeOf(entry), entry.id).toBe(fresh.homeOf(unseen))
        }
      }
    },
    500
  )

  holds(
    "moves children only to a joiner, and only a leaver's",
    [FastCheck.integer({ min: 1, max: 8 }), FastCheck.double({ min: 0.2, max: 5, noNaN: true })],
    (count, weight) => {
      const entries = children(100)
      const membership = new Membership(rendezvous)
      const homes = () => entries.map((entry) => membership.homeOf(entry))
      const few = items(names(count))
      membership.set(few)
      const before = homes()
      membership.set([...few, nodeItem("joiner#1", { weight })])
      const joined = homes()
      joined.forEach((home, i) => expect([before[i], "joiner#1"]).toContain(home))
      membership.set(few)
      expect(homes()).toEqual(before)
    },
    50
  )

  it("asks only about the members that came, and about all when a child's own went", () => {
    const asked: Array<string> = []
    const membership = new Membership((child, node) => {
      asked.push(node.name)
      return rendezvous(child, node)
    })
    const entry = entryOf("K/x")
    const all = items(["a", "b", "c"])
    membership.set(all)
    const home = membership.homeOf(entry)!
    const other = all.find(({ sid }) => sid !== home)!
    asked.length = 0
    expect(membership.homeOf(entry)).toBe(home)
    expect(asked).toEqual([])
    membership.set([...all, nodeItem("d#1")])
    membership.homeOf(entry)
    expect(asked.filter((name) => name !== home.slice(0, 1))).toEqual(["d"])
    asked.length = 0
    membership.set([...all.filter(({ sid }) => sid !== other.sid), nodeItem("d#1")])
    membership.homeOf(entry)
    expect(asked.length).toBeLessThanOrEqual(1)
    asked.length = 0
    membership.set(all.filter(({ sid }) => sid !== membership.homeOf(entry)))
    membership.homeOf(entry)
    expect(asked.length).toBeGreaterThanOrEqual(2)
  })

  it("has no rollout while a member does not know revisions: it would place the children otherwise", () => {
    const membership = new Membership(rendezvous)
    const [all, one] = [children(40), nodeItem("b#1", { revision: "v2", fresh: 9, enough: true })]
    const before = knowledge.filter((part) => part !== "revisions")
    membership.set([nodeItem("a#1", { revision: "v1", fresh: 1 }), one])
    expect([membership.isMixed, membership.members.get("b#1")?.enough]).toEqual([true, true])
    membership.set([nodeItem("a#1", { knows: before }), one])
    expect([membership.isMixed, membership.members.get("b#1")?.enough]).toEqual([false, false])
    expect(new Set(all.map((child) => membership.homeOf(child))).size).toBe(2)
  })

  it("tells who came and who went, and whether children may move", () => {
    const membership = new Membership(rendezvous)
    const set = (list: ReadonlyArray<NodeItem>) => {
      const { joined, left, placement } = membership.set(list)
      return { joined: sids(joined), left: sids(left), placement }
    }
    expect(set(items(["a", "b"]))).toEqual({ joined: ["a#1", "b#1"], left: [], placement: true })
    expect(set(items(["b", "a"]))).toEqual({ joined: [], left: [], placement: false })
    expect(set([nodeItem("a#1", {}, { version: 7 }), nodeItem("b#1")])).toEqual({
      joined: [],
      left: [],
      placement: false
    })
    expect(set(items(["b", "c"]))).toEqual({ joined: ["c#1"], left: ["a#1"], placement: true })
    expect(set([nodeItem("b#1", { weight: 2 }), nodeItem("c#1")])).toEqual({ joined: [], left: [], placement: true })
    expect(set([nodeItem("b#1", { weight: 2 }), nodeItem("c#1", { cordoned: true })])).toMatchObject({
      placement: true
    })
    // The first that has joined removes what dead nodes left, be it closed: who that is may be news to all.
    const closed = (joining: boolean) => set([nodeItem("b#1", { cordoned: true, joining }), nodeItem("c#1")])
    closed(true)
    expect(closed(false)).toEqual({ joined: [], left: [], placement: true })
    expect(membership.isLive("c#1")).toBe(true)
    expect(membership.isLive("a#1")).toBe(false)
    expect(sids(membership.list)).toEqual(["b#1", "c#1"])
  })

  it("leaves the epoch alone when nothing changes that placement depends on", () => {
    const membership = new Membership(rendezvous)
    membership.set(items(["a", "b"]))
    const { epoch } = membership
    membership.set(items(["b", "a"]))
    expect(membership.epoch).toBe(epoch)
    membership.set(items(["b", "a"], { labels: { zone: "a" } }))
    expect(membership.epoch).toBe(epoch + 1)
  })

  it("places by name: a node that comes back has its children back", () => {
    const entries = children(50)
    const membership = new Membership(rendezvous)
    const nodesOf = () => entries.map((entry) => membership.homeOf(entry)!.split("#")[0])
    membership.set(items(["a", "b", "c"]))
    const before = nodesOf()
    membership.set(items(["a", "c"]))
    membership.set([...items(["a", "c"]), nodeItem("b#2", {}, { opened: 9 })])
    expect(nodesOf()).toEqual(before)
    expect(membership.members.get("b#2")?.hash).toBe(hashText("b"))
  })

  it("has no home for a child that is not registered, or that nobody can run", () => {
    const membership = new Membership(rendezvous)
    const entry = entryOf("K/x")
    expect(membership.homeOf(entry)).toBeUndefined()
    membership.set(items(["a"], { kinds: {} }))
    expect(membership.homeOf(entry)).toBeUndefined()
    membership.set(items(["a"]))
    expect(membership.homeOf(entry)).toBe("a#1")
    entry.spec = undefined
    expect(membership.homeOf(entry)).toBeUndefined()
  })
})
