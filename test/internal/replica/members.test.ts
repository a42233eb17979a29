import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { formatNode } from "../../../src/internal/registry/state.js"
import { best, obstacle } from "../../../src/internal/replica/candidates.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import { readMembers, readProcess, type ScopeMember } from "../../../src/internal/replica/nodeRecord.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, holds, hostileText, names, nodeItem } from "../../support/arbitrary.js"

const stored = (sid: string, json: string) => ({ sid, record: formatNode({ version: 1, opened: 1, json }) })

const child = entryOf("K/x")

const canTake = (member: ScopeMember): boolean => obstacle(child.spec!, member) === undefined

/** Any JSON, with the fields of a record here and there. */
const anyJson = FastCheck.oneof(
  FastCheck.json(),
  FastCheck.dictionary(
    FastCheck.constantFrom("name", "weight", "labels", "kinds", "cordoned", "draining", "twin", "__proto__", "x"),
    FastCheck.oneof(
      FastCheck.jsonValue(),
      FastCheck.dictionary(hostileText, FastCheck.jsonValue()),
      FastCheck.constantFrom<unknown>(-1, 0, 1e308, 5e-324, "1", true, { K: { version: "1", digest: 1 } })
    )
  ).map((value) => JSON.stringify(value))
)

describe("readMembers", () => {
  it("reads a record, and orders members by session", () => {
    const [a, b] = readMembers([
      nodeItem("b#2", { weight: 2, labels: { zone: "z" } }, { opened: 7, version: 3 }),
      nodeItem("a#1")
    ])
    expect(a).toMatchObject({ sid: "a#1", name: "a", weight: 1, open: true })
    expect(b).toMatchObject({ sid: "b#2", name: "b", weight: 2, labels: { zone: "z" }, opened: 7, version: 3 })
  })

  it("gives a name to its youngest session; the older one takes nothing", () => {
    const [old, young] = readMembers([nodeItem("n#1", {}, { opened: 5 }), nodeItem("n#2", {}, { opened: 6 })])
    expect([canTake(old!), canTake(young!)]).toEqual([false, true])
    expect(young!.key).toBe("n")
  })

  it("gives an older session that proved to live a place of its own", () => {
    const [old, young] = readMembers([
      nodeItem("n#1", { duplicateName: true }, { opened: 5 }),
      nodeItem("n#2", {}, { opened: 6 })
    ])
    expect([canTake(old!), canTake(young!)]).toEqual([true, true])
    expect([old!.key, young!.key]).toEqual(["n#1", "n"])
    const homes = names(200).map((key) => best(entryOf(`K/${key}`), child.spec!, [old!, young!], rendezvous)!.sid)
    expect(new Set(homes)).toEqual(new Set(["n#1", "n#2"]))
  })

  holds(
    "counts every name once, whichever sessions there are",
    [FastCheck.array(FastCheck.tuple(FastCheck.constantFrom("a", "b", "__proto__"), FastCheck.nat(20)))],
    (sessions) => {
      const unique = Array.from(
        new Map(sessions.map(([name, opened]) => [`${name} ${opened}`, { name, opened }])).values()
      )
      const members = readMembers(
        unique.map(({ name, opened }) => nodeItem(`${name}#${opened}`, { name }, { opened: opened + 1 }))
      )
      for (const name of new Set(unique.map((session) => session.name))) {
        const open = members.filter((member) => member.name === name && member.open)
        expect(open.length).toBe(1)
        expect(open[0]!.opened).toBe(Math.max(...members.filter((m) => m.name === name).map((m) => m.opened)))
      }
    }
  )

  it.each([
    ["no record at all", ""],
    ["text", "hello"],
    ["another header", "1|{}"],
    ["a broken record", "1|1|{\"name\":"],
    ["a record that is no object", "1|1|17"],
    ["null", "1|1|null"],
    ["a list", "1|1|[]"],
    ["a record without a name", "1|1|{\"kinds\":{\"K\":{\"version\":1,\"digest\":\"d\"}}}"],
    ["a name of another type", "1|1|{\"name\":{},\"kinds\":{\"K\":{\"version\":1,\"digest\":\"d\"}}}"],
    ["a nest of lists", `1|1|${"[".repeat(100_000)}`]
  ])("takes a session with %s for live, and places nothing on it", (_, record) => {
    const [member] = readMembers([{ sid: "x#1", record }])
    expect(member!.sid).toBe("x#1")
    expect(member!.open).toBe(false)
    expect(canTake(member!)).toBe(false)
  })

  it.each<[string, unknown, Partial<ScopeMember>]>([
    ["a weight of 0", { weight: 0 }, { weight: 1 }],
    ["a negative weight", { weight: -3 }, { weight: 1 }],
    ["a weight that is no number", { weight: "3" }, { weight: 1 }],
    ["labels that are no texts", { labels: { a: 1, b: null, c: "x" } }, { labels: { c: "x" } }],
    ["kinds that are no codes", { kinds: { K: 1, L: { version: "1" }, M: { version: 1, digest: "d" } } }, {
      kinds: { M: { version: 1, digest: "d" } }
    }],
    ["flags that are no booleans", { cordoned: "yes", draining: 1, twin: "no" }, {
      cordoned: false,
      draining: false,
      duplicateName: false
    }]
  ])("reads past %s", (_, fields, expected) => {
    const [member] = readMembers([stored("x#1", JSON.stringify({ name: "x", ...(fields as object) }))])
    for (const [field, value] of Object.entries(expected)) expect(member![field as keyof ScopeMember]).toEqual(value)
  })

  it("reads an infinite weight as 1", () => {
    expect(readMembers([stored("x#1", "{\"name\":\"x\",\"weight\":1e999}")])[0]!.weight).toBe(1)
  })

  it("keeps names that every object inherits apart from those that are inherited", () => {
    const json =
      "{\"name\":\"__proto__\",\"labels\":{\"__proto__\":\"a\"},\"kinds\":{\"__proto__\":{\"version\":1,\"digest\":\"d\"}}}"
    const [member] = readMembers([stored("__proto__#1", json)])
    const odd = entryOf("__proto__/x", {}, { requires: JSON.parse("{\"__proto__\":\"a\"}") as Record<string, string> })
    expect(obstacle(odd.spec!, member!)).toBeUndefined()
    expect(obstacle(entryOf("toString/x").spec!, member!)).toBe("it does not have the kind")
    expect(({} as Record<string, unknown>)["version"]).toBeUndefined()
  })

  it("reads a record of a megabyte", () => {
    const labels = Object.fromEntries(names(20_000, "label-number-").map((name) => [name, "value-of-some-length"]))
    const [huge, small] = readMembers([nodeItem("huge#1", { name: "h".repeat(100_000), labels }), nodeItem("small#1")])
    expect([canTake(huge!), canTake(small!)]).toEqual([true, true])
  })

  holds(
    "never fails, and lets no foreign record change where the others stand among themselves",
    [FastCheck.array(FastCheck.oneof(anyJson, hostileText), { maxLength: 4 }), FastCheck.boolean()],
    (texts, framed) => {
      const good = names(3).map((name) => nodeItem(`${name}#1`))
      const foreign = texts.map((text, i) => (framed ? stored(`x${i}#1`, text) : { sid: `x${i}#1`, record: text }))
      const members = readMembers([...foreign, ...good])
      expect(members.length).toBe(foreign.length + 3)
      const membership = new Membership(rendezvous)
      membership.set([...foreign, ...good])
      const home = membership.homeOf(entryOf("K/x"))
      const usual = best(child, child.spec!, readMembers(good), rendezvous)!.sid
      const took = members.filter((member) => member.sid.startsWith("x") && canTake(member)).map(({ sid }) => sid)
      // A record that claims the name of another node, and is younger or as old, does take its place.
      if (!members.some((member) => member.sid.startsWith("x") && names(3).includes(member.name))) {
        expect([usual, ...took]).toContain(home)
      }
      expect(Object.keys(Object.prototype)).toEqual([])
    },
    800
  )
})

describe("what a node says of its process", () => {
  it("is taken only in the form that this version writes", () => {
    const good = { host: "h", pid: 1, start: 0 }
    expect(readProcess({ ...good, more: 1 })).toEqual(good)
    for (
      const bad of [undefined, null, "x", 1, [], {}, { ...good, host: 1 }, { ...good, pid: 0 }, { ...good, pid: "1" }]
    ) {
      expect(readProcess(bad)).toBeUndefined()
    }
    for (const start of [-1, 0.5, NaN, Infinity, 2 ** 53]) expect(readProcess({ ...good, start })).toBeUndefined()
  })
})
