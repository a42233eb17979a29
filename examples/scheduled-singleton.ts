/**
 * A job on a schedule that runs once across all replicas of a service, not once in each: the child of every replica's
 * supervisor, of which one runs.
 *
 *     npx tsx examples/scheduled-singleton.ts
 *
 * Three replicas live in this process, and share a registry in memory. The one that runs the job is stopped, as by a
 * deploy, and another one goes on with the next turn. A turn is missed when nobody runs the job at that moment, as
 * after a crash; none is taken twice, as long as the replicas' clocks agree.
 */
import { Console, Cron, Data, Effect, Fiber, Layer, Logger, LogLevel, Schedule, Schema } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"

/** A run of a child: its claim, and its number under that claim. */
interface Run {
  readonly token: bigint
  readonly attempt: number
}

class StaleRun extends Data.TaggedError("StaleRun")<Run> {}

const isBefore = (one: Run, other: Run) =>
  one.token === other.token ? one.attempt < other.attempt : one.token < other.token

/**
 * What the job writes to. It refuses a run that is older than one that it has seen. In SQL:
 * `... WHERE (token, attempt) <= ($1, $2)`. The token tells owners apart, the attempt the runs of one owner.
 */
class Ledger extends Effect.Service<Ledger>()("examples/Ledger", {
  sync: () => {
    const entries: Array<Run & { readonly node: string; readonly turn: string }> = []
    const write = (entry: typeof entries[number]) =>
      Effect.suspend(() => {
        if (entries.some((seen) => isBefore(entry, seen))) return new StaleRun(entry)
        entries.push(entry)
        return Effect.void
      })
    return { entries, write }
  }
}) {}

const Report = Child.make("Report", { payload: { cron: Schema.NonEmptyString } })

/** One turn of the job. */
const writeReport = Effect.gen(function*() {
  const { attempt, check, node, token } = yield* Child.Current
  const ledger = yield* Ledger
  const turn = new Date().toISOString().slice(11, 19)
  // Work takes time, in which the claim may be lost. So: ask right before the effect, and let the resource ask, too.
  yield* check
  yield* ledger.write({ node, token, attempt, turn })
  yield* Console.log(`${turn}  report written by ${node}, token ${token}`)
})

const ReportLive = Report.toLayer(({ cron }) =>
  Effect.flatMap(Cron.parse(cron), (turns) => Effect.schedule(writeReport, Schedule.cron(turns)))
)

/** One replica. All of them name the job; one of them runs it. */
const replica = (name: string) =>
  ReportLive.pipe(
    Layer.provide(Pogo.layer({ name, ttl: "3 seconds", children: [Report.spec("sales", { cron: "* * * * * *" })] }))
  )

const program = Effect.gen(function*() {
  const registry = Layer.succeed(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory())
  const ledger = yield* Ledger
  const replicas = new Map<string, Fiber.Fiber<never, unknown>>()
  for (const name of ["replica-1", "replica-2", "replica-3"]) {
    replicas.set(name, yield* Effect.forkScoped(Layer.launch(Layer.provide(replica(name), registry))))
  }
  yield* Effect.sleep("2.2 seconds")

  const [first] = ledger.entries
  yield* Console.log(`          ${first!.node} is stopped`)
  yield* Fiber.interrupt(replicas.get(first!.node)!)
  yield* Effect.sleep("2 seconds")

  const { entries } = ledger
  const nodes = new Set(entries.map(({ node }) => node))
  const turns = new Set(entries.map(({ turn }) => turn))
  yield* Console.log(
    `${entries.length} reports by ${nodes.size} replicas, ${entries.length - turns.size} written twice`
  )
})

await Effect.runPromise(
  program.pipe(Effect.scoped, Effect.provide(Ledger.Default), Logger.withMinimumLogLevel(LogLevel.Warning))
)
