/**
 * Which revision is the newest for a child, and what that makes of its candidates.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { best, newestFor, obstacle, ranking, type Score } from "../../../src/internal/replica/candidates.js"
import { heldBackMark } from "../../../src/internal/replica/heldBackMark.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import { encodeNodeRecord, knowledge, type NodeRecord, readMembers } from "../../../src/internal/replica/nodeRecord.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, holds, nodeItem } from "../../support/arbitrary.js"

const revisions = ["", "v1", "v2", "v3"] as const

const record = FastCheck.record({
  revision: FastCheck.constantFrom(...revisions),
  fresh: FastCheck.nat(6),
  attracts: FastCheck.oneof(FastCheck.nat(9), FastCheck.constant(Infinity)),
  settled: FastCheck.integer({ min: 0, max: 11 }).map((n) => Math.max(0, n - 5)),
  full: FastCheck.integer({ min: 0, max: 4 }).map((n) => n === 0),
  enough: FastCheck.integer({ min: 0, max: 3 }).map((n) => n === 0),
  cordoned: FastCheck.integer({ min: 0, max: 5 }).map((n) => n === 0),
  labels: FastCheck.constantFrom({}, { zone: "a" })
}).map((fields): Partial<NodeRecord> => fields.revision === "" ? { ...fields, fresh: 0, settled: 0 } : fields)

const itemsOf = (records: ReadonlyArray<Partial<NodeRecord>>) =>
  records.map((fields, i) => nodeItem(`n${i}#1`, fields, { opened: i + 1 }))

const records = FastCheck.array(record, { minLength: 1, maxLength: 7 })

const child = FastCheck.record({
  key: FastCheck.nat(50),
  refused: FastCheck.subarray(["v1", "v2", "v3"].map(heldBackMark)),
  prefers: FastCheck.constantFrom({}, { zone: "a" }),
  requires: FastCheck.constantFrom({}, { zone: "a" })
}).map(({ key, prefers, refused, requires }) => entryOf(`K/${key}`, { refused }, { prefers, requires }))

const flat: Score = () => 1

describe("newestFor", () => {
  const members = (...records: ReadonlyArray<Partial<NodeRecord>>) => readMembers(itemsOf(records))
  const { spec } = entryOf("K/x", {}, {})

  it("is the revision that a name took on last, wherever it stands", () => {
    const [old, young] = [{ revision: "v2", fresh: 3 }, { revision: "v1", fresh: 7 }]
    expect(newestFor(spec!, members(old, young))).toBe("v1")
    expect(newestFor(spec!, members(young, old))).toBe("v1")
  })

  it("does not count one of which nothing is known, one that is closed, and one without the kind", () => {
    const old = { revision: "v1", fresh: 3 }
    for (
      const other of [{ fresh: 0 }, { fresh: 9, cordoned: true }, { fresh: 9, kinds: {} }, { fresh: 9, joining: true }]
    ) {
      expect(newestFor(spec!, members(old, { revision: "v2", ...other }))).toBe("v1")
    }
  })

  it("is none when its rollout stalls, until another process comes", () => {
    const settled = { revision: "v2", fresh: 5, settled: 5 }
    expect(newestFor(spec!, members({ revision: "v1", fresh: 1 }, settled))).toBeUndefined()
    expect(newestFor(spec!, members({ revision: "v1", fresh: 1 }, settled, { revision: "v2", fresh: 6 }))).toBe("v2")
  })
})

describe("placement in a rollout", () => {
  holds("takes the newest revision that has room, and else any member", [child, records], (entry, fields) => {
    const spec = entry.spec!
    const all = readMembers(itemsOf(fields))
    const able = all.filter((member) => obstacle(spec, member) === undefined)
    const home = best(entry, spec, all, flat)
    expect(home === undefined).toBe(able.length === 0)
    if (home === undefined) return
    const roomy = able.filter(({ enough, full }) => !enough && !full)
    if (roomy.length > 0) expect(roomy).toContain(home)
    const newest = newestFor(spec, all)
    const isMarked = (revision: string) => revision !== "" && spec.refused.includes(heldBackMark(revision))
    const first = roomy.filter(({ revision }) => revision === newest && !isMarked(revision))
    if (first.length > 0) expect(first).toContain(home)
    // Held back is a preference: it excludes nobody.
    if (isMarked(home.revision) && roomy.length > 0) {
      expect(roomy.every(({ revision }) => isMarked(revision))).toBe(true)
    }
    expect(ranking(entry, spec, all, flat)[0]).toEqual(home)
  })

  holds(
    "is the same for all who see the same members, whatever they have seen before",
    [child, records, FastCheck.oneof(records, FastCheck.tuple(record)), FastCheck.boolean()],
    (entry, before, others, alsoBefore) => {
      const now = alsoBefore ? [...before, ...others] : others
      const [known, other] = [new Membership(rendezvous), new Membership(rendezvous)]
      known.set(itemsOf(before))
      known.homeOf(entry)
      known.set(itemsOf(now))
      other.set(itemsOf(now))
      expect(known.homeOf(entry)).toBe(other.homeOf({ ...entry, homeEpoch: -1 }))
      const isAble = known.list.some((member) => obstacle(entry.spec!, member) === undefined)
      expect(known.homeOf(entry) !== undefined).toBe(isAble)
    },
    1_000
  )

  holds(
    "moves a running child only to a member that attracts it",
    [child, records, FastCheck.nat(9), FastCheck.nat(6)],
    (entry, fields, token, at) => {
      const members = new Membership(rendezvous)
      members.set(itemsOf(fields))
      const holder = members.list[at % members.list.length]!
      const home = members.homeOfHeld(entry, holder.sid, token)
      if (home === undefined || home === holder.sid || obstacle(entry.spec!, holder) !== undefined) return
      expect(members.members.get(home)!.attracts).toBeGreaterThan(token)
    }
  )

  holds("is as without rollouts while a member does not know of them", [child, records], (entry, fields) => {
    const older = { knows: knowledge.filter((part) => part !== "revisions"), cordoned: true }
    const plain = fields.map((one) => ({ ...one, fresh: 0, settled: 0, enough: false }))
    const [members, others] = [new Membership(rendezvous), new Membership(rendezvous)]
    members.set(itemsOf([...fields, older]))
    others.set(itemsOf([...plain, older]))
    expect(members.homeOf(entry)).toBe(others.homeOf({ ...entry, homeEpoch: -1 }))
  })

  holds("is told by the record as it is read", [record], (fields) => {
    const read = readMembers([nodeItem("n#1", fields)])[0]!
    expect(read).toMatchObject(fields)
    expect(readMembers([nodeItem("n#1", read)])[0]).toEqual(read)
    expect(JSON.parse(encodeNodeRecord(read))).not.toHaveProperty(fields.attracts === Infinity ? "attracts" : "none")
  })
})
