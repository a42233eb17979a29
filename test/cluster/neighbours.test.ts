/**
 * A node whose process is gone is replaced at once by one that saw it alive; nobody else is.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { GroupRegistry, type PogoConfig } from "effect-pogo"
import { Processes, type Watch } from "../../src/internal/runtime/processTable.js"
import { type Cluster, makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Machine } from "../support/machine.js"
import { Worker, workerLive } from "../support/worker.js"

const count = 24

interface Scene {
  readonly cluster: Cluster
  readonly journal: Journal
  readonly add: (name: string, watch: Watch, options?: PogoConfig.Options) => ReturnType<Cluster["add"]>
}

const makeScene = Effect.gen(function*() {
  const journal = new Journal()
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), workerLive(journal))
  const add: Scene["add"] = (name, watch, options) =>
    Effect.provideService(cluster.add(name, options), Processes, watch)
  return { cluster, journal, add }
})

const startAll = (cluster: Cluster) =>
  Effect.gen(function*() {
    const [first] = cluster.nodes.values()
    yield* first!.pogo.startChildren(Array.from({ length: count }, (_, i) => Worker.spec(`x${i}`, {})))
    // Children that have run for a while are above suspicion when their process dies.
    yield* TestClock.adjust("15 seconds")
  })

const running = (journal: Journal, node: string) => journal.running().filter((one) => one.node === node).length

describe("a process that is gone", () => {
  it.scoped("is replaced at once, though its lease is long", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster, journal } = yield* makeScene
      yield* add("a", machine.watch(1))
      const b = yield* add("b", machine.watch(2))
      yield* startAll(cluster)
      expect(running(journal, "b")).toBeGreaterThan(0)
      yield* b.crash
      machine.gone.add(2)
      yield* TestClock.adjust("100 millis")
      expect(running(journal, "a")).toBe(count)
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("is replaced at once, and so is the next one that was watched by it", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster, journal } = yield* makeScene
      const nodes = yield* Effect.forEach([1, 2, 3, 4, 5], (pid) => add(`n${pid}`, machine.watch(pid)))
      yield* startAll(cluster)
      for (const node of nodes.slice(1)) yield* node.crash
      for (const pid of [2, 3, 4, 5]) machine.gone.add(pid)
      yield* TestClock.adjust("200 millis")
      expect(running(journal, "n1")).toBe(count)
    }))

  it.scoped("is left to its lease by a node that never saw it alive", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster, journal } = yield* makeScene
      machine.hidden.add(2)
      yield* add("a", machine.watch(1))
      const b = yield* add("b", machine.watch(2))
      yield* startAll(cluster)
      yield* b.crash
      machine.hidden.delete(2)
      machine.gone.add(2)
      yield* TestClock.adjust("5 seconds")
      expect(running(journal, "a")).toBeLessThan(count)
      yield* TestClock.adjust("20 seconds")
      expect(running(journal, "a")).toBe(count)
    }))

  it.scoped("is replaced at once by its successor, which finds the proof that it left on the machine", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster, journal } = yield* makeScene
      const a = yield* add("a", machine.watch(1))
      yield* startAll(cluster)
      yield* a.crash
      machine.gone.add(1)
      yield* add("a2", machine.watch(2))
      yield* TestClock.adjust("2 seconds")
      expect(running(journal, "a2")).toBe(count)
      expect(machine.proofs).toEqual(new Set(["proof of 2"]))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("is left to its lease by a copy of its machine, which has another's proof or none", () =>
    Effect.gen(function*() {
      const [machine, copy] = [new Machine(), new Machine()]
      const { add, cluster, journal } = yield* makeScene
      const a = yield* add("a", machine.watch(1))
      yield* startAll(cluster)
      yield* a.crash
      copy.gone.add(1)
      copy.proofs.add("proof of 3")
      yield* add("b", copy.watch(2))
      yield* TestClock.adjust("5 seconds")
      expect(running(journal, "b")).toBe(0)
      yield* TestClock.adjust("20 seconds")
      expect(running(journal, "b")).toBe(count)
    }))

  it.scoped("takes its proof away when it leaves in order", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add } = yield* makeScene
      const a = yield* add("a", machine.watch(1))
      expect(machine.proofs.size).toBe(1)
      yield* a.stop
      expect(machine.proofs.size).toBe(0)
    }))

  it.scoped("is left to its lease by nodes of other machines, and where the watch is switched off on either side", () =>
    Effect.gen(function*() {
      const [machine, other] = [new Machine(), new Machine("other")]
      const { add, cluster, journal } = yield* makeScene
      yield* add("a", other.watch(1))
      yield* add("c", machine.watch(3), { watchProcesses: false })
      const b = yield* add("b", machine.watch(2))
      const d = yield* add("d", machine.watch(4), { watchProcesses: false })
      yield* startAll(cluster)
      const looks = machine.looks
      yield* d.crash
      machine.gone.add(4)
      yield* TestClock.adjust("3 seconds")
      yield* b.crash
      machine.gone.add(2)
      yield* TestClock.adjust("3 seconds")
      expect([looks, machine.looks]).toEqual([0, 0])
      yield* TestClock.adjust("30 seconds")
      expect(running(journal, "a") + running(journal, "c")).toBe(count)
    }))

  it.scoped("costs no look where there is nobody else on the machine", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster } = yield* makeScene
      yield* add("a", machine.watch(1))
      // The same process may hold several nodes.
      yield* add("b", machine.watch(1))
      yield* startAll(cluster)
      yield* TestClock.adjust("1 minute")
      expect(machine.looks).toBe(0)
    }))
})

describe("a process that lives", () => {
  it.scoped("keeps its children, however long it is watched", () =>
    Effect.gen(function*() {
      const machine = new Machine()
      const { add, cluster, journal } = yield* makeScene
      yield* add("a", machine.watch(1))
      yield* add("b", machine.watch(2))
      yield* startAll(cluster)
      const before = running(journal, "b")
      yield* TestClock.adjust("5 seconds")
      expect(running(journal, "b")).toBe(before)
      expect(machine.looks).toBeGreaterThan(100)
    }))
})
