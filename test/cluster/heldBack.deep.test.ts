/**
 * A release that cannot run some children: they go back to the nodes of the release before, and the others move on.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, type Duration, Effect, Fiber, Layer, Metric, Option, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, ChildInfo, type ChildSpec, GroupRegistry, PogoEvent, PogoMetrics, Restart } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import { heldBackMark, parseHeldBack } from "../../src/internal/replica/heldBackMark.js"
import { makeCluster, type TestNode } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

const Fragile = Child.make("Fragile", { payload: {} })

/** What the code of a release does, as an effect, or while a layer is built. */
type Run = Effect.Effect<unknown, unknown, Child.Current>

const bad: Run = Effect.die(new Error("no column {price}\nat some place"))

const often = Schedule.spaced("1 second")

const count = 12

interface SceneOptions {
  /** What each release does; those that are not named run it well. */
  readonly releases?: Record<string, Run>
  readonly options?: Child.RunOptions
  /** Whether the child is a layer. */
  readonly layers?: boolean
}

/** Nodes with a revision, and children of two kinds: one that any release runs, and one that is as good as the release. */
const makeScene = (names: ReadonlyArray<string>, { layers = false, options, releases = {} }: SceneOptions = {}) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const restarted = new Set<string>()
    /** Its first run of all fails, so that it has been restarted once. */
    const good: Run = Effect.flatMap(Child.Current, ({ id }) => {
      if (restarted.has(id)) return Effect.never
      restarted.add(id)
      return Effect.fail(new Error("once"))
    })
    const codeOf = (revision: string): Run => Effect.suspend(() => releases[revision] ?? good)
    const fragileLive = (revision: string) =>
      Fragile.toLayer(
        () => {
          const run = Effect.zipRight(journal.record, codeOf(revision))
          return layers
            ? Layer.scopedDiscard(revision === "v1" ? Effect.asVoid(journal.record) : run)
            : Effect.scoped(run)
        },
        options ?? { restart: Restart.permanent(often, { resetAfter: "1 day" }) }
      )
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
    const settle = TestClock.adjust("20 seconds")
    const add = (name: string, revision: string) =>
      cluster.add(name, { revision }, Layer.merge(workerLive(journal), fragileLive(revision)))
    for (const name of names) yield* add(name, "v1")
    yield* TestClock.adjust("30 seconds")
    const node = (name: string): TestNode => cluster.nodes.get(name)!
    const some = (): TestNode => Array.from(cluster.nodes.values())[0]!
    yield* node(names[0]!).pogo.startChildren(
      Array.from({ length: count }, (_, i) => [Fragile.spec(`f${i}`, {}), Worker.spec(`w${i}`, {})]).flat()
    )
    yield* TestClock.adjust("30 seconds")
    const idsOn = (name: string) =>
      journal.running().filter(({ node }) => node.startsWith(name)).map(({ id }) => id as ChildSpec.ChildId)
    return {
      cluster,
      journal,
      releases,
      settle,
      node,
      idsOn,
      fragileOn: (name: string) => idsOn(name).filter((id) => id.startsWith("Fragile/")),
      join: (name: string, revision: string) => Effect.zipLeft(add(name, revision), settle),
      leave: (name: string) => Effect.zipRight(node(name).stop, settle),
      /** Starts of a child on nodes whose names begin so. */
      startsOn: (id: string, name: string) => journal.starts(id).filter((line) => line.node.startsWith(name)),
      row: (id: ChildSpec.ChildId) => Effect.map(some().pogo.getChild(id), Option.getOrThrow),
      rows: Effect.suspend(() =>
        Effect.map(some().pogo.whichChildren("global"), (all) => all.filter(({ kind }) => kind === "Fragile"))
      ),
      marks: (id: string) => some().pogo[Internals].node.view.entries.get(id)?.spec?.refused ?? []
    }
  })

type Scene = Effect.Effect.Success<ReturnType<typeof makeScene>>

/** Names of the nodes that a child was claimed by, in order. */
const ownersOf = ({ journal }: Scene, id: string): ReadonlyArray<string> => {
  const owners = new Map(journal.starts(id).map(({ node, token }) => [token, node]))
  return Array.from(owners.values())
}

/** The longest time for which no good run of a child was there, since the first one. Milliseconds. */
const longestGap = ({ journal }: Scene, id: string): number => {
  const lines = journal.lines.filter((line) => line.id === id && line.node.startsWith("a")).slice(2)
  const gaps = lines.map(({ at, what }, i) => (what === "start" && i > 0 ? at - lines[i - 1]!.at : 0))
  return Math.max(0, ...gaps)
}

const counted = (node: string) =>
  Effect.map(
    Metric.value(Metric.tagged(Metric.tagged(PogoMetrics.childrenHeldBack, "scope", "default"), "node", node)),
    ({ count }) => count
  )

const heldOf = (rows: ReadonlyArray<ChildInfo.ChildRow>) => rows.filter(({ heldBack }) => heldBack !== undefined)

describe("a release that cannot run some children", () => {
  it.scoped(
    "gives them back after three starts each, and runs all others",
    () =>
      Effect.gen(function*() {
        const scene = yield* makeScene(["a1", "a2", "a3", "a4"], { releases: { v2: bad } })
        const { fragileOn, idsOn, join, journal, leave, marks, rows, startsOn } = scene
        const before = yield* counted("b1")
        expect(new Set((yield* rows).map(({ restarts }) => restarts))).toEqual(new Set([1]))
        for (const [old, young] of [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]] as const) {
          yield* join(young, "v2")
          yield* leave(old)
          expect([fragileOn("a").length, fragileOn("b").length]).toEqual([count, 0])
        }
        const tried = (yield* rows).filter(({ id }) => startsOn(id, "b").length > 0)
        expect(tried.length).toBeGreaterThan(count / 2)
        for (const { id } of tried) {
          const starts = startsOn(id, "b")
          expect(starts.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
          expect(new Set(starts.map(({ token }) => token)).size).toBe(1)
          expect(longestGap(scene, id)).toBeLessThan(3_000)
          expect(marks(id).map((mark) => parseHeldBack(mark)?.revision)).toEqual(["v2"])
        }
        // What happened on the new release counts for nobody.
        expect(new Set((yield* rows).map(({ restarts, status }) => `${status._tag} ${restarts}`)))
          .toEqual(new Set(["Running 1"]))
        expect(journal.violations()).toEqual([])
        expect(idsOn("b").length).toBeGreaterThan(count / 2)
        expect(new Set(heldOf(yield* rows).map(({ id }) => id))).toEqual(new Set(tried.map(({ id }) => id)))
        const held = yield* Effect.all(["b1", "b2", "b3"].map(counted))
        expect(held.reduce((sum, n) => sum + n, 0) - before).toBe(tried.length)
      })
  )

  it.scoped("is told: by the row, explain, the event and the history", () =>
    Effect.gen(function*() {
      const { fragileOn, join, leave, node, row } = yield* makeScene(["a1", "a2"], { releases: { v2: bad } })
      const [id] = fragileOn("a1")
      yield* join("b1", "v2")
      const { pogo } = node("b1")
      const events = yield* pogo.events.pipe(
        Stream.filter(PogoEvent.$is("ChildHeldBack")),
        Stream.takeUntil((event) => event.id === id),
        Stream.runCollect,
        Effect.fork
      )
      yield* leave("a1")
      const { cause, node: where, revision } = Chunk.unsafeLast(yield* Fiber.join(events))
      expect([where, revision]).toEqual(["b1", "v2"])
      expect(cause).toContain("no column {price}")
      const told = yield* row(id!)
      const { heldBack, node: at } = told
      expect(at).toBe("a2")
      expect(heldBack).toMatchObject({ revision: "v2", cause: "Error: no column {price}" })
      const json: unknown = JSON.parse(JSON.stringify(told))
      expect(json).toEqual(JSON.parse(JSON.stringify(Schema.encodeSync(ChildInfo.ChildRow)(told))))
      expect(Schema.decodeUnknownSync(ChildInfo.ChildRow)(json)).toEqual(told)
      const { text } = yield* pogo.explain(id!)
      expect(text).toContain("held back from revision v2 since ")
      expect(text).toContain("it runs on v1. restartChild has v2 try it again.")
      const entries = yield* pogo.history(id)
      const stops = entries.filter(({ node, what }) => node === "b1" && what === "stopped")
      expect(stops.map(({ note }) => note?.split("\n", 1)[0])).toEqual(["held back from v2: Error: no column {price}"])
      expect(entries.some(({ what }) => what === "refused")).toBe(false)
    }))

  it.scoped("runs them under their policy when the older nodes have ended", () =>
    Effect.gen(function*() {
      const scene = yield* makeScene(["a1", "a2"], { releases: { v2: bad } })
      const { join, journal, leave, marks, rows, startsOn } = scene
      yield* join("b1", "v2")
      yield* join("b2", "v2")
      yield* leave("a1")
      yield* leave("a2")
      const after = yield* rows
      for (const { heldBack, id, node, restarts } of after) {
        expect(node).toMatch(/^b/)
        expect(restarts).toBeGreaterThan(10)
        expect(heldBack).toBeUndefined()
        expect(marks(id).length).toBeLessThanOrEqual(1)
        expect(startsOn(id, "b").length).toBeGreaterThan(10)
      }
      const owners = after.map(({ id }) => ownersOf(scene, id).length)
      yield* TestClock.adjust("20 seconds")
      expect(after.map(({ id }) => ownersOf(scene, id).length)).toEqual(owners)
      // A node that comes back has only those that had not gone back before.
      const marked = after.map(({ id }) => marks(id).length)
      expect(new Set(marked)).toEqual(new Set([0, 1]))
      yield* join("a2", "v1")
      expect(after.map(({ id }, i) => ownersOf(scene, id).length + marked[i]!)).toEqual(owners.map((n) => n + 1))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("does not have them flap where the release before fails as well", () =>
    Effect.gen(function*() {
      const scene = yield* makeScene(["a1", "a2"], { releases: { v2: bad } })
      const { fragileOn, join, journal, leave, marks, releases, startsOn } = scene
      const ids = fragileOn("a1")
      yield* join("b1", "v2")
      releases["v1"] = bad
      yield* leave("a1")
      yield* TestClock.adjust("20 seconds")
      for (const id of ids) {
        expect(ownersOf(scene, id)).toEqual(["a1", "b1", "a2"])
        expect(startsOn(id, "b")).toHaveLength(3)
        expect(startsOn(id, "a2").length).toBeGreaterThan(20)
        expect(marks(id)).toHaveLength(1)
        expect(marks(id)[0]).toMatch(new RegExp(`^${heldBackMark("v2")}:`))
      }
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("tries one again after restartChild, and a newer release tries all", () =>
    Effect.gen(function*() {
      const scene = yield* makeScene(["a1", "a2"], { releases: { v2: bad } })
      const { fragileOn, join, journal, leave, marks, node, releases, row, settle, startsOn } = scene
      const [again, mended, ...others] = fragileOn("a1")
      yield* join("b1", "v2")
      yield* leave("a1")
      yield* node("a2").pogo.restartChild(again!)
      yield* settle
      expect(ownersOf(scene, again!)).toEqual(["a1", "b1", "a2", "b1", "a2"])
      expect(startsOn(again!, "b1")).toHaveLength(6)
      expect(marks(again!)).toHaveLength(1)
      delete releases["v2"]
      yield* node("a2").pogo.restartChild(mended!)
      yield* settle
      expect(ownersOf(scene, mended!)).toEqual(["a1", "b1", "a2", "b1"])
      expect((yield* row(mended!)).heldBack).toBeUndefined()
      yield* join("c1", "v3")
      yield* leave("a2")
      for (const id of others) {
        expect(ownersOf(scene, id)).toEqual(["a1", "b1", "a2", "c1"])
        expect((yield* row(id)).heldBack).toBeUndefined()
      }
      expect(journal.violations()).toEqual([])
    }))

  it.scoped(
    "gives back what it would let fail for good, and only while another release can run it",
    () =>
      Effect.gen(function*() {
        const { fragileOn, join, leave, rows, startsOn } = yield* makeScene(["a1", "a2"], {
          releases: { v1: Effect.never, v2: bad },
          options: { restart: Restart.permanent(often), intensity: { maxRestarts: 1, within: "1 hour" } }
        })
        const ids = fragileOn("a1")
        yield* join("b1", "v2")
        yield* leave("a1")
        expect(fragileOn("a2")).toHaveLength(count)
        for (const id of ids) expect(startsOn(id, "b1")).toHaveLength(2)
        yield* leave("a2")
        expect(new Set((yield* rows).map(({ status }) => status._tag))).toEqual(new Set(["Failed"]))
      })
  )
})

describe("a start counts as failed", () => {
  const held = (options: SceneOptions, after: Duration.DurationInput) =>
    Effect.gen(function*() {
      const scene = yield* makeScene(["a1", "a2"], options)
      const { fragileOn, join, leave, startsOn } = scene
      const [id] = fragileOn("a1")
      yield* join("b1", "v2")
      yield* leave("a1")
      yield* TestClock.adjust(after)
      return { starts: startsOn(id!, "b1").length, node: ownersOf(scene, id!).at(-1) }
    })

  const failing = (after: Duration.DurationInput): Run => Effect.zipRight(Effect.sleep(after), Effect.fail("late"))

  it.scoped("when the run fails within ten seconds after it was up", () =>
    Effect.gen(function*() {
      expect(yield* held({ releases: { v2: failing("9 seconds") } }, "1 minute")).toEqual({ starts: 3, node: "a2" })
    }))

  it.scoped("but not later, and not when it ends well", () =>
    Effect.gen(function*() {
      const late = yield* held({ releases: { v2: failing("11 seconds") } }, "5 minutes")
      expect(late.node).toBe("b1")
      expect(late.starts).toBeGreaterThan(20)
      const well = yield* held({ releases: { v2: Effect.void } }, "10 seconds")
      expect(well.node).toBe("b1")
      expect(well.starts).toBeGreaterThan(10)
    }))

  it.scoped("only in a row under one claim", () =>
    Effect.gen(function*() {
      const mixed: Run = Effect.flatMap(
        Child.Current,
        ({ attempt }) => (attempt % 3 === 0 ? failing("11 seconds") : failing("1 second"))
      )
      expect((yield* held({ releases: { v2: mixed } }, "10 minutes")).node).toBe("b1")
    }))

  it.scoped("however long a layer takes that never comes up", () =>
    Effect.gen(function*() {
      const options = { restart: Restart.permanent(often), startTimeout: "30 seconds" } as const
      const hanging = { releases: { v2: Effect.never }, options, layers: true }
      expect(yield* held(hanging, "3 minutes")).toEqual({ starts: 3, node: "a2" })
      const late = { releases: { v2: failing("20 seconds") }, options, layers: true }
      expect(yield* held(late, "3 minutes")).toEqual({ starts: 3, node: "a2" })
    }))
})

describe("a child is not held back", () => {
  it.scoped("on an older release, nor where there is but one", () =>
    Effect.gen(function*() {
      const scene = yield* makeScene(["a1", "a2"], { releases: { v2: Effect.never } })
      const { fragileOn, join, leave, marks, node, releases, rows, settle } = scene
      releases["v1"] = bad
      const ids = fragileOn("a1")
      for (const id of ids) yield* node("a1").pogo.restartChild(id)
      yield* settle
      expect((yield* rows).filter(({ id }) => marks(id).length > 0)).toEqual([])
      yield* join("b1", "v2")
      yield* settle
      for (const id of ids) {
        expect(ownersOf(scene, id).at(-1)).toMatch(/^a/)
        expect(marks(id)).toEqual([])
      }
      yield* leave("a1")
      yield* leave("a2")
      expect(fragileOn("b1")).toHaveLength(count)
    }))
})
