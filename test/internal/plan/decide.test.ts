import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { type Action, type Condition, decide, mayStart, type RunningChild } from "../../../src/internal/plan/decide.js"
import { type Entry, makeEntry } from "../../../src/internal/replica/replica.js"
import { counter, entryOf, holds, knownSpec, random } from "../../support/arbitrary.js"

const me = "me#1"
const sids = [me, "live#1", "dead#1"] as const
const id = "K/x"

const claim = FastCheck.record({ token: counter, generation: counter, sid: FastCheck.constantFrom(...sids) })

const entry: FastCheck.Arbitrary<Entry> = FastCheck.record({
  spec: FastCheck.option(
    FastCheck.record({ generation: FastCheck.integer({ min: 1, max: 3 }), failed: FastCheck.boolean() })
  ),
  claim: FastCheck.option(claim)
}).map(({ claim, spec }) => ({
  ...makeEntry(id),
  spec: spec === null ? undefined : knownSpec(id, spec),
  claim: claim ?? undefined
}))

const running: FastCheck.Arbitrary<RunningChild> = FastCheck.record({
  claim: counter,
  spec: FastCheck.record({ generation: FastCheck.integer({ min: 1, max: 3 }) }),
  stayUntil: FastCheck.constantFrom(0, 0, 99, 100, 101),
  ending: FastCheck.integer({ min: 0, max: 4 }).map((n) => n === 0)
})

/** One that may move. */
const runOf = (claim: number, generation: number): RunningChild => ({
  claim,
  spec: { generation },
  stayUntil: 0,
  ending: false
})

const rarely = FastCheck.integer({ min: 0, max: 3 }).map((n) => n === 0)

const condition: FastCheck.Arbitrary<Condition> = FastCheck.record({
  active: FastCheck.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cordoned: rarely,
  draining: rarely,
  quarantined: rarely,
  movesOpen: FastCheck.boolean(),
  kind: FastCheck.integer({ min: 0, max: 3 }).map((n) => n > 0),
  home: FastCheck.constantFrom(me, me, "live#1", undefined),
  heir: FastCheck.constantFrom(me, me, "live#1", undefined),
  room: FastCheck.constantFrom(0, 1, Infinity),
  keeper: FastCheck.constantFrom(me, "live#1", undefined)
}).map(({ heir, home, kind, ...rest }) => ({
  ...rest,
  sid: me,
  now: 100,
  hasKind: () => kind,
  isLive: (sid: string) => sid !== "dead#1",
  homeOf: (known: Entry) => (known.spec === undefined ? undefined : home),
  heirOf: (known: Entry) => (known.spec === undefined ? undefined : heir)
}))

const matched = FastCheck.tuple(entry, running, FastCheck.boolean()).map(([known, run, matches]) => ({
  known,
  // Claims that do belong together, and those that do not, in equal parts.
  run: matches && known.claim !== undefined ? { ...run, claim: known.claim.token } : run
}))

const tagOf = (action: Action): string => (action._tag === "Stop" ? `Stop ${action.reason}` : action._tag)

const runs = 3_000

/** At home, with everything in order. */
const fine: Condition = {
  sid: me,
  now: 100,
  active: true,
  cordoned: false,
  draining: false,
  quarantined: false,
  movesOpen: true,
  hasKind: () => true,
  isLive: () => true,
  homeOf: () => me,
  heirOf: () => me,
  room: Infinity,
  keeper: me
}

describe("decide, about a child that this node does not run", () => {
  holds(
    "claims exactly what is registered, vacant, this node's to take, and may be run",
    [entry, condition],
    (known, node) => {
      const { claim, spec } = known
      const vacant = claim === undefined || claim.sid === "dead#1"
      const may = node.active && !node.cordoned && !node.draining && !node.quarantined && node.hasKind("K") &&
        spec !== undefined && !spec.failed && vacant && node.heirOf(known) === me
      expect(decide(known, undefined, node)._tag === "Claim").toBe(may)
    },
    runs
  )

  holds("claims the registered generation", [entry, condition], (known, node) => {
    const action = decide(known, undefined, node)
    if (action._tag === "Claim") expect(action.generation).toBe(known.spec!.generation)
  }, runs)

  holds("gives back exactly the claims that are its own", [entry, condition], (known, node) => {
    const action = decide(known, undefined, node)
    const mine = node.active && known.claim?.sid === me
    expect(action._tag === "Release").toBe(mine)
    if (action._tag === "Release") expect(action.token).toBe(known.claim!.token)
  }, runs)

  holds(
    "has a dead holder's claim on an ended or failed child removed exactly if it is the keeper",
    [entry, condition],
    (known, node) => {
      const ended = known.spec === undefined || known.spec.failed
      const left = known.claim?.sid === "dead#1"
      expect(decide(known, undefined, node)._tag === "Purge").toBe(
        node.active && ended && left && node.keeper === me
      )
    },
    runs
  )

  holds("neither stops, revokes nor postpones anything", [FastCheck.option(entry), condition], (known, node) => {
    expect(["Nothing", "Claim", "Purge", "Release"]).toContain(decide(known ?? undefined, undefined, node)._tag)
  })

  it("does nothing about a child that it has never heard of", () => {
    expect(decide(undefined, undefined, fine)).toEqual({ _tag: "Nothing" })
  })
})

describe("decide, about a child that this node runs", () => {
  holds(
    "revokes exactly when the registry's claim is not the one that it runs under",
    [matched, condition],
    ({ known, run }, node) => {
      const other = known.claim?.token !== run.claim
      expect(decide(known, run, node)._tag === "Revoke").toBe(node.active && !run.ending && other)
    },
    runs
  )

  it("revokes a child that the registry has forgotten", () => {
    const run = runOf(1, 1)
    expect(decide(undefined, run, fine)._tag).toBe("Revoke")
    expect(decide(makeEntry(id), run, fine)._tag).toBe("Revoke")
  })

  holds(
    "never stops a child that is at home, in the registered generation",
    [matched, condition],
    ({ known, run }, node) => {
      const own = { ...run, claim: 5, spec: { generation: 2 } }
      const at = { ...known, claim: { token: 5, generation: 2, sid: me }, spec: knownSpec(id, { generation: 2 }) }
      const home = { ...node, homeOf: () => me, hasKind: () => true, draining: false }
      expect(decide(at, own, home)).toEqual({ _tag: "Nothing" })
    },
    runs
  )

  holds("stops a child of another generation, or of none", [matched, condition], ({ known, run }, node) => {
    if (!node.active || run.ending || known.claim?.token !== run.claim) return
    const action = tagOf(decide(known, run, node))
    if (known.spec === undefined) expect(action).toBe("Stop terminated")
    else if (known.spec.generation !== run.spec.generation) expect(action).toBe("Stop replaced")
    else expect(action).not.toMatch(/terminated|replaced/)
  }, runs)

  holds(
    "stops a child that the node drains, or has lost the kind of, in its turn, but not for being cordoned",
    [matched, condition],
    ({ known, run }, node) => {
      if (!node.active || run.ending || known.claim?.token !== run.claim) return
      if (known.spec?.generation !== run.spec.generation) return
      const action = tagOf(decide(known, run, node))
      const isOpen = node.movesOpen || node.heirOf(known) === undefined
      if (node.draining) expect(action).toBe(isOpen ? "Stop drained" : "Later")
      else if (!node.hasKind("K")) expect(action).toBe(isOpen ? "Stop kindClosed" : "Later")
      else if (node.cordoned) expect(action).toBe("Nothing")
      // It has to stay for a while, unless the node gives it up.
      else if (node.homeOf(known) === "live#1" && run.stayUntil > node.now) expect(action).toBe("Stay")
      else if (node.homeOf(known) === "live#1") expect(action).toBe(node.movesOpen ? "Stop moved" : "Later")
      else expect(action).toBe("Nothing")
    },
    runs
  )

  holds("neither claims, purges nor releases anything", [matched, condition], ({ known, run }, node) => {
    expect(["Nothing", "Stop", "Revoke", "Later", "Stay"]).toContain(decide(known, run, node)._tag)
  })

  holds("leaves a child alone that is ending", [matched, condition], ({ known, run }, node) => {
    expect(decide(known, { ...run, ending: true }, node)._tag).toBe("Nothing")
  })
})

describe("decide", () => {
  holds(
    "does nothing while the node is not active",
    [matched, condition, FastCheck.boolean()],
    ({ known, run }, node, runs) => {
      expect(decide(known, runs ? run : undefined, { ...node, active: false })).toEqual({ _tag: "Nothing" })
    }
  )
})

describe("mayStart", () => {
  holds("lets start whatever was rightly claimed, if nothing changed meanwhile", [entry, condition], (known, node) => {
    const action = decide(known, undefined, node)
    if (action._tag === "Claim") expect(mayStart(known, action.generation, node)).toBe(true)
  }, runs)

  holds(
    "lets nothing start that would be stopped at once, save to move",
    [entry, condition, FastCheck.integer({ min: 1, max: 3 })],
    (known, node, generation) => {
      if (!mayStart(known, generation, node)) return
      const granted = { ...known, claim: { token: 9, generation, sid: me } }
      const action = decide(granted, runOf(9, generation), node)
      expect(["Nothing", "Later", "Stop moved"]).toContain(tagOf(action))
    },
    runs
  )

  holds(
    "refuses what may not be claimed, whatever the grant says",
    [FastCheck.option(entry), condition, FastCheck.integer({ min: 1, max: 3 })],
    (known, node, generation) => {
      const spec = known?.spec
      const may = node.active && !node.cordoned && !node.draining && node.hasKind("K") && spec !== undefined &&
        !spec.failed && spec.generation === generation
      expect(mayStart(known ?? undefined, generation, node)).toBe(may)
    },
    runs
  )
})

interface Child {
  readonly id: string
  readonly generation: number
  readonly state: "wanted" | "failed" | "ended"
  readonly entry: Entry
  /** Node where it belongs; none if nobody can take it. */
  readonly home: number | undefined
}

interface World {
  readonly nodes: ReadonlyArray<{ readonly sid: string; readonly cordoned: boolean; readonly draining: boolean }>
  readonly children: ReadonlyArray<Child>
  readonly claims: Map<string, { readonly token: number; readonly generation: number; readonly sid: string }>
  /** What runs: by child and node. */
  readonly running: Map<string, RunningChild>
  tokens: number
}

const key = (child: Child, sid: string) => `${child.id} ${sid}`

const conditionOf = ({ nodes }: World, child: Child, index: number, movesOpen: boolean): Condition => {
  const node = nodes[index]!
  return {
    ...fine,
    sid: node.sid,
    cordoned: node.cordoned,
    draining: node.draining,
    movesOpen,
    isLive: (sid) => nodes.some((other) => other.sid === sid),
    homeOf: () => (child.home === undefined ? undefined : nodes[child.home]?.sid),
    heirOf: () => (child.home === undefined ? undefined : nodes[child.home]?.sid),
    room: Infinity,
    keeper: nodes[0]?.sid
  }
}

/** One node looks at one child, and what it decides happens at once. */
const look = (world: World, child: Child, index: number, movesOpen: boolean): void => {
  const { claims, nodes, running } = world
  const { sid } = nodes[index]!
  const node = conditionOf(world, child, index, movesOpen)
  const known: Entry = { ...child.entry, claim: claims.get(child.id) }
  const run = running.get(key(child, sid))
  const action = decide(known, run, node)
  if (action._tag === "Claim") {
    const held = claims.get(child.id)
    expect(held === undefined || !node.isLive(held.sid)).toBe(true)
    const token = ++world.tokens
    claims.set(child.id, { token, generation: action.generation, sid })
    if (mayStart(known, action.generation, node)) {
      running.set(key(child, sid), runOf(token, action.generation))
    }
  } else if (action._tag === "Stop" || action._tag === "Revoke") {
    running.delete(key(child, sid))
    if (claims.get(child.id)?.token === run!.claim) claims.delete(child.id)
  } else if (action._tag === "Release" || action._tag === "Purge") {
    claims.delete(child.id)
  }
}

/** What a trial begins with. */
interface Beginning {
  readonly nodes: ReadonlyArray<{ readonly cordoned: boolean; readonly draining: boolean }>
  readonly children: ReadonlyArray<{
    readonly generation: number
    readonly state: Child["state"]
    readonly home: number | null
    /** A claim of someone, who may be dead, and whether a child is behind it. */
    readonly claim: { readonly node: number; readonly generation: number } | null
    readonly runs: boolean
    /** A node that runs a copy whose claim has gone to another. */
    readonly astray: number | null
  }>
}

const beginning: FastCheck.Arbitrary<Beginning> = FastCheck.record({
  nodes: FastCheck.array(
    FastCheck.record({ cordoned: rarely, draining: rarely }),
    { minLength: 1, maxLength: 4 }
  ),
  children: FastCheck.array(
    FastCheck.record({
      generation: FastCheck.integer({ min: 1, max: 3 }),
      state: FastCheck.constantFrom<Child["state"]>("wanted", "wanted", "wanted", "failed", "ended"),
      home: FastCheck.option(FastCheck.nat(3), { freq: 5 }),
      claim: FastCheck.option(
        FastCheck.record({ node: FastCheck.nat(5), generation: FastCheck.integer({ min: 1, max: 3 }) })
      ),
      runs: FastCheck.boolean(),
      astray: FastCheck.option(FastCheck.nat(3), { freq: 3 })
    }),
    { minLength: 1, maxLength: 8 }
  )
})

const build = ({ children, nodes }: Beginning): World => {
  const all = nodes.map((node, i) => ({ ...node, sid: `n${i}#1` }))
  const claims: World["claims"] = new Map()
  const running: World["running"] = new Map()
  let tokens = 0
  const made = children.map(({ astray, claim, generation, home, runs, state }, i): Child => {
    // The home is a node that takes children, as `homeOf` promises.
    const open = home === null ? undefined : all[home % all.length]
    const child: Child = {
      id: `K/c${i}`,
      generation,
      state,
      entry: state === "ended"
        ? makeEntry(`K/c${i}`)
        : entryOf(`K/c${i}`, { generation, failed: state === "failed" }),
      home: open === undefined || open.cordoned || open.draining ? undefined : home! % all.length
    }
    if (astray !== null) {
      running.set(key(child, all[astray % all.length]!.sid), runOf(++tokens, generation))
    }
    if (claim !== null) {
      const sid = `n${claim.node}#1`
      claims.set(child.id, { token: ++tokens, generation: claim.generation, sid })
      // What fails gives its claim back at the same moment.
      if (runs && state !== "failed" && claim.node < all.length) {
        running.set(key(child, sid), runOf(tokens, claim.generation))
      }
    }
    return child
  })
  return { nodes: all, children: made, claims, running, tokens }
}

/** Copies that run under the claim that the registry knows. */
const rightful = ({ claims, nodes, running }: World, child: Child): ReadonlyArray<string> =>
  nodes.map(({ sid }) => sid).filter((sid) => {
    const run = running.get(key(child, sid))
    return run !== undefined && run.claim === claims.get(child.id)?.token
  })

describe("nodes that do what they decide", () => {
  holds(
    "come to run every child exactly once at its home, in whatever order they act",
    [beginning, random],
    (given, makeDice) => {
      const start = build(given)
      const dice = makeDice()
      const kept = new Map<Child, string>()
      for (const child of start.children) {
        for (const sid of rightful(start, child)) {
          const node = start.nodes.find((other) => other.sid === sid)!
          const same = start.running.get(key(child, sid))!.spec.generation === child.generation
          // A cordoned node keeps what it has; a child that nobody can take stays where it is.
          const stays = node.cordoned || child.home === undefined
          if (child.state !== "ended" && same && !node.draining && stays) kept.set(child, sid)
        }
      }
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < start.children.length * start.nodes.length * 2; i++) {
          const child = dice.pick(start.children)
          look(start, child, dice.below(start.nodes.length), round > 2)
          expect(rightful(start, child).length).toBeLessThanOrEqual(1)
        }
      }
      // Chance may have left one out.
      for (let round = 0; round < 4; round++) {
        for (const child of start.children) start.nodes.forEach((_, index) => look(start, child, index, true))
      }
      for (const child of start.children) {
        const runs = start.nodes.filter(({ sid }) => start.running.has(key(child, sid))).map(({ sid }) => sid)
        const home = child.state !== "wanted" || child.home === undefined ? undefined : start.nodes[child.home]!.sid
        const expected = kept.get(child) ?? home
        expect(runs, child.id).toEqual(expected === undefined ? [] : [expected])
        const live = start.claims.get(child.id)
        // A dead node's claim on a child that could run stays until somebody can.
        const left = live !== undefined && !start.nodes.some(({ sid }) => sid === live.sid)
        if (!left) expect(live?.sid, child.id).toBe(expected)
        else expect(child.state === "wanted" && child.home === undefined, child.id).toBe(true)
      }
    },
    400
  )
})
