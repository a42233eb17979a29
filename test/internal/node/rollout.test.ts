/**
 * A node's share while a rollout goes on, and when others learn that it has it.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type RollingNode, Rollout } from "../../../src/internal/node/rollout.js"
import { Membership } from "../../../src/internal/replica/membership.js"
import { Timers } from "../../../src/internal/runtime/environment.js"
import { rendezvous } from "../../../src/Placement.js"
import { handClock, nodeItem } from "../../support/arbitrary.js"

/** A node of the revision v2 beside one of v1, with children and clock of the test's own. */
const makeScene = () => {
  const clock = handClock()
  const children = { size: 0 }
  const counts = { known: 10 }
  let told = 0
  const membership = new Membership(rendezvous)
  membership.set([nodeItem("a#1", { revision: "v1", fresh: 1 }), nodeItem("b#1", { revision: "v2", fresh: 2 })])
  const node: RollingNode = {
    config: { revision: "v2", rebalance: "always", rolloutPatience: 60_000, weight: 1 },
    timing: { moveDebounce: 1_000 },
    client: false,
    ambient: clock,
    timers: new Timers(clock.now, () => Effect.runFork(Effect.never)),
    kinds: new Map([["K", undefined as never]]),
    session: { sid: "b#1" },
    view: { known: 9, membership, countOf: () => counts.known, claimsOf: () => 0 },
    own: { changed: () => void told++ },
    supervisor: { children },
    fork: () => {}
  }
  const rollout = new Rollout(node)
  rollout.opened(2, false)
  rollout.activates()
  rollout.look()
  return { children, counts, membership, rollout, told: () => told }
}

describe("a node's share in a rollout", () => {
  it("is asked for, and a tenth more, and then others are told that it has enough", () => {
    const { children, rollout, told } = makeScene()
    expect(rollout.left).toBe(6)
    children.size = 6
    rollout.childrenChanged()
    expect([rollout.left, rollout.enough, told()]).toEqual([0, true, 1])
  })

  it("has no bound when another node says that the rollout stalls, and the node says so too", () => {
    const { membership, rollout } = makeScene()
    membership.set([
      nodeItem("a#1", { revision: "v1", fresh: 1 }),
      nodeItem("b#1", { revision: "v2", fresh: 2 }),
      nodeItem("c#1", { revision: "v2", fresh: 3, settled: 3 })
    ])
    rollout.look()
    expect([rollout.left, rollout.settled, rollout.attracts]).toEqual([Infinity, 3, 9])
  })

  it("is told as had when it has become less, and a child is turned away for that", () => {
    const { children, counts, rollout, told } = makeScene()
    children.size = 5
    rollout.childrenChanged()
    expect([rollout.left, rollout.enough]).toEqual([1, false])
    // Children end elsewhere: nothing of this node's own changes.
    counts.known = 6
    expect(rollout.left).toBe(0)
    expect([rollout.enough, told()]).toEqual([true, 1])
  })
})
