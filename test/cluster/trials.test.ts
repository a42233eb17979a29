/**
 * Children that end their processes: found by rounds, and parked; the others are back soon. Processes that die for
 * reasons of their own park nobody.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Layer, Option, Schedule, Schema, TestClock } from "effect"
import { Child, type ChildSpec, GroupRegistry, Restart } from "effect-pogo"
import { Processes } from "../../src/internal/runtime/processTable.js"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Machine } from "../support/machine.js"

const Good = Child.make("Good", { payload: {} })

/** Ends its process some milliseconds after it has started; 0 never. */
const Killer = Child.make("Killer", { payload: { after: Schema.Number } })

/** Processes of one machine, and a manager that starts each again after it has died. */
const makeScene = (count: number, options: Child.RunOptions = {}) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const machine = new Machine("machine", 250)
    const deaths: Array<number> = []
    const pids = new Map<string, number>()
    let pid = 0
    const kinds = Good.toLayer(() => Effect.zipRight(journal.record, Effect.never))
    const killers = Killer.toLayer(
      ({ after }) =>
        Effect.gen(function*() {
          yield* journal.record
          const { node } = yield* Child.Current
          if (after === 0) return yield* Effect.never
          yield* Effect.sleep(after)
          yield* Effect.forkDaemon(die(node))
          return yield* Effect.never
        }),
      { restart: Restart.permanent(Schedule.spaced("100 millis")), ...options }
    )
    const registry = yield* GroupRegistry.makeMemory()
    const cluster = yield* makeCluster(registry, Layer.suspend(() => Layer.mergeAll(kinds, killers)))
    const start = (name: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        pids.set(name, ++pid)
        return Effect.asVoid(Effect.provideService(
          cluster.add(name),
          Processes,
          machine.watch(pid)
        ))
      })
    /** A process dies, and is started again after half a second. */
    const die = (name: string): Effect.Effect<void> =>
      Effect.gen(function*() {
        const node = cluster.nodes.get(name)
        if (node === undefined) return
        deaths.push(yield* Clock.currentTimeMillis)
        const died = pids.get(name)!
        yield* node.crash
        machine.gone.add(died)
        yield* Effect.sleep("500 millis")
        yield* start(name)
      })
    const names = Array.from({ length: count }, (_, i) => `n${i}`)
    for (const name of names) yield* start(name)
    const [first] = cluster.nodes.values()
    /** A node that lives. */
    const pogo = () => Array.from(cluster.nodes.values())[0]?.pogo ?? first!.pogo
    return { cluster, journal, names, deaths, die, pogo }
  })

type Scene = Effect.Effect.Success<ReturnType<typeof makeScene>>

const statusOf = (scene: Scene, id: ChildSpec.ChildId) =>
  Effect.map(scene.pogo().getChild(id), Option.map(({ status }) => status))

const goodOnes = (scene: Scene, count: number) =>
  scene.pogo().startChildren(Array.from({ length: count }, (_, i) => Good.spec(`g${i}`, {})))

const isGood = ({ id }: { readonly id: string }): boolean => id.startsWith("Good/")

const upOf = (scene: Scene): number => scene.journal.running().filter(isGood).length

/** Times between the end of a good child's run and the begin of its next, longest first. Milliseconds. */
const gapsOf = ({ journal }: Scene): ReadonlyArray<number> => {
  const ended = new Map<string, number>()
  const gaps: Array<number> = []
  for (const { at, id, what } of journal.lines.filter(isGood)) {
    if (what === "stop") ended.set(id, at)
    else if (ended.has(id)) gaps.push(at - ended.get(id)!)
  }
  return gaps.sort((a, b) => b - a)
}

/** All the time that this test may take on a busy machine, milliseconds. */
const patience = 120_000

describe("a child that ends its process", () => {
  it.scoped(
    "is found within five deaths, and parked with the reason; the others are back at once",
    () =>
      Effect.gen(function*() {
        const scene = yield* makeScene(4)
        yield* goodOnes(scene, 20)
        yield* TestClock.adjust("15 seconds")
        yield* scene.pogo().startChild(Killer.spec("k", { after: 300 }))
        yield* TestClock.adjust("1300 millis")
        expect(scene.deaths.length).toBeLessThanOrEqual(2)
        yield* TestClock.adjust("10 seconds")
        expect(Option.getOrThrow(yield* statusOf(scene, "Killer/k"))).toMatchObject({
          _tag: "Pending",
          reason: "its process died 4 times soon after it started; it waits for a node that has lived 40 s"
        })
        yield* TestClock.adjust("35 seconds")
        expect(scene.deaths.length).toBe(5)
        expect(Option.getOrThrow(yield* statusOf(scene, "Killer/k"))).toEqual({
          _tag: "Failed",
          cause: "its process died 5 times soon after it started"
        })
        expect(upOf(scene)).toBe(20)
        expect(scene.journal.violations()).toEqual([])
        expect(gapsOf(scene)[0]).toBeLessThan(1_000)
      }),
    patience
  )

  it.scoped("ends as failed where its restart policy has fewer restarts than that", () =>
    Effect.gen(function*() {
      const scene = yield* makeScene(3, { restart: Restart.permanent(Schedule.recurs(1)) })
      yield* scene.pogo().startChild(Killer.spec("k", { after: 300 }))
      yield* TestClock.adjust("15 seconds")
      expect(scene.deaths.length).toBe(2)
      expect(Option.getOrThrow(yield* statusOf(scene, "Killer/k"))).toEqual({
        _tag: "Failed",
        cause: "its process died 2 times soon after it started"
      })
    }), patience)
})

describe("children of a process that dies for a reason of its own", () => {
  it.scoped(
    "are back within rounds of 1, 2, 4, where they had just started, and none is parked",
    () =>
      Effect.gen(function*() {
        const scene = yield* makeScene(2)
        yield* goodOnes(scene, 20)
        yield* TestClock.adjust("3 seconds")
        yield* Effect.forkDaemon(scene.die("n0"))
        yield* TestClock.adjust("300 millis")
        const first = upOf(scene)
        expect(first).toBeLessThan(20)
        const [suspect] = scene.journal.lines.filter(({ what }) => what === "stop").filter(isGood)
          .filter(({ id }) => scene.journal.running(id).length === 0)
        expect(Option.getOrThrow(yield* statusOf(scene, suspect!.id as ChildSpec.ChildId))).toMatchObject({
          _tag: "Restarting",
          cause: "its process died once soon after it started"
        })
        yield* TestClock.adjust("4 seconds")
        expect(upOf(scene)).toBe(20)
        yield* TestClock.adjust("12 seconds")
        yield* Effect.forkDaemon(scene.die("n1"))
        yield* TestClock.adjust("500 millis")
        // Their trials are over: nobody waits another time.
        expect(upOf(scene)).toBe(20)
      }),
    patience
  )
})
