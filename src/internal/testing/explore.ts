/**
 * Plays seeded histories of a user's own kinds in virtual time.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PogoConfig from "../../PogoConfig.js"
import { Dice } from "./dice.js"
import { render, settles, whatIsWrong } from "./expect.js"
import { type Kinds, Members } from "./members.js"
import { Process } from "./process.js"
import { virtualRoom } from "./rooms.js"
import { sandboxed } from "./sandbox.js"
import { World } from "./world.js"

/** @internal */
export type FaultName = "crash" | "stop" | "freeze" | "partition" | "lose" | "restart"

/** @internal */
export interface Journey {
  readonly nodes: number
  readonly kinds: Kinds
  readonly options: PogoConfig.Options
  readonly faults: ReadonlyArray<FaultName>
  readonly begin: (members: Members) => Effect.Effect<void, unknown>
  readonly check: (members: Members) => Effect.Effect<void, unknown>
}

/** How one history ended. */
export interface Played {
  readonly problem: string | undefined
  readonly history: string
  readonly steps: number
  readonly faults: ReadonlyArray<FaultName>
}

const limits = { steps: 3_000_000, settle: 120_000 }

const restartLater = (members: Members, name: string, dice: Dice): Effect.Effect<void> =>
  Effect.zipRight(Effect.sleep(dice.between(50, 20_000)), Effect.asVoid(members.add(name)))

const cut = (members: Members, name: string, dice: Dice): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { line } = members.get(name)
    const direction = dice.between(1, 3)
    for (const connection of ["tick", "work", "wake"] as const) {
      if (direction & 1) line.cutRequests.add(connection)
      if (direction & 2) line.cutReplies.add(connection)
    }
    members.runs.note(name, ["", "is not heard", "hears nothing", "is cut off"][direction]!)
    yield* Effect.sleep(dice.between(500, 25_000))
    line.heal()
    members.runs.note(name, "is connected again")
  })

/** One fault, from its beginning to its end. */
const suffer = (members: Members, fault: FaultName, dice: Dice): Effect.Effect<void> => {
  const { server } = members.room
  const scope = [...members.all.values()][0]?.node?.config.scope ?? "default"
  // The first node is never ended: what nobody is left to remember may be lost, and is no mistake.
  const all = [...members.all.values()].filter(({ leaving }) => !leaving).map(({ name }) => name)
  const names = fault === "crash" || fault === "stop" ? all.filter((name) => name !== "n1") : all
  if (names.length === 0) return Effect.void
  const name = dice.pick(names)
  switch (fault) {
    case "crash":
      return Effect.zipRight(members.crash(name), restartLater(members, name, dice))
    case "stop":
      return Effect.zipRight(members.stop(name), restartLater(members, name, dice))
    case "freeze":
      return members.freeze(name).pipe(
        Effect.zipRight(Effect.sleep(dice.between(500, 25_000))),
        Effect.zipRight(Effect.suspend(() => members.all.has(name) ? members.thaw(name) : Effect.void))
      )
    case "partition":
      return cut(members, name, dice)
    case "lose":
      return Effect.sync(() => {
        members.runs.note("registry", "loses all data")
        server.lose(scope)
      })
    case "restart":
      return Effect.sync(() => {
        members.runs.note("registry", "is restarted")
        server.restart()
      })
  }
}

const drawn = (faults: ReadonlyArray<FaultName>, dice: Dice): ReadonlyArray<FaultName> =>
  faults.length === 0 ? [] : Array.from({ length: dice.between(1, 6) }, () => dice.pick(faults))

/** The whole history, as a program in the world. */
const tale = (members: Members, journey: Journey, faults: ReadonlyArray<FaultName>, dice: Dice) =>
  Effect.gen(function*() {
    for (let i = 1; i <= journey.nodes; i++) yield* members.add(`n${i}`)
    yield* settles(members, () => [...members.all.values()].every(({ node }) => node?.active) ? undefined : "-", 30_000)
    members.room.server.trust = false
    yield* journey.begin(members)
    const suffered = faults.map((fault, i) =>
      Effect.zipRight(
        Effect.sleep(dice.between(1_000, 30_000)),
        Effect.suspend(() => suffer(members, fault, dice.stream(`fault ${i}`)))
      )
    )
    yield* Effect.all(suffered, { concurrency: "unbounded", discard: true })
    const problem = yield* settles(members, () => whatIsWrong(members), limits.settle)
    if (problem !== undefined) return problem
    yield* journey.check(members)
    return undefined
  })

const verdict = (exit: Exit.Exit<string | undefined, unknown> | undefined, real: string | undefined) => {
  if (real !== undefined) return `${real} was used: here time passes only for what asks Effect's Clock for it`
  if (exit === undefined) return "it never ends: something waits for what does not come, such as a promise"
  return Exit.isSuccess(exit) ? exit.value : Cause.pretty(exit.cause)
}

/** Plays the history of a seed. */
export const playSeed = (seed: number, journey: Journey): Played => {
  const dice = new Dice(`explore ${seed}`)
  const disorder = { window: dice.pick([1, 2, 4, 8]), preempt: dice.pick([0, 0, 0.1]) }
  const world = new World(dice.stream("world"), disorder)
  let lives = 0
  const room = virtualRoom(world, dice.stream("network"), (name) => new Process(world, `${name}.${++lives}`))
  const members = new Members(room, journey.kinds, journey.options)
  const faults = drawn(journey.faults, dice)
  let real: string | undefined
  let exit: Exit.Exit<string | undefined, unknown> | undefined
  sandboxed(() => {
    const driver = new Process(world, "test")
    driver.fork(tale(members, journey, faults, dice.stream("tale"))).addObserver((end) => (exit = end))
    world.runUntil(() =>
      exit !== undefined || real !== undefined || members.runs.violations.length > 0 || world.steps > limits.steps
    )
    world.end()
  }, (what) => (real = what))
  const problem = members.runs.violations[0] ?? verdict(exit, real)
  return { problem, history: problem === undefined ? "" : render(members), steps: world.steps, faults }
}
