/**
 * Payloads and schemas that throw, wait or have no end: the call that they are given to fails with a typed error, or
 * their own child says so, and nobody else notices.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Either, Layer, ParseResult, Schedule, Schema, TestClock } from "effect"
import { Child, ChildSpec, GroupRegistry, Pogo, PogoError, Restart } from "effect-pogo"
import { maxPageBytes } from "../../src/internal/registry/commands.js"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { unprintable } from "../support/unprintable.js"
import { Worker, workerLive } from "../support/worker.js"

const Loose = Child.make("Loose", { payload: { value: Schema.Unknown } })

const fail = (): never => {
  throw new Error("planted")
}

/** A kind whose schema does something when it decodes, or encodes. */
const kindOf = (
  code: { readonly decode?: () => Effect.Effect<string>; readonly encode?: () => Effect.Effect<string> }
) =>
  Child.make("Coded", {
    payload: {
      text: Schema.transformOrFail(Schema.String, Schema.String, {
        strict: true,
        decode: (text) => code.decode?.() ?? ParseResult.succeed(text),
        encode: (text) => code.encode?.() ?? ParseResult.succeed(text)
      })
    }
  })

const alone = <I, E>(live: Layer.Layer<never, E, Pogo.Pogo>, test: Effect.Effect<void, I, Pogo.Pogo>) =>
  test.pipe(Effect.provide(
    live.pipe(Layer.provideMerge(Pogo.layer({ name: "one" })), Layer.provide(GroupRegistry.layerMemory))
  ))

/** Payloads that no child can have, by what is wrong with them. */
const hostile: ReadonlyArray<readonly [name: string, make: () => unknown]> = [
  ...Object.entries(unprintable).filter(([name]) =>
    name !== "nothing" && name !== "an error without a prototype" && name !== "a toString that returns no text"
  ),
  ["a proxy without an end", () => {
    const endless: object = new Proxy({}, {
      ownKeys: () => ["a", "b"],
      getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: endless }),
      get: (_, name) => (name === "a" || name === "b" ? endless : undefined)
    })
    return endless
  }],
  ["3,000,000 elements", () => Array.from({ length: 3_000_000 }, (_, i) => i)],
  ["an array that says it is longer than any", () => {
    const array: Array<number> = []
    array.length = 2 ** 32 - 1
    return array
  }]
]

describe("a payload", () => {
  it.scoped.each(hostile)("that is %s is refused with a typed error", ([, make]) =>
    alone(
      Loose.toLayer(() => Effect.never),
      Effect.gen(function*() {
        const value = make()
        for (
          const spec of [
            Loose.spec("x", { value }),
            new ChildSpec.ChildSpec({ kind: "Loose", key: "x", payload: value }, { disableValidation: true })
          ]
        ) {
          for (const call of [Pogo.startChild, (one: ChildSpec.Any) => Pogo.startChildren([one]), Pogo.replaceChild]) {
            const error = yield* Effect.flip(
              Effect.asVoid<unknown, { readonly message: string }, Pogo.Pogo>(call(spec))
            )
            expect(error).toMatchObject({ _tag: "InvalidChildSpec" })
            expect(error.message.length).toBeLessThan(3_000)
          }
        }
      })
    ))

  it.scoped("with a getter that throws, and a spec that is itself a proxy, are refused by their names", () =>
    alone(
      Loose.toLayer(() => Effect.never),
      Effect.gen(function*() {
        const value = Object.defineProperty({}, "secret", { get: fail, enumerable: true })
        expect(yield* Effect.flip(Pogo.startChild(Loose.spec("x", { value })))).toMatchObject({
          id: "Loose/x",
          problem: expect.stringContaining("planted")
        })
        for (const name of ["a proxy that throws", "a revoked proxy"]) {
          const spec = unprintable[name]!() as ChildSpec.ChildSpec
          expect(yield* Effect.flip(Pogo.startChild(spec))).toMatchObject({ _tag: "InvalidChildSpec" })
        }
      })
    ))

  it.scoped("in a list that has no end, throws, or is none, fails the call before anything is sent", () =>
    alone(
      Loose.toLayer(() => Effect.never),
      Effect.gen(function*() {
        const spec = Loose.spec("x", { value: 1 })
        const lists: ReadonlyArray<Iterable<ChildSpec.Any>> = [
          {
            *[Symbol.iterator]() {
              for (;;) yield spec
            }
          },
          {
            *[Symbol.iterator]() {
              yield spec
              throw unprintable["a message that throws"]!()
            }
          },
          {} as never,
          5 as never,
          unprintable["a revoked proxy"]!() as never
        ]
        for (const list of lists) {
          const calls: ReadonlyArray<Effect.Effect<unknown, unknown, Pogo.Pogo>> = [
            Pogo.startChildren(list),
            Pogo.reconcile(Loose, list),
            Pogo.layer({ name: "two", children: list as never }).pipe(
              Layer.provide(GroupRegistry.layerMemory),
              Layer.launch
            )
          ]
          for (const call of calls) {
            expect(yield* Effect.flip(call)).toMatchObject({ _tag: "InvalidChildSpec", field: "specs" })
          }
        }
        expect(yield* Pogo.whichChildren("global")).toEqual([])
      })
    ))

  it.scoped("is written in batches that are bounded by their bytes", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const sizes: Array<number> = []
      const execute: typeof registry.execute = (name, envelope, args) => {
        if (name === "put") sizes.push(JSON.stringify(args).length)
        return registry.execute(name, envelope, args)
      }
      const cluster = yield* makeCluster({ ...registry, execute }, Loose.toLayer(() => Effect.never))
      const { pogo } = yield* cluster.add("a")
      const specs = (name: string) =>
        Array.from({ length: 100 }, (_, i) => Loose.spec(`${name}${i}`, { value: "x".repeat(60_000) }))
      yield* pogo.startChildren(specs("together"))
      yield* Effect.forEach(specs("each"), (spec) => pogo.startChild(spec), { concurrency: "unbounded" })
      yield* TestClock.adjust("1 seconds")
      expect(yield* pogo.countChildren).toMatchObject({ running: 200 })
      expect(Math.max(...sizes)).toBeLessThan(maxPageBytes + 20_000)
    }))

  it.scoped("is read in batches that are bounded by their bytes: claims, ends, registrations of what is there", () =>
    Effect.gen(function*() {
      const size = 60_000
      const registry = yield* GroupRegistry.makeMemory()
      const most: Partial<Record<string, number>> = { put: 0, claim: 0, del: 0 }
      const execute: typeof registry.execute = (name, envelope, args) => {
        const known = most[name]
        if (known !== undefined && "items" in args) most[name] = Math.max(known, args.items.length)
        return registry.execute(name, envelope, args)
      }
      const cluster = yield* makeCluster({ ...registry, execute }, Loose.toLayer(() => Effect.never))
      const first = yield* cluster.add("a")
      const { pogo } = yield* cluster.add("b")
      const many = Array.from({ length: 50 }, (_, i) => `x${i}`)
      const set = { set: "large" }
      const large = many.map((key) => Loose.spec(key, { value: "x".repeat(size) }))
      yield* pogo.startChildren(large)
      yield* TestClock.adjust("1 seconds")
      yield* first.crash
      yield* TestClock.adjust("30 seconds")
      expect(yield* pogo.countChildren).toMatchObject({ running: 50 })
      const small = many.map((key) => Loose.spec(key, { value: "" }))
      expect((yield* pogo.startChildren(small)).every(Either.isLeft)).toBe(true)
      yield* pogo.reconcile(Loose, large, set)
      yield* pogo.reconcile(Loose, large.slice(0, 1), { ...set, maxTerminate: "100%" })
      yield* pogo.startChildren(large)
      yield* Effect.forEach(many, (key) => pogo.terminateChild(`Loose/${key}`), { concurrency: "unbounded" })
      yield* TestClock.adjust("1 seconds")
      expect(yield* pogo.countChildren).toMatchObject({ running: 0 })
      const bound = Math.floor(maxPageBytes / size)
      expect(most).toEqual({ put: bound, claim: bound, del: bound })
    }))

  it.scoped("whose claim comes behind a batch that failed is claimed as soon as that one is", () =>
    Effect.gen(function*() {
      const registry = yield* GroupRegistry.makeMemory()
      const failed: Array<string> = []
      let fails = false
      const execute: typeof registry.execute = (name, envelope, args) => {
        if (name !== "claim" || !fails) return registry.execute(name, envelope, args)
        fails = false
        failed.push(name)
        return Effect.fail(
          new PogoError.RegistryUnavailable({ operation: name, reason: "Disconnected", detail: "planted", sent: false })
        )
      }
      const cluster = yield* makeCluster({ ...registry, execute }, Loose.toLayer(() => Effect.never))
      const first = yield* cluster.add("a")
      const { pogo } = yield* cluster.add("b")
      yield* pogo.startChildren(
        Array.from({ length: 40 }, (_, i) => Loose.spec(`x${i}`, { value: "x".repeat(60_000) }))
      )
      // None of them is young any more.
      yield* TestClock.adjust("2 minutes")
      fails = true
      yield* first.crash
      for (let i = 0; i < 60 && failed.length === 0; i++) yield* TestClock.adjust("1 second")
      expect(failed).toEqual(["claim"])
      yield* TestClock.adjust("5 seconds")
      expect(yield* pogo.countChildren).toMatchObject({ running: 40 })
    }))
})

describe("a schema", () => {
  it.scoped.each<readonly [string, () => Effect.Effect<string>]>([
    ["throws", fail],
    ["dies", () => Effect.die(unprintable["a record with a bigint"]!())],
    ["throws what cannot be printed", () => {
      throw unprintable["a message that throws"]!()
    }]
  ])("that %s when it encodes fails the call", ([, encode]) => {
    const Coded = kindOf({ encode })
    return alone(
      Coded.toLayer(() => Effect.never),
      Effect.gen(function*() {
        expect(yield* Effect.flip(Pogo.startChild(Coded.spec("x", { text: "t" })))).toMatchObject({
          _tag: "InvalidChildSpec",
          id: "Coded/x"
        })
      })
    )
  })

  it.scoped.each<readonly [string, () => Effect.Effect<string>]>([
    ["throws", fail],
    ["dies", () => Effect.die(unprintable["a record with a bigint"]!())],
    ["throws what cannot be printed", () => {
      throw unprintable["a proxy of an error that throws"]!()
    }]
  ])("that %s when it decodes leaves its child with that status", ([, decode]) => {
    const Coded = kindOf({ decode })
    const journal = new Journal()
    return alone(
      Layer.mergeAll(Coded.toLayer(() => Effect.never), workerLive(journal)),
      Effect.gen(function*() {
        yield* Pogo.startChild(Coded.spec("bad", { text: "t" }))
        yield* Pogo.startChild(Worker.spec("good", {}))
        yield* TestClock.adjust("20 seconds")
        expect((yield* Pogo.explain("Coded/bad")).row?.status._tag).toBe("Failed")
        expect(journal.running("Worker/good").length).toBe(1)
      })
    )
  })

  it.scoped("that takes its time to decode is waited for by its own child", () =>
    Effect.gen(function*() {
      const slow = yield* Deferred.make<string>()
      const Coded = kindOf({ decode: () => Deferred.await(slow) })
      const seen: Array<string> = []
      const live = Coded.toLayer(({ text }) => Effect.zipRight(Effect.sync(() => seen.push(text)), Effect.never))
      yield* alone(
        live,
        Effect.gen(function*() {
          yield* Pogo.startChild(Coded.spec("x", { text: "t" }))
          yield* TestClock.adjust("2 seconds")
          expect((yield* Pogo.explain("Coded/x")).row?.status._tag).toBe("Starting")
          yield* Deferred.succeed(slow, "decoded")
          yield* TestClock.adjust("2 seconds")
          expect((yield* Pogo.explain("Coded/x")).row?.status._tag).toBe("Running")
          expect(seen).toEqual(["decoded"])
        })
      )
    }))

  it.scoped("that never decodes is bounded by the start timeout, and restarted", () => {
    const Coded = kindOf({ decode: () => Effect.never })
    const live = Coded.toLayer(() => Effect.never, {
      startTimeout: "3 seconds",
      restart: Restart.permanent(Schedule.spaced("1 hours"))
    })
    return alone(
      live,
      Effect.gen(function*() {
        yield* Pogo.startChild(Coded.spec("x", { text: "t" }))
        yield* TestClock.adjust("10 seconds")
        const { lastCause, row } = yield* Pogo.explain("Coded/x")
        expect(row?.status._tag).toBe("Restarting")
        expect(lastCause).toContain("startTimeout")
      })
    )
  })
})
