/** The proof after the fact, by histories that are written down here. */
import { describe, expect, it } from "@effect/vitest"
import { checkHistory } from "../../src/internal/historyCheck.js"
import type { HistoryRecord } from "../../src/internal/registry/historyRecords.js"
import { entriesOf } from "../../src/internal/replica/historyEntries.js"

/** Entries in order, in short: what, session, token, note. */
const read = (...told: ReadonlyArray<readonly [what: string, node?: string, token?: number, note?: string]>) =>
  checkHistory(
    told.map(([what, node = "", token = 0, note = ""], i): HistoryRecord => {
      return { ms: 1, at: i + 1, id: token === 0 ? "" : "K/x", token, node, attempt: 0, what, note, n: 1 }
    }).flatMap(entriesOf).toReversed()
  )

const fine = { overlaps: [], gaps: [] }

describe("a history shows", () => {
  it("nothing wrong where each claim follows the end of the one before", () => {
    expect(read(
      ["joined", "a#1"],
      ["claimed", "a#1", 5],
      ["running", "a#1", 5],
      ["stopped", "a#1", 5, "moved b"],
      ["claimed", "b#1", 7],
      ["running", "b#1", 7],
      ["leaseLost", "b#1"],
      ["claimed", "c#1", 9, "7:b#1"],
      ["failed", "c#1", 9],
      ["claimed", "a#1", 11],
      ["gone", "a#1"],
      ["lost", "a#1", 11],
      ["claimed", "b#2", 13]
    )).toEqual(fine)
  })

  it("nothing wrong of a session that is replaced by another one of its node", () => {
    expect(read(
      ["claimed", "a#1", 5],
      ["joined", "a#2", 0, "a#1"],
      ["left", "a#1"],
      ["running", "a#2", 5],
      ["stopped", "a#2", 5],
      ["claimed", "b#1", 6]
    )).toEqual(fine)
  })

  it("nothing wrong of a claim that the other session did not assert, and whose child was ended meanwhile", () => {
    expect(read(
      ["claimed", "a#1", 5],
      ["joined", "a#2", 0, "a#1"],
      ["left", "a#1"],
      ["terminated", "a#1", 5],
      ["claimed", "a#2", 7]
    )).toEqual(fine)
  })

  it("nothing wrong of claims that are asserted again after a loss of data", () => {
    expect(read(
      ["claimed", "a#1", 5],
      ["claimed", "b#1", 8, "5:a#1"],
      ["era", "", 0, "e"],
      ["running", "a#2", 5],
      ["running", "b#2", 8],
      ["claimed", "c#1", 9, "8:b#2"]
    )).toEqual(fine)
  })

  describe("of an older claim, after a loss of data", () => {
    const before = [["claimed", "a#1", 1], ["era"], ["joined", "b#1"], ["claimed", "b#1", 7]] as const

    it("nothing wrong where a node comes back that went on with it, and the newer one has ended", () => {
      const back = [["joined", "a#2", 0, "a#1"], ["exited", "a#2", 1]] as const
      expect(read(...before, ["stopped", "b#1", 7], ...back, ["stopped", "a#2", 1], ["claimed", "b#1", 9])).toEqual(
        fine
      )
      expect(read(...before, ["leaseLost", "b#1"], ...back)).toEqual(fine)
      expect(read(...before, ["stopped", "b#1", 7], ...back, ["claimed", "b#1", 9]).gaps).toHaveLength(1)
    })

    it("that the newer one had not ended", () => {
      const { overlaps } = read(...before, ["joined", "a#2"], ["exited", "a#2", 1])
      expect(overlaps).toEqual(["K/x: exited under 1 on a#2, after 7 was granted"])
    })

    it("that the newer one ended only after the node had come back", () => {
      const { overlaps } = read(...before, ["joined", "a#2"], ["stopped", "b#1", 7], ["exited", "a#2", 1])
      expect(overlaps).toEqual(["K/x: exited under 1 on a#2, after 7 was granted"])
    })

    it("that it is of the same data", () => {
      const { overlaps } = read(
        ["era"],
        ["claimed", "a#1", 5],
        ["claimed", "b#1", 7, "5:a#1"],
        ["stopped", "b#1", 7],
        ["joined", "a#2", 0, "a#1"],
        ["exited", "a#2", 5]
      )
      expect(overlaps).toEqual(["K/x: exited under 5 on a#2, after 7 was granted"])
    })
  })

  it("a token that does not rise, also over a loss of data", () => {
    const { overlaps } = read(["claimed", "a#1", 5], ["stopped", "a#1", 5], ["era"], ["claimed", "b#1", 5])
    expect(overlaps).toEqual(["K/x: claimed under 5, after 5"])
  })

  it("an owner that acts after its claim was another's", () => {
    const { overlaps } = read(["claimed", "a#1", 5], ["claimed", "b#1", 7, "5:a#1"], ["exited", "a#1", 5])
    expect(overlaps).toEqual(["K/x: exited under 5 on a#1, after 7 was granted"])
  })

  it("a session that ends after it was taken over from", () => {
    const { overlaps } = read(["claimed", "a#1", 5], ["claimed", "b#1", 7, "5:a#1"], ["leaseLost", "a#1"])
    expect(overlaps).toEqual(["K/x: taken over from a#1, which ended only later"])
  })

  it("nothing wrong of a session that had ended, and joins again under its name before it leaves", () => {
    const told = [["claimed", "a#1", 5], ["claimed", "b#1", 7, "5:a#1"]] as const
    expect(read(...told, ["joined", "a#1"], ["left", "a#1"])).toEqual(fine)
  })

  it("a gap where the end of a claim is not told", () => {
    expect(read(["claimed", "a#1", 5], ["claimed", "b#1", 7])).toEqual({
      overlaps: [],
      gaps: ["K/x: claimed under 7, and of 5 on a#1 no end is told"]
    })
  })

  it("a gap where a session is known to have what it asserted", () => {
    const { gaps } = read(
      ["claimed", "a#1", 5],
      ["joined", "a#2", 0, "a#1"],
      ["left", "a#1"],
      ["exited", "a#2", 5],
      ["claimed", "b#1", 7]
    )
    expect(gaps).toEqual(["K/x: claimed under 7, and of 5 on a#2 no end is told"])
  })

  it("nothing of what it does not know: the beginning may have been trimmed, and newer versions tell more", () => {
    expect(read(["running", "a#1", 5], ["whatever", "a#1", 1], ["stopped", "a#1", 5], ["claimed", "b#1", 6])).toEqual(
      fine
    )
  })
})
