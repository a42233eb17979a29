import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { best, obstacle, ranking, type Score } from "../../../src/internal/replica/candidates.js"
import { type NodeRecord, readMembers, type ScopeMember } from "../../../src/internal/replica/nodeRecord.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, holds, knownSpec, nameText, nodeItem, random } from "../../support/arbitrary.js"

const member = (name: string, record: Partial<NodeRecord> = {}): ScopeMember =>
  readMembers([nodeItem(`${name}#1`, record)])[0]!

const flat: Score = () => 1

const label = FastCheck.constantFrom("zone", "disk", "__proto__", "toString")
const labels = FastCheck.dictionary(label, FastCheck.constantFrom("a", "b"), { maxKeys: 3, noNullPrototype: true })

const code = FastCheck.record({ version: FastCheck.nat(3), digest: FastCheck.constantFrom("d", "e") })
const kinds = FastCheck.dictionary(FastCheck.constantFrom("K", "L", "__proto__"), code, { noNullPrototype: true })

const record = FastCheck.record({
  weight: FastCheck.constantFrom(0.5, 1, 3),
  labels,
  kinds,
  cordoned: FastCheck.integer({ min: 0, max: 5 }).map((n) => n === 0),
  draining: FastCheck.integer({ min: 0, max: 5 }).map((n) => n === 0),
  joining: FastCheck.integer({ min: 0, max: 5 }).map((n) => n === 0)
})

const members = FastCheck.array(record, { maxLength: 6 }).map((records) =>
  readMembers(records.map((fields, i) => nodeItem(`n${i}#1`, fields)))
)

const spec = FastCheck.record({
  id: FastCheck.tuple(FastCheck.constantFrom("K", "L", "__proto__", "constructor"), nameText).map((p) => p.join("/")),
  version: FastCheck.nat(3),
  requires: labels,
  prefers: labels,
  refused: FastCheck.uniqueArray(FastCheck.constantFrom("1.d", "2.e", "0.d"), { maxLength: 3 })
}).map(({ id, prefers, refused, requires, version }) => entryOf(id, { refused }, { version, requires, prefers }))

const has = (node: ScopeMember, wanted: Readonly<Record<string, string>> | undefined): number =>
  Object.entries(wanted ?? {}).filter(([name, value]) =>
    Object.entries(node.labels).some(([n, v]) => n === name && v === value)
  )
    .length

describe("obstacle", () => {
  const child = knownSpec("K/x", { refused: ["2.new"] }, { version: 2, requires: { zone: "a", disk: "ssd" } })
  const able = { kinds: { K: { version: 2, digest: "d" } }, labels: { zone: "a", disk: "ssd", more: "1" } }

  it.each<[string, Partial<NodeRecord>, string | undefined]>([
    ["a node that has all that is asked", able, undefined],
    ["a node of a later version", { ...able, kinds: { K: { version: 3, digest: "d" } } }, undefined],
    ["a node without the kind", { ...able, kinds: { L: { version: 2, digest: "d" } } }, "it does not have the kind"],
    ["a draining node", { ...able, draining: true }, "it is draining"],
    ["a cordoned node", { ...able, cordoned: true }, "it is cordoned"],
    ["a joining node", { ...able, joining: true }, "it is joining"],
    [
      "a node of an earlier version",
      { ...able, kinds: { K: { version: 1, digest: "d" } } },
      "it has version 1 of the kind, the child needs 2"
    ],
    [
      "a node whose code refused the payload",
      { ...able, kinds: { K: { version: 2, digest: "new" } } },
      "its code could not decode the payload or the state"
    ],
    [
      "a node that lacks a label",
      { ...able, labels: { zone: "a" } },
      "it lacks disk=ssd"
    ],
    [
      "a node whose label has another value",
      { ...able, labels: { zone: "b", disk: "ssd" } },
      "it lacks zone=a"
    ]
  ])("of %s is told", (_, fields, expected) => {
    expect(obstacle(child, member("n", fields))).toBe(expected)
  })

  it("of an older session of a name is that the name is taken", () => {
    const [old] = readMembers([nodeItem("n#1", able, { opened: 1 }), nodeItem("n#2", able, { opened: 2 })])
    expect(obstacle(child, old!)).toBe("its name is taken")
  })

  it("of kinds and labels that every object inherits is found", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(obstacle(knownSpec(`${name}/x`), member("n"))).toBe("it does not have the kind")
      const requires = JSON.parse(`{ ${JSON.stringify(name)}: "a" }`) as Record<string, string>
      expect(obstacle(knownSpec("K/x", {}, { requires }), member("n"))).toMatch(/^it lacks .*=a$/)
      expect(obstacle(knownSpec("K/x", {}, { requires }), member("n", { labels: requires }))).toBeUndefined()
    }
  })
})

describe("best", () => {
  holds("is none exactly when every member has an obstacle", [spec, members], (entry, all) => {
    const able = all.filter((node) => obstacle(entry.spec!, node) === undefined)
    const chosen = best(entry, entry.spec!, all, rendezvous)
    expect(chosen === undefined).toBe(able.length === 0)
    if (chosen !== undefined) expect(able).toContain(chosen)
  }, 1_000)

  holds("is open, has the kind in the version or later, and the labels required", [spec, members], (entry, all) => {
    const chosen = best(entry, entry.spec!, all, rendezvous)
    if (chosen === undefined) return
    const { kind, refused, requires, version } = entry.spec!
    const code = Object.entries(chosen.kinds).find(([name]) => name === kind)?.[1]
    expect(code?.version).toBeGreaterThanOrEqual(version)
    expect(refused).not.toContain(`${code?.version}.${code?.digest}`)
    expect(chosen.cordoned || chosen.draining || chosen.joining).toBe(false)
    expect(has(chosen, requires)).toBe(Object.keys(requires ?? {}).length)
  }, 1_000)

  holds("has most of the labels preferred, and of those the highest score", [spec, members], (entry, all) => {
    const chosen = best(entry, entry.spec!, all, rendezvous)
    if (chosen === undefined) return
    const { kind, prefers } = entry.spec!
    const score = (node: ScopeMember) => rendezvous({ id: entry.id, kind, hash: entry.hash }, node)
    for (const node of all.filter((other) => obstacle(entry.spec!, other) === undefined)) {
      expect(has(node, prefers)).toBeLessThanOrEqual(has(chosen, prefers))
      if (has(node, prefers) === has(chosen, prefers)) expect(score(node)).toBeLessThanOrEqual(score(chosen))
    }
  }, 1_000)

  holds(
    "does not depend on the order of the members, and gives ties to the lower session",
    [spec, members, random, FastCheck.boolean()],
    (entry, all, makeDice, tied) => {
      const dice = makeDice()
      const shuffled = all.map((node) => [dice.next(), node] as const).sort(([a], [b]) => a - b)
      const score = tied ? flat : rendezvous
      const chosen = best(entry, entry.spec!, all, score)
      expect(best(entry, entry.spec!, shuffled.map(([, node]) => node), score)).toBe(chosen)
      if (tied && entry.spec!.prefers === undefined) {
        expect(chosen).toBe(all.find((node) => obstacle(entry.spec!, node) === undefined))
      }
    },
    1_000
  )

  holds("of two sets is the better of their bests", [spec, members, FastCheck.nat(6)], (entry, all, cut) => {
    const sofar = best(entry, entry.spec!, all.slice(0, cut), rendezvous)
    expect(best(entry, entry.spec!, all.slice(cut), rendezvous, sofar)).toBe(best(entry, entry.spec!, all, rendezvous))
  })

  it("prefers labels to scores", () => {
    const [far, near] = [member("far", { weight: 1e9 }), member("near", { weight: 1e-9, labels: { zone: "a" } })]
    const entry = entryOf("K/x", {}, { prefers: { zone: "a", disk: "ssd" } })
    expect(best(entry, entry.spec!, [far, near], rendezvous)).toBe(near)
  })

  it("asks a score of one's own about id and kind, and believes it", () => {
    const asked: Array<unknown> = []
    const entry = entryOf("K/x/y")
    const all = ["a", "b", "c"].map((name) => member(name))
    const chosen = best(entry, entry.spec!, all, (child, node) => {
      asked.push(child)
      return node.name === "b" ? -1 : -2
    })
    expect(chosen?.name).toBe("b")
    expect(asked[0]).toEqual({ id: "K/x/y", kind: "K", hash: entry.hash })
  })
})

describe("ranking", () => {
  holds("is all able members, each better than the next", [spec, members], (entry, all) => {
    const ranked = ranking(entry, entry.spec!, all, rendezvous)
    expect(new Set(ranked)).toEqual(new Set(all.filter((node) => obstacle(entry.spec!, node) === undefined)))
    ranked.forEach((node, i) => expect(best(entry, entry.spec!, ranked.slice(i), rendezvous)).toBe(node))
  })
})
