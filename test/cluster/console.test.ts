/** What an operator sees of a scope: lists, counts, verdicts, and when they change. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, GroupRegistry, type Pogo, Restart } from "effect-pogo"
import { readFileSync } from "node:fs"
import { About, Change, ChildList, Overview } from "../../src/internal/console/answers.js"
import { type ConsoleMethods, makeConsole } from "../../src/internal/console/console.js"
import { plainWords } from "../../src/internal/console/marks.js"
import { packageVersion } from "../../src/internal/console/packageVersion.js"
import { inVirtualTime, makeCluster } from "../support/cluster.js"

const Steady = Child.make("Steady", { payload: {} })
const Crasher = Child.make("Crasher", { payload: {} })
const Absent = Child.make("Absent", { payload: {} })

const kinds = Layer.mergeAll(
  Steady.toLayer(() => Effect.never),
  Crasher.toLayer(() => Effect.fail(new Error("no {node luck}\nat home")), {
    restart: Restart.permanent(Schedule.spaced("1 second")),
    intensity: { maxRestarts: 2, within: "1 hour" }
  })
)

const options = { actions: [], payload: false, state: false } as const

const consoleOf = (pogo: Pogo.Service) => makeConsole(pogo, options)

/** A node with 5 children that run, one that gave up, and two that no node can run. */
const scene = Effect.gen(function*() {
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
  const a = yield* cluster.add("a")
  yield* TestClock.adjust("1 second")
  for (let i = 0; i < 5; i++) yield* a.pogo.startChild(Steady.spec(`s${i}`, {}))
  yield* a.pogo.startChild(Crasher.spec("c", {}))
  yield* a.pogo.startChild(Absent.spec("x/1", {}))
  yield* a.pogo.startChild(Absent.spec("x/2", {}))
  yield* TestClock.adjust("20 seconds")
  return { cluster, a, console: yield* consoleOf(a.pogo) }
}).pipe(Effect.orDie)

/** Ids of a list. */
const ids = (console: ConsoleMethods, q: string, sort = "status") =>
  Effect.map(console.children({ q, sort }), ({ rows }) => rows.map(({ id }) => id))

/** That a schema writes a value as JSON, and reads it again. */
const travels = <A, I>(schema: Schema.Schema<A, I>, value: A): void => {
  const text = JSON.stringify(Schema.encodeSync(schema)(value))
  expect(Schema.decodeUnknownSync(schema)(JSON.parse(text))).toEqual(value)
}

describe("the list of children", () => {
  it.scoped("is sorted with the worst first, has notes and counts, and travels", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const list = yield* console.children({})
      expect(list.rows.map(({ id, status }) => `${status} ${id}`)).toEqual([
        "Failed Crasher/c",
        "Pending Absent/x/1",
        "Pending Absent/x/2",
        ...[0, 1, 2, 3, 4].map((i) => `Running Steady/s${i}`)
      ])
      expect(list.rows[0]).toMatchObject({ kind: "Crasher", key: "c", lastNode: "a", restarts: 2 })
      expect(list.rows[0]!.note).toBe("gave up after 2 restarts: Error: no \\{node luck\\}")
      expect(list.rows[1]).toMatchObject({ note: "no node has kind Absent", key: "x/1" })
      expect(list.rows[7]).toMatchObject({ note: "", node: "a" })
      expect(list).toMatchObject({ total: 8, all: 8, offset: 0 })
      expect({ ...list.byStatus }).toEqual({ Failed: 1, Pending: 2, Running: 5 })
      expect({ ...list.byKind }).toEqual({ Absent: 2, Crasher: 1, Steady: 5 })
      expect({ ...list.byNode }).toEqual({ a: 5, none: 3 })
      travels(ChildList, list)
    }))

  it.scoped("counts by what a chip would set, has pages, orders, and hints where nothing matches", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const failed = yield* console.children({ q: "status:failed -kind:steady" })
      expect(failed.total).toBe(1)
      expect({ ...failed.byStatus }).toEqual({ Failed: 1, Pending: 2 })
      expect({ ...failed.byKind }).toEqual({ Crasher: 1 })
      const page = yield* console.children({ sort: "id", offset: 6, limit: 1 })
      expect(page.rows.map(({ id }) => id)).toEqual(["Steady/s3"])
      expect(page.total).toBe(8)
      expect((yield* ids(console, "", "-id"))[0]).toBe("Steady/s4")
      expect((yield* ids(console, "", "restarts"))[0]).toBe("Crasher/c")
      expect((yield* ids(console, "", "-restarts")).at(-1)).toBe("Crasher/c")
      expect((yield* ids(console, "", "token"))[0]).toBe("Absent/x/1")
      expect((yield* ids(console, "node:a", "-token"))[0]).toBe("Steady/s4")
      expect((yield* ids(console, "", "node"))[0]).toBe("Steady/s0")
      expect((yield* console.children({ q: "status:overdue kind:steady" })).hint)
        .toBe("Without status:overdue there are 5.")
      expect((yield* console.children({ q: "zebra" })).hint).toContain("No id holds \"zebra\"")
      const wrong = yield* console.children({ q: "stat:failed" })
      expect(wrong).toMatchObject({ total: 0, rows: [] })
      expect(wrong.problem).toContain("There is no filter")
      expect(wrong.hint).toBeUndefined()
    }))

  it.scoped("follows what happens: children that come, go and change, and nodes that die", () =>
    Effect.gen(function*() {
      const { a, cluster, console } = yield* scene
      yield* console.children({})
      yield* a.pogo.startChild(Steady.spec("s00", {}))
      yield* a.pogo.terminateChild("Steady/s3")
      yield* a.pogo.terminateChild("Absent/x/1")
      yield* TestClock.adjust("1 second")
      expect(yield* ids(console, "status:running", "id"))
        .toEqual(["Steady/s0", "Steady/s00", "Steady/s1", "Steady/s2", "Steady/s4"])
      expect((yield* console.children({ q: "absent" })).total).toBe(1)
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("1 second")
      yield* Effect.fork(a.pogo.drain)
      yield* TestClock.adjust("10 seconds")
      expect({ ...(yield* console.children({})).byNode }).toEqual({ b: 5, none: 2 })
      yield* inVirtualTime(b.crash)
      yield* TestClock.adjust("1 minute")
      const lost = yield* console.children({ q: "status:pending kind:steady" })
      expect(lost.total).toBe(5)
      expect(lost.rows[0]).toMatchObject({ lastNode: "b", note: "a: it is draining" })
    }))
})

describe("the overview", () => {
  it.scoped("says in a sentence how it stands, and what does not run, by reason", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      const overview = yield* console.overview
      expect(plainWords(overview.verdict, 0)).toBe("3 of 8 children are not running.")
      expect(overview.trouble.map(({ count, query, row }) => [count, query, row.status])).toEqual([
        [1, "Crasher/c", "Failed"],
        [2, "status:pending kind:Absent", "Pending"]
      ])
      expect(overview.nodes).toMatchObject([{ name: "a", self: true, live: true, children: 5, fair: 8, trouble: 0 }])
      travels(Overview, overview)
      for (const id of ["Crasher/c", "Absent/x/1", "Absent/x/2"] as const) yield* a.pogo.terminateChild(id)
      yield* TestClock.adjust("1 second")
      expect((yield* console.overview).verdict).toBe("All 5 children are running.")
    }))
})

describe("about", () => {
  it.scoped("tells who answers, and since when that may be old", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      const about = yield* console.about
      expect(about).toEqual({
        scope: "default",
        node: "a",
        client: false,
        version: packageVersion,
        ...options,
        ready: true
      })
      yield* inVirtualTime(a.crash)
      const stale = yield* console.about
      expect(stale).toMatchObject({ ready: false })
      expect(plainWords(stale.stale!, stale.staleSince!.getTime() + 14_000))
        .toBe("As a last knew it 14 s ago: it is shut down. Actions wait until that is over.")
      travels(About, stale)
    }))

  it("has the version of the package", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly version: string
    }
    expect(packageVersion).toBe(version)
  })
})

describe("changes", () => {
  it.scoped("tell one at once, and one a second at most when something has changed", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      const heard: Array<typeof Change.Type> = []
      const first = yield* Deferred.make<void>()
      const listening = yield* Effect.fork(Stream.runForEach(console.changes, (change) => {
        heard.push(change)
        return Deferred.succeed(first, undefined)
      }))
      yield* Deferred.await(first)
      expect(heard).toMatchObject([{ failed: 1, ready: true }])
      travels(Change, heard[0]!)
      yield* TestClock.adjust("30 seconds")
      expect(heard).toHaveLength(1)
      yield* a.pogo.terminateChild("Crasher/c")
      yield* a.pogo.terminateChild("Steady/s1")
      yield* TestClock.adjust("2 seconds")
      expect(heard.length).toBeGreaterThan(1)
      expect(heard.length).toBeLessThan(4)
      expect(heard.at(-1)).toMatchObject({ failed: 0 })
      yield* Fiber.interrupt(listening)
    }))
})
