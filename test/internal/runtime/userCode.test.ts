import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Either, Exit, Fiber, Logger, LogLevel, Option, Schema, TestClock } from "effect"
import {
  attempt,
  contain,
  exitNow,
  forkUser,
  isInstance,
  logWarning,
  printCause,
  printError,
  printParseError,
  printValue,
  tagOf,
  withHarmlessLoggers
} from "../../../src/internal/runtime/userCode.js"
import { unprintable } from "../../support/unprintable.js"

const fail = (): never => {
  throw new Error("planted")
}

const broken = Logger.replace(Logger.defaultLogger, Logger.make(fail))

describe("printing", () => {
  it.each(Object.entries(unprintable))("%s is described, in bounds", (_, make) => {
    const value = make()
    for (const cause of [Cause.fail(value), Cause.die(value), Cause.parallel(Cause.fail(value), Cause.die(value))]) {
      const text = printCause(cause)
      expect(text.length).toBeGreaterThan(3)
      expect(text.length).toBeLessThanOrEqual(1_010)
    }
    for (const text of [printError(value), printValue(value, 1_000)]) {
      expect(typeof text).toBe("string")
      expect(text.length).toBeLessThanOrEqual(1_010)
    }
    expect(isInstance(value, TypeError)).toBe(false)
    expect(tagOf(value) ?? "").toBeTypeOf("string")
  })

  it("what can be said is said", () => {
    const said = (name: string) => printCause(Cause.fail(unprintable[name]!()))
    expect(said("a record with a bigint")).toBe("Error: {\"_tag\":\"StaleToken\",\"token\":5n}")
    expect(said("a circular record")).toContain("\"self\":<circular>")
    expect(said("an error whose cause holds a bigint")).toMatch(/^Error: stale\n/)
    expect(said("a stack that throws")).toContain("a getter throws")
    expect(said("a message that throws")).toContain("<unreadable>")
    expect(said("a field that throws")).toContain("\"_tag\":\"Bad\"")
  })

  it("ordinary causes print as Effect prints them", () => {
    class Tagged extends Schema.TaggedError<Tagged>()("Tagged", { n: Schema.Number }) {}
    const lines = (text: string) => text.split("\n").filter((line) => !line.includes("node_modules/effect/"))
    const causes: ReadonlyArray<Cause.Cause<unknown>> = [
      Cause.fail("a text"),
      Cause.fail({ _tag: "A", n: 1 }),
      Cause.die(new Error("first line\nsecond line")),
      Cause.fail(new Tagged({ n: 1 })),
      Cause.die(undefined),
      Cause.sequential(Cause.fail(new TypeError("one")), Cause.die("two")),
      Cause.interrupt(Fiber.id(Effect.runFork(Effect.void)))
    ]
    for (const cause of causes) expect(printCause(cause, 100_000).split("\n")).toEqual(lines(Cause.pretty(cause)))
  })

  it("of very many errors the first are printed, and the others counted", () => {
    let cause: Cause.Cause<string> = Cause.empty
    for (let i = 0; i < 100_000; i++) cause = Cause.sequential(cause, Cause.fail(`no ${i}`))
    expect(printCause(cause)).toContain("Error: no 9\n(and 99990 more)")
  })

  it("a schema's message that throws is not needed", () => {
    const schema = Schema.String.annotations({ message: fail })
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(schema)(1)))
    expect(printParseError(error)).toContain("threw")
  })
})

describe("running", () => {
  it("what code throws is a text", () => {
    expect(attempt(() => 1)).toEqual(Either.right(1))
    expect(attempt(fail)).toEqual(Either.left("planted"))
  })

  it("a step that throws is told of, also where telling throws", () => {
    const told: Array<string> = []
    contain("a step", fail, (what, trouble) => void told.push(`${what}: ${trouble}`))
    contain("a step", fail, fail)
    expect(told).toEqual(["a step: planted"])
  })

  it("an effect that does not wait has its exit at once, one that waits has none", () => {
    expect(exitNow(() => Effect.succeed(1))).toEqual(Option.some(Exit.succeed(1)))
    expect(exitNow(() => Either.left("no") as Effect.Effect<never, string>)).toEqual(Option.some(Exit.fail("no")))
    expect(exitNow(() => Effect.sync(() => 2))).toEqual(Option.some(Exit.succeed(2)))
    expect(exitNow(fail)).toMatchObject({ value: { _tag: "Failure" } })
    expect(exitNow(() => Effect.never)).toEqual(Option.none())
    expect(exitNow(() => Effect.forever(Effect.yieldNow()))).toEqual(Option.none())
  })

  it.effect("a fiber's end is told though its logger throws, and though its cause cannot be printed", () =>
    Effect.gen(function*() {
      const runtime = yield* Effect.runtime()
      for (const code of [Effect.fail("planted"), Effect.die(unprintable["a record with a bigint"]!()), Effect.void]) {
        const exits: Array<Exit.Exit<void, string>> = []
        forkUser(runtime, code as Effect.Effect<void, string>, "test", (exit) => void exits.push(exit))
        yield* TestClock.adjust(1)
        expect(exits.length).toBe(1)
      }
      forkUser(runtime, Effect.void, "test", fail)
      yield* TestClock.adjust(1)
    }).pipe(Logger.withMinimumLogLevel(LogLevel.Debug), Effect.provide(broken)))

  it.effect("a runtime that cannot fork is an exit, too", () =>
    Effect.gen(function*() {
      const runtime = yield* Effect.runtime()
      const exits: Array<unknown> = []
      const none = forkUser(runtime, Effect.void, "test", (exit) => void exits.push(exit), { updateRefs: fail })
      expect(none).toBe(undefined)
      expect(exits).toMatchObject([{ _tag: "Failure" }])
    }))
})

describe("logging", () => {
  it.effect("a logger that throws stops nobody", () => logWarning("lost").pipe(Effect.provide(broken)))

  it.effect("one logger that throws leaves the others their lines, and fibers their ends", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const loggers = Logger.add(Logger.make(({ message }) => void lines.push(message)))
      const told = yield* withHarmlessLoggers(Effect.gen(function*() {
        yield* Effect.logInfo("one")
        const fiber = yield* Effect.forkDaemon(Effect.zipRight(Effect.yieldNow(), Effect.fail("planted")))
        return yield* Fiber.await(fiber)
      })).pipe(Effect.provide(loggers), Effect.provide(broken), Logger.withMinimumLogLevel(LogLevel.Debug))
      expect(told).toEqual(Exit.fail("planted"))
      expect(lines.flat()).toContain("one")
    }))
})
