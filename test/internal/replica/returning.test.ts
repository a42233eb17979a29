/**
 * Members that are coming back: whose home they will be waits for them.
 */
import { describe, expect, it } from "@effect/vitest"
import { AwaitedMembers } from "../../../src/internal/node/awaitedMembers.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import type { NodeRecord } from "../../../src/internal/replica/nodeRecord.js"
import { rendezvous } from "../../../src/Placement.js"
import { entryOf, handClock, names, nodeItem } from "../../support/arbitrary.js"

const knows = ["directives", "placement"]

const made = (record: Partial<NodeRecord>, others: Partial<NodeRecord> = {}): Membership => {
  const membership = new Membership(rendezvous)
  membership.set([
    nodeItem("a#1", { knows, ...others }),
    nodeItem("b#1", { knows, ...others }),
    nodeItem("c#2", { knows, ...record })
  ])
  return membership
}

const children = () => names(300, "c").map((key) => entryOf(`K/${key}`))

const back = { joining: true, returning: true }

const heirs = (membership: Membership, isAwaited: (sid: string) => boolean = () => true) =>
  children().map((child) => membership.heirOf(child, isAwaited))

const homes = (membership: Membership) => children().map((child) => membership.homeOf(child))

describe("heirOf", () => {
  it("is the home that the child will have when the member is back; the home itself does not change", () => {
    const before = made(back)
    expect(heirs(before)).toEqual(homes(made({})))
    expect(heirs(before)).toContain("c#2")
    expect(homes(before)).not.toContain("c#2")
  })

  it("is the home where nobody is awaited, or no longer", () => {
    expect(heirs(made(back), () => false)).toEqual(homes(made(back)))
    expect(heirs(made({ joining: true }))).toEqual(homes(made(back)))
  })

  it("is the home where the member will not be open", () => {
    for (const record of [{ ...back, cordoned: true }, { ...back, draining: true }, { ...back, kinds: {} }]) {
      expect(heirs(made(record))).toEqual(homes(made(record)))
    }
  })

  it("is the home while a live member does not know of that", () => {
    expect(heirs(made(back, { knows: ["directives"] }))).toEqual(homes(made(back)))
    const membership = made(back)
    membership.set([nodeItem("a#1", { knows }), { sid: "x#1", record: "?" }, nodeItem("c#2", { knows, ...back })])
    expect(heirs(membership)).not.toContain("c#2")
  })

  it("is the member that comes back where nobody else is", () => {
    const membership = new Membership(rendezvous)
    membership.set([nodeItem("c#2", { knows, ...back })])
    expect(new Set(heirs(membership))).toEqual(new Set(["c#2"]))
    expect(new Set(heirs(membership, () => false))).toEqual(new Set([undefined]))
  })
})

describe("AwaitedMembers", () => {
  it("are awaited from the first news of them, however often they are told, and each session anew", () => {
    const clock = handClock()
    const awaited = new AwaitedMembers(clock.now, 4_000)
    const { returning } = made(back)
    expect([awaited.has("c#2"), awaited.update(returning), awaited.has("c#2")]).toEqual([false, true, true])
    clock.time = 3_999
    expect([awaited.update(returning), awaited.has("c#2")]).toEqual([false, true])
    clock.time = 4_000
    expect([awaited.update(returning), awaited.has("c#2")]).toEqual([false, false])
    awaited.update([])
    expect([awaited.update(returning), awaited.has("c#2")]).toEqual([true, true])
  })
})
