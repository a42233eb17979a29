/**
 * A program, and by `node --test` a test, that makes a cluster in which a node crashes and another is frozen, and does
 * nothing to end its process. `CLOCK`: `virtual` or `live`. It prints what the crashed node's children did afterwards.
 */
import { Effect, Layer, Logger, LogLevel, TestContext } from "effect"
import { Child } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"
import { createServer } from "node:http"
import { test } from "node:test"

const counts = new Map<string, number>()
const late = new Set<string>()
let crashed: string | undefined
const finalized = new Set<string>()

const ran = (node: string, what: string) => {
  counts.set(node, (counts.get(node) ?? 0) + 1)
  if (node === crashed) late.add(what)
}

type Body = (note: (what: string) => void) => Effect.Effect<never>

/** What a child may do so that the event loop has something to wait for. */
const bodies: { readonly [kind: string]: Body } = {
  Idle: () => Effect.never,
  Asleep: () => Effect.zipRight(Effect.sleep("1 hour"), Effect.never),
  Busy: (note) => Effect.forever(Effect.zipRight(Effect.sync(() => note("went on")), Effect.sleep("20 millis"))),
  Forked: (note) =>
    Effect.forever(Effect.zipRight(Effect.sleep("20 millis"), Effect.sync(() => note("went on in a fiber")))).pipe(
      Effect.forkDaemon,
      Effect.zipRight(Effect.never)
    ),
  Ticking: (note) =>
    Effect.acquireRelease(
      Effect.sync(() => setInterval(() => note("heard a timer"), 20)),
      (timer) => Effect.sync(() => clearInterval(timer))
    ).pipe(Effect.zipRight(Effect.never), Effect.scoped),
  Spinning: (note) =>
    Effect.async<never>(() => {
      const turn = (): void => {
        note("took a turn")
        setImmediate(turn)
      }
      setTimeout(turn, 3_600_000)
    }),
  Serving: () =>
    Effect.acquireRelease(
      Effect.sync(() => createServer().listen(0)),
      (server) => Effect.sync(() => server.close())
    ).pipe(Effect.zipRight(Effect.never), Effect.scoped),
  Promised: () => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 3_600_000))).pipe(Effect.forever)
}

const kinds = Object.entries(bodies).map(([name, body]) => {
  const kind = Child.make(name, { payload: {} })
  const live = kind.toLayer(() =>
    Effect.gen(function*() {
      const { node } = yield* Child.Current
      const note = (what: string) => ran(node, `${name} ${what}`)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          finalized.add(node)
          note("was finalized")
        })
      )
      return yield* body(note)
    })
  )
  return { kind, live }
})

const story = Effect.gen(function*() {
  const [first, ...others] = kinds.map(({ live }) => live)
  const cluster = yield* PogoTest.cluster(3, Layer.mergeAll(first!, ...others))
  const specs = kinds.flatMap(({ kind }) => Array.from({ length: 8 }, (_, i) => kind.spec(`${i}`, {})))
  yield* cluster.node("n1").startChildren(specs)
  for (const { id } of specs) yield* cluster.eventuallyOne(id)
  yield* cluster.freeze("n2")
  yield* cluster.crash("n3")
  crashed = "n3"
  yield* cluster.pass("1 second")
}).pipe(
  Effect.scoped,
  process.env["CLOCK"] === "virtual" ? Effect.provide(TestContext.TestContext) : (effect) => effect,
  Logger.withMinimumLogLevel(LogLevel.Error)
)

const run = async () => {
  await Effect.runPromise(story)
  // Time for whatever a node that is gone might still do when the cluster has ended.
  await new Promise((resolve) => setTimeout(resolve, 200))
  process.stdout.write(
    `${JSON.stringify({ late: [...late], finalized: [...finalized], crashedRan: counts.get("n3") ?? 0 })}\n`
  )
}

if (process.env["NODE_TEST_CONTEXT"] === undefined) await run()
else await test("a cluster of which a node crashes and another is frozen", run)
