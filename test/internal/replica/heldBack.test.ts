/**
 * Marks of revisions that could not run a child, and where such a child may go.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { maxNote } from "../../../src/internal/registry/historyRecords.js"
import { formatSpec, parseSpec, type SpecRecord } from "../../../src/internal/registry/state.js"
import { mayReturn, type Score } from "../../../src/internal/replica/candidates.js"
import { formatHeldBack, hasMark, heldBackMark, parseHeldBack } from "../../../src/internal/replica/heldBackMark.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import { knowledge, type NodeRecord, readMembers } from "../../../src/internal/replica/nodeRecord.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, holds, nodeItem } from "../../support/arbitrary.js"

const text = FastCheck.string({ unit: "binary", maxLength: 100 })

describe("a mark", () => {
  holds(
    "is read as it was written, whatever the words, among the codes of a spec",
    [FastCheck.string({ minLength: 1, maxLength: 128 }), FastCheck.nat(), text],
    (revision, since, cause) => {
      const mark = formatHeldBack({ revision, since, cause })
      const spec: SpecRecord = {
        generation: 7,
        stamp: 9,
        op: "a",
        initial: false,
        failed: false,
        birth: 7,
        stateful: false,
        refused: ["1.d", mark, "2.e"],
        body: "|,|"
      }
      expect(parseSpec(formatSpec(spec))).toEqual(spec)
      const read = parseHeldBack(mark)!
      expect(read).toMatchObject({ revision: revision.toWellFormed(), since })
      expect(cause.toWellFormed().startsWith(read.cause)).toBe(true)
      expect(new TextEncoder().encode(read.cause).length).toBeLessThanOrEqual(maxNote)
      expect(hasMark(["1.d", mark], heldBackMark(revision))).toBe(true)
      expect(hasMark([mark], heldBackMark(`${revision}x`))).toBe(false)
    }
  )

  it("is none of another form, and none of a revision whose hash begins as its does", () => {
    for (const other of ["", "1.d", "@1x", "@1x:5", "@1x:y:v2:no", "@1x:5:v2:no:more"]) {
      expect(parseHeldBack(other)).toBeUndefined()
    }
    expect([hasMark(["@1x"], "@1x"), hasMark(["@1xy"], "@1x"), hasMark(["@1xy:5:a:b"], "@1x")])
      .toEqual([true, false, false])
    expect(hasMark(["1.d"], "")).toBe(false)
  })
})

describe("placement", () => {
  const records = ["v1", "v1", "v2", "v2"].map((revision, i) => ({ revision, fresh: i + 1, settled: 4 }))
  const marked = (n: number) =>
    entryOf(`K/${n}`, { refused: [formatHeldBack({ revision: "v2", since: 5, cause: "" })] })
  const numbers = Array.from({ length: 50 }, (_, n) => n)

  it("puts a marked revision last, also when its rollout stalls, and not while a member does not know of revisions", () => {
    const items = records.map((fields, i) => nodeItem(`n${i}#1`, fields, { opened: i + 1 }))
    const members = new Membership(rendezvous)
    members.set(items)
    const home = (entry: ReturnType<typeof marked>) => members.members.get(members.homeOf(entry)!)
    expect(new Set(numbers.map((n) => home(marked(n))!.revision))).toEqual(new Set(["v1"]))
    expect(new Set(numbers.map((n) => home(entryOf(`K/${n}`))!.revision))).toEqual(new Set(["v1", "v2"]))
    const knows = knowledge.filter((part) => part !== "revisions")
    members.set([...items, nodeItem("older#1", { knows, cordoned: true })])
    for (const n of numbers) expect(home(marked(n))).toBe(home(entryOf(`K/${n}`)))
    members.set(items.slice(2))
    expect(new Set(numbers.map((n) => home(marked(n))!.revision))).toEqual(new Set(["v2"]))
  })
})

const flat: Score = () => 1

describe("a child goes back", () => {
  const [old, young] = [{ revision: "v1", fresh: 3 }, { revision: "v2", fresh: 9 }]
  /** From the last of these. */
  const may = (
    records: ReadonlyArray<Partial<NodeRecord>>,
    refused: ReadonlyArray<string> = [],
    score: Score = flat
  ): boolean => {
    const members = readMembers(records.map((fields, i) => nodeItem(`n${i}#1`, fields, { opened: i + 1 })))
    const entry = entryOf("K/x", { refused })
    return mayReturn(entry, entry.spec!, members.at(-1)!, members, score)
  }
  const mark = (revision: string) => formatHeldBack({ revision, since: 5, cause: "no" })

  it("from the newest revision to another one, also when its rollout stalls or its own node is closed", () => {
    expect(may([old, young])).toBe(true)
    expect(may([old, { ...young, settled: 9 }])).toBe(true)
    expect(may([old, { ...young, cordoned: true }])).toBe(true)
    expect(may([old, young, { revision: "v2", fresh: 0 }])).toBe(true)
    expect(may([{ revision: "", fresh: 0 }, young])).toBe(true)
    expect(may([old, young], [mark("v3"), "1.other"])).toBe(true)
  })

  it.each<[string, ReadonlyArray<Partial<NodeRecord>>, ReadonlyArray<string>?]>([
    ["from an older one to the newest", [young, old]],
    ["where no other revision is", [young, { revision: "v2", fresh: 7 }]],
    ["to one that is closed", [{ ...old, cordoned: true }, young]],
    ["to one that is full", [{ ...old, full: true }, young]],
    ["to one without the kind", [{ ...old, kinds: {} }, young]],
    ["to one whose code refused it", [{ ...old, kinds: { K: { version: 1, digest: "e" } } }, young], ["1.e"]],
    ["a second time", [old, young], [mark("v2")]],
    ["to one that it was held back from", [old, young], [mark("v1")]],
    ["from a revision without a name", [old, { revision: "", fresh: 0 }]],
    ["where no process is known to be new", [{ ...old, fresh: 0 }, { ...young, fresh: 0 }]]
  ])("never %s", (_, records, refused = []) => {
    expect(may(records, refused)).toBe(false)
  })

  it("never to one where it has no score", () => {
    expect(may([old, young], [], (_, node) => node.revision === "v1" ? Number.NaN : 1)).toBe(false)
  })
})
