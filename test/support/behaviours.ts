/**
 * What the Elixir original promises, as one suite for any registry: a child runs on one node of many, can be ended from
 * any, is restarted, moves, and is taken over.
 */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Random, Schedule, Schema, type Scope } from "effect"
import { Child, type PogoConfig, Restart } from "effect-pogo"
import { type Cluster, type Kinds, makeCluster, type TestNode } from "./cluster.js"
import { Journal } from "./journal.js"
import { readStored, type Stored } from "./stored.js"
import { Worker, workerLive } from "./worker.js"
import type { World } from "./world.js"

const Flaky = Child.make("Flaky", { payload: { failures: Schema.Number } })

interface Scene {
  readonly world: World
  readonly cluster: Cluster
  readonly journal: Journal
  readonly node: (name: string) => TestNode
  /** Until exactly these children run, each once. */
  readonly runs: (ids: ReadonlyArray<string>) => Effect.Effect<void>
  readonly quiet: Effect.Effect<void>
  readonly stored: Effect.Effect<Stored>
}

const sorted = (ids: Iterable<string>): ReadonlyArray<string> => Array.from(ids).sort()

const setTheScene = (world: World, names: ReadonlyArray<string>, kinds?: (journal: Journal) => Kinds) =>
  Effect.gen(function*() {
    const journal = new Journal()
    const registry = yield* world.registry
    const cluster = yield* makeCluster(registry, (kinds ?? workerLive)(journal), world.options, world.passing)
    yield* Effect.forEach(names, (name) => cluster.add(name), { concurrency: "unbounded" })
    const ids = Effect.sync(() => sorted(journal.running().map(({ id }) => id)))
    const scene: Scene = {
      world,
      cluster,
      journal,
      node: (name) => cluster.nodes.get(name)!,
      runs: (expected) =>
        world.until(
          `running: ${sorted(expected).join(" ")}`,
          Effect.map(ids, (now) => now.join() === sorted(expected).join())
        ),
      quiet: world.pass("4 seconds"),
      stored: readStored(registry)
    }
    return scene
  })

/** Where children run as every node lists them, and where they really do. */
const placesOf = ({ cluster, journal }: Scene) =>
  Effect.gen(function*() {
    const listed: Array<ReadonlyArray<string>> = []
    const real: Array<ReadonlyArray<string>> = []
    for (const { pogo } of cluster.nodes.values()) {
      const rows = yield* pogo.whichChildren("global")
      const local = yield* pogo.whichChildren("local")
      listed.push(sorted(rows.map(({ id, node, status }) => `${id}@${node} ${status._tag}`)))
      listed.push(sorted(local.map(({ id }) => `${id}@${pogo.name}`)))
      const places = journal.places()
      real.push(places.map((place) => `${place} Running`), places.filter((place) => place.endsWith(`@${pogo.name}`)))
    }
    return { listed, real }
  })

/** Every node's listing shows the same running children at the same places, and these are where they really run. */
const expectAgreement = (scene: Scene) =>
  Effect.gen(function*() {
    const agree = Effect.map(placesOf(scene), ({ listed, real }) => JSON.stringify(listed) === JSON.stringify(real))
    // If they never do, the comparison tells where.
    yield* Effect.exit(scene.world.until("all nodes agree", Effect.orDie(agree), scene.world.agreement))
    const { listed, real } = yield* placesOf(scene)
    expect(listed).toEqual(real)
    expect(scene.journal.violations()).toEqual([])
  })

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

const worker = (key: string) => Worker.spec(key, {})

/** The suite. */
export const behaviours = (world: World): void => {
  const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.scoped(name, () => world.run(body))

  test(
    "a child that is asked for on two nodes runs on one",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a", "b"])
      const results = yield* Effect.all(
        [scene.node("a").pogo.startChild(worker("x")), scene.node("b").pogo.startChild(worker("x"))],
        { concurrency: 2 }
      )
      expect(sorted(results.map(({ _tag }) => _tag))).toEqual(["AlreadyStarted", "Created"])
      yield* scene.runs(["Worker/x"])
      yield* scene.quiet
      expect(scene.journal.starts("Worker/x").length).toBe(1)
      yield* expectAgreement(scene)
    })
  )

  test(
    "a child is terminated from a node that neither started nor runs it",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a", "b", "c"])
      yield* scene.node("a").pogo.startChild(worker("x"))
      const { node: runner } = yield* scene.node("a").pogo.awaitChild("Worker/x")
      const other = ["a", "b", "c"].find((name) => name !== "a" && name !== runner)!
      expect((yield* scene.node(other).pogo.terminateChild("Worker/x"))._tag).toBe("Terminated")
      yield* scene.runs([])
      yield* scene.quiet
      yield* expectAgreement(scene)
      expect((yield* scene.node(runner).pogo.terminateChild("Worker/x"))._tag).toBe("Absent")
    })
  )

  test(
    "a crashed child is restarted, and its new run is seen everywhere",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a", "b"])
      yield* scene.node("a").pogo.startChild(Worker.spec("x", { failFirst: 2 }))
      yield* world.until(
        "the third run",
        Effect.sync(() => scene.journal.running("Worker/x")[0]?.attempt === 3)
      )
      for (const { pogo } of scene.cluster.nodes.values()) {
        yield* world.until(
          "it is seen",
          Effect.map(pogo.whichChildren("global"), ([row]) => row?.status._tag === "Running" && row.restarts === 2)
        )
      }
      yield* expectAgreement(scene)
    })
  )

  test(
    "children move to a node that joins, and back when it leaves; gaps have no overlap",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a"])
      const keys = ids("w", 20)
      yield* scene.node("a").pogo.startChildren(keys.map(worker))
      yield* scene.runs(keys.map(Worker.id))
      yield* scene.cluster.add("b")
      yield* world.until(
        "b has its share",
        Effect.sync(() => scene.journal.running().filter(({ node }) => node === "b").length >= 5)
      )
      yield* scene.quiet
      yield* expectAgreement(scene)
      yield* scene.node("b").stop
      yield* scene.runs(keys.map(Worker.id))
      expect(new Set(scene.journal.running().map(({ node }) => node))).toEqual(new Set(["a"]))
      yield* expectAgreement(scene)
    })
  )

  test(
    "a lost node's children run elsewhere",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a", "b", "c"])
      const keys = ids("w", 15)
      yield* scene.node("b").pogo.startChildren(keys.map(worker))
      yield* scene.runs(keys.map(Worker.id))
      yield* scene.node("c").crash
      expect(scene.journal.running().length).toBeLessThan(15)
      yield* scene.runs(keys.map(Worker.id))
      yield* scene.quiet
      yield* expectAgreement(scene)
    })
  )

  test(
    "initial children are spread over the nodes, and come back after all supervisors crashed",
    Effect.gen(function*() {
      const children = ids("w", 12).map(worker)
      const own = { ...world, options: { ...world.options, children } satisfies PogoConfig.Options }
      const scene = yield* setTheScene(own, ["a", "b", "c"])
      yield* scene.runs(ids("Worker/w", 12))
      yield* scene.quiet
      expect(new Set(scene.journal.running().map(({ node }) => node)).size).toBe(3)
      expect((yield* scene.node("a").pogo.terminateChild("Worker/w0"))._tag).toBe("Terminated")
      yield* Effect.forEach(Array.from(scene.cluster.nodes.values()), ({ crash }) => crash)
      yield* Effect.forEach(["a", "b"], (name) => scene.cluster.add(name))
      yield* scene.runs(ids("Worker/w", 12).slice(1))
      yield* scene.quiet
      yield* expectAgreement(scene)
    })
  )

  test(
    "a set is made equal to a list from any node: what is the same runs on, and of two lists one is kept whole",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ["a", "b", "c"])
      const old = ids("w", 8)
      yield* scene.node("a").pogo.startChildren(old.map(worker))
      yield* scene.runs(old.map(Worker.id))
      const before = scene.journal.lines.length
      const list = [...old.slice(3).map(worker), Worker.spec("w2", { endAfter: 3_600_000 }), worker("new")]
      const plan = yield* scene.node("b").pogo.reconcile(Worker, list)
      expect([plan.create, plan.replace, plan.keep, plan.terminate].map(({ length }) => length)).toEqual([1, 1, 5, 2])
      yield* scene.runs([...old.slice(2), "new"].map(Worker.id))
      const touched = new Set(scene.journal.lines.slice(before).map(({ id }) => id))
      expect(sorted(touched)).toEqual(["w0", "w1", "w2", "new"].map(Worker.id).sort())
      // Into a set, which restarts nothing; and two at the same time.
      yield* scene.node("c").pogo.reconcile(Worker, list, { set: "eu" })
      const [x, y] = [[worker("x1"), worker("x2")], [worker("y1"), worker("y2")]]
      const results = yield* Effect.all([
        Effect.either(scene.node("a").pogo.reconcile(Worker, x, { set: "eu", maxTerminate: "100%" })),
        Effect.either(scene.node("c").pogo.reconcile(Worker, y, { set: "eu", maxTerminate: "100%" }))
      ], { concurrency: 2 })
      const won = results.map((result) => result._tag === "Right")
      const kept = won[0] === true && won[1] === true ? undefined : won[0] === true ? ["x1", "x2"] : ["y1", "y2"]
      const running = Effect.sync(() => sorted(scene.journal.running().map(({ id }) => id.slice("Worker/".length))))
      yield* world.until(
        "one list runs",
        Effect.map(running, (keys) =>
          kept === undefined
            ? [["x1", "x2"], ["y1", "y2"]].some((list) => list.join() === keys.join())
            : keys.join() === kept.join())
      )
      yield* scene.quiet
      yield* expectAgreement(scene)
    })
  )

  test(
    "a child that fails to start does no harm, is retried, and runs in the end",
    Effect.gen(function*() {
      const kinds = (journal: Journal): Kinds =>
        Layer.merge(
          workerLive(journal),
          Flaky.toLayer(({ failures }) =>
            Layer.scopedDiscard(Effect.gen(function*() {
              const { attempt } = yield* Child.Current
              if (attempt <= failures) return yield* Effect.fail(new Error("cannot start"))
              yield* journal.record
            })), { restart: Restart.permanent(Schedule.spaced("200 millis")) })
        )
      const scene = yield* setTheScene(world, ["a", "b"], kinds)
      yield* scene.node("a").pogo.startChild(worker("good"))
      yield* scene.node("a").pogo.startChild(Flaky.spec("bad", { failures: 3 }))
      yield* scene.runs(["Worker/good"])
      yield* scene.runs(["Flaky/bad", "Worker/good"])
      expect(scene.journal.starts("Worker/good").length).toBe(1)
      yield* scene.quiet
      yield* expectAgreement(scene)
    })
  )

  test(
    "10 nodes, 60 started, 5 nodes stopped, 45 terminated, 60 started, 10 joined, 30 terminated, 30 started: 75 run",
    Effect.gen(function*() {
      const scene = yield* setTheScene(world, ids("n", 10))
      const anyNode = Effect.suspend(() => Random.choice(Array.from(scene.cluster.nodes.values()))).pipe(
        Effect.map(({ pogo }) => pogo)
      )
      const start = (prefix: string, count: number) =>
        Effect.forEach(ids(prefix, count), (key) => Effect.flatMap(anyNode, (pogo) => pogo.startChild(worker(key))))
      const end = (keys: ReadonlyArray<string>) =>
        Effect.forEach(keys, (key) => Effect.flatMap(anyNode, (pogo) => pogo.terminateChild(Worker.id(key))))

      yield* start("first", 60)
      yield* Effect.forEach(ids("n", 5), (name) => scene.node(name).stop)
      yield* end(ids("first", 45))
      yield* start("second", 60)
      yield* Effect.forEach(ids("late", 10), (name) => scene.cluster.add(name), { concurrency: "unbounded" })
      yield* end(ids("second", 30))
      yield* start("third", 30)

      const left = [...ids("first", 60).slice(45), ...ids("second", 60).slice(30), ...ids("third", 30)]
      expect(left.length).toBe(75)
      yield* scene.runs(left.map(Worker.id))
      yield* scene.quiet
      yield* expectAgreement(scene)
      const stored = yield* scene.stored
      expect(stored.specs).toEqual(sorted(left.map(Worker.id)))
      expect(stored.claims).toEqual(stored.specs)
      expect(stored.tombs).toEqual(sorted([...ids("first", 45), ...ids("second", 30)].map(Worker.id)))
    })
  )
}
