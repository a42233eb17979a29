/**
 * A fleet of devices, each polled by a child of its own on one of two nodes, and a dashboard that reads the streams of
 * all of them, wherever they are. The dashboard drains one node by its name: its devices move, and the streams go on where
 * they left off.
 *
 *     npx tsx examples/device-fleet.ts
 *
 * The nodes live in one process here, and reach each other over real sockets.
 */
import { Rpc } from "@effect/rpc"
import { Console, Context, Effect, Layer, Logger, LogLevel, Ref, Schedule, Schema, type Scope, Stream } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"

class Reading extends Schema.Class<Reading>("Reading")({
  device: Schema.String,
  /** Readings of a device are numbered by the device itself, so that a reader knows where it is. */
  number: Schema.Number,
  celsius: Schema.Number,
  node: Schema.String
}) {}

const Device = Child.make("Device", {
  payload: { celsius: Schema.Number },
  protocol: [
    Child.idempotent(Rpc.make("latest", { success: Reading })),
    // After a move the reader names the last reading that it has seen, and nothing is missed or seen twice.
    Child.resumable(
      Rpc.make("readings", { payload: { after: Schema.Number }, success: Reading, stream: true }),
      (_, last) => ({ after: last.number })
    )
  ]
})

/** The device itself: it goes on, whoever polls it. */
const origin = Date.now()
const measure = (celsius: number, number: number): number => celsius + Math.sin(number / 7)
const present = Effect.sync(() => Math.floor((Date.now() - origin) / 20))

const DeviceLive = Device.toLayer(({ celsius }) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const read = (number: number) =>
      new Reading({ device: self.key, number, celsius: measure(celsius, number), node: self.node })
    const latest = yield* Ref.make(read(yield* present))
    // Polls for as long as the child runs. If it fails, the child is restarted.
    yield* Child.fork(
      Effect.repeat(
        Effect.flatMap(present, (number) => Ref.set(latest, read(number))),
        Schedule.spaced("20 millis")
      )
    )
    return {
      latest: () => Ref.get(latest),
      readings: ({ after }) =>
        Stream.repeatEffectWithSchedule(latest, Schedule.spaced("10 millis")).pipe(
          Stream.mapAccum(after, (seen, { number }) => [
            Math.max(seen, number),
            Array.from({ length: Math.max(0, number - seen) }, (_, i) => read(seen + 1 + i))
          ]),
          Stream.mapConcat((readings) => readings)
        )
    }
  }), { shutdown: "2 seconds" })

type Registry = GroupRegistry.GroupRegistry["Type"]

const build = <E>(
  layer: Layer.Layer<Pogo.Pogo, E, GroupRegistry.GroupRegistry>,
  registry: Registry
): Effect.Effect<Pogo.Service, E, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.provide(layer, Layer.succeed(GroupRegistry.GroupRegistry, registry))),
    (context) => Context.get(context, Pogo.Pogo)
  )

const nodeLive = (name: string) =>
  DeviceLive.pipe(
    Layer.provideMerge(Pogo.layer({ name, ttl: "3 seconds" })),
    Layer.provide(NodeTransportSocket.layer())
  )

const devices = Array.from({ length: 12 }, (_, i) => ({ key: `device-${i}`, celsius: 15 + i }))

/** Reads a device's stream until the east is to be drained and the west has gone on with it, and tells what it saw. */
const watch = (pogo: Pogo.Service, key: string, begun: Ref.Ref<ReadonlySet<string>>, drained: Ref.Ref<boolean>) =>
  Effect.gen(function*() {
    const fleet = yield* Effect.provideService(Device.client, Pogo.Pogo, pogo)
    const { number } = yield* fleet(key).latest()
    const readings = yield* fleet(key).readings({ after: number }).pipe(
      Stream.tap(() => Ref.update(begun, (keys) => new Set(keys).add(key))),
      Stream.takeUntilEffect(({ node }) => node === "west" ? Ref.get(drained) : Effect.succeed(false)),
      Stream.runCollect
    )
    const seen = Array.from(readings)
    return {
      nodes: Array.from(new Set(seen.map(({ node }) => node))),
      complete: seen.every((reading, i) => reading.number === number + 1 + i)
    }
  })

const program = Effect.gen(function*() {
  const registry = yield* GroupRegistry.makeMemory()
  const east = yield* build(nodeLive("east"), registry)
  yield* build(nodeLive("west"), registry)
  const dashboard = yield* build(
    Pogo.layerClient({ ttl: "3 seconds" }).pipe(Layer.provide(NodeTransportSocket.layer())),
    registry
  )
  yield* dashboard.startChildren(devices.map(({ celsius, key }) => Device.spec(key, { celsius })))
  for (const { key } of devices) yield* dashboard.awaitChild(Device.id(key))
  const begun = yield* Ref.make<ReadonlySet<string>>(new Set())
  const drained = yield* Ref.make(false)
  const watching = yield* Effect.fork(
    Effect.forEach(devices, ({ key }) => watch(dashboard, key, begun, drained), { concurrency: "unbounded" })
  )
  yield* Effect.repeat(Ref.get(begun), { until: ({ size }) => size === devices.length, schedule: Schedule.spaced(50) })
  yield* Effect.sleep("1 second")
  yield* Console.log(`east runs ${(yield* east.whichChildren("local")).length} devices, and is drained`)
  const { _tag } = yield* dashboard.drainNode("east", { by: "dashboard", reason: "maintenance" })
  yield* Ref.set(drained, true)
  const seen = yield* watching
  const moved = seen.filter(({ nodes }) => nodes.length > 1).length
  yield* Console.log(`${_tag}; ${moved} streams went on elsewhere; complete: ${seen.every(({ complete }) => complete)}`)
  return _tag === "Obeyed" && moved > 0 && seen.every(({ complete }) => complete)
}).pipe(Effect.scoped, Effect.provide(Logger.minimumLogLevel(LogLevel.Error)))

process.exit(await Effect.runPromise(program) ? 0 : 1)
