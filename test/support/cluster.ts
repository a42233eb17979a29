/**
 * Several supervisors in one process, on one registry.
 */
import { Context, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { GroupRegistry, NodeTransport, Pogo, type PogoConfig } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"

export type Kinds = Layer.Layer<never, unknown, Pogo.Pogo>

export interface TestNode {
  readonly name: string
  readonly pogo: Pogo.Service
  /** Closes it in order. */
  readonly stop: Effect.Effect<void>
  /** Ends it as if its process had died. */
  readonly crash: Effect.Effect<void>
}

export interface Cluster {
  readonly nodes: Map<string, TestNode>
  readonly add: (
    name: string,
    options?: PogoConfig.Options & { readonly registry?: Registry; readonly transport?: Transport },
    kinds?: Kinds
  ) => Effect.Effect<TestNode>
}

export type Transport = NodeTransport.NodeTransport["Type"]

export type Registry = GroupRegistry.GroupRegistry["Type"]

/** Lets virtual time pass until the effect has ended: finalizers may take some. */
export const inVirtualTime = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(effect))
    while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("5 seconds")
    return yield* Fiber.join(fiber)
  })

export const makeCluster = (
  registry: Registry,
  kinds: Kinds,
  defaults: PogoConfig.Options = {},
  passing: <A>(effect: Effect.Effect<A>) => Effect.Effect<A> = inVirtualTime
): Effect.Effect<Cluster, never, Scope.Scope> =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    const nodes = new Map<string, TestNode>()
    const add: Cluster["add"] = (name, { registry: another, transport, ...options } = {}, own = kinds) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.addFinalizer(outer, passing(Scope.close(scope, Exit.void)))
        const layer = own.pipe(
          Layer.provideMerge(Pogo.layer({ ...defaults, ...options, name })),
          Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, another ?? registry)),
          Layer.provide(
            transport === undefined ? Layer.empty : Layer.succeed(NodeTransport.NodeTransport, transport)
          )
        )
        const pogo = Context.get(yield* Layer.buildWithScope(layer, scope), Pogo.Pogo)
        const end = Effect.zipRight(Effect.sync(() => nodes.delete(name)), Scope.close(scope, Exit.void))
        const node: TestNode = { name, pogo, stop: end, crash: Effect.zipRight(pogo[Internals].crash, end) }
        nodes.set(name, node)
        return node
      }).pipe(Effect.orDie)
    return { nodes, add }
  })
