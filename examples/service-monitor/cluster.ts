/**
 * Several nodes in one process, on one registry in memory, and a way to lose one of them.
 *
 * A process that dies says good-bye to nobody: its children are not handed over, its claims are not given back, and the
 * others learn of it only because its lease runs out. Here a node dies in two steps. Its line to the registry is cut, so
 * that nothing of what it does from now on is known to anybody; then its fibers are ended, as they would be with their
 * process.
 */
import { Clock, Context, Effect, ExecutionStrategy, Exit, Layer, Queue, Scope, Stream } from "effect"
import { GroupRegistry, NodeTransport, Pogo, type PogoConfig, PogoError, type PogoEvent } from "effect-pogo"
import { Journal } from "./Journal.js"
import { ServiceMonitorLive } from "./ServiceMonitor.js"
import { byLease, type Cluster } from "./story.js"

type Registry = GroupRegistry.GroupRegistry["Type"]

export interface MemoryCluster extends Cluster<PogoError.PogoError | PogoError.KindConflict> {
  /** What all nodes share. */
  readonly registry: Registry
  /** What happens on any of the nodes. */
  readonly events: Queue.Dequeue<PogoEvent.PogoEvent>
}

const unreachable = new PogoError.RegistryUnavailable({
  operation: "any",
  reason: "Disconnected",
  detail: "this node was cut off",
  sent: false
})

/** One node's own line to the registry that all share. */
const makeLine = (shared: Registry) => {
  let cut = false
  const registry = GroupRegistry.makeEncoded({
    description: shared.description,
    onWake: shared.onWake,
    execute: (name, envelope, args) =>
      Effect.suspend(() => cut ? Effect.fail(unreachable) : shared.execute(name, envelope, args))
  })
  return { registry, cut: Effect.sync(() => void (cut = true)) }
}

/** Everything that a process of this application consists of. */
const nodeLive = (
  options: PogoConfig.Options,
  registry: Registry,
  transport: NodeTransport.NodeTransport["Type"],
  others: KindsLive
) =>
  Layer.merge(ServiceMonitorLive, others).pipe(
    Layer.provideMerge(Pogo.layer(options)),
    Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
    Layer.provide(Layer.succeed(NodeTransport.NodeTransport, transport))
  )

/** Further kinds that every node has. */
export type KindsLive = Layer.Layer<never, PogoError.InvalidConfig | PogoError.KindConflict, Pogo.Pogo>

/** Makes an empty cluster. Its nodes leave in order when the scope is closed. */
export const makeCluster = (
  options: PogoConfig.Options,
  others: KindsLive = Layer.empty
): Effect.Effect<MemoryCluster, never, Journal | Scope.Scope> =>
  Effect.gen(function*() {
    const shared = yield* GroupRegistry.makeMemory()
    const transport = Context.get(yield* Layer.build(NodeTransport.layerMemory), NodeTransport.NodeTransport)
    const journal = yield* Journal
    // One scope for all nodes, so that they leave after whatever is made later than the cluster, such as the screen.
    const outer = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const events = yield* Queue.unbounded<PogoEvent.PogoEvent>()
    const nodes = new Map<string, Pogo.Service>()
    const ends = new Map<string, Effect.Effect<void>>()

    const note = (_tag: "Crash" | "Gone", node: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => journal.append({ _tag, at, node }))

    const start: MemoryCluster["start"] = (name) =>
      Effect.gen(function*() {
        const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
        const line = makeLine(shared)
        const live = nodeLive({ ...options, name }, line.registry, transport, others)
        const context = yield* Effect.provideService(Layer.buildWithScope(live, scope), Journal, journal)
        const pogo = Context.get(context, Pogo.Pogo)
        yield* Effect.forkIn(Stream.runForEach(pogo.events, (event) => Queue.offer(events, event)), scope)
        nodes.set(name, pogo)
        ends.set(name, Effect.zipRight(line.cut, Scope.close(scope, Exit.void)))
      })

    const crash: MemoryCluster["crash"] = (name) =>
      Effect.gen(function*() {
        nodes.delete(name)
        yield* note("Crash", name)
        const end = Effect.zipRight(ends.get(name) ?? Effect.void, note("Gone", name))
        // Nobody waits for the dead.
        yield* Effect.forkDaemon(end)
      })

    return {
      registry: shared,
      events,
      start,
      fate: "crashes",
      notice: byLease,
      crash,
      pogo: () => nodes.values().next().value
    }
  })
