/**
 * The history as users read it: what became of a child, who asked for it, what happens on all nodes, and what rows tell
 * of children that do not run.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric, Schedule, Schema, Stream, TestClock } from "effect"
import { Child, type ChildSpec, GroupRegistry, Pogo, PogoHistory, PogoMetrics, Restart } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"
import { inVirtualTime, makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"

const Steady = Child.make("Steady", { payload: {} })
const Crasher = Child.make("Crasher", { payload: { tries: Schema.Number } })

const kinds = Layer.mergeAll(
  Steady.toLayer(() => Effect.never),
  Crasher.toLayer(() => Effect.fail(new Error("no luck")), {
    restart: Restart.permanent(Schedule.spaced("2 seconds")),
    intensity: { maxRestarts: 3, within: "1 hour" }
  })
)

/** Entries in short. */
const brief = (entries: ReadonlyArray<PogoHistory.HistoryEntry>): ReadonlyArray<string> =>
  entries.map(({ attempt, by, count, id, node, note, to, what }) => {
    const run = attempt === undefined ? "" : ` ${attempt}${count === 1 ? "" : `x${count}`}`
    const who = id === undefined ? `${node} ` : ""
    const where = id === undefined || node === undefined ? "" : ` on ${node}`
    const why = note === undefined ? "" : `: ${note.split("\n")[0]}`
    return `${who}${what}${run}${where}${why}${to === undefined ? "" : ` to ${to}`}${
      by === undefined ? "" : ` by ${by}`
    }`
  })

const pair = Effect.gen(function*() {
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), kinds)
  const a = yield* cluster.add("a")
  yield* TestClock.adjust("1 second")
  return { cluster, a }
})

/** A child's history, after what is still to be reported has been. */
const historyOf = (pogo: Pogo.Service, id?: string) =>
  Effect.zipRight(TestClock.adjust("3 seconds"), Effect.orDie(pogo.history(id)))

describe("Pogo.history", () => {
  it.scoped("tells of one child where it ran, how its runs ended, where it went, and who ended it", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* pair
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("2 seconds")
      const b = yield* cluster.add("b desk")
      yield* TestClock.adjust("1 second")
      yield* Effect.fork(a.pogo.drain)
      // Longer than a death after which the child would be on trial.
      yield* TestClock.adjust("40 seconds")
      yield* inVirtualTime(b.crash)
      yield* TestClock.adjust("1 minute")
      yield* a.pogo.uncordon
      yield* TestClock.adjust("1 minute")
      const client = yield* cluster.add("ops desk", {})
      yield* client.pogo.restartChild("Steady/x")
      yield* TestClock.adjust("5 seconds")
      yield* client.pogo.terminateChild("Steady/x")
      const entries = yield* historyOf(a.pogo, "Steady/x")
      const told = brief(entries)
      expect(told.slice(0, 8)).toEqual([
        "claimed on a",
        "running 1 on a",
        "stopped on a: drained",
        "claimed on b desk",
        "running 1 on b desk",
        "lost on b desk: its holder had ended",
        "claimed on a",
        "running 1 on a"
      ])
      expect(told).toContain("restarted by ops desk")
      expect(told).toContainEqual(expect.stringMatching(/^terminated on (a|ops desk) by ops desk$/))
      expect(told.at(-1)).toMatch(/^stopped on (a|ops desk): terminated$/)
      expect(PogoTest.checkHistory(yield* historyOf(a.pogo))).toEqual({ overlaps: [], gaps: [] })
      const json: unknown = JSON.parse(JSON.stringify(entries))
      expect(Schema.decodeUnknownSync(Schema.Array(PogoHistory.HistoryEntry))(json)).toEqual(entries)
    }))

  it.scoped("tells who asked for a command, and why, where the caller says so", () =>
    Effect.gen(function*() {
      const { a } = yield* pair
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* a.pogo.restartChild("Steady/x", { by: "mära@example.com", reason: "stuck {since} noon" })
      yield* a.pogo.replaceChild(Steady.spec("x", {}), { reason: `two\nlines${"x".repeat(300)}` })
      yield* a.pogo.terminateChild("Steady/x", { by: "y".repeat(300) })
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* a.pogo.terminateChild("Steady/x", {})
      yield* a.pogo.startChild(Steady.spec("x", {}), { by: "mara", reason: "mended" })
      yield* a.pogo.startChild(Steady.spec("x", {}), { by: "otto", reason: "it is there already" })
      yield* a.pogo.terminateChild("Steady/x")
      yield* a.pogo.startChildren([Steady.spec("x", {})], { reason: "all anew" })
      yield* a.pogo.terminateChild("Steady/x")
      yield* a.pogo.upsertChild(Steady.spec("x", {}), { by: "mara" })
      const asked = (yield* historyOf(a.pogo, "Steady/x")).filter(({ by }) => by !== undefined)
      expect(asked.map(({ by, note, what }) => ({ by, note, what }))).toEqual([
        { what: "restarted", by: "mära@example.com", note: "stuck {since} noon" },
        { what: "replaced", by: "a", note: `two lines${"x".repeat(191)}` },
        { what: "terminated", by: "y".repeat(200), note: undefined },
        { what: "terminated", by: "a", note: undefined },
        { what: "registered", by: "mara", note: "mended" },
        { what: "terminated", by: "a", note: undefined },
        { what: "registered", by: "a", note: "all anew" },
        { what: "terminated", by: "a", note: undefined },
        { what: "registered", by: "mara", note: undefined }
      ])
    }))

  it.scoped("tells who asked for each of many commands, which go in batches as those do that nobody is named for", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const a = yield* (yield* makeCluster(line.registry, kinds)).add("a")
      yield* a.pogo.cordon
      const keys = Array.from({ length: 500 }, (_, i) => `${i}`)
      /** Commands for all of them, and who asked for what, as the history has it. */
      const given = (askers: ReadonlyArray<Pogo.CommandOptions | undefined>) =>
        Effect.gen(function*() {
          yield* a.pogo.startChildren(keys.map((key) => Steady.spec(key, {})))
          yield* TestClock.adjust("1 second")
          line.sent.length = 0
          const give = (
            command: (id: ChildSpec.ChildId, options?: Pogo.CommandOptions) => Effect.Effect<unknown, unknown>
          ) =>
            Effect.forEach(keys, (key, i) => command(Steady.id(key), askers[i % askers.length]), {
              concurrency: "unbounded"
            })
          yield* give(a.pogo.restartChild)
          yield* give(a.pogo.terminateChild)
          const sent = [...line.sent]
          const entries = yield* a.pogo.history(undefined, { limit: 1_000 })
          return {
            commands: ["put", "del"].map((command) => sent.filter((name) => name === command).length),
            told: new Map(entries.map(({ by, id, note, what }) => [`${what} ${id}`, `${by}: ${note}`]))
          }
        })
      expect((yield* given([undefined])).commands).toEqual([5, 5])
      const [mara, otto] = [{ by: "mara", reason: "disk swap" }, { by: "otto" }]
      expect((yield* given([mara])).commands).toEqual([5, 5])
      const both = yield* given([mara, otto])
      // Three for the 250 of each.
      expect(both.commands).toEqual([6, 6])
      const expected = keys.flatMap((key, i) =>
        ["restarted", "terminated"].map((what) =>
          [`${what} Steady/${key}`, i % 2 === 0 ? "mara: disk swap" : "otto: undefined"] as const
        )
      )
      expect(both.told).toEqual(new Map(expected))
    }))

  it.scoped("tells of a child that crashes how often and why, until it is parked; and its row, where and when", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* pair
      yield* a.pogo.startChild(Crasher.spec("x", { tries: 1 }))
      yield* TestClock.adjust("20 seconds")
      const told = brief(yield* historyOf(a.pogo, "Crasher/x"))
      expect(told[0]).toBe("claimed on a")
      expect(told.at(-1)).toBe("failed on a: Error: no luck")
      const exits = (yield* a.pogo.history("Crasher/x")).filter(({ what }) => what === "exited")
      expect(exits.reduce((sum, { count }) => sum + count, 0)).toBe(4)
      const [row] = yield* a.pogo.whichChildren("global")
      expect(row).toMatchObject({ lastNode: "a", status: { _tag: "Failed" } })
      expect(row!.lastExit).toContain("no luck")
      expect(row!.lastExit).not.toContain("\u001f")
      expect(row!.failedAt).toEqual(row!.since)
      expect(row!.lastToken).toBe(exits[0]!.token)
      // One that was not there when it ran knows it from what is stored.
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("1 second")
      expect((yield* b.pogo.whichChildren("global"))[0]).toMatchObject({ lastNode: "a", lastExit: row!.lastExit })
    }))

  it.scoped("tells of nodes, and who directed them", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* pair
      const b = yield* cluster.add("b")
      yield* a.pogo.cordonNode("b", { by: "ops", reason: "disk" })
      yield* inVirtualTime(b.stop)
      const crashed = yield* cluster.add("c")
      yield* inVirtualTime(crashed.crash)
      yield* TestClock.adjust("1 minute")
      const told = brief((yield* historyOf(a.pogo)).filter(({ node }) => node !== "a"))
      expect(told.slice(1)).toEqual([
        "b joined",
        "b cordoned: disk by ops",
        "b left",
        "c joined",
        expect.stringMatching(/^c (gone|leaseLost)$/)
      ])
      expect(told[0]).toMatch(/era/)
    }))

  it.scoped("is bounded by time and number, and refuses bounds that are none", () =>
    Effect.gen(function*() {
      const { a } = yield* pair
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("2 minutes")
      yield* a.pogo.terminateChild("Steady/x")
      yield* TestClock.adjust("5 seconds")
      expect(brief(yield* a.pogo.history("Steady/x", { since: "1 minute" }))).toEqual([
        "terminated on a by a",
        "stopped on a: terminated"
      ])
      expect(brief(yield* a.pogo.history("Steady/x", { since: new Date(5_000), limit: 1 }))).toEqual([
        "stopped on a: terminated"
      ])
      for (const options of [{ limit: 0 }, { limit: 1.5 }, { since: new Date(NaN) }, { since: "soon" as never }]) {
        const error = yield* Effect.flip(a.pogo.history(undefined, options))
        expect(error).toMatchObject({ _tag: "InvalidConfig", setting: `history ${Object.keys(options)[0]}` })
      }
      const refused = [[null, "null"], [5, "5"], [{ sinse: 1 }, "sinse"], [{ limit: 1, last: 2 }, "last"]] as const
      for (const [options, value] of refused) {
        const error = yield* Effect.flip(a.pogo.history(undefined, options as never))
        expect(error).toMatchObject({ _tag: "InvalidConfig", setting: "history options" })
        expect((error as { readonly value?: string }).value).toContain(value)
      }
      expect(yield* Effect.flip(a.pogo.history("no id"))).toMatchObject({ _tag: "InvalidChildId" })
    }))

  it.scoped("tells names with blanks, and long ones, as they are, and the reason beside them", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* pair
      const long = "節".repeat(40)
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("2 seconds")
      const desk = yield* cluster.add(long, {})
      yield* desk.pogo.cordonNode("pod two", { reason: "disk full" })
      yield* desk.pogo.uncordonNode("pod two")
      yield* desk.pogo.restartChild("Steady/x")
      yield* TestClock.adjust("5 seconds")
      const told = brief(yield* historyOf(a.pogo))
      expect(told).toContain(`pod two cordoned: disk full by ${long}`)
      expect(told).toContain(`pod two uncordoned by ${long}`)
      expect(told).toContain(`restarted by ${long}`)
    }))

  it.scoped("tells of a run that ended while it was replaced that it gave way, and of no node to go to", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const Once = Child.make("Once", { payload: { v: Schema.Number } })
      const code = Once.toLayer(
        ({ v }) => v === 1 ? Effect.zipRight(Deferred.await(go), Effect.fail(new Error("to no host"))) : Effect.never,
        { restart: Restart.temporary }
      )
      const line = (yield* makeFaulty()).line()
      const cluster = yield* makeCluster(line.registry, code)
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Once.spec("x", { v: 1 }))
      yield* TestClock.adjust("2 seconds")
      const held = yield* line.hold("finish")
      yield* Deferred.succeed(go, undefined)
      yield* Effect.fork(Effect.zipRight(held.arrived, a.pogo.replaceChild(Once.spec("x", { v: 2 }))))
      yield* TestClock.adjust("2 seconds")
      yield* held.execute
      yield* held.reply
      const stopped = (yield* historyOf(a.pogo, "Once/x")).filter(({ what }) => what === "stopped")
      expect(brief(stopped)).toEqual(["stopped on a: replaced"])
    }))
})

describe("Pogo.scopeEvents", () => {
  it.scoped("hears on when others have written entries at odd places", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, kinds)
      const a = yield* cluster.add("a", { registry: line.registry })
      yield* TestClock.adjust("1 second")
      const odd = { id: "k/odd", token: 1, node: "odd#1", attempt: 0, what: "claimed", note: "", n: 1 }
      const heard: Array<string> = []
      const places = [[99_999_999_999_999, 0], [4_102_444_800_000, 1], [4_102_444_800_001, 2 ** 52]] as const
      for (const [i, [ms, at]] of places.entries()) {
        const early: Array<string> = []
        const late: Array<string> = []
        const listen = (into: Array<string>) =>
          Effect.fork(Stream.runForEach(a.pogo.scopeEvents, (entry) => Effect.sync(() => into.push(...brief([entry])))))
        yield* listen(early)
        yield* TestClock.adjust("1 second")
        faulty.state().hist.push({ ...odd, ms, at })
        yield* listen(late)
        yield* TestClock.adjust("1 second")
        yield* a.pogo.startChild(Steady.spec(`x${i}`, {}))
        yield* TestClock.adjust("5 seconds")
        for (const told of [early, late]) {
          expect(told.filter((text) => !text.includes("odd"))).toEqual(["claimed on a", "running 1 on a"])
        }
        heard.push(...late)
      }
      expect(heard).toHaveLength(6)
    }))

  it.scoped("hears on one node what happens on another, in order and from then on", () =>
    Effect.gen(function*() {
      const { a, cluster } = yield* pair
      const heard: Array<PogoHistory.HistoryEntry> = []
      yield* Effect.fork(Stream.runForEach(a.pogo.scopeEvents, (entry) => Effect.sync(() => heard.push(entry))))
      yield* TestClock.adjust("1 second")
      expect(heard).toEqual([])
      const b = yield* cluster.add("b", {}, kinds)
      yield* a.pogo.cordon
      yield* TestClock.adjust("1 second")
      yield* b.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("5 seconds")
      yield* b.pogo.terminateChild("Steady/x")
      yield* TestClock.adjust("5 seconds")
      expect(brief(heard)).toEqual([
        "b joined",
        "claimed on b",
        "running 1 on b",
        "terminated on b by b",
        "stopped on b: terminated"
      ])
      expect(heard).toEqual((yield* a.pogo.history()).slice(-heard.length))
    }))

  it.scoped("is heard by a client, which runs nothing", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const cluster = yield* makeCluster(registry, kinds)
      const a = yield* cluster.add("a")
      const heard: Array<string> = []
      const listening = Stream.runForEach(Pogo.scopeEvents, (entry) => Effect.sync(() => heard.push(...brief([entry]))))
      yield* Effect.forkScoped(Effect.provide(
        listening,
        Layer.provide(
          Pogo.layerClient({ name: "reader" }),
          Layer.succeed(GroupRegistry.GroupRegistry, registry)
        )
      ))
      yield* TestClock.adjust("5 seconds")
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("5 seconds")
      expect(heard).toEqual(["claimed on a", "running 1 on a"])
    }))

  it.scoped("goes on where it was after an outage and a loss of data, and ends with its node", () =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, kinds)
      const a = yield* cluster.add("a", { registry: line.registry })
      yield* TestClock.adjust("1 second")
      // The clock of the server had been ahead: what a new data set tells stands before what was read.
      faulty.state().meta!.hist = 10_000_000
      const heard: Array<string> = []
      const fiber = yield* Effect.fork(
        Stream.runForEach(a.pogo.scopeEvents, (entry) => Effect.sync(() => heard.push(...brief([entry]))))
      )
      yield* TestClock.adjust("1 second")
      yield* a.pogo.startChild(Steady.spec("x", {}))
      yield* TestClock.adjust("5 seconds")
      expect(heard).toEqual(["claimed on a", "running 1 on a"])
      faulty.lose()
      yield* TestClock.adjust("1 minute")
      const eras = () => heard.filter((text) => text.includes("era:"))
      expect(eras()).toHaveLength(1)
      // Another data set with the same history: it is told once.
      faulty.state().meta = undefined
      yield* TestClock.adjust("1 minute")
      expect(eras()).toHaveLength(2)
      expect(heard.filter((text) => text === "claimed on a")).toHaveLength(1)
      yield* inVirtualTime(a.stop)
      expect((yield* Fiber.await(fiber))._tag).toBe("Success")
    }))
})

describe("metrics", () => {
  it.scoped("tell the children of the scope by status", () =>
    Effect.gen(function*() {
      const { a } = yield* pair
      yield* a.pogo.startChildren([Steady.spec("x", {}), Steady.spec("y", {}), Crasher.spec("z", { tries: 1 })])
      yield* TestClock.adjust("30 seconds")
      const of = (status: string) =>
        Effect.map(
          Metric.value(
            PogoMetrics.scopeChildren.pipe(
              Metric.tagged("scope", a.pogo.scope),
              Metric.tagged("node", "a"),
              Metric.tagged("status", status)
            )
          ),
          ({ value }) => value
        )
      expect([yield* of("running"), yield* of("failed"), yield* of("pending")]).toEqual([2, 1, 0])
    }))
})
