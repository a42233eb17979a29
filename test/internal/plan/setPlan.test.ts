import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { contentOf } from "../../../src/internal/kind/specSets.js"
import { limitOf, planSet, type SeenChild, type SetGoal, type SetStep } from "../../../src/internal/plan/setPlan.js"
import { holds } from "../../support/arbitrary.js"

const ids = Array.from({ length: 8 }, (_, i) => `k/${i}`)
const sets = [undefined, "eu", "us"] as const

const bodyOf = (content: number, set: string | undefined): string =>
  set === undefined ? `{"kind":"k","payload":${content}}` : `{"kind":"k","payload":${content},"set":"${set}"}`

const setOf = FastCheck.constantFrom(...sets)
const content = FastCheck.integer({ min: 1, max: 2 })

const seenChildren: FastCheck.Arbitrary<ReadonlyArray<SeenChild>> = FastCheck.uniqueArray(
  FastCheck.record({ id: FastCheck.constantFrom(...ids), set: setOf, content, failed: FastCheck.boolean() }),
  { selector: ({ id }) => id }
).map((all) =>
  all.map(({ content, failed, id, set }, i) => ({
    id,
    generation: 10 + i,
    stamp: 20 + i,
    set,
    body: bodyOf(content, set),
    failed
  }))
)

const goals: FastCheck.Arbitrary<SetGoal> = FastCheck.record({
  set: setOf,
  list: FastCheck.uniqueArray(FastCheck.tuple(FastCheck.constantFrom(...ids), content), { selector: ([id]) => id }),
  prune: FastCheck.boolean()
}).map(({ list, prune, set }) => ({
  set,
  prune,
  ofCode: false,
  listed: new Map(list.map(([id, content]) => [id, bodyOf(content, set)]))
}))

/** What is registered once a step was carried out. */
const after = (seen: ReadonlyArray<SeenChild>, set: string | undefined, steps: ReadonlyArray<SetStep>) => {
  const children = new Map(seen.map((child) => [child.id, child]))
  for (const step of steps) {
    const known = children.get(step.id)
    if (step.does === "terminate") children.delete(step.id)
    if (!("body" in step)) continue
    const generation = step.does === "retag" ? known!.generation : 100
    children.set(step.id, { id: step.id, generation, stamp: 100, set, body: step.body, failed: false })
  }
  return children
}

describe("the plan of a set", () => {
  holds("a set that is made equal to its list is so, and planned anew nothing is left to do", [
    seenChildren,
    goals
  ], (seen, goal) => {
    const { steps } = planSet(goal, seen)
    const children = after(seen, goal.set, steps)
    for (const [id, body] of goal.listed) {
      const child = children.get(id)!
      const isForeign = child.set !== undefined && child.set !== goal.set
      if (!isForeign) expect(child).toMatchObject({ set: goal.set, body })
    }
    const again = planSet(goal, children.values()).steps.map(({ does }) => does)
    expect(again.filter((does) => does !== "keep" && does !== "foreign")).toEqual([])
  })

  holds("[I12] each child has at most one step, and members of other named sets have none that changes them", [
    seenChildren,
    goals
  ], (seen, goal) => {
    const { steps } = planSet(goal, seen)
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length)
    for (const child of seen) {
      const step = steps.find(({ id }) => id === child.id)
      if (child.set === goal.set) continue
      if (child.set !== undefined) expect([undefined, "foreign"]).toContain(step?.does)
      else if (!goal.listed.has(child.id)) expect(step).toBeUndefined()
    }
  })

  holds("a child whose content is listed is neither replaced nor ended, whatever its set", [
    seenChildren,
    goals
  ], (seen, goal) => {
    const { steps } = planSet(goal, seen)
    for (const child of seen) {
      const listed = goal.listed.get(child.id)
      if (listed === undefined || contentOf(listed) !== contentOf(child.body)) continue
      expect(["keep", "retag", "foreign"]).toContain(steps.find(({ id }) => id === child.id)?.does)
    }
  })

  holds("every step names the record that was seen, and without prune nothing is ended", [
    seenChildren,
    goals
  ], (seen, goal) => {
    for (const step of planSet(goal, seen).steps) {
      const child = seen.find(({ id }) => id === step.id)
      if ("generation" in step) {
        expect(step).toMatchObject({ generation: child!.generation, stamp: child!.stamp })
      }
      if (step.does === "create") expect(child).toBeUndefined()
      if (step.does === "terminate") {
        expect(goal.prune && !goal.listed.has(step.id) && child!.set === goal.set).toBe(true)
      }
    }
  })

  it("says why, and that a failed child stays so", () => {
    const seen = [{ id: "k/0", generation: 1, stamp: 1, set: undefined, body: bodyOf(1, undefined), failed: true }]
    const { members, steps } = planSet({
      set: "eu",
      prune: true,
      ofCode: false,
      listed: new Map([["k/0", bodyOf(1, "eu")]])
    }, seen)
    expect(members).toBe(0)
    expect(steps).toMatchObject([{ does: "retag", why: expect.stringMatching(/unnamed set.*restartChild/) }])
  })
})

describe("how many may be ended", () => {
  it("is half of more than ten unless told otherwise, as a number or as a share", () => {
    expect([limitOf(undefined, 10), limitOf(undefined, 11), limitOf(undefined, 100)]).toEqual([Infinity, 5, 50])
    expect([limitOf(3, 100), limitOf(0, 5), limitOf("10%", 25), limitOf("100%", 7)]).toEqual([3, 0, 2, 7])
    for (const odd of [-1, Number.NaN, "10", "x%", "-1%", null]) expect(limitOf(odd as never, 10)).toBeUndefined()
  })
})
