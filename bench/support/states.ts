/**
 * How long a child waits until its state is stored, over a bare round trip to the same Redis; and how many values a second
 * a thousand children store at once.
 *
 * `tsx states.ts REDIS_URL CHILDREN VALUES`
 */
import { Context, Effect, Layer, Logger, Option, Schema } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { Redis } from "ioredis"
import { median } from "./numbers.js"

const [url, children, values] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]

const Counter = Child.make("Counter", {
  payload: {},
  state: Schema.Struct({ count: Schema.Number, text: Schema.String })
})

const states: Array<Child.State<typeof Counter extends Child.Stateful<infer A> ? A : never>> = []

const live = Counter.toLayer(() =>
  Effect.gen(function*() {
    states.push(yield* Counter.state)
    return yield* Effect.never
  })
).pipe(
  Layer.provideMerge(Pogo.layer({ name: "bench" })),
  Layer.provide(GroupRegistryRedis.layer({ url, onEmpty: "trust" })),
  Layer.provide(Logger.remove(Logger.defaultLogger))
)

/** 100 bytes, encoded. */
const value = (count: number) => ({ count, text: "x".repeat(80 - String(count).length) })

const timed = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<number, E> =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(effect, () => performance.now() - began)
  })

const program = Effect.gen(function*() {
  const pogo = Context.get(yield* Layer.build(live), Pogo.Pogo)
  const redis = new Redis(url)
  yield* pogo.startChildren(Array.from({ length: children }, (_, i) => Counter.spec(`c${i}`, {})))
  while (states.length < children) yield* Effect.sleep("20 millis")
  const [first] = states
  const trips: Array<number> = []
  const sets: Array<number> = []
  for (let i = 0; i < 600; i++) {
    // One at a time, in turns with the bare round trip; a little pause, since children do not store without one.
    yield* Effect.sleep(1)
    const trip = yield* timed(Effect.promise(() => redis.ping()))
    const set = yield* timed(first!.set(value(i)))
    if (i >= 200) {
      trips.push(trip)
      sets.push(set)
    }
  }
  const storing = Effect.forEach(
    states,
    (state) =>
      Effect.forEach(Array.from({ length: values }, (_, i) => i), (i) => state.set(value(i)), { discard: true }),
    { concurrency: "unbounded", discard: true }
  )
  yield* storing
  const millis = yield* timed(storing)
  const last = Option.isSome(yield* first!.get)
  redis.disconnect()
  return { trip: median(trips), set: median(sets), perSecond: last ? children * values / millis * 1_000 : 0 }
})

process.stdout.write(JSON.stringify(await Effect.runPromise(Effect.scoped(program))) + "\n")
process.exit(0)
