/**
 * What the log tells an operator of children: where they come from and go, at the level of information, and in few lines
 * however many they are.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Logger, Schedule, TestClock } from "effect"
import { Child, GroupRegistry, Restart } from "effect-pogo"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

/** The lines of a node from the level of information on, with the second in which they were written. */
const logged = () => {
  const lines: Array<{ readonly second: number; readonly text: string }> = []
  const logger = Logger.make<unknown, void>(({ date, logLevel, message }) =>
    void lines.push({ second: Math.floor(date.getTime() / 1_000), text: `${logLevel.label} ${String(message)}` })
  )
  return {
    layer: Logger.replace(Logger.defaultLogger, logger),
    /** Those that begin so, and how many children they are about. */
    about: (begin: RegExp) => {
      const found = lines.filter(({ text }) => begin.test(text))
      const count = found.reduce((sum, { text }) => sum + Number(/ (\d+) (?:more )?child/.exec(text)![1]), 0)
      return { count, texts: found.map(({ text }) => text), seconds: found.map(({ second }) => second) }
    },
    texts: () => lines.map(({ text }) => text)
  }
}

const specs = (count: number) => Array.from({ length: count }, (_, i) => Worker.spec(`${i}`, {}))

/** Two nodes that share some children, and what each logs. */
const scene = (count: number) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
    const [a, b] = [logged(), logged()]
    const one = yield* Effect.provide(cluster.add("a"), a.layer)
    const other = yield* Effect.provide(cluster.add("b"), b.layer)
    yield* one.pogo.startChildren(specs(count))
    // None of them is young any more.
    yield* TestClock.adjust("90 seconds")
    const held = (node: string) => journal.running().filter((run) => run.node === node).length
    return { a, b, cluster, held, one, other }
  })

const everySecond = (seconds: ReadonlyArray<number>) => expect(new Set(seconds).size).toBe(seconds.length)

describe("the log of a node", () => {
  it.scoped("says which children it took over from one whose lease ended, and names the first", () =>
    Effect.gen(function*() {
      const { a, held, other } = yield* scene(200)
      const lost = held("b")
      yield* other.crash
      yield* TestClock.adjust("40 seconds")
      expect(held("a")).toBe(200)
      const { count, seconds, texts } = a.about(/^INFO took \d+ child\w* of b \(lease ended\): Worker\/\d+/)
      expect(count).toBe(lost)
      everySecond(seconds)
      expect(texts.join()).toMatch(/: (Worker\/\d+, ){5}\.\./)
    }))

  it.scoped("says which came by a hand-over, and which it gave to whom", () =>
    Effect.gen(function*() {
      const { a, cluster, held, other } = yield* scene(60)
      const given = held("b")
      yield* Effect.fork(other.stop)
      yield* TestClock.adjust("10 seconds")
      expect(held("a")).toBe(60)
      expect(a.about(/^INFO took \d+ child\w* of b \(handed over\)/).count).toBe(given)
      const c = logged()
      yield* Effect.provide(cluster.add("c"), c.layer)
      yield* TestClock.adjust("40 seconds")
      expect(held("c")).toBeGreaterThan(10)
      const gave = a.about(/^INFO gave \d+ child\w* to c: Worker\/\d+/)
      expect(gave.count).toBe(held("c"))
      everySecond(gave.seconds)
      expect(c.about(/^INFO took \d+ child\w* of a \(handed over\)/).count).toBe(held("c"))
      expect(a.about(/lease ended/).texts).toEqual([])
    }))

  it.scoped("says the same of children that were young when their node died, and are tried one after the other", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
      const a = logged()
      const one = yield* Effect.provide(cluster.add("a"), a.layer)
      const other = yield* cluster.add("b")
      yield* TestClock.adjust("90 seconds")
      yield* one.pogo.startChildren(specs(10))
      yield* TestClock.adjust("1 second")
      const lost = journal.running().filter(({ node }) => node === "b").length
      expect(lost).toBeGreaterThan(1)
      yield* other.crash
      yield* TestClock.adjust("2 minutes")
      expect(journal.running().length).toBe(10)
      expect(a.about(/^INFO took \d+ child\w* of b \(lease ended\)/).count).toBe(lost)
      expect(a.about(/handed over/).texts).toEqual([])
    }))

  it.scoped("is silent about children that go on in a new data set", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty()
      const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal))
      const a = logged()
      const one = yield* Effect.provide(cluster.add("a"), a.layer)
      yield* one.pogo.startChildren(specs(10))
      yield* TestClock.adjust("20 seconds")
      faulty.lose()
      yield* TestClock.adjust("1 minute")
      expect(journal.running().length).toBe(10)
      expect(a.about(/took|gave/).texts).toEqual([])
    }))

  it.scoped("is silent about children that begin, or begin again where they were", () =>
    Effect.gen(function*() {
      const { a, b, one } = yield* scene(10)
      yield* one.pogo.restartChild("Worker/1")
      yield* TestClock.adjust("10 seconds")
      for (const log of [a, b]) expect(log.about(/took|gave/).texts).toEqual([])
    }))

  it.scoped("says that it took its own children again, or that another has them, when its lease had ended", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(journal))
      const [a, b] = [logged(), logged()]
      const one = yield* Effect.provide(cluster.add("a"), a.layer)
      yield* one.pogo.startChildren(specs(10))
      yield* TestClock.adjust("20 seconds")
      line.dropRequests = true
      yield* TestClock.adjust("60 seconds")
      line.dropRequests = false
      yield* TestClock.adjust("60 seconds")
      expect(a.about(/^INFO took \d+ child\w* again, after this node's lease had ended/).count).toBe(10)
      line.dropRequests = true
      yield* Effect.provide(cluster.add("b", { registry: faulty.line().registry }), b.layer)
      yield* TestClock.adjust("60 seconds")
      expect(b.about(/^INFO took \d+ child\w* of a \(lease ended\)/).count).toBe(10)
      line.dropRequests = false
      yield* TestClock.adjust("1 seconds")
      yield* TestClock.adjust("60 seconds")
      expect(a.about(/^INFO b took \d+ child\w* of this node \(lease ended\)/).count).toBe(10)
    }))

  it.scoped("has few lines for very many children that fail, and misses none of them", () =>
    Effect.gen(function*() {
      const Bad = Child.make("Bad", { payload: {} })
      const live = Bad.toLayer(() => Effect.fail("broken"), { restart: Restart.permanent(Schedule.stop) })
      const log = logged()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* Effect.provide(cluster.add("a"), log.layer)
      yield* pogo.startChildren(Array.from({ length: 300 }, (_, i) => Bad.spec(`${i}`, {})))
      yield* TestClock.adjust("20 seconds")
      expect((yield* pogo.countChildren).failed).toBe(300)
      const single = log.texts().filter((text) => text.startsWith("ERROR child failed")).length
      const rest = log.about(/^ERROR \d+ more child\w* failed; restartChild brings back what is mended: Bad\/\d+/)
      expect(single + rest.count).toBe(300)
      expect(single).toBeLessThanOrEqual(40)
      expect(rest.texts.length).toBeLessThanOrEqual(3)
    }))

  it.scoped("has few lines for very many children that crash again and again, and counts the others", () =>
    Effect.gen(function*() {
      const Bad = Child.make("Bad", { payload: {} })
      const live = Bad.toLayer(() => Effect.fail("broken"), {
        restart: Restart.permanent(Schedule.spaced("500 millis"))
      })
      const log = logged()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* Effect.provide(cluster.add("a"), log.layer)
      yield* pogo.startChildren(Array.from({ length: 40 }, (_, i) => Bad.spec(`${i}`, {})))
      for (let i = 0; i < 20; i++) yield* TestClock.adjust("500 millis")
      const rest = log.texts().filter((text) =>
        /^WARN \d+ more runs ended; their children are restarted: Bad/.test(text)
      )
      expect(log.texts().filter((text) => text.includes("restart in 500 ms")).length).toBeLessThanOrEqual(20 * 11)
      expect(rest.length).toBeGreaterThan(3)
      expect(rest.length).toBeLessThanOrEqual(11)
    }))

  it.scoped("has few lines for very many children that become overdue, and misses none of them", () =>
    Effect.gen(function*() {
      const Deaf = Child.make("Deaf", { payload: {} })
      const live = Deaf.toLayer(() => Effect.uninterruptible(Effect.sleep("1 minute")), { shutdown: "1 second" })
      const log = logged()
      const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), live)
      const { pogo } = yield* Effect.provide(cluster.add("a"), log.layer)
      const ids = Array.from({ length: 100 }, (_, i) => Deaf.spec(`${i}`, {}))
      yield* pogo.startChildren(ids)
      yield* TestClock.adjust("1 seconds")
      yield* Effect.forEach(ids, ({ id }) => pogo.terminateChild(id), { concurrency: "unbounded" })
      yield* TestClock.adjust("20 seconds")
      const single = log.texts().filter((text) => text.startsWith("WARN child is overdue")).length
      const rest = log.about(/^WARN \d+ more child\w* overdue, which do not end in time: Deaf\/\d+/)
      expect(single + rest.count).toBe(100)
      expect(single).toBeLessThanOrEqual(20)
      yield* TestClock.adjust("2 minutes")
    }))
})
