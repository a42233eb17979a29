/**
 * Supervision trees, in both of their forms.
 *
 *     npx tsx examples/nested-supervisor.ts
 *
 * A `Tenant` is a child that is a supervisor itself: a layer with children of its own, which live and move with it. They
 * are known to nobody but the tenant. An `Importer` is a child that starts other children in the cluster: these are on
 * their own from then on, each on the node where it belongs.
 */
import { Console, Effect, Fiber, Layer, Logger, LogLevel, Schema } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"

// 1. A child that is a layer.

/** The tag of the inner supervisor, so that it is not taken for the outer one. */
class TenantPogo extends Pogo.Tag("Tenant")<TenantPogo>() {}

const Mailbox = Child.make("Mailbox", { payload: {} })

const MailboxLive = Mailbox.toLayer(
  () =>
    Effect.gen(function*() {
      const { key, node } = yield* Child.Current
      yield* Console.log(`    mailbox ${key} is open, in ${node}`)
      yield* Effect.addFinalizer(() => Console.log(`    mailbox ${key} is closed`))
      return yield* Effect.never
    }),
  { supervisor: TenantPogo }
)

const Tenant = Child.make("Tenant", { type: "supervisor", payload: { mailboxes: Schema.Array(Schema.String) } })

const TenantLive = Tenant.toLayer(({ mailboxes }) =>
  Layer.unwrapEffect(Effect.map(Child.Current, ({ id }) => {
    const children = mailboxes.map((name) => Mailbox.spec(name, {}))
    return MailboxLive.pipe(
      Layer.provide(Pogo.layer({ supervisor: TenantPogo, name: id, scope: id, children })),
      Layer.provide(Layer.fresh(GroupRegistry.layerMemory))
    )
  }))
)

// 2. A child that starts children.

const Partition = Child.make("Partition", { payload: {} })

const PartitionLive = Partition.toLayer(() => Effect.never)

const Importer = Child.make("Importer", { payload: { partitions: Schema.Number } })

/** It may be restarted, or move, and then starts them again: `startChildren` leaves alone what is there already. */
const ImporterLive = Importer.toLayer(({ partitions }) =>
  Effect.gen(function*() {
    const { key } = yield* Child.Current
    const keys = Array.from({ length: partitions }, (_, i) => `${key}-${i}`)
    yield* Pogo.startChildren(keys.map((key) => Partition.spec(key, {})))
    return yield* Effect.never
  })
)

/** A node that can run all of these. */
const node = (name: string) =>
  Layer.mergeAll(TenantLive, PartitionLive, ImporterLive).pipe(Layer.provideMerge(Pogo.layer({ name })))

const printChildren = Effect.gen(function*() {
  const children = yield* Pogo.whichChildren("global")
  for (const { id, node, type } of Array.from(children).sort((a, b) => a.id < b.id ? -1 : 1)) {
    yield* Console.log(`  ${id.padEnd(22)} ${type.padEnd(10)} on ${node}`)
  }
})

const program = (stop: (node: string) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* Pogo.startChild(Tenant.spec("acme", { mailboxes: ["sales", "support"] }))
    yield* Pogo.startChild(Importer.spec("orders", { partitions: 4 }))
    const { node } = yield* Pogo.awaitChild(Tenant.id("acme"))
    yield* Effect.sleep("500 millis")
    yield* Console.log("What the cluster knows:")
    yield* printChildren

    yield* Console.log(`${node} is stopped:`)
    yield* stop(node)
    yield* Effect.sleep("500 millis")
    yield* printChildren
  })

const main = Effect.gen(function*() {
  const registry = Layer.succeed(GroupRegistry.GroupRegistry, yield* GroupRegistry.makeMemory())
  const nodes = new Map<string, Fiber.Fiber<never, unknown>>()
  for (const name of ["node-a", "node-b"]) {
    nodes.set(name, yield* Effect.forkScoped(Layer.launch(Layer.provide(node(name), registry))))
  }
  // A supervisor without kinds runs nothing itself, and is told everything.
  const observer = Layer.provide(Pogo.layer({ name: "observer" }), registry)
  yield* Effect.provide(program((name) => Effect.asVoid(Fiber.interrupt(nodes.get(name)!))), observer)
})

await Effect.runPromise(main.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Warning)))
