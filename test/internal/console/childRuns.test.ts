/** What the history of a child shows, by histories that are written down here. */
import { describe, expect, it } from "@effect/vitest"
import { proofOf, runsOf } from "../../../src/internal/console/childRuns.js"
import type { HistoryRecord } from "../../../src/internal/registry/historyRecords.js"
import { entriesOf } from "../../../src/internal/replica/historyEntries.js"

/** Entries in order, in short: what, session, token, note, attempt, number. A second lies between two. */
type Told = readonly [what: string, node?: string, token?: number, note?: string, attempt?: number, n?: number]

const entries = (...told: ReadonlyArray<Told>) =>
  told.map(([what, node = "", token = 0, note = "", attempt = 0, n = 1], i): HistoryRecord => {
    return { ms: (i + 1) * 1000, at: i + 1, id: token === 0 ? "" : "K/x", token, node, attempt, what, note, n }
  }).flatMap(entriesOf)

const runs = (...told: ReadonlyArray<Told>) =>
  runsOf(entries(...told)).map(({ attempt, count, end, from, late, node, to, token }) =>
    [
      `${node} ${token}.${attempt}`,
      `${from.getTime() / 1000}-${to === undefined ? "" : to.getTime() / 1000}`,
      end,
      ...(late === undefined ? [] : [`late ${late.getTime() / 1000}`]),
      ...(count === 1 ? [] : [`x${count}`])
    ].join(" ")
  )

describe("runs", () => {
  it("begin and end as the history tells", () => {
    expect(runs(
      ["claimed", "a#1", 5],
      ["running", "a#1", 5, "", 1],
      ["exited", "a#1", 5, "Error: no", 1],
      ["running", "a#1", 5, "", 2],
      ["overdue", "a#1", 5, "it does not end", 2],
      ["stopped", "a#1", 5, "moved b"],
      ["claimed", "b#1", 7],
      ["running", "b#1", 7, "", 1],
      ["claimed", "c#1", 9, "7:b#1"],
      ["running", "c#1", 9, "", 1]
    )).toEqual(["a 5.1 2-3 exited", "a 5.2 4-6 moved late 5", "b 7.1 8-9 lost", "c 9.1 10- "])
  })

  it("of a child that crashes all the time are as few as its entries", () => {
    expect(runs(
      ["claimed", "a#1", 5],
      ["running", "a#1", 5, "", 1],
      ["exited", "a#1", 5, "Error: no", 9, 9],
      ["exited", "a#1", 5, "Error: no", 20, 11],
      ["failed", "a#1", 5, "Error: no"]
    )).toEqual(["a 5.9 2-3 exited x9", "a 5.20 3-4 exited x11"])
  })
})

describe("the proof", () => {
  it("holds where each claim follows the end of the one before", () => {
    const told = entries(
      ["claimed", "a#1", 5],
      ["stopped", "a#1", 5, "moved b"],
      ["claimed", "b#1", 7],
      ["claimed", "c#1", 9, "7:b#1"]
    )
    expect(proofOf("K/x", told)).toEqual({
      ok: true,
      text:
        "Never two at once: 3 claims, each with a higher token than the one before, and none granted before that had ended."
    })
    expect(proofOf("K/x", [])).toEqual({ ok: true, text: "The history tells of no claim." })
  })

  it("says where an end is not told", () => {
    const told = entries(["claimed", "a#1", 5], ["claimed", "b#1", 7])
    expect(proofOf("K/x", told)).toMatchObject({ ok: true })
    expect(proofOf("K/x", told).text).toContain("Of 1 claim the history does not tell the end.")
  })

  it("fails where a copy goes on after its successor was granted", () => {
    const told = entries(["claimed", "a#1", 5], ["claimed", "b#{1}", 7], ["running", "a#1", 5, "", 2])
    expect(proofOf("K/x", told).ok).toBe(false)
    expect(proofOf("K/x", told).text).toMatch(/^Two at once: K\/x: running under 5/)
  })

  it("knows by the entries of nodes that a claim was asserted anew after a loss of data", () => {
    const told = entries(
      ["claimed", "a#1", 5],
      ["claimed", "b#1", 7],
      ["stopped", "b#1", 7, "terminated"],
      ["era"],
      ["joined", "a#2"],
      ["running", "a#2", 5, "", 2]
    )
    const own = told.filter(({ id }) => id !== undefined)
    expect(proofOf("K/x", own).ok).toBe(false)
    expect(proofOf("K/x", told).ok).toBe(true)
  })
})
