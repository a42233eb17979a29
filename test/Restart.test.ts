import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Schedule, TestClock } from "effect"
import { Child, GroupRegistry, Pogo, Restart } from "effect-pogo"

describe("policies", () => {
  it("have a type, a schedule, and a minute of health", () => {
    const schedule = Schedule.recurs(3)
    expect(Restart.permanent(schedule)).toEqual({ type: "permanent", schedule, resetAfter: Duration.minutes(1) })
    expect(Restart.transient(schedule)).toEqual({ type: "transient", schedule, resetAfter: Duration.minutes(1) })
    expect(Restart.permanent().schedule).toBe(Restart.defaultSchedule)
    expect(Restart.transient().schedule).toBe(Restart.defaultSchedule)
    expect(Restart.temporary.type).toBe("temporary")
  })

  it("forget restarts after any time, or never", () => {
    const resetAfter = (given: Restart.Options["resetAfter"]) =>
      Restart.permanent(undefined, { resetAfter: given }).resetAfter
    expect(resetAfter("5 seconds")).toEqual(Duration.seconds(5))
    expect(resetAfter(250)).toEqual(Duration.millis(250))
    expect(resetAfter("infinity")).toEqual(Duration.infinity)
    expect(resetAfter(undefined)).toEqual(Duration.minutes(1))
  })
})

/** Runs one child of a kind that ends its first runs as it is told, after a while; then it stays. */
const run = (
  restart: Restart.Restart,
  ends: ReadonlyArray<Exit.Exit<void, string>>,
  lasts: Duration.DurationInput = 0
) =>
  Effect.gen(function*() {
    const starts: Array<number> = []
    const Kind = Child.make("Kind", { payload: {} })
    const live = Kind.toLayer(() =>
      Effect.gen(function*() {
        const clock = yield* Effect.clock
        const end = ends[starts.length]
        starts.push(clock.unsafeCurrentTimeMillis())
        yield* end === undefined ? Effect.never : Effect.sleep(lasts)
        return yield* end ?? Effect.never
      }), { restart })
    const begin = yield* Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())
    const registry = yield* GroupRegistry.makeMemory()
    const pogo = yield* Effect.provideService(Pogo.make(), GroupRegistry.GroupRegistry, registry)
    yield* Effect.forkScoped(Effect.provideService(Effect.scoped(Effect.provide(Effect.never, live)), Pogo.Pogo, pogo))
    yield* pogo.startChild(Kind.spec("x", {}))
    yield* TestClock.adjust(Duration.times(Duration.sum("8 seconds", lasts), ends.length))
    const rows = yield* pogo.whichChildren("global")
    return { starts: starts.map((at) => at - begin), status: rows[0]?.status._tag, restarts: rows[0]?.restarts }
  })

const crash = Exit.fail("crash")
const end = Exit.void

describe("a child", () => {
  it.scoped("that is permanent is restarted however it ended", () =>
    Effect.gen(function*() {
      const { starts, status } = yield* run(Restart.permanent(Schedule.spaced("1 second")), [crash, end, Exit.die("x")])
      expect(starts.map((at) => Math.floor(at / 1_000))).toEqual([0, 1, 2, 3])
      expect(status).toBe("Running")
    }))

  it.scoped("that is transient is restarted until it ends well", () =>
    Effect.gen(function*() {
      const { starts, status } = yield* run(Restart.transient(Schedule.spaced("1 second")), [crash, crash, end])
      expect(starts.length).toBe(3)
      expect(status).toBeUndefined()
    }))

  it.scoped("that is temporary is never restarted", () =>
    Effect.gen(function*() {
      const { starts, status } = yield* run(Restart.temporary, [crash])
      expect(starts.length).toBe(1)
      expect(status).toBeUndefined()
    }))

  it.scoped("is failed when its schedule is done", () =>
    Effect.gen(function*() {
      const { restarts, starts, status } = yield* run(Restart.permanent(Schedule.recurs(2)), [crash, crash, crash])
      expect(starts.length).toBe(3)
      expect([status, restarts]).toEqual(["Failed", 2])
    }))

  it.scoped("that was healthy for long enough begins its schedule anew", () =>
    Effect.gen(function*() {
      const crashes = [crash, crash, crash, crash]
      const policy = (resetAfter: Restart.Options["resetAfter"]) =>
        Restart.permanent(Schedule.exponential("1 second"), { resetAfter })
      const gaps = (starts: ReadonlyArray<number>) => starts.slice(1).map((at, i) => at - starts[i]!)
      const forgetful = yield* run(policy("20 seconds"), crashes, "20 seconds")
      expect(gaps(forgetful.starts)).toEqual([21_000, 21_000, 21_000, 21_000])
      const unforgiving = yield* run(policy("infinity"), crashes, "20 seconds")
      expect(gaps(unforgiving.starts)).toEqual([21_000, 22_000, 24_000, 28_000])
      expect(unforgiving.restarts).toBe(4)
    }))
})
