/** What an owner tells the history of one child's runs, however often it crashes. */
import { describe, expect, it } from "@effect/vitest"
import { RunNotes } from "../../../src/internal/supervisor/runNotes.js"

const short = (notes: RunNotes, now: number, last = false) =>
  notes.take(0, now, () => "boom", last).list.map(({ attempt, n, text, what }) =>
    `${what} ${attempt}${n === 1 ? "" : `x${n}`}${text === "" ? "" : `: ${text}`}`
  )

const crash = (notes: RunNotes, attempt: number): void => {
  notes.began(attempt)
  notes.exited(attempt)
}

describe("the notes of a child's runs", () => {
  it("tell each run, in order, and nothing twice", () => {
    const notes = new RunNotes()
    expect(short(notes, 0)).toEqual([])
    notes.began(1)
    expect(short(notes, 0)).toEqual(["running 1"])
    notes.exited(1)
    notes.began(2)
    expect(short(notes, 1)).toEqual(["exited 1: boom", "running 2"])
    notes.exited(2)
    notes.becameOverdue("it hangs")
    expect(short(notes, 2)).toEqual(["exited 2: boom", "overdue 0: it hangs"])
    expect(short(notes, 3)).toEqual([])
  })

  it("of runs that end faster than is reported tell the last, and how many there were", () => {
    const notes = new RunNotes()
    for (let attempt = 1; attempt <= 7; attempt++) crash(notes, attempt)
    expect(short(notes, 0)).toEqual(["running 7x7", "exited 7x7: boom"])
  })

  it("are 20, then one a minute, and none is left out of the numbers", () => {
    const notes = new RunNotes()
    const told: Array<string> = []
    let attempt = 0
    for (let second = 0; second < 3_600; second++) {
      crash(notes, ++attempt)
      told.push(...short(notes, second * 1_000))
    }
    expect(told.length).toBeGreaterThanOrEqual(20)
    expect(told.length).toBeLessThanOrEqual(20 + 60)
    expect(told.at(-1)).toBe("exited 3550x60: boom")
    // With the claim the rest is told at once.
    expect(short(notes, 3_600_000 - 1, true)).toEqual(["exited 3600x50: boom"])
  })

  it("that had no effect are told later, with what has come since", () => {
    const notes = new RunNotes()
    crash(notes, 1)
    const taken = notes.take(1, 0, () => "boom", false)
    crash(notes, 2)
    taken.putBack()
    expect(short(notes, 1)).toEqual(["running 2x2", "exited 2x2: boom"])
  })
})
