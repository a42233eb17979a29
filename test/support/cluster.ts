/**
 * Several supervisors in one process, on one registry.
 */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { GroupRegistry, Pogo, type PogoConfig } from "effect-pogo"
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
  readonly add: (name: string, options?: PogoConfig.Options, kinds?: Kinds) => Effect.Effect<TestNode>
}

export type Registry = GroupRegistry.GroupRegistry["Type"]

export const makeCluster = (
  registry: Registry,
  kinds: Kinds,
  defaults: PogoConfig.Options = {}
): Effect.Effect<Cluster, never, Scope.Scope> =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    const nodes = new Map<string, TestNode>()
    const add: Cluster["add"] = (name, options = {}, own = kinds) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.addFinalizer(outer, Scope.close(scope, Exit.void))
        const layer = own.pipe(
          Layer.provideMerge(Pogo.layer({ ...defaults, ...options, name })),
          Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry))
        )
        const pogo = Context.get(yield* Layer.buildWithScope(layer, scope), Pogo.Pogo)
        const end = Effect.zipRight(Effect.sync(() => nodes.delete(name)), Scope.close(scope, Exit.void))
        const node: TestNode = { name, pogo, stop: end, crash: Effect.zipRight(pogo[Internals].crash, end) }
        nodes.set(name, node)
        return node
      }).pipe(Effect.orDie)
    return { nodes, add }
  })
