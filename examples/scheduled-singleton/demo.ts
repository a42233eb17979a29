/**
 * A job on a schedule that runs once across all replicas of a service, not once in each: the child of every replica's
 * supervisor, of which one runs.
 *
 *     npx tsx examples/scheduled-singleton/demo.ts
 *
 * Three replicas live in this process, and share a registry in memory. The one that runs the job is stopped, as by a
 * deploy; a turn fails; then all replicas are gone for a while. No turn is missed, and none is taken twice: `report.ts`
 * says how.
 */
import { Console, Effect, Fiber, Layer, Logger, LogLevel } from "effect"
import { GroupRegistry, Pogo } from "effect-pogo"
import { Ledger, Report, ReportLive, Work } from "./report.js"

const clockTime = (moment: Date) => moment.toISOString().slice(11, 19)

/** One replica. All of them name the job; one of them runs it. */
const replica = (name: string) =>
  ReportLive.pipe(
    Layer.provide(Pogo.layer({ name, ttl: "3 seconds", children: [Report.spec("sales", { cron: "* * * * * *" })] }))
  )

/** The work of a turn, which fails once when it is told to. */
const makeWork = () => {
  let fails = false
  const work = (turn: Date) =>
    Effect.suspend(() => {
      if (!fails) return Effect.void
      fails = false
      return Effect.zipRight(Console.log(`${clockTime(turn)}  fails`), Effect.fail("the report's source is away"))
    })
  return { work: Layer.succeed(Work, work), failOnce: Effect.sync(() => (fails = true)) }
}

const program = Effect.gen(function*() {
  const registry = Layer.succeed(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory())
  const ledger = yield* Ledger
  const { failOnce, work } = makeWork()
  const replicas = new Map<string, Fiber.Fiber<never, unknown>>()
  const start = (name: string) =>
    Layer.launch(replica(name).pipe(Layer.provide(registry), Layer.provide(work))).pipe(
      Effect.forkScoped,
      Effect.map((fiber) => replicas.set(name, fiber))
    )
  const stop = (name: string) =>
    Effect.zipRight(Fiber.interrupt(replicas.get(name)!), Effect.sync(() => replicas.delete(name)))
  let told = 0
  const tell = Effect.suspend(() =>
    Effect.forEach(ledger.entries.slice(told), ({ at, node, token, turn }) => {
      told++
      const late = at.getTime() - turn.getTime()
      return Console.log(
        `${clockTime(turn)}  taken by ${node}, token ${token}${
          late < 100 ? "" : `, ${(late / 1_000).toFixed(1)} s late`
        }`
      )
    }, { discard: true })
  )
  const pass = (seconds: number) => Effect.zipRight(Effect.sleep(seconds * 1_000), tell)

  for (const name of ["replica-1", "replica-2", "replica-3"]) yield* start(name)
  const isTaken = Effect.sync(() => ledger.entries.length > 0)
  yield* Effect.repeat(pass(0.2), { until: () => isTaken })
  yield* pass(1)
  const { node } = ledger.entries[0]!
  yield* Console.log(`          ${node} is stopped`)
  yield* stop(node)
  yield* pass(2)
  yield* failOnce
  yield* pass(2)
  yield* Console.log("          all replicas are stopped, and one comes back after three seconds")
  yield* Effect.forEach([...replicas.keys()], stop, { concurrency: "unbounded" })
  yield* pass(3)
  yield* start("replica-4")
  yield* pass(2.5)

  const { entries } = ledger
  const turns = new Set(entries.map(({ turn }) => turn.getTime()))
  const due = 1 + (Math.max(...turns) - Math.min(...turns)) / 1_000
  const nodes = new Set(entries.map(({ node }) => node))
  yield* Console.log(
    `${entries.length} turns taken by ${nodes.size} replicas: ${due - turns.size} missed, ` +
      `${entries.length - turns.size} taken twice`
  )
})

await Effect.runPromise(
  program.pipe(Effect.scoped, Effect.provide(Ledger.Default), Logger.withMinimumLogLevel(LogLevel.Error))
)
