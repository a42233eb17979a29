/**
 * A node that is closed in order: one deadline for all, everything handed over, and no lease lost.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, LogLevel, TestClock } from "effect"
import { Child, GroupRegistry, Pogo, PogoError } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { slowly, takes } from "../support/slow.js"
import { Worker, workerLive } from "../support/worker.js"

const keys = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`)

const Stuck = Child.make("Stuck", { payload: {} })
const stuckLive = Stuck.toLayer(() => Effect.uninterruptible(Effect.sleep("10 minutes")))

/** Collects lines of the log. */
const logged = () => {
  const lines: Array<string> = []
  const layer = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
  )
  return { lines, layer: Layer.merge(layer, Logger.minimumLogLevel(LogLevel.Info)) }
}

describe("the deadline of a shutdown", () => {
  for (const [order, first] of [["before", true], ["behind", false]] as const) {
    it.scoped(`a stuck child, of a kind that closes ${order} the others, costs one drain timeout in all`, () =>
      Effect.gen(function*() {
        const journal = new Journal()
        const { registry } = (yield* makeFaulty()).line()
        const worker = workerLive(journal)
        const kinds = first ? Layer.merge(worker, stuckLive) : Layer.merge(stuckLive, worker)
        const cluster = yield* makeCluster(registry, kinds, { drainTimeout: "20 seconds" })
        const a = yield* cluster.add("a")
        yield* a.pogo.startChild(Stuck.spec("s", {}))
        yield* a.pogo.startChildren(keys(20).map((key) => Worker.spec(key, { stopTakes: 2_000 })))
        yield* TestClock.adjust("2 seconds")
        yield* cluster.add("b", {}, workerLive(journal))
        yield* TestClock.adjust("1 second")
        const time = yield* takes(a.stop)
        expect(time).toBeGreaterThan(15_000)
        expect(time).toBeLessThan(21_000)
        // Those of the other kind had time to end, and were handed over.
        expect(journal.running().map(({ node }) => node)).toEqual(Array.from({ length: 20 }, () => "b"))
        yield* TestClock.adjust("15 minutes")
      }))
  }
})

describe("the hand-over of a shutdown", () => {
  const scene = (count: number, drainTimeout: number) =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty()
      const way = { roundTrip: 0 }
      const line = faulty.line()
      const cluster = yield* makeCluster(slowly(line.registry, way), workerLive(journal), { drainTimeout })
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(keys(count).map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust("10 seconds")
      expect(journal.running().length).toBe(count)
      const log = logged()
      const heldClaims = () => {
        const { claim, sess } = faulty.state()
        return sess.size === 0 ? 0 : claim.size
      }
      return { a, cluster, heldClaims, journal, line, log, way }
    })

  it.scoped("takes longer than a command timeout where the registry is slow, and hands all over", () =>
    Effect.gen(function*() {
      const { a, heldClaims, line, way } = yield* scene(600, 20_000)
      way.roundTrip = 1_000
      line.sent.length = 0
      const time = yield* takes(a.stop)
      expect(time).toBeGreaterThan(4_000)
      expect(time).toBeLessThan(20_000)
      expect(line.sent.filter((name) => name === "release").length).toBeGreaterThanOrEqual(6)
      expect(line.sent.filter((name) => name === "close").length).toBe(1)
      expect(heldClaims()).toBe(0)
    }))

  it.scoped("is waited for beside a child that does not end", () =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty()
      const way = { roundTrip: 0 }
      const kinds = Layer.merge(workerLive(journal), stuckLive)
      const cluster = yield* makeCluster(slowly(faulty.line().registry, way), kinds, { drainTimeout: "20 seconds" })
      const a = yield* cluster.add("a")
      yield* a.pogo.startChild(Stuck.spec("s", {}))
      yield* a.pogo.startChildren(keys(400).map((key) => Worker.spec(key, { stopTakes: 16_500 })))
      yield* TestClock.adjust("10 seconds")
      way.roundTrip = 800
      // Beyond the deadline: by less than a command timeout, though every release takes nearly a second.
      expect(yield* takes(a.stop)).toBeLessThan(22_500)
      expect(Array.from(faulty.state().claim.keys())).toEqual(["Stuck/s"])
      way.roundTrip = 0
      yield* TestClock.adjust("15 minutes")
    }))

  it.scoped("is cut short when the time is over, and what is left is free at once", () =>
    Effect.gen(function*() {
      const { a, heldClaims, line, way } = yield* scene(600, 3_000)
      way.roundTrip = 1_800
      const time = yield* takes(a.stop)
      expect(time).toBeLessThan(3_000 + 3 * 2_000)
      expect(line.sent.filter((name) => name === "release").length).toBeLessThan(6)
      expect(heldClaims()).toBe(0)
    }))
})

describe("the children of a node that leaves", () => {
  /** Children away at a time at most, as far as a line of the journal tells. */
  const mostAway = ({ lines }: Journal): number => {
    let [away, most] = [0, 0]
    for (const { what } of lines) {
      away += what === "stop" ? 1 : -1
      most = Math.max(most, away)
    }
    return most
  }

  const scene = (others: ReadonlyArray<string>, stopTakes: number, options: Child.RunOptions = {}) =>
    Effect.gen(function*() {
      const journal = new Journal()
      const way = { roundTrip: 0 }
      const registry = slowly((yield* makeFaulty()).line().registry, way)
      const cluster = yield* makeCluster(registry, workerLive(journal, options))
      const a = yield* cluster.add("a")
      yield* a.pogo.startChildren(keys(60).map((key) => Worker.spec(key, { stopTakes })))
      yield* TestClock.adjust("2 seconds")
      for (const name of others) yield* cluster.add(name)
      yield* TestClock.adjust("20 seconds")
      const here = journal.running().filter(({ node }) => node === "a").length
      journal.lines.length = 0
      way.roundTrip = 4
      // What still lives when the test is over closes without anybody to drive the clock.
      yield* Effect.addFinalizer(() => Effect.sync(() => (way.roundTrip = 0)))
      return { a, here, journal }
    })

  it.scoped("go to the others a few at a time, by its kinds' layers and by a drain", () =>
    Effect.gen(function*() {
      for (const how of ["stop", "drain"] as const) {
        const { a, here, journal } = yield* scene(["b", "c"], 0)
        expect(here).toBeGreaterThan(10)
        const time = yield* takes(how === "stop" ? a.stop : Effect.asVoid(a.pogo.drain), 5)
        expect(time).toBeLessThan(2_000)
        yield* TestClock.adjust("1 second")
        expect(journal.lines.length).toBe(2 * here)
        expect(mostAway(journal)).toBeLessThanOrEqual(4)
        expect(journal.violations()).toEqual([])
      }
    }))

  it.scoped("have nine tenths of the time to end, however many there are", () =>
    Effect.gen(function*() {
      const { a, here, journal } = yield* scene(["b"], 17_500, { shutdown: "infinity" })
      expect(here).toBeGreaterThan(10)
      const time = yield* takes(a.stop)
      expect(time).toBeLessThan(20_000)
      yield* TestClock.adjust("1 second")
      expect(journal.running().length).toBe(here)
    }))

  it.scoped("stop together where nobody is to take them", () =>
    Effect.gen(function*() {
      const { a, here, journal } = yield* scene([], 0)
      const time = yield* takes(a.stop, 5)
      expect(time).toBeLessThan(100)
      expect([here, journal.lines.length]).toEqual([60, 60])
    }))
})

describe("the farewell of a shutdown", () => {
  const scene = (log: ReturnType<typeof logged>) =>
    Effect.gen(function*() {
      const journal = new Journal()
      const faulty = yield* makeFaulty()
      const line = faulty.line()
      const cluster = yield* makeCluster(line.registry, workerLive(journal), { heartbeat: "200 millis" })
      const a = yield* Effect.provide(cluster.add("a"), log.layer)
      yield* Effect.provide(a.pogo.startChild(Worker.spec("x", {})), log.layer)
      yield* TestClock.adjust("1 second")
      return { a, faulty, line }
    })

  it.scoped("renews no lease that has run out while it waits for the answer", () =>
    Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const renewals = { fail: false, count: 0 }
      const down = new PogoError.RegistryUnavailable({
        operation: "tick",
        reason: "Disconnected",
        detail: "planted",
        sent: false
      })
      const registry: typeof line.registry = {
        ...line.registry,
        execute: (name, envelope, args) => {
          if (name === "tick") renewals.count++
          return name === "tick" && renewals.fail ? Effect.fail(down) : line.registry.execute(name, envelope, args)
        }
      }
      const cluster = yield* makeCluster(registry, workerLive(new Journal()), { heartbeat: "200 millis" })
      const a = yield* cluster.add("a")
      const { lease } = a.pogo[Internals].node
      renewals.fail = true
      while (lease.remaining > 500) yield* TestClock.adjust("100 millis")
      yield* line.hold("close")
      const ending = yield* Effect.fork(a.stop)
      while (lease.holds()) yield* TestClock.adjust("100 millis")
      const before = renewals.count
      yield* TestClock.adjust("1 second")
      expect(renewals.count).toBe(before)
      expect(ending.unsafePoll()).toBeNull()
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(ending)
    }))

  it.scoped("is no lost lease for a renewal that hears of it first", () => {
    const log = logged()
    return Effect.gen(function*() {
      const { a, faulty, line } = yield* scene(log)
      const close = yield* line.hold("close")
      const ending = yield* Effect.fork(Effect.provide(a.stop, log.layer))
      yield* TestClock.adjust("10 millis")
      yield* close.arrived
      yield* close.execute
      expect(faulty.state().sess.size).toBe(0)
      yield* TestClock.adjust("1 second")
      yield* close.reply
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(ending)
      expect(log.lines.filter((text) => /lease/.test(text))).toEqual([])
      expect(log.lines.at(-1)).toBe("INFO left the scope")
    })
  })

  it.scoped("comes to its end on a fiber that was interrupted, as by a signal, with children to hand over", () => {
    const log = logged()
    return Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const app = Effect.zipRight(
        Effect.flatMap(Pogo.Pogo, (pogo) => pogo.startChildren(keys(20).map((key) => Worker.spec(key, {})))),
        Effect.never
      )
      const live = workerLive(new Journal()).pipe(
        Layer.provideMerge(Pogo.layer({ name: "a" })),
        Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, slowly(faulty.line().registry, { roundTrip: 50 })))
      )
      const main = yield* Effect.fork(Effect.provide(Effect.provide(app, live), log.layer))
      yield* TestClock.adjust("30 seconds")
      expect(faulty.state().claim.size).toBe(20)
      yield* takes(Fiber.interrupt(main))
      expect(log.lines.at(-1)).toBe("INFO left the scope")
      expect(faulty.state().sess.size).toBe(0)
    })
  })

  it.scoped("is told as it is: nothing was left if the registry does not answer", () => {
    const log = logged()
    return Effect.gen(function*() {
      const { a, line } = yield* scene(log)
      line.dropReplies = true
      yield* takes(Effect.provide(a.stop, log.layer))
      expect(log.lines.filter((text) => /left the scope/.test(text))).toEqual([])
      expect(log.lines.at(-1)).toContain("closed, but the registry did not confirm it")
    })
  })

  it.scoped("is told as it is: there was nothing to leave if the node had not joined", () => {
    const log = logged()
    return Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      line.dropRequests = true
      const cluster = yield* makeCluster(line.registry, workerLive(new Journal()), { joinTimeout: 0 })
      const a = yield* Effect.provide(cluster.add("a"), log.layer)
      yield* takes(Effect.provide(a.stop, log.layer))
      expect(log.lines.at(-1)).toBe("INFO closed before it had joined the scope")
    })
  })
})

describe("the last node of a scope whose registry has lost its data", () => {
  const Elsewhere = Child.make("Elsewhere", { payload: {} })

  /** One node with a child of its own, and one that no node can run yet; then the data is lost. */
  const scene = Effect.gen(function*() {
    const journal = new Journal()
    const faulty = yield* makeFaulty("settle")
    const cluster = yield* makeCluster(faulty.line().registry, workerLive(journal))
    const a = yield* cluster.add("a")
    yield* TestClock.adjust("20 seconds")
    yield* a.pogo.startChild(Worker.spec("own", {}))
    yield* a.pogo.startChild(Elsewhere.spec("other", {}))
    yield* a.pogo.cordonNode("absent", { by: "ops" })
    yield* TestClock.adjust("5 seconds")
    faulty.lose()
    const back = Effect.gen(function*() {
      const b = yield* cluster.add("b")
      yield* TestClock.adjust("40 seconds")
      return (yield* b.pogo.whichChildren("global")).map(({ id, status }) => `${id} ${status._tag}`).sort()
    })
    return { a, back, faulty }
  })

  const all = ["Elsewhere/other Pending", "Worker/own Running"]

  it.scoped("gives back what it knows if it closes before it has heard of that", () =>
    Effect.gen(function*() {
      const { a, back, faulty } = yield* scene
      yield* a.stop
      expect(faulty.state().spec.size).toBe(2)
      expect(yield* back).toEqual(all)
    }))

  for (const command of ["release", "close"] as const) {
    it.scoped(`leaves the new data set in order if the old one is lost before its "${command}" arrives`, () => {
      const log = logged()
      return Effect.gen(function*() {
        const faulty = yield* makeFaulty("settle")
        const line = faulty.line()
        const cluster = yield* makeCluster(line.registry, workerLive(new Journal()))
        const a = yield* Effect.provide(cluster.add("a"), log.layer)
        yield* TestClock.adjust("20 seconds")
        yield* Effect.provide(a.pogo.startChild(Worker.spec("own", {})), log.layer)
        yield* TestClock.adjust("1 second")
        const held = yield* line.hold(command)
        const ending = yield* Effect.fork(Effect.provide(a.stop, log.layer))
        yield* TestClock.adjust("10 millis")
        yield* held.arrived
        faulty.lose()
        yield* held.execute
        yield* held.reply
        yield* takes(Fiber.join(ending))
        const { claim, sess, spec } = faulty.state()
        expect([sess.size, claim.size, spec.size]).toEqual([0, 0, 1])
        expect(log.lines.at(-1)).toBe("INFO left the scope")
      })
    })
  }

  it.scoped("gives back what it knows if it closes while it waits for others to do so", () =>
    Effect.gen(function*() {
      const { a, back, faulty } = yield* scene
      for (let i = 0; i < 100 && faulty.state().spec.size === 0; i++) yield* TestClock.adjust("100 millis")
      expect(faulty.state().spec.size).toBe(1)
      yield* a.stop
      expect(faulty.state().spec.size).toBe(2)
      expect(yield* back).toEqual(all)
    }))
})
