import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { bodyOf, bodyTextOf, makeEntry, readSpec, readTomb, statOf } from "../../../src/internal/replica/replica.js"
import { bodyText, holds, hostileText, json, nameText, specText } from "../../support/arbitrary.js"

const id = "K/x"

describe("readSpec", () => {
  it("reads what placement and listings need, and keeps the text", () => {
    const raw = specText("Kind/a/b", {
      generation: 7,
      stamp: 8,
      op: "o",
      initial: true,
      failed: true,
      refused: ["1.d"]
    }, {
      version: 3,
      type: "supervisor",
      restart: "transient",
      shutdown: 250,
      requires: { zone: "a" },
      prefers: { disk: "ssd" },
      payload: { deep: [1] }
    })
    const spec = readSpec("Kind/a/b", raw)!
    expect(spec).toEqual({
      generation: 7,
      stamp: 8,
      initial: true,
      failed: true,
      refused: ["1.d"],
      kind: "Kind",
      version: 3,
      type: "supervisor",
      restart: "transient",
      shutdown: 250,
      requires: { zone: "a" },
      prefers: { disk: "ssd" },
      raw
    })
    expect(bodyOf(spec).payload).toEqual({ deep: [1] })
  })

  it("knows no labels where there are none", () => {
    expect(readSpec(id, specText(id))).toMatchObject({ requires: undefined, prefers: undefined })
  })

  it.each([
    ["no header", bodyText(id)],
    ["no body", "1|1|op|||"],
    ["another kind's body", specText("L/x")],
    ["a kind that only begins alike", specText("KK/x").replace("KK", "K/")],
    ["a body of another form", "1|1|op|||[]"]
  ])("refuses a record with %s", (_, raw) => {
    expect(readSpec(id, raw)).toBeUndefined()
  })

  holds("gives back the content that was written", [nameText, nameText, json], (kind, key, payload) => {
    const child = `${kind}/${key}`
    const spec = readSpec(child, specText(child, {}, { payload }))!
    expect(spec.kind).toBe(kind)
    expect(bodyTextOf(spec)).toBe(bodyText(child, { payload }))
    expect(bodyOf(spec).payload).toEqual(payload)
  })

  holds(
    "never fails, whatever is stored",
    [hostileText, FastCheck.oneof(hostileText, FastCheck.json())],
    (child, raw) => {
      readSpec(child, raw)
      readSpec(child, `1|1|op|||${raw}`)
      expect(readTomb(raw, 1, 1)).toBeUndefined()
    },
    1_000
  )
})

describe("statOf", () => {
  it("is what the holder said last, if it can be read", () => {
    const entry = makeEntry(id)
    expect(statOf(entry)).toBeUndefined()
    entry.stat = "5:running:2:10:0:why"
    expect(statOf(entry)).toEqual({ token: 5, state: "running", restarts: 2, since: 10, next: 0, cause: "why" })
    entry.stat = "5:dancing:2:10:0:why"
    expect(statOf(entry)).toBeUndefined()
  })
})
