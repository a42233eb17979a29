import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { type Item, maxBatch, tombstoneRetention } from "../../../src/internal/registry/commands.js"
import {
  formatClaim,
  formatTomb,
  parseClaim,
  type RegistryState,
  type TombRecord
} from "../../../src/internal/registry/state.js"
import { formatTrial } from "../../../src/internal/registry/trialRecords.js"
import { View } from "../../../src/internal/replica/replica.js"
import { rendezvous } from "../../../src/Placement.js"
import { History, holds, names, random, row, specText } from "../../support/arbitrary.js"

const ids = names(4, "K/c")
const id = "K/x"

interface Scene {
  readonly view: View
  readonly changed: Array<string>
  readonly foreign: Array<string>
  time: number
}

const makeScene = (): Scene => {
  const changed: Array<string> = []
  const foreign: Array<string> = []
  const scene: Scene = {
    changed,
    foreign,
    time: 0,
    view: new View(rendezvous, () => scene.time, {
      changed: (child) => void changed.push(child),
      moved: () => {},
      foreign: (child, part) => void foreign.push(`${part} ${child}`)
    })
  }
  return scene
}

const makeView = (): View => makeScene().view

const tombText = (tomb: Partial<TombRecord> = {}): string =>
  formatTomb({
    stamp: 2,
    generation: 1,
    op: "op",
    endOp: "by",
    how: "terminated",
    initial: false,
    pruned: false,
    ...tomb
  })

const claimText = (token: number, sid = "a#1"): string => formatClaim({ token, generation: 1, sid })

type Content = Record<string, Omit<Item, "id" | "trial"> & { trial?: string }>

/** What a view knows, in the form of the registry. */
const contentOf = ({ entries, tombs }: View): Content => {
  const content: Content = {}
  for (const known of new Set([...entries.keys(), ...tombs.keys()])) {
    const entry = entries.get(known)
    content[known] = {
      spec: entry?.spec?.raw ?? null,
      tomb: tombs.get(known)?.raw ?? null,
      claim: entry?.claim === undefined ? null : formatClaim(entry.claim),
      stat: entry?.stat ?? null,
      ...(entry?.trial === undefined ? {} : { trial: formatTrial(entry.trial) })
    }
  }
  return content
}

const stored = ({ claim, spec, stat, tomb, trial }: RegistryState): Content => {
  const content: Content = {}
  for (const known of new Set([...spec.keys(), ...tomb.keys(), ...claim.keys()])) {
    content[known] = {
      spec: spec.get(known) ?? null,
      tomb: tomb.get(known) ?? null,
      claim: claim.get(known) ?? null,
      stat: stat.get(known) ?? null,
      ...(trial.has(known) ? { trial: trial.get(known)! } : {})
    }
  }
  return content
}

/** What the holder of an ended child said of it is not shown to anybody. */
const withoutLastWords = (content: Content): Content =>
  Object.fromEntries(
    Object.entries(content).map(([known, parts]) => [known, parts.spec === null ? { ...parts, stat: null } : parts])
  )

const expectCounts = (view: View): void => {
  const counts = new Map<string, number>()
  for (const { claim } of view.entries.values()) {
    if (claim !== undefined) counts.set(claim.sid, (counts.get(claim.sid) ?? 0) + 1)
  }
  for (const sid of [...counts.keys(), "gone#1"]) expect(view.claimsOf(sid)).toBe(counts.get(sid) ?? 0)
}

/** Some rows, each with the counter value at which it was read; later ones are newer. */
const readSome = (history: History, count: number): ReadonlyArray<readonly [row: Item, at: number]> => {
  const rows: Array<readonly [Item, number]> = []
  while (rows.length < count) {
    history.step()
    const known = Object.keys(stored(history.state))
    if (known.length > 0) rows.push([history.row(history.random.pick(known)), history.high])
  }
  return rows
}

const shuffled = <A>(all: ReadonlyArray<A>, dice: () => number): ReadonlyArray<A> =>
  all.map((one) => [dice(), one] as const).sort(([a], [b]) => a - b).map(([, one]) => one)

describe("apply", () => {
  holds("comes to the same in any order, however often: the newest row of each child wins", [random], (make) => {
    const history = new History(make(), ids)
    const rows = readSome(history, 25)
    const newest = new Map(rows.map(([item]) => [item.id, item]))
    const view = makeView()
    const order = shuffled([...rows, ...rows.slice(0, 10)], () => history.random.next())
    for (const [item, at] of order) {
      view.apply(item, at)
      expectCounts(view)
    }
    const expected = Object.fromEntries(
      Array.from(newest.values(), ({ claim, id: known, spec, stat, tomb }) => [known, { spec, tomb, claim, stat }])
    )
    expect(contentOf(view)).toEqual(expected)
  }, 300)

  holds("of a row that is known already changes nothing", [random], (make) => {
    const view = makeView()
    for (const [item, at] of readSome(new History(make(), ids), 10)) {
      view.apply(item, at)
      const before = contentOf(view)
      view.apply(item, at)
      expect(contentOf(view)).toEqual(before)
      expectCounts(view)
    }
  }, 100)

  holds("of an older row tells nobody of a change", [random], (make) => {
    const { changed, view } = makeScene()
    const rows = readSome(new History(make(), ids), 12)
    for (const [item, at] of rows) view.apply(item, at)
    changed.length = 0
    for (const [item, at] of rows) {
      const newer = rows.some(([other, later]) => other.id === item.id && later > at)
      if (newer) view.apply(item, at)
    }
    expect(changed).toEqual([])
  }, 100)

  it("tells of every child of which something is new", () => {
    const { changed, view } = makeScene()
    view.apply(row(id, { spec: specText(id) }), 1)
    expect(changed).toContain(id)
    changed.length = 0
    view.apply(row(id, { tomb: tombText() }), 2)
    expect(changed).toContain(id)
  })

  it("leaves alone what a row does not tell", () => {
    const view = makeView()
    view.apply(row(id, { spec: specText(id) }), 1)
    view.apply(row(id, { spec: undefined, tomb: undefined, claim: claimText(5), stat: "5:running:0:1:0:" }), 2)
    expect(contentOf(view)[id]).toEqual({
      spec: specText(id),
      tomb: null,
      claim: claimText(5),
      stat: "5:running:0:1:0:"
    })
  })

  it("forgets a child of which nothing is left", () => {
    const view = makeView()
    view.apply(row(id, { spec: specText(id), claim: claimText(5) }), 1)
    view.apply(row(id, { claim: claimText(5) }), 2)
    expect(view.entries.has(id)).toBe(true)
    view.apply(row(id), 3)
    expect(view.entries.has(id)).toBe(false)
    expect(view.claimsOf("a#1")).toBe(0)
  })

  it("finds a child's home anew when its spec is another", () => {
    const view = makeView()
    const record = (kinds: object) => ({ record: `1|1|${JSON.stringify({ name: "a", kinds })}` })
    view.membership.set([{ sid: "a#1", ...record({ K: { version: 1, digest: "d" } }) }])
    view.apply(row(id, { spec: specText(id) }), 1)
    expect(view.membership.homeOf(view.entry(id))).toBe("a#1")
    view.apply(row(id, { spec: specText(id, { generation: 2 }, { version: 2 }) }), 2)
    expect(view.membership.homeOf(view.entry(id))).toBeUndefined()
    view.apply(row(id, { spec: specText(id, { generation: 3, refused: ["1.d"] }) }), 3)
    expect(view.membership.homeOf(view.entry(id))).toBeUndefined()
    view.apply(row(id, { spec: specText(id, { generation: 4 }) }), 4)
    expect(view.membership.homeOf(view.entry(id))).toBe("a#1")
  })
})

describe("records that are not ours", () => {
  it.each<[string, Partial<Item>, string]>([
    ["a spec without a header", { spec: "hello" }, `spec ${id}`],
    ["a spec of another id", { spec: specText("L/x") }, `spec ${id}`],
    ["a spec whose body is of a later version", { spec: "1|1|op|||{\"v\":2}" }, `spec ${id}`],
    ["a tombstone", { tomb: "hello" }, `tombstone ${id}`],
    ["a claim", { claim: "hello" }, `claim ${id}`]
  ])("%s is reported, and known as if it were not there", (_, parts, report) => {
    const { foreign, view } = makeScene()
    view.apply(row(id, parts), 1)
    expect(foreign).toEqual([report])
    expect(contentOf(view)).toEqual({})
  })

  it("do no harm to what stands beside them", () => {
    const { foreign, view } = makeScene()
    view.apply(row(id, { spec: specText(id), claim: "?", tomb: "?" }), 1)
    expect(contentOf(view)[id]).toEqual({ spec: specText(id), tomb: null, claim: null, stat: null })
    expect(foreign.sort()).toEqual([`claim ${id}`, `tombstone ${id}`])
    view.apply(row(id, { spec: "?", claim: claimText(5) }), 2)
    expect(view.entries.get(id)?.claim?.token).toBe(5)
  })

  it("in the place of a spec that was known end what was known: its child is not run here by the old one", () => {
    const view = makeView()
    view.apply(row(id, { spec: specText(id), claim: claimText(5) }), 1)
    view.apply(row(id, { spec: "9|9|op|||{\"v\":2}", claim: claimText(5) }), 9)
    expect(view.entries.get(id)?.spec).toBeUndefined()
  })
})

describe("what a call answered", () => {
  it("is not undone by a row that was read before", () => {
    const view = makeView()
    view.learnSpec(id, specText(id, { generation: 7 }), 7)
    view.apply(row(id), 6)
    expect(contentOf(view)[id]?.spec).toBe(specText(id, { generation: 7 }))
    view.learnTomb(id, tombText({ stamp: 9 }), 9)
    view.apply(row(id, { spec: specText(id, { generation: 7 }), claim: claimText(8) }), 8)
    expect(contentOf(view)).toEqual({ [id]: { spec: null, tomb: tombText({ stamp: 9 }), claim: null, stat: null } })
    view.learnSpec(id, specText(id, { generation: 12 }), 12)
    view.apply(row(id, { tomb: tombText({ stamp: 9 }) }), 11)
    expect(contentOf(view)[id]).toMatchObject({ spec: specText(id, { generation: 12 }), tomb: null })
  })

  it("does not undo a row that was read after", () => {
    const view = makeView()
    view.apply(row(id, { tomb: tombText({ stamp: 9 }) }), 10)
    view.learnSpec(id, specText(id, { generation: 7 }), 7)
    expect(contentOf(view)).toEqual({ [id]: { spec: null, tomb: tombText({ stamp: 9 }), claim: null, stat: null } })
    view.apply(row(id, { spec: specText(id, { generation: 12 }) }), 12)
    view.learnTomb(id, tombText({ stamp: 9 }), 9)
    view.setClaim(id, parseClaim(claimText(8)), undefined, 8)
    expect(contentOf(view)[id]).toMatchObject({ spec: specText(id, { generation: 12 }), tomb: null, claim: null })
  })

  it("from an older copy of the data does not displace what is to be given back to it", () => {
    const view = makeView()
    view.apply(row(id, { tomb: tombText({ stamp: 9 }) }), 9)
    view.learnSpec(id, specText(id, { generation: 7, stamp: 7 }), 20)
    expect(contentOf(view)[id]).toMatchObject({ spec: null, tomb: tombText({ stamp: 9 }) })
    view.apply(row("K/y", { spec: specText("K/y", { generation: 8, stamp: 8 }) }), 9)
    view.learnSpec("K/y", specText("K/y", { generation: 7, stamp: 7 }), 20)
    view.learnTomb("K/y", tombText({ stamp: 6 }), 20)
    expect(contentOf(view)["K/y"]).toMatchObject({ spec: specText("K/y", { generation: 8, stamp: 8 }), tomb: null })
  })

  it("about the end of a child leaves its holder's claim", () => {
    const view = makeView()
    view.apply(row(id, { spec: specText(id), claim: claimText(5) }), 5)
    view.learnTomb(id, tombText({ stamp: 6 }), 6)
    expect(view.entries.get(id)).toMatchObject({ spec: undefined, claim: { token: 5 } })
    expect(view.claimsOf("a#1")).toBe(1)
  })
})

/** Reads the log from a cursor, as a node does. */
const followOne = (view: View, history: History, cursor: number): number => {
  const reply = history.execute("changes", { cursor })
  if (reply._tag !== "OK") throw new Error(reply._tag)
  for (const item of reply.value.items) view.apply(item, reply.high)
  return reply.value.more ? reply.value.cursor : Math.max(reply.value.cursor, reply.log)
}

describe("a view that follows the log", () => {
  holds(
    "comes to know what the registry holds, and counts claims rightly on the way",
    [random],
    (make) => {
      const history = new History(make(), ids)
      const view = makeView()
      let cursor = history.state.meta!.log
      for (let i = 0; i < 60; i++) {
        history.step()
        if (history.random.chance(0.4)) cursor = followOne(view, history, cursor)
        expectCounts(view)
      }
      cursor = followOne(view, history, cursor)
      expect(contentOf(view)).toEqual(stored(history.state))
    },
    200
  )

  holds(
    "is not led astray by answers of its own calls, however late they are heard",
    [random],
    (make) => {
      const history = new History(make(), ids)
      const { random: dice } = history
      const view = makeView()
      const late: Array<() => void> = []
      let cursor = history.state.meta!.log
      for (let i = 0; i < 60; i++) {
        history.step()
        const child = dice.pick(ids)
        const { claim, spec, stat, tomb } = history.row(child)
        const at = history.high
        // A call's answer tells a part of the child as of its moment.
        if (typeof spec === "string") late.push(() => view.learnSpec(child, spec, at))
        else if (typeof tomb === "string") late.push(() => view.learnTomb(child, tomb, at))
        if (claim === null && typeof spec === "string") {
          late.push(() => view.setClaim(child, undefined, stat ?? undefined, at))
        }
        while (late.length > 0 && dice.chance(0.4)) late.splice(dice.below(late.length), 1)[0]!()
        if (dice.chance(0.3)) cursor = followOne(view, history, cursor)
        expectCounts(view)
      }
      cursor = followOne(view, history, cursor)
      for (const answer of late) answer()
      expect(withoutLastWords(contentOf(view))).toEqual(withoutLastWords(stored(history.state)))
    },
    200
  )
})

describe("a complete read", () => {
  const readAll = (view: View, history: History, between: () => void): void => {
    const seen = new Set<string>()
    let cursor = ""
    let begun: { readonly log: number; readonly high: number } | undefined
    do {
      const reply = history.execute("snap", { cursor })
      if (reply._tag !== "OK") throw new Error(reply._tag)
      begun ??= { log: reply.log, high: reply.high }
      for (const item of reply.value.items) {
        seen.add(item.id)
        view.apply(item, reply.high)
      }
      cursor = reply.value.next
      between()
    } while (cursor !== "")
    view.retain(seen, begun.high)
    let at = begun.log
    while (at < history.state.meta!.log) at = followOne(view, history, at)
  }

  holds(
    "and the log since then make any view right, however wrong it was and whatever happens meanwhile",
    [random],
    (make) => {
      const history = new History(make(), names(12, "K/c"))
      const { random: dice } = history
      const view = makeView()
      for (let i = 0; i < 60; i++) {
        history.step()
        // A view that has heard of a part only.
        if (dice.chance(0.3)) {
          const known = Object.keys(stored(history.state))
          if (known.length > 0) view.apply(history.row(dice.pick(known)), history.high)
        }
      }
      readAll(view, history, () => {
        for (let i = dice.below(6); i > 0; i--) history.step()
      })
      expect(contentOf(view)).toEqual(stored(history.state))
      expectCounts(view)
    },
    150
  )

  it("drops what it did not tell, save for what was learned since it began", () => {
    const { changed, view } = makeScene()
    view.apply(row("K/seen", { spec: specText("K/seen") }), 1)
    view.apply(row("K/gone", { spec: specText("K/gone"), claim: claimText(5) }), 2)
    view.apply(row("K/held", { claim: claimText(6) }), 3)
    view.apply(row("K/old", { tomb: tombText() }), 4)
    view.learnSpec("K/new", specText("K/new"), 11)
    view.learnTomb("K/ended", tombText(), 12)
    changed.length = 0
    view.retain(new Set(["K/seen"]), 10)
    expect(Object.keys(contentOf(view)).sort()).toEqual(["K/ended", "K/new", "K/seen"])
    expect(view.claimsOf("a#1")).toBe(0)
    expect(new Set(changed)).toEqual(new Set(["K/gone", "K/held"]))
  })
})

describe("a page of the log", () => {
  holds("holds no more than one batch, and leaves nothing out", [FastCheck.integer({ min: 1, max: 3 })], (pages) => {
    const many = names(maxBatch * pages - 7, "K/c")
    const history = new History(undefined as never, many)
    let cursor = history.state.meta!.log
    for (const child of many) {
      history.call("put", {
        mode: "ensure",
        items: [{ id: child, op: child, generation: 0, body: specText(child).split("|")[5]! }]
      })
    }
    const view = makeView()
    let read = 0
    while (cursor < history.state.meta!.log) {
      cursor = followOne(view, history, cursor)
      read++
    }
    expect(read).toBe(pages)
    expect(contentOf(view)).toEqual(stored(history.state))
  }, 3)
})

describe("tombstones", () => {
  it("are forgotten after their retention, save those of initial children", () => {
    const scene = makeScene()
    const { view } = scene
    view.learnTomb("K/a", tombText(), 1)
    view.learnTomb("K/initial", tombText({ initial: true }), 2)
    scene.time = 1
    view.learnTomb("K/b", tombText(), 3)
    scene.time = tombstoneRetention
    view.forgetTombs()
    expect(Array.from(view.tombs.keys())).toEqual(["K/a", "K/initial", "K/b"])
    scene.time = tombstoneRetention + 1
    view.forgetTombs()
    expect(Array.from(view.tombs.keys())).toEqual(["K/initial", "K/b"])
    scene.time = 10 * tombstoneRetention
    view.forgetTombs()
    expect(Array.from(view.tombs.keys())).toEqual(["K/initial"])
  })
})

describe("too many tombstones", () => {
  it("are forgotten, the oldest first, save those of initial children", () => {
    const { view } = makeScene()
    view.learnTomb("K/initial", tombText({ initial: true, stamp: 1 }), 1)
    for (const stamp of [5, 3, 9, 7]) view.learnTomb(`K/${stamp}`, tombText({ stamp }), 10)
    view.forgetTombs({ millis: tombstoneRetention, count: 4 })
    expect(view.tombs.size).toBe(5)
    view.forgetTombs({ millis: tombstoneRetention, count: 2 })
    expect(Array.from(view.tombs.keys())).toEqual(["K/initial", "K/9", "K/7"])
  })
})

describe("clear", () => {
  it("leaves nothing of an entry that somebody still has in hand", () => {
    const view = makeView()
    view.apply(row(id, { spec: specText(id), claim: claimText(2) }), 3)
    const entry = view.entries.get(id)!
    view.clear()
    expect(entry).toMatchObject({ id, spec: undefined, claim: undefined })
  })

  it("forgets everything, and tells of every child", () => {
    const { changed, view } = makeScene()
    view.apply(row("K/a", { spec: specText("K/a"), claim: claimText(5) }), 1)
    view.apply(row("K/b", { tomb: tombText() }), 2)
    view.known = 2
    changed.length = 0
    view.clear()
    expect(contentOf(view)).toEqual({})
    expect(view.claimsOf("a#1")).toBe(0)
    expect(view.known).toBe(0)
    expect(changed).toEqual(["K/a"])
    // Older news count again: this is another beginning.
    view.apply(row("K/a", { spec: specText("K/a") }), 1)
    expect(view.entries.has("K/a")).toBe(true)
  })
})
