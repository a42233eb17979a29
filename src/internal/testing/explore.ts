/**
 * Seeded histories of a user's own kinds in virtual time.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PogoConfig from "../../PogoConfig.js"
import { effectRpc } from "../calls/loadEffectRpc.js"
import { macrotask } from "../runtime/environment.js"
import { Dice } from "./dice.js"
import { type Kinds, render, settles, TestCluster, virtualSurroundings, whatIsWrong } from "./testCluster.js"
import { Process, sandboxed, World } from "./virtualWorld.js"

/** The faults that a history may have. */
export type FaultName = "crash" | "stop" | "freeze" | "partition" | "lose" | "restart"

/** The scenario that histories play: a cluster, what it begins with, its faults, what is to hold. */
export interface Scenario {
  readonly nodes: number
  readonly kinds: Kinds
  readonly options: PogoConfig.Options
  readonly faults: ReadonlyArray<FaultName>
  readonly begin: (cluster: TestCluster) => Effect.Effect<void, unknown>
  readonly check: (cluster: TestCluster) => Effect.Effect<void, unknown>
}

/** The outcome of one history. */
export interface Played {
  readonly problem: string | undefined
  readonly history: string
  readonly steps: number
  readonly faults: ReadonlyArray<FaultName>
}

/** Limits of one history: steps of its world, and virtual milliseconds in which it must settle after its faults. */
const limits = { steps: 3_000_000, settle: 120_000 }

const restartLater = (cluster: TestCluster, name: string, dice: Dice): Effect.Effect<void> =>
  Effect.zipRight(Effect.sleep(dice.between(50, 20_000)), Effect.asVoid(cluster.add(name)))

const cut = (cluster: TestCluster, name: string, dice: Dice): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { line } = cluster.get(name)
    const direction = dice.between(1, 3)
    for (const connection of ["tick", "work", "wake"] as const) {
      if (direction & 1) line.cutRequests.add(connection)
      if (direction & 2) line.cutReplies.add(connection)
    }
    cluster.runs.note(name, ["", "is not heard", "hears nothing", "is cut off"][direction]!)
    yield* Effect.sleep(dice.between(500, 25_000))
    line.heal()
    cluster.runs.note(name, "is connected again")
  })

/** Applies one fault, from its beginning to its end. */
const applyFault = (cluster: TestCluster, fault: FaultName, dice: Dice): Effect.Effect<void> => {
  const { server } = cluster.surroundings
  const scope = [...cluster.all.values()][0]?.node?.config.scope ?? "default"
  // The first node is never ended: what nobody is left to remember may be lost, and is no mistake.
  const all = [...cluster.all.values()].filter(({ leaving }) => !leaving).map(({ name }) => name)
  const names = fault === "crash" || fault === "stop" ? all.filter((name) => name !== "n1") : all
  if (names.length === 0) return Effect.void
  const name = dice.pick(names)
  switch (fault) {
    case "crash":
      return Effect.zipRight(cluster.crash(name), restartLater(cluster, name, dice))
    case "stop":
      return Effect.zipRight(cluster.stop(name), restartLater(cluster, name, dice))
    case "freeze":
      return cluster.freeze(name).pipe(
        Effect.zipRight(Effect.sleep(dice.between(500, 25_000))),
        Effect.zipRight(Effect.suspend(() => cluster.all.has(name) ? cluster.thaw(name) : Effect.void))
      )
    case "partition":
      return cut(cluster, name, dice)
    case "lose":
      return Effect.sync(() => {
        cluster.runs.note("registry", "loses all data")
        server.lose(scope)
      })
    case "restart":
      return Effect.sync(() => {
        cluster.runs.note("registry", "is restarted")
        server.restart()
      })
  }
}

const drawn = (faults: ReadonlyArray<FaultName>, dice: Dice): ReadonlyArray<FaultName> =>
  faults.length === 0 ? [] : Array.from({ length: dice.between(1, 6) }, () => dice.pick(faults))

/** The whole history, as a program in the world; its value is what is wrong in the end. */
const program = (cluster: TestCluster, scenario: Scenario, faults: ReadonlyArray<FaultName>, dice: Dice) =>
  Effect.gen(function*() {
    for (let i = 1; i <= scenario.nodes; i++) yield* cluster.add(`n${i}`)
    yield* settles(cluster, () => [...cluster.all.values()].every(({ node }) => node?.active) ? undefined : "-", 30_000)
    cluster.surroundings.server.trust = false
    yield* scenario.begin(cluster)
    const applied = faults.map((fault, i) =>
      Effect.zipRight(
        Effect.sleep(dice.between(1_000, 30_000)),
        Effect.suspend(() => applyFault(cluster, fault, dice.stream(`fault ${i}`)))
      )
    )
    yield* Effect.all(applied, { concurrency: "unbounded", discard: true })
    const problem = yield* settles(cluster, () => whatIsWrong(cluster), limits.settle)
    if (problem !== undefined) return problem
    yield* scenario.check(cluster)
    return undefined
  })

const verdict = (exit: Exit.Exit<string | undefined, unknown> | undefined, real: string | undefined) => {
  if (real !== undefined) return `${real} was used: here time passes only for what asks Effect's Clock for it`
  if (exit === undefined) return "it never ends: something waits for what does not come, such as a promise"
  return Exit.isSuccess(exit) ? exit.value : Cause.pretty(exit.cause)
}

/** Loads what is loaded when it is needed: in a virtual world no promise comes true. */
export const prepared: Effect.Effect<void> = Effect.asVoid(effectRpc)

/** Plays the history of a seed. */
export const playSeed = (seed: number, scenario: Scenario): Played => {
  const dice = new Dice(`explore ${seed}`)
  const disorder = { window: dice.pick([1, 2, 4, 8]), preempt: dice.pick([0, 0, 0.1]) }
  const world = new World(dice.stream("world"), disorder)
  let lives = 0
  const surroundings = virtualSurroundings(
    world,
    dice.stream("network"),
    (name) => new Process(world, `${name}.${++lives}`)
  )
  const cluster = new TestCluster(surroundings, scenario.kinds, scenario.options)
  const faults = drawn(scenario.faults, dice)
  let real: string | undefined
  let exit: Exit.Exit<string | undefined, unknown> | undefined
  sandboxed(() => {
    const driver = new Process(world, "test")
    driver.fork(program(cluster, scenario, faults, dice.stream("tale"))).addObserver((end) => (exit = end))
    world.runUntil(() =>
      exit !== undefined || real !== undefined || cluster.runs.violations.length > 0 || world.steps > limits.steps
    )
    world.end()
  }, (what) => (real = what))
  const problem = cluster.runs.violations[0] ?? verdict(exit, real)
  return { problem, history: problem === undefined ? "" : render(cluster), steps: world.steps, faults }
}

/** Gives the event loop its turn: a test runner fails a worker of which it hears nothing for a minute. */
export const betweenHistories: Effect.Effect<void> = macrotask
