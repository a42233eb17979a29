/** What an operator sees of a scope: lists, counts, verdicts, and when they change. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, GroupRegistry, type Pogo, Restart } from "effect-pogo"
import { readFileSync } from "node:fs"
import {
  About,
  ActionResult,
  Change,
  ChildList,
  ChildPage,
  NodePage,
  Overview,
  Preview
} from "../../src/internal/console/answers.js"
import { actions } from "../../src/internal/console/answers.js"
import { type ConsoleMethods, makeConsole } from "../../src/internal/console/console.js"
import { plainWords } from "../../src/internal/console/marks.js"
import { packageVersion } from "../../src/internal/console/packageVersion.js"
import { inVirtualTime, makeCluster } from "../support/cluster.js"

const Steady = Child.make("Steady", { payload: {} })
const Crasher = Child.make("Crasher", { payload: {} })
const Slow = Child.make("Slow", { payload: {} })
const Absent = Child.make("Absent", { payload: {} })

const kinds = Layer.mergeAll(
  Steady.toLayer(() => Effect.never),
  Slow.toLayer(
    () => Effect.addFinalizer(() => Effect.sleep("20 seconds")).pipe(Effect.zipRight(Effect.never), Effect.scoped),
    {
      shutdown: "2 seconds"
    }
  ),
  Crasher.toLayer(() => Effect.fail(new Error("no {node luck}\nat home")), {
    restart: Restart.permanent(Schedule.spaced("1 second")),
    intensity: { maxRestarts: 2, within: "1 hour" }
  })
)

const options = { actions: [], payload: false, state: false } as const

const consoleOf = (pogo: Pogo.Service) => makeConsole(pogo, options)

/** A console that may do everything, and shows everything. */
const openConsole = (pogo: Pogo.Service) => makeConsole(pogo, { actions, payload: true, state: true })

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
      // Somebody looks all the time: the index is kept up, and not made anew.
      yield* Effect.forkScoped(Stream.runDrain(console.changes))
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

  it.scoped("tell what comes after a quiet second at once, and what follows it a second later", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      let heard = 0
      yield* Effect.forkScoped(Stream.runForEach(console.changes, () => Effect.sync(() => heard++)))
      yield* TestClock.adjust("10 seconds")
      expect(heard).toBe(1)
      yield* a.pogo.terminateChild("Steady/s1")
      yield* TestClock.adjust("100 millis")
      expect(heard).toBe(2)
      yield* a.pogo.terminateChild("Steady/s2")
      yield* TestClock.adjust("800 millis")
      expect(heard).toBe(2)
      yield* TestClock.adjust("200 millis")
      expect(heard).toBe(3)
    }))
})

/** The page of a child that is registered. */
const pageOf = (console: ConsoleMethods, id: string) => Effect.map(console.child(id), Option.getOrThrow)

/** Its paragraphs, as of a time. */
const wordsOf = ({ words }: typeof ChildPage.Type, now: number): ReadonlyArray<string> =>
  words.map(({ label, pre, text }) =>
    `${label}: ${plainWords(text, now)}${pre === undefined ? "" : ` [${pre.split("\n")[0]}]`}`
  )

describe("the page of a child", () => {
  it.scoped("says of one that runs since when and where, and hides what it is not to show", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const page = yield* pageOf(console, "Steady/s1")
      expect(wordsOf(page, page.line.since!.getTime() + 40_000)).toEqual([
        "Now: It has run for 40 s.",
        `Where: a holds its claim with token ${page.line.token}. It belongs there.`
      ])
      expect(page).toMatchObject({ belongs: "a", places: [{ name: "a" }], proof: { ok: true } })
      expect(page.proof.text).toBe("Never two at once: one claim, and no other beside it.")
      expect(page.runs).toMatchObject([{ node: "a", attempt: 1, token: page.line.token }])
      expect(page.history.map(({ what }) => what)).toEqual(["running", "claimed"])
      expect(page.payload).toBeUndefined()
      expect(page.hidden).toContain("payload: true")
      travels(ChildPage, page)
      expect(yield* console.child("Steady/nobody")).toEqual(Option.none())
    }))

  it.scoped("says of one that failed why, in full, and what mends it", () =>
    Effect.gen(function*() {
      const { a } = yield* scene
      const page = yield* pageOf(yield* openConsole(a.pogo), "Crasher/c")
      expect(wordsOf(page, page.line.since!.getTime() + 60_000)).toEqual([
        "Now: It failed 1 min ago and stays so until somebody restarts it.",
        "Why: It was restarted 2 times, as often as its policy allows, and ended with: [Error: no {node luck}]",
        expect.stringMatching(/^Where: No node runs it. It last ran on a with token \d+. It would start on a.$/),
        "Next: Nothing happens by itself. A restart tries it again at once, with its restarts counted from zero."
      ])
      expect(page.runs.map(({ end }) => end)).toEqual(["exited", "exited", "exited"])
      expect(page.payload).toEqual({})
      expect(page.hidden).toBeUndefined()
      travels(ChildPage, page)
    }))

  it.scoped("says of one that nobody can run what it waits for", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      yield* a.pogo.startChild(Steady.spec("gpu", {}, { requires: { gpu: "a{100}" } }))
      yield* TestClock.adjust("2 seconds")
      expect(wordsOf(yield* pageOf(console, "Steady/gpu"), 0)).toEqual([
        "Now: It does not run.",
        "Why: No node has gpu=a{100}.",
        "Where: No node runs it. No live node can take it.",
        "Next: It starts by itself as soon as a node with gpu=a{100} can take it. To run it elsewhere, replace it without this requirement."
      ])
    }))

  it.scoped("says of one that does not end what it was told, and what its end waits for", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      yield* a.pogo.startChild(Slow.spec("x", {}))
      yield* TestClock.adjust("2 seconds")
      yield* a.pogo.restartChild("Slow/x")
      yield* TestClock.adjust("5 seconds")
      const page = yield* pageOf(console, "Slow/x")
      expect(page.line.note).toBe("was replaced and does not end; its shutdown allows 2 s")
      const words = wordsOf(page, page.line.since!.getTime() + 3_000)
      expect(words[0]).toBe("Now: It was told to end, its time was over 3 s ago, and it still runs.")
      expect(words[1]).toContain("Most often a finalizer does not return.")
      expect(words.at(-1)).toContain("end the process of a: the child runs elsewhere once that lease is over (15 s)")
      expect(page.runs.at(-1)?.late).toEqual(page.history.find(({ what }) => what === "overdue")?.at)
    }))
})

describe("the page of a node", () => {
  it.scoped("tells what runs there, and what would move if it were drained", () =>
    Effect.gen(function*() {
      const { a, cluster, console } = yield* scene
      const alone = Option.getOrThrow(yield* console.node("a"))
      expect(alone.byKind).toEqual([{ kind: "Steady", count: 5, trouble: 0 }])
      expect(alone.drain).toMatchObject({ moves: 0, stuck: 5, to: [], closed: [] })
      expect(alone.drain!.text).toBe("5 children can run nowhere else and stop.")
      const cordoning = yield* Effect.fork(a.pogo.cordonNode("b", { by: "mara", reason: "disk" }))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(cordoning)
      yield* cluster.add("b")
      yield* cluster.add("c")
      yield* TestClock.adjust("30 seconds")
      const page = Option.getOrThrow(yield* console.node("c"))
      travels(NodePage, page)
      const now = page.node.children
      expect(page.drain).toMatchObject({ moves: now, stuck: 0 })
      expect(page.drain!.to).toEqual([{ name: "a", now: 5 - now, after: 5 }])
      expect(now).toBeGreaterThan(0)
      expect(page.drain!.closed).toEqual([{ name: "b", why: "it is cordoned" }])
      expect(Option.getOrThrow(yield* console.node("b"))).toMatchObject({
        node: { cordoned: true, fair: 0 },
        directive: { what: "cordon", by: "mara", reason: "disk" },
        drain: { moves: 0, text: "No child runs there." }
      })
      expect(yield* console.node("z")).toEqual(Option.none())
    }))
})

describe("suggestions", () => {
  it.scoped("are keys, then values with counts, of what the rest of the query finds", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const suggest = (q: string) =>
        Effect.map(console.suggest({ q, where: "children" }), (all) => all.map(({ hint, text }) => `${text} ${hint}`))
      expect(yield* suggest("acme st")).toEqual(["status: failed, pending, overdue, ..."])
      expect((yield* suggest("")).length).toBe(9)
      expect(yield* suggest("status:")).toEqual(["status:running 5", "status:pending 2", "status:failed 1"])
      expect(yield* suggest("kind:steady -status:r")).toEqual(["-status:running 5"])
      expect(yield* suggest("status:failed,p")).toEqual(["status:failed,pending 2"])
      expect(yield* suggest("status:failed node:")).toEqual(["node:none 1"])
      expect(yield* suggest("x:")).toEqual([])
    }))
})

describe("an action", () => {
  it.scoped("is shown before it is done: to whom, with what consequence, and as a command", () =>
    Effect.gen(function*() {
      const { a } = yield* scene
      const console = yield* openConsole(a.pogo)
      const one = yield* console.preview({ action: "restart", ids: ["Crasher/c"] })
      expect(one).toEqual({
        action: "restart",
        ids: ["Crasher/c"],
        title: "Restart Crasher/c?",
        text: "It is tried again at once, and its restarts are counted from zero.",
        verb: "Restart",
        danger: false,
        command: "npx effect-pogo restart Crasher/c"
      })
      travels(Preview, one)
      for (let i = 0; i < 20; i++) yield* a.pogo.startChild(Steady.spec(`more '${i}`, {}))
      yield* TestClock.adjust("1 second")
      const many = yield* console.preview({ action: "terminate", query: "kind:Steady status:running,starting" })
      expect(many).toMatchObject({ title: "Terminate 25 children?", danger: true, type: "25" })
      expect(many.command).toBe("npx effect-pogo terminate --query 'kind:Steady status:running,starting'")
      expect(plainWords(many.text, 0)).toContain("and 22 more. They end for good")
      const drain = yield* console.preview({ action: "drain", ids: ["a"] })
      expect(drain).toMatchObject({ danger: true, title: "Drain a?", command: "npx effect-pogo drain a --wait" })
      expect(drain.text).toContain("25 children can run nowhere else and stop. The node takes no new ones")
      const quoted = yield* console.preview({ action: "restart", ids: ["Steady/more '1"] })
      expect(quoted.command).toBe("npx effect-pogo restart 'Steady/more '\\''1'")
    }))

  it.scoped("is refused where it may not be done, is done to nobody, or to too many", () =>
    Effect.gen(function*() {
      const { a, console } = yield* scene
      const open = yield* openConsole(a.pogo)
      const why = (of: ConsoleMethods, target: Parameters<ConsoleMethods["preview"]>[0]) =>
        Effect.map(Effect.flip(of.preview(target)), ({ reason }) => reason)
      expect(yield* why(console, { action: "restart", ids: ["Crasher/c"] })).toBe("NotAllowed")
      expect(yield* why(open, { action: "restart" })).toBe("NoTarget")
      expect(yield* why(open, { action: "restart", ids: ["x"], query: "x" })).toBe("NoTarget")
      expect(yield* why(open, { action: "start", ids: ["Crasher/c"] })).toBe("NoTarget")
      expect(yield* why(open, { action: "drain", query: "node:a" })).toBe("NoTarget")
      expect(yield* why(open, { action: "restart", query: "stat:failed" })).toBe("WrongQuery")
      expect(yield* why(open, { action: "restart", query: " status: " })).toBe("WrongQuery")
      expect(yield* why(open, { action: "restart", query: "zebra" })).toBe("NotFound")
      expect(yield* why(open, { action: "restart", ids: ["Steady/none"] })).toBe("NotFound")
      const ids = Array.from({ length: 501 }, (_, i) => `Steady/s${i}`)
      expect(yield* why(open, { action: "restart", ids })).toBe("TooMany")
      const acted = (who: { readonly by: string; readonly reason?: string }) =>
        Effect.map(Effect.flip(open.act({ action: "restart", ids: ["Crasher/c"] }, who)), ({ reason }) => reason)
      expect(yield* acted({ by: "" })).toBe("Invalid")
      expect(yield* acted({ by: "a\nb" })).toBe("Invalid")
      expect(yield* acted({ by: "a", reason: "x".repeat(201) })).toBe("Invalid")
      yield* inVirtualTime(a.crash)
      expect(yield* acted({ by: "a" })).toBe("Stale")
    }))

  it.scoped("is done to each, with a result for each", () =>
    Effect.gen(function*() {
      const { a } = yield* scene
      const console = yield* openConsole(a.pogo)
      const restarted = yield* console.act({ action: "restart", ids: ["Crasher/c", "Steady/gone"] }, { by: "mara" })
      expect(restarted.ids.map(({ id, ok }) => [id, ok])).toEqual([["Crasher/c", true], ["Steady/gone", false]])
      expect(restarted.text).toBe("1 of 2 children restarted; of the others each says why not.")
      travels(ActionResult, restarted)
      const ended = yield* console.act({ action: "terminate", query: "steady" }, { by: "mara", reason: "too many" })
      expect(ended.text).toBe("5 children terminated.")
      yield* TestClock.adjust("2 seconds")
      expect((yield* console.children({ q: "steady" })).total).toBe(0)
      const [newest] = (yield* console.events({ q: "what:terminated by:mara" })).groups
      expect(newest).toMatchObject({ count: 5, more: "by mara: too many" })
      const acting = yield* Effect.fork(console.act({ action: "cordon", ids: ["a"] }, { by: "mara", reason: "disk" }))
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(acting)).toMatchObject({ ids: [{ id: "a", ok: true, text: "it obeys" }] })
      expect((yield* a.pogo.nodes)[0]?.directive).toMatchObject({ by: "mara", reason: "disk", what: "cordon" })
    }))
})
