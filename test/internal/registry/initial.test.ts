import { describe, expect, it } from "@effect/vitest"
import type { Args, CommandName, PutMode } from "../../../src/internal/registry/commands.js"
import { tombstoneRetention } from "../../../src/internal/registry/commands.js"
import { execute } from "../../../src/internal/registry/machine.js"
import { emptyState, parseSpec } from "../../../src/internal/registry/state.js"
import { bodyText } from "../../support/arbitrary.js"

const id = "K/x"

/** A registry whose clock is not held back, so that days can pass between two commands. */
const open = () => {
  const state = emptyState()
  let time = 0
  let ops = 0
  const run = <K extends CommandName>(name: K, args: Args<K>) => {
    const era = state.meta?.era ?? ""
    const envelope = { scope: "s", era, notAfter: Infinity, high: 0, seconds: 0, bits: "b", ttl: 1e12, maxStep: 1e12 }
    return execute(state, { time, run: "r", trust: true }, envelope, name, args)
  }
  run("nodes", {})
  const generation = (child: string) => parseSpec(state.spec.get(child) ?? "")?.generation ?? 0
  const put = (mode: PutMode, child = id, payload = 0) => {
    const body = bodyText(child, { payload })
    const reply = run("put", { mode, items: [{ id: child, op: `op${++ops}`, generation: generation(child), body }] })
    return reply._tag === "OK" ? reply.value.results[0]!._tag : reply._tag
  }
  const del = (child = id) =>
    void run("del", { items: [{ id: child, op: `op${++ops}`, generation: generation(child) }] })
  /** Until tombstones may go, and one that makes them go. */
  const sweep = () => {
    time += 2 * tombstoneRetention
    put("ensure", "K/other")
    del("K/other")
  }
  return { state, put, del, sweep }
}

describe("a terminated child of an initial list", () => {
  it("stays terminated for good", () => {
    const { del, put, sweep } = open()
    expect(put("ensureInitial")).toBe("CREATED")
    del()
    sweep()
    expect(put("ensureInitial")).toBe("TERMINATED")
  })

  it("stays terminated for good, though it was restarted once before", () => {
    const { del, put, sweep } = open()
    put("ensureInitial")
    expect(put("bump")).toBe("CREATED")
    del()
    sweep()
    expect(put("ensureInitial")).toBe("TERMINATED")
  })

  it("stays terminated for good, though it was replaced by a later version before", () => {
    const { del, put, sweep } = open()
    put("ensureInitial")
    expect(put("replace", id, 1)).toBe("CREATED")
    del()
    sweep()
    expect(put("ensureInitial")).toBe("TERMINATED")
  })

  it("comes back when a call starts it", () => {
    const { del, put } = open()
    put("ensureInitial")
    del()
    expect(put("ensure")).toBe("CREATED")
    expect(put("ensureInitial")).toBe("SAME")
  })
})

describe("a terminated child of a call", () => {
  it("is remembered for a day, and forgotten then", () => {
    const { del, put, state, sweep } = open()
    put("ensure")
    del()
    expect(state.tomb.has(id)).toBe(true)
    sweep()
    expect(state.tomb.has(id)).toBe(false)
    expect(put("ensureInitial")).toBe("CREATED")
  })
})
