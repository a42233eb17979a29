import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Capacity } from "../../../src/internal/node/capacity.js"
import { Timers } from "../../../src/internal/runtime/environment.js"
import { handClock } from "../../support/arbitrary.js"

/** A node whose clock and children are the test's. */
const makeScene = (max: number) => {
  const clock = handClock()
  const children = { size: 0 }
  const told: Array<string> = []
  const timers = new Timers(clock.now, () => Effect.runFork(Effect.never))
  const due: Array<{ readonly at: number; readonly run: () => void }> = []
  timers.add = (timer) => void due.push(timer)
  const room: Capacity = new Capacity({
    timers,
    ambient: clock,
    supervisor: { children },
    capacityChanged: () => void told.push(room.full ? "full" : "open"),
    roomLeft: () => void told.push("room")
  }, () => max)
  const have = (size: number) => {
    children.size = size
    room.look()
  }
  const pass = (millis: number) => {
    clock.time += millis
    for (const timer of due.splice(0)) {
      if (timer.at <= clock.now()) timer.run()
      else due.push(timer)
    }
  }
  return { room, told, have, pass, due }
}

describe("the room of a node", () => {
  it("is what is missing to its bound; a node at its bound is full until it has a twentieth of it again", () => {
    const { have, pass, room, told } = makeScene(100)
    have(99)
    expect([room.left, room.full]).toEqual([1, false])
    have(100)
    expect([room.left, room.full]).toEqual([0, true])
    pass(1_000)
    have(96)
    expect([room.left, room.full]).toEqual([0, true])
    have(95)
    expect([room.left, room.full]).toEqual([5, false])
    expect(told).toEqual(["full", "open"])
  })

  it("changes at most once a second, and then to what is true by then", () => {
    const { due, have, pass, room, told } = makeScene(100)
    have(100)
    have(10)
    have(100)
    have(10)
    expect([told, due.length]).toEqual([["full"], 1])
    pass(999)
    expect(told).toEqual(["full"])
    pass(1)
    expect([told, room.full]).toEqual([["full", "open"], false])
    have(100)
    have(10)
    pass(1_000)
    expect([told, room.full]).toEqual([["full", "open"], false])
  })

  it("is told to the node where a child was turned away before others were told that there is none", () => {
    const { have, pass, room, told } = makeScene(100)
    have(100)
    pass(1_000)
    have(95)
    have(100)
    room.turnAway()
    have(99)
    expect(told).toEqual(["full", "open"])
    pass(1_000)
    expect(told).toEqual(["full", "open", "room"])
  })

  it("of one child is enough", () => {
    const { have, pass, room, told } = makeScene(1)
    have(1)
    expect(room.full).toBe(true)
    pass(1_000)
    have(0)
    expect([told, room.left]).toEqual([["full", "open"], 1])
  })
})
