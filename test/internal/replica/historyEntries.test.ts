/** Entries of the history as users see them: what their notes say. */
import { describe, expect, it } from "@effect/vitest"
import { entriesOf } from "../../../src/internal/replica/historyEntries.js"

const said = (what: string, note: string) => {
  const [entry] = entriesOf({ ms: 1, at: 2, id: "k/1", token: 3, node: "a#1", attempt: 0, what, note, n: 1 })
  return { note: entry!.note, by: entry!.by, to: entry!.to }
}

const none = { note: undefined, by: undefined, to: undefined }

describe("an entry's note", () => {
  it("tells where a child that was moved belongs, whatever the name, and of another reason no place", () => {
    expect(said("stopped", "moved pod one")).toEqual({ ...none, note: "moved", to: "pod one" })
    expect(said("stopped", "moved ")).toEqual({ ...none, note: "moved" })
    expect(said("stopped", "Error: connect ECONNREFUSED")).toEqual({ ...none, note: "Error: connect ECONNREFUSED" })
    expect(said("stopped", "")).toEqual(none)
  })

  it.each(["terminated", "replaced", "restarted", "cordoned", "drained", "uncordoned"])("tells who %s", (what) => {
    expect(said(what, "ops%20desk")).toEqual({ ...none, by: "ops desk" })
    expect(said(what, "ops%20desk disk full")).toEqual({ ...none, by: "ops desk", note: "disk full" })
    expect(said(what, "")).toEqual(none)
  })
})
