import { describe, expect, it } from "@effect/vitest"
import { Watchers } from "../../../src/internal/runtime/environment.js"

describe("Watchers", () => {
  it("tells those of one child, and those only", () => {
    const told: Array<string> = []
    const watchers = new Watchers(() => {})
    watchers.of("a").add(() => told.push("a"))
    watchers.of("b").add(() => told.push("b"))
    watchers.notify("a")
    expect(told).toEqual(["a"])
    watchers.notifyAll()
    expect(told).toEqual(["a", "a", "b"])
  })

  it("loses nobody when others go between the look and the stay of one", () => {
    const watchers = new Watchers(() => {})
    const told: Array<string> = []
    const [one, other] = [() => void told.push("one"), () => void told.push("other")]
    const places = [watchers.of("a"), watchers.of("a"), watchers.of("a")]
    places[0]!.add(one)
    // The second has asked for its place before the first leaves, and takes it afterwards.
    places[0]!.delete(one)
    places[1]!.add(other)
    places[2]!.delete(one)
    watchers.notify("a")
    expect(told).toEqual(["other"])
  })

  it("keeps nothing of children that nobody watches any more", () => {
    const watchers = new Watchers(() => {})
    const listener = () => {}
    watchers.of("a").add(listener)
    watchers.of("a").delete(listener)
    watchers.of("b").delete(listener)
    expect(watchers.size).toBe(0)
  })
})
