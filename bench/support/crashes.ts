/**
 * Children that crash at once and for ever, with no delay: cycles per second of CPU against the raw loop with a new scope and
 * fiber for every run; and by how much the tick of a healthy sibling is late meanwhile.
 *
 * `tsx crashes.ts MILLISECONDS CHILDREN`
 */
import { Effect, Fiber, Layer, Logger, Schedule, Scope } from "effect"
import { Child, GroupRegistry, Pogo, Restart } from "effect-pogo"

const millis = Number(process.argv[2])
const many = Number(process.argv[3])
const period = 10

let cycles = 0

const crashing = Effect.suspend(() => {
  cycles++
  return Effect.fail("crash")
})

const Crashing = Child.make("Crashing", { payload: {} })
const Ticking = Child.make("Ticking", { payload: {} })

let lateness: Array<number> = []

/** A child that wants to run every 10 ms, and notes by how much it is late. */
const ticking = Effect.gen(function*() {
  for (;;) {
    const due = performance.now() + period
    yield* Effect.sleep(period)
    lateness.push(performance.now() - due)
  }
})

const live = Layer.mergeAll(
  Crashing.toLayer(() => crashing, { restart: Restart.permanent(Schedule.forever) }),
  Ticking.toLayer(() => ticking)
).pipe(
  Layer.provideMerge(Pogo.layer({ name: "bench" })),
  Layer.provide(GroupRegistry.layerMemory),
  Layer.provide(Logger.remove(Logger.defaultLogger))
)

const cpuMillis = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1_000
}

/** Cycles per second of CPU while an effect runs in the background. */
const rate = (warmUp: number) =>
  Effect.gen(function*() {
    yield* Effect.sleep(warmUp)
    lateness = []
    const [began, before] = [cpuMillis(), cycles]
    yield* Effect.sleep(millis)
    const late = lateness.toSorted((a, b) => a - b)
    const at = (share: number) => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0
    return { perSecond: (cycles - before) / (cpuMillis() - began) * 1_000, late: at(0.5), late99: at(0.99) }
  })

/** One run: a new scope and a new fiber, as every restart has. */
const bare = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const fiber = yield* Effect.forkDaemon(Effect.onExit(crashing, (exit) => Scope.close(scope, exit)))
  return yield* Fiber.await(fiber)
})

/** So many go on in one turn of the event loop; without turns, timers would never have theirs. */
const perTurn = 32

const rawLoop = Effect.gen(function*() {
  const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
  const loop = Effect.forever(
    Effect.zipRight(bare, Effect.suspend(() => (cycles % perTurn === 0 ? turn : Effect.void)))
  )
  const fiber = yield* Effect.fork(loop)
  const result = yield* rate(500)
  yield* Fiber.interrupt(fiber)
  return result
})

/** Many such loops, which take turns. */
const rawLoops = (count: number) =>
  Effect.gen(function*() {
    const waiting: Array<() => void> = []
    let over = false
    const turn = Effect.async<void>((resume) => void waiting.push(() => resume(Effect.void)))
    const take = () => {
      for (const next of waiting.splice(0, perTurn)) next()
      if (!over) setImmediate(take)
    }
    const loops = yield* Effect.replicateEffect(Effect.fork(Effect.forever(Effect.zipRight(turn, bare))), count)
    take()
    const result = yield* rate(500)
    over = true
    yield* Fiber.interruptAll(loops)
    return result
  })

const children = (count: number) =>
  Effect.gen(function*() {
    const specs = Array.from({ length: count }, (_, i) => Crashing.spec(`c-${i}`, {}))
    yield* Pogo.startChildren(specs)
    const result = yield* rate(500)
    yield* Effect.forEach(specs, (_, i) => Pogo.terminateChild(Crashing.id(`c-${i}`)), { concurrency: "unbounded" })
    yield* Effect.sleep(200)
    return result
  })

const main = Effect.gen(function*() {
  yield* Pogo.startChild(Ticking.spec("one", {}))
  yield* Pogo.awaitChild(Ticking.id("one"))
  const quiet = yield* rate(200)
  const first = yield* rawLoop
  const one = yield* children(1)
  const second = yield* rawLoop
  const raw = { ...second, perSecond: (first.perSecond + second.perSecond) / 2 }
  const before = yield* rawLoops(many)
  const all = yield* children(many)
  const after = yield* rawLoops(many)
  const rawMany = { ...after, perSecond: (before.perSecond + after.perSecond) / 2 }
  console.log(JSON.stringify({ quiet, raw, one, rawMany, all }))
  process.exit(0)
})

await Effect.runPromise(Effect.scoped(Effect.provide(main, live)))
