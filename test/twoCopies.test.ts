/**
 * Two copies of this package in one process, as two versions of it, or its ESM and its CommonJS build, may be: what one
 * makes works with what the other has made.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Either, Layer, Schedule, Schema, Stream, TestClock } from "effect"
import * as first from "effect-pogo"
import { vi } from "vitest"
import { makeHub } from "../src/internal/transport/hub.js"
import { makeFaulty } from "./support/faulty.js"

type Package = typeof first

vi.resetModules()
const second: Package = await import("effect-pogo")

/** The copy that the supervisors are of, and the one that the kinds are of. */
const pairs: ReadonlyArray<readonly [name: string, supervisor: Package, kind: Package]> = [
  ["a kind of the second copy under a supervisor of the first", first, second],
  ["a kind of the first copy under a supervisor of the second", second, first]
]

/** Kinds whose children fork what fails, ask `check`, and answer calls. */
const kindsOf = ({ Child, Restart }: Package, notes: Array<string>, foreign: Package) => {
  const restart = Restart.permanent(Schedule.spaced("100 millis"))
  const Forker = Child.make("Forker", { payload: {} })
  const Checker = Child.make("Checker", { payload: {} })
  const Callee = Child.make("Callee", {
    payload: {},
    protocol: [
      // The annotations are the other copy's.
      foreign.Child.idempotent(Rpc.make("get", { success: Schema.Number })),
      Rpc.make("die"),
      foreign.Child.resumable(
        Rpc.make("count", { payload: { from: Schema.Number }, success: Schema.Number, stream: true }),
        (_, last) => ({ from: last + 1 })
      ),
      Rpc.make("ticks", { success: Schema.Number, stream: true })
    ]
  })
  const forkerLive = Forker.toLayer(() =>
    Effect.gen(function*() {
      const { attempt } = yield* foreign.Child.Current
      notes.push(`forker ${attempt}`)
      if (attempt === 1) yield* Child.fork(Effect.delay(Effect.fail("fork"), "1 seconds"))
      if (attempt === 2) yield* foreign.Child.fork(Effect.delay(Effect.fail("fork"), "1 seconds"))
      return yield* Effect.never
    }), { restart })
  const checkerLive = Checker.toLayer(() =>
    Effect.gen(function*() {
      const { attempt, check } = yield* Child.Current
      notes.push(`checker ${attempt}`)
      return yield* Effect.forever(Effect.zipRight(check, Effect.sleep("1 seconds")))
    }), { restart: Restart.temporary, onRegistryLoss: "keep" })
  const calleeLive = Callee.toLayer(() => ({
    get: () => Effect.succeed(7),
    die: () => Effect.die("ouch"),
    count: ({ from }) =>
      Stream.iterate(from, (n) => n + 1).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((n) => Effect.delay(Effect.succeed(n), "1 seconds"))
      ),
    ticks: () => Stream.tick("1 seconds").pipe(Stream.as(1))
  }), { restart })
  return { Forker, Checker, Callee, live: Layer.mergeAll(forkerLive, checkerLive, calleeLive) }
}

/** Nodes of one copy, with kinds of the other; the tags of their registry and their calls' way are the other copy's, too. */
const cluster = (supervisor: Package, kind: Package) =>
  Effect.gen(function*() {
    const notes: Array<string> = []
    const kinds = kindsOf(kind, notes, supervisor)
    const line = (yield* makeFaulty()).line()
    const hub = makeHub()
    const add = (name: string) =>
      kinds.live.pipe(
        Layer.provideMerge(supervisor.Pogo.layer({ name })),
        Layer.provide(Layer.succeed(kind.GroupRegistry.GroupRegistry, line.registry)),
        Layer.provide(Layer.succeed(kind.NodeTransport.NodeTransport, hub.transport)),
        Layer.build,
        Effect.orDie
      )
    return { ...kinds, line, notes, add }
  })

const passing = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    while ((yield* fiber.poll)._tag === "None") yield* TestClock.adjust("100 millis")
    return yield* fiber
  })

describe("two copies of the package", () => {
  it("are two", () => {
    expect(second.Child.fork).not.toBe(first.Child.fork)
    expect(second.PogoError.ClaimLost).not.toBe(first.PogoError.ClaimLost)
  })

  for (const [name, supervisor, kind] of pairs) {
    describe(name, () => {
      it.scoped("a fork that fails crashes its child, whichever copy forked it", () =>
        Effect.gen(function*() {
          const { Forker, add, notes } = yield* cluster(supervisor, kind)
          yield* Effect.provide(kind.Pogo.startChild(Forker.spec("x", {})), yield* add("a"))
          yield* TestClock.adjust("10 seconds")
          expect(notes).toEqual(["forker 1", "forker 2", "forker 3"])
        }))

      it.scoped("a child that is kept, and ends by its check, waits for its claim", () =>
        Effect.gen(function*() {
          const { Checker, add, line, notes } = yield* cluster(supervisor, kind)
          const context = yield* add("a")
          yield* Effect.provide(kind.Pogo.startChild(Checker.spec("x", {})), context)
          yield* TestClock.adjust("2 seconds")
          line.dropReplies = true
          yield* TestClock.adjust("30 seconds")
          line.dropReplies = false
          yield* TestClock.adjust("60 seconds")
          expect(notes).toEqual(["checker 1", "checker 2"])
        }))

      it.scoped(
        "calls and streams are answered, here and there, and fail with errors that have their tags",
        () =>
          Effect.gen(function*() {
            const { Callee, add } = yield* cluster(supervisor, kind)
            const contexts = [yield* add("a"), yield* add("b")]
            yield* passing(Effect.provide(kind.Pogo.startChild(Callee.spec("x", {})), contexts[0]!))
            yield* passing(Effect.provide(kind.Pogo.awaitChild(Callee.id("x")), contexts[0]!))
            for (const context of contexts) {
              const callees = yield* Effect.provide(Callee.client, context)
              const callee = callees("x")
              expect(yield* passing(callee.get())).toBe(7)
              expect((yield* passing(Effect.exit(callee.die())))._tag).toBe("Failure")
              const lost = yield* passing(Effect.either(callees("nobody").get()))
              expect(Either.isLeft(lost) && lost.left._tag).toBe("ChildNotFound")
              const restart = Effect.delay(
                Effect.provide(kind.Pogo.restartChild(Callee.id("x")), context),
                "2500 millis"
              )
              const [counted, ticks] = yield* passing(
                Effect.zipLeft(
                  Effect.all([
                    Stream.runCollect(Stream.take(callee.count({ from: 1 }), 5)),
                    Effect.flip(Stream.runDrain(callee.ticks()))
                  ], { concurrency: "unbounded" }),
                  restart,
                  { concurrent: true }
                )
              )
              expect(Chunk.toReadonlyArray(counted)).toEqual([1, 2, 3, 4, 5])
              expect(ticks._tag).toBe("ChildMoved")
            }
          }),
        60_000
      )
    })
  }
})
