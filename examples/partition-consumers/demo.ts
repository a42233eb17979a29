/**
 * One consumer per partition of a topic, on whatever node: the partitions are a list, and the consumers are made equal to
 * it; each stores its offset, and goes on from there wherever it runs next. A node is killed, another one is frozen for
 * longer than its lease, partitions come and go, and the registry loses its data. No acknowledged offset goes back.
 *
 *     npx tsx examples/partition-consumers/demo.ts
 *
 * The nodes live in this process, on a registry of the test kit, which can be broken at will.
 */
import { Console, Effect, Logger, LogLevel, Option, Schedule, Schema } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"

const Consumer = Child.make("Consumer", {
  payload: { topic: Schema.String },
  state: Schema.Struct({ offset: Schema.Number })
})

/** What became of one partition: for the judgement at the end, not for the consumers. */
interface Progress {
  acknowledged: number
  readonly handled: Set<number>
  readonly backwards: Array<string>
}

const progress = new Map<string, Progress>()

const of = (partition: string): Progress => {
  const known = progress.get(partition) ?? { acknowledged: 0, handled: new Set<number>(), backwards: [] }
  progress.set(partition, known)
  return known
}

/** The message after an offset: there is always one. To handle it twice must do no harm. */
const handle = (partition: string, offset: number) =>
  Effect.zipRight(Effect.sleep("5 millis"), Effect.sync(() => of(partition).handled.add(offset)))

const ConsumerLive = Consumer.toLayer(() =>
  Effect.gen(function*() {
    const { key, node, token } = yield* Child.Current
    const state = yield* Consumer.state
    const begun = Option.match(yield* state.get, { onNone: () => 0, onSome: ({ offset }) => offset })
    const { acknowledged, backwards } = of(key)
    if (begun < acknowledged) backwards.push(`${key} on ${node}, token ${token}: ${begun} after ${acknowledged}`)
    for (let offset = begun;; offset++) {
      yield* handle(key, offset)
      // First the effect, then the offset: a message may be handled twice, and none is left out.
      yield* state.set({ offset: offset + 1 })
      of(key).acknowledged = Math.max(of(key).acknowledged, offset + 1)
    }
  }), { shutdown: "1 second" })

const specsOf = (partitions: ReadonlyArray<number>) =>
  partitions.map((partition) => Consumer.spec(`orders-${partition}`, { topic: "orders" }))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Waits until every consumer has got on since. */
const getOn = (what: string, partitions: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const before = new Map(partitions.map((partition) => [partition, of(`orders-${partition}`).acknowledged]))
    const isSo = () => partitions.every((one) => of(`orders-${one}`).acknowledged > before.get(one)! + 5)
    yield* Effect.repeat(Effect.sleep("50 millis"), { until: isSo })
    yield* Console.log(`${what}: all ${partitions.length} consumers get on`)
  }).pipe(Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error(`${what}: somebody is stuck`) }))

const program = Effect.gen(function*() {
  const cluster = yield* PogoTest.cluster(3, ConsumerLive, { ttl: "2 seconds" })
  const operator = cluster.node("n1")
  const reconcile = (partitions: ReadonlyArray<number>) =>
    Effect.gen(function*() {
      const { create, keep, terminate } = yield* operator.reconcile(Consumer, specsOf(partitions))
      yield* Console.log(`reconciled: ${create.length} begun, ${keep.length} kept, ${terminate.length} ended`)
    }).pipe(Effect.retry(Schedule.spaced("500 millis")))
  yield* reconcile(range(0, 8))
  yield* getOn("at first", range(0, 8))
  yield* cluster.crash("n3")
  yield* getOn("n3 was killed", range(0, 8))
  yield* cluster.addNode("n4")
  yield* cluster.freeze("n2")
  yield* cluster.pass("4 seconds")
  yield* cluster.thaw("n2")
  yield* getOn("n2 was frozen for two leases", range(0, 8))
  yield* reconcile(range(2, 10))
  yield* getOn("two partitions went, and two came", range(2, 10))
  yield* cluster.loseRegistry
  yield* getOn("the registry lost its data", range(2, 10))
  yield* cluster.crash("n4")
  yield* getOn("n4 was killed", range(2, 10))
  yield* cluster.atMostOne

  const where = yield* Effect.provideService(Consumer.readState("orders-5"), Pogo.Pogo, operator)
  yield* Console.log(
    Option.match(where, {
      onNone: () => "orders-5 has no offset",
      onSome: ({ node, value, version }) => `orders-5 is at ${value.offset}, written by ${node}, version ${version}`
    })
  )
  const all = Array.from(progress.values())
  const acknowledged = all.reduce((sum, one) => sum + one.acknowledged, 0)
  const backwards = all.flatMap((one) => one.backwards)
  const missed = all.reduce(
    (sum, one) => sum + range(0, one.acknowledged).filter((offset) => !one.handled.has(offset)).length,
    0
  )
  for (const line of backwards) yield* Console.log(line)
  yield* Console.log(`${acknowledged} offsets acknowledged, ${backwards.length} went back, ${missed} messages missed`)
  return backwards.length === 0 && missed === 0 && Option.isSome(where)
}).pipe(Effect.scoped, Effect.provide(Logger.minimumLogLevel(LogLevel.Error)))

process.exit(await Effect.runPromise(program) ? 0 : 1)
