/** What an operator sees of the last hour: moves, losses, bursts of events as one line, and nodes that have ended. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Schedule, Schema, TestClock } from "effect"
import { Child, GroupRegistry, Restart } from "effect-pogo"
import { EventList, NodePage, Overview } from "../../src/internal/console/answers.js"
import { makeConsole } from "../../src/internal/console/console.js"
import { plainWords } from "../../src/internal/console/marks.js"
import { inVirtualTime, makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"

const Steady = Child.make("Steady", { payload: {} })
const Crasher = Child.make("Crasher", { payload: {} })

const kinds = Layer.mergeAll(
  Steady.toLayer(() => Effect.never),
  Crasher.toLayer(() => Effect.fail(new Error("no luck")), {
    restart: Restart.permanent(Schedule.spaced("1 second")),
    intensity: { maxRestarts: 2, within: "1 hour" }
  })
)

/** A console on node a; ten children that run on b, which is joined by c and then dies. */
const scene = Effect.gen(function*() {
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
  const a = yield* cluster.add("a")
  yield* TestClock.adjust("1 second")
  const console = yield* makeConsole(a.pogo, { actions: [], payload: false, state: false })
  yield* a.pogo.cordon
  const b = yield* cluster.add("b")
  yield* TestClock.adjust("1 second")
  for (let i = 0; i < 10; i++) yield* a.pogo.startChild(Steady.spec(`s${i}`, {}))
  yield* TestClock.adjust("2 minutes")
  yield* a.pogo.uncordon
  return { cluster, a, b, console }
}).pipe(Effect.orDie)

const travels = <A, I>(schema: Schema.Schema<A, I>, value: A): void => {
  const text = JSON.stringify(Schema.encodeSync(schema)(value))
  expect(Schema.decodeUnknownSync(schema)(JSON.parse(text))).toEqual(value)
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

describe("the overview of the last hour", () => {
  it.scoped("tells of a node that was lost where its children went, and draws its lane", () =>
    Effect.gen(function*() {
      const { b, console } = yield* scene
      yield* TestClock.adjust("30 seconds")
      const before = yield* console.overview
      expect(before.nodes.map(({ live, name }) => [name, live])).toEqual([["a", true], ["b", true]])
      const moved = before.moves.reduce((sum, { count }) => sum + count, 0)
      expect(before.moves.every(({ from, lost, to }) => from === "b" && to === "a" && !lost)).toBe(true)
      yield* inVirtualTime(b.crash)
      yield* TestClock.adjust("1 minute")
      const overview = yield* console.overview
      travels(Overview, overview)
      const lane = overview.nodes.find(({ name }) => name === "b")!
      expect(lane).toMatchObject({ live: false, children: 0, fair: 0, sessions: [{ end: "lost" }] })
      expect(lane.sessions[0]!.from).toBeInstanceOf(Date)
      expect(lane.ended).toEqual(lane.sessions[0]!.to)
      const lost = overview.moves.filter((move) => move.lost)
      expect(lost.reduce((sum, { count }) => sum + count, 0)).toBe(10 - moved)
      const words = plainWords(overview.notices[0]!, lane.ended!.getTime() + 40_000)
      expect(words).toBe(`b was lost 40 s ago: its 10 children run elsewhere.`)
      expect(lane.words).toBe(overview.notices[0])
      expect(plainWords(overview.verdict, 0)).toBe("All 10 children are running.")
      const page = Option.getOrThrow(yield* console.node("b"))
      travels(NodePage, page)
      expect(page.words.map(({ label }) => label)).toEqual(["Now", "Children", "Next"])
      expect(plainWords(page.words[1]!.text, 0)).toBe("10 run elsewhere: 10 on a.")
      expect(page.drain).toBeUndefined()
      expect(page.events[0]).toMatchObject({ what: "moved", node: "b", to: "a" })
      // After an hour it is forgotten, and its notice before.
      yield* TestClock.adjust("15 minutes")
      expect((yield* console.overview).notices).toEqual([])
      yield* TestClock.adjust("1 hour")
      expect((yield* console.overview).nodes.map(({ name }) => name)).toEqual(["a"])
      expect(yield* console.node("b")).toEqual(Option.none())
    }))

  it.scoped("counts those that have nowhere to go, and gave up; and samples what did not run", () =>
    Effect.gen(function*() {
      const { a, b, console } = yield* scene
      yield* a.pogo.cordon
      yield* a.pogo.startChild(Crasher.spec("c", {}))
      yield* TestClock.adjust("20 seconds")
      yield* inVirtualTime(b.crash)
      yield* TestClock.adjust("1 minute")
      const overview = yield* console.overview
      const notice = plainWords(overview.notices[0]!, yield* now)
      expect(notice).toMatch(/^b was lost .* ago: \d+ of its 1\d children runs? elsewhere, \d+ have nowhere to go\.$/)
      expect(overview.notices[0]).toContain("{find status:pending last:b|")
      expect(overview.failures).toMatchObject([{ id: "Crasher/c", node: "b" }])
      expect(overview.notRunning.at(-1)).toBe(overview.total - (overview.byStatus["Running"] ?? 0))
      expect(overview.notRunning.length).toBeGreaterThan(10)
      expect(overview.notRunning[2]).toBe(0)
      expect(Math.max(...overview.notRunning)).toBeGreaterThanOrEqual(11)
      expect(overview.trouble.find(({ row }) => row.status === "Pending")?.query).toBe("status:pending kind:Steady")
    }))

  it.scoped("says how a child is started where there is none, and why there is no history", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const cluster = yield* makeCluster(line.registry, kinds)
      const a = yield* cluster.add("a")
      yield* TestClock.adjust("1 second")
      const console = yield* makeConsole(a.pogo, { actions: [], payload: false, state: false })
      const empty = yield* console.overview
      expect(plainWords(empty.empty!, 0)).toContain(
        "1 node is ready, for Crasher, Steady. Code starts a child by Pogo.startChild(Crasher.spec(\"key\", { ... }))"
      )
      expect(empty.verdict).toBe("No child is registered.")
      travels(Overview, empty)
      const held = yield* line.hold("history")
      yield* TestClock.adjust("2 seconds")
      const asking = yield* Effect.fork(console.overview)
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(asking)).historyProblem).toContain("did not answer in time")
      yield* held.execute
      yield* held.reply
      yield* TestClock.adjust("20 seconds")
      expect((yield* console.overview).historyProblem).toBeUndefined()
    }))
})

describe("events", () => {
  it.scoped("of a burst are one line, with a sentence, and those of a query alone", () =>
    Effect.gen(function*() {
      const { a, b, console } = yield* scene
      yield* TestClock.adjust("30 seconds")
      yield* inVirtualTime(b.crash)
      yield* TestClock.adjust("1 minute")
      const events = yield* console.events({})
      travels(EventList, events)
      const lines = events.groups.map(({ text }) => plainWords(text, 0))
      expect(lines).toContain("10 children started on b")
      expect(lines).toContain("b was lost")
      expect(lines.find((line) => line.includes("moved from b to a"))).toBeDefined()
      // What a move is made of is not told besides.
      expect(events.groups.some(({ event }) => ["claimed", "stopped", "running"].includes(event.what))).toBe(false)
      const started = events.groups.find(({ event }) => event.what === "started")!
      expect(started).toMatchObject({ count: 10 })
      expect(started.items).toHaveLength(10)
      expect(plainWords(started.items[0]!.text, 0)).toBe("Steady/s9 started on b")
      expect((yield* console.events({ q: "what:running" })).groups.length).toBeGreaterThan(0)
      expect((yield* console.events({ q: "what:lost" })).groups.map(({ event }) => event.what)).toContain("leaseLost")
      expect((yield* console.events({ q: "s3 -what:moved" })).total).toBe(1)
      const none = yield* console.events({ q: "zebra" })
      expect(none).toMatchObject({ total: 0, groups: [] })
      expect(none.hint).toMatch(/^Without zebra there are \d+\.$/)
      expect((yield* console.events({ q: "wat:moved" })).problem).toContain("There is no filter")
      expect((yield* console.events({ q: "what:flew" })).problem).toContain("There is no event")
      yield* a.pogo.terminateChild("Steady/s0")
      yield* TestClock.adjust("2 seconds")
      const [newest] = (yield* console.events({})).groups
      expect(plainWords(newest!.text, 0)).toBe("Steady/s0 was terminated")
      expect(newest!.more).toBe("by a")
      expect(newest!.items).toEqual([])
      // What is read again is not told again.
      yield* TestClock.adjust("2 seconds")
      expect((yield* console.events({ q: "what:terminated" })).total).toBe(1)
    }))

  it.scoped("are counted by the minute, and of one minute alone", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const { minutes, total } = yield* console.events({})
      expect(minutes.moves).toHaveLength(60)
      expect(minutes.nodes.reduce((a, b) => a + b, 0)).toBe(2)
      const i = minutes.nodes.findIndex((count) => count > 0)
      const at = new Date(minutes.from.getTime() + i * 60_000)
      const one = yield* console.events({ minute: at })
      expect(one.total).toBeGreaterThan(0)
      expect(one.groups.every(({ event }) => event.at >= at && event.at.getTime() < at.getTime() + 60_000)).toBe(true)
      expect((yield* console.events({ minute: new Date(1e12) })).total).toBe(0)
      expect(total).toBeGreaterThanOrEqual(one.total)
    }))

  it.scoped("suggest their keys and values", () =>
    Effect.gen(function*() {
      const { console } = yield* scene
      const suggest = (q: string) =>
        Effect.map(console.suggest({ q, where: "events" }), (all) => all.map(({ text }) => text))
      expect(yield* suggest("wh")).toEqual(["what:"])
      expect(yield* suggest("what:st")).toEqual(["what:started"])
      expect(yield* suggest("node:")).toContain("node:b")
    }))
})
