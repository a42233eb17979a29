/**
 * A node as a process of its own, whose children do nothing but note when they start and stop. It does what it is told
 * on its standard input, and answers on its standard output, one line of JSON each.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Exit, Layer, Schema, Scope } from "effect"
import { Child, Pogo, PogoConfig } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { Redis } from "ioredis"
import { now } from "./clock.js"
import { startProfile } from "./profile.js"
import { watchStalls } from "./stalls.js"
import { type Calls, type ToldCommand, toldProgram } from "./told.js"

const payload = { url: Schema.String, every: Schema.Number }

/** Its runs are noted. */
const Idle = Child.make("Idle", { payload })

/** Nothing is noted: for measurements of memory. */
const Bare = Child.make("Bare", { payload })

type Note = readonly [id: string, what: "start" | "stop", at: number]

let notes: Array<Note> = []
let running = 0
let lastStart = 0
let lastStop = 0

const idle = Effect.gen(function*() {
  const { id } = yield* Child.Current
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      running--
      lastStop = now()
      notes.push([id, "stop", lastStop])
    })
  )
  running++
  lastStart = now()
  notes.push([id, "start", lastStart])
  return yield* Effect.never
})

/** What a start cannot do without, bare: the spec is stored, counted and logged, and others are woken. */
const bareStart = `
local at = redis.call('HINCRBY', KEYS[1], 'high', 1)
redis.call('HSET', KEYS[2], ARGV[1], at .. '|' .. ARGV[2])
redis.call('XADD', KEYS[3], at .. '-0', 'kind', 's', 'id', ARGV[1])
redis.call('PUBLISH', ARGV[3], at)
return at
`

const bareKeys = ["bare:{bench}:meta", "bare:{bench}:spec", "bare:{bench}:log"]

interface Command extends ToldCommand {
  readonly kind?: "Idle" | "Bare"
  readonly from?: number
  readonly count?: number
  readonly times?: number
  readonly keys?: ReadonlyArray<string>
}

const kindOf = ({ kind }: Command) => (kind === "Bare" ? Bare : Idle)

const spec = (command: Command, key: string, every = 5_000) =>
  kindOf(command).spec(key, { url: `https://customer-${key}.example.com/health`, every })

const keysOf = ({ count = 0, from = 0 }: Command): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `c-${from + i}`)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const began = now()
    yield* effect
    return { began, ended: now() }
  })

/** Milliseconds that each of many runs took, one after the other. */
const each = <E, R>(times: number, effect: Effect.Effect<unknown, E, R>) =>
  Effect.map(
    Effect.replicateEffect(timed(effect), times),
    (runs) => runs.map(({ began, ended }) => ended - began)
  )

let stopWatching = process.env["BENCH_WATCH"] === "1" ? watchStalls() : undefined
let stopProfile: Awaited<ReturnType<typeof startProfile>> | undefined
let raw: Redis | undefined
let bareSha: string | undefined

const collect = () => {
  const { gc } = globalThis as { readonly gc?: () => void }
  for (let i = 0; i < 4; i++) gc?.()
}

const heap = () => {
  collect()
  return process.memoryUsage().heapUsed
}

/** The client and the name of the bare script. */
const bareClient = Effect.gen(function*() {
  const client = raw ??= new Redis(process.env["BENCH_REDIS_URL"]!)
  const sha = bareSha ??= String(yield* Effect.promise(() => client.script("LOAD", bareStart)))
  return { client, sha }
})

/** Stores one child with the bare script. */
const barePut = ({ client, sha }: Effect.Effect.Success<typeof bareClient>, key: string) => {
  const body = JSON.stringify({
    kind: "Idle",
    payload: { every: 5_000, url: `https://customer-${key}.example.com/health` }
  })
  return Effect.promise(() => client.evalsha(sha, 3, ...bareKeys, key, body, "bare:wake"))
}

const calls: Calls<Command, Pogo.Pogo> = {
  start: (command) => Effect.suspend(() => timed(Pogo.startChildren(keysOf(command).map((key) => spec(command, key))))),
  /** One at a time, each after a bare round trip and a bare script in the same rhythm. */
  startEach: (command) =>
    Effect.forEach(command.keys ?? [], (key) =>
      Effect.gen(function*() {
        const redis = yield* bareClient
        yield* Effect.sleep(3)
        const trip = yield* timed(Effect.promise(() => redis.client.ping()))
        yield* Effect.sleep(3)
        const bare = yield* timed(barePut(redis, key))
        yield* Effect.sleep(3)
        const start = yield* timed(Pogo.startChild(spec(command, key)))
        const running = yield* timed(Pogo.awaitChild(kindOf(command).id(key)))
        return { key, trip: trip.ended - trip.began, bare: bare.ended - bare.began, ...start, seen: running.ended }
      })),
  /** Makes the children those of a list of which every hundredth, from `times` on, is another than before. */
  reconcile: (command) =>
    Effect.gen(function*() {
      const { times: round = 0 } = command
      const keys = keysOf(command)
      const specs = keys.map((key, i) => spec(command, key, 5_000 + Math.floor((round + 99 - i % 100) / 100)))
      const redis = yield* bareClient
      const list = yield* timed(Pogo.whichChildren("global"))
      const puts = yield* timed(
        Effect.forEach(keys.slice(0, keys.length / 100), (key) => barePut(redis, key), { discard: true })
      )
      let replaced = 0
      const made = yield* timed(
        Effect.map(Pogo.reconcile(kindOf(command), specs), ({ replace }) => void (replaced = replace.length))
      )
      return { list, puts, made, replaced }
    }),
  terminate: (command) =>
    timed(Effect.forEach(keysOf(command), (key) => Pogo.terminateChild(kindOf(command).id(key)), {
      concurrency: 1_000,
      discard: true
    })),
  terminateAll: () =>
    Effect.flatMap(
      Pogo.whichChildren("global"),
      Effect.forEach(({ id }) => Pogo.terminateChild(id), { concurrency: "unbounded", discard: true })
    ),
  running: () => Effect.sync(() => ({ running, lastStart, lastStop })),
  notes: () =>
    Effect.sync(() => {
      const all = notes
      notes = []
      return all
    }),
  list: ({ times = 1 }) => each(times, Pogo.whichChildren("global")),
  counts: () => Pogo.countChildren,
  known: () => Effect.map(Pogo.whichChildren("global"), ({ length }) => length),
  nodes: () => Effect.map(Pogo.nodes, (nodes) => nodes.map(({ children, name }) => ({ name, children }))),
  watch: () => Effect.sync(() => void (stopWatching = watchStalls())),
  stalls: () => Effect.promise(async () => stopWatching?.()),
  profile: () => Effect.promise(async () => void (stopProfile = await startProfile())),
  profiled: () => Effect.promise(async () => stopProfile?.(12)),
  memory: () =>
    Effect.sync(() => {
      collect()
      return process.memoryUsage()
    }),
  /** Bytes of heap of one fiber that does nothing. */
  bareFiber: ({ count = 1 }) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const before = heap()
      yield* Effect.repeatN(Effect.forkIn(Effect.never, scope), count - 1)
      yield* Effect.sleep(100)
      const after = heap()
      yield* Scope.close(scope, Exit.void)
      return (after - before) / count
    }),
  cpu: () => Effect.sync(() => process.cpuUsage())
}

const registry = GroupRegistryRedis.layerConfig({
  url: Config.redacted("BENCH_REDIS_URL"),
  onEmpty: Config.succeed("trust")
})

const kinds = process.env["BENCH_KINDS"] === "none"
  ? Layer.empty
  : Layer.mergeAll(Idle.toLayer(() => idle), Bare.toLayer(() => Effect.never))

const live = kinds.pipe(
  Layer.provideMerge(Pogo.layerConfig(PogoConfig.config)),
  Layer.provide(registry)
)

NodeRuntime.runMain(toldProgram(calls, live), { disablePrettyLogger: true })
