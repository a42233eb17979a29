import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, FastCheck, Layer } from "effect"
import { Child, GroupRegistry, Placement, Pogo } from "effect-pogo"
import { hashText } from "../src/internal/runtime/hash.js"
import { holds, names } from "./support/arbitrary.js"

const childOf = (id: string): Placement.Child => ({ id, kind: id.split("/")[0]!, hash: hashText(id) })

const nodeOf = (name: string, weight = 1): Placement.Node => ({ name, weight, labels: {}, hash: hashText(name) })

const homeOf = (child: Placement.Child, nodes: ReadonlyArray<Placement.Node>): string =>
  nodes.reduce((a, b) => (Placement.rendezvous(child, b) > Placement.rendezvous(child, a) ? b : a)).name

const sharesOf = (
  children: ReadonlyArray<Placement.Child>,
  nodes: ReadonlyArray<Placement.Node>
): Map<string, number> => {
  const shares = new Map(nodes.map(({ name }) => [name, 0]))
  for (const child of children) {
    const home = homeOf(child, nodes)
    shares.set(home, shares.get(home)! + 1)
  }
  return shares
}

const many = (count: number, id: (i: number) => string) => Array.from({ length: count }, (_, i) => childOf(id(i)))

/** Ids as people choose them: alike, and in order. */
const childNames: ReadonlyArray<(i: number) => string> = [
  (i) => `Worker/w${i}`,
  (i) => `ServiceMonitor/10.0.${i >> 8}.${i & 255}`,
  (i) => `Poller/device-${String(i).padStart(6, "0")}`,
  (i) => `Consumer/${i.toString(16)}`,
  (i) => `Monitor/https://customer-${i}.example.com/health`
]

const nodeNames: ReadonlyArray<(i: number) => string> = [
  (i) => `node-${i}`,
  (i) => `pogo-worker-${i}`,
  (i) => `web-1-${4000 + i}`,
  (i) => "abcdefghij"[i]!
]

const scoreOfHash = (hash: number): number =>
  Placement.rendezvous({ id: "", kind: "", hash }, { ...nodeOf("n"), hash: 0 })

const u32 = FastCheck.nat(2 ** 32 - 1)

describe("rendezvous", () => {
  it("gives none of 10 nodes more than 1.07 of the mean of 10,000 children", () => {
    for (const childName of childNames) {
      const children = many(10_000, childName)
      for (const nodeName of nodeNames) {
        const nodes = Array.from({ length: 10 }, (_, i) => nodeOf(nodeName(i)))
        const shares = Array.from(sharesOf(children, nodes).values())
        expect(Math.max(...shares) / 1000, `${childName(1)} on ${nodeName(1)}`).toBeLessThanOrEqual(1.07)
        expect(Math.min(...shares) / 1000, `${childName(1)} on ${nodeName(1)}`).toBeGreaterThanOrEqual(0.9)
      }
    }
  })

  it("spreads as evenly as chance would, over many sets of names", () => {
    // Chi-squared with 9 degrees of freedom: mean 9, deviation 4.2; the mean of 40 sets deviates by 0.67.
    let sum = 0
    for (let set = 0; set < 40; set++) {
      const nodes = Array.from({ length: 10 }, (_, i) => nodeOf(`set${set}-${i}`))
      for (const share of sharesOf(many(2_000, (i) => `K/${set}:${i}`), nodes).values()) sum += (share - 200) ** 2 / 200
    }
    expect(sum / 40).toBeGreaterThan(9 - 4 * 0.67)
    expect(sum / 40).toBeLessThan(9 + 4 * 0.67)
  })

  it("gives shares in proportion to the weights", () => {
    const weights = [0.5, 1, 2, 4]
    const nodes = weights.map((weight, i) => nodeOf(`w${i}`, weight))
    const shares = sharesOf(many(40_000, (i) => `Worker/w${i}`), nodes)
    for (const { name, weight } of nodes) {
      const ideal = 40_000 * weight / 7.5
      expect(Math.abs(shares.get(name)! / ideal - 1), name).toBeLessThan(0.05)
    }
  })

  it("moves about the joiner's share when a node joins, and all of it to the joiner", () => {
    const children = many(20_000, (i) => `Worker/w${i}`)
    const nodes = names(10).map((name) => nodeOf(name))
    const moved = children.filter((child) => homeOf(child, nodes) !== homeOf(child, [...nodes, nodeOf("joiner")]))
    expect(moved.length / (20_000 / 11)).toBeLessThanOrEqual(1.05)
    expect(moved.length / (20_000 / 11)).toBeGreaterThanOrEqual(0.95)
    for (const child of moved) expect(homeOf(child, [...nodes, nodeOf("joiner")])).toBe("joiner")
  })

  it("moves nothing but the leaver's children when a node leaves, and spreads them over the others", () => {
    const children = many(20_000, (i) => `Worker/w${i}`)
    const nodes = names(10).map((name) => nodeOf(name))
    const rest = nodes.slice(1)
    const moved = children.filter((child) => homeOf(child, nodes) !== homeOf(child, rest))
    expect(moved).toEqual(children.filter((child) => homeOf(child, nodes) === "n0"))
    expect(moved.length / 2_000).toBeLessThanOrEqual(1.05)
    expect(Math.max(...sharesOf(moved, rest).values()) / (moved.length / 9)).toBeLessThan(1.2)
  })

  holds(
    "takes children only from others when a node's weight grows",
    [FastCheck.double({ min: 0.1, max: 10, noNaN: true }), FastCheck.double({ min: 1, max: 5, noNaN: true })],
    (weight, factor) => {
      const others = names(4).map((name) => nodeOf(name))
      for (const child of many(50, (i) => `Worker/w${i}`)) {
        const before = homeOf(child, [...others, nodeOf("grown", weight)])
        const after = homeOf(child, [...others, nodeOf("grown", weight * factor)])
        if (after !== before) expect(after).toBe("grown")
      }
    },
    50
  )

  holds(
    "is never NaN, and at least 0, for any hashes and weights",
    [u32, u32, FastCheck.double({ min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true })],
    (a, b, weight) => {
      const score = Placement.rendezvous({ id: "", kind: "", hash: a }, { name: "", weight, labels: {}, hash: b })
      expect(score).toBeGreaterThanOrEqual(0)
    }
  )

  it("is a finite number where the pair's hash is extreme", () => {
    // The finalizer maps 0 to 0, the lowest of all.
    expect(scoreOfHash(0)).toBeGreaterThan(0)
    expect(Array.from({ length: 100_000 }, (_, i) => i).filter((hash) => !Number.isFinite(scoreOfHash(hash)))).toEqual(
      []
    )
  })
})

describe("Placement", () => {
  const Pinned = Child.make("Pinned", { payload: {} })
  const PinnedLive = Pinned.toLayer(() => Effect.never)

  it.scoped("a score of one's own decides where children run", () =>
    Effect.gen(function*() {
      const registry = Layer.succeed(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory())
      const onB = Placement.layer((_, node) => (node.name === "b" ? 1 : 0))
      const start = (name: string) =>
        PinnedLive.pipe(
          Layer.provideMerge(Pogo.layer({ name })),
          Layer.provide([registry, onB]),
          Layer.build,
          Effect.map(Context.get(Pogo.Pogo))
        )
      const [a, b] = [yield* start("a"), yield* start("b")]
      for (const key of names(8)) {
        yield* a.startChild(Pinned.spec(key, {}))
        expect((yield* a.awaitChild(Pinned.id(key))).node).toBe("b")
      }
      expect((yield* b.whichChildren("local")).length).toBe(8)
      expect((yield* a.explain(Pinned.id("n0"))).belongs).toBe("b")
    }))
})
