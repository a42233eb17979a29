/**
 * Layers of kinds, composed as layers can be: each kind is registered once, however often its layer is built.
 */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope, TestClock } from "effect"
import { Child, Pogo } from "effect-pogo"

class Database extends Context.Tag("test/Database")<Database, { open: boolean }>() {}

const database = Layer.scoped(
  Database,
  Effect.acquireRelease(
    Effect.sync((): { open: boolean } => ({ open: true })),
    (db) => Effect.sync(() => (db.open = false))
  )
)

const A = Child.make("A", { payload: {} })
const B = Child.make("B", { payload: {} })
const C = Child.make("C", { payload: {} })

/** Layers of three kinds; how often each runs, and runs that found their service closed. */
const lives = () => {
  const running = { A: 0, B: 0, C: 0 }
  const bad: Array<string> = []
  const liveOf = (kind: keyof typeof running) =>
    ({ A, B, C })[kind].toLayer(() =>
      Effect.flatMap(
        Database,
        (db) =>
          Effect.acquireRelease(Effect.sync(() => running[kind]++), () => Effect.sync(() => running[kind]--)).pipe(
            Effect.zipRight(Effect.forever(Effect.zipRight(
              Effect.sync(() => {
                if (!db.open) bad.push(kind)
              }),
              Effect.sleep("1 seconds")
            )))
          )
      )
    )
  return { a: liveOf("A"), b: liveOf("B"), c: liveOf("C"), running, bad, liveOf }
}

type Lives = ReturnType<typeof lives>

const compositions: ReadonlyArray<
  readonly [name: string, layer: (lives: Lives) => Layer.Layer<never, unknown, Pogo.Pogo | Database>]
> = [
  ["merge", ({ a, b, c }) => Layer.mergeAll(a, b, c)],
  ["provideMerge", ({ a, b, c }) => a.pipe(Layer.provideMerge(b), Layer.provideMerge(c))],
  ["provideMerge of provideMerge", ({ a, b, c }) => Layer.provideMerge(a, Layer.provideMerge(b, c))],
  ["a layer that is named twice", ({ a, b, c }) => Layer.mergeAll(a, b, Layer.provideMerge(c, a), b)],
  [
    "provide of layers that are merged, too",
    ({ a, b, c }) => Layer.mergeAll(Layer.provide(a, b), Layer.provide(b, c), c)
  ]
]

const start = Pogo.startChildren([A.spec("x", {}), B.spec("x", {}), C.spec("x", {})])

describe("layers of kinds", () => {
  for (const [name, compose] of compositions) {
    for (
      const [where, provide] of [
        ["provided", Layer.provide],
        ["merged", Layer.provideMerge]
      ] as ReadonlyArray<readonly [string, typeof Layer.provide]>
    ) {
      it.scoped(`${name}, services ${where}: each child runs once, and ends before its services`, () =>
        Effect.gen(function*() {
          const all = lives()
          const kinds = provide(compose(all), database)
          const scope = yield* Scope.make()
          const context = yield* Layer.buildWithScope(
            Layer.provideMerge(kinds, Pogo.layerMemory({ name: "one" })),
            scope
          )
          yield* Effect.provide(start, context)
          yield* TestClock.adjust("5 seconds")
          expect(all.running).toEqual({ A: 1, B: 1, C: 1 })
          const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
          yield* TestClock.adjust("5 seconds")
          yield* closing.await
          expect(all.running).toEqual({ A: 0, B: 0, C: 0 })
          expect(all.bad).toEqual([])
        }))
    }
  }

  it.scoped("two layers of one kind conflict, and the error tells why", () =>
    Effect.gen(function*() {
      const { a, liveOf } = lives()
      const twice = Layer.mergeAll(a, liveOf("A")).pipe(
        Layer.provide(database),
        Layer.provide(Pogo.layerMemory({ name: "one" }))
      )
      const error = yield* Effect.flip(Layer.build(twice))
      expect(error).toMatchObject({ _tag: "KindConflict", kind: "A", node: "one" })
      expect(error.message).toMatch(/toLayer was called twice/)
    }))

  it.scoped("a layer that is built twice: when the first is closed, its children go on with the services of the second", () =>
    Effect.gen(function*() {
      const { a, bad, running } = lives()
      const context = yield* Layer.build(Pogo.layerMemory({ name: "one" }))
      const live = Layer.provide(a, Layer.fresh(database))
      const [first, second, third] = yield* Effect.replicateEffect(Scope.make(), 3)
      for (const scope of [first!, second!, third!]) {
        yield* Effect.provide(Layer.buildWithScope(live, scope), context)
      }
      yield* Effect.provide(Pogo.startChild(A.spec("x", {})), context)
      yield* TestClock.adjust("2 seconds")
      const closing = [second!, first!, third!]
      for (const [i, scope] of closing.entries()) {
        const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("5 seconds")
        yield* closed.await
        yield* TestClock.adjust("5 seconds")
        expect(running.A).toBe(i === 2 ? 0 : 1)
      }
      expect(bad).toEqual([])
    }))

  it.scoped("one value may be provided to two supervisors", () =>
    Effect.gen(function*() {
      const { a, running } = lives()
      for (const name of ["one", "two"]) {
        const layer = a.pipe(Layer.provide(database), Layer.provideMerge(Pogo.layerMemory({ name })))
        yield* Effect.provide(Pogo.startChild(A.spec("x", {})), yield* Layer.build(layer))
      }
      yield* TestClock.adjust("2 seconds")
      expect(running.A).toBe(2)
    }))
})
