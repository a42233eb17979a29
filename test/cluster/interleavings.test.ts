/**
 * Interleavings that broke earlier drafts of the protocol, each once, at the level of whole nodes. What concerns the
 * registry alone is in the conformance suite of the registries.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Option, TestClock } from "effect"
import { ChildSpec, Restart } from "effect-pogo"
import { type Cluster, makeCluster } from "../support/cluster.js"
import { type Faulty, type Line, makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

interface Scene {
  readonly faulty: Faulty
  readonly journal: Journal
  readonly cluster: Cluster
  readonly lines: Record<string, Line>
}

const scene = (names: ReadonlyArray<string>, options: Parameters<typeof workerLive>[1] = {}, onEmpty?: "settle") =>
  Effect.gen(function*() {
    const faulty = yield* makeFaulty(onEmpty)
    const journal = new Journal()
    const lines: Record<string, Line> = {}
    const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal, options))
    for (const name of names) {
      const line = faulty.line()
      lines[name] = line
      yield* cluster.add(name, { registry: line.registry, joinTimeout: onEmpty === undefined ? "1 minute" : 0 })
    }
    return { faulty, journal, lines, cluster } satisfies Scene
  })

/** A node's way to the registry on which answers to renewals can be lost, and only those. */
const withHearing = ({ registry }: Line) => {
  const hearing = { renewals: true }
  const heard: Line["registry"] = {
    ...registry,
    execute: (name, envelope, args) =>
      Effect.zipLeft(
        registry.execute(name, envelope, args),
        Effect.suspend(() => name === "tick" && !hearing.renewals ? Effect.never : Effect.void)
      )
  }
  return { hearing, registry: heard }
}

const pogo = ({ cluster }: Scene, name: string) => cluster.nodes.get(name)!.pogo

const runs = (journal: Journal) => journal.running().map(({ id, node }) => `${id}@${node}`).sort()

describe("interleavings", () => {
  it.scoped("a grant that is answered after the fence starts nothing under the next session", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a"])
      const line = s.lines["a"]!
      const held = yield* line.hold("claim")
      yield* pogo(s, "a").startChild(Worker.spec("x", {}))
      yield* held.arrived
      yield* held.execute
      line.dropRequests = true
      yield* TestClock.adjust("8 seconds")
      expect(yield* pogo(s, "a").ready).toBe(false)
      line.dropRequests = false
      yield* TestClock.adjust("4 seconds")
      expect(yield* pogo(s, "a").ready).toBe(true)
      yield* held.reply
      yield* TestClock.adjust("20 seconds")
      expect(s.journal.starts("Worker/x").length).toBe(1)
      expect(s.journal.violations()).toEqual([])
    }))

  it.scoped("[F36] a claim that is executed after its caller gave up leaves no claim without a child for long", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"])
      const held = yield* s.lines["a"]!.hold("claim")
      yield* pogo(s, "a").startChildren(Array.from({ length: 8 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* held.arrived
      // The caller gives up after 2 s; the request arrives while it may still have an effect.
      yield* TestClock.adjust("1900 millis")
      yield* held.execute
      yield* TestClock.adjust("20 seconds")
      expect(s.journal.running().length).toBe(8)
      expect(s.faulty.state().claim.size).toBe(8)
      expect(s.journal.violations()).toEqual([])
    }))

  it.scoped("a claim that was given back twice is known to be another's, though the news of that come late", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"])
      const [a, b] = [pogo(s, "a"), pogo(s, "b")]
      yield* a.startChildren(Array.from({ length: 6 }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* TestClock.adjust("5 seconds")
      const moved = s.journal.running().find(({ node }) => node === "a")!.id
      const line = s.lines["a"]!
      line.deaf = true
      const given = yield* line.hold("release")
      yield* Effect.fork(a.drain)
      yield* given.arrived
      const news = yield* line.hold("changes")
      yield* given.execute
      yield* TestClock.adjust("1200 millis")
      expect(s.journal.running(moved).map(({ node }) => node)).toEqual(["b"])
      yield* news.arrived
      yield* news.execute
      // The answer never comes, so it is given back once more; before, others have changed something.
      yield* b.startChild(Worker.spec("y", {}))
      yield* TestClock.adjust("1600 millis")
      yield* news.reply
      yield* TestClock.adjust("5 seconds")
      expect(line.sent.filter((name) => name === "release").length).toBeGreaterThan(1)
      expect(Option.getOrThrow(yield* a.getChild(Either.getOrThrow(ChildSpec.parseId(moved)))).node).toBe("b")
    }))

  it.scoped("the end of a child is told by a node whose renewals are not answered", () =>
    Effect.gen(function*() {
      const s = yield* scene(["b"], { restart: Restart.transient() })
      const line = s.faulty.line()
      const { hearing, registry } = withHearing(line)
      yield* s.cluster.add("a", { registry, joinTimeout: "1 minute" })
      yield* pogo(s, "b").cordon
      yield* pogo(s, "a").startChild(Worker.spec("x", { endAfter: 5_000 }))
      yield* pogo(s, "a").awaitChild("Worker/x")
      yield* pogo(s, "b").uncordon
      line.dropRequests = true
      yield* TestClock.adjust("10 seconds")
      expect(s.journal.running()).toEqual([])
      hearing.renewals = false
      line.dropRequests = false
      yield* TestClock.adjust("40 seconds")
      expect(yield* pogo(s, "a").ready).toBe(false)
      expect(s.faulty.state().claim.size).toBe(0)
    }))

  it.scoped("a child that went on without a lease ends when it is over, though renewals are never answered", () =>
    Effect.gen(function*() {
      const s = yield* scene(["b"], { onRegistryLoss: "keep" })
      const line = s.faulty.line()
      const { hearing, registry } = withHearing(line)
      yield* s.cluster.add("a", { registry, joinTimeout: "1 minute" })
      const b = pogo(s, "b")
      yield* b.cordon
      yield* b.startChildren([Worker.spec("over", {}), Worker.spec("new", {}), Worker.spec("stays", {})])
      for (const name of ["over", "new", "stays"]) yield* pogo(s, "a").awaitChild(Worker.id(name))
      hearing.renewals = false
      yield* TestClock.adjust("10 seconds")
      yield* b.uncordon
      yield* TestClock.adjust("10 seconds")
      expect(runs(s.journal)).toEqual(["Worker/new@a", "Worker/over@a", "Worker/stays@a"])
      yield* b.terminateChild("Worker/over")
      yield* b.replaceChild(Worker.spec("new", { endAfter: 3_600_000 }))
      yield* TestClock.adjust("40 seconds")
      expect(yield* pogo(s, "a").ready).toBe(false)
      expect(runs(s.journal)).toEqual(["Worker/new@b", "Worker/stays@a"])
      expect(s.faulty.state().claim.size).toBe(2)
    }))

  it.scoped("[F36] a claim, put or delete that arrives too late has no effect", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a"])
      const line = s.lines["a"]!
      yield* pogo(s, "a").startChild(Worker.spec("x", {}))
      yield* pogo(s, "a").awaitChild("Worker/x")
      const [put, del] = [yield* line.hold("put"), yield* line.hold("del")]
      const start = yield* Effect.fork(Effect.flip(pogo(s, "a").startChild(Worker.spec("late", {}))))
      const end = yield* Effect.fork(Effect.flip(pogo(s, "a").terminateChild("Worker/x")))
      yield* TestClock.adjust("3 seconds")
      expect((yield* start)._tag).toBe("OutcomeUnknown")
      expect((yield* end)._tag).toBe("OutcomeUnknown")
      yield* TestClock.adjust("5 seconds")
      yield* Effect.all([put.execute, del.execute])
      yield* TestClock.adjust("5 seconds")
      expect(Array.from(s.faulty.state().spec.keys())).toEqual(["Worker/x"])
      expect(runs(s.journal)).toEqual(["Worker/x@a"])
    }))

  it.scoped("[F16] claims that are asserted across two eras all stand in the last one", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a"])
      const count = 450
      yield* pogo(s, "a").startChildren(Array.from({ length: count }, (_, i) => Worker.spec(`x${i}`, {})))
      yield* Effect.forEach(Array.from({ length: count }, (_, i) => Worker.id(`x${i}`)), pogo(s, "a").awaitChild)
      yield* TestClock.adjust("2 seconds")
      const second = yield* s.lines["a"]!.hold("open")
      s.faulty.lose()
      yield* TestClock.adjust("2 seconds")
      yield* second.arrived
      // The first of three chunks is on its way; the data is lost once more.
      yield* second.execute
      s.faulty.lose()
      yield* second.reply
      yield* TestClock.adjust("3 seconds")
      expect(s.faulty.state().claim.size).toBe(count)
      expect(s.journal.lines.length).toBe(count)
      yield* TestClock.adjust("30 seconds")
      expect(s.journal.lines.length).toBe(count)
    }))

  it.scoped("a child that is kept while its node is cut off stops at once when its claim went to another", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"], { onRegistryLoss: "keep" })
      const ids = Array.from({ length: 6 }, (_, i) => `x${i}`)
      yield* pogo(s, "a").startChildren(ids.map((id) => Worker.spec(id, {})))
      yield* Effect.forEach(ids, (id) => pogo(s, "a").awaitChild(Worker.id(id)))
      const mine = s.journal.running().filter(({ node }) => node === "a").map(({ id }) => id)
      expect(mine.length).toBeGreaterThan(0)
      s.lines["a"]!.dropRequests = true
      yield* TestClock.adjust("20 seconds")
      // As documented: kept on a, started on b.
      for (const id of mine) expect(s.journal.running(id).length).toBe(2)
      s.lines["a"]!.dropRequests = false
      yield* TestClock.adjust("10 seconds")
      for (const id of mine) expect(s.journal.running(id).length).toBe(1)
      expect(s.faulty.state().claim.size).toBe(6)
    }))

  it.scoped("kept children keep their claims when the registry was away for all", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"], { onRegistryLoss: "keep" })
      const ids = Array.from({ length: 6 }, (_, i) => `x${i}`)
      yield* pogo(s, "a").startChildren(ids.map((id) => Worker.spec(id, {})))
      yield* Effect.forEach(ids, (id) => pogo(s, "a").awaitChild(Worker.id(id)))
      const before = runs(s.journal)
      s.lines["a"]!.dropRequests = s.lines["b"]!.dropRequests = true
      yield* TestClock.adjust("45 seconds")
      s.lines["a"]!.dropRequests = s.lines["b"]!.dropRequests = false
      yield* TestClock.adjust("40 seconds")
      expect(runs(s.journal)).toEqual(before)
      expect(s.journal.lines.length).toBe(6)
      expect(s.faulty.state().claim.size).toBe(6)
    }))

  it.scoped("a finish whose reply is lost does not start the child again", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"], { restart: Restart.transient() })
      const a = yield* s.lines["a"]!.hold("finish")
      const b = yield* s.lines["b"]!.hold("finish")
      yield* pogo(s, "a").startChild(Worker.spec("x", { endAfter: 1000 }))
      yield* TestClock.adjust("1 seconds")
      yield* Effect.raceFirst(a.arrived, b.arrived)
      yield* Effect.raceFirst(a.execute, b.execute)
      yield* TestClock.adjust("30 seconds")
      expect(s.journal.starts("Worker/x").length).toBe(1)
      expect(yield* pogo(s, "b").whichChildren("global")).toEqual([])
      expect(s.faulty.state().claim.size).toBe(0)
    }))

  it.scoped("[F57] a child that ends just as it is replaced runs in its new form", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a"], { restart: Restart.transient() })
      const finish = yield* s.lines["a"]!.hold("finish")
      yield* pogo(s, "a").startChild(Worker.spec("x", { endAfter: 1000 }))
      yield* TestClock.adjust("1 seconds")
      yield* finish.arrived
      yield* pogo(s, "a").replaceChild(Worker.spec("x", {}))
      yield* finish.execute
      yield* finish.reply
      yield* TestClock.adjust("3 seconds")
      expect(runs(s.journal)).toEqual(["Worker/x@a"])
      expect(s.journal.starts("Worker/x").length).toBe(2)
    }))

  it.scoped("an initial list does not bring a terminated child back after the data was lost", () =>
    Effect.gen(function*() {
      const children = [Worker.spec("x", {}), Worker.spec("y", {})]
      const faulty = yield* makeFaulty("settle")
      const journal = new Journal()
      const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal), { children })
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("20 seconds")
      expect(journal.running().length).toBe(2)
      yield* a.pogo.terminateChild("Worker/x")
      yield* TestClock.adjust("1 seconds")
      faulty.lose()
      yield* b.crash
      yield* cluster.add("b")
      yield* TestClock.adjust("60 seconds")
      expect(journal.running().map(({ id }) => id)).toEqual(["Worker/y"])
      expect(journal.starts("Worker/x").length).toBe(1)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("a session is not closed while one of its children still runs", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"], { shutdown: "1 seconds" })
      yield* pogo(s, "a").startChildren(
        Array.from({ length: 6 }, (_, i) => Worker.spec(`x${i}`, { stopTakes: 30_000 }))
      )
      yield* TestClock.adjust("1 seconds")
      const mine = s.journal.running().filter(({ node }) => node === "a").map(({ id }) => id)
      const stopping = yield* Effect.fork(s.cluster.nodes.get("a")!.stop)
      yield* TestClock.adjust("28 seconds")
      // Nobody else has started them: their old copies still run.
      for (const id of mine) expect(s.journal.running(id).map(({ node }) => node)).toEqual(["a"])
      yield* TestClock.adjust("60 seconds")
      yield* stopping
      for (const id of mine) expect(s.journal.running(id).map(({ node }) => node)).toEqual(["b"])
      expect(s.journal.violations()).toEqual([])
    }))

  it.scoped("claims are granted while the membership churns", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"])
      for (let i = 0; i < 10; i++) {
        yield* pogo(s, "a").startChild(Worker.spec(`x${i}`, {}))
        const guest = yield* s.cluster.add(`guest${i}`)
        yield* TestClock.adjust("300 millis")
        yield* guest.stop
        yield* TestClock.adjust("300 millis")
        expect(s.journal.running().length).toBe(i + 1)
      }
      expect(s.journal.violations()).toEqual([])
    }))

  it.scoped("[F58] a slow stop and a pause do not add up to an overlap", () =>
    Effect.gen(function*() {
      const s = yield* scene(["a", "b"])
      yield* pogo(s, "a").startChildren(
        Array.from({ length: 6 }, (_, i) => Worker.spec(`x${i}`, { stopTakes: 2_900 }))
      )
      yield* TestClock.adjust("1 seconds")
      // Cut off right after a renewal: the longest that a may believe in its lease, the earliest that b may be granted.
      s.lines["a"]!.dropReplies = true
      yield* TestClock.adjust("40 seconds")
      expect(s.journal.running().length).toBe(6)
      expect(s.journal.violations()).toEqual([])
    }))

  for (const key of ["meta", "sess", "node", "spec", "tomb", "claim", "stat", "log"] as const) {
    it.scoped(`[F18] the loss of the key ${key} alone doubles nothing, loses nothing and brings nothing back`, () =>
      Effect.gen(function*() {
        const s = yield* scene(["a", "b"])
        const ids = Array.from({ length: 8 }, (_, i) => `x${i}`)
        yield* pogo(s, "a").startChildren(ids.map((id) => Worker.spec(id, {})))
        yield* pogo(s, "b").terminateChild("Worker/x0")
        yield* TestClock.adjust("2 seconds")
        const state = s.faulty.state()
        if (key === "meta") state.meta = undefined
        else if (key === "log") state.log = []
        else state[key].clear()
        yield* TestClock.adjust("40 seconds")
        yield* pogo(s, "a").startChild(Worker.spec("after", {}))
        yield* TestClock.adjust("2 seconds")
        const expected = ["Worker/after", ...ids.slice(1).map((id) => `Worker/${id}`)]
        expect(s.journal.running().map(({ id }) => id).sort()).toEqual(expected)
        for (const id of ids.slice(1)) expect(s.journal.starts(`Worker/${id}`).length).toBe(1)
        expect(s.journal.violations()).toEqual([])
        const rows = yield* pogo(s, "b").whichChildren("global")
        expect(rows.map(({ id }) => id).sort()).toEqual(expected)
        expect(new Set(rows.map(({ status }) => status._tag))).toEqual(new Set(["Running"]))
        expect(Array.from(s.faulty.state().claim.keys()).sort()).toEqual(expected)
      }))
  }
})
