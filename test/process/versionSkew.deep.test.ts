/**
 * Calls between processes whose code has different versions of a protocol: every one ends, typed, and harms no other.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { Pogo } from "effect-pogo"
import { callScene, end } from "./support/callScene.js"
import { New, Old } from "./support/skewKinds.js"

/** A scope of its own, callers with both versions of the code in this process, and a way to start nodes. */
const scene = Effect.gen(function*() {
  const { pogo, start } = yield* callScene("skewApp.ts")
  const old = yield* Effect.provideService(Old.client, Pogo.Pogo, pogo)
  const fresh = yield* Effect.provideService(New.client, Pogo.Pogo, pogo)
  return { pogo, old, fresh, start: (name: string, code: "old" | "new") => start(name, { TEST_CODE: code }) }
})

interface Told {
  readonly _tag: string
  readonly mayHaveRun?: boolean
  readonly message?: string
}

/** How a call ended, in short. */
const told = <A, E extends Told>(call: Effect.Effect<A, E>): Effect.Effect<string> =>
  Effect.map(Effect.exit(call), (exit) => {
    if (Exit.isSuccess(exit)) return `= ${JSON.stringify(exit.value)}`
    if (exit.cause._tag !== "Fail") return `! ${Cause.pretty(exit.cause)}`
    const { _tag, mayHaveRun, message } = exit.cause.error
    const why = /has no rpc|cannot read the payload|cannot read its answer/.exec(message ?? "")?.[0] ?? ""
    return mayHaveRun === undefined ? _tag : `${_tag}, ${mayHaveRun ? "may have run" : "not run"}: ${why}`
  })

const missing = "ChildUnavailable, not run: has no rpc"
const unread = "ChildUnavailable, not run: cannot read the payload"
const unreadable = "ChildUnavailable, may have run: cannot read its answer"

describe.concurrent("a protocol that the other process has in another version", () => {
  it.scopedLive("a newer caller: each call ends typed, at once; what was on the connection stays", () =>
    Effect.gen(function*() {
      const { fresh, pogo, start } = yield* scene
      yield* start("a", "old")
      yield* pogo.startChild(New.spec("x", { from: 0 }))
      const x = fresh("x")
      expect(yield* x.add({ by: 1 })).toBe(1)
      const beside = yield* Effect.fork(x.wait({ millis: 1_500 }))
      const outcomes = yield* Effect.all({
        added: told(x.added()),
        greet: told(x.greet({ name: { first: "Ada", last: "L" } })),
        note: told(x.note({ text: "t", tag: "more" })),
        size: told(x.size()),
        refuse: told(x.refuse()),
        ban: told(x.ban()),
        ticks: told(Stream.runCollect(x.ticks()))
      }, { concurrency: "unbounded" }).pipe(Effect.timeout("1 second"))
      expect(outcomes).toEqual({
        added: missing,
        greet: unread,
        note: "= \"old t\"",
        size: unreadable,
        refuse: unreadable,
        // The one failure that both know is read as such.
        ban: "Refused",
        ticks: unreadable
      })
      expect(yield* beside).toBe("waited")
      expect(yield* x.add({ by: 1 })).toBe(2)
    }))

  it.scopedLive("an older caller: the same", () =>
    Effect.gen(function*() {
      const { old, pogo, start } = yield* scene
      yield* start("a", "new")
      yield* pogo.startChild(Old.spec("x", { from: 0 }))
      const x = old("x")
      expect(yield* x.add({ by: 1 })).toBe(1)
      const beside = yield* Effect.fork(x.wait({ millis: 1_500 }))
      const outcomes = yield* Effect.all({
        removed: told(x.removed()),
        greet: told(x.greet({ name: "Ada" })),
        note: told(x.note({ text: "t" })),
        size: told(x.size()),
        refuse: told(x.refuse()),
        ban: told(x.ban()),
        ticks: told(Stream.runCollect(x.ticks()))
      }, { concurrency: "unbounded" }).pipe(Effect.timeout("1 second"))
      expect(outcomes).toEqual({
        removed: missing,
        greet: unread,
        note: "= \"new t -\"",
        size: unreadable,
        refuse: unreadable,
        ban: unreadable,
        ticks: unreadable
      })
      expect(yield* beside).toBe("waited")
      expect(yield* x.add({ by: 1 })).toBe(2)
    }))

  it.scopedLive("during a rolling replacement: each call is answered by its own version, or fails typed, in time", () =>
    Effect.gen(function*() {
      const { fresh, old, pogo, start } = yield* scene
      const nodes = [yield* start("a", "old"), yield* start("b", "old")] as const
      const keys = Array.from({ length: 6 }, (_, i) => `k${i}`)
      yield* pogo.startChildren(keys.map((key) => Old.spec(key, { from: 0 })))
      const tally = new Map<string, number>()
      let slowest = 0
      let over = false
      const note = (what: string, call: Effect.Effect<string>) =>
        Effect.map(Effect.timed(Effect.timeout(call, "20 seconds")), ([duration, outcome]) => {
          slowest = Math.max(slowest, Duration.toMillis(duration))
          const line = `${what} ${outcome.replace(/\d+$/, "n")}`
          tally.set(line, (tally.get(line) ?? 0) + 1)
        })
      const calling = (key: string) =>
        Effect.gen(function*() {
          yield* note("both: add", told(old(key, { timeout: "10 seconds" }).add({ by: 1 })))
          yield* note("old: removed", told(old(key, { timeout: "10 seconds" }).removed()))
          yield* note("old: size", told(old(key, { timeout: "10 seconds" }).size()))
          yield* note("new: added", told(fresh(key, { timeout: "10 seconds" }).added()))
          yield* note("new: size", told(fresh(key, { timeout: "10 seconds" }).size()))
          yield* note("new: ticks", told(Stream.runCollect(fresh(key, { timeout: "10 seconds" }).ticks())))
          yield* Effect.sleep("20 millis")
        }).pipe(Effect.repeat({ until: () => over }))
      const callers = yield* Effect.forkAll(keys.map(calling))
      yield* Effect.sleep("500 millis")
      for (const [i, name] of ["a", "b"].entries()) {
        yield* end(nodes[i]!, "SIGTERM")
        yield* start(name, "new")
        yield* Effect.sleep("1 second")
      }
      over = true
      yield* Effect.timeout(Fiber.join(callers), "30 seconds")
      const moved = /^(ChildUnavailable, may have run: |ChildMoved|NodeUnreachable, (may have|not) run: )$/
      const fits: Record<string, RegExp> = {
        "both: add": /^= n$/,
        "old: removed": /^(= "still here"|ChildUnavailable, not run: has no rpc)$/,
        "old: size": /^(= n|ChildUnavailable, may have run: cannot read its answer)$/,
        "new: added": /^(= "new"|ChildUnavailable, not run: has no rpc)$/,
        "new: size": /^(= \{"items":3\}|ChildUnavailable, may have run: cannot read its answer)$/,
        "new: ticks": /^(= .*"n":1.*"n":2.*"n":3.*|ChildUnavailable, may have run: cannot read its answer)$/
      }
      for (const line of tally.keys()) {
        const [who = "", what = "", ...rest] = line.split(" ")
        const outcome = rest.join(" ")
        expect(moved.test(outcome) || fits[`${who} ${what}`]?.test(outcome), line).toBe(true)
      }
      // Both versions have answered, and been missed.
      for (
        const line of [
          "old: removed = \"still here\"",
          `old: removed ${missing}`,
          "new: added = \"new\"",
          `new: added ${missing}`
        ]
      ) {
        expect(tally.get(line), line).toBeGreaterThan(0)
      }
      for (const key of keys) expect(yield* fresh(key).added()).toBe("new")
      const sum = Array.from(tally.values()).reduce((a, b) => a + b, 0)
      process.stdout.write(
        `${sum} calls of two versions while both nodes were replaced: all typed, the slowest ${slowest.toFixed(0)} ms\n`
      )
    }))
})
